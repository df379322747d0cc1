"""The second, independent simulation of scanners: laws that its physics must keep, and its judge at a small size."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def part(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "benchmarks"))
    return lambda name: import_module(f"petnet_toy_{name}")


def test_water_leaves_as_many_photons_as_its_depth_lets_through(part):
    photons, settings, rng, n = part("photons"), part("settings"), np.random.default_rng(1), 100_000
    out = photons.through_water(photons.emitted(np.zeros((n, 3)), np.arange(n), rng), (settings.Cylinder(100.0, 1e6),), rng)
    sine = np.sqrt(1 - np.linspace(-0.999999, 0.999999, 100_001) ** 2)
    expected = np.exp(-photons.WATER * 100.0 / sine).mean()
    assert (out.scatters == 0).sum() / (2 * n) == pytest.approx(expected, abs=4 * np.sqrt(expected / (2 * n)))


def test_two_cylinders_in_a_row_add_their_depths_and_scatters_keep_to_the_law_of_compton(part):
    photons, settings, rng, n = part("photons"), part("settings"), np.random.default_rng(2), 50_000
    start = photons.Photons(np.tile([300.0, 0.0, 0.0], (n, 1)), np.tile([-1.0, 0.0, 0.0], (n, 1)), np.full(n, photons.REST), np.zeros(n),
                            np.zeros(n, np.int32), np.arange(n))
    out = photons.through_water(start, (settings.Cylinder(50.0, 100.0), settings.Cylinder(30.0, 100.0, (100.0, 0.0, 0.0))), rng)
    expected = np.exp(-photons.WATER * 160.0)
    assert (out.scatters == 0).sum() / n == pytest.approx(expected, abs=4 * np.sqrt(expected / n))
    once = out.take(out.scatters == 1)
    cosine = -once.direction[:, 0]
    np.testing.assert_allclose(once.energy, photons.REST / (2 - cosine), rtol=1e-12)


@pytest.mark.parametrize("name", ["two panels", "off centre", "jump"])
def test_lines_of_unscattered_pairs_pass_the_source_where_and_when_it_decayed(part, name):
    singles, gate, setting = part("singles"), part("gate"), replace(part("settings").SETTINGS[name], decays=20_000.0)
    seen = singles.simulate(setting, 3)
    found = gate.candidates(setting, seen)
    clean = found.take(found.true & (seen.scatters[found.first] + seen.scatters[found.second] == 0))
    source = seen.source[clean.first]
    distance, _, expected = gate.nearest_point(seen.place[clean.first], seen.place[clean.second], source)
    assert np.quantile(distance, 0.9) < 4 * setting.detector.pitch
    dt = (seen.tick[clean.second] - seen.tick[clean.first]) * setting.detector.clock
    assert np.std(dt - expected) < 1.1 * setting.detector.time_fwhm / 2.355


def test_events_are_numbered_in_order_of_time_with_those_of_the_crystals(part):
    setting = replace(part("settings").SETTINGS["10 MBq, lutetium"], decays=20_000.0)
    seen = part("singles").simulate(setting, 4)
    apart = np.diff(seen.tick) * setting.detector.clock > 20_000
    assert apart.sum() > 1000
    assert (np.diff(seen.decay)[apart] > 0).all()


def test_best_of_a_conflict_is_taken_once(part):
    taken = part("gate").best_first(np.array([0, 0, 2]), np.array([1, 2, 3]), np.array([1, 0, 2]), 4)
    assert taken.tolist() == [False, True, False]


def test_engines_are_judged_beside_the_gate_and_refusals_recorded(part):
    scanners, setting = part("scanners"), replace(part("settings").SETTINGS["two beds, files"], decays=20_000.0)
    result = scanners.measured(setting, 0, ["classical", "none such"], [], False)
    assert result["window"]["f1"] < result["gate"]["f1"]
    # Its window is not tuned.
    assert 0.8 < result["classical"]["f1"] < result["window"]["f1"] + 0.01
    assert "none such" in result["none such"]["refused"]
    assert result["classical"]["calibration"]["expected_over_true"] > 1


def test_figures_of_a_calibration_are_those_of_its_pairs(part):
    scanners = part("scanners")
    score = np.repeat([0.005, 0.5], 1000)
    true = np.tile([False] * 9 + [True], 200)
    found = scanners.calibration(scanners.Pairs(np.arange(2000), true, score))
    assert found["ece"] == pytest.approx((0.095 + 0.4) / 2, abs=1e-5)
    assert found["expected_over_true"] == pytest.approx(505 / 200)
    assert found["decades"]["0.001 to 0.01"] == [0.005, 0.1, pytest.approx(0.009487), 1000]
