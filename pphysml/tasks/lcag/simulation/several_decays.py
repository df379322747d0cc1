"""Events of several decays, and of leaves that belong to none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.random import Generator
from numpy.typing import NDArray

from ....io.ragged import Array, Columns, Ragged
from ....physics.four_vectors import Floats

Ints = NDArray[np.int64]


def mix(p4: Floats, leaf_at: Ints, parent: Ragged, lcag: Ragged, per_event: int, background: float, rng: Generator) -> Columns:
    """Return `p4`, `parent`, `lcag` and `component` of events made of `per_event` decays each.

    Background leaves are leaves of the other decays of the block, turned to a random direction;
    their number is Poisson distributed, so that they are a share `background` of all leaves in the
    mean. The leaves of an event are in random order.

    Args:
        p4: leaves of all decays, (leaves, 4), or more columns, which go along; leaf_at: their offsets, (decays + 1,).
        parent, lcag: one row per decay; leaves first, parents after their children.
    """
    of_trees = np.diff(leaf_at[::per_event])
    strays = rng.poisson(background / (1.0 - background) * of_trees) if len(p4) else np.zeros_like(of_trees)
    n = of_trees + strays
    added = p4[rng.integers(0, max(len(p4), 1), strays.sum())]
    added[:, :3] = _turned(added[:, :3], rng)
    inner = np.diff(parent.offsets[::per_event]) - of_trees
    mixed = {
        "p4": Ragged.from_counts(np.empty((n.sum(), p4.shape[1])), n),
        "parent": Ragged.from_counts(np.empty((n + inner).sum(), dtype=np.int32), n + inner),
        "lcag": Ragged.from_counts(np.zeros((n * n).sum(), dtype=np.uint8), n * n),
        "component": Ragged.from_counts(np.full(n.sum(), -1, dtype=np.int16), n),
    }
    _fill(rng, per_event, p4, leaf_at, parent.flat, parent.offsets, lcag.flat, lcag.offsets, added, strays,
          mixed["p4"].flat, mixed["p4"].offsets, mixed["parent"].flat, mixed["parent"].offsets,
          mixed["lcag"].flat, mixed["lcag"].offsets, mixed["component"].flat, mixed["component"].offsets)
    return {**mixed}


def _turned(p3: Floats, rng: Generator) -> Floats:
    """Return momenta of the same size in isotropic directions."""
    cosine, azimuth = rng.uniform(-1, 1, len(p3)), rng.uniform(0, 2 * np.pi, len(p3))
    sine = np.sqrt(1 - cosine**2)
    direction = np.stack([sine * np.cos(azimuth), sine * np.sin(azimuth), cosine], -1)
    turned: Floats = np.sqrt((p3**2).sum(-1, keepdims=True)) * direction
    return turned


@njit(cache=True, nogil=True)
def _fill(
    rng: Any, per_event: int, p4: Floats, leaf_at: Ints, parent: Array, node_at: Ints, lcag: Array, pair_at: Ints,
    added: Floats, strays: Ints, out_p4: Floats, out_leaf_at: Ints, out_parent: Array, out_node_at: Ints,
    out_lcag: Array, out_pair_at: Ints, component: Array, component_at: Ints,
) -> None:
    stray = 0
    for event in range(len(strays)):
        first, n = out_leaf_at[event], out_leaf_at[event + 1] - out_leaf_at[event]
        slot = rng.permutation(n)
        used, inner = 0, n
        for tree in range(per_event):
            decay = event * per_event + tree
            start, leaves = leaf_at[decay], leaf_at[decay + 1] - leaf_at[decay]
            for i in range(leaves):
                own = slot[used + i]
                out_p4[first + own] = p4[start + i]
                component[first + own] = tree
                for j in range(leaves):
                    out_lcag[out_pair_at[event] + own * n + slot[used + j]] = lcag[pair_at[decay] + i * leaves + j]
            for node in range(node_at[decay + 1] - node_at[decay]):
                up = parent[node_at[decay] + node]
                own = slot[used + node] if node < leaves else inner + node - leaves
                out_parent[out_node_at[event] + own] = inner + up - leaves if up >= 0 else -1
            used += leaves
            inner += node_at[decay + 1] - node_at[decay] - leaves
        for _ in range(strays[event]):
            own = slot[used]
            out_p4[first + own] = added[stray]
            out_parent[out_node_at[event] + own] = -1
            used += 1
            stray += 1
