"""Simulated decays."""
