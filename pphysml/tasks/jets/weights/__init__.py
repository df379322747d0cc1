"""Weights of `jets` that ship with the package."""
