"""Times on a grid are told from times that are not, however late and however many at a time."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.tasks.petnet.config import PetConfig
from pphysml.tasks.petnet.reading.time_grid import TimeGrid, grid_step
from pphysml.tasks.petnet.simulation.simulate import PetSimulation

NS = 1e-9


def times(n=20_000, rate=1e7, begin=0.0, seed=1):
    """Return times of singles of which some are pairs, some hundred ps apart."""
    rng = np.random.default_rng(seed)
    time = begin + np.cumsum(rng.exponential(1 / rate, n))
    return np.sort(np.concatenate([time, time[::4] + rng.exponential(0.2 * NS, len(time[::4]))]))


def said(time, window=500.0, chunk=None, file=None):
    grid = TimeGrid(window)
    file = np.zeros(len(time), dtype=np.int32) if file is None else file
    for start in range(0, len(time), chunk or len(time)):
        part = slice(start, start + (chunk or len(time)))
        grid.add({"file": file[part], "time": time[part]})
    return grid.warnings


@pytest.mark.parametrize("begin", [0.0, 3600.0, 1e5])
@pytest.mark.parametrize("step", [0.3 * NS, NS, 6 * NS])
def test_the_step_of_rounded_times_is_found(begin, step):
    found = grid_step(np.round(times(begin=begin) / step) * step)
    assert found == pytest.approx(step, abs=3 * np.spacing(begin + 1e-3))


@pytest.mark.parametrize("begin", [0.0, 3600.0, 1e5])
@pytest.mark.parametrize("rate", [1e3, 1e5, 1e7])
def test_times_of_chance_lie_on_no_grid(begin, rate):
    rng = np.random.default_rng(2)
    for n in (1, 2, 20, 20_000):
        # No pairs: at low rates the smallest difference is long.
        assert grid_step(begin + np.cumsum(rng.exponential(1 / rate, n))) == 0
    assert grid_step(np.full(1000, begin)) == 0 and grid_step(np.zeros(0)) == 0


def test_equal_times_are_no_grid():
    assert grid_step(np.repeat(times(), 2)) == 0


def test_one_time_off_the_grid_is_enough():
    time = np.round(times() / NS) * NS
    assert grid_step(time) > 0
    time[700] += 0.3 * NS
    assert grid_step(time) == 0


def test_what_is_said_depends_on_the_window_only():
    time = np.round(times() / NS) * NS
    for chunk in (None, 3000, 77):
        (sentence,) = said(time, 500, chunk)
        assert "steps of 1000 ps" in sentence and "window of 500 ps" in sentence and "5000ps" in sentence
    assert said(time, 4900) and not said(time, 5000) and not said(time, 8000)
    assert not said(times(), 500)
    assert said(np.random.default_rng(3).permutation(time), 500)


def test_files_with_clocks_of_their_own_share_no_grid():
    time = np.round(times() / NS) * NS
    file = (np.arange(len(time)) >= len(time) // 2).astype(np.int32)
    assert "1000 ps" in said(time + 0.4 * NS * file, 500, file=file)[0]


def test_bins_of_the_toy_are_fine_for_its_window():
    options = PetConfig.model_validate({"simulation": {"kind": "toy"}})
    time = PetSimulation(options, 1).block(0, 5000)["time"]
    assert grid_step(time) == pytest.approx(NS)
    assert not said(time, 8000) and said(time, 500)
