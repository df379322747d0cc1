"""Particle-physics reconstruction with neural networks, from ROOT files to ROOT files."""

__version__ = "0.9.0"
