"""The sync judge on mouth shapes."""
