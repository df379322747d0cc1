"""The presets of `petnet`: each simulates, and what it says of its object shows in the singles."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.config import load, preset_names
from pphysml.io.ragged import concatenate, length
from pphysml.tasks.petnet.classical.sorter import sort_pairs
from pphysml.tasks.petnet.config import PetConfig
from pphysml.tasks.petnet.reading.assemble import assemble
from pphysml.tasks.petnet.scanner.scanner import load_scanner
from pphysml.tasks.petnet.simulation.simulate import PetSimulation

PACKAGE = "pphysml.tasks.petnet.presets"


def made(name, n=4000):
    """Return configuration, singles and slices of a preset."""
    config = load(PetConfig, PACKAGE, name)
    singles = PetSimulation(config, 1).block(0, n)
    chunk = singles | {"file": np.zeros(length(singles), np.int32), "entry": np.arange(length(singles))}
    slices, carry = assemble(chunk, None, config)
    rest, _ = assemble(None, carry, config)
    return config, singles, concatenate([part for part in (slices, rest) if part])


@pytest.mark.parametrize("name", preset_names(PACKAGE))
def test_every_preset_simulates_and_has_coincidences(name):
    config, singles, slices = made(name)
    assert length(singles) > 500 and (np.diff(singles["time"]) >= 0).all()
    sectors = load_scanner(config.scanner or "safir").rsectors
    pairs = sort_pairs(slices, config.apply.classical, config.window, 0.0, sectors)
    event = slices["event"].flat
    same = event[pairs.first] == event[pairs.second]
    assert len(same) > 10 and same.any()


@pytest.mark.parametrize(("name", "activity"), [("mouse-50", 50e6), ("mouse-150", 150e6), ("mouse-500", 500e6), ("rat-500", 500e6)])
def test_decays_have_the_rate_of_the_activity(name, activity):
    _, singles, _ = made(name)
    decays = singles["source_id"] == 0
    time, event = singles["time"][decays], singles["event"][decays]
    assert (event.max() - event.min()) / (time.max() - time.min()) == pytest.approx(activity, rel=0.1)


def test_a_rat_scatters_more_than_a_mouse():
    shares = [np.mean((s := made(name)[1])["compton_phantom"][s["source_id"] == 0] > 0) for name in ("mouse-500", "rat-500")]
    assert shares[1] > 1.3 * shares[0]


def test_the_toy_is_that_of_the_paper():
    """Precision and recall of its single-window sorter are 0.83 and 0.93 at 10 decays per sample and an efficiency of 0.2."""
    config, singles, slices = made("toy", 40_000)
    assert set(np.unique(singles["energy"])) == {singles["energy"][0]} and config.energy_window is None
    assert np.array_equal(np.rint(singles["time"] * 1e9), np.round(singles["time"] * 1e9, 3))
    pairs = sort_pairs(slices, config.apply.classical, config.window, 0.0, None)
    event, run = slices["event"].flat, slices["run"].flat
    same = (event[pairs.first] == event[pairs.second]) & (run[pairs.first] == run[pairs.second])
    _, counts = np.unique(np.stack([run, event]), axis=1, return_counts=True)
    assert same.mean() == pytest.approx(0.83, abs=0.03)
    assert same.sum() / (counts == 2).sum() == pytest.approx(0.93, abs=0.03)
