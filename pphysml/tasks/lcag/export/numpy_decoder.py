"""Decay trees from an exported network, with NumPy alone; this file needs no other of the package.

    import onnxruntime, lcag_decoder as decoder      # this file, as it lies beside lcag.onnx
    session = onnxruntime.InferenceSession("lcag.onnx")
    found = decoder.reconstruct(session, p4, n_leaves)
    print(found.matrix[0])                           # heights of the lowest common ancestors
    print(found.score, found.margin, found.probability)

`p4` is float64 (B, n, 4) with px, py, pz, E in GeV and rows of zeros as padding; `n_leaves` is (B,).
Where the network runs elsewhere, `inputs` makes its inputs, `scores` takes its outputs, for events of
equal numbers of leaves, and `decode` and `probability` go on from there.

The score of a tree adds those of its pairs of leaves, nodes, leaves and whole trees. The best of all
valid trees is found by dynamic programming over sets of leaves: a set S with a root of height h is
split in blocks of smaller height, one of them of height h - 1 if levels have no gaps. A block takes
the lowest leaf of what is left of S, so that every tree is counted once. A set is a bitmask, bit i
for leaf i. Time grows as 3**n: for up to twelve leaves. The loops are over sets, not over events.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]

SETTINGS: dict[str, Any] = json.loads('{"model": "", "inputs": [], "features": [], "pair_features": [], "hypotheses": [], "forest": false, "gap_free": true, "temperature": 1.0, "pair_weight": 1.0, "slope": 1.0, "offset": 0.0}')
"""What the decoder must know of the network; the metadata of the ONNX file say the same."""

MAX_LEAVES = 12
NEVER = -np.inf
BOUND = 1e4
CELLS = 2**16
"""Sets times events that are decoded together; more only costs memory traffic."""


class Scores(NamedTuple):
    """Scores of events of n leaves, float32.

    Attributes:
        pairs: of every level of every pair, (B, n, n, C); level 0 is for leaves of different trees.
        clades: of every set being a node of each height, (B, 2**n, C), or None.
        leaves: of every leaf being in no tree, or in one, (B, n, 2); None where an event is one tree.
        trees: of every set being a whole tree, (B, 2**n), or None.
    """

    pairs: Array
    clades: Array | None = None
    leaves: Array | None = None
    trees: Array | None = None


class Decoded(NamedTuple):
    """The best trees or forests.

    Attributes:
        matrix: heights of lowest common ancestors, uint8 (B, n, n); 0 on the diagonal, for padding
            and between different trees.
        background: which leaves are in no tree, bool (B, n).
        score: float64 (B,).
        margin: score less that of the best different tree, (B,); infinite if there is none.
    """

    matrix: Array
    background: Array
    score: Floats
    margin: Floats


class Trees(NamedTuple):
    """As `Decoded`, and what is known beside the tree.

    Attributes:
        probability: the tree's calibrated share of all valid ones, (B,).
        hypothesis: absolute PDG id of the most probable mass hypothesis of each leaf, 0 for none of
            those that the network knows, (B, n); None if it knows none.
    """

    matrix: Array
    background: Array
    score: Floats
    margin: Floats
    probability: Floats
    hypothesis: Array | None


def reconstruct(session: Any, p4: Array, n_leaves: Array, features: Array | None = None, batch_size: int = 256,
                pair_features: Array | None = None) -> Trees:
    """Run the network on events and decode what it says; events with one possible answer are not decoded.

    Args:
        session: onnxruntime.InferenceSession of the model beside this file.
        p4, n_leaves: see above.
        features: (B, n, F), those of SETTINGS["features"], if there are any.
        pair_features: (B, n, n, K), those of SETTINGS["pair_features"], symmetric. Where `doca`, `vertex_distance`
            or `vertex_rho` is among them, the function `vertexing` is below, which computes these from a point x, y, z
            on each track and its momentum: vertexing(x[:, :, None], p[:, :, None], x[:, None], p[:, None]).

    Raises:
        ValueError: the session is of another model, or an event has more than MAX_LEAVES leaves.
    """
    told = json.loads(session.get_modelmeta().custom_metadata_map.get("pphysml", "{}"))
    if told.get("model") != SETTINGS["model"]:
        raise ValueError(f"the decoder belongs to model {SETTINGS['model']!r}, the session holds {told.get('model')!r}")
    n_leaves = np.asarray(n_leaves)
    if len(n_leaves) and n_leaves.max() > MAX_LEAVES:
        raise ValueError(f"events have up to {n_leaves.max()} leaves; this decoder takes up to {MAX_LEAVES}")
    events, width = p4.shape[:2]
    found = Trees(np.zeros((events, width, width), np.uint8), np.zeros((events, width), np.bool_),
                  np.zeros(events), np.full(events, np.inf), np.ones(events),
                  np.zeros((events, width), np.int64) if SETTINGS["hypotheses"] else None)
    names = [output.name for output in session.get_outputs()]
    for n in np.unique(n_leaves[n_leaves > 0]):
        rows = np.flatnonzero(n_leaves == n)
        for some in np.split(rows, range(batch_size, len(rows), batch_size)):
            feed = inputs(p4[some, :n], n_leaves[some], None if features is None else features[some, :n],
                          None if pair_features is None else pair_features[some, :n, :n])
            logits = dict(zip(names, session.run(None, feed), strict=True))
            said = scores(logits, int(n))
            tree = decode(said)
            found.matrix[some, :n, :n], found.background[some, :n] = tree.matrix, tree.background
            found.score[some], found.margin[some] = tree.score, tree.margin
            found.probability[some] = probability(said, tree.score)
            if found.hypothesis is not None:
                found.hypothesis[some, :n] = np.array([0, *SETTINGS["hypotheses"]])[logits["hypotheses"][:, :n].argmax(-1)]
    return found


def inputs(p4: Array, n_leaves: Array, features: Array | None = None, pair_features: Array | None = None) -> dict[str, Array]:
    """Return the network's inputs by name, for events of up to n leaves; single leaves are padded to two."""
    found = all_inputs(p4, n_leaves, features, pair_features)
    for name, of in (("features", "the leaves"), ("pair_features", "pairs of leaves")):
        if name in SETTINGS["inputs"] and name not in found:
            raise ValueError(f"the network needs features of {of}: {', '.join(SETTINGS[name])}")
    return {name: found[name] for name in SETTINGS["inputs"]}


