"""Hits to singles: what GATE's digitizer does, up to the resolution in time."""

from __future__ import annotations

from math import log, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from ....errors import ConfigError
from ....io.hashing import GOLDEN, combined, mixed
from ....io.ragged import Array, Columns, concatenate, length, slice_rows, take
from ..config.digitizer import DigitizerConfig
from ..scanner.scanner import Scanner
from .pulses import add_hits, read_out

FWHM = 2.0 * sqrt(2.0 * log(2.0))
"""Full width at half maximum of a Gaussian of width 1."""

OF_EVENT = ("file", "part", "hit_file", "run", "event")
"""What hits of one event have in common."""


class Digitizer:
    """Makes singles of hits, independently of how many come at a time.

    Hits of one event must follow one another, as they do in GATE's files. Deposits of no energy make no
    single and lend none their time (GateDigitizerInitializationModule). The resolutions depend on the
    seed, the number of the part of the input (see `parts`), run, event and volume alone. Dead time needs the order of time; see `dead_time`.

    Args:
        scanner: needed for the policy `centroid` only.

    Raises:
        ConfigError: the policy `centroid` without a scanner or without a readout of submodules.
    """

    def __init__(self, config: DigitizerConfig, scanner: Scanner | None = None) -> None:
        centroid = config.readout_policy == "centroid"
        if centroid and config.readout != "submodule":
            raise ConfigError(f"readout_policy centroid needs the readout submodule, in which the crystals are numbered, not {config.readout}.")
        if centroid and scanner is None:
            raise ConfigError("readout_policy centroid needs to know the scanner; name it with --scanner.")
        self.config = config
        self.scanner = scanner if centroid else None
        self._held: Columns = {}

    def add(self, hits: Columns | None) -> Columns:
        """Take hits in the order of the file; return the singles of the events that are complete, by time.

        Args:
            hits: `edep` (MeV) `time` (s) `x` `y` `z` (mm), `run` and `event` if there are any, ids or
                `volume_key`, and optionally the columns in `pulses.FIRST` and `pulses.LARGEST`, and
                `photon_id`. None at the end.

        Raises:
            InputError: volumes are not told apart.
        """
        known = concatenate([part for part in (self._held, hits or {}) if part])
        n = length(known)
        edges = _edges(known)
        complete = n if hits is None else int(edges[-1]) if len(edges) else 0
        self._held = slice_rows(known, complete, n)
        return self._singles(slice_rows(known, 0, complete)) if complete else {}

    def _singles(self, hits: Columns) -> Columns:
        hits = take(hits, np.asarray(hits["edep"]) > 0)
        pulses, events = add_hits(hits, np.append(_edges(hits), length(hits)))
        if self.config.readout != "none":
            pulses = read_out(pulses, events, self.config.readout, self.scanner)
        return self._blurred(pulses)

    def _blurred(self, pulses: Columns) -> Columns:
        config = self.config
        volume = np.asarray(pulses.pop("volume")).view(np.int64)
        # Jobs merged into one file are blurred as those in files of their own.
        ids = [np.asarray(pulses[name]) for name in OF_EVENT if name in pulses and (name != "file" or "part" not in pulses)]
        first, second = _gaussians(combined(np.full(len(volume), config.seed), *ids, volume))
        energy, time = np.asarray(pulses["energy"]), np.asarray(pulses["time"])
        width = config.energy_resolution * np.sqrt(1e-3 * config.reference_energy * energy) / FWHM
        pulses["energy"] = (energy + width * first).astype(np.float32)
        pulses["time"] = time + 1e-12 * config.time_resolution / FWHM * second
        return take(pulses, np.argsort(np.asarray(pulses["time"]), kind="stable"))


def _edges(rows: Columns) -> NDArray[np.int64]:
    """Return where events begin, (E,)."""
    new = np.zeros(length(rows), dtype=bool)
    new[:1] = True
    for name in OF_EVENT:
        if name in rows:
            values = np.asarray(rows[name])
            new[1:] |= values[1:] != values[:-1]
    return np.flatnonzero(new)


def _gaussians(state: NDArray[np.uint64]) -> tuple[Array, Array]:
    """Return two independent normal numbers for each state (G. E. P. Box and M. E. Muller, 1958)."""
    # Half a step off, so that the argument of the logarithm is never zero.
    uniform = [((mixed(s) >> np.uint64(11)) + 0.5) * 2.0**-53 for s in (state + GOLDEN, state + GOLDEN + GOLDEN)]
    radius, angle = np.sqrt(-2.0 * np.log(uniform[0])), 2.0 * pi * uniform[1]
    return radius * np.cos(angle), radius * np.sin(angle)
