"""DINet."""
