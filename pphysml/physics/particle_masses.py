"""Masses and charges of particles by name, from the tables of the Particle Data Group."""

from __future__ import annotations

import math
from contextlib import suppress
from functools import cache

from particle import InvalidParticle, Particle, ParticleNotFound
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
    if particle.mass is None:
        raise ConfigError(f"The mass of the particle {name!r} is not known; give a number in GeV.")
    return float(particle.mass) * MEV


@cache
def particle_charge(name: str) -> float:
    """Return the charge of a particle in units of the proton's; see `particle_mass`.

    Raises:
        ConfigError: an unknown name (the nearest are given), or a charge that is not known.
    """
    charge = _find(name).charge
    if charge is None:
        raise ConfigError(f"The charge of the particle {name!r} is not known; give its mass in GeV.")
    return float(charge)


@cache
def particle_number(name: str) -> int:
    """Return the number that the PDG gives a particle; antiparticles have negative ones. See `particle_mass`.

    Raises:
        ConfigError: an unknown name (the nearest are given).
    """
    return int(_find(name).pdgid)


@cache
def mass_of_number(number: int) -> float:
    """Return the mass in GeV of a particle by its PDG number; NaN if there is none, or its mass is not known."""
    try:
        mass = Particle.from_pdgid(number).mass
    except (ParticleNotFound, InvalidParticle):
        return math.nan
    return math.nan if mass is None else float(mass) * MEV


def _find(name: str) -> Particle:
    for find in (Particle.from_name, Particle.from_evtgen_name):
        with suppress(MatchingIDNotFound, ParticleNotFound):
            return find(name)
    known = _names()
    hint = did_you_mean(name, known) if nearest(name, known) else " Names are those of the PDG or of EvtGen."
    raise ConfigError(f"There is no particle {name!r}.{hint}")


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
