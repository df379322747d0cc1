"""Two tracks that meet in one cluster go on straight, and share it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.track.geometries.geometry import load_geometry
from pphysml.tasks.track.ranges.wepl import fit_ranges
from pphysml.tasks.track.tracks.links import Links
from pphysml.tasks.track.tracks.merged_hits import share, uncross
from pphysml.tasks.track.tracks.tracks import find_tracks
from pphysml.tasks.track.tracks.true_tracks import tracks_of

PITCH, PIXEL, SIZE = 5.0, 0.03, 4
RADIUS = PIXEL * np.sqrt(SIZE / np.pi)


def frame(hits, chains, sizes=None):
    """Return a frame of hits (layer, x), sorted by layer, and links along chains of them."""
    place = {hit: i for i, hit in enumerate(hits)}
    previous = np.full(len(hits), -1)
    for chain in chains:
        for before, behind in pairwise(chain):
            previous[place[behind]] = place[before]
    layer, x = (np.array(values) for values in zip(*hits, strict=True))
    columns = {"layer": layer.astype(np.int16), "x": x.astype("f4"), "y": np.zeros(len(x), "f4"), "z": (PITCH * layer).astype("f4"),
               "cluster_size": np.array([(sizes or {}).get(hit, SIZE) for hit in hits], np.int32)}
    examples = {name: Ragged.from_counts(values, [len(hits)]) for name, values in columns.items()}
    return examples | {"pitch_x": np.full(1, PIXEL), "pitch_y": np.full(1, PIXEL)}, Links(previous, np.ones(len(hits), "f4")), place


def meeting(slope, offset=0.0, size=2 * SIZE):
    """Return hits of two tracks of opposite slopes that meet in one cluster in layer 3, as chains of either."""
    rising, falling = ([(k, round(sign * slope * PITCH * (k - 3), 6)) for k in (0, 1, 2, 4, 5, 6)] for sign in (1, -1))
    cluster = (3, offset)
    return sorted([*rising, *falling, cluster]), rising, falling, cluster, {cluster: size}


@pytest.mark.parametrize("through", ["rising", "falling"])
def test_crossed_ends_are_exchanged_and_straight_tracks_stay(through):
    hits, rising, falling, cluster, sizes = meeting(0.008)
    through, other = (rising, falling) if through == "rising" else (falling, rising)
    crossed = ([*through[:3], cluster, *other[3:]], [*other[:3], *through[3:]])
    straight = ([*through[:3], cluster, *through[3:]], other)
    examples, links, _ = frame(hits, crossed, sizes)
    _, expected, _ = frame(hits, straight, sizes)
    np.testing.assert_array_equal(uncross(examples, links).previous, expected.previous)
    np.testing.assert_array_equal(uncross(examples, expected).previous, expected.previous)


def test_tracks_that_pass_far_from_a_cluster_are_not_exchanged():
    """Both would be straighter, but the cluster is far from the second one."""
    far = 6 * RADIUS * np.sqrt(2)
    one = [(k, 0.0) for k in (0, 1, 2)] + [(3, 0.0)] + [(k, far) for k in (4, 5, 6)]
    other = [(k, far) for k in (0, 1, 2)] + [(k, 2 * far) for k in (4, 5, 6)]
    examples, links, _ = frame(sorted({*one, *other}), (one, other), {(3, 0.0): 2 * SIZE})
    np.testing.assert_array_equal(uncross(examples, links).previous, links.previous)


@pytest.mark.parametrize("offset, size, shared", [(0.5, SIZE, True), (1.5, SIZE, False), (1.5, 2 * SIZE, True), (3.5, 2 * SIZE, False)],
                         ids=["in it", "beside a usual one", "beside a large one", "too far"])
def test_a_track_shares_the_cluster_that_it_passes_over(offset, size, shared):
    """Offsets are in radii of the cluster."""
    away = offset * PIXEL * np.sqrt(size / np.pi)
    one, other = [(k, away) for k in range(6)], [(k, 0.0) for k in (0, 1, 2, 4, 5)]
    examples, links, place = frame(sorted({*one, *other}), (one, other), {(3, away): size})
    alone = find_tracks(examples, links)
    tracks = share(examples, alone)
    cluster, passing = place[(3, away)], alone.of_hit[place[(0, 0.0)]]
    assert tracks.hits[passing].tolist() == sorted([*alone.hits[passing], *([cluster] if shared else [])])
    np.testing.assert_array_equal(tracks.of_hit, alone.of_hit)
    assert tracks.hits[1 - passing].tolist() == alone.hits[1 - passing].tolist()


def test_two_missed_layers_share_a_cluster_each():
    one, other = [(k, 0.01) for k in range(6)], [(k, 0.0) for k in (0, 1, 4, 5)]
    examples, links, place = frame(sorted({*one, *other}), (one, other))
    tracks = share(examples, find_tracks(examples, links))
    assert {place[(2, 0.01)], place[(3, 0.01)]} < set(tracks.hits[tracks.of_hit[place[(0, 0.0)]]])


def test_a_hit_of_no_track_is_not_shared():
    one, other = [(3, 0.01)], [(k, 0.0) for k in (0, 1, 2, 4, 5)]
    examples, links, _ = frame(sorted({*one, *other}), (other,))
    kept = find_tracks(examples, links)
    kept = kept.keep(kept.hits.counts > 1)
    np.testing.assert_array_equal(share(examples, kept).hits.flat, kept.hits.flat)


def test_what_two_particles_lost_together_says_nothing_of_either_range(toy):
    """A shared cluster has no part in the fits, whatever its energy."""
    examples, tracks, cluster = sharing(toy)
    examples = toy.in_geometry(examples, load_geometry("dtc"))
    shared = share(examples, tracks)
    assert cluster in shared.hits[1] and cluster not in tracks.hits[1]
    louder = examples["dedx"].flat.copy()
    louder[cluster] *= 3
    other = examples | {"dedx": Ragged(louder, examples["dedx"].offsets)}
    assert np.isfinite(fit_ranges(examples, shared).range).all()
    np.testing.assert_array_equal(fit_ranges(examples, shared).range, fit_ranges(other, shared).range)
    assert fit_ranges(examples, tracks).range[0] != fit_ranges(other, tracks).range[0]


def test_tracks_come_back_from_the_output(toy):
    """In a second frame too, and with a cluster that two tracks share."""
    examples, tracks, cluster = sharing(toy, before=[toy.Particle(0, range(4)), toy.Particle(1, range(3))])
    made = share(examples, tracks)
    back = tracks_of(examples, toy.predicted(examples, Links(previous_of_tracks(tracks), np.ones(len(tracks.of_hit), "f4"))))
    assert (made.hits.flat == cluster).sum() == 2
    for found, expected in ((back.of_hit, made.of_hit), (back.frame, made.frame), (back.hits.flat, made.hits.flat)):
        np.testing.assert_array_equal(found, expected)


def sharing(toy, before=None):
    """Return frames whose last one has two tracks that lie on one another, of which one has no hit in layer 10, the tracks, and the other's hit there."""
    seen = [range(12), [k for k in range(12) if k != 10]]
    examples = toy.frames(*([before] if before else []), [toy.Particle(k, layers, x=0.0) for k, layers in enumerate(seen)])
    examples["y"] = Ragged(np.zeros_like(examples["y"].flat), examples["y"].offsets)
    rows = [[p.layers for p in before]] if before else []
    chains = [(row, *[(k, layer) for layer in layers]) for row, tracks in enumerate([*rows, seen]) for k, layers in enumerate(tracks)]
    (cluster,) = np.flatnonzero(examples["layer"].flat == 10)
    return examples, find_tracks(examples, toy.chains(examples, *chains)), cluster


def previous_of_tracks(tracks):
    previous = np.full(len(tracks.of_hit), -1)
    for hits in tracks.hits:
        previous[hits[1:]] = hits[:-1]
    return previous
