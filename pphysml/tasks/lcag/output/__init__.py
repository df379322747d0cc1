"""Reconstruction to columns of ROOT."""
