"""Photon coincidences in the singles of a PET scanner."""
