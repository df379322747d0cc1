"""Networks of constituents from files to scores: their order, jets of odd sizes, trainings with every decorrelation, and killed ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import torch
import uproot

from pphysml.errors import ConfigError, InputError, ModelError
from pphysml.io.ragged import Array, Columns, Ragged, length, slice_rows, take
from pphysml.model_file import load_model
from pphysml.registry import get_task
from pphysml.tasks.jets.config import JetsConfig
from pphysml.tasks.jets.config.model import OF_CONSTITUENTS
from pphysml.tasks.jets.learner import JetsLearner
from pphysml.tasks.jets.models import scoring
from pphysml.tasks.jets.models.networks import NETWORKS
from pphysml.tasks.jets.models.networks.particle_net import ParticleNet
from pphysml.tasks.jets.reading.assemble import assemble
from pphysml.tasks.jets.simulation.simulate import JetsSimulation
from pphysml.training.loop import Loop
from pphysml.verbs.apply import apply
from pphysml.verbs.config import configuration
from pphysml.verbs.engine_choice import EngineChoice
from pphysml.verbs.export import export
from pphysml.verbs.inputs import Inputs
from pphysml.verbs.simulate import simulate
from pphysml.verbs.train import train
from pphysml.verbs.training_inputs import TrainingInputs

JETS = get_task("jets")
PFN = ["model.name=pfn", "model.inner_layers=[24, 24]", "model.outer_layers=[24]"]
SMALL = ["training.steps=60", "training.batch_size=64", "training.validation_events=400", "training.validate_every=60", "training.learning_rate=0.01", "training.warmup_steps=2",
         "training.block_size=1500", "training.simulated_events=1500", "training.log_every=10", "training.average=0", "simulation.resonance_masses=[80, 150]"]


def trained(folder: Path, *options: str, inputs: Inputs | None = None) -> Path:
    train(JETS, configuration(JETS, None, [*PFN, *SMALL, *options]), TrainingInputs(inputs or Inputs()), output=folder, device="cpu")
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("pfn") / "run", "model.most_particles=40")


@pytest.fixture(scope="module")
def examples() -> Columns:
    """Sixty simulated jets, one of them without constituents."""
    config = configuration(JETS, None, PFN)
    chunk = {**JetsSimulation(config.simulation, 3).block(0, 60), "file": np.zeros(60, np.int32), "entry": np.arange(60)}
    counts = chunk["part_px"].counts.copy()
    inside = np.repeat(np.arange(60), counts) != 7
    counts[7] = 0
    lists = {name: Ragged.from_counts(column.flat[inside], counts) for name, column in chunk.items() if name.startswith("part_")}
    found, _ = assemble({**chunk, **lists}, None, config)
    return found


def random_network(name: str, examples: Columns, *options: str) -> tuple[JetsConfig, dict[str, Array], torch.nn.Module]:
    config = configuration(JETS, None, [f"model.name={name}", *options])
    learner = JetsLearner(config)
    prepared = learner.prepare([examples])
    torch.manual_seed(2)
    return config, prepared, learner.build(prepared).eval()


def test_constituents_in_mev_beside_jets_in_gev_are_said_of_trainings_and_inputs(model: Path, tmp_path: Path) -> None:
    def in_mev(arrays: dict[str, ak.Array]) -> dict[str, ak.Array]:
        return arrays | {name: arrays[name] * np.float32(1000) for name in ("part_px", "part_py", "part_pz", "part_energy")}

    for change, said in ((dict, False), (in_mev, True)):
        file = Inputs([str(simulated(tmp_path / f"{said}.root", change))])
        applied = apply(JETS, file, EngineChoice(model=str(model)), output=tmp_path / f"{said}.out.root")["warnings"]
        options = ["training.steps=1", "training.validation_events=20", "data.classes={background: jet_label == 0, signal: jet_label == 1}"]
        taught = train(JETS, configuration(JETS, None, [*PFN, *SMALL, *options]), TrainingInputs(file), output=tmp_path / f"{said}.run", device="cpu")["warnings"]
        assert all(any("1e+03 times the jet's transverse momentum" in sentence for sentence in found) == said for found in (applied, taught))


def test_odd_jets_of_a_training_are_said(examples: Columns) -> None:
    learner = JetsLearner(configuration(JETS, None, [*PFN, "model.most_particles=30"]))
    network = learner.build(learner.prepare([examples]))
    more = int((np.asarray(examples["constituents_in_file"]) > 30).sum())
    without, cut = learner.warnings(network)
    assert "1 of 60 jets have no constituents" in without and f"{more} of 60 jets have more than 30 constituents" in cut and 0 < more < 60
    plain = JetsLearner(configuration(JETS, None, PFN))
    assert len(plain.warnings(plain.build(plain.prepare([examples])))) == 1


@pytest.mark.parametrize("name", OF_CONSTITUENTS)
def test_jets_score_alone_as_among_others(name: str, examples: Columns, monkeypatch: pytest.MonkeyPatch) -> None:
    config, prepared, network = random_network(name, examples, "model.parametrise=true", "model.inputs=[log(jet_pt)]")
    some = slice_rows(examples, 0, 12)
    together = scoring.scored(network, some, config, prepared, "cpu")[1]
    alone = np.concatenate([scoring.scored(network, slice_rows(some, k, k + 1), config, prepared, "cpu")[1] for k in range(12)])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert np.isfinite(together).all() and np.ptp(together) > 1e-3
    monkeypatch.setattr(scoring, "MOST_PAIRS", 3000)
    np.testing.assert_allclose(scoring.scored(network, take(some, np.arange(12)[::-1]), config, prepared, "cpu")[1][::-1], together, atol=1e-5)


def test_no_jets_have_no_scores(examples: Columns) -> None:
    config, prepared, network = random_network("pfn", examples)
    probabilities, ratios = scoring.scored(network, slice_rows(examples, 0, 0), config, prepared, "cpu")
    assert probabilities.shape == (0, 2) and ratios.shape == (0, 1)


def test_the_networks_that_the_configuration_names_are_those_that_there_are() -> None:
    assert (*NETWORKS,) == OF_CONSTITUENTS


def simulated(path: Path, change: Callable[[dict[str, ak.Array]], dict[str, ak.Array]] = dict, jets_per_entry: float = 1.3) -> Path:
    """Write simulated jets, changed by a function of the branches, of several jets in an entry."""
    first = path.with_suffix(".first.root")
    simulate(JETS, configuration(JETS, None, [f"simulation.jets_per_entry={jets_per_entry}"]), first, 120, seed=6)
    arrays = {name: branch.array() for name, branch in uproot.open(first)["jets"].items() if name not in ("njet", "npart")}
    with uproot.recreate(path) as file:
        file["jets"] = change(arrays)
    return path


def constituents(arrays: dict[str, ak.Array], order: Callable[[ak.Array], ak.Array]) -> dict[str, ak.Array]:
    chosen = order(arrays["part_jet"])
    return {name: column[chosen] if name.startswith("part_") else column for name, column in arrays.items()}


def mixed(jet: ak.Array) -> ak.Array:
    """Return the constituents of all jets of an entry in any order."""
    return ak.argsort(ak.unflatten(np.random.default_rng(1).random(int(ak.sum(ak.num(jet)))), ak.num(jet)))


def scores(out: Path) -> Array:
    return ak.to_numpy(ak.flatten(uproot.open(out)["jets"]["pphysml_disc_signal"].array()))


def test_scores_do_not_depend_on_the_order_of_constituents_in_the_file(model: Path, tmp_path: Path) -> None:
    """And follow the order of the jets there, of which those with more than 40 constituents are counted."""
    files = [simulated(tmp_path / "plain.root"), simulated(tmp_path / "mixed.root", lambda arrays: constituents(arrays, mixed))]
    found, counted = [], []
    for file in files:
        summary = apply(JETS, Inputs([str(file)]), EngineChoice(model=str(model)), output=tmp_path / f"{file.stem}.out.root")
        found.append(scores(tmp_path / f"{file.stem}.out.root"))
        counted.append(summary["of_more_constituents"])
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)
    jets = uproot.open(files[0])["jets"].arrays()
    n = ak.to_numpy(ak.flatten(jets["jet_nconstituents"]))
    assert counted == [int((n > 40).sum())] * 2 and counted[0] > 5
    label = ak.to_numpy(ak.flatten(jets["jet_label"]))
    assert found[0][label == 1].mean() > found[0][label == 0].mean() + 0.5


def test_jets_without_constituents_get_scores_and_are_counted(model: Path, tmp_path: Path) -> None:
    plain, emptied = simulated(tmp_path / "plain.root"), simulated(tmp_path / "emptied.root", lambda arrays: constituents(arrays, lambda jet: jet != 0))
    outs = []
    for file in (plain, emptied):
        outs.append(tmp_path / f"{file.stem}.out.root")
        summary = apply(JETS, Inputs([str(file)]), EngineChoice(model=str(model)), output=outs[-1])
    first = ak.to_numpy(ak.flatten(ak.local_index(uproot.open(plain)["jets"]["jet_pt"].array()))) == 0
    before, after = map(scores, outs)
    assert summary["without_constituents"] == first.sum() and any("no constituents" in sentence for sentence in summary["warnings"])
    np.testing.assert_allclose(after[~first], before[~first], atol=1e-5)
    assert np.isfinite(after).all() and np.ptp(after[first]) < 1e-5  # inputs of the jet itself are none here


@pytest.mark.parametrize("options", [
    ["model.decorrelate=quantile", "model.parametrise=true"], ["model.decorrelate=planing", "model.inputs=[log(jet_pt)]"], ["model.decorrelate=disco", "model.strength=0.3"],
    ["model.decorrelate=mode", "model.strength=0.3"], ["model.decorrelate=adversarial", "model.strength=0.1", "model.quantile_map=true"],
    ["model.particle_inputs=[kin, part_charge * log(part_energy)]", "training.reweight=[jet_pt]", "training.reweight_by=sampling"]], ids=lambda options: options[0].partition("=")[2])
def test_trainings_lower_the_loss_with_every_decorrelation(options: list[str], tmp_path: Path) -> None:
    run = trained(tmp_path / "run", *options)
    rows = np.genfromtxt(run / "metrics.csv", delimiter=",", names=True)
    values = rows["class"][np.isfinite(rows["class"])]
    assert values[-1] < min(values[0], np.log(2)) - 0.05
    found = load_model(run, "jets")
    JETS.check_stored(found)
    assert bool(found.finished) == any("quantile" in option for option in options)
    out = tmp_path / "out.root"
    apply(JETS, Inputs([str(simulated(tmp_path / "jets.root"))]), EngineChoice(model=str(run), overrides=["apply.resonance_mass=80"] if "model.parametrise=true" in options else []), output=out)
    assert np.isfinite(scores(out)).all()


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of files of several blocks, which are mixed."""
    files = Inputs([str(simulated(tmp_path / f"{name}.root")) for name in "ab"])
    options = ["training.steps=20", "training.checkpoint_every=6", "training.block_size=50", "training.window_blocks=2", "training.batch_size=16", "training.validation_events=30", "data.classes={background: jet_label == 0, signal: jet_label == 1}"]
    whole = load_model(trained(tmp_path / "whole", *options, inputs=files)).network
    step = Loop.step

    def killed(self: Loop, examples: Columns) -> object:
        if self.state.step == 15:
            raise MemoryError
        return step(self, examples)

    monkeypatch.setattr(Loop, "step", killed)
    with pytest.raises(MemoryError):
        trained(tmp_path / "killed", *options, inputs=files)
    monkeypatch.undo()
    train(JETS, None, output=tmp_path / "killed", resume=tmp_path / "killed", device="cpu")
    resumed = load_model(tmp_path / "killed").network
    assert whole.keys() == resumed.keys() and all(np.array_equal(whole[name], resumed[name]) for name in whole)