def all_inputs(p4: Array, n_leaves: Array, features: Array | None = None, pair_features: Array | None = None) -> dict[str, Array]:
    """Return the inputs of any network by name.

    Beside the momenta these say how pairs and sets of n leaves are numbered; sets are counted for
    n up to MAX_LEAVES only, so that of larger events the network scores pairs (and leaves) alone.
    """
    if p4.shape[1] < 2:
        none, more = (0, 0), (0, 2 - p4.shape[1])
        p4, features = np.pad(p4, (none, more, none)), None if features is None else np.pad(features, (none, more, none))
        pair_features = None if pair_features is None else np.pad(pair_features, (none, more, more, none))
    n = p4.shape[1]
    first, second, table = pair_table(n)
    sets = np.arange(1 << n if n <= MAX_LEAVES else 1)
    found = {
        "p4": np.ascontiguousarray(p4, dtype=np.float64),
        "n_leaves": np.asarray(n_leaves, dtype=np.int64),
        "pair_first": first, "pair_second": second, "pair_table": table,
        "set_members": (sets[:, None] >> np.arange(n) & 1).astype(np.float32),
    }
    if features is not None:
        found["features"] = np.ascontiguousarray(features, dtype=np.float32)
    if pair_features is not None:
        found["pair_features"] = np.ascontiguousarray(pair_features, dtype=np.float32)
    return found


