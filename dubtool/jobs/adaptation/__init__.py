"""Adapting the default generator to one person: what is learned from, how it is measured, where it is kept."""
