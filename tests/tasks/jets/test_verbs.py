"""`jets` from files to scores, as it is used: order, counters, working points, existing scores, wrong input."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from pphysml.config import load
from pphysml.errors import ConfigError, InputError, ModelError
from pphysml.model_file import load_model, save_model
from pphysml.registry import get_task
from pphysml.training.config import TaskConfig
from pphysml.verbs.apply import apply
from pphysml.verbs.config import configuration
from pphysml.verbs.engine_choice import EngineChoice, choose
from pphysml.verbs.evaluate import evaluate
from pphysml.verbs.inputs import Inputs
from pphysml.verbs.inspect import inspect
from pphysml.verbs.simulate import simulate
from pphysml.verbs.train import train
from pphysml.verbs.training_inputs import TrainingInputs

JETS = get_task("jets")
SMALL = ["simulation.constituents=false", "training.steps=60", "training.batch_size=256", "training.validation_events=3000", "training.validate_every=60",
         "training.learning_rate=0.01", "training.warmup_steps=5", "training.block_size=4000", "training.simulated_events=8000"]
CLASSES = ["data.classes={qcd: jet_b_hadrons == 0, bb: jet_b_hadrons == 1}", "data.background=[qcd]"]


def trained(folder: Path, *options: str, files: Inputs | None = None) -> Path:
    config = configuration(JETS, None, [*SMALL, *options])
    train(JETS, config, TrainingInputs(files or Inputs(), (), None), output=folder, device="cpu", devices=1)
    return folder


@pytest.fixture(scope="module")
def flat_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network for simulated jets, with the map that makes its scores flat."""
    return trained(tmp_path_factory.mktemp("flat") / "run", "model.decorrelate=quantile")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("simulated") / "jets.root"
    simulate(JETS, configuration(JETS, None, ["simulation.constituents=false", "simulation.jets_per_entry=1.5"]), path, 4000, seed=9)
    return path


def scores(path: Path, name: str) -> ak.Array:
    return uproot.open(path)["jets"][name].array()


def test_scores_are_those_of_the_jets_of_each_entry_in_their_order(simulated, flat_model, tmp_path) -> None:
    out = tmp_path / "scores.root"
    said = apply(JETS, Inputs([str(simulated)]), EngineChoice(model=str(flat_model)), output=out)
    jets = uproot.open(simulated)["jets"]
    assert said["written"] == said["entries"] == 4000
    assert scores(out, "njet").to_list() == ak.num(jets["jet_pt"].array()).to_list()
    one, other = (scores(out, f"pphysml_prob_{name}") for name in ("background", "signal"))
    np.testing.assert_allclose(ak.to_numpy(ak.flatten(one + other)), 1, atol=1e-5)
    disc = ak.to_numpy(ak.flatten(scores(out, "pphysml_disc_signal")))
    np.testing.assert_allclose(disc, np.log(ak.to_numpy(ak.flatten(other)) / ak.to_numpy(ak.flatten(one))), atol=1e-3)
    label = ak.to_numpy(ak.flatten(jets["jet_label"].array()))
    assert np.median(disc[label == 1]) > np.median(disc[label == 0]) + 1
    flat = ak.to_numpy(ak.flatten(scores(out, "pphysml_flat_signal")))
    assert flat.min() >= 0 and flat.max() <= 1
    mass = ak.to_numpy(ak.flatten(jets["jet_mass"].array()))[label == 0]
    for part in np.array_split(np.argsort(mass), 3):
        assert np.mean(flat[label == 0][part]) == pytest.approx(0.5, abs=0.05)


