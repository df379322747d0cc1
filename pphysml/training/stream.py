"""Batches in global order, with the next window read ahead."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor

from ..io.ragged import Array, Columns, concatenate, length, take
from .order import BatchOrder, Window
from .sources import ExampleSource

Batches = Generator[Columns, None, None]


def stream(
    source: ExampleSource,
    order: BatchOrder,
    lengths: Callable[[Columns], Array],
    start: int = 0,
    rank: int = 0,
    processes: int = 1,
) -> Batches:
    """Yield this process's examples of batch `start`, `start + 1`, ... for ever.

    Args:
        lengths: size of each example, by which batches are bucketed.
        rank, processes: process `rank` of `processes` takes rows rank::processes of every batch.
    """
    windows = order.windows(start)
    with ThreadPoolExecutor(1) as ahead:
        window = next(windows)
        future = ahead.submit(_read, source, window)
        while True:
            examples = future.result()
            upcoming = next(windows)
            future = ahead.submit(_read, source, upcoming)
            batches = order.batches(window, lengths(examples))
            for rows in batches[max(0, start - window.first_step) :]:
                yield take(examples, rows[rank::processes])
            window = upcoming


def _read(source: ExampleSource, window: Window) -> Columns:
    parts = [source.read(block) for block in window.blocks]
    return concatenate([part for part in parts if length(part)] or parts[:1])
