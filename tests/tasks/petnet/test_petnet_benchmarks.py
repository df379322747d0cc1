"""The benchmarks of toy data and of randoms at a small size: their claims, with the errors of that size."""

from __future__ import annotations

import sys
from argparse import Namespace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "benchmarks"


def script(name):
    spec = spec_from_file_location(name, FOLDER / f"{name}.py")
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_calibration_and_geometry_solve_the_toy_which_the_published_sorter_does_not(monkeypatch):
    toy = script("petnet_toy")
    monkeypatch.setattr(toy, "WIDTHS", (4, 6, 8))
    result = {name: value["f1"] for name, value in toy.measured("toy", False, 0, 0.25).items() if isinstance(value, dict)}
    # 1000 samples: errors of 0.012 and less.
    assert result["published"] == pytest.approx(0.876, abs=0.04)
    assert result["published"] - 0.01 <= result["published, tuned"] < result["calibrated"]
    assert result["gate"] > result["published, tuned"] + 0.05
    assert result["calibrated"] > 0.98
    assert result["calibrated + gate"] > 0.995


def test_the_public_ids_leave_the_delays_and_no_geometry(monkeypatch):
    toy = script("petnet_toy")
    monkeypatch.setattr(toy, "WIDTHS", (6,))
    result = toy.measured("toy", True, 0, 0.2)
    assert result["calibrated"]["f1"] > 0.98
    assert "calibrated + gate" not in result


def test_delayed_pairs_and_rates_estimate_randoms_where_nothing_competes(monkeypatch):
    randoms = script("petnet_randoms")
    monkeypatch.setattr(randoms, "CHUNK", 1_500_000)
    library = randoms.Library(60_000, 1)
    result = library.measured(500.0, 100.0, 0.0, ["sectors"], 5000)["sectors"]["every"]
    assert result["takeAllGoods"]["randoms"] >= 5000
    for estimate in ("delayed", "rates"):
        assert result["takeAllGoods"][estimate] == pytest.approx(1.0, abs=4 * result["takeAllGoods"][f"{estimate}_error"])
    assert result["killAll"]["rates"] > 1.1


def test_rates_of_crystals_give_the_randoms_of_every_line_while_the_activity_falls(monkeypatch):
    monkeypatch.setattr(script("petnet_randoms"), "CHUNK", 1_500_000)
    rates = script("petnet_random_rates")
    result = rates.measured(Namespace(decays=60_000, seed=1, activity=500.0, halvings=2, dead_time=0.0, offset=100.0, randoms=14_000))
    for estimate in ("rates", "delayed"):
        assert result[estimate]["sum"] == pytest.approx(1.0, abs=4 * result[estimate]["error"])
        assert result[estimate]["chi2"] == pytest.approx(1.0, abs=5 * result[estimate]["chi2_error"])
    assert result["mean"]["sum"] < 0.95


def test_few_singles_are_enough_for_the_likelihood_to_be_ahead_of_a_window(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    few = script("petnet_few_singles")
    cell = few.measured(1000, 7400, 500.0, 2)
    assert cell["singles"] == pytest.approx(1000, rel=0.1) and cell["not_learnt"] == 0
    assert cell["likelihood"]["least"] > cell["classical"]["largest"]
