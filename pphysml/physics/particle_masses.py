"""Masses of particles by name, from the tables of the Particle Data Group."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

from particle import Particle, ParticleNotFound
from particle.exceptions import MatchingIDNotFound

from ..errors import ConfigError, did_you_mean, nearest

MEV = 1e-3
"""The tables' unit, in GeV."""

FIRST_NUCLEUS = 10**9
"""Numbers of the PDG from here on are nuclei, but for the proton and the neutron."""


@cache
def particle_mass(name: str) -> float:
    """Return the mass in GeV of a particle, named as by the PDG (`K(S)0`) or by EvtGen (`K_S0`).

    Raises:
        ConfigError: an unknown name (the nearest are given), or a mass that is not known.
    """
    particle = _find(name)
    if particle is None:
        known = _names()
        hint = did_you_mean(name, known) if nearest(name, known) else " Names are those of the PDG or of EvtGen."
        raise ConfigError(f"There is no particle {name!r}.{hint}")
    if particle.mass is None:
        raise ConfigError(f"The mass of the particle {name!r} is not known; give a number in GeV.")
    return float(particle.mass) * MEV


def _find(name: str) -> Particle | None:
    try:
        return Particle.from_name(name)
    except ParticleNotFound:
        pass
    try:
        return Particle.from_evtgen_name(name)
    except (MatchingIDNotFound, ParticleNotFound):
        return None


@cache
def _names() -> list[str]:
    """Return the names of leptons, bosons and hadrons, in both spellings."""
    found: dict[str, None] = {}
    for particle in Particle.all():
        if abs(int(particle.pdgid)) < FIRST_NUCLEUS and particle.name[0].isalpha():
            found[particle.name] = None
            with suppress(MatchingIDNotFound):
                found[particle.evtgen_name] = None
    return list(found)
