"""The parts of `evaluate`: one file per test, and what they share."""
