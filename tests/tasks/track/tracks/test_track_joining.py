"""Tracks over a sensor that missed them are joined, others are not."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.track.tracks.links import Links
from pphysml.tasks.track.tracks.track_joining import join

PITCH = 5.0


def frame(*tracks):
    """Return a frame of tracks, each a list of (layer, x), and their links; a gap in layers is not linked."""
    hits = sorted((layer, number, x) for number, track in enumerate(tracks) for layer, x in track)
    layer, number, x = (np.array(v) for v in zip(*hits, strict=True))
    previous = np.full(len(layer), -1)
    for h in range(len(layer)):
        before = np.flatnonzero((number == number[h]) & (layer == layer[h] - 1))
        previous[h] = before[0] if len(before) else -1
    counts = [len(layer)]
    columns = {"layer": layer.astype(np.int16), "x": x.astype("f4"), "y": np.zeros(len(x), "f4"), "z": (PITCH * layer).astype("f4")}
    return {k: Ragged.from_counts(v, counts) for k, v in columns.items()}, Links(previous, np.ones(len(x), "f4")), layer, number


def straight(x0, slope, layers):
    return [(layer, x0 + slope * PITCH * layer) for layer in layers]


def test_two_tracks_that_miss_a_layer_are_joined_each_to_itself():
    examples, links, layer, number = frame(straight(0, 0.02, (0, 1, 3, 4)), straight(0.6, -0.02, (0, 1, 3, 4)))
    found = join(examples, links, 0.2)
    for h in np.flatnonzero(layer == 3):
        assert number[found.previous[h]] == number[h]
        assert layer[found.previous[h]] == 1
    kept = links.previous >= 0
    np.testing.assert_array_equal(found.previous[kept], links.previous[kept])


@pytest.mark.parametrize("bend, joined", [(0.04, True), (0.06, False)])
def test_the_largest_bend_is_kept(bend, joined):
    track = [*straight(0, 0.0, (0, 1)), (3, 2 * PITCH * np.tan(bend)), (4, 3 * PITCH * np.tan(bend))]
    examples, links, layer, _ = frame(track)
    found = join(examples, links, 0.05)
    assert (found.previous[layer == 3] >= 0).all() == joined


@pytest.mark.parametrize("track", [straight(0, 0, (0, 1, 2, 3)), straight(0, 0, (0, 1, 5, 6)), straight(0, 0, (0, 2)), straight(0, 0, (0, 3))],
                         ids=["whole", "three layers missed", "two hits alone", "two hits alone, two layers missed"])
def test_nothing_to_join(track):
    examples, links, _, _ = frame(track)
    np.testing.assert_array_equal(join(examples, links, 0.3).previous, links.previous)


@pytest.mark.parametrize("layers", [(0, 1, 4, 5), (0, 2, 3, 4), (0, 1, 2, 4), (0, 3, 4), (0, 1, 4), (0, 1, 3, 4, 7, 8)])
def test_one_or_two_missed_layers_are_joined_and_hits_that_are_alone(layers):
    examples, links, layer, _ = frame(straight(0, 0.03, layers))
    np.testing.assert_array_equal(join(examples, links, 0.3).previous, np.arange(len(layer)) - 1)


@pytest.mark.parametrize("bend, joined", [(0.06, True), (0.07, False)])
def test_a_hit_alone_may_bend_two_thirds_as_much(bend, joined):
    examples, links, layer, _ = frame([*straight(0, 0, (0, 1)), (3, 2 * PITCH * np.tan(bend))])
    assert (join(examples, links, 0.1).previous[layer == 3] >= 0).all() == joined


@pytest.mark.parametrize("width, joined", [(60, True), (3, False)])
def test_what_may_be_near_by_chance_is_not_joined(width, joined):
    """Another piece that starts in the layer lies as near to where the first one points, if the 40 are dense."""
    apart = [sign * width * (k + 1.5) / 20 for k in range(20) for sign in (-1, 1)]
    others = [straight(x, 0, layers) for layers in (range(5), (3, 4)) for x in apart]
    own = [*straight(0, 0, (0, 1)), (3, 0.14), (4, 0.14)]
    examples, links, layer, number = frame(own, *others)
    found = join(examples, links, 0.1)
    start, end = (np.flatnonzero((number == 0) & (layer == k))[0] for k in (3, 1))
    assert (found.previous[start] == end) == joined


def test_one_straight_track_is_better_than_two_that_bend_as_far_as_they_may():
    """Left apart, two pieces cost the squares of the largest bend at both hits, so that nearly bent ones gain little."""
    bend = 0.09
    step = 2 * PITCH * np.tan(bend)
    whole = straight(0, 0, (0, 1, 3, 4))
    before, behind = [(0, -step), (1, -step)], [(3, step), (4, step + PITCH * np.tan(2 * bend))]
    examples, links, layer, number = frame(whole, before, behind)
    found = join(examples, links, 0.1)
    at = {(int(n), int(k)): h for h, (n, k) in enumerate(zip(number, layer, strict=True))}
    assert found.previous[at[0, 3]] == at[0, 1] and found.previous[at[2, 3]] == -1
    # Without the straight one, each of the bent ones is joined.
    for tracks in ((whole[:2], behind), (before, whole[2:])):
        examples, links, layer, _ = frame(*tracks)
        assert (join(examples, links, 0.1).previous[layer == 3] >= 0).all()
