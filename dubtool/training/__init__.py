"""Training: preparation of data, losses, stages. Needs the extra `train`."""