@lru_cache(maxsize=32)
def pair_table(n: int) -> tuple[Array, Array, Array]:
    """Return both leaves of each pair, i < j, and the number of the pair (i, j), (n, n), one past the last for i = j."""
    first, second = np.triu_indices(n, 1)
    table = np.full((n, n), len(first), dtype=np.int64)
    table[first, second] = table[second, first] = np.arange(len(first))
    return first.astype(np.int64), second.astype(np.int64), table


def scores(logits: Mapping[str, Array], n: int) -> Scores:
    """Return the scores of events of n leaves from the network's outputs, which may be padded to more."""
    pairs = logits["pairs"]
    events, count, levels = pairs.shape
    width = round((1 + math.sqrt(1 + 8 * count)) / 2)
    log_p = np.concatenate([pairs - _log_sum(pairs, -1)[..., None], np.zeros((events, 1, levels), np.float32)], 1)
    log_p = log_p[:, pair_table(width)[2][:n, :n]]
    clades = leaves = trees = None
    if "background" in logits:
        odds = logits["background"][:, :n]
        leaves = np.stack([_log_sigmoid(odds), _log_sigmoid(-odds)], -1)
    if "clades" in logits:
        clades = logits["clades"][:, : 1 << n]
        clades = clades - clades[..., :1]
        log_p = log_p * np.float32(SETTINGS["pair_weight"])
    if "trees" in logits and clades is not None and leaves is not None:
        trees = logits["trees"][:, : 1 << n]
        # Every node, and leaf of a tree, is scored as no whole tree; the odds come on top if it is.
        inner = _log_sigmoid(-trees)
        clades = clades + inner[..., None]
        leaves[..., 1] += inner[:, 1 << np.arange(n)]
    return Scores(log_p, clades, leaves, trees)


def decode(of: Scores, gap_free: bool | None = None) -> Decoded:
    """Return the best of all valid trees, or forests if leaves are scored."""
    gap_free = SETTINGS["gap_free"] if gap_free is None else gap_free
    events, n = of.pairs.shape[:2]
    found = Decoded(np.zeros((events, n, n), np.uint8), np.zeros((events, n), np.bool_), np.zeros(events), np.full(events, np.inf))
    if n < (2 if of.leaves is None else 1):
        return found
    for rows, part in _parts(of):
        here = Decoded(*(array[rows] for array in found))  # views
        tables = _Tables(part, gap_free, _Best)
        here.score[:] = tables.total
        if tables.forest is None:
            event = np.arange(len(here.score))
            _read_trees(tables, event, np.full(len(event), (1 << n) - 1), here)
        else:
            _read_forests(tables, part, here)
        here.matrix[:, np.arange(n), np.arange(n)] = 0
    return found


def log_partition(of: Scores, temperature: float | None = None, gap_free: bool | None = None) -> Floats:
    """Return the logarithm of the sum of exp(score / temperature) over all valid trees or forests, (B,)."""
    temperature = SETTINGS["temperature"] if temperature is None else temperature
    gap_free = SETTINGS["gap_free"] if gap_free is None else gap_free
    total = np.zeros(len(of.pairs))
    if of.pairs.shape[1] >= (2 if of.leaves is None else 1):
        for rows, part in _parts(of):
            total[rows] = _Tables(part, gap_free, _Sum, 1 / temperature).total
    return total


def probability(of: Scores, score: Floats) -> Floats:
    """Return the calibrated probability of trees of the given scores, (B,)."""
    share: Floats = np.exp(np.minimum(score / SETTINGS["temperature"] - log_partition(of), 0))
    if (SETTINGS["slope"], SETTINGS["offset"]) == (1.0, 0.0):
        return share
    # Where there is no doubt, or one possible tree, nothing is to be corrected.
    low = np.clip(share, 1e-30, 1 - 1e-7)
    odds = np.log(low) - np.log1p(-low)
    corrected: Floats = 1 / (1 + np.exp(-(SETTINGS["slope"] * odds + SETTINGS["offset"])))
    return np.where(share >= 1 - 1e-7, share, corrected)


