"""Engines without a network."""
