"""Listing the people of a film, and who of them speaks when."""
