"""Faces: finding and tracking them, crop geometry, mouth shapes, masks and blending."""
