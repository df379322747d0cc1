"""Comparison with the truth: metrics and plots."""
