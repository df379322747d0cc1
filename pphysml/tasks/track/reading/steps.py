"""Rows of simulated steps to frames, chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....errors import ConfigError, FileName, InputError
from ....io.carry import Carry
from ....io.problems import of_first_file, refuse
from ....io.ragged import Array, Columns, concatenate, length, ragged, slice_rows, take
from ....io.schema import kept_branch
from .beams import Beams
from .cluster_kernel import Pitch
from .clusters import merge_deposits
from .events import Events
from .examples import finished, usual
from .frames import Framing
from .hits import merge_steps
from .layer_ids import NAMES, LayerIds
from .layers import Layers, learn_layers

LEARNING = 20_000
"""Rows at the start of the input from which layers are learnt."""

USED = ("file", "entry", "run", "event", "x", "y", "z", "edep", "time", "spot_x", "spot_y", "track_id", "parent_id", "pdg",
        "spot_tx", "spot_ty", "rotation_angle", "stop_depth", "phantom", "beam_energy", "beam_pdg")

OF_PROTONS = ("file", "entry", "run", "event", "spot_x", "spot_y", "spot_given", "spot_tx", "spot_ty", "rotation_angle", "phantom",
              "beam_energy", "beam_pdg")
"""Columns that have one value for all steps of a proton."""

BEAM_BIN = 0.005
"""Relative difference of the beam's energies that one frame may hold."""

FOR_LAYERS = (*NAMES, "volume_id", "local_z")
"""Columns that are not needed any more when a row's layer is known."""


@dataclass(frozen=True)
class FrameRules:
    """How frames are made.

    Attributes:
        layers: those of a given geometry, or None to learn them.
        beams: where the beam is known from.
        sizes, frame_time, keep_last: of `Framing`.
        min_cluster_size: fewest pixels of a hit.
        clusters: whether hits are clusters of all particles of the frame, or of one particle each.
    """

    layers: Layers | None
    beams: Beams
    sizes: Sequence[int]
    frame_time: float | None = None
    keep_last: bool = True
    min_cluster_size: int = 2
    clusters: bool = True