def test_jets_without_the_mass_of_the_map_have_no_flat_score_and_are_counted(simulated, tmp_path) -> None:
    model = trained(tmp_path / "run", "model.name=score", "model.inputs=[0 - jet_tau2 / jet_tau1]", "model.decorrelate=quantile", "model.against=[jet_softdrop_mass]")
    columns = uproot.open(simulated)["jets"].arrays(["jet_pt", "jet_eta", "jet_mass", "jet_softdrop_mass", "jet_tau1", "jet_tau2"])
    mass = ak.values_astype(columns["jet_softdrop_mass"] + np.where(np.arange(len(columns)) % 5 == 0, np.nan, 0), np.float32)
    with uproot.recreate(tmp_path / "lacking.root") as file:
        file["jets"] = {name: mass if name == "jet_softdrop_mass" else columns[name] for name in columns.fields}
    for file, expected in ((simulated, 0), (tmp_path / "lacking.root", int(ak.sum(ak.num(mass)[::5])))):
        said = apply(JETS, Inputs([str(file)]), EngineChoice(model=str(model)), output=tmp_path / f"{expected}.root")
        flat = ak.to_numpy(ak.flatten(scores(tmp_path / f"{expected}.root", "pphysml_flat_signal")))
        assert np.isnan(flat).sum() == expected == said.get("without_flat_score", 0)
        assert any("jet_softdrop_mass is not a number" in sentence for sentence in said["warnings"]) == bool(expected)


def test_a_bias_of_an_existing_score_that_follows_from_the_mass_is_taken_out(simulated, tmp_path) -> None:
    """At each mass the order of jets is the same with it and without, and so is what is made flat."""
    found, options = [], ["model.name=score", "model.decorrelate=quantile", "training.validation_events=20000", "training.simulated_events=40000"]
    for name, bias in (("as it is", ""), ("biased", " + log(1 + jet_mass / 50)")):
        out = tmp_path / f"{name}.root"
        apply(JETS, Inputs([str(simulated)]), EngineChoice(model=str(trained(tmp_path / name, *options, f"model.inputs=[0 - jet_tau2 / jet_tau1{bias}]"))), output=out)
        found.append([ak.to_numpy(ak.flatten(scores(out, f"pphysml_{kind}_signal"))) for kind in ("disc", "flat")])
    (one, flat), (biased, flat_biased) = found
    assert np.corrcoef(one, biased)[0, 1] < 0.9
    assert np.corrcoef(flat, flat_biased)[0, 1] > 0.985 and np.abs(flat - flat_biased).mean() < 0.03


def test_one_jet_scores_as_among_others(simulated, flat_model, tmp_path) -> None:
    every, first = tmp_path / "every.root", tmp_path / "first.root"
    apply(JETS, Inputs([str(simulated)]), EngineChoice(model=str(flat_model), overrides=["apply.batch_size=7"]), output=every)
    apply(JETS, Inputs([str(simulated)], max_entries=3), EngineChoice(model=str(flat_model)), output=first)
    for name in ("pphysml_disc_signal", "pphysml_flat_signal"):
        np.testing.assert_allclose(ak.to_numpy(ak.flatten(scores(first, name))), ak.to_numpy(ak.flatten(scores(every, name)[:3])), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("kind", "counter", "branch"), [
    ("nano", "nFatJet", "FatJet_pphysml_disc_bb"), ("physlite", "nAnalysisLargeRJets", "AnalysisLargeRJets_pphysml_disc_bb"), ("jetclass", "", "pphysml_disc_bb"), ("flat", "", "pphysml_disc_bb")])
def test_every_layout_gets_scores_under_its_own_names(kind, counter, branch, written, tmp_path) -> None:
    """The score is the mass here, which all layouts have."""
    path, out = getattr(written, kind)(), tmp_path / "out.root"
    apply(JETS, Inputs([str(path)]), EngineChoice(engine="branch:jet_mass", overrides=CLASSES), output=out)
    tree = uproot.open(out)["jets"]
    found = tree[branch].array()
    if counter:
        assert tree[counter].array().to_list() == written.counts.tolist() == ak.num(found).to_list()
        found = ak.flatten(found)
    assert tree.num_entries == (len(written.counts) if counter else 7)
    np.testing.assert_allclose(ak.to_numpy(found), written.jets["mass"], rtol=5e-3)
    if kind != "jetclass":
        assert tree["event"].array().to_list() == sorted(set(range(100, 106)) if counter else written.jets["event"].tolist())


