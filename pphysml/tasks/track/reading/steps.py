"""Rows of simulated steps to frames, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....errors import FileName, InputError
from ....io.problems import of_first_file
from ....io.ragged import Columns, concatenate, length, slice_rows, take
from .beams import Beams
from .calorimeters.axes import turned
from .calorimeters.layer_ids import NAMES, LayerIds
from .calorimeters.placing import Described, Placing
from .calorimeters.recognition import Sample
from .clusters.hit_making import HitMaking
from .energy_bins import EnergyBins
from .events import Events, event_starts
from .examples import finished, usual
from .frames import Framing
from .jobs import TwoParticles
from .row_frames import RowFrames
from .sorted_steps import SortedSteps

USED = ("file", "entry", "run", "event", "x", "y", "z", "edep", "time", "spot_x", "spot_y", "track_id", "parent_id", "pdg",
        "spot_tx", "spot_ty", "rotation_angle", "stop_depth", "phantom", "beam_energy", "beam_pdg")

OF_PROTONS = ("file", "job", "entry", "run", "event", "spot_x", "spot_y", "spot_given", "spot_tx", "spot_ty", "rotation_angle", "phantom",
              "beam_energy", "beam_pdg")
"""Columns that have one value for all steps of a proton."""

FOR_LAYERS = (*NAMES, "volume_id", "local_z")
"""Columns that are not needed any more when a row's layer is known."""


@dataclass(frozen=True)
class FrameRules:
    """How frames are made.

    Attributes:
        described: what is known of the calorimeter.
        beams: where the beam is known from.
        sizes, frame_time, keep_last: of `Framing`.
        min_cluster_size: fewest pixels of a hit.
        clusters: whether hits are clusters of all particles of the frame, or of one particle each.
        sort: whether rows come in any order, so that all must be there before the first frame is made.
    """

    described: Described
    beams: Beams
    sizes: Sequence[int]
    frame_time: float | None = None
    keep_last: bool = True
    min_cluster_size: int = 2
    clusters: bool = True
    sort: bool = False


