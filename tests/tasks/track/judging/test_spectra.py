"""What an evaluation says of tracks without truth, and the calibration of WEPL by known phantoms."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import SeedSequence, default_rng

from pphysml.errors import ConfigError
from pphysml.evaluation.peak import gaussian_peak
from pphysml.io.ragged import concatenate
from pphysml.tasks.track.config import ApplyConfig, TrackConfig
from pphysml.tasks.track.geometries.geometry import load_geometry
from pphysml.tasks.track.judging.calibration_fit import fit_calibration
from pphysml.tasks.track.judging.metrics import CALIBRATION, NO_TRUTH, TrackEvaluator
from pphysml.tasks.track.judging.spectra import Spectra, known_phantoms
from pphysml.tasks.track.output.link_engine import LinkEngine
from pphysml.tasks.track.output.wepl_calibration import load_calibration
from pphysml.tasks.track.reading.assemble import frames_of
from pphysml.tasks.track.simulation.simulate import TrackSimulation
from pphysml.tasks.track.tracks.links import Links, true_links

TRUTH = ("proton", "particle", "primary", "pdg", "stop_depth", "n_protons")
CONFIG = TrackConfig.model_validate({"simulation": {"geometry": "dtc", "phantoms": [40.0, 100.0, 160.0, 130.0]}})


def rows(wepl, phantom=np.nan, run=0, flags=0):
    """Return tracks of one run as `Spectra` keeps them."""
    n = len(wepl)
    flags = np.broadcast_to(flags, n).astype(np.uint8)
    return {"wepl": np.asarray(wepl, float), "range": 300 - np.asarray(wepl, float), "flags": flags, "layer": np.full(n, 9), "usable": flags == 0,
            "file": np.zeros(n, int), "run": np.full(n, run), "phantom": np.full(n, phantom)}


def joined(*parts):
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@pytest.fixture(scope="module")
def wrong():
    """Frames behind four phantoms, one run each, whose water-equivalent thicknesses are taken 2 % too large, with their perfect links."""
    simulation, geometry, parts = TrackSimulation(CONFIG, 5), load_geometry("dtc"), []
    for run, phantom in enumerate(CONFIG.simulation.phantoms):
        steps = simulation.rows(SeedSequence([5, run]), 500, phantom)
        n = len(steps["event"])
        steps |= {"file": np.zeros(n, np.int32), "entry": np.arange(n), "run": np.full(n, run), "phantom": np.full(n, phantom, np.float32)}
        parts.append(frames_of(steps, geometry, CONFIG, 100))
    frames = concatenate(parts)
    for name in ("depth", "next_depth", "second_depth"):
        frames[name] = type(frames[name])((1.02 * frames[name].flat).astype(np.float32), frames[name].offsets)
    return frames, Links(true_links(frames, 1), np.ones(len(frames["layer"].flat), np.float32))


class GivenLinks(LinkEngine):
    """Makes tracks of links that are there."""

    def __init__(self, config, links):
        super().__init__(config, None, None)
        self.given = links

    def links(self, examples):
        return self.given


def evaluated(frames, links, **apply):
    config = CONFIG.model_copy(update={"apply": ApplyConfig(**apply)})
    evaluator = TrackEvaluator(config)
    evaluator.update(frames, GivenLinks(config, links)(frames))
    return evaluator.result()


def test_a_calibration_by_three_phantoms_mends_materials_that_are_wrong_for_a_fourth(wrong, tmp_path):
    frames, links = wrong
    known = {name: column for name, column in frames.items() if name not in (*TRUTH, "phantom")}
    found = evaluated(known, links, phantom_of_run={0: 40, 1: 100, 2: 160})
    path = tmp_path / CALIBRATION
    path.write_text(found.files[CALIBRATION])
    columns = GivenLinks(CONFIG.model_copy(update={"apply": ApplyConfig(wepl_calibration=str(path))}), links)(frames)
    before = GivenLinks(CONFIG, links)(frames)
    spectra, raw = Spectra(), Spectra()
    spectra.add(frames, columns)
    raw.add(frames, before)
    peaks = [gaussian_peak(s.tracks["wepl"][s.tracks["usable"] & (s.tracks["run"] == 3)]) for s in (raw, spectra)]
    assert abs(peaks[0].middle - 130) > 3.0
    assert abs(peaks[1].middle - 130) < 0.5
    calibration = load_calibration(str(path))
    assert calibration.true[1] - calibration.true[0] == pytest.approx(1 / 1.02, abs=0.006)
    again = evaluated(known, links, phantom_of_run={3: 130}, wepl_calibration=str(path))
    assert CALIBRATION not in again.files
    (row,) = [row for row in again.tables["WEPL by file and run, mm"] if row["run"] == 3]
    assert abs(row["peak less phantom"]) < 0.5


def test_a_calibration_recovers_offset_and_slope_within_their_errors_and_resists_one_bad_run():
    rng = default_rng(1)
    pulls, parts = [], []
    for _ in range(30):
        parts = [rows((rng.normal(true, 3, 600) + 0.41) / 1.0024, true, run) for run, true in enumerate((20.0, 80.0, 140.0, 200.0))]
        fit = fit_calibration(joined(*parts))
        pulls.append([(fit.offset + 0.41) / fit.offset_error, (fit.slope - 1.0024) / fit.slope_error])
    assert np.abs(np.mean(pulls, axis=0)).max() < 0.8 and 0.6 < np.std(pulls) < 1.5
    more = [rows(rng.normal(true, 3, 600), true, 10 + k) for k, true in enumerate((30.0, 60.0, 90.0, 120.0, 150.0))]
    clean, bad = fit_calibration(joined(*parts, *more)), fit_calibration(joined(*parts, *more, rows(rng.normal(160, 3, 600), 110.0, 99)))
    assert bad.slope == pytest.approx(clean.slope, abs=0.01) and bad.offset == pytest.approx(clean.offset, abs=1.0)
    assert "off by" in bad.sentence()


def test_one_thickness_fixes_an_offset_only_and_flagged_tracks_and_unknown_phantoms_do_not_count():
    rng = default_rng(2)
    fit = fit_calibration(joined(rows(rng.normal(252, 3, 800), 250.0), rows(rng.normal(100, 3, 800), 250.0, flags=2), rows(rng.normal(50, 3, 500), np.nan, 1)))
    assert (fit.slope, fit.slope_error, len(fit.true)) == (1.0, None, 1)
    assert fit.offset == pytest.approx(-2.0, abs=4 * fit.offset_error) and "slope_error" not in fit.text()
    assert fit_calibration(rows(rng.normal(250, 3, 800))) is None


def test_phantoms_are_those_stated_of_a_run_else_stated_else_of_the_file(wrong):
    frames, _ = wrong
    run = np.asarray(frames["run"])
    assert np.array_equal(known_phantoms(frames, ApplyConfig()), frames["phantom"])
    stated = known_phantoms(frames, ApplyConfig(phantom="250", phantom_of_run={2: 10}))
    assert np.array_equal(stated, np.where(run == 2, 10.0, 250.0))
    files = frames | {"file": run % 2}
    assert np.array_equal(known_phantoms(files, ApplyConfig(phantom="50,100")), np.where(run % 2, 100.0, 50.0))
    assert np.array_equal(known_phantoms(files, ApplyConfig(phantom=70)), np.full(len(run), 70.0))
    with pytest.raises(ConfigError, match="has 2 values, but there are at least 4"):
        known_phantoms(frames | {"file": run}, ApplyConfig(phantom=[50, 60]))
    assert np.isnan(known_phantoms({k: v for k, v in frames.items() if k != "phantom"}, ApplyConfig())).all()


@pytest.mark.parametrize("stated, said", [("50,100,150", True), ("50,100", False), ("50", False)])
def test_more_phantoms_than_files_are_announced(wrong, stated, said):
    frames, links = wrong
    files = frames | {"file": np.asarray(frames["run"]) % 2}
    found = evaluated({name: column for name, column in files.items() if name not in TRUTH}, links, phantom=stated)
    assert any("has 3 values, but the input has tracks in its first 2 files only" in note for note in found.notes) == said


def test_without_truth_spectra_flags_and_ranges_are_shown_and_said_to_compare_nothing(wrong):
    frames, links = wrong
    blind = {name: column for name, column in frames.items() if name not in (*TRUTH, "phantom")}
    found = evaluated(blind, links)
    assert NO_TRUTH in found.notes and CALIBRATION not in found.files and not found.cases
    assert {m.name for m in found.metrics} == {"usable_tracks", "wepl_spectrum_peak", "wepl_spectrum_width"}
    assert set(found.figures) == {"Spectrum of WEPL", "Range against the last layer"}
    columns = GivenLinks(CONFIG, links)(blind)
    flags = columns["flags"].flat
    shares = {row["flag"]: row["tracks"] for row in found.tables["Tracks by flag"]}
    assert shares[0] == (flags == 0).sum() and shares[2] == ((flags & 2) > 0).sum()
    assert sum(row["tracks"] for row in found.tables["Range by last layer, mm"]) == len(flags)
    ranges = [row["median range"] for row in found.tables["Range by last layer, mm"] if row["usable"] > 3]
    assert len(ranges) > 10 and (np.diff(ranges) > 0).all()
    assert [row["run"] for row in found.tables["WEPL by file and run, mm"]] == [0, 1, 2, 3]
    nothing = {name: np.full(len(blind["run"]), np.nan, np.float32) for name in ("beam_energy", "beam_range")}
    unknown = evaluated(blind | nothing, links)
    assert "Spectrum of the range" in unknown.figures and "range_spectrum_peak" in {m.name for m in unknown.metrics}


def test_with_truth_the_same_is_shown_beside_what_compares(wrong):
    frames, links = wrong
    found = evaluated(frames, links)
    names = {m.name: m.value for m in found.metrics}
    assert {"complete_efficiency", "wepl_bias", "wepl_spectrum_peak", "usable_tracks"} <= names.keys() and NO_TRUTH not in found.notes
    assert {"Spectrum of WEPL", "Calibration of WEPL", "Residuals of WEPL"} <= set(found.figures) and CALIBRATION in found.files
