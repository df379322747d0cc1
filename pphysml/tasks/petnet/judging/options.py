"""What judging takes from the configuration, in the units of the columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Options:
    """What can be a coincidence, and how large the object is.

    Attributes:
        window: largest difference of the measured times of a pair, s: with what delays of crystals add.
        energy: smallest and largest energy of a single, MeV.
        background: sources whose decays are no signal, such as that of Lu-176.
        object_radius: mm; None to learn it from the targets.
    """

    window: float = math.inf
    energy: tuple[float, float] = (0.0, math.inf)
    background: tuple[int, ...] = ()
    object_radius: float | None = None


def options_of(config: Any) -> Options:
    """Return the options of a configuration, which has the window in ps and energies in keV."""
    window, energy = config.judging_window, config.energy_window
    return Options(
        1e-12 * float(window),
        (0.0, math.inf) if energy is None else (1e-3 * float(energy[0]), 1e-3 * float(energy[1])),
        tuple(int(source) for source in config.apply.background_sources),
        None if config.apply.judging.object_radius is None else float(config.apply.judging.object_radius),
    )
