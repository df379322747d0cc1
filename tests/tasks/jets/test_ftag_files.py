"""Jets of ATLAS flavour tagging in HDF5 files: units, labels, tracks as lists, scores of taggers, and the verbs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import uproot

from pphysml.config import build, load
from pphysml.io.ragged import Columns, concatenate
from pphysml.registry import get_task
from pphysml.tasks.jets.config import JetsConfig
from pphysml.tasks.jets.reading.assemble import assemble
from pphysml.verbs.apply import apply
from pphysml.verbs.config import configuration
from pphysml.verbs.engine_choice import EngineChoice
from pphysml.verbs.evaluate import evaluate
from pphysml.verbs.inputs import Inputs
from pphysml.verbs.train import train
from pphysml.verbs.training_inputs import TrainingInputs
from pphysml.verbs.validate import validate

JETS = get_task("jets")
FRACTIONS = "log(GN2v01_pb / (0.2 * GN2v01_pc + 0.01 * GN2v01_ptau + 0.79 * GN2v01_pu))"


def read(path: Path, **data: object) -> Columns:
    config = build(JetsConfig, {"data": data, "model": {"inputs": ["jet_pt"]}, "training": {"block_size": 3}}, "test")
    reader = Inputs([str(path)]).open(JETS, config)
    assert reader.layout.name == "ftag-h5"
    return concatenate([assemble(chunk, None, config)[0] for chunk in reader])


def more_jets(written, n: int) -> None:
    """Take jets of several hundred events."""
    written.jets = {name: np.resize(values, n) for name, values in written.jets.items()}
    written.jets["event"] = np.arange(n)


@pytest.mark.parametrize("options", [{}, {"chunks": (2,), "compression": "gzip"}], ids=str)
def test_jets_are_in_gev_with_the_ids_of_their_events(options, written) -> None:
    examples = read(written.ftag(**options))
    for name in ("pt", "eta", "phi", "mass"):
        np.testing.assert_allclose(examples[f"jet_{name}"], written.jets[name], rtol=2e-6)
    np.testing.assert_array_equal(examples["event"], written.jets["event"])
    np.testing.assert_array_equal(examples["entry"], np.arange(7))
    assert not np.asarray(examples["jet"]).any()


def test_expressions_sum_over_the_tracks_that_are_valid(written) -> None:
    path = written.ftag()
    examples = read(path, variables={
        "n": "count(tracks.d0)", "far": "sum(tracks.IP3D_signed_d0_significance > 3)", "d0": "sum(tracks.d0)", "largest": "max(tracks.d0)", "valid": "sum(tracks.valid)",
        "both": "sum(tracks.d0 * tracks.IP3D_signed_z0_significance)"}, selection=f"{FRACTIONS} > 0")
    for k, jet in enumerate(written.tracks):
        valid = [track for track in jet if track["valid"]]
        assert examples["n"][k] == examples["valid"][k] == len(valid)
        assert examples["far"][k] == sum(track["IP3D_signed_d0_significance"] > 3 for track in valid)
        assert examples["d0"][k] == pytest.approx(sum(float(track["d0"]) for track in valid), rel=1e-5, abs=1e-5)
        assert examples["largest"][k] == max((float(track["d0"]) for track in valid), default=-np.inf)
        assert examples["both"][k] == pytest.approx(sum(float(track["d0"]) * float(track["IP3D_signed_z0_significance"]) for track in valid), rel=1e-5, abs=1e-5)
    jets = written.ftag_jets
    above = jets["GN2v01_pb"] > 0.2 * jets["GN2v01_pc"] + 0.01 * jets["GN2v01_ptau"] + 0.79 * jets["GN2v01_pu"]
    np.testing.assert_array_equal(examples["selected"], above)


def test_a_root_file_of_the_same_names_is_not_taken_for_one(written, tmp_path) -> None:
    """There, momenta are in GeV."""
    with uproot.recreate(tmp_path / "jets.root") as file:
        file["jets"] = {"pt": np.array([300.0, 500.0]), "eta": np.zeros(2), "mass": np.array([80.0, 90.0])}
    reader = Inputs([str(tmp_path / "jets.root")]).open(JETS, JetsConfig())
    assert reader.layout.name == "flat"
    np.testing.assert_array_equal(next(iter(reader))["jet_pt"].flat, [300, 500])


def test_the_preset_has_the_classes_and_the_discriminant_of_atlas(written) -> None:
    config = load(JETS.config_class, JETS.presets, "ftag")
    examples = concatenate([assemble(chunk, None, config)[0] for chunk in Inputs([str(written.ftag())]).open(JETS, config)])
    names = [*config.data.classes]
    assert [names[k] for k in examples["class"]] == ["b", "light", "c", "tau", "light", "b", "light"]
    assert config.data.signals == ["b"] and dict(zip(config.data.background, config.data.shares, strict=True)) == {"light": 0.79, "c": 0.2, "tau": 0.01}


def test_options_that_take_no_truth_of_such_files_are_said(written) -> None:
    (problem,) = validate(JETS, Inputs([str(written.ftag())]), JetsConfig(), need_truth=True)
    assert "has no truth (none of jet_label" in problem.message and "for the layout ftag-h5" in problem.message


def test_from_training_to_scores(written, tmp_path) -> None:
    more_jets(written, 400)
    path = written.ftag(chunks=(128,), compression="lzf")
    assert validate(JETS, Inputs([str(path)]), configuration(JETS, "ftag", []), need_truth=True) == []
    options = ["training.steps=4", "training.validate_every=4", "training.warmup_steps=1", "training.batch_size=64"]
    run = tmp_path / "run"
    train(JETS, configuration(JETS, "ftag", options), TrainingInputs(Inputs([str(path)]), (), None), output=run, device="cpu", devices=1)
    out = tmp_path / "out.root"
    apply(JETS, Inputs([str(path)], keep=("tracks.d0", "GN2v01_pb")), EngineChoice(model=str(run)), output=out)
    tree = uproot.open(out)["jets"]
    shares = sum(tree[f"pphysml_prob_{name}"].array(library="np") for name in ("light", "c", "tau", "b"))
    np.testing.assert_allclose(shares, 1, atol=1e-5)
    np.testing.assert_array_equal(tree["GN2v01_pb"].array(library="np"), written.ftag_jets["GN2v01_pb"])
    assert [len(its) for its in tree["tracks.d0"].array()] == written.tracks["valid"].sum(1).tolist()
    p = {name: tree[f"pphysml_prob_{name}"].array(library="np").astype(float) for name in ("light", "c", "tau", "b")}
    np.testing.assert_allclose(tree["pphysml_disc_b"].array(library="np"), np.log(p["b"] / (0.79 * p["light"] + 0.2 * p["c"] + 0.01 * p["tau"])), atol=1e-3)


def test_an_existing_tagger_is_judged(written) -> None:
    more_jets(written, 400)
    path = written.ftag()
    result = evaluate(JETS, Inputs([str(path)]), EngineChoice(engine=f"branch:{FRACTIONS}", source="ftag"))
    (found,) = result.values()
    jets = written.ftag_jets
    disc = np.log(jets["GN2v01_pb"] / (0.2 * jets["GN2v01_pc"] + 0.01 * jets["GN2v01_ptau"] + 0.79 * jets["GN2v01_pu"]))
    flavour, metrics = jets["HadronConeExclTruthLabelID"], {m.name: m.value for m in found.metrics}
    # Each class of background has its fraction, however many of its jets there are.
    right = {number: (disc[flavour == 5][:, None] > disc[flavour == number][None]).mean() for number in (0, 4, 15)}
    assert metrics["disc auc"] == pytest.approx(0.79 * right[0] + 0.2 * right[4] + 0.01 * right[15], abs=1e-4)
    cut = np.quantile(disc[flavour == 5], 0.5)
    assert metrics["disc rejection_50 of c"] == pytest.approx(1 / (disc[flavour == 4] > cut).mean(), rel=0.1)


@pytest.mark.parametrize("n", [0, 1])
def test_no_jet_and_one_jet(n, written, tmp_path) -> None:
    written.jets = {name: values[:n] for name, values in written.jets.items()}
    out = tmp_path / "out.root"
    said = apply(JETS, Inputs([str(written.ftag())]), EngineChoice(engine="branch:GN2v01_pb * count(tracks.d0)", source="ftag"), output=out)
    assert said["written"] == n and uproot.open(out)["jets"].num_entries == n
    if n:
        expected = written.ftag_jets["GN2v01_pb"] * written.tracks["valid"].sum(1)
        np.testing.assert_allclose(uproot.open(out)["jets"]["pphysml_disc_b"].array(library="np"), expected, rtol=1e-6)
