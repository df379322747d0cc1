"""Simulated showers."""
