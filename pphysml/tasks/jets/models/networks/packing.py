"""Jets of different lengths side by side: sorted by length and cut into blocks, so that little is padded."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

import torch
from torch import Tensor

SHORTEST = 0.8
"""Length of the shortest jet of a block, as a share of the longest."""


class Block(NamedTuple):
    """Jets of similar length.

    Attributes:
        jets: where they are among the sorted ones.
        slots: where their places are.
        shape: number of jets, and of places of each.
        real: whether there is a constituent in a place, bool of that shape.
    """

    jets: slice
    slots: slice
    shape: tuple[int, int]
    real: Tensor


class Packing(NamedTuple):
    """Constituents sorted by the length of their jets, and their places in blocks.

    Attributes:
        jets: number of each sorted jet, (B,).
        rows: number of each sorted constituent, (P,).
        jet: sorted jet of each sorted constituent, (P,).
        local: number of each in its jet, (P,).
        first: first sorted constituent of each sorted jet, (B,).
        counts: constituents of each sorted jet, (B,).
        widths: places of each sorted jet, (B,).
        slot: place of each sorted constituent, (P,).
        slots: number of places.
        blocks: of jets of similar length.
    """

    jets: Tensor
    rows: Tensor
    jet: Tensor
    local: Tensor
    first: Tensor
    counts: Tensor
    widths: Tensor
    slot: Tensor
    slots: int
    blocks: list[Block]

    @classmethod
    def of(cls, offsets: Tensor) -> Packing:
        """Return the packing of jets whose constituents begin and end at the given rows, (B + 1,)."""
        counts, jets = offsets.diff().sort(stable=True)
        first = counts.cumsum(0) - counts
        jet = torch.repeat_interleave(counts)
        local = torch.arange(len(jet), device=offsets.device) - first[jet]
        rows = offsets[:-1][jets][jet] + local
        cuts = _cuts(counts.tolist())
        widths = torch.cat([counts.new_full((stop - start,), longest) for start, stop, longest in cuts])
        begins = widths.cumsum(0) - widths
        return cls(jets, rows, jet, local, first, counts, widths, begins[jet] + local, int(widths.sum()), _blocks(cuts, counts))

    def padded(self, rows: Tensor) -> Tensor:
        """Return the rows in their places, and zeros between them: (P, C) to (slots, C)."""
        return rows.new_zeros(self.slots, *rows.shape[1:]).index_copy(0, self.slot, rows)

    def packed(self, padded: Tensor) -> Tensor:
        """Return the rows of places with a constituent: (slots, C) to (P, C)."""
        return padded.index_select(0, self.slot)

    def sums(self, rows: Tensor) -> Tensor:
        """Return the sum over the constituents of each sorted jet: (P, C) to (B, C)."""
        return rows.new_zeros(len(self.counts), *rows.shape[1:]).index_add(0, self.jet, rows)

    def unsorted(self, jets: Tensor) -> Tensor:
        """Return the rows of sorted jets in the order in which they came: (B, C) to (B, C)."""
        return torch.empty_like(jets).index_copy(0, self.jets, jets)


def _cuts(counts: list[int]) -> list[tuple[int, int, int]]:
    """Return first jet, end and longest length of blocks, of ascending lengths; without jets there is one without any."""
    cuts, stop = [], len(counts)
    while stop:
        longest = counts[stop - 1]
        start = bisect_left(counts, SHORTEST * longest)
        cuts.append((start, stop, longest))
        stop = start
    return cuts[::-1] or [(0, 0, 0)]


def _blocks(cuts: list[tuple[int, int, int]], counts: Tensor) -> list[Block]:
    blocks, begin = [], 0
    for start, stop, longest in cuts:
        shape = (stop - start, longest)
        real = torch.arange(longest, device=counts.device) < counts[start:stop, None]
        blocks.append(Block(slice(start, stop), slice(begin, begin + shape[0] * longest), shape, real))
        begin += shape[0] * longest
    return blocks