def test_a_training_starts_from_weights_of_weaver_core(tmp_path: Path) -> None:
    """With layers as it has them, convolutions over one place; of a network of another size they are refused."""
    options = ["model.name=particlenet", "model.particle_inputs=[kin]", "training.steps=0", "training.simulated_events=200", "training.validation_events=100"]
    given = {f"mod.{name}": value for name, value in ParticleNet(7, 2).state_dict().items()}
    torch.save(given, tmp_path / "theirs.pt")

    def start(*changed: str) -> dict[str, Array]:
        train(JETS, configuration(JETS, None, [*options, *changed]), TrainingInputs(init_from=str(tmp_path / "theirs.pt")), output=tmp_path / "run", device="cpu")
        return dict(load_model(tmp_path / "run").network)

    with pytest.raises(ModelError, match=r"theirs.pt: does not fit .*particle_inputs=\[full\]"):
        start("model.particle_inputs=[kinpid]")
    with pytest.raises(ModelError, match="particlenet, part or pfn"):
        start("model.name=mlp", "model.particle_inputs=[kinpid]")
    found = start()
    assert len(found) == len(given)
    assert all(np.array_equal(found[name.replace("mod.", "network.")], value.numpy()) for name, value in given.items())


def test_files_without_constituents_are_refused_by_name(model: Path, written: object, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no part_\w+ of the constituents of jets, which model.name=pfn with model.particle_inputs=kinpid takes.*DAOD_PHYSLITE holds only links"):
        apply(JETS, Inputs([str(written.physlite())]), EngineChoice(model=str(model)), output=tmp_path / "out.root")  # type: ignore[attr-defined]


def test_impact_parameters_are_refused_of_jets_that_have_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no part_d0 of the constituents"):
        trained(tmp_path / "run", "model.particle_inputs=full")


def test_networks_of_constituents_are_not_exported_to_onnx(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pfn"):
        export(JETS, model=str(model), output=tmp_path / "pfn.onnx", format="onnx")


def test_other_scales_change_constituents_as_they_change_the_jet(examples: Columns) -> None:
    """So that what a network takes of momenta relative to the jet stays."""
    from pphysml.tasks.jets.models.packed_inputs import input_tensors
    from pphysml.tasks.jets.reading.variations import with_energies

    config, prepared, _ = random_network("pfn", examples)
    before, after = (input_tensors(jets, config, prepared, None) for jets in (examples, with_energies(examples, np.full(length(examples), 1.1))))
    np.testing.assert_allclose(after["vectors"], 1.1 * before["vectors"], rtol=1e-6)
    np.testing.assert_allclose(after["particles"][:, 2:], before["particles"][:, 2:], atol=2e-5)
    np.testing.assert_allclose(after["particles"][:, 0], before["particles"][:, 0] + 0.7 * np.log(1.1), atol=1e-5)


def test_constituents_of_other_momenta_are_outside_the_range_of_the_training(examples: Columns) -> None:
    config, prepared, _ = random_network("pfn", examples)
    assert not JETS.domain(examples, prepared, config)
    wrong = {**examples, "constituents": Ragged(examples["constituents"].flat * np.array([1000] * 4 + [1] * 6, np.float32), examples["constituents"].offsets)}
    assert any(sentence.startswith("log(pt)") for sentence in JETS.domain(wrong, prepared, config))


@pytest.mark.parametrize(("options", "reason"), [
    (["model.particle_inputs=[part_d0]"], "must begin with one of"), (["model.particle_inputs=[kin, full]"], "must begin with one of"), (["model.particle_inputs=[kin, exec(1)]"], "exec"),
    (["model.name=mlp", "model.most_particles=3"], "no effect with model.name=mlp"), (["model.width=8"], "no effect with model.name=pfn"), (["model.name=mlp", "model.inputs=[]"], "at least one")])
def test_options_that_make_no_sense_are_refused(options: list[str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        configuration(JETS, None, ["model.name=pfn", *options])


def test_a_network_of_constituents_takes_no_inputs_of_jets_unless_they_are_named() -> None:
    assert configuration(JETS, None, ["model.name=pfn"]).model.inputs == []
    assert configuration(JETS, None, ["model.name=pfn", "model.inputs=[jet_pt]"]).model.inputs == ["jet_pt"]
    assert len(configuration(JETS, None, []).model.inputs) == 10
