"""Entries to jets, one example each, with variables, classes and weights."""

from __future__ import annotations

import numpy as np

from ....errors import InputError
from ....io.carry import Carry
from ....io.expressions import Expression
from ....io.problems import of_first_file, refuse
from ....io.ragged import Array, Columns, Ragged, length, ragged, take
from ....training.event_split import FOLD
from ..config import JetsConfig
from ..particle_schema import MATCHING
from ..schema import EVENT
from .canonical import OF_JETS
from .constituents import add_lists, put_in_table
from .counted import UNKNOWN, JetsCarry
from .values import value_of

IDS = ("file", "entry", FOLD, *(f.name for f in EVENT))


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
        counts.add(examples, no_second_prong, by_class=not config.apply.simulation)
        counts.add_constituents(examples, config.model.most_particles)
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
    by_jet = add_lists(examples, chunk, config)
    _add_others(examples, chunk, row, config.names | config.particle_names)
    for name, text in config.data.variables.items():
        examples[name] = value_of(text, examples)
    if config.particle_columns and by_jet is not None:
        put_in_table(examples, by_jet, config)
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
    for name in wanted - set(examples):
        if name in chunk:
            column = chunk[name]
            examples[name] = column.take(row) if isinstance(column, Ragged) else np.asarray(column)[row]


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
