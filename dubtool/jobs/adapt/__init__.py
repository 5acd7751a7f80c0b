"""`adapt`: teach the painter one person."""
