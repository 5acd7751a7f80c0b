"""Where a result comes from, told so that machines read it: marks of synthetic media, and signed manifests."""
