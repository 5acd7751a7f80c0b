"""HDTR-Net."""
