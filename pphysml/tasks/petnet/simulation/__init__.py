"""Simulated singles of a PET scanner."""
