"""Layers that see nothing: tracks go on behind them, and are as good as others."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged, take
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.output.columns import output_columns
from pphysml.tasks.track.output.track_flags import GAP, LATE
from pphysml.tasks.track.tracks.links import Links, dead_hits, true_links


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
