"""Where examples come from: blocks of files, or of a simulation, by number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import Any, Protocol

import numpy as np

from ..contract import Assemble, Simulation
from ..io.carry import Carry
from ..io.ragged import Array, Columns, concatenate, length, slice_rows, take
from ..io.reader import Reader
from .event_split import event_hash, example_hash, fold_numbers

Part = str
TRAINING, VALIDATION = "training", "validation"


class ExampleSource(Protocol):
    """Examples in numbered blocks."""

    @property
    def counts(self) -> Sequence[int] | None:
        """Examples per block; None for an endless source."""

    def read(self, block: int) -> Columns:
        """Return the examples of a block; the same ones at every call."""


class FileSource:
    """Examples of ROOT files, of which each block stands for itself; `part` selects by `event_split.event_hash`.

    Events of the fold that the configuration leaves out are in no part.

    Args:
        reader: an open reader.
        assemble: the task's function.
        part: "training", "validation" or None for all.
        fraction: share of the entries that are validation.
        objects: whether an entry may have several examples, or none; each source reads the files once to count them.
    """

    def __init__(self, reader: Reader, assemble: Assemble, config: Any, part: Part | None = None, fraction: float = 0.0,
                 objects: bool = False) -> None:
        self.reader = reader
        self.assemble = assemble
        self.config = config
        self.part = part
        self.fraction = fraction
        self.objects = objects
        blocks = range(len(reader.blocks))
        looked_at = objects or config.event_ids
        self.counts: Sequence[int] | None = [length(self.read(b)) if looked_at else int(self._selected(b, None).sum()) for b in blocks]

    def read(self, block: int) -> Columns:
        """Return the selected examples of a block; all objects of an event are in the same part."""
        where = self.reader.blocks[block]
        whole = self.reader.read(where)
        chosen = self._selected(block, whole)
        with self.reader.naming_places():
            if not self.objects:
                return assemble_alone(self.assemble, take(whole, chosen), self.config)
            # Objects are fewer columns than what they are made of, as candidates and links.
            examples = assemble_alone(self.assemble, whole, self.config)
            return take(examples, chosen[np.asarray(examples["entry"]) - where.start])

    def _selected(self, block: int, chunk: Columns | None) -> Array:
        """Return which entries are selected; of a task without ids of events, by their numbers alone."""
        where, ids, folds = self.reader.blocks[block], self.config.event_ids, self.config.folds
        if chunk is None:
            entries = np.arange(where.start, where.stop)
            chunk = {"file": np.full(len(entries), where.file_index), "entry": entries}
        paths = [source.path for source in self.reader.sources]
        chosen = np.ones(length(chunk), dtype=bool)
        if self.part is not None:
            chosen = (event_hash(chunk, paths, ids) < self.fraction) == (self.part == VALIDATION)
        return chosen if folds is None else chosen & (fold_numbers(chunk, paths, ids, folds) != folds.left_out)


class AssembledSource:
    """Examples that are made of many entries of ROOT files, all of them kept in memory.

    `part` selects by the hash of (file name, first entry), as in `FileSource`.
    """

    def __init__(self, reader: Reader, assemble: Assemble, config: Any, part: Part | None = None, fraction: float = 0.0) -> None:
        parts: list[Columns] = []
        carry: Carry | None = None
        for chunk in chain(reader, repeat(None)):
            with reader.naming_places():
                examples, carry = assemble(chunk, carry, config)
            if examples and length(examples):
                parts.append(take(examples, _chosen(examples, reader, part, fraction)))
            if chunk is None and carry is None:
                break
        self.parts = [p for p in parts if length(p)]
        self.counts: Sequence[int] | None = [length(p) for p in self.parts]

    def read(self, block: int) -> Columns:
        """Return the examples that a chunk of the files completed."""
        return self.parts[block]


def _chosen(examples: Columns, reader: Reader, part: Part | None, fraction: float) -> Array:
    if part is None:
        return np.ones(length(examples), dtype=bool)
    file, entry = np.asarray(examples["file"]), np.asarray(examples["entry"])
    held_out = np.zeros(len(file), dtype=bool)
    for index in np.unique(file):
        rows = file == index
        held_out[rows] = example_hash(reader.sources[index].path, entry[rows]) < fraction
    return held_out if part == VALIDATION else ~held_out


class SimulatedSource:
    """Examples of a simulation; `n_events` fixes a set that is seen again every epoch.

    Args:
        simulation: gives blocks by number.
        n_events: size of the fixed set, or None for ever new events.
        block_size: events per block.
    """

    def __init__(self, simulation: Simulation, assemble: Assemble, config: Any, n_events: int | None, block_size: int) -> None:
        self.simulation = simulation
        self.assemble = assemble
        self.config = config
        self.block_size = block_size
        self.counts: Sequence[int] | None = None
        if n_events is not None:
            full, rest = divmod(n_events, block_size)
            self.counts = [block_size] * full + [rest] * (rest > 0)

    def read(self, block: int) -> Columns:
        """Return the examples of a block; where events have several, no more than a block has events."""
        size = self.block_size if self.counts is None else self.counts[block]
        examples = self.simulation.examples(block, self.block_size)
        if examples is not None:
            return slice_rows(examples, 0, size)
        # A shorter last block is cut from a full one, so that ids never repeat.
        chunk = slice_rows(self.simulation.block(block, self.block_size), 0, size)
        chunk.setdefault("file", np.zeros(length(chunk), dtype=np.int32))
        chunk.setdefault("entry", block * self.block_size + np.arange(length(chunk)))
        assembled = assemble_alone(self.assemble, chunk, self.config)
        return assembled if length(assembled) <= size else slice_rows(assembled, 0, size)


def assemble_alone(assemble: Assemble, chunk: Columns, config: Any) -> Columns:
    """Assemble a chunk by itself, flushing what would be carried to the next one."""
    examples, carry = assemble(chunk, None, config)
    parts = [examples]
    while carry is not None:
        examples, carry = assemble(None, carry, config)
        parts.append(examples)
    return concatenate([part for part in parts if part])


def first_blocks(source: ExampleSource, n: int) -> Iterator[Columns]:
    """Yield the first `n` examples of a source, or all there are, block by block."""
    left, block = n, 0
    while left > 0 and (source.counts is None or block < len(source.counts)):
        part = slice_rows(source.read(block), 0, left)
        yield part
        left -= length(part)
        block += 1


def first_examples(source: ExampleSource, n: int) -> Columns:
    """Return the first `n` examples of a source, or all there are."""
    parts = list(first_blocks(source, n))
    return concatenate([part for part in parts if length(part)] or parts[:1])


