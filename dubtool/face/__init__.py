"""Faces as geometry and pixels: pose, mouth shapes, crops, deformation, masks and blending."""
