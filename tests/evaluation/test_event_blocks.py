"""Resampled histograms scatter as samples do, with weights, and with jets that share events."""

import numpy as np
import pytest

from pphysml.evaluation import event_blocks as e


def test_every_jet_is_counted_once():
    rng = np.random.default_rng(0)
    cell, weights = rng.integers(-1, 6, 3000), rng.normal(size=3000)
    found = e.block_histograms(cell, 5, e.blocks_of(3000, blocks=40), weights)
    assert found.shape == (40, 5)
    np.testing.assert_allclose(found.sum(0), [weights[cell == c].sum() for c in range(5)])


def test_blocks_are_equal_and_hold_whole_events():
    event = np.random.default_rng(1).integers(0, 1000, 5000)
    block = e.blocks_of(5000, event, 50)
    assert all(len(np.unique(block[event == one])) == 1 for one in range(100))
    assert np.ptp(np.bincount(e.blocks_of(5001, blocks=50))) == 1
    np.testing.assert_array_equal(np.sort(e.blocks_of(7, blocks=50)), np.arange(7))


@pytest.mark.parametrize("in_events", [False, True])
def test_replicas_scatter_by_poisson(in_events):
    rng = np.random.default_rng(2)
    events = 20_000
    cell, weights = rng.integers(0, 40, events), rng.choice([2.0, -1.0], events)
    event = np.repeat(np.arange(events), 2) if in_events else None
    if in_events:
        cell, weights = np.repeat(cell, 2), np.repeat(weights, 2)
    sums = e.block_histograms(cell, 40, e.blocks_of(len(cell), event), weights)
    drawn = e.resampled(sums, 400)
    expected = np.bincount(cell, weights**2) * (2 if in_events else 1)
    assert drawn.var(0).sum() == pytest.approx(expected.sum(), rel=0.1)
    np.testing.assert_allclose(drawn.mean(0).sum(), sums.sum(), rtol=0.01)
    np.testing.assert_array_equal(drawn, e.resampled(sums, 400))
