"""The same jets come out of the files of all experiments."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from pphysml.config import build
from pphysml.errors import InputError
from pphysml.io.ragged import Columns, concatenate
from pphysml.registry import get_task
from pphysml.tasks.jets.config import JetsConfig
from pphysml.tasks.jets.reading.assemble import JetsCarry, assemble, assemble_training
from pphysml.verbs.inputs import Inputs


def read(path: Path, block: int = 4, layout: str | None = None, **data: object) -> tuple[Columns, JetsCarry, str]:
    config = build(JetsConfig, {"data": data, "model": {"inputs": ["jet_pt", "jet_tau1", "jet_tau2", "jet_tau3"]}, "training": {"block_size": block}}, "test")
    reader = Inputs([str(path)], layout=layout).open(get_task("jets"), config)
    carry, parts = None, []
    for chunk in reader:
        examples, carry = assemble(chunk, carry, config)
        parts.append(examples)
    assert isinstance(carry, JetsCarry)
    return concatenate(parts), carry, reader.layout.name


@pytest.mark.parametrize("block", [1, 4, 100])
@pytest.mark.parametrize("kind", ["nano", "physlite", "jetclass", "flat"])
def test_all_layouts_hold_the_same_jets(kind, block, written) -> None:
    path = getattr(written, kind)()
    examples, _, layout = read(path, block)
    assert layout == {"nano": "nanoaod-fatjet", "physlite": "physlite-largeR"}.get(kind, kind)
    for name in ("pt", "eta", "phi", "tau1", "tau2", "tau3"):
        np.testing.assert_allclose(examples[f"jet_{name}"], written.jets[name], rtol=2e-6)
    # From energies the mass has the rounding of float32 of energies of some hundred GeV.
    np.testing.assert_allclose(examples["jet_mass"], written.jets["mass"], rtol=5e-3 if kind == "jetclass" else 2e-6)
    if kind in ("nano", "physlite"):
        np.testing.assert_array_equal(examples["entry"], np.repeat(np.arange(6), written.counts))
        np.testing.assert_array_equal(examples["jet"], [0, 1, 0, 0, 1, 2, 0])
        np.testing.assert_array_equal(examples["event"], written.jets["event"])
    else:
        np.testing.assert_array_equal(examples["entry"], np.arange(7))
        assert not np.asarray(examples["jet"]).any()


def test_jets_without_second_prong_have_the_mass_0_and_are_counted(written) -> None:
    examples, carry, _ = read(written.nano())
    assert np.asarray(examples["jet_softdrop_mass"])[3] == 0 and carry.facts()["without_second_prong"] == 1


def test_classes_weights_and_variables_are_expressions_of_branches(written) -> None:
    examples, carry, _ = read(
        written.nano(), classes={"qcd": "jet_b_hadrons == 0 and tau21 > 0", "bb": "jet_b_hadrons == 1 and FatJet_myTagger > -9"}, background=["qcd"],
        variables={"tau21": "jet_tau2 / jet_tau1"}, selection="jet_pt > 500 and sum(Muon_pt) >= 0", weight="genWeight * 2")
    np.testing.assert_array_equal(examples["class"], written.jets["label"])
    np.testing.assert_allclose(examples["tau21"], written.jets["tau2"] / written.jets["tau1"], rtol=1e-6)
    np.testing.assert_allclose(examples["weight"], np.where(np.repeat(np.arange(6), written.counts) == 3, -3.0, 4.0))
    np.testing.assert_array_equal(examples["selected"], written.jets["pt"] > 500)
    assert carry.facts() == {"jets": 7, "without_second_prong": 1, "of_no_class": 0}


def test_lists_of_other_objects_belong_to_the_event(written) -> None:
    """Five muons in six events, never as many as jets by name, though events may have as many of both."""
    examples, _, _ = read(written.nano(), block=1, variables={"muons": "count(Muon_pt)", "leading": "max(Muon_pt)"})
    np.testing.assert_array_equal(examples["muons"], np.repeat([1, 0, 2, 0, 1, 1], written.counts))


def test_labels_by_the_names_of_files(written) -> None:
    examples, _, _ = read(written.nano(), labels="signal=Fat*.root,background=qcd*.root", background=["background"])
    assert set(np.asarray(examples["class"]).tolist()) == {0}
    examples, _, _ = read(written.flat(), labels={"qcd": "nothing*.root", "x": "flat.root"})
    assert set(np.asarray(examples["class"]).tolist()) == {1}


def test_a_collection_of_another_name(written) -> None:
    examples, _, layout = read(written.nano("ScoutingFatJet"), collection="ScoutingFatJet")
    assert layout == "collection"
    np.testing.assert_allclose(examples["jet_pt"], written.jets["pt"], rtol=1e-6)


def test_a_jet_of_two_classes_is_refused_by_its_entry(written) -> None:
    with pytest.raises(InputError, match="jet 1 is of the classes a and b") as caught:
        read(written.nano(), classes={"a": "jet_pt > 0", "b": "jet_b_hadrons == 1"})
    assert caught.value.entry == 0


def test_unknown_truth_is_no_hindrance_in_applying_and_named_in_training(written) -> None:
    examples, carry, _ = read(written.flat())
    assert "class_known" not in examples and set(np.asarray(examples["class"]).tolist()) == {-1} and "of_no_class" not in carry.facts()
    config = JetsConfig()
    reader = Inputs([str(written.flat())]).open(get_task("jets"), config)
    with pytest.raises(InputError, match=r"background: jet_label == 0.*does not have"):
        assemble_training(next(iter(reader)), None, config)


def test_jets_of_no_class_or_not_selected_are_not_trained_on(written) -> None:
    config = build(JetsConfig, {"data": {"classes": {"a": "jet_b_hadrons == 1", "b": "jet_b_hadrons == 0 and jet_pt > 1e9"}, "selection": "jet_eta > 0"}}, "test")
    reader = Inputs([str(written.nano())]).open(get_task("jets"), config)
    examples, _ = assemble_training(next(iter(reader)), None, config)
    np.testing.assert_allclose(examples["jet_pt"], written.jets["pt"][(written.jets["label"] == 1) & (written.jets["eta"] > 0)], rtol=1e-6)


def test_mev_taken_for_gev_is_said(written) -> None:
    written.jets["pt"] *= 1000
    _, carry, _ = read(written.nano())
    assert any("MeV" in sentence for sentence in carry.warnings(str))


def test_units_of_masses_alone_and_units_that_are_too_large_are_said(written) -> None:
    written.jets["mass"] *= 1000
    sentence, = read(written.nano())[1].warnings(str)
    assert "mass above" in sentence and "--map jet_mass=BRANCH:MeV" in sentence
    written.jets["pt"], written.jets["mass"] = written.jets["pt"] / 1000, written.jets["mass"] / 1e6
    sentence, = read(written.physlite())[1].warnings(str)
    assert "transverse momentum below 0." in sentence and "BRANCH:GeV" in sentence


def test_a_placeholder_is_no_value(written) -> None:
    """A mass of -1 after soft drop says that there is no second prong."""
    written.jets["tau2"][2:5] = -999, -1, -0.5
    written.jets["softdrop_mass"][:2] = -999, -1
    examples, _, _ = read(written.nano())
    np.testing.assert_array_equal(np.isnan(np.asarray(examples["jet_tau2"])), [False, False, True, True, False, False, False])
    assert np.isnan(np.asarray(examples["jet_softdrop_mass"])[0]) and np.asarray(examples["jet_softdrop_mass"])[1] == 0


def test_entries_that_are_jets_are_told_from_those_that_hold_several_by_their_values(written, tmp_path) -> None:
    names = {f"jet_{name}": written.jets[name].astype(np.float32) for name in ("pt", "eta", "mass", "tau1", "tau2", "tau3")}
    with uproot.recreate(tmp_path / "one.root") as file:
        file["ntuple"] = names
    with uproot.recreate(tmp_path / "several.root") as file:
        file["ntuple"] = {name: ak.unflatten(values, written.counts) for name, values in names.items()}
    for file_name, layout in (("one", "flat"), ("several", "jets")):
        examples, _, found = read(tmp_path / f"{file_name}.root")
        assert found == layout
        np.testing.assert_array_equal(examples["jet_pt"], names["jet_pt"])
