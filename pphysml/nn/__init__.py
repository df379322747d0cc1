"""Layers and losses that several tasks share."""
