"""The jobs, a folder each; `shared` holds what several of them use."""
