"""Weights of `lcag` that ship with the package."""
