"""Tracks of protons through a layered calorimeter."""
