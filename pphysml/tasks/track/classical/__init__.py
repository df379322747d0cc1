"""Engines without a network, and the tuning of their options."""
