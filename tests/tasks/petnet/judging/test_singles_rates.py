"""Randoms from the rates of singles against counted ones."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.petnet.classical.sorter import sort_pairs
from pphysml.tasks.petnet.config import PetConfig
from pphysml.tasks.petnet.judging.metrics import PetEvaluator
from pphysml.tasks.petnet.judging.singles_rates import SinglesRates

CUTS = {"none": {}, "sectors": {"min_sector_difference": 3}, "fov": {"fov_radius": 15, "max_axial_distance": 20, "fov_length": 30}}
SECTORS, RINGS = 24, 10


def config(cut, **apply):
    options = {"classical": {"policy": "takeAllGoods", "opening": "every", "sectors": SECTORS, **CUTS[cut]}, **apply}
    return PetConfig.model_validate({"data": {"window": 1000}, "apply": {"judging": {"window": 1000}, **options}})


def singles(rng, n=60_000, rate=1e8, start=0.0):
    """Return one slice of unrelated singles; some crystals see more than others."""
    sector = np.minimum(rng.integers(0, SECTORS, n), rng.integers(0, 2 * SECTORS, n))
    ring = rng.binomial(RINGS - 1, 0.5, n)
    angle = 2 * np.pi * sector / SECTORS
    time = start + np.sort(rng.uniform(0, n / rate, n))
    flat = {"time": time, "energy": np.full(n, 0.5, np.float32), "x": (60 * np.cos(angle)).astype(np.float32), "y": (60 * np.sin(angle)).astype(np.float32),
            "z": (5.0 * (ring - 4.5)).astype(np.float32), "rsector_id": sector.astype(np.int32), "crystal_id": ring.astype(np.int32),
            "event": np.arange(n, dtype=np.int32), "run": np.zeros(n, np.int32), "single_file": np.zeros(n, np.int32)}
    columns = {name: Ragged(values, np.array([0, n])) for name, values in flat.items()}
    return columns | {"n_owned": np.array([n], np.int32), "file": np.zeros(1, np.int32), "entry": np.zeros(1, np.int64), "slice": np.zeros(1, np.int64), "segment": np.zeros(1, np.int64)}


def without_own_crystal(examples, pairs):
    crystal = examples["rsector_id"].flat * RINGS + examples["crystal_id"].flat
    return crystal[pairs.first] != crystal[pairs.second]


@pytest.mark.parametrize("cut", CUTS)
def test_rates_give_the_number_of_random_pairs(cut):
    rng, options = np.random.default_rng(3), config(cut)
    rates, found, squared = SinglesRates(options), 0, 0.0
    for k in range(5):
        # Half of the time at a third of the rate.
        rate = 1e8 if k % 2 else 3e7
        examples = singles(rng, rate=rate)
        n = len(examples["time"].flat)
        rates.add(examples, np.ones(n, bool))
        pairs = sort_pairs(examples, options.apply.classical, options.window, 0, SECTORS)
        found += int(without_own_crystal(examples, pairs).sum())
        squared += n * (n - 1) / (n / rate)
    assert found > 1000
    assert rates.randoms(squared) == pytest.approx(found, abs=4 * np.sqrt(found))


def test_the_share_of_good_pairs_is_that_of_all_pairs():
    examples = singles(np.random.default_rng(4), n=3000)
    rates = SinglesRates(config("fov"))
    used = np.random.default_rng(5).random(3000) < 0.7
    rates.add(examples, used)
    x, y, z = (examples[axis].flat[used].astype(float) for axis in "xyz")
    dx, dy = x[:, None] - x, y[:, None] - y
    s = np.abs(x[:, None] * dy - y[:, None] * dx) / np.maximum(np.hypot(dx, dy), 1e-9)
    good = (s <= 15) & (np.abs(z[:, None] - z) <= 20) & (np.abs(z[:, None] + z) <= 30)
    crystal = (examples["rsector_id"].flat * RINGS + examples["crystal_id"].flat)[used]
    good &= crystal[:, None] != crystal
    assert rates.good_share() == pytest.approx(good.mean(), rel=1e-6)


def test_evaluating_reports_them_beside_the_truth_whatever_the_chunks():
    rng, options = np.random.default_rng(6), config("sectors")
    evaluators = [PetEvaluator(options) for _ in range(3)]
    for evaluator, engine in zip(evaluators, ("classical", "classical", "likelihood"), strict=True):
        evaluator.engine = engine
    parts = [singles(rng, n=40_000, start=k * 4e-4) for k in range(3)]
    for examples in parts:
        pairs = sort_pairs(examples, options.apply.classical, options.window, 0, SECTORS).columns()
        evaluators[0].update(examples, pairs)
        evaluators[2].update(examples, pairs)
    metric = {m.name: m for m in evaluators[0].result().metrics}["rates_over_randoms"]
    assert metric.n > 1000
    assert metric.low < metric.value < metric.high
    assert metric.value == pytest.approx(1.0, abs=4 / np.sqrt(metric.n))
    counts = {row["count"]: row["number"] for row in evaluators[0].result().tables["Counts"]}
    assert counts["randoms from rates of singles"] == pytest.approx(metric.value * metric.n, abs=1)
    assert "rates_over_randoms" not in {m.name for m in evaluators[1].result().metrics}
    selected = evaluators[2].result()
    assert "rates_over_randoms" not in {m.name for m in selected.metrics}
    assert "randoms from rates of singles" not in {row["count"] for row in selected.tables["Counts"]}


def test_crystals_beyond_the_limit_are_drawn(monkeypatch):
    monkeypatch.setattr("pphysml.tasks.petnet.judging.singles_rates.LARGEST_EXACT", 200)
    examples = singles(np.random.default_rng(7), n=20_000)
    rates, exact = SinglesRates(config("fov")), SinglesRates(config("fov"))
    for each in (rates, exact):
        each.add(examples, np.ones(20_000, bool))
    drawn = rates.good_share()
    monkeypatch.undo()
    assert drawn == pytest.approx(exact.good_share(), rel=0.15)
    assert drawn != exact.good_share()
