"""Spiking networks on lists of events."""
