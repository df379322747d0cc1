"""How often particles meet nuclei of a material, and how they leave, as constants of the simulation."""

from __future__ import annotations

from typing import NamedTuple

from ....physics.materials import MATERIALS, MaterialName

WATER_COLLISIONS = 0.88e-3
"""Inelastic nuclear interactions of a fast proton per mm of water; 1.0e-3 for the 304 mb of oxygen in ICRU report 63."""

HYDROGEN_COLLISIONS = 1.54e-4
"""Collisions of a fast proton with hydrogen per mm of water: 23 mb."""

ABSORBER_COLLISIONS = 1.25e-3
"""Inelastic interactions per mm water-equivalent thickness of aluminium: 440 mb, relative stopping power 2.12."""

LIGHT = 20.0
"""Mass number below which nuclei are like those of oxygen, else like those of aluminium, where rates and elastic scatters were compared with Geant4."""


class Nuclei(NamedTuple):
    """Constants of a material.

    Attributes:
        collisions, hydrogen: inelastic nuclear interactions, and collisions with hydrogen, of a fast
            proton per mm water-equivalent path.
        elastic: elastic scatters per inelastic interaction.
        escape: probability that a nucleon leaves the nucleus without another collision.
        slope: of elastic scattering in the squared momentum transfer, MeV^-2.
        transfer: momentum transfer above which the size of the nucleus ends Rutherford's law, MeV.
        single: scale of single scattering, MeV.
    """

    collisions: float
    hydrogen: float
    elastic: float
    escape: float
    slope: float
    transfer: float
    single: float


WATER = Nuclei(WATER_COLLISIONS, HYDROGEN_COLLISIONS, elastic=0.45, escape=0.6, slope=1.0e-4, transfer=50.0, single=5.0)
"""Of the phantom."""

ABSORBER = Nuclei(ABSORBER_COLLISIONS, 0.0, elastic=1.3, escape=0.42, slope=1.0e-4, transfer=50.0, single=5.0)
"""Where the material is not named, which is aluminium then; elastic scatters make up for tails of multiple scattering, too."""


def nuclei_of(name: MaterialName | None) -> Nuclei:
    """Return the constants of a material, `ABSORBER` where it has no name.

    Rates go as 1 / (nuclear interaction length) of the Review of Particle Physics, from water's in light
    nuclei, from aluminium's in heavier ones, and as the mass of hydrogen. The slope of elastic scattering is
    14.5 A^(2/3) GeV^-2, Rutherford's law ends at 140 MeV / A^(1/3), and from nuclei heavier than aluminium
    fewer nucleons escape, as 1 / A^(1/3).
    """
    if name is None:
        return ABSORBER
    if name == "water":
        return WATER
    material, water, aluminium = MATERIALS[name], MATERIALS["water"], MATERIALS["aluminium"]
    mass, wet = material.nucleus, material.relative_stopping_power
    if mass < LIGHT:
        like, collisions = WATER, WATER_COLLISIONS * material.interactions / water.interactions / wet
    else:
        measured = ABSORBER_COLLISIONS * aluminium.relative_stopping_power / aluminium.interactions
        like, collisions = ABSORBER, measured * material.interactions / wet
    return Nuclei(
        collisions=collisions,
        hydrogen=HYDROGEN_COLLISIONS * material.hydrogen_density / water.hydrogen_density / wet,
        elastic=like.elastic,
        escape=like.escape * min((aluminium.nucleus / mass) ** (1 / 3), 1.0) if like is ABSORBER else like.escape,
        slope=14.5e-6 * mass ** (2 / 3),
        transfer=140.0 / mass ** (1 / 3),
        single=material.single_scale,
    )
