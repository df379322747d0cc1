"""Links between hits: the answer of every engine, before tracks are made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Array, Columns, ragged

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Links:
    """For each of H hits of some frames, the hit before it on its track.

    Attributes:
        previous: int64 (H,), index among the H hits of a hit of the same frame in a layer nearer to
            the beam, -1 for none; no hit is the previous one of two.
        probability: float32 (H,), of that link; 1 where there is none.
    """

    previous: Array
    probability: Array


def frame_of_hit(examples: Columns) -> Array:
    """Return the row of each hit's frame, int64 (H,)."""
    layer = ragged(examples, "layer")
    return np.repeat(np.arange(len(layer)), layer.counts)


def layer_starts(layer: NDArray[np.int16], frame: Ints) -> Ints:
    """Return where each layer of each frame starts among the hits, and their number at the end."""
    if not len(layer):
        return np.zeros(1, dtype=np.int64)
    new = np.flatnonzero((np.diff(layer) != 0) | (np.diff(frame) != 0)) + 1
    return np.concatenate([[0], new, [len(layer)]]).astype(np.int64)


BEHIND_SHARE, BEHIND_HITS = 0.1, 30
"""Hits behind a dead layer, as a share of those of the frame and at least, so that it is not just behind the particles' end."""

NOISE_SHARE = 0.05
"""Hits that a dead layer may have, as a share of those of the fullest layer."""

FULL_SHARE = 0.5
"""The same where the whole input has shown that the layer is dead."""


def dead_hits(examples: Columns) -> tuple[Ints, NDArray[np.bool_]]:
    """Return the layer of each hit counted without dead ones, int64 (H,), and which hits are in a dead one, bool (H,).

    A layer of a frame is dead if it has no hit, or hardly any, though many hits lie behind it. A frame alone cannot show
    that where few particles come further: layers that the whole input has shown to be dead (`dead_layers`) are, unless
    the frame has them full. Of a hit in a dead layer the number is that of the live one before, -1 if there is none.
    """
    layer, frame = ragged(examples, "layer").flat.astype(np.int64), frame_of_hit(examples)
    n_layers = int(layer.max(initial=0)) + 1
    hits = np.bincount(frame * n_layers + layer, minlength=len(ragged(examples, "layer")) * n_layers).reshape(-1, n_layers)
    behind = hits[:, ::-1].cumsum(1)[:, ::-1] - hits
    dead = (hits <= NOISE_SHARE * hits.max(1, keepdims=True)) & (behind >= np.maximum(BEHIND_SHARE * hits.sum(1, keepdims=True), BEHIND_HITS))
    dead |= _known_dead(examples, n_layers) & (hits <= FULL_SHARE * hits.max(1, keepdims=True))
    live: Ints = layer - dead.cumsum(1)[frame, layer]
    return live, dead[frame, layer]


def _known_dead(examples: Columns, n_layers: int) -> NDArray[np.bool_]:
    """Return which layers of each frame the whole input has shown to be dead, bool (F, n_layers)."""
    known = np.zeros((len(ragged(examples, "layer")), n_layers), dtype=bool)
    if "dead_layers" in examples:
        named = ragged(examples, "dead_layers")
        inside = named.flat < n_layers
        known[np.repeat(np.arange(len(named)), named.counts)[inside], named.flat[inside]] = True
    return known


def live_layers(examples: Columns) -> Ints:
    """Return the layer of each hit counted without those that are dead, int64 (H,); see `dead_hits`."""
    return dead_hits(examples)[0]


LAYERS = 1_000_000
"""More layers than there are, by which those of frames are numbered apart."""


def live_places(examples: Columns) -> Floats:
    """Return a number of each hit's frame and live layer, (H,), rising; hits of neighbouring live layers differ by 1.

    Those of dead layers lie half a step from any other.
    """
    live, dead = dead_hits(examples)
    places: Floats = frame_of_hit(examples) * LAYERS + live + 0.5 * dead
    return places


def following_hits(previous: Array) -> Ints:
    """Return the hit behind each one on its track, int64 (H,), -1 for none."""
    following = np.full(len(previous), -1, dtype=np.int64)
    linked = np.flatnonzero(previous >= 0)
    following[previous[linked]] = linked
    return following


def neighbour_layers(examples: Columns, skip_layers: int) -> tuple[Ints, NDArray[np.bool_]]:
    """Return `dead_hits`, which have no links; where links leave out no layer, all layers count."""
    layer = ragged(examples, "layer").flat.astype(np.int64)
    return dead_hits(examples) if skip_layers else (layer, np.zeros(len(layer), dtype=bool))


def true_links(examples: Columns, skip_layers: int) -> Ints:
    """Return for each hit the one before it of the same particle, int64 (H,), -1 for none.

    The hit before is in the nearest layer that has one of the particle, at most `1 + skip_layers` away; see `neighbour_layers`.
    """
    layer, dead = neighbour_layers(examples, skip_layers)
    particle = np.where(dead, -1, ragged(examples, "particle").flat)
    frame = frame_of_hit(examples)
    order = np.lexsort((np.arange(len(layer)), layer, particle, frame))
    previous = np.full(len(layer), -1, dtype=np.int64)
    same = (np.diff(frame[order]) == 0) & (np.diff(particle[order]) == 0) & (particle[order][1:] >= 0)
    step = np.diff(layer[order])
    reached = same & (step >= 1) & (step <= 1 + skip_layers)
    previous[order[1:][reached]] = order[:-1][reached]
    return previous
