"""Materials of detectors: density, radiation length, stopping power relative to water, nuclei."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

MaterialName = Literal["air", "water", "polyethylene", "pmma", "polycarbonate", "graphite", "aluminium", "silicon", "tungsten"]

PROTON_MASS, ELECTRON_MASS = 938.272, 0.510999
"""MeV."""

BETHE, SINGLE_CROSS_SECTION = 0.307075, 0.157
"""Of the stopping power, MeV cm2/g, and of single scattering, MeV^2 cm2/g, in front of Z / A and Z (Z + 1) / A."""

REFERENCE_ENERGY = 125.0
"""Energy of the protons at which stopping powers are compared, MeV: about that of the mean of a range of 200 MeV."""


class Element(NamedTuple):
    """Charge and mass number, and nuclear interaction length at high energy, g/cm2 (Review of Particle Physics)."""

    charge: float
    mass: float
    interaction_length: float


HYDROGEN = Element(1, 1.008, 52.0)
CARBON = Element(6, 12.011, 85.8)
NITROGEN = Element(7, 14.007, 89.7)
OXYGEN = Element(8, 15.999, 90.2)
ALUMINIUM = Element(13, 26.982, 107.2)
SILICON = Element(14, 28.085, 108.4)
ARGON = Element(18, 39.948, 119.7)
TUNGSTEN = Element(74, 183.84, 191.9)


@dataclass(frozen=True)
class Material:
    """A homogeneous material.

    Attributes:
        density: g/cm3.
        radiation_density: radiation length times density, g/cm2 (Review of Particle Physics).
        excitation: mean excitation energy, eV (ICRU report 49, the tables of PSTAR).
        parts: elements with their shares of the mass.
    """

    density: float
    radiation_density: float
    excitation: float
    parts: tuple[tuple[Element, float], ...]

    @property
    def radiation_length(self) -> float:
        """Radiation length, mm."""
        return 10.0 * self.radiation_density / self.density

    @property
    def relative_stopping_power(self) -> float:
        """Stopping power for protons of `REFERENCE_ENERGY` over that of water, which is also its water-equivalent thickness in mm per mm."""
        return self.stopping_power(REFERENCE_ENERGY) / MATERIALS["water"].stopping_power(REFERENCE_ENERGY)

    def stopping_power(self, energy: float) -> float:
        r"""Return the mean energy loss of a proton, MeV/mm, without corrections for shells and density.

        :math:`0.3071\,\frac{\mathrm{MeV\,cm^2}}{\mathrm g} \rho \frac{Z}{A} \frac{1}{\beta^2}
        (\ln\frac{2 m_e \beta^2 \gamma^2}{I} - \beta^2)` (H. Bethe, Ann. Phys. 397 (1930) 325, as in
        the Review of Particle Physics).

        Args:
            energy: kinetic, MeV.
        """
        gamma = 1.0 + energy / PROTON_MASS
        beta2 = 1.0 - 1.0 / gamma**2
        electrons = sum(share * element.charge / element.mass for element, share in self.parts)
        logarithm = math.log(2.0 * ELECTRON_MASS * beta2 * gamma**2 / (self.excitation * 1e-6))
        return 0.1 * BETHE * self.density * electrons / beta2 * (logarithm - beta2)

    @property
    def single_scale(self) -> float:
        """Scale of single scattering, MeV: square root of 0.157 Z (Z + 1) / A times the radiation length."""
        charges = sum(share * element.charge * (element.charge + 1.0) / element.mass for element, share in self.parts)
        return math.sqrt(SINGLE_CROSS_SECTION * charges * self.radiation_density)

    @property
    def hydrogen_density(self) -> float:
        """Mass of hydrogen, g/cm3."""
        return self.density * sum(share for element, share in self.parts if element is HYDROGEN)

    @property
    def interactions(self) -> float:
        """Inelastic interactions of a fast hadron with nuclei heavier than hydrogen, per mm."""
        return 0.1 * self.density * sum(share / element.interaction_length for element, share in self.parts if element is not HYDROGEN)

    @property
    def nucleus(self) -> float:
        """Mass number of the nuclei heavier than hydrogen, in the mean over these interactions."""
        rates = [(element.mass, share / element.interaction_length) for element, share in self.parts if element is not HYDROGEN]
        return sum(mass * rate for mass, rate in rates) / sum(rate for _, rate in rates)


MATERIALS: dict[MaterialName, Material] = {
    "air": Material(1.2048e-3, 36.62, 85.7, ((NITROGEN, 0.7553), (OXYGEN, 0.2319), (ARGON, 0.0128))),
    "water": Material(1.0, 36.08, 75.0, ((HYDROGEN, 0.1119), (OXYGEN, 0.8881))),
    "polyethylene": Material(0.94, 44.77, 57.4, ((HYDROGEN, 0.1437), (CARBON, 0.8563))),
    "pmma": Material(1.19, 40.55, 74.0, ((HYDROGEN, 0.0805), (CARBON, 0.5999), (OXYGEN, 0.3196))),
    "polycarbonate": Material(1.20, 41.50, 73.1, ((HYDROGEN, 0.0555), (CARBON, 0.7558), (OXYGEN, 0.1888))),
    "graphite": Material(1.70, 42.70, 78.0, ((CARBON, 1.0),)),
    "aluminium": Material(2.699, 24.01, 166.0, ((ALUMINIUM, 1.0),)),
    "silicon": Material(2.329, 21.82, 173.0, ((SILICON, 1.0),)),
    "tungsten": Material(19.3, 6.76, 727.0, ((TUNGSTEN, 1.0),)),
}
"""By name; densities as in ICRU report 49."""
