"""The warning that the window cuts the peak of the time differences."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.tasks.petnet.classical.window_check import WindowCheck


def checked(window, sigma, pairs=4000, randoms=20_000, rate=2e-5, seed=1, clock=1):
    """Check singles in one slice: pairs with a Gaussian time difference, and others, at a rate in 1/ps, as a clock of some ps has them."""
    rng = np.random.default_rng(seed)
    n = 2 * pairs + randoms
    first = rng.uniform(0, n / rate, pairs)
    times = np.concatenate([first, first + rng.normal(0, sigma, pairs), rng.uniform(0, n / rate, randoms)])
    times = np.sort(np.rint(np.rint(times / clock) * clock).astype(np.int64))
    check = WindowCheck(window, 10**9)
    check.add(np.array([0, n]), np.array([n]), times)
    return check


@pytest.mark.parametrize("deviations", [0.5, 1.0, 2.0])
def test_a_window_that_cuts_the_peak_is_told_with_the_share_of_a_gaussian(deviations):
    check = checked(round(100 * deviations), 100)
    tail = np.exp(-np.linspace(0.9, 1.0, 101) ** 2 * deviations**2 / 2).mean() * 0.1
    body = np.exp(-np.linspace(0.0, 1.0, 1001) ** 2 * deviations**2 / 2).mean()
    said = check.sentence
    assert said is not None
    share = float(said.split("have ")[1].split("%")[0]) / 100
    assert share == pytest.approx(tail / body, rel=0.2)


@pytest.mark.parametrize("rate", [1e-6, 2e-5, 1e-4])
@pytest.mark.parametrize("deviations", [3.5, 5.0])
def test_a_window_beyond_the_peak_is_not(deviations, rate):
    assert checked(round(100 * deviations), 100, rate=rate).sentence is None


@pytest.mark.parametrize("clock", [40, 62.5, 125, 250])
@pytest.mark.parametrize("window", [500, 625])
def test_a_clock_does_not_look_like_a_peak_that_is_cut(clock, window):
    assert checked(window, 100, clock=clock).sentence is None
    assert checked(window, 100, rate=1e-4, clock=clock).sentence is None
    assert checked(2 * clock, 2 * clock, clock=clock).sentence is not None


def test_randoms_alone_and_a_handful_of_singles_say_nothing():
    assert checked(100, 100, pairs=0).sentence is None
    assert checked(50, 100, pairs=5, randoms=20).sentence is None
    assert WindowCheck(500, 10).sentence is None


def test_counting_stops_after_enough_singles():
    check = WindowCheck(500, 100)
    for _ in range(3):
        check.add(np.array([0, 80]), np.array([80]), np.arange(80) * 100)
    assert check.n_singles == 160