class _Best:
    """The scores of alternatives count as the best of them."""

    two, along = np.maximum, np.maximum.accumulate

    @staticmethod
    def over(terms: Array) -> Array:
        """Return the best over the first axis."""
        best: Array = terms.max(0)
        return best


class _Sum:
    """The scores of alternatives are logarithms that count as the logarithm of the sum."""

    two, along = np.logaddexp, np.logaddexp.accumulate

    @staticmethod
    def over(terms: Array) -> Array:
        """Return the logarithm of the sum over the first axis."""
        return _log_sum(terms, 0)


class _Tables:
    """Scores of every set S for every height h, (2**n, C - 1, B), all times `scale`.

    Attributes:
        node: S is a node of height h.
        exact, lower: S is one block under a node of height h, of height h - 1, or lower; less
            within[S, h], so that the node's pairs are within[S, h] plus its blocks.
        any, some: S is split in blocks, any, or at least one of them exact; S may be one of them.
        within: sum over the pairs of leaves in S of each level, (2**n, C, B).
        whole, forest: S is one tree or a leaf by itself; the best forest on S. Relative to
            within[S, 0]; (2**n, B), or None where every event is one tree.
        total: of all leaves, (B,).
    """

    def __init__(self, of: Scores, gap_free: bool, combine: type[_Best] | type[_Sum], scale: float = 1.0) -> None:
        pairs = scale * np.moveaxis(_bounded(of.pairs), 0, -1)
        clades, leaves, trees = (None if t is None else scale * np.moveaxis(_bounded(t), 0, -1) for t in of[1:])
        self.n, self.gap_free, self.combine = len(pairs), gap_free, combine
        self.within = _within(pairs)
        shape = (1 << self.n, pairs.shape[2] - 1, pairs.shape[3])
        self.node, self.exact, self.lower, self.any, self.some = np.full((5, *shape), NEVER)
        self.any[0] = 0.0
        for s in range(1, 1 << self.n):
            if s & (s - 1):
                self._fill(s, clades)
            else:
                self._fill_leaf(s)
        self.whole = self.forest = None
        if leaves is None:
            self.total = combine.over(self.node[-1])
            return
        self.whole = self._wholes(leaves, trees)
        self.forest = self._forests(self.whole)
        self.total = self.forest[-1] + self.within[-1, 0]

    def _fill_leaf(self, s: int) -> None:
        """Set a leaf, which has height 0: exact under height 1, lower under all others."""
        self.any[s] = self.exact[s, 0] = self.some[s, 0] = 0.0
        if self.gap_free:
            self.lower[s, 1:] = 0.0
        else:
            self.exact[s] = self.some[s] = 0.0

    def _fill(self, s: int, clades: Array | None) -> None:
        two, over = self.combine.two, self.combine.over
        block, rest = _splits(s)
        exact, anything = self.exact[block], self.any[rest]
        if self.gap_free:
            lower = self.lower[block]
            split = over(two(exact, lower) + anything)
            exact += anything
            lower += self.some[rest]
            some = two(over(exact), over(lower))
        else:
            exact += anything
            split = some = over(exact)
        self.node[s] = some + self.within[s, 1:]
        if clades is not None:
            self.node[s] += clades[s, 1:]
        below = self.combine.along(self.node[s], axis=0)
        if self.gap_free:
            self.exact[s, 1:] = self.node[s, :-1] - self.within[s, 2:]
            self.lower[s, 2:] = below[:-2] - self.within[s, 3:]
        else:
            self.exact[s, 1:] = below[:-1] - self.within[s, 2:]
        self.some[s] = two(some, self.exact[s])
        self.any[s] = two(two(split, self.exact[s]), self.lower[s])

    def _wholes(self, leaves: Array, trees: Array | None) -> Array:
        own = _doubled(leaves[:, 1])
        if trees is not None:
            own = own + trees
        whole = own + self.combine.over(np.moveaxis(self.node, 1, 0)) - self.within[:, 0]
        single = 1 << np.arange(self.n)
        whole[single] = self.combine.two(own[single], leaves[:, 0])
        return whole

    def _forests(self, whole: Array) -> Array:
        forest = np.zeros_like(whole)
        for s in range(1, len(whole)):
            forest[s] = whole[s]
            if s & (s - 1):
                block, rest = _splits(s)
                forest[s] = self.combine.two(whole[s], self.combine.over(whole[block] + forest[rest]))
        return forest


