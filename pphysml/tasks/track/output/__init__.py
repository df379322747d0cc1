"""Tracks to columns of ROOT."""
