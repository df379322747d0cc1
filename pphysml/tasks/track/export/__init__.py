"""Frames for other programs."""
