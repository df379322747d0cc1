"""The one global order of examples, from which any batch can be computed by its number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from ..io.ragged import Array


@dataclass(frozen=True)
class Window:
    """Blocks that are shuffled together, and the batches cut from them.

    Attributes:
        epoch, number: which window this is; they seed its shuffling.
        blocks: numbers of the blocks, in reading order.
        n_batches: batches cut from it.
        first_step: step of its first batch.
    """

    epoch: int
    number: int
    blocks: tuple[int, ...]
    n_batches: int
    first_step: int


class BatchOrder:
    """Blocks permuted per epoch, shuffled inside windows, cut into batches of similar size.

    Everything follows from (seed, epoch, window) and the number of examples per block, so a
    resumed training, or one on another number of processes, sees the same batches.

    Args:
        counts: examples per block; None for an endless source with `endless_count` each.
        seed, batch_size, window_blocks, bucket_batches: see `TrainingConfig`.
    """

    def __init__(
        self,
        counts: Sequence[int] | None,
        *,
        seed: int,
        batch_size: int,
        window_blocks: int,
        bucket_batches: int,
        endless_count: int = 0,
    ) -> None:
        self.counts = counts
        self.seed = seed
        self.batch_size = batch_size
        self.window_blocks = window_blocks
        self.bucket_batches = bucket_batches
        self.endless_count = endless_count

    def windows(self, step: int = 0) -> Iterator[Window]:
        """Yield the windows in order, for ever, from the one that holds `step`."""
        return (w for w in self._all() if w.first_step + w.n_batches > step)

    def batches(self, window: Window, lengths: Array) -> list[Array]:
        """Return the rows of each batch of a window, given the size of every example in it."""
        random = np.random.default_rng([self.seed, window.epoch, window.number, 1])
        rows = random.permutation(len(lengths))
        edges = np.linspace(0, len(rows), window.n_batches + 1).astype(int)
        for first in range(0, window.n_batches, self.bucket_batches):
            last = min(first + self.bucket_batches, window.n_batches)
            group = rows[edges[first] : edges[last]]
            rows[edges[first] : edges[last]] = group[np.argsort(lengths[group], kind="stable")]
        order = random.permutation(window.n_batches)
        return [rows[edges[k] : edges[k + 1]] for k in order]

    def _all(self) -> Iterator[Window]:
        step = 0
        for epoch in count():
            blocks = self._blocks(epoch)
            for number in count():
                if self.counts is None:
                    start = number * self.window_blocks
                    chosen = tuple(range(start, start + self.window_blocks))
                    size = self.endless_count * self.window_blocks
                else:
                    chosen = tuple(blocks[number * self.window_blocks :][: self.window_blocks])
                    size = sum(self.counts[b] for b in chosen)
                    if not chosen:
                        break
                # Batches are cut evenly, so that no example is dropped and none is nearly alone.
                n_batches = max(1, size // self.batch_size) if size else 0
                yield Window(epoch, number, chosen, n_batches, step)
                step += n_batches

    def _blocks(self, epoch: int) -> list[int]:
        if self.counts is None:
            return []
        random = np.random.default_rng([self.seed, epoch, 0])
        return [int(b) for b in random.permutation(len(self.counts))]
