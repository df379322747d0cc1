"""Decay trees from their leaves."""
