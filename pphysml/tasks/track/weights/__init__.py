"""Weights of `track` that ship with the package."""
