"""Weights that are shipped."""
