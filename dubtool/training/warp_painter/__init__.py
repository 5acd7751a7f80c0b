"""The painter over deformed references."""
