"""Pairs of singles, and how they are taken."""
