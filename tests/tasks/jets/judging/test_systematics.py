"""Variations of the jets in the report: known answers where the score is the mass, or does not know of it."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from pphysml.io.ragged import Ragged, length, take
from pphysml.registry import get_task
from pphysml.tasks.jets.reading.variations import (
    gaussian,
    unvaried,
    variations,
    with_energies,
    with_masses,
)
from pphysml.verbs.config import configuration
from pphysml.verbs.engine_choice import EngineChoice
from pphysml.verbs.evaluate import evaluate
from pphysml.verbs.inputs import Inputs

JETS = get_task("jets")
TABLE = "Variations of the jets, at the nominal working points"
N = 20_000


def jets(n=1000):
    rng = np.random.default_rng(2)
    pt, eta, mass = rng.uniform(300, 900, n).astype(np.float32), rng.normal(size=n), rng.uniform(10, 200, n).astype(np.float32)
    energy = np.sqrt((pt * np.cosh(eta)) ** 2 + mass**2)
    counts = rng.integers(1, 4, n)
    parts = {f"part_{name}": Ragged.from_counts(rng.normal(size=counts.sum()), counts) for name in ("px", "py", "pz", "energy")}
    return {"file": np.zeros(n, np.int32), "entry": np.arange(n) // 2, "jet": np.arange(n) % 2, "jet_pt": pt, "jet_eta": eta, "jet_mass": mass, "jet_energy": energy, **parts}


def mass_of(examples):
    return np.sqrt(examples["jet_energy"] ** 2 - (examples["jet_pt"] * np.cosh(examples["jet_eta"])) ** 2)


def test_momentum_mass_energy_and_constituents_stay_those_of_one_jet() -> None:
    examples = jets()
    factor = np.random.default_rng(3).uniform(0.9, 1.1, 1000)
    scaled, heavier = with_energies(examples, factor), with_masses(examples, factor)
    np.testing.assert_allclose(mass_of(scaled), scaled["jet_mass"], rtol=2e-3)
    np.testing.assert_allclose(mass_of(heavier), heavier["jet_mass"], rtol=2e-3)
    np.testing.assert_array_equal(heavier["jet_pt"], examples["jet_pt"])
    np.testing.assert_allclose(scaled["jet_pt"], examples["jet_pt"] * factor, rtol=1e-6)
    sums = [np.add.reduceat(e["part_px"].flat, e["part_px"].offsets[:-1]) for e in (examples, scaled)]
    np.testing.assert_allclose(sums[1], sums[0] * factor, rtol=1e-9)
    assert scaled["jet_pt"].dtype == np.float32 and np.ptp(examples["jet_mass"]) > 100


def test_new_variables_are_made_anew_and_a_jet_is_smeared_alike_in_every_reading() -> None:
    config = configuration(JETS, None, ["apply.scale=0.1", "apply.smear=0.2", "data.variables={half: jet_pt / 2, quarter: half / 2}"])
    examples = jets()
    found = variations(examples, config)
    assert list(found) == ["energy scale +0.1", "energy scale -0.1", "resolution +0.2"]
    np.testing.assert_allclose(found["energy scale -0.1"]["quarter"], examples["jet_pt"] * 0.225, rtol=1e-6)
    ratio = found["resolution +0.2"]["jet_pt"] / examples["jet_pt"]
    assert ratio.mean() == pytest.approx(1, abs=0.03) and ratio.std() == pytest.approx(0.2, abs=0.02)
    rows = np.random.default_rng(1).permutation(1000)[:300]
    np.testing.assert_array_equal(gaussian(take(examples, rows)), gaussian(examples)[rows])
    assert length(variations(take(examples, rows[:0]), config)["resolution +0.2"]) == 0


@pytest.mark.parametrize(("kind", "mass", "pt", "unit"), [("nano", "FatJet_msoftdrop", "FatJet_pt", 1.0), ("physlite", "AnalysisLargeRJetsAuxDyn.m", "AnalysisLargeRJetsAuxDyn.pt", 1000.0),
                                                         ("jetclass", "jet_sdmass", "jet_energy", 1.0), ("flat", "m", "pt", 1.0)])
def test_branches_that_are_other_names_of_masses_and_momenta_change_with_them(kind, mass, pt, unit, written) -> None:
    tagger = {"nano": "FatJet_myTagger", "physlite": "AnalysisLargeRJetsAuxDyn.R10TruthLabel_R22v1", "jetclass": "jet_eta", "flat": "score"}[kind]
    options = [f"model.inputs=['ratio', '{tagger}']", f"data.variables={{ratio: '{mass} / {pt}'}}", "apply.scale=0.1", "apply.mass_scale=0.2"]
    config = configuration(JETS, None, options)
    reader = Inputs([str(getattr(written, kind)())]).open(JETS, config)
    examples, _ = JETS.assemble(next(iter(reader)), None, config)
    found = variations(examples, config)
    values = np.asarray(examples[mass], float)
    np.testing.assert_allclose(values.max(), written.jets["mass" if mass[-1] == "m" else "softdrop_mass"].max() * unit, rtol=1e-4)
    for name, of_mass, of_pt in (("energy scale -0.1", 0.9, 0.9), ("mass scale +0.2", 1.2, 1.0)):
        # -1 of soft drop says that there is no second prong, and is no mass.
        np.testing.assert_allclose(found[name][mass], np.where(values > 0, of_mass * values, values), rtol=1e-5)
        if pt != "jet_energy":
            np.testing.assert_allclose(found[name][pt], of_pt * np.asarray(examples[pt]), rtol=1e-5)
            positive = values > 0
            np.testing.assert_allclose(found[name]["ratio"][positive], (examples["ratio"] * of_mass / of_pt)[positive], rtol=1e-5)
    assert unvaried(examples, config) == ([tagger] if kind != "jetclass" else [])


def test_momenta_of_other_jets_and_objects_stay_as_they_are_and_are_named(written) -> None:
    config = configuration(JETS, None, ["model.inputs=[lead, FatJet_tau2 / FatJet_pt]", "data.variables={lead: max(Muon_pt) + max(ScoutingFatJet_pt)}", "apply.scale=0.1"])
    path = written.nano(ScoutingFatJet_pt=ak.Array([[1.0], [2], [3], [4], [5], [6]]))
    examples, _ = JETS.assemble(next(iter(Inputs([str(path)]).open(JETS, config))), None, config)
    changed = variations(examples, config)["energy scale +0.1"]
    np.testing.assert_array_equal(changed["lead"], examples["lead"])
    np.testing.assert_allclose(changed["FatJet_pt"], 1.1 * examples["FatJet_pt"], rtol=1e-6)
    assert set(unvaried(examples, config)) == {"Muon_pt", "ScoutingFatJet_pt", "FatJet_tau2"}


@pytest.fixture(scope="module")
def ntuple(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Masses of background fall as m^-2 from 50 GeV on, those of the signal are Gaussian at 100."""
    path, rng = tmp_path_factory.mktemp("ntuple") / "ntuple.root", np.random.default_rng(4)
    label = (np.arange(N) % 2).astype(np.int32)
    mass = np.where(label == 1, rng.normal(100, 10, N), 50 / (1 - rng.random(N)).clip(0.05))
    with uproot.recreate(path) as file:
        file["t"] = {"event": np.arange(N), "pt": rng.uniform(300, 900, N), "eta": rng.normal(size=N), "mass": mass, "label": label, "s": rng.normal(label)}
    return path


