"""Constituents that a network takes, as numbers of each jet."""

from __future__ import annotations

import numpy as np

from pphysml.config import build
from pphysml.registry import get_task
from pphysml.tasks.jets.config import JetsConfig
from pphysml.tasks.jets.judging.constituents_shown import of_constituents
from pphysml.tasks.jets.judging.jets_shown import JetsShown


def test_numbers_of_each_jet_are_those_of_a_loop_over_its_constituents() -> None:
    options = {"model": {"name": "pfn", "particle_inputs": ["kinpid", "part_charge * part_energy"], "most_particles": 20}, "simulation": {"jets_per_entry": 1.5}}
    config, task = build(JetsConfig, options, "test"), get_task("jets")
    chunk = {**task.simulation(config, 3).block(0, 60), "file": np.zeros(60, np.int32), "entry": np.arange(60)}
    chunk = task.layouts_for(config)[0].canonical(chunk)
    lists = {name: chunk[name] for name in ("part_px", "part_py", "part_charge", "part_energy", "part_jet")}
    examples, _ = task.assemble(chunk, None, config)
    found = of_constituents(examples, config)
    assert set(found) >= {"number of constituents", "share of the first constituent", "mean(part_charge)", "mean(part_charge * part_energy)"} and len(found) == 4 + 5
    for row, (entry, jet) in enumerate(zip(examples["entry"], examples["jet"], strict=True)):
        own = {name: column[entry][lists["part_jet"][entry] == jet].astype(float) for name, column in lists.items()}
        pt = np.hypot(own["part_px"], own["part_py"])
        kept = np.argsort(-pt)[:20]
        expected = [len(pt), pt.max() / pt[kept].sum(), own["part_charge"][kept].mean(), (own["part_charge"] * own["part_energy"])[kept].mean()]
        names = ("number of constituents", "share of the first constituent", "mean(part_charge)", "mean(part_charge * part_energy)")
        np.testing.assert_allclose([found[name][row] for name in names], expected, rtol=1e-4, atol=1e-4)
    shown = JetsShown.of(examples, {}, config)
    np.testing.assert_array_equal(shown.inputs["number of constituents"], found["number of constituents"])


def test_a_network_without_constituents_shows_none() -> None:
    assert of_constituents({"jet_pt": np.ones(3)}, build(JetsConfig, {}, "test")) == {}
