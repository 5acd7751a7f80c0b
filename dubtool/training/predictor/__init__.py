"""The predictor: speech to mouth shapes."""
