"""Layers and true links of hits in the order of frames and layers, against loops over the hits."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.track.tracks.links import frame_of_hit, layer_starts, true_links


def drawn(seed, n_frames=4, most=12):
    """Frames of hits in random layers, some of them empty, and hits of noise; a particle may miss layers or have two hits in one."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, most + 1, n_frames)
    layer = np.concatenate([np.sort(rng.integers(0, 7, n)) for n in counts]).astype(np.int16)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return {"layer": Ragged(layer, offsets), "particle": Ragged(rng.integers(-1, 3, len(layer)), offsets)}


@pytest.mark.parametrize("seed", range(5))
def test_layers_start_where_frame_or_layer_changes(seed):
    examples = drawn(seed)
    place = list(zip(frame_of_hit(examples).tolist(), examples["layer"].flat.tolist(), strict=True))
    expected = [k for k in range(len(place)) if k == 0 or place[k] != place[k - 1]]
    assert layer_starts(examples["layer"].flat, frame_of_hit(examples)).tolist() == [*expected, len(place)]


def test_without_hits_there_are_no_layers():
    examples = drawn(0, n_frames=3, most=0)
    assert layer_starts(examples["layer"].flat, frame_of_hit(examples)).tolist() == [0]


@pytest.mark.parametrize("skip", [0, 1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_the_hit_before_is_the_nearest_of_the_particle_within_reach(seed, skip):
    examples = drawn(seed, n_frames=6)
    frame, layer, particle = frame_of_hit(examples), examples["layer"].flat.astype(int), examples["particle"].flat
    found = true_links(examples, skip)
    for hit in range(len(layer)):
        before = [k for k in range(len(layer)) if frame[k] == frame[hit] and particle[k] == particle[hit] >= 0 and layer[k] <= layer[hit] and k < hit]
        nearest = before[-1] if before else -1
        reached = before and 1 <= layer[hit] - layer[nearest] <= 1 + skip
        assert found[hit] == (nearest if reached else -1)
