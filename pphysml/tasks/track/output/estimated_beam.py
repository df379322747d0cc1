"""A beam that an engine estimates before all else, in the place of one that is stated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Any

import numpy as np

from ....io.ragged import Array, Columns, ragged, take
from ....io.reader import Reader
from ....io.sources import resolve
from ..config import TrackConfig
from ..ranges.beam_estimate import BeamEstimate, BeamSurvey, hardly_any
from ..reading.assemble import assemble
from ..reading.beam_statement import CHARGES, BeamStatement
from ..reading.beams import SAME, beam_text
from ..reading.idle_options import with_nothing_stated
from ..schema import LAYOUTS
from ..tracks.links import Links
from ..tracks.tracks import Tracks
from ..tracks.true_tracks import tracks_of
from .columns import output_columns

FindLinks = Callable[[Columns], Links]


class EstimatedBeam:
    """The beam of frames for which it is not stated.

    Attributes:
        statement: by which it is to be estimated.
        found: the estimate, once there is one.
    """

    def __init__(self, config: TrackConfig, statement: BeamStatement) -> None:
        self.config, self.statement = config, statement
        self._run = None if statement.without_phantom is None else run_without_phantom(statement.without_phantom, config)
        self.found: BeamEstimate | None = None
        self._survey = BeamSurvey(statement.spread or 0.0)
        self._of_file: set[float] = set()
        self._without: set[int] = set()
        self._later: Counter[tuple[int, int]] = Counter()
        self._later_inside: Counter[tuple[int, int]] = Counter()

    def survey(self, examples: Columns, links: FindLinks) -> bool:
        """Take frames, or all of the run without phantom instead, if there is one; return whether further frames are wanted."""
        if self._run is None:
            return self._survey.add(*self._whole_tracks(take(examples, ~self._stated(examples)), links))
        for frames in frames_of_run(self._run, self.config):
            if not self._survey.add(*self._whole_tracks(frames, links)):
                break
        return False

    def put_on(self, examples: Columns) -> Columns:
        """Return frames with the estimated beam, NaN where there is none; runs with a stated beam keep that."""
        if self.found is None:
            self.found = self._survey.estimate()
        energy = np.asarray(examples["beam_energy"], dtype=np.float32)
        run = np.asarray(examples["run"], dtype=np.int64)
        stated = self._stated(examples)
        elsewhere = self._elsewhere(examples) & ~stated
        self._without.update(run[elsewhere].tolist())
        self._of_file.update(np.unique(np.rint(10 * energy[np.isfinite(energy) & ~stated]) / 10).tolist())
        values = {"beam_energy": self.found.energy, "beam_range": self.found.range}
        taken = {name: np.where(stated, np.asarray(examples[name]), np.where(elsewhere, np.nan, value)).astype(np.float32) for name, value in values.items()}
        return {**examples, **taken}

    def see(self, examples: Columns, columns: Columns) -> None:
        """Take frames with the beam put on, and the columns of their tracks: runs that no track was surveyed of may have another beam."""
        if self.found is None or self.found.refused or self.statement.without_phantom is not None:
            return
        known = self.found.surveyed
        reach, error, flags = (ragged(columns, name) for name in ("range", "range_error", "flags"))
        good = (flags.flat == 0) & np.isfinite(reach.flat)
        inside = good & (np.abs(reach.flat - self.found.range) < 2 * np.hypot(self.found.width, error.flat))
        places = np.stack([np.asarray(examples[name], dtype=np.int64) for name in ("file", "run")], axis=1)
        later = ~self._stated(examples) & np.array([(int(file), int(run)) not in known for file, run in places], dtype=bool)
        for counter, chosen in ((self._later, good), (self._later_inside, inside)):
            frames = np.repeat(np.arange(len(reach)), reach.counts)[chosen]
            found, counts = np.unique(places[frames[later[frames]]], axis=0, return_counts=True)
            counter.update({(int(file), int(run)): int(n) for (file, run), n in zip(found, counts, strict=True)})

    def facts(self) -> dict[str, Any]:
        """Return the estimate, and the beams that are stated, for a person."""
        stated = "".join(f"; of run {run} {beam_text(CHARGES[beam.particle], beam.energy)}, as stated" for run, beam in sorted(self.statement.of_run.items()))
        return {"beam": self._text() + stated}

    def _text(self) -> str:
        if self.found is None or self.found.refused:
            return "not known, since it could not be estimated"
        found = self.found
        where = "" if self.statement.without_phantom is None else f" in {self.statement.without_phantom}"
        return (f"{beam_text(found.charge, found.energy).removesuffix(' MeV')} +- {found.energy_error:.2g} MeV, estimated from {found.tracks} "
                        f"tracks{where} that stop last, at {found.range:.1f} mm of water, as if they had seen no phantom (less than {found.unseen:.0f} mm "
                        "of water in front of all would not be noticed)")

    def warnings(self) -> Iterator[str]:
        """Yield why there is no estimate, or what contradicts it."""
        if self.found is None:
            return
        if self.found.refused:
            yield f"the beam cannot be estimated, and no WEPL is given: {self.found.refused}; state the beam with --beam, as proton:200MeV"
            return
        if self._without:
            runs = ", ".join(map(str, sorted(self._without)[:5]))
            yield (f"hardly any track of run {runs} stops where the beam was estimated to, so that its beam is not known and no WEPL is given; "
                   "state it with --set apply.beam_of_run")
        others = sorted({run for (file, run), n in self._later.items() if hardly_any(np.array(n), np.array(self._later_inside[file, run]))})
        if others:
            yield (f"hardly any track of run {', '.join(map(str, others[:5]))}, which came behind those that the beam was estimated from, stops where it was "
                   "estimated to: if its beam is another one, its WEPL is wrong; state it with --set apply.beam_of_run")
        largest = max((abs(energy - self.found.energy) for energy in self._of_file), default=0.0)
        if largest > max(3 * self.found.energy_error, SAME * self.found.energy):
            given = max(self._of_file, key=lambda energy: abs(energy - self.found.energy) if self.found else 0.0)
            yield f"the beam was estimated to have {self.found.energy:.5g} MeV, but the file says {given:.5g} MeV (beam_energy); the estimate is taken"

    def _elsewhere(self, examples: Columns) -> Array:
        assert self.found is not None
        found = np.zeros(len(ragged(examples, "layer")), dtype=bool)
        # Files and runs of a run without phantom are none of the input.
        for file, run in self.found.elsewhere if self.statement.without_phantom is None else ():
            found |= (np.asarray(examples["file"]) == file) & (np.asarray(examples["run"]) == run)
        return found

    def _stated(self, examples: Columns) -> Array:
        return np.isin(np.asarray(examples["run"], dtype=np.int64), list(self.statement.of_run))

    def _whole_tracks(self, examples: Columns, links: FindLinks) -> tuple[Columns, Tracks]:
        """Return frames, and of their tracks those that begin in the first layer and end in a Bragg peak, and whose materials are known."""
        unknown = {name: np.full(len(ragged(examples, "layer")), np.nan, dtype=np.float32) for name in ("beam_energy", "beam_range")}
        frames = {**examples, **unknown}
        columns = output_columns(frames, links(frames), self.config)
        good = (ragged(columns, "flags").flat == 0) & np.isfinite(ragged(columns, "range").flat)
        return frames, tracks_of(frames, columns).keep(good)


def run_without_phantom(path: str, config: TrackConfig) -> Reader:
    """Return the reader of a file, which is read as the input is.

    Raises:
        InputError: the file is not there, or is none of hits.
    """
    return Reader(resolve([path]), LAYOUTS, mapping=config.data.map, block_size=config.entries_at_a_time)


def frames_of_run(reader: Reader, config: TrackConfig) -> Iterator[Columns]:
    """Yield the frames of all blocks.

    Raises:
        InputError: the file cannot be read.
    """
    carry: Any = None
    config = with_nothing_stated(config)
    for chunk in chain(reader, repeat(None)):
        with reader.naming_places():
            frames, carry = assemble(chunk, carry, config)
        if frames:
            yield frames
        if chunk is None and carry is None:
            return