def _read_trees(tables: _Tables, event: Array, subset: Array, found: Decoded) -> None:
    """Write the best trees on sets of leaves of some events, and lower the margins to their leads.

    The second-best tree leaves the best one at one place first and is best from there on, so the
    lead is the smallest over the places of the best tree (L. Huang and D. Chiang, IWPT 2005).
    """
    height = _highest(tables, event, subset, np.full(len(event), tables.node.shape[1]), found)
    while len(event):
        member = subset[:, None] >> np.arange(tables.n) & 1
        at, i, j = np.nonzero(member[:, :, None] * member[:, None, :])
        found.matrix[event[at], i, j] = height[at]
        event, subset, height, free = _children(tables, event, subset, height, found)
        height[free] = _highest(tables, event[free], subset[free], height[free] - tables.gap_free, found)


def _children(tables: _Tables, event: Array, subset: Array, height: Array, found: Decoded) -> tuple[Array, Array, Array, Array]:
    """Return the nodes below the given ones: event, set, largest height, and whether it may be less."""
    below: list[tuple[Array, ...]] = []
    some = np.ones(len(event), dtype=bool)
    whole = False
    while len(event):
        block, lower = np.zeros_like(subset), np.zeros(len(event), dtype=bool)
        for which, rest in _all_splits(subset, tables.n):
            if not whole:
                rest = rest[:, :-1]
            e, h = event[which, None], height[which, None] - 1
            taken = subset[which, None] ^ rest
            of_rest = tables.any[rest, h, e]
            value = np.stack([tables.exact[taken, h, e] + of_rest,
                              tables.lower[taken, h, e] + np.where(some[which, None], tables.some[rest, h, e], of_rest)], -1)
            best = _choose(value.reshape(len(which), -1), event[which], found)
            block[which] = taken[np.arange(len(which)), best // 2]
            lower[which] = best % 2 == 1
        node = (block & (block - 1)) > 0
        below.append((event[node], block[node], height[node] - 1, lower[node] | (not tables.gap_free)))
        some &= lower
        subset = subset ^ block
        left = subset > 0
        event, subset, height, some, whole = event[left], subset[left], height[left], some[left], True
    joined = tuple(np.concatenate(parts) for parts in zip(*below, strict=True))
    return joined[0], joined[1], joined[2], joined[3]


def _highest(tables: _Tables, event: Array, subset: Array, limit: Array, found: Decoded) -> Array:
    """Return the best height, up to `limit`, of nodes on sets."""
    value = tables.node[subset, :, event]
    value = np.where(np.arange(value.shape[1]) < limit[:, None], value, NEVER)
    return 1 + _choose(value, event, found)


def _read_forests(tables: _Tables, of: Scores, found: Decoded) -> None:
    """Write the best forests: trees, leaves of none, and leads."""
    assert tables.whole is not None and tables.forest is not None and of.leaves is not None
    leaves = _bounded(of.leaves)
    event = np.arange(len(found.score))
    subset = np.full(len(event), (1 << tables.n) - 1)
    while len(event):
        block = np.zeros_like(subset)
        for which, rest in _all_splits(subset, tables.n):
            rest = np.roll(rest, 1, axis=1)
            taken = subset[which, None] ^ rest
            value = tables.whole[taken, event[which, None]] + tables.forest[rest, event[which, None]]
            block[which] = taken[np.arange(len(which)), _choose(value, event[which], found)]
        tree = (block & (block - 1)) > 0
        _read_trees(tables, event[tree], block[tree], found)
        lone, lowest = event[~tree], np.log2(block[~tree]).astype(np.int64)
        own = leaves[lone, lowest, 1]
        if of.trees is not None:
            own = own + _bounded(of.trees)[lone, block[~tree]]
        lead = leaves[lone, lowest, 0] - own
        found.background[lone, lowest] = lead >= 0
        np.minimum.at(found.margin, lone, np.abs(lead))
        subset = subset ^ block
        event, subset = event[subset > 0], subset[subset > 0]


def _choose(value: Array, event: Array, found: Decoded) -> Array:
    """Return the best of the alternatives (items, K), and lower the events' margins to its lead."""
    best: Array = value.argmax(1)
    rows = np.arange(len(value))
    top = value[rows, best]
    value[rows, best] = NEVER
    if value.shape[1] > 1:
        np.minimum.at(found.margin, event, top - value.max(1))
    return best


@lru_cache(maxsize=1 << MAX_LEAVES)
def _splits(s: int) -> tuple[Array, Array]:
    """Return the blocks with the lowest leaf of S, and the rests, which are not empty."""
    ((_, rest),) = _all_splits(np.array([s]), MAX_LEAVES)
    return s ^ rest[0, :-1], rest[0, :-1]


def _all_splits(subset: Array, n: int) -> Iterator[tuple[Array, Array]]:
    """Yield, for sets of equal size, which they are and what blocks with the lowest leaf leave.

    Rests are (sets, 2**(size - 1)), in falling order, the empty one last.
    """
    member = subset[:, None] >> np.arange(n) & 1
    size = member.sum(1)
    for k in np.unique(size):
        which = np.flatnonzero(size == k)
        place = np.nonzero(member[which])[1].reshape(-1, k)[:, 1:]
        chosen = np.arange((1 << (k - 1)) - 1, -1, -1)[:, None] >> np.arange(k - 1) & 1
        yield which, (1 << place) @ chosen.T


def _within(pairs: Array) -> Array:
    """Return the sums over pairs in each set, (2**n, C, B) from (n, n, C, B)."""
    within = np.zeros((1, *pairs.shape[2:]))
    for leaf in range(len(pairs)):
        within = np.concatenate([within, within + _doubled(pairs[:leaf, leaf])])
    return within


def _doubled(values: Array) -> Array:
    """Return the sums over the leaves in each set, (2**n, ...) from (n, ...)."""
    total = np.zeros((1, *values.shape[1:]))
    for value in values:
        total = np.concatenate([total, total + value])
    return total


def _parts(of: Scores) -> Iterator[tuple[slice, Scores]]:
    """Yield the events in parts that fit into fast memory."""
    events, n = of.pairs.shape[:2]
    step = max(1, CELLS >> n)
    for start in range(0, events, step):
        rows = slice(start, min(start + step, events))
        others = (None if t is None else t[rows] for t in of[1:])
        yield rows, Scores(of.pairs[rows], *others)


def _bounded(values: Array) -> Floats:
    """Return scores between -BOUND and BOUND, NaN as -BOUND, of float32 precision."""
    finite = np.nan_to_num(np.asarray(values, dtype=np.float32), nan=-BOUND)
    return np.clip(finite, -BOUND, BOUND).astype(np.float64)


def _log_sum(values: Array, axis: int) -> Array:
    top = values.max(axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        total: Array = np.log(np.exp(values - top).sum(axis)) + top.squeeze(axis)
    return total


def _log_sigmoid(values: Array) -> Array:
    logs: Array = np.minimum(values, 0) - np.log1p(np.exp(-np.abs(values)))
    return logs
