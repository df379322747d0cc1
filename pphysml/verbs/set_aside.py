"""A part of the input that engines fit their parameters to, and that no engine is judged on then."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..io.ragged import Array, Columns, concatenate, length, slice_rows, take
from ..io.reader import Reader
from ..progress import Progress, Silent
from ..task import Task
from ..training.event_split import example_hash
from .engine_choice import Chosen
from .examples import Findings, parts
from .inputs import Inputs

SHARE = 0.2
"""Largest share of the input that is set aside."""

ENOUGH = 5000
"""Examples that are fitted to."""


@dataclass(frozen=True)
class SetAside:
    """Which examples are not evaluated, by a hash of file name and (first) entry, and for which engines.

    Attributes:
        share: of the input.
        examples: how many there are.
        engines: names of the engines that were fitted.
    """

    share: float = 0.0
    examples: int = 0
    engines: Sequence[str] = ()

    def left(self, examples: Columns, reader: Reader) -> Columns:
        """Return the examples that are evaluated."""
        return take(examples, ~_chosen(examples, reader, self.share)) if self.engines else examples

    @property
    def notes(self) -> list[str]:
        """Sentences on what was set aside, if anything was."""
        if not self.engines:
            return []
        return [f"The parameters of {', '.join(self.engines)} were fitted to {self.examples} examples of a part of the input "
                f"({self.share:.2g} of all, chosen by a hash of file name and entry) on which no engine is evaluated."]


def set_aside(task: Task[Any], entrants: Sequence[Chosen], inputs: Inputs, progress: Progress) -> SetAside:
    """Fit the engines that want truth to a part of the input, and return which it is.

    Raises:
        InputError: no example is in it.
    """
    fitted, share, examples = [], 0.0, 0
    for chosen in entrants:
        if not chosen.engine.may_want_truth:
            continue
        reader = inputs.open(task, chosen.config, need_truth=True, usual=chosen.usual_map, usual_layout=chosen.usual_layout, judging=True)
        if not reader.n_entries or not _wants_truth(task, chosen, reader):
            continue
        # Of entries of which many make an example, a small share may hold no example.
        share = SHARE if task.spans_entries else min(SHARE, ENOUGH / reader.n_entries)
        found = _read(task, chosen, inputs.open(task, chosen.config, need_truth=True, usual=chosen.usual_map, usual_layout=chosen.usual_layout, judging=True), share, progress)
        examples = length(found)
        if not examples:
            raise InputError(f"{', '.join(s.path for s in reader.sources)}: there are too few examples to set some aside, to which "
                             f"the engine {chosen.name!r} would be fitted; give its options, or more input.")
        chosen.engine.fit(found)
        fitted.append(chosen.name)
    return SetAside(share, examples, tuple(dict.fromkeys(fitted)))


def _wants_truth(task: Task[Any], chosen: Chosen, reader: Reader) -> bool:
    with closing(parts(task, chosen, reader, False, Findings(), Silent())) as found:
        return next((chosen.engine.wants_truth(part.examples) for part in found if length(part.examples)), False)


def _read(task: Task[Any], chosen: Chosen, reader: Reader, share: float, progress: Progress) -> Columns:
    """Return the examples that are set aside."""
    progress.start(f"fit {chosen.name}", reader.n_entries, "entry")
    kept: list[Columns] = []
    with closing(parts(task, chosen, reader, False, Findings(), progress)) as found:
        for part in found:
            if length(part.examples):
                kept.append(take(part.examples, _chosen(part.examples, reader, share)))
            if sum(map(length, kept)) >= ENOUGH:
                break
    return slice_rows(concatenate(kept), 0, ENOUGH)


def _chosen(examples: Columns, reader: Reader, share: float) -> Array:
    """Return whether each example is set aside; not by the hash by which validation examples of a training are held out."""
    file, entry = np.asarray(examples["file"]), np.asarray(examples["entry"])
    number = np.ones(len(entry))
    for index in np.unique(file):
        rows = file == index
        number[rows] = example_hash(f"{reader.sources[index].path} set aside", entry[rows])
    return number < share
