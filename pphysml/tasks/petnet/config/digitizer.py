"""Options of the digitizer, which makes singles of hits."""

from __future__ import annotations

from typing import Literal

from ....config import Config, option
from .quantities import Picoseconds

Level = Literal["rsector", "module", "submodule", "crystal", "layer"]


class DigitizerConfig(Config):
    """Hits to singles as GATE 9 does: adder, readout, energy, time, dead time; the energy window comes last, as for singles."""

    readout: Literal["none", "rsector", "module", "submodule", "crystal"] = option("none", "Volume with one readout: what one event leaves in it is one single; none reads out every volume with hits.")
    readout_policy: Literal["winner", "centroid"] = option("winner", "Crystal of a single: the one with most energy, or the one at the mean of the crystals' numbers weighted by energy, which needs a readout of submodules and the scanner.")
    energy_resolution: float = option(0.0, "FWHM at the reference energy as a fraction of it; falls with the square root of the energy.", ge=0, lt=2)
    reference_energy: float = option(511.0, "Energy of that resolution.", "keV", gt=0)
    time_resolution: Picoseconds = option(0.0, "FWHM of a single's time; that of a coincidence is larger by the square root of two.", "ps", ge=0)
    dead_time: float = option(0.0, "Time after a single in which a volume takes no other.", "ns", ge=0)
    dead_time_volume: Level = option("rsector", "Volume that is dead.")
    paralysable: bool = option(False, "Whether singles that are lost prolong the dead time.")
    seed: int = option(1, "Seed of the resolutions.", ge=0)
