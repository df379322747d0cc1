"""Dead time and efficiencies in singles for which both are known."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.petnet.reading.dead_time import take_alive
from pphysml.tasks.petnet.reading.losses import EXPECTED, Losses, SeenDeadTime, seen_dead_time

RINGS, AROUND = 8, 60


def singles(seed, n, rate, volumes, dead_time, paralysable, taken=1.0):
    """Return times and volumes of the singles that find their volume alive, of which a part is taken, their segment, and the part that is lost."""
    rng = np.random.default_rng(seed)
    time, volume = np.sort(rng.uniform(0, n / rate, n)), np.minimum(rng.integers(0, volumes, n), rng.integers(0, 3 * volumes, n))
    alive = take_alive(volume, time, np.full(volumes, -np.inf), dead_time, paralysable) if dead_time else np.ones(n, dtype=bool)
    shown = alive & (rng.uniform(0, 1, n) < taken)
    return time[shown], volume[shown].astype(np.uint64), np.zeros(shown.sum(), dtype=int), 1 - alive.mean()


@pytest.mark.parametrize(("rate", "volumes", "dead_time", "paralysable", "kind"), [
    (5e6, 12, 400e-9, True, True), (5e6, 12, 400e-9, False, False), (1e7, 36, 100e-9, True, None), (1e7, 36, 100e-9, False, None), (1e6, 36, 50e-9, False, None), (1e6, 2000, 2e-6, False, None),
])
def test_dead_time_is_seen(rate, volumes, dead_time, paralysable, kind):
    time, volume, segment, lost = singles(1, 300_000, rate, volumes, dead_time, paralysable)
    seen = seen_dead_time("module", time, volume, segment)
    assert isinstance(seen, SeenDeadTime)
    assert seen.time == pytest.approx(dead_time, rel=0.015) and seen.paralysable is kind
    # Of a dead time that lost singles prolong, those that are seen give a lower bound.
    assert seen.loss == pytest.approx(lost, rel=0.1) if not paralysable else 0.8 * lost < seen.loss < 1.05 * lost


def test_what_is_lost_by_singles_that_are_not_seen_is_seen():
    time, volume, segment, lost = singles(2, 1_000_000, 8e6, 12, 200e-9, False, taken=0.4)
    seen = seen_dead_time("module", time, volume, segment)
    assert isinstance(seen, SeenDeadTime) and seen.paralysable is False
    assert seen.time == pytest.approx(200e-9, rel=0.01) and seen.loss == pytest.approx(lost, abs=0.03) and lost > 0.12


def test_segments_are_apart():
    parts = [singles(seed, 150_000, 5e6 / seed, 12, 400e-9, False) for seed in (1, 2, 3)]
    time, volume = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    seen = seen_dead_time("module", time, volume, np.repeat(np.arange(3), [len(part[0]) for part in parts]))
    assert isinstance(seen, SeenDeadTime) and seen.time == pytest.approx(400e-9, rel=0.01)
    assert seen.loss == pytest.approx(np.mean([part[3] for part in parts]), rel=0.1)


def test_a_few_singles_in_the_dead_time_do_not_hide_it():
    time, volume, _, _ = singles(3, 300_000, 5e6, 12, 400e-9, False)
    rng = np.random.default_rng(4)
    extra = rng.choice(len(time), 600, replace=False)
    time, volume = np.append(time, time[extra] + rng.uniform(0, 400e-9, 600)), np.append(volume, volume[extra])
    order = np.argsort(time)
    seen = seen_dead_time("module", time[order], volume[order], np.zeros(len(order), dtype=int))
    assert isinstance(seen, SeenDeadTime) and seen.time == pytest.approx(400e-9, rel=0.01)


def test_without_dead_time_the_limit_is_said():
    time, volume, segment, _ = singles(5, 300_000, 5e6, 12, 0.0, False)
    limit = seen_dead_time("module", time, volume, segment)
    assert isinstance(limit, float)
    n = np.bincount(volume.astype(int))
    assert limit == pytest.approx(EXPECTED * np.ptp(time) / (n**2).sum(), rel=1e-3)
    # A dead time of twice as much would be seen.
    shorter = take_alive(volume.astype(int), time, np.full(12, -np.inf), 2 * limit, False)
    assert isinstance(seen_dead_time("module", time[shorter], volume[shorter], segment[shorter]), SeenDeadTime)


def of_ring(rng, n, spread, axis="z"):
    """Return slices of singles of crystals whose efficiencies differ by a part."""
    efficiency = 1 + spread * rng.normal(0, 1, (RINGS, AROUND))
    # The rings in the middle see more.
    efficiency *= 1 - 0.08 * np.abs(np.arange(RINGS) - (RINGS - 1) / 2)[:, None]
    crystal = rng.choice(RINGS * AROUND, n, p=(efficiency / efficiency.sum()).ravel())
    ring, angle = crystal // AROUND, 2 * np.pi * (crystal % AROUND) / AROUND
    place = np.stack([60 * np.cos(angle), 60 * np.sin(angle), 5.0 * (ring - (RINGS - 1) / 2)])
    place = np.roll(place, "xyz".index(axis) - 2, axis=0)
    time, offsets = np.sort(rng.uniform(0, n / 1e6, n)), np.array([0, n // 2, n])
    flat = {"time": time, "rsector_id": crystal % AROUND // 5, "module_id": ring // 4, "crystal_id": ring % 4 * 5 + crystal % 5} | dict(zip("xyz", place.astype(np.float32), strict=True))
    return {name: Ragged(values, offsets) for name, values in flat.items()} | {"n_owned": np.diff(offsets), "segment": np.zeros(2, int)}


@pytest.mark.parametrize("axis", ["z", "x"])
@pytest.mark.parametrize("spread", [0.0, 0.1])
def test_efficiencies_differ_by_more_than_counting(spread, axis):
    losses = Losses(None)
    losses.add(of_ring(np.random.default_rng(6), 200_000, spread, axis))
    said = losses.facts()["singles_of_crystals"]
    assert said.startswith("differ by no more than counting makes" if not spread else "differ by ")
    assert not spread or float(said.split()[2].rstrip("%")) == pytest.approx(100 * spread, rel=0.15)


def test_the_dead_volume_is_the_outermost_that_is_dead():
    slices = of_ring(np.random.default_rng(7), 400_000, 0.0)
    volume = slices["rsector_id"].flat * 2 + slices["module_id"].flat
    alive = take_alive(volume, slices["time"].flat, np.full(volume.max() + 1, -np.inf), 1e-6, False)
    counts = [alive[: 200_000].sum(), alive[200_000:].sum()]
    losses = Losses(None)
    losses.add({name: Ragged.from_counts(column.flat[alive], counts) if isinstance(column, Ragged) else column for name, column in slices.items()} | {"n_owned": np.array(counts)})
    _, ns, *volume = losses.facts()["dead_time"].split()
    assert float(ns) == pytest.approx(1000, rel=0.01) and volume[:4] == ["ns", "of", "a", "module"]
    none = Losses(None)
    none.add(slices)
    assert "of a crystal is seen" in none.facts()["dead_time"] and Losses(None).facts() == {}
