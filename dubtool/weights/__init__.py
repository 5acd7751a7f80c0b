"""Weights files: which there are, where they lie, and whether they are what they should be."""

from __future__ import annotations

from dubtool.weights.locate import find
from dubtool.weights.registry import Entry

__all__ = ["Entry", "find"]
