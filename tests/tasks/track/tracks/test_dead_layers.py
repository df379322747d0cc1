"""Layers that see nothing: tracks go on behind them, and are as good as others."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged, take
from pphysml.tasks.track.classical.follower import follow_tracks
from pphysml.tasks.track.classical.layer_assignment import deflection_links, straight_links
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.config.engines import DeflectionConfig, FollowerConfig, StraightConfig
from pphysml.tasks.track.output.columns import output_columns
from pphysml.tasks.track.output.track_flags import GAP, LATE
from pphysml.tasks.track.tracks.links import Links, dead_hits, live_places, true_links
from pphysml.tasks.track.tracks.track_joining import join


def without(frames, layers):
    """Return frames without the hits in some layers."""
    columns = {}
    for name, column in frames.items():
        if isinstance(column, Ragged):
            kept = ~np.isin(frames["layer"].flat, layers)
            row = np.repeat(np.arange(len(column)), column.counts)
            columns[name] = Ragged.from_counts(column.flat[kept], np.bincount(row[kept], minlength=len(column)))
        else:
            columns[name] = column
    return columns


@pytest.fixture
def straight(toy):
    """Two frames of twenty protons through ten layers."""
    return toy.frames(*[[toy.Particle(k, range(10), x=8.0 * k) for k in range(20)]] * 2)


@pytest.mark.parametrize("dead", [[0], [5], [0, 1], [5, 6], [3, 4, 5]])
def test_protons_keep_one_track_over_dead_layers_that_is_neither_late_nor_leaves_out_a_layer(straight, dead):
    frames = without(straight, dead)
    previous = true_links(frames, 1)
    assert (previous < 0).sum() == 40
    columns = output_columns(frames, Links(previous, np.ones(len(previous), np.float32)), TrackConfig())
    assert columns["n_hits_of_track"].flat.tolist() == [10 - len(dead)] * 40
    assert not (columns["flags"].flat & (LATE | GAP)).any()


def test_links_that_leave_out_no_layer_end_at_dead_ones(straight):
    assert (true_links(without(straight, [5]), 0) < 0).sum() == 80


def test_a_hit_of_noise_in_a_dead_layer_changes_nothing(straight, toy):
    frames = without(straight, [0, 5, 6])
    noise = toy.Particle(-1, [5], False, x=3.0)
    noisy = toy.frames([*[toy.Particle(k, [1, 2, 3, 4, 7, 8, 9], x=8.0 * k) for k in range(20)], noise, toy.Particle(-1, [0], False, x=1.0)])
    live, dead = dead_hits(noisy)
    assert dead.sum() == 2 and np.isin(noisy["layer"].flat[dead], [0, 5]).all()
    first = take(frames, np.array([0]))
    assert np.array_equal(live[~dead], dead_hits(first)[0])
    assert (true_links(noisy, 1)[~dead] < 0).sum() == 20


def test_layers_behind_the_end_of_most_protons_are_not_dead(toy):
    frames = toy.frames([toy.Particle(k, range(10) if k < 18 else [*range(10), 15, 16], x=8.0 * k) for k in range(20)])
    live, dead = dead_hits(frames)
    assert np.array_equal(live, frames["layer"].flat) and not dead.any()


def known_dead(frames, *layers):
    return frames | {"dead_layers": Ragged.from_rows([layers] * len(frames["frame"]), np.int16)}


def test_layers_that_the_input_has_shown_to_be_dead_are_crossed_by_the_few_that_come_behind_them(toy):
    particles = [toy.Particle(k, [*range(5), 7, 8] if k < 3 else range(5), x=8.0 * k) for k in range(20)]
    frames = toy.frames(particles)
    assert (true_links(frames, 1) < 0).sum() == 23 and (true_links(known_dead(frames, 5, 6), 1) < 0).sum() == 20


def test_a_layer_that_a_frame_has_full_is_alive_whatever_another_part_of_the_input_has_shown(straight):
    frames = known_dead(straight, 5, 30)
    live, dead = dead_hits(frames)
    assert not dead.any() and np.array_equal(live, frames["layer"].flat)


def pairs(frames, links):
    """Return the links as pairs of (particle, layer)."""
    linked = np.flatnonzero(links.previous >= 0)
    names = list(zip(frames["particle"].flat, frames["layer"].flat, strict=True))
    return {(names[hit], names[links.previous[hit]]) for hit in linked}


@pytest.mark.parametrize("engine", [
    lambda frames: follow_tracks(frames, FollowerConfig(measure=False)), lambda frames: follow_tracks(frames, FollowerConfig()),
    lambda frames: straight_links(frames, StraightConfig()), lambda frames: deflection_links(frames, DeflectionConfig()),
])
def test_classical_engines_leave_noise_in_dead_layers_alone_and_link_the_rest_as_without_it(toy, engine):
    # One proton has no hit in layer 4; the noise in the dead layer behind lies where it would.
    particles = [toy.Particle(k, [1, 2, 3, *([4] if k != 3 else []), 7, 8, 9], x=8.0 * k) for k in range(20)]
    noise = [toy.Particle(-1, [layer], False, x=24.0) for layer in (0, 5, 6)]
    clean, noisy = toy.frames(particles), toy.frames(particles + noise)
    noisy["y"].flat[noisy["particle"].flat < 0] = 0.3
    found = pairs(noisy, engine(noisy))
    assert found == pairs(clean, engine(clean)) and len(found) >= 19 * 6


def test_noise_in_a_dead_layer_is_joined_to_no_track(toy):
    particles = [toy.Particle(k, [0, 1, 2] if k == 3 else [0, 1, 2, 3, 4, 7, 8, 9], x=8.0 * k) for k in range(20)]
    frames = toy.frames([*particles, toy.Particle(-1, [5], False, x=24.0)])
    frames["y"].flat[frames["particle"].flat < 0] = 0.3
    previous = true_links(frames, 1)
    joined = join(frames, Links(previous, np.ones(len(previous), np.float32)), 0.2)
    assert np.array_equal(joined.previous, previous)
    places = live_places(frames)
    assert (np.diff(places) >= 0).all() and (places % 1 == np.where(frames["layer"].flat == 5, 0.5, 0)).all()
