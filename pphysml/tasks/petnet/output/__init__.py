"""Pairs to columns of ROOT."""
