"""Entries to jets, one example each, with variables, classes and weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....errors import FileName, InputError
from ....io.carry import Carry
from ....io.expressions import Expression
from ....io.problems import Place, of_first_file, place, refuse
from ....io.ragged import Array, Columns, Ragged, length, ragged, take
from ....training.event_split import FOLD
from ..config import JetsConfig
from ..particle_schema import MATCHING, PARTICLES, TRACKS
from ..schema import EVENT
from .canonical import OF_JETS
from .linked_particles import LEFT_OUT
from .values import value_of

UNKNOWN = -1
"""Class of jets of which it is not known, or that are of none."""

LARGE = 5000.0
"""Median transverse momentum from which on MeV are suspected, GeV."""

CONSTITUENTS = frozenset(f.name for f in (*PARTICLES, *TRACKS))
WHERE_CONSTITUENTS_ARE = "JetClass, PFNano and NanoAOD from version 15 on have them, while DAOD_PHYSLITE holds only links to what it leaves out"

IDS = ("file", "entry", FOLD, *(f.name for f in EVENT))


class JetsCarry(Carry):
    """What was counted in the input so far."""

    def __init__(self) -> None:
        self.jets = self.no_second_prong = self.without_class = self.labelled = self.links_left_out = 0
        self.median_pt = 0.0
        self.first_left_out: Place | None = None

    def add(self, examples: Columns, no_second_prong: int) -> None:
        """Count the jets of a chunk."""
        label = np.asarray(examples["class"])
        known = "class_known" in examples
        self.jets += len(label)
        self.no_second_prong += no_second_prong
        self.labelled += len(label) if known else 0
        self.without_class += int((label == UNKNOWN).sum()) if known else 0
        if len(label) and not self.median_pt:
            self.median_pt = float(np.median(np.asarray(examples["jet_pt"])))

    def add_links(self, chunk: Columns) -> None:
        """Count the links of a chunk that lead to nothing stored."""
        left_out = np.asarray(chunk.get(LEFT_OUT, np.zeros(0, np.int64)))
        self.links_left_out += int(left_out.sum())
        if self.first_left_out is None and left_out.any():
            self.first_left_out = place(chunk, int(np.argmax(left_out > 0)))

    def warnings(self, named: FileName) -> list[str]:
        """Return what looks wrong in the input."""
        found = []
        if self.median_pt > LARGE:
            found.append(f"half of the first jets have a transverse momentum above {self.median_pt:.0f} GeV: are they in MeV? Then say so with --map jet_pt=BRANCH:MeV, and likewise for masses")
        if self.labelled and self.without_class == self.labelled:
            found.append("no jet is of any class of data.classes")
        if self.first_left_out is not None:
            found.append(f"{self.links_left_out} links of jets to constituents have the index -1, so that these are not stored and left out; the first in {self.first_left_out.text(named)}")
        return found

    def facts(self) -> dict[str, Any]:
        """Return numbers of jets."""
        counted = {"jets": self.jets}
        if self.no_second_prong:
            counted["without_second_prong"] = self.no_second_prong
        if self.labelled:
            counted["of_no_class"] = self.without_class
        if self.links_left_out:
            counted["links_left_out"] = self.links_left_out
        return counted


def assemble(chunk: Columns | None, carry: Carry | None, config: JetsConfig) -> tuple[Columns, Carry | None]:
    """Return the jets of entries, in their order, and what was counted.

    Examples have `file`, `entry`, ids and weight of their event, the columns of jets, `jet` (number in its entry), `class`
    (number among data.classes, or -1), `class_known` where the files say it, and what expressions take.

    Raises:
        InputError: a jet is of two classes, or an expression takes what is not there.
    """
    if chunk is None:
        return {}, None
    counts = carry if isinstance(carry, JetsCarry) else JetsCarry()
    with of_first_file(chunk):
        examples, no_second_prong = jets_of(chunk, config)
    counts.add_links(chunk)
    if length(examples):
        counts.add(examples, no_second_prong)
    return examples, counts


def assemble_training(chunk: Columns | None, carry: Carry | None, config: JetsConfig) -> tuple[Columns, Carry | None]:
    """Return the jets that are of a class and selected.

    Raises:
        InputError: as `assemble`; or no class can be known.
    """
    examples, carry = assemble(chunk, carry, config)
    if not length(examples):
        return examples, carry
    return take(examples, judged(examples, config)), carry


def judged(examples: Columns, config: JetsConfig) -> Array:
    """Return which jets are of a class and selected, bool (n,).

    Raises:
        InputError: no class can be known.
    """
    if "class_known" not in examples:
        raise InputError(f"the classes of jets are not known: {'; '.join(f'{name}: {text}' for name, text in config.data.classes.items())} takes what the file does not have")
    chosen: Array = (np.asarray(examples["class"]) != UNKNOWN) & np.asarray(examples["selected"])
    return chosen


def jets_of(chunk: Columns, config: JetsConfig) -> tuple[Columns, int]:
    """Return examples, and how many jets have no second prong; see `assemble`."""
    pt = ragged(chunk, "jet_pt")
    row = np.repeat(np.arange(len(pt)), pt.counts)
    examples: Columns = {name: np.asarray(chunk[name])[row] for name in IDS if name in chunk}
    examples["jet"] = np.arange(len(row)) - pt.offsets[:-1][row]
    for name, column in chunk.items():
        if name in MATCHING or name.startswith(("jet_", "label_", OF_JETS)):
            assert isinstance(column, Ragged)
            examples[name.removeprefix(OF_JETS)] = column.flat
    no_second_prong = _without_second_prong(examples)
    _add_others(examples, chunk, row, config.names)
    for name, text in config.data.variables.items():
        examples[name] = value_of(text, examples)
    _add_classes(examples, config)
    examples["selected"] = np.ones(len(row), bool) if config.data.selection is None else np.asarray(value_of(config.data.selection, examples)) != 0
    examples["weight"] = _weights(examples, config)
    return examples, no_second_prong


def _without_second_prong(examples: Columns) -> int:
    """Give jets without a second prong the mass 0, and count them."""
    if "jet_softdrop_mass" not in examples:
        return 0
    mass = np.asarray(examples["jet_softdrop_mass"])
    examples["jet_softdrop_mass"] = np.maximum(mass, 0)
    return int((mass < 0).sum())


def _add_others(examples: Columns, chunk: Columns, row: Array, wanted: set[str]) -> None:
    """Add the columns that are of events, or of other lists, as far as expressions take them."""
    particles = [name for name in chunk if name.startswith("part_") and name in wanted]
    lacking = sorted(name for name in wanted - set(chunk) if name in CONSTITUENTS)
    if lacking:
        raise InputError(f"has no {lacking[0]} of the constituents of jets, which an expression takes; {WHERE_CONSTITUENTS_ARE}")
    if particles:
        order, offsets = _particles_of_jets(chunk, examples, row)
        examples.update({name: Ragged(ragged(chunk, name).flat[order], offsets) for name in particles})
    for name in wanted - set(examples) - set(particles):
        if name in chunk:
            column = chunk[name]
            examples[name] = column.take(row) if isinstance(column, Ragged) else np.asarray(column)[row]


def _particles_of_jets(chunk: Columns, examples: Columns, row: Array) -> tuple[Array, Array]:
    """Return the order of particles by jet, and where those of each jet begin."""
    pt = ragged(chunk, "jet_pt")
    entry = np.repeat(np.arange(len(pt)), _numbers_of_particles(chunk))
    number = ragged(chunk, "part_jet").flat if "part_jet" in chunk else np.zeros(len(entry), np.int64)
    outside = (number < 0) | (number >= pt.counts[entry])
    bad = np.zeros(len(pt), bool)
    bad[entry[outside]] = True
    refuse(chunk, bad, "part_jet", lambda at: f"names a jet that there is not among the {pt.counts[at]} of the entry")
    jet = pt.offsets[:-1][entry] + number
    order = np.argsort(jet, kind="stable")
    return order, np.concatenate([[0], np.cumsum(np.bincount(jet, minlength=len(row)))]).astype(np.int64)


def _numbers_of_particles(chunk: Columns) -> Array:
    """Return how many particles each entry has; all their lists must have equally many."""
    lists = {name: column.counts for name, column in chunk.items() if name.startswith("part_") and isinstance(column, Ragged)}
    first, counts = next(iter(lists.items()))
    for name, others in lists.items():
        differing = np.flatnonzero(others != counts)
        if len(differing):
            at = int(differing[0])
            refuse(chunk, others != counts, name, f"has {others[at]} values where {first!r} has {counts[at]}".format, rule="lengths")
    return counts


def _add_classes(examples: Columns, config: JetsConfig) -> None:
    """Add `class` and, where the files have all that the classes take, `class_known`."""
    n = len(np.asarray(examples["jet"]))
    label = np.full(n, UNKNOWN, np.int32)
    texts = config.data.classes
    if all(name in examples for text in texts.values() for name in Expression.parse(text).names):
        inside = np.stack([np.asarray(value_of(text, examples)) != 0 for text in texts.values()])
        several = inside.sum(0) > 1
        refuse(examples, several, "class", lambda at: f"jet {int(np.asarray(examples['jet'])[at])} is of the classes {' and '.join(name for name, its in zip(texts, inside[:, at], strict=True) if its)}, and may be of one: change data.classes")
        label[inside.any(0)] = inside.argmax(0)[inside.any(0)]
        examples["class_known"] = np.ones(n, bool)
    examples["class"] = label


def _weights(examples: Columns, config: JetsConfig) -> Array:
    if config.data.weight is not None and all(name in examples for name in Expression.parse(config.data.weight).names):
        return np.asarray(value_of(config.data.weight, examples), np.float64)
    n = len(np.asarray(examples["jet"]))
    return np.asarray(examples.get("weight", np.ones(n)), np.float64)