def test_working_points_that_evaluate_writes_are_those_that_apply_takes(simulated, flat_model, tmp_path) -> None:
    choice = EngineChoice(model=str(flat_model), overrides=["apply.bins=[0, 450, 10000]", "apply.efficiencies=[0.5]"])
    result = evaluate(JETS, Inputs([str(simulated)]), choice, output=tmp_path / "report")["network"]
    path, out = tmp_path / "report" / "working-points-flat_signal.yaml", tmp_path / "out.root"
    assert {m.name for m in result.metrics} >= {"disc auc", "flat auc", "flat rejection_50", "flat sculpting of jet_mass"}
    apply(JETS, Inputs([str(simulated)]), EngineChoice(model=str(flat_model), overrides=[f"apply.working_points={json.dumps(str(path))}"]), output=out)
    jets = uproot.open(simulated)["jets"]
    label, pt = (ak.to_numpy(ak.flatten(jets[f"jet_{name}"].array())) for name in ("label", "pt"))
    passed = ak.to_numpy(ak.flatten(scores(out, "pphysml_pass_50")))
    for low, high in ((0, 450), (450, 1e4)):
        signal = (label == 1) & (pt >= low) & (pt < high)
        assert passed[signal].mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(signal.sum()) + 0.02)


def test_trees_are_as_scikit_learn_evaluates_them(written, tmp_path) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    from pphysml.config import build
    from pphysml.tasks.jets.config import JetsConfig
    from pphysml.tasks.jets.models.boosted_trees import NAMES, fit_trees, summed_trees

    rng = np.random.default_rng(1)
    for classes in (2, 3):
        x = rng.normal(size=(3000, 4)).astype(np.float32)
        y = (x[:, 0] + x[:, 1] ** 2 + 0.3 * rng.normal(size=3000) > 1).astype(int) + (x[:, 2] > 1 if classes == 3 else 0)
        y = np.minimum(y, classes - 1)
        config = build(JetsConfig, {"model": {"name": "trees", "trees": 15, "leaves": 8}}, "test")
        arrays = fit_trees(x, y, np.ones(len(x)), np.zeros(classes), config)
        a = {name: arrays[f"trees.{name}"] for name in NAMES}
        ours = summed_trees(x, a["feature"], a["threshold"], a["left"], a["right"], a["value"], a["first"]) + a["baseline"]
        model = HistGradientBoostingClassifier(max_iter=15, max_leaf_nodes=8, learning_rate=0.1, early_stopping=True, n_iter_no_change=20, random_state=config.training.seed).fit(x, y)
        np.testing.assert_allclose(ours if classes == 3 else ours[:, 0], model.decision_function(x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("options", [
    ["model.name=trees", "model.trees=20", "model.decorrelate=quantile"], ["model.name=score", "model.inputs=[0 - jet_tau2 / jet_tau1]", "model.decorrelate=quantile"],
    ["model.parametrise=true", "model.decorrelate=quantile"], ["model.decorrelate=planing"], ["model.decorrelate=disco", "model.strength=1"],
    ["model.decorrelate=mode", "model.strength=5"], ["model.decorrelate=adversarial", "model.strength=1", "model.quantile_map=true", "model.adversary_density=mixture"],
    ["model.decorrelate=adversarial", "model.strength=1", "model.against=[jet_mass, jet_pt]"]])
def test_whatever_is_trained_tells_jets_apart(options, simulated, tmp_path) -> None:
    run = trained(tmp_path / "run", *options)
    result = evaluate(JETS, Inputs([str(simulated)]), EngineChoice(model=str(run)))["network"]
    found = {m.name: m for m in result.metrics}
    assert found["disc auc"].value > 0.7
    if any("quantile" in option for option in options):
        assert found["flat sculpting of jet_mass"].value < 0.3 * found["disc sculpting of jet_mass"].value + 0.01


def test_a_parametrised_network_must_be_given_the_mass_of_data(simulated, written, tmp_path) -> None:
    run = trained(tmp_path / "run", "model.parametrise=true", "model.inputs=[log(jet_pt), jet_tau2 / jet_tau1]")
    data = written.flat()
    with pytest.raises(InputError, match="--resonance-mass"):
        apply(JETS, Inputs([str(data)]), EngineChoice(model=str(run)), output=tmp_path / "out.root")
    assert not (tmp_path / "out.root").exists()
    outputs = []
    for mass in (80, 250):
        out = tmp_path / f"{mass}.root"
        apply(JETS, Inputs([str(data)]), EngineChoice(model=str(run), overrides=[f"apply.resonance_mass={mass}"]), output=out)
        outputs.append(ak.to_numpy(scores(out, "pphysml_disc_signal")))
    assert np.abs(outputs[0] - outputs[1]).max() > 0.1


def test_inputs_that_the_file_lacks_are_named_together_with_the_file(flat_model, written, tmp_path) -> None:
    with pytest.raises(InputError, match=r"FatJet\.root.*has no jet_tau4, jet_d2, jet_c2, jet_n2, jet_nconstituents, jet_ptd, jet_width.*nano-fatjet"):
        apply(JETS, Inputs([str(written.nano())]), EngineChoice(model=str(flat_model)), output=tmp_path / "out.root")


def test_a_preset_of_other_classes_than_the_model_is_refused(flat_model) -> None:
    with pytest.raises(ConfigError, match=r"nano-fatjet: has data\.classes=.*'bb'.*the model was made with .*'signal'"):
        choose(JETS, EngineChoice(model=str(flat_model), source="nano-fatjet"))


def test_scores_of_a_model_of_simulated_jets_are_marked_where_files_are_of_another_layout(flat_model, simulated, tmp_path) -> None:
    """A flat ntuple with the same numbers: no range of the training says that they are not of the simulation."""
    jets, out, ntuple = uproot.open(simulated)["jets"], tmp_path / "out.root", tmp_path / "ntuple.root"
    with uproot.recreate(ntuple) as file:
        file["ntuple"] = {name: ak.to_numpy(ak.flatten(jets[name].array()))[:500] for name in jets.keys() if name.startswith("jet_")}  # noqa: SIM118 - of uproot
    own, other = Inputs([str(simulated)], max_entries=400), Inputs([str(ntuple)], layout="flat")
    choice = EngineChoice(model=str(flat_model))
    assert apply(JETS, own, choice, output=out, strict=True)["warnings"] == []
    assert apply(JETS, other, choice, output=out, force=True)["warnings"] == [JETS.simulation_note]
    with pytest.raises(InputError, match=r"outside what the model was trained on.*toy"):
        apply(JETS, other, choice, output=out, force=True, strict=True)


def test_files_without_entries_or_jets_make_outputs_without(written, tmp_path) -> None:
    written.counts, written.jets = np.zeros(6, int), {name: values[:0] for name, values in written.jets.items()}
    empty, out = written.nano(), tmp_path / "out.root"
    said = apply(JETS, Inputs([str(empty)]), EngineChoice(engine="branch:jet_mass", overrides=CLASSES), output=out)
    assert said["written"] == 6 and scores(out, "FatJet_pphysml_disc_bb").to_list() == [[]] * 6
    with uproot.recreate(tmp_path / "none.root") as file:
        file.mktree("Events", {"event": "int64", "FatJet_pt": "var * float32", "FatJet_eta": "var * float32", "FatJet_mass": "var * float32"})
    said = apply(JETS, Inputs([str(tmp_path / "none.root")]), EngineChoice(engine="branch:jet_mass", overrides=CLASSES), output=out, force=True)
    assert said["written"] == 0 and uproot.open(out)["jets"].num_entries == 0


@pytest.mark.parametrize(("options", "reason"), [
    (["model.inputs=[]"], "at least one"), (["data.background=[nothing]"], "none of data.classes"), (["model.inputs=[open(x)]"], "calls 'open'"),
    (["model.name=score"], "one expression"), (["model.name=score", "model.inputs=[jet_mass]", "data.classes={a: 'jet_mass > 1', b: 'jet_mass < 1', c: 'jet_mass == 1'}"], "one signal"),
    (["model.strength=3"], "no effect with model.decorrelate=none"), (["model.name=trees", "model.layers=[3]"], "no effect with model.name=trees"),
    (["model.name=score", "model.inputs=[jet_mass]", "model.parametrise=true"], "parametrise has no effect"), (["apply.resonance_mass=100"], "model.parametrise"), (["model.decorrelate=planing", "model.against=[jet_mass, jet_pt, jet_eta]"], "at most two"), (["model.name=trees", "model.decorrelate=disco"], "trees has not"), (["data.classes={a: '1'}"], "one of signal"),
    (["apply.bins=[3, 1]"], "rise"), (["data.fractions={signal: 1}"], "none of data.background"), (["data.classes={'a b': '1', c: '0'}"], "must be a word")])
def test_contradictions_are_refused(options, reason) -> None:
    with pytest.raises(ConfigError, match=reason):
        configuration(JETS, None, options)


def test_a_map_of_an_earlier_form_is_refused(flat_model, simulated, tmp_path) -> None:
    model = load_model(flat_model)
    finished = {name: array for name, array in model.finished.items() if not name.endswith(".middle")}
    path = tmp_path / "earlier.safetensors"
    save_model(path, replace(model, finished=finished))
    with pytest.raises(ModelError, match=r"earlier\.safetensors: the map .* signal .*train it anew"):
        apply(JETS, Inputs([str(simulated)]), EngineChoice(model=str(path)), output=tmp_path / "out.root")


def test_engine_names() -> None:
    with pytest.raises(ConfigError, match="behind branch:"):
        JETS.check_engine("branch:")
    with pytest.raises(ConfigError, match="no engine 'brunch:x'"):
        JETS.check_engine("brunch:x")


@pytest.mark.parametrize("name", ["nano-fatjet", "nano-jet", "nano-top", "jetclass", "physlite-largeR", "ftag", "toy", "trees", "score"])
def test_presets_are_configurations(name) -> None:
    config: Any = load(JETS.config_class, JETS.presets, name)
    assert isinstance(config, TaskConfig) and config.data.signals and config.model.inputs


def test_classes_are_known_by_branches_that_no_layout_has_and_by_files_and_their_folders(written, tmp_path) -> None:
    """An existing score is judged in files that hold no column of truth of the layout."""
    paths = {}
    for name in ("qcd", "zprime"):
        (tmp_path / name).mkdir()
        paths[name] = written.nano().rename(tmp_path / name / "x.root")
    inputs, choice = Inputs([str(path) for path in paths.values()]), EngineChoice(engine="branch:jet_mass")
    by_folder = EngineChoice(engine="branch:jet_mass", overrides=["data.labels='qcd=qcd/*.root,sig=zprime/*.root'"])
    assert "7 of qcd, 7 of sig" in evaluate(JETS, inputs, by_folder)["branch_jet_mass"].notes[0]
    by_branch = EngineChoice(engine="branch:jet_mass", overrides=["data.classes={a: FatJet_nBHadrons == 0, b: FatJet_nBHadrons == 1}"])
    assert "8 of a, 6 of b" in evaluate(JETS, inputs, by_branch)["branch_jet_mass"].notes[0]
    named = Inputs(inputs.files, mapping={"jet_label": "FatJet_nBHadrons"})
    assert "8 of background, 6 of signal" in evaluate(JETS, named, choice)["branch_jet_mass"].notes[0]
    (unknown,) = evaluate(JETS, inputs, choice).values()
    assert not unknown.metrics and "jet_label" in unknown.notes[0] and "--label" in unknown.notes[0]
    nowhere = EngineChoice(engine="branch:jet_mass", overrides=["data.labels='qcd=qcd/*.root,sig=zprim/*.root'"])
    assert any("sig" in note and "zprim/*.root" in note for note in evaluate(JETS, inputs, nowhere)["branch_jet_mass"].notes[1:])


def test_a_column_that_no_layout_has_is_taken_by_its_name(flat_model, written, tmp_path) -> None:
    named = {name: "FatJet_tau1" for name in ("jet_tau4", "jet_d2", "jet_c2", "jet_n2", "jet_nconstituents", "jet_ptd", "jet_width")}
    with pytest.raises(InputError, match="--map jet_tau4=BRANCH"):
        apply(JETS, Inputs([str(written.nano())]), EngineChoice(model=str(flat_model)), output=tmp_path / "out.root")
    del named["jet_nconstituents"]
    out = tmp_path / "out.root"
    more = Inputs([str(written.nano(FatJet_nConstituents=written.lists("label")))], mapping=named)
    assert apply(JETS, more, EngineChoice(model=str(flat_model)), output=out)["jets"] == 7


@pytest.fixture
def both(tmp_path) -> Path:
    """A file of NanoAOD that fits two layouts, of which large-radius jets are the default."""
    pt = ak.unflatten(np.random.default_rng(3).uniform(30, 300, 60).astype(np.float32), np.full(30, 2))
    with uproot.recreate(tmp_path / "both.root") as file:
        file["Events"] = {**{f"{prefix}_{name}": pt for prefix in ("FatJet", "Jet") for name in ("pt", "eta", "mass")}, "Jet_hadronFlavour": ak.values_astype(pt > 150, np.int32)}
    return tmp_path / "both.root"


@pytest.mark.parametrize(("score", "selection", "layout"), [
    ("jet_mass", "jet_pt > 0", "nanoaod-fatjet"), ("Jet_mass / jet_pt", "jet_pt > 0", "nanoaod-jet"), ("jet_mass", "count(Jet_pt > 50) > 1 and Jet_pt[0] > 50", "nanoaod-fatjet"),
    ("FatJet_mass", "sum(Jet_pt) > 3", "nanoaod-fatjet")])
def test_the_jets_are_those_whose_branches_expressions_take(both, score, selection, layout, tmp_path) -> None:
    overrides = [*CLASSES, f"data.selection={json.dumps(selection)}"]
    assert apply(JETS, Inputs([str(both)]), EngineChoice(engine=f"branch:{score}", overrides=overrides), output=tmp_path / "out.root")["layout"] == layout


def test_a_model_takes_the_layout_that_it_was_trained_on(written, both, tmp_path) -> None:
    path = written.nano()
    small = Inputs([str(both)], layout="nanoaod-jet")
    run = trained(tmp_path / "run", "training.steps=2", "data.classes={light: jet_hadron_flavour == 0, b: jet_hadron_flavour == 1}", "model.inputs=[log(jet_pt)]",
                  "training.validation_fraction=0.3", "model.decorrelate=none", files=small)
    out = tmp_path / "out.root"
    for chosen, counter in ((None, "nJet"), ("nanoaod-fatjet", "nFatJet")):
        said = apply(JETS, Inputs(small.files, layout=chosen), EngineChoice(model=str(run)), output=out, force=True)
        assert counter in uproot.open(out)["jets"] and said["layout"] == (chosen or "nanoaod-jet")
    assert apply(JETS, Inputs([str(path)]), EngineChoice(model=str(run)), output=out, force=True)["layout"] == "nanoaod-fatjet"


def test_an_input_without_any_value_is_refused(simulated, tmp_path) -> None:
    with pytest.raises(InputError, match=r"model\.inputs: jet_pt / \(jet_eta - jet_eta\) is finite for none"):
        trained(tmp_path / "run", "model.inputs=[log(jet_pt), jet_pt / (jet_eta - jet_eta)]", files=Inputs([str(simulated)]))


def test_jets_whose_score_or_mass_is_not_known_are_judged_and_pass_no_cut(simulated) -> None:
    """Half of the jets have no score, and a tenth no mass."""
    choice = ["data.variables={known: jet_phi > 0, m: jet_mass * (jet_eta > -1.6) / (jet_eta > -1.6)}", "model.against=[m]"]
    found = evaluate(JETS, Inputs([str(simulated)]), EngineChoice(engine="branch:sqrt(known - 0.5)", overrides=choice))
    result = next(iter(found.values()))
    values = {m.name: m for m in result.metrics}
    assert values["disc auc"].value == pytest.approx(0.5, abs=0.02)
    assert result.tables["Significance of a fit of the mass"]


def test_what_was_not_computed_for_a_jet_is_no_reason_to_refuse_a_file(written, tmp_path) -> None:
    """As NaN or as -999; of a score, such jets get the lowest."""
    out = tmp_path / "out.root"
    for missing in (np.nan, -999.0):
        written.jets["tau2"][2] = written.jets["score"][4] = missing
        path = written.nano()
        apply(JETS, Inputs([str(path)]), EngineChoice(engine="branch:isfinite(jet_tau2)", overrides=CLASSES), output=out, force=True)
        assert ak.flatten(scores(out, "FatJet_pphysml_disc_bb")).to_list() == [1, 1, 0, 1, 1, 1, 1]
        said = apply(JETS, Inputs([str(path)]), EngineChoice(engine="branch:FatJet_myTagger", overrides=CLASSES), output=out, force=True)
        assert np.argmin(ak.flatten(scores(out, "FatJet_pphysml_disc_bb"))) == 4
        assert any("1 jets have no finite value of FatJet_myTagger" in sentence for sentence in said["warnings"]) == np.isnan(missing)
    written.jets["mass"][1] = np.nan
    with pytest.raises(InputError, match="FatJet_mass"):
        apply(JETS, Inputs([str(written.nano())]), EngineChoice(engine="branch:jet_pt", overrides=CLASSES), output=out, force=True)


def test_inspection_names_the_collections_that_can_be_read(written) -> None:
    branches = ["nScoutingFatJet", "ScoutingFatJet_pt", "ScoutingFatJet_eta", "nJetPuppi_pt", "nJetPuppi_eta", "JetPuppi_pt", "JetPuppi_eta", "Muon_pt", "Muon_eta", "BadJet_pt",
                "JetsAK8/JetsAK8.fCoordinates.fPt", "JetsAK8/JetsAK8.fCoordinates.fEta"]
    assert JETS.collections(branches) == ["ScoutingFatJet", "JetPuppi", "JetsAK8"]
    path = written.nano("ScoutingFatJet")
    facts = inspect(str(path))
    assert facts["collections"] == {"jets": ["ScoutingFatJet"]} and facts["layouts"]["jets"] is None
    with pytest.raises(InputError, match="--collection PREFIX"):
        apply(JETS, Inputs([str(path)]), EngineChoice(engine="branch:jet_pt"), output=written.folder / "out.root")


def test_values_of_other_jets_than_those_that_are_read_are_refused_by_the_name_of_the_file(written, tmp_path) -> None:
    path = written.nano(Jet_btag=ak.Array([[0.1], [0.2], [], [0.3], [0.1, 0.2], []]))
    with pytest.raises(InputError, match=r"FatJet\.root.*Jet_btag.*--layout"):
        trained(tmp_path / "run", *CLASSES, "model.inputs=[log(jet_pt), Jet_btag]", "training.validation_fraction=0.3", files=Inputs([str(path)]))