def rows_of(ntuple, score, *options):
    (found,) = evaluate(JETS, Inputs([str(ntuple)]), EngineChoice(engine=f"branch:{score}", overrides=list(options))).values()
    return {row["variation"]: row for row in found.tables.get(TABLE, [])}, found


def test_a_score_that_is_the_mass_moves_with_it(ntuple) -> None:
    """Where jets above 100 GeV pass, those above 100 / 1.05 do: by m^-2, 5 % more background."""
    rows, _ = rows_of(ntuple, "jet_mass", "apply.mass_scale=0.05", "apply.smear=0.1")
    assert list(rows) == ["none", "mass scale +0.05", "mass scale -0.05", "resolution +0.1"]
    assert rows["none"]["signal efficiency"] == pytest.approx(0.5, abs=0.01) and rows["none"]["background to nominal"] == 1
    for name, factor, signal in (("mass scale +0.05", 1.05, 0.683), ("mass scale -0.05", 0.95, 0.299)):
        row = rows[name]
        assert row["background to nominal"] == pytest.approx(factor, abs=4 * row["background, error"]) and 0 < row["background, error"] < 0.01
        assert row["signal efficiency"] == pytest.approx(signal, abs=0.02)
        assert row["rejection"] == pytest.approx(1 / row["background efficiency"])
    # Of m^-2, as many jets move up as down where the mean factor is 1; half of the signal passes as before.
    smeared = rows["resolution +0.1"]
    assert smeared["background to nominal"] == pytest.approx(1, abs=4 * smeared["background, error"]) and 0.001 < smeared["background, error"] < 0.01
    assert smeared["signal efficiency"] == pytest.approx(0.5, abs=0.02) and smeared["less nominal"] < 0


def test_a_score_that_does_not_know_of_the_mass_passes_the_same_jets_and_loses_in_the_fit_alone(ntuple) -> None:
    rows, found = rows_of(ntuple, "s", "apply.smear=0.3")
    row = rows["resolution +0.3"]
    assert row["signal to nominal"] == row["background to nominal"] == 1
    assert row["less nominal"] < -3 * row["error"] < 0
    column = next(name for name in row if name.startswith("significance"))
    assert row[column] == pytest.approx(rows["none"][column] + row["less nominal"])
    # Nothing else in the report changes.
    plain = rows_of(ntuple, "s")[1]
    assert TABLE not in plain.tables
    assert [(m.name, m.value) for m in plain.metrics] == [(m.name, m.value) for m in found.metrics]


def test_a_variation_that_changes_nothing_is_said(ntuple) -> None:
    _, found = rows_of(ntuple, "s", "apply.scale=0.1", "model.against=[eta]")
    assert any("energy scale +0.1 changes neither" in note for note in found.notes)
    assert any("s, eta stay as in the file" in note for note in found.notes)
    # By its own name in the file, a momentum is varied, too.
    _, found = rows_of(ntuple, "s", "apply.scale=0.1", "model.against=[pt]")
    assert not any("changes neither" in note for note in found.notes) and any("Under variations of the jets s stays" in note for note in found.notes)
