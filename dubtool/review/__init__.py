"""Dubs to be looked at: a page to go through them frame by frame, and plots."""
