"""Candidate links and their continuations against a search over all pairs of hits."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from pphysml.errors import InputError
from pphysml.io.ragged import Ragged, concatenate
from pphysml.tasks.track.config import DataConfig
from pphysml.tasks.track.models import graph as rooms
from pphysml.tasks.track.models.batches import collate_links
from pphysml.tasks.track.models.continuations import (
    all_triplets,
    directions,
    smallest_deflections,
    straightest,
)
from pphysml.tasks.track.models.graph import candidate_links
from pphysml.tasks.track.tracks.links import true_links

PITCH = 5.0


def random_frames(seed, n_frames=3, n_hits=60, n_layers=7, empty=()):
    """Return hits without order, in random places; layers in `empty` have none."""
    rng = np.random.default_rng(seed)
    counts = np.full(n_frames, n_hits)
    layers = np.setdiff1d(np.arange(n_layers), empty)
    layer = np.sort(rng.choice(layers, (n_frames, n_hits)), axis=1).ravel()
    columns = {"layer": layer.astype(np.int16), "z": (PITCH * layer).astype(np.float32),
               "particle": rng.integers(-1, 12, n_frames * n_hits)}
    columns |= {name: rng.normal(0, 3, n_frames * n_hits).astype(np.float32) for name in "xy"}
    return {name: Ragged.from_counts(values, counts) for name, values in columns.items()}


def links_of(frames):
    """Return the arguments of the functions of `continuations`: direction, deep, shallow, number of hits."""
    position = np.stack([frames[name].flat.astype(np.float64) for name in "xyz"], 1)
    deep, shallow = candidate_links(frames, DataConfig())
    return directions(position, deep, shallow), deep, shallow, len(position)


def brute_links(frames, options):
    """Return the set of links (deep, shallow) by a loop over all pairs."""
    x, y, z, layer = (frames[name].flat.astype(np.float64) for name in ("x", "y", "z", "layer"))
    frame = np.repeat(np.arange(len(frames["x"])), frames["x"].counts)
    found = set()
    for d, s in product(range(len(x)), repeat=2):
        between = layer[(frame == frame[d]) & (layer > layer[s]) & (layer < layer[d])]
        # Layers without any hit are dead here: many hits lie behind them.
        dead = max(layer[d] - layer[s] - 1, 0) if options.skip_layers and len(layer[(frame == frame[d]) & (layer >= layer[d])]) >= 30 else 0
        if frame[d] != frame[s] or not 1 <= layer[d] - layer[s] - dead <= 1 + options.skip_layers or len(between):
            continue
        angle = np.arctan2(np.hypot(x[d] - x[s], y[d] - y[s]), z[d] - z[s])
        width = np.hypot(x[d] - x[s], y[d] - y[s])
        if angle < (options.max_front_angle if layer[d] < 3 else options.max_angle) and width < (options.max_step or np.inf):
            found.add((d, s))
    return found


def angle_between(frames, deep, shallow, one, other):
    p = np.stack([frames[name].flat.astype(np.float64) for name in "xyz"], 1)
    a, b = p[deep[one]] - p[shallow[one]], p[deep[other]] - p[shallow[other]]
    return np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)


@pytest.mark.parametrize("skip, empty, step, n_hits", [
    (0, (), None, 60), (0, (3,), 2.0, 60), (1, (3,), None, 60), (1, (3,), 1.5, 60), (1, (3, 4), None, 60), (1, (2, 3, 4), None, 120), (0, (3, 4), None, 120)])
def test_links_are_those_of_a_search_over_all_pairs(skip, empty, step, n_hits):
    options = DataConfig(max_angle=0.5, max_front_angle=0.25, skip_layers=skip, max_step=step)
    frames = random_frames(1, n_hits=n_hits, empty=empty)
    deep, shallow = candidate_links(frames, options)
    assert len(deep) > 20
    assert (np.diff(deep) >= 0).all()
    assert len(set(zip(deep, shallow, strict=True))) == len(deep)
    assert set(zip(deep.tolist(), shallow.tolist(), strict=True)) == brute_links(frames, options)


def test_a_dead_layer_is_bridged_only_if_asked_for():
    frames = random_frames(2, empty=(3,))
    layer = frames["layer"].flat
    for skip in (0, 1):
        deep, shallow = candidate_links(frames, DataConfig(skip_layers=skip))
        assert ((layer[deep] == 4) & (layer[shallow] == 2)).any() == bool(skip)


@pytest.mark.parametrize("neighbours", [1, 3, 50])
def test_continuations_are_the_straightest(neighbours):
    frames = random_frames(3, n_frames=2)
    links = links_of(frames)
    found, (_, deep, shallow, _) = straightest(*links, neighbours), links
    for e in range(len(deep)):
        for index, angles, mine, theirs in ((found.before, found.before_angle, shallow[e], deep),
                                            (found.after, found.after_angle, deep[e], shallow)):
            candidates = np.flatnonzero(theirs == mine)
            expected = sorted(angle_between(frames, deep, shallow, e, c) for c in candidates)[:neighbours]
            chosen = index[e][index[e] >= 0]
            assert (index[e][len(chosen):] == -1).all()
            assert set(chosen) <= set(candidates)
            np.testing.assert_allclose(angles[e, :len(chosen)], expected, atol=1e-6)
            np.testing.assert_allclose(angles[e, len(chosen):], np.pi, rtol=1e-6)


def test_smallest_deflections_are_those_of_the_straightest():
    links = links_of(random_frames(3, n_frames=3))
    straight = straightest(*links, 2)
    for found, expected in zip(smallest_deflections(*links), (straight.before_angle, straight.after_angle), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        assert (expected > 3).any()


def test_all_triplets_are_all_pairs_of_links_that_share_a_hit():
    frames = random_frames(4, n_frames=2)
    links = links_of(frames)
    found, (_, deep, shallow, _) = all_triplets(*links), links
    expected = {(a, b) for a in range(len(deep)) for b in range(len(deep)) if deep[a] == shallow[b]}
    assert set(zip(found.before.tolist(), found.after.tolist(), strict=True)) == expected
    assert len(found.angle) == len(expected) > 20
    for t in range(0, len(found.angle), 7):
        assert found.angle[t] == pytest.approx(angle_between(frames, deep, shallow, found.before[t], found.after[t]), abs=1e-6)


def test_continuations_of_some_links_are_those_among_them():
    frames = random_frames(6)
    direction, deep, shallow, n = links_of(frames)
    some = np.flatnonzero(np.random.default_rng(1).random(len(deep)) < 0.4)
    found = straightest(direction[some], deep[some], shallow[some], n, 2)
    every = straightest(direction, deep, shallow, n, 100)
    for row, link in enumerate(some):
        among = every.after[link][np.isin(every.after[link], some)][:2]
        np.testing.assert_array_equal(some[found.after[row][found.after[row] >= 0]], among)


def test_frames_do_not_see_each_other():
    frames = random_frames(5, n_frames=4)
    parts = [{name: column.slice(i, i + 1) for name, column in frames.items()} for i in range(4)]
    links = links_of(frames)
    together, shift, at = straightest(*links, 4), 0, 0
    for part in parts:
        own = links_of(part)
        alone, rows = straightest(*own, 4), slice(at, at + len(own[1]))
        np.testing.assert_array_equal(links[1][rows], own[1] + shift)
        np.testing.assert_array_equal(together.before[rows], np.where(alone.before >= 0, alone.before + at, -1))
        shift, at = shift + len(part["x"].flat), at + len(own[1])
    assert at == len(links[1])


@pytest.mark.parametrize("frames", [
    random_frames(6, n_frames=1, n_hits=0), random_frames(6, n_frames=0), random_frames(6, n_frames=2, n_hits=1),
    random_frames(6, n_frames=2, n_hits=5, n_layers=1),
], ids=["no hit", "no frame", "one hit", "one layer"])
def test_nothing_to_link(frames):
    links = links_of(frames)
    found = straightest(*links, 4)
    assert links[1].shape == (0,)
    assert found.before.shape == found.after_angle.shape == (0, 4)


def test_a_frame_that_does_not_fit_into_memory_is_refused(monkeypatch):
    monkeypatch.setattr(rooms, "MAX_LINKS", 10)
    with pytest.raises(InputError, match="more than 10 do not fit into memory"):
        candidate_links(random_frames(7), DataConfig())


def test_true_links_follow_each_particle():
    frames = concatenate([random_frames(8), random_frames(9)])
    layer, particle = frames["layer"].flat, frames["particle"].flat
    frame = np.repeat(np.arange(len(frames["x"])), frames["x"].counts)
    for skip in (0, 2):
        previous = true_links(frames, skip)
        for h in range(len(layer)):
            same = np.flatnonzero((frame == frame[h]) & (particle == particle[h]) & (layer < layer[h]))
            nearest = layer[same].max() if len(same) else -100
            reachable = particle[h] >= 0 and layer[h] - nearest <= 1 + skip
            if previous[h] < 0:
                # Two hits of one particle in one layer cannot both be linked.
                twice = (layer == layer[h]) & (particle == particle[h]) & (frame == frame[h])
                assert not reachable or twice.sum() > 1
            else:
                assert reachable and layer[previous[h]] == nearest and previous[h] in same


def test_hits_of_several_spots_have_the_centre_of_their_own():
    rng = np.random.default_rng(6)
    frames = random_frames(1, n_frames=2, n_hits=400, n_layers=4)
    frames |= {name: Ragged.from_counts(np.ones(800, np.float32), np.array([400, 400])) for name in ("dedx", "edep", "cluster_size")}
    far = rng.random(400) < 0.5
    frames["x"].flat[400:][far] += 60
    columns = collate_links(frames, DataConfig(max_step=8.0))
    front, x = frames["layer"].flat < 3, frames["x"].flat
    second = np.concatenate([np.zeros(400, bool), far])
    for of in (np.arange(800) < 400, (np.arange(800) >= 400) & ~second, second):
        np.testing.assert_allclose(columns["centre_x"].numpy()[of], x[of & front].mean(), rtol=1e-5)
    # Where the file says that there is one, all hits have its centre.
    columns = collate_links(frames | {"spot_given": np.ones(2, bool)}, DataConfig(max_step=8.0))
    np.testing.assert_allclose(columns["centre_x"].numpy()[400:], x[400:][front[400:]].mean(), rtol=1e-5)
