"""Simulated data of a task, written as a ROOT file in the layout that the task reads."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..config import Config, dump
from ..contract import Simulation
from ..errors import ConfigError
from ..io.ragged import Columns, concatenate, length, take
from ..io.schema import Layout
from ..io.writer import Writer
from ..progress import Progress, Silent
from ..task import Task

FILE_SEED = 2_000_003
"""Added to the seed of files, so that they hold other events than training draws by itself."""

LEAST_WRITTEN = 100_000
"""Entries that are written at a time where an event has many: small baskets make files large, and slow to read."""


def simulate(
    task: Task[Any],
    config: Config,
    output: Path,
    n_events: int,
    *,
    seed: int = 1,
    force: bool = False,
    progress: Progress | None = None,
    block_size: int | None = None,
) -> dict[str, Any]:
    """Write `n_events` simulated events in a task's first layout, and return a summary.

    Args:
        output: ROOT file; it appears when it is complete.
        seed: with the configuration and `block_size`, it fixes every event.
        force: overwrite an existing file.
        block_size: events made and written at a time; by default 20 000, or 1000 where an event has many entries, or what the simulation says.

    Raises:
        ConfigError: the task has no simulation.
        OutputError: the file exists, or cannot be written.
    """
    progress = progress or Silent()
    layout = _simulated_layout(task)
    simulation: Simulation = task.simulation(config, seed + FILE_SEED)
    block_size = block_size or simulation.at_a_time or (20_000 if not task.spans_entries else 1000)
    metadata = {"task": task.name, "simulated": True, "seed": seed, "layout": layout.name, "config": dump(config)}
    began = time.perf_counter()
    tree = layout.trees[0] if layout.trees else "events"
    names = {f.name: f.aliases[0] if layout.native_names and f.aliases else f.name for f in layout.fields}
    fields = [replace(f, name=names[f.name]) for f in layout.fields]
    with Writer(output, tree, fields, metadata=metadata, force=force) as writer:
        progress.start(f"simulate {task.name}", n_events, "events")
        waiting: list[Columns] = []
        for index, start in enumerate(range(0, n_events, block_size)):
            size = min(block_size, n_events - start)
            if not task.spans_entries:
                block = _counted_from(simulation.block(index, size), start - index * size)
            else:
                block = _first_events(simulation.block(index, block_size), start + size)
            waiting.append({names[name]: column for name, column in block.items() if name in names})
            if not task.spans_entries or start + size == n_events or sum(map(length, waiting)) >= LEAST_WRITTEN:
                writer.extend(concatenate(waiting))
                waiting = []
            progress.advance(size)
    seconds = time.perf_counter() - began
    return {
        "output": str(output), "tree": tree, "layout": layout.name, "events": n_events, "seed": seed,
        "events_per_second": n_events / seconds,
    }


def _simulated_layout(task: Task[Any]) -> Layout:
    if not task.simulates:
        raise ConfigError(f"Task {task.name!r} has no simulation.")
    return task.layouts()[0]


def _counted_from(block: Columns, shift: int) -> Columns:
    """Add `shift` to the events' numbers: those of a smaller last block are counted from another one."""
    return {**block, "event": np.asarray(block["event"]) + shift} if "event" in block else block


def _first_events(block: Columns, stop: int) -> Columns:
    """Return the entries of the events below `stop`, where an event has many entries."""
    return take(block, np.asarray(block["event"]) < stop)
