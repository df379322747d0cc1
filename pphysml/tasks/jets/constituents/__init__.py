"""Constituents of jets: whose they are, in which order, and what networks take of them."""