class StepFrames(Carry):
    """Makes frames of steps; what it returns does not depend on how many rows come at a time."""

    def __init__(self, rules: FrameRules) -> None:
        self.rules = rules
        self.layers = rules.layers
        self._ids: LayerIds | None = None
        self._early: list[Columns] = []
        self._n_rows = 0
        self._largest = (0.0, 0)
        self._events = Events()
        self._n_with_hits = self._n_deposits = self._n_clusters = 0
        self._framing = Framing(rules.sizes, rules.frame_time, rules.keep_last)

    def add(self, rows: Columns | None) -> Columns:
        """Take rows in the order of the file, or None at the end, and return the frames that are complete.

        Raises:
            InputError: rows that cannot be used; names file, entry and branch.
            ConfigError: --keep, which makes no sense for steps.
        """
        last = rows is None
        if rows is not None:
            with of_first_file(rows):
                self._early.append(self._prepared(rows))
            self._n_rows += length(rows)
        if self.layers is None and not last and sum(map(length, self._early)) < LEARNING:
            return {}
        if not any(map(length, self._early)) and not last:
            return {}
        ready, self._early = concatenate(self._early), []
        if self.layers is None and length(ready):
            self._learn(ready)
        frames = self._framing.add(self._protons(self._placed(ready), last), last)
        if frames and self.layers and self.rules.clusters:
            frames = self._clustered(frames, self.layers)
        if last:
            self._refuse_nothing()
        return finished(frames, self.layers, self.rules.beams) if frames and self.layers else {}

    def _clustered(self, frames: Columns, layers: Layers) -> Columns:
        found = merge_deposits(frames, layers.thickness, Pitch(*layers.pixel), self.rules.min_cluster_size)
        self._n_deposits += len(ragged(frames, "layer").flat)
        self._n_clusters += len(ragged(found, "layer").flat)
        return found

    def facts(self) -> dict[str, Any]:
        """Return what was taken for the input, for a person."""
        return {} if self.layers is None else {**self.layers.facts(), **self._hits_made(self.layers), **self.rules.beams.facts()}

    def warnings(self, named: FileName) -> list[str]:
        """Return what to warn of."""
        return list(self.rules.beams.warnings())

    def _hits_made(self, layers: Layers) -> dict[str, Any]:
        if not self.rules.clusters:
            return {"hits": "what one particle leaves in one layer"}
        x, y = (1e3 * pitch for pitch in layers.pixel)
        assumed = ", which are assumed" if layers.geometry is None else ""
        return {"hits": f"{self._n_clusters} clusters of {self._n_deposits} deposits, in pixels of {x:g} x {y:g} um{assumed}"}

    def _prepared(self, rows: Columns) -> Columns:
        kept = [kept_branch(name) for name in rows if name.startswith("keep:")]
        if kept:
            raise ConfigError(f"--keep {kept[0]}: entries of this file are steps, of which many make one frame; "
                              "join by `file` and `hit_entry` of the output instead.")
        if self.rules.frame_time is None and "event" not in rows:
            raise InputError("is not there, so that particles cannot be counted; name it with --map event=BRANCH, "
                             "or make frames by readout time with --frame-time", branch="event")
        if self.rules.frame_time is not None and "time" not in rows:
            raise InputError("is not there, but --frame-time needs it; name it with --map time=BRANCH", branch="time")
        n = len(rows["x"])
        return {**usual(rows, n), **{name: column for name, column in rows.items() if name in (*USED, *FOR_LAYERS)}}

    def _learn(self, rows: Columns) -> None:
        first = slice_rows(rows, 0, LEARNING)
        local = first.get("local_z")
        with of_first_file(rows):
            self.layers = learn_layers(np.asarray(first["z"]), None if local is None else np.asarray(local))
        self._ids = LayerIds(first)

    def _placed(self, rows: Columns) -> Columns:
        """Return rows with their layer, in the place of what it is learnt from."""
        layers = self.layers
        if layers is None or not rows:
            return {}
        z = np.asarray(rows["z"])
        layer = layers.number(z)
        known = "of the geometry" if self.rules.layers else f"learnt from the first {LEARNING} rows"

        def reason(row: int) -> str:
            nearest = int(layers.nearest(z[row]))
            return (f"z = {z[row]:.6g} mm lies in none of the layers {known}; the nearest is layer {nearest} at "
                    f"{layers.z[nearest]:.6g} mm: give another --geometry")

        refuse(rows, layer < 0, "z", reason)
        if self._ids is not None:
            self._ids.check(rows, layer)
        return {"layer": layer, **{name: column for name, column in rows.items() if name not in FOR_LAYERS}}

    def _protons(self, rows: Columns, last: bool) -> Columns:
        """Return the protons that are complete and have hits, one row each."""
        rows, proton = self._events.add(rows, last)
        if not length(rows) or self.layers is None:
            return {}
        most = int(np.argmax(np.asarray(rows["edep"])))
        self._largest = max(self._largest, (float(np.asarray(rows["edep"])[most]), int(np.asarray(rows["file"])[most])))
        smallest = 0 if self.rules.clusters else self.rules.min_cluster_size
        hits = merge_steps(rows, proton, np.asarray(rows["layer"]), self.layers.thickness, smallest)
        starts = np.flatnonzero(np.diff(proton, prepend=-1))
        protons: Columns = {**{name: np.asarray(rows[name])[starts] for name in OF_PROTONS if name in rows}, **hits}
        if "beam_energy" in protons:
            protons["beam_bin"] = _beam_bin(np.asarray(protons["beam_energy"], dtype=np.float64))
        return self._with_hits(protons)

    def _with_hits(self, protons: Columns) -> Columns:
        """Return the protons of which frames are made, with `noise`: those that are none, but hits of noise alone.

        A proton with hits has a deposit that is large enough for one. Where frames are those of a time and not of a
        number of protons, the small deposits of others may still add to clusters.
        """
        size = ragged(protons, "cluster_size")
        large = size.flat >= self.rules.min_cluster_size
        noise = np.zeros(length(protons), dtype=bool)
        if "particle" in protons:
            noise = ~size.rows_with(large & (ragged(protons, "particle").flat >= 0))
        with_hits = size.rows_with(large)
        self._n_with_hits += int(with_hits.sum())
        kept = size.counts > 0 if self.rules.clusters and self.rules.frame_time is not None else with_hits
        protons = {**protons, "noise": noise}
        return protons if kept.all() else take(protons, kept)

    def _refuse_nothing(self) -> None:
        if not self._n_rows:
            return
        n = self._n_with_hits
        if n == 0 and self._n_clusters == 0:
            assert self.layers is not None
            raise InputError(f"no hit has {self.rules.min_cluster_size} pixels or more "
                             f"(data.min_cluster_size); the largest step deposits {self._largest[0]:.3g} MeV in {self.layers.thickness:.3g} mm: "
                             "are the unit (--map edep=BRANCH:UNIT) and the thickness of the sensors right?", file=self._largest[1], branch="edep")
        if self._framing.n_frames == 0:
            raise InputError(f"No frame is complete: {n} particles have hits; choose fewer with --protons-per-frame, "
                             "or set apply.last_frame=keep.")


def _beam_bin(energy: Array) -> Array:
    """Return a number that is the same for energies (MeV) close together: a source may draw that of every particle."""
    return np.where(energy > 0, np.rint(np.log(np.maximum(energy, 1e-3)) / BEAM_BIN), 0).astype(np.int64)
