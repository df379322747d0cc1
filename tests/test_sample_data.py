"""The sample files hold what their README says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pphysml.config import load
from pphysml.io.reader import Reader
from pphysml.io.sources import resolve
from pphysml.io.validation import validate
from pphysml.registry import get_task
from pphysml.tasks.lcag.trees.matrices import parent_to_matrix
from pphysml.tasks.lcag.trees.validity import is_valid_ragged
from pphysml.verbs.simulate import simulate

SAMPLE = Path(__file__).parents[1] / "data" / "lcag_leaves.root"
LAYOUTS = get_task("lcag").layouts()


def read(path):
    reader = Reader(resolve([str(path)]), LAYOUTS)
    return reader.read(reader.blocks[0])


def test_the_content_is_whole():
    assert validate(resolve([str(SAMPLE)]), LAYOUTS, need_truth=True) == []


def test_every_decay_is_at_rest_with_mass_100_and_its_truths_agree():
    events = read(SAMPLE)
    n = events["e"].counts
    assert len(n) == 500 and n.min() == 2 and n.max() == 10
    for name, total in (("px", 0), ("py", 0), ("pz", 0), ("e", 100)):
        sums = np.add.reduceat(events[name].flat, events[name].offsets[:-1])
        assert sums == pytest.approx(np.full(500, total), abs=1e-6)
    assert is_valid_ragged(events["lcag"], n).all()
    matrices, problems = parent_to_matrix(events["parent"], n)
    assert not problems.any()
    assert np.array_equal(matrices.flat, events["lcag"].flat)


def test_the_command_in_the_readme_makes_the_same_events(tmp_path):
    task = get_task("lcag")
    simulate(task, load(task.config_class, task.presets, "paper"), tmp_path / "again.root", 500, seed=11)
    stored, again = read(SAMPLE), read(tmp_path / "again.root")
    assert np.array_equal(stored["topology"], again["topology"])
    assert again["px"].flat == pytest.approx(stored["px"].flat, abs=1e-9)


def test_the_command_in_the_readme_makes_the_same_hits(tmp_path):
    task = get_task("track")
    layouts, stored_in = task.layouts(), SAMPLE.with_name("track_hits.root")
    assert validate(resolve([str(stored_in)]), layouts, need_truth=True) == []
    simulate(task, load(task.config_class, task.presets, "mixed"), tmp_path / "again.root", 480, seed=11)
    readers = [Reader(resolve([str(path)]), layouts) for path in (stored_in, tmp_path / "again.root")]
    stored, again = (reader.read(reader.blocks[0]) for reader in readers)
    assert np.array_equal(stored["event"], again["event"]) and stored["event"].max() < 480
    assert again["x"] == pytest.approx(stored["x"], abs=1e-5)
    assert again["edep"] == pytest.approx(stored["edep"], rel=1e-5)


def test_the_command_in_the_readme_makes_the_same_singles(tmp_path):
    task = get_task("petnet")
    layouts, stored_in = task.layouts(), SAMPLE.with_name("petnet_singles.root")
    assert validate(resolve([str(stored_in)]), layouts, need_truth=True) == []
    simulate(task, load(task.config_class, task.presets, "mouse-500"), tmp_path / "again.root", 40_000, seed=11)
    readers = [Reader(resolve([str(path)]), layouts) for path in (stored_in, tmp_path / "again.root")]
    stored, again = (reader.read(reader.blocks[0]) for reader in readers)
    assert np.array_equal(stored["event"], again["event"]) and stored["event"].max() < 40_000
    assert again["time"] == pytest.approx(stored["time"], abs=1e-13)
    assert again["energy"] == pytest.approx(stored["energy"], rel=1e-5)


def test_the_command_in_the_readme_makes_the_same_jets(tmp_path):
    task = get_task("jets")
    layouts, stored_in = task.layouts(), SAMPLE.with_name("jets_sample.root")
    assert validate(resolve([str(stored_in)]), layouts, need_truth=True) == [] and stored_in.stat().st_size < 300_000
    options = ["simulation.continuous_masses=false", "simulation.resonance_masses=[80]", "simulation.signal=0.25"]
    simulate(task, load(task.config_class, task.presets, "toy", options), tmp_path / "again.root", 2400, seed=11)
    readers = [Reader(resolve([str(path)]), layouts) for path in (stored_in, tmp_path / "again.root")]
    stored, again = (reader.read(reader.blocks[0]) for reader in readers)
    assert set(np.unique(stored["jet_resonance_mass"].flat)) == {-1, 80}
    for name in ("jet_pt", "jet_mass", "jet_tau2", "jet_d2"):
        assert again[name].flat == pytest.approx(stored[name].flat, rel=1e-4)
