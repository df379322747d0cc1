"""Data configurations of weaver-core as options of `jets`."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pphysml.errors import ConfigError
from pphysml.io.expressions import Expression
from pphysml.io.ragged import Ragged
from pphysml.registry import get_task
from pphysml.tasks.jets.config.weaver_expressions import converted
from pphysml.verbs.config import configuration

JETS = get_task("jets")
FLAGS = [[f"part_is{kind}", None] for kind in ("ChargedHadron", "NeutralHadron", "Photon", "Electron", "Muon")]
KIN = [["part_pt_log", 1.7, 0.7], ["part_e_log", 2.0, 0.7], ["part_logptrel", -4.7, 0.7], ["part_logerel", -4.7, 0.7], ["part_deltaR", 0.2, 4.0]]
PLACE = [["part_deta", None], ["part_dphi", None]]
TRACKS = [["part_d0", None], ["part_d0err", 0, 1, 0, 1], ["part_dz", None], ["part_dzerr", 0, 1, 0, 1]]
VARIABLES = {
    "part_mask": "ak.ones_like(part_energy)", "part_pt": "np.hypot(part_px, part_py)", "part_pt_log": "np.log(part_pt)", "part_e_log": "np.log(part_energy)", "part_logptrel": "np.log(part_pt/jet_pt)",
    "part_logerel": "np.log(part_energy/jet_energy)", "part_deltaR": "np.hypot(part_deta, part_dphi)", "part_d0": "np.tanh(part_d0val)", "part_dz": "np.tanh(part_dzval)"}
LIKE_JETCLASS: dict[str, Any] = {
    "treename": "tree", "selection": "(jet_pt > 500) & ~(np.abs(jet_eta) > 2)", "new_variables": VARIABLES, "preprocess": {"method": "manual", "data_fraction": 0.5},
    "inputs": {
        "pf_points": {"length": 100, "pad_mode": "wrap", "vars": PLACE}, "pf_features": {"length": 100, "pad_mode": "wrap", "vars": [*KIN, ["part_charge", None], *FLAGS, *TRACKS, *PLACE]},
        "pf_vectors": {"length": 100, "vars": [[f"part_{name}", None] for name in ("px", "py", "pz", "energy")]}, "pf_mask": {"length": 100, "vars": [["part_mask", None]]}},
    "labels": {"type": "simple", "value": ["label_Hbb", "label_QCD"]}, "observers": ["jet_pt", "jet_eta"], "weights": None}


def options(path: Path, values: dict[str, Any], *changed: str) -> Any:
    path.write_text(yaml.safe_dump(values))
    return configuration(JETS, None, [f"data.weaver_config={path}", *changed])


def changed(key: str, value: Any) -> dict[str, Any]:
    values = deepcopy(LIKE_JETCLASS)
    inside = values
    *sections, last = key.split(".")
    for section in sections:
        inside = inside[section]
    inside[last] = value
    return values


def test_the_inputs_of_the_particle_transformer_are_our_set(tmp_path: Path) -> None:
    config = options(tmp_path / "full.yaml", LIKE_JETCLASS)
    assert config.model.particle_inputs == ["full"] and config.model.most_particles == 100 and config.model.name == "small-part" and config.model.inputs == []
    assert list(config.data.classes) == ["Hbb", "QCD"] and config.data.background == ["QCD"] and config.data.weaver_config is None
    jets = {"jet_pt": np.array([400.0, 600, 700]), "jet_eta": np.array([0.0, -1, -3]), "label_QCD": np.array([0, 1, 1])}
    assert Expression.parse(config.data.selection)(jets).tolist() == [False, True, False]
    assert Expression.parse(config.data.classes["QCD"])(jets).tolist() == [False, True, True]


@pytest.mark.parametrize(("features", "expected"), [
    ([*KIN, *PLACE], ["kin"]), ([*PLACE, *FLAGS, *KIN, ["part_charge", None]], ["kinpid"]), ([*KIN, *PLACE, *FLAGS[:1]], ["kin", "part_isChargedHadron"]),
    ([["part_pt_log", 1.5, 0.7], *PLACE], ["kin", "min(max((log(hypot(part_px, part_py)) - 1.5) * 0.7, -5), 5)"])])
def test_other_inputs_are_a_set_and_expressions(features: list[Any], expected: list[str], tmp_path: Path) -> None:
    assert options(tmp_path / "some.yaml", changed("inputs.pf_features.vars", features)).model.particle_inputs == expected


def test_scales_that_are_fitted_there_are_fitted_here(tmp_path: Path) -> None:
    values = changed("preprocess", {"method": "auto"})
    values["inputs"]["pf_features"]["vars"] = [name for name, *_ in [*KIN, *PLACE]] + ["part_trackQuality"]
    assert options(tmp_path / "auto.yaml", values).model.particle_inputs == ["kin", "part_trackQuality"]


def test_weights_are_a_branch_or_a_spectrum(tmp_path: Path) -> None:
    config = options(tmp_path / "given.yaml", changed("weights", {"use_precomputed_weights": True, "weight_branches": ["weight", "np.abs(pileup)"]}))
    assert config.data.weight == "(weight) * (abs(pileup))" and config.training.class_weights == "given"
    spectrum = {"use_precomputed_weights": False, "reweight_method": "ref", "reweight_vars": {"jet_pt": [200, 500, 900], "np.log(jet_sdmass)": [1, 4, 6]}, "reweight_classes": ["label_QCD", "label_Hbb"], "class_weights": [1, 2]}
    config = options(tmp_path / "spectrum.yaml", changed("weights", spectrum))
    assert config.training.reweight == ["jet_pt", "log(jet_sdmass)"] and config.training.reference == "QCD" and config.training.class_weights == {"QCD": 1, "Hbb": 2}


def test_what_is_given_besides_wins(tmp_path: Path) -> None:
    config = options(tmp_path / "full.yaml", LIKE_JETCLASS, "model.name=part", "data.selection=jet_pt > 1", "training.steps=7")
    assert config.model.name == "part" and config.data.selection == "jet_pt > 1" and config.training.steps == 7 and config.model.particle_inputs == ["full"]


@pytest.mark.parametrize(("key", "value", "reason"), [
    ("selection", "os.system('x')", r"selection: calls os.system"), ("new_variables.part_pt", "np.linalg.norm(part_px)", r"new_variables.part_pt: calls np.linalg.norm"), ("new_variables.part_pt", "part_pt_log", "part_pt_log is made of itself|part_pt is made of itself"),
    ("selection", "jet_pt >", "selection.*no expression"), ("inputs.sv_features", {"vars": ["sv_pt"]}, "inputs.sv_features"), ("inputs.pf_vectors.vars", ["part_px", "part_py"], "four-momenta"), ("file_magic", {"x": {"a": 1}}, "file_magic"),
    ("labels", {"type": "custom", "value": {"truth": "label.argmax(1)"}}, "type simple"), ("weights", {"reweight_method": "other"}, "neither flat nor ref"), ("weights", {"reweight_hists": {}}, "weights.reweight_hists"),
    ("weights", {"reweight_classes": ["label_QCD"]}, "reweight_classes"), ("inputs.pf_features.vars", [["part_charge", "a", 1]], "part_charge: must be a name"), ("test_time_selection", "jet_pt > 1", "test_time_selection"), ("inputs", {"pf_points": {"vars": []}}, "pf_features")])
def test_what_cannot_be_done_is_refused_by_its_key(key: str, value: Any, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"(?s)odd.yaml.*({reason})"):
        options(tmp_path / "odd.yaml", changed(key, value))


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no data configuration of weaver-core"):
        options(tmp_path / "other.yaml", {"model": {"name": "part"}})


@pytest.mark.parametrize("text", [
    "ak.sum(part_pt > 1, axis=1) > 2", "np.clip(jet_pt, 450, 600) + np.square(jet_eta)", "(jet_pt > 500) | (jet_eta < 0) & ~(jet_pt > 550)", "np.power(jet_pt, 2) / np.maximum(jet_pt, 500)", "ak.num(part_pt) - ak.max(part_pt, axis=-1)",
    "np.arctan2(jet_eta, jet_pt) * math.sqrt(4)", "ak.any(part_pt > 4, axis=1)"])
def test_expressions_have_the_same_values_as_in_python(text: str) -> None:
    import math

    import awkward as ak

    lists = [[1.0, 5.0, 2.0], [3.0], [0.5, 0.25]]
    jets = {"jet_pt": np.array([400.0, 520.0, 700.0]), "jet_eta": np.array([0.5, -1.0, 1.5])}
    expected = eval(text, {"np": np, "ak": ak, "math": math, "part_pt": ak.Array(lists), **jets})
    found = Expression.parse(converted(text, {}, "here"))({**jets, "part_pt": Ragged.from_rows(lists, float)})
    np.testing.assert_allclose(np.asarray(found, float), ak.to_numpy(expected).astype(float))
