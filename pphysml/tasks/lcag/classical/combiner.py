"""The greedy mass-based combiner: the classical way to find decays in crowded events.

All combinations of a few leaves, or of particles found so far, are compared with the known masses; the
best one is merged, until nothing fits (`combiner_kernel`). A tree is complete at the mass of the decaying
particle. It is told the masses, which no network here is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from ....errors import ConfigError
from ....io.ragged import Array, Columns, Ragged, length
from ....model_file import ModelFile
from ..config import LcagConfig
from ..output.columns import Reconstruction, output_columns
from .combiner_kernel import CHI2, LEAVES, MASS, SCORE, Blocks, Cuts, combine
from .mass_engine import MassEngine

ORDERS = {"chi2": CHI2, "score": SCORE, "leaves": LEAVES, "mass": MASS}


class CombinerEngine(MassEngine):
    """Merges combinations on known masses, best first; finds several trees and background.

    `prob` of two leaves is the probability of the node in which they meet, so that `node_prob` is
    that of the node; `bkg_prob` is 1 less the smallest of the nodes above a leaf. Both only rank.

    Raises:
        ConfigError: the configuration has no forests of generations.
    """

    name = "combiner"
    default_width = 0.015

    def __init__(self, config: LcagConfig, model: ModelFile | None, device: Any) -> None:
        if not config.data.forest or config.data.classes != "generations":
            raise ConfigError("The engine 'combiner' finds forests of generations: it needs data.forest=true "
                              "and data.classes=generations.")
        super().__init__(config, model, config.apply.combiner)
        self.config = config.apply.combiner

    def __call__(self, examples: Columns) -> Columns:
        """Return the output columns of each event."""
        self.see(examples)
        options, lines = self.config, self.lines
        known = np.array([*lines.masses, lines.root])
        cuts = Cuts(lines.width, options.floor, options.window, math.cos(math.radians(options.max_angle)),
                    ORDERS[options.order], options.max_children, options.max_combinations)
        p4 = examples["p4"]
        assert isinstance(p4, Ragged)
        n, events = p4.counts, length(examples)
        lcag = Ragged.from_counts(np.zeros((n * n).sum(), dtype=np.uint8), n * n)
        prob = Ragged(np.ones(len(lcag.flat), dtype=np.float32), lcag.offsets)
        background = Ragged(np.ones(len(p4.flat), dtype=np.bool_), p4.offsets)
        bkg_prob = Ragged(np.ones(len(p4.flat), dtype=np.float32), p4.offsets)
        score = np.zeros(events)
        _find(np.ascontiguousarray(p4.flat, dtype=np.float64), p4.offsets, known, cuts, options.keep_partial,
              lcag.flat, lcag.offsets, prob.flat, background.flat, bkg_prob.flat, score)
        found = Reconstruction(lcag, lcag, prob, score, np.full(events, np.nan), None,
                               np.zeros(events, dtype=np.bool_), background, bkg_prob)
        return output_columns(examples, found, self.rules)


@njit(cache=True, nogil=True)
def _find(
    p4: Array, leaf_at: Array, known: Array, cuts: Cuts, keep_partial: bool,
    lcag: Array, pair_at: Array, prob: Array, background: Array, bkg_prob: Array, score: Array,
) -> None:
    for event in range(len(score)):
        first, last = leaf_at[event], leaf_at[event + 1]
        n, pairs = last - first, slice(pair_at[event], pair_at[event + 1])
        blocks, count = combine(p4[first:last], known, cuts)
        probability = 1.0 / (1.0 + np.exp(-blocks.score[:count]))
        kept, worst = _tops(blocks, count, probability, known[-1], keep_partial)
        score[event] = (blocks.score[:count] * kept).sum()
        for i in range(n):
            background[first + i] = not kept[i]
            bkg_prob[first + i] = 1.0 - worst[i]
        _write(blocks.parent, blocks.height, probability, kept, n, lcag[pairs], prob[pairs])


@njit(cache=True, nogil=True)
def _tops(blocks: Blocks, count: int, probability: Array, root_mass: float, keep_partial: bool) -> tuple[Array, Array]:
    """Return which blocks are in a tree that is kept, and the least probability of a node above each."""
    kept, worst = np.zeros(count, dtype=np.bool_), np.zeros(count)
    for block in range(count - 1, -1, -1):
        up, merged = blocks.parent[block], blocks.leaves[block] > 1
        if up < 0:
            kept[block] = merged and (keep_partial or blocks.mass[block] == root_mass)
            worst[block] = probability[block] if merged else 0.0
        else:
            kept[block] = kept[up]
            worst[block] = min(worst[up], probability[block]) if merged else worst[up]
    return kept, worst


@njit(cache=True, nogil=True)
def _write(parent: Array, height: Array, probability: Array, kept: Array, n: int, lcag: Array, prob: Array) -> None:
    """Fill the height and the probability of the node in which two leaves meet."""
    for i in range(n):
        for j in range(n):
            a, b = i, j
            # The common ancestor has a larger number than both, so the smaller one climbs.
            while a != b and a >= 0 and b >= 0:
                if a < b:
                    a = parent[a]
                else:
                    b = parent[b]
            if i != j and a == b and kept[a]:
                lcag[i * n + j], prob[i * n + j] = height[a], probability[a]
