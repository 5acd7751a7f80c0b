"""The jobs: each file reads like the list of steps that it does."""
