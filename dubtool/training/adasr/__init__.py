"""The landmark-driven AdaSR."""
