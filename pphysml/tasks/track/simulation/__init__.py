"""Particles through a phantom into a calorimeter."""
