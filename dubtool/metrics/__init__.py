"""Measures of a dub: what papers report, and what we hold ourselves to."""