class StepFrames(RowFrames):
    """Makes frames of steps; see `RowFrames`."""

    def __init__(self, rules: FrameRules) -> None:
        self._steps = SortedSteps(rules.frame_time is not None) if rules.sort else None
        super().__init__("steps", Events(any_order=rules.sort), self._steps)
        self.rules = rules
        self._placing = Placing(rules.described, "z")
        self._ids: LayerIds | None = None
        self._energies = EnergyBins()
        self._early: list[Columns] = []
        self._n_rows = 0
        self._largest = (0.0, 0)
        self._two_particles = TwoParticles()
        self._hits = HitMaking(rules.clusters, rules.min_cluster_size, rules.frame_time is not None)
        self._framing = Framing(rules.sizes, rules.frame_time, rules.keep_last)

    def frames(self, rows: Columns, last: bool) -> Columns:
        """Return the frames that are complete with rows of complete events; `last` says that none follow."""
        return self._of_protons(self._protons(rows, last), last)

    def sorted_frames(self) -> Iterator[Columns]:
        """Yield the frames of all rows that were put aside, block by block."""
        assert self._steps is not None
        for protons in self._steps.protons(self._protons):
            yield self._of_protons(protons, last=False)
        yield self._of_protons({}, last=True)

    def _of_protons(self, protons: Columns, last: bool) -> Columns:
        frames = self._framing.add(protons, last)
        layers = self._placing.layers
        if layers is not None:
            frames = self._hits.of_frames(frames, layers)
        if last:
            self._refuse_nothing()
        return finished(frames, layers, self.rules.beams) if frames and layers else {}

    def facts(self) -> dict[str, Any]:
        """Return what was taken for the input, for a person."""
        made = {} if self._placing.layers is None else self._hits.facts(self._placing.layers)
        return {**self._placing.facts(), **made, **self.rules.beams.facts(), **self._events.facts()}

    def warnings(self, named: FileName) -> list[str]:
        """Return what the user should know of jobs, of the calorimeter, of hits outside of it, and of the beam."""
        return [*self._events.warnings(named), *self._placing.warnings(named), *([] if self._ids is None else self._ids.warnings()), *self.rules.beams.warnings()]

    def prepared(self, rows: Columns) -> Columns:
        """Return the columns that are used, with what the file lacks."""
        if self.rules.frame_time is None and "event" not in rows:
            raise InputError("is not there, so that particles cannot be counted; name it with --map event=BRANCH, "
                             "or make frames by readout time with --frame-time", branch="event")
        if self.rules.frame_time is not None and "time" not in rows:
            raise InputError("is not there, but --frame-time needs it; name it with --map time=BRANCH", branch="time")
        n = len(rows["x"])
        self._n_rows += n
        return {**usual(rows, n), **{name: column for name, column in rows.items() if name in (*USED, *FOR_LAYERS)}}

    def _recognised(self, rows: Columns, last: bool) -> bool:
        """Return whether these rows show the calorimeter, the first of the input."""
        def sample(first: int, stop: int) -> Sample:
            few = slice_rows(rows, first, stop)
            return Sample(np.stack([np.asarray(few[name], dtype=np.float64) for name in "xyz"], 1), few)

        with of_first_file(rows):
            self._placing.look(length(rows), last, sample)
        if self._placing.layers is None:
            return False
        if self.rules.described.geometry is None:
            self._ids = LayerIds(rows)
        return True

    def _placed(self, rows: Columns) -> Columns:
        """Return the rows that lie in a layer, with its number in the place of what it is known by."""
        layers = self._placing.layers
        if layers is None or not rows:
            return {}
        rows = turned(rows, self._placing.axis)
        z = np.asarray(rows["z"])
        layer = layers.numbered(layers.number(z), z)
        outside = layer < 0
        self._placing.count(outside, z, rows)
        if outside.any():
            rows, layer = take(rows, np.flatnonzero(~outside)), layer[~outside]
        if self._ids is not None:
            self._ids.see(rows, layer)
        return {"layer": layer, **{name: column for name, column in rows.items() if name not in FOR_LAYERS}}

    def _protons(self, rows: Columns, last: bool) -> Columns:
        """Return the protons of complete events that have hits, one row each; none as long as the calorimeter is to be recognised."""
        if rows:
            self._early.append(rows)
        early = sum(map(length, self._early))
        if not last and (not early or self._placing.waits(early)):
            return {}
        ready, self._early = concatenate(self._early), []
        self._energies.learn(ready)
        if early and self._placing.layers is None and not self._recognised(ready, last):
            self._early = [ready]
            return {}
        protons = self._merged(self._placed(ready))
        if last:
            self._two_particles.end()
            self._placing.end()
            if self._ids is not None:
                self._ids.end()
        return protons

    def _merged(self, rows: Columns) -> Columns:
        layers = self._placing.layers
        if not length(rows) or layers is None:
            return {}
        starts = event_starts(rows)
        self._two_particles.see(rows, starts)
        proton = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, length(rows))))
        most = int(np.argmax(np.asarray(rows["edep"])))
        self._largest = max(self._largest, (float(np.asarray(rows["edep"])[most]), int(np.asarray(rows["file"])[most])))
        protons = self._hits.of_protons(rows, proton, OF_PROTONS, layers)
        if "beam_energy" in protons:
            protons["beam_bin"] = self._energies.number(np.asarray(protons["beam_energy"], dtype=np.float64))
        return protons

    def _refuse_nothing(self) -> None:
        if not self._n_rows:
            return
        layers = self._placing.layers
        if self._hits.none and layers is not None:
            raise InputError(f"no hit has {self.rules.min_cluster_size} pixels or more "
                             f"(data.min_cluster_size); the largest step deposits {self._largest[0]:.3g} MeV in {layers.thickness:.3g} mm: "
                             "are the unit (--map edep=BRANCH:UNIT) and the thickness of the sensors right?", file=self._largest[1], branch="edep")
        if self._framing.n_frames == 0:
            raise InputError(f"No frame is complete: {self._hits.n_protons} particles have hits; choose fewer with --protons-per-frame, "
                             "or set apply.last_frame=keep.")
