"""Comparison with the truth."""
