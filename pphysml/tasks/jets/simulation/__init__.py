"""Simulated jets of quarks, gluons and boosted resonances."""
