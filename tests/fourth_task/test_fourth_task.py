"""A task from outside, in one folder and one line of the registry: several examples per entry, all verbs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from pphysml import registry
from pphysml.io.metadata import read_metadata
from pphysml.io.ragged import Ragged, concatenate, length
from pphysml.training.sources import FileSource

N = 400
SMALL = ["--preset", "small", "--threads", 1, "-q"]


@pytest.fixture(autouse=True)
def showers(monkeypatch):
    """Register the task, as a package does by its entry point."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setitem(registry.TASKS, "showers", "showers.task:Showers")
    yield registry.get_task("showers")
    for name in [name for name in sys.modules if name.partition(".")[0] == "showers"]:
        del sys.modules[name]


def events(n: int = N, seed: int = 1) -> dict:
    """Events of none to several showers, with energies as measured and as calibrated, in other names of the ids."""
    from showers.simulation.simulate import CALIBRATION, ShowerSimulation

    block = ShowerSimulation(seed).block(0, n)
    columns = {name: ak.Array([block[name][row] for row in range(n)]) if isinstance(block[name], Ragged) else block[name]
               for name in ("spill", "energy", "energy_calibrated", "width", "kind")}
    columns["energy"] = columns["energy_calibrated"] / CALIBRATION
    return {**columns, "trig": block["trigger"], "my_weight": block["importance"], "temperature": np.linspace(0, 1, n)}


def write(path: Path, columns: dict) -> Path:
    with uproot.recreate(path) as file:
        file.mktree("showers", {name: ak.type(value).content if isinstance(value, ak.Array) else value.dtype for name, value in columns.items()})
        file["showers"].extend(columns)
    return path


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "events.root", events())


@pytest.fixture
def run(file, tmp_path, pphysml):
    """A trained network that tells photons from pions by their width."""
    folder = tmp_path / "run"
    done = pphysml("train", "showers", file, *SMALL, "--set", "data.importance=my_weight", "-o", folder)
    assert done.code == 0, done.err
    return folder


def arrays(path: Path):
    with uproot.open(path) as tree:
        return tree["showers"].arrays()


def test_the_objects_of_an_entry_are_one_entry_of_the_output(run, file, tmp_path, pphysml) -> None:
    out = tmp_path / "out.root"
    done = pphysml("showers", file, "--model", run, "-o", out, "--keep", "temperature", "--json", "--threads", 1)
    assert done.code == 0, done.err
    given, found, summary = events(), arrays(out), json.loads(done.out)
    assert summary["written"] == summary["entries"] == N == len(found) and summary["showers"] == ak.count(given["energy"])
    assert ak.sum(ak.num(given["energy"]) == 0) > 50 and ak.max(ak.num(given["energy"])) > 3
    # In their order, with the ids of the layout and what is kept, once per entry.
    assert found["energy"].tolist() == given["energy_calibrated"].tolist()
    assert found["entry"].tolist() == list(range(N)) and found["file"].tolist() == [0] * N
    for name, branch in {"spill": "spill", "trigger": "trig", "temperature": "temperature"}.items():
        assert np.array_equal(found[name], given[branch])
    assert set(found.fields) == {"file", "entry", "spill", "trigger", "n_showers", "energy", "score_photon", "score_pion", "temperature"}
    assert ak.all(abs(found["score_photon"] + found["score_pion"] - 1) < 1e-6)
    # The network sees each shower by itself, whatever the event it is in.
    import torch
    from showers.config import ShowersConfig
    from showers.models.network import NetworkEngine

    from pphysml.model_file import load_model

    flat = {"energy": ak.flatten(given["energy_calibrated"]).to_numpy(), "width": ak.flatten(given["width"]).to_numpy()}
    scores = NetworkEngine(ShowersConfig(), load_model(run), torch.device("cpu"))(flat)["score_photon"]
    assert np.allclose(ak.flatten(found["score_photon"]), scores, atol=1e-6)
    assert (ak.flatten(given["kind"]).to_numpy()[scores > 0.5] == 0).mean() > 0.9


@pytest.mark.parametrize("block", [1, 7, 150])
def test_the_output_does_not_depend_on_the_blocks(run, file, tmp_path, pphysml, block, monkeypatch) -> None:
    from pphysml.training.config import TaskConfig

    paths = [tmp_path / name for name in ("whole.root", "blocks.root")]
    assert pphysml("showers", file, "--model", run, "-o", paths[0], "-q").code == 0
    monkeypatch.setattr(TaskConfig, "entries_at_a_time", block)
    assert pphysml("showers", file, file, "--model", run, "-o", paths[1], "-q").code == 0
    whole, blocks = arrays(paths[0]), arrays(paths[1])
    assert whole["energy"].tolist() * 2 == blocks["energy"].tolist()
    assert ak.all(abs(ak.concatenate([whole["score_pion"]] * 2) - blocks["score_pion"]) < 1e-6)
    assert blocks["file"].tolist() == [0] * N + [1] * N


@pytest.mark.parametrize("rows", [slice(0, 0), slice(0, 1), slice(0, N)])
def test_entries_without_any_object_come_out_all_the_same(run, tmp_path, pphysml, rows) -> None:
    none = {name: (value[ak.local_index(value) < 0] if isinstance(value, ak.Array) else value)[rows] for name, value in events().items()}
    out = tmp_path / "out.root"
    done = pphysml("showers", write(tmp_path / "none.root", none), "--model", run, "-o", out, "-q")
    assert done.code == 0, done.err
    found = arrays(out)
    assert len(found) == len(none["spill"]) and ak.sum(ak.num(found["score_pion"])) == 0
    assert found["trigger"].tolist() == none["trig"].tolist()


def test_the_first_showers_may_come_late(run, tmp_path, pphysml, monkeypatch) -> None:
    from pphysml.training.config import TaskConfig

    monkeypatch.setattr(TaskConfig, "entries_at_a_time", 20)
    given = events()
    late = {name: value[ak.local_index(value, axis=0)[:, None] * (ak.local_index(value) + 1) * 0 + ak.local_index(value, axis=0) >= 50]
            if isinstance(value, ak.Array) else value for name, value in given.items()}
    out = tmp_path / "out.root"
    assert pphysml("showers", write(tmp_path / "late.root", late), "--model", run, "-o", out, "-q").code == 0
    assert arrays(out)["energy"].tolist() == late["energy_calibrated"].tolist()


def test_the_fields_of_the_output_follow_from_the_configuration(file, tmp_path, pphysml) -> None:
    folder, out = tmp_path / "three", tmp_path / "out.root"
    done = pphysml("train", "showers", file, *SMALL, "--set", "data.classes=[photon,pion,muon]", "--set", "training.steps=2", "-o", folder)
    assert done.code == 0, done.err
    assert pphysml("showers", file, "--model", folder, "-o", out, "-q").code == 0
    assert {name for name in arrays(out).fields if name.startswith("score_")} == {"score_photon", "score_pion", "score_muon"}


def test_training_streams_the_objects_and_knows_their_weights(showers, file) -> None:
    from pphysml.training.data import data_of
    from pphysml.verbs.config import configuration
    from pphysml.verbs.inputs import Inputs
    from pphysml.verbs.training_inputs import TrainingInputs

    config = configuration(showers, "small", ["data.importance=my_weight", "apply.min_energy=0.5"])
    data = data_of(showers, config, TrainingInputs(Inputs([str(file)])).open(showers, config))
    source = data.training
    assert isinstance(source, FileSource) and len(source.counts) == N // config.training.block_size
    blocks = [source.read(k) for k in range(len(source.counts))]
    assert [length(block) for block in blocks] == source.counts
    given = events()
    held, learnt = (set(np.asarray(part["entry"]).tolist()) for part in (data.validation, concatenate(blocks)))
    assert not held & learnt, "all showers of an event are in the same part"
    taken = given["energy_calibrated"] >= 0.5
    entry = np.repeat(np.arange(N), ak.num(given["energy"]).to_numpy())[ak.flatten(taken).to_numpy()]
    energy, weight = ak.flatten(given["energy_calibrated"][taken]).to_numpy(), given["my_weight"][entry]
    mine = np.isin(entry, list(learnt))
    whole = concatenate(blocks)
    for name, values in {"entry": entry, "energy": energy, "importance": weight}.items():
        assert np.array_equal(whole[name], values[mine]), name
    assert 0.6 * len(energy) < sum(source.counts) < len(energy)


def test_weights_change_what_is_learnt_and_a_resumed_training_is_the_same(file, tmp_path, pphysml) -> None:
    from pphysml.model_file import load_model

    def trained(name: str, *options: object) -> dict:
        done = pphysml("train", "showers", file, *SMALL, *options, "-o", tmp_path / name)
        assert done.code == 0, done.err
        return load_model(tmp_path / name).network

    plain, again = trained("plain"), trained("again")
    weighted = trained("weighted", "--set", "data.importance=my_weight")
    same = [all(np.array_equal(plain[name], other[name]) for name in plain) for other in (again, weighted)]
    assert same == [True, False]


def test_a_killed_training_with_an_adversary_resumes_bit_by_bit(file, tmp_path, pphysml, monkeypatch) -> None:
    from pphysml.model_file import load_model
    from pphysml.training.loop import Loop

    options = ["train", "showers", file, *SMALL, "--set", "model.against_energy=true"]
    assert pphysml(*options, "-o", tmp_path / "whole").code == 0
    step = Loop.step

    def killed(self, examples):
        if self.state.step == 25:
            raise RuntimeError("killed")
        return step(self, examples)

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "step", killed)
        assert pphysml(*options, "-o", tmp_path / "killed").code == 1
    assert pphysml("train", "showers", "--resume", tmp_path / "killed", "-q").code == 0
    whole, resumed = (load_model(tmp_path / name).network for name in ("whole", "killed"))
    assert any(name.startswith("adversary.") for name in whole)
    assert all(np.array_equal(resumed[name], value) for name, value in whole.items())
    assert "energy" in (tmp_path / "whole" / "metrics.csv").read_text().splitlines()[0].split(",")
    assert pphysml("showers", file, "--model", tmp_path / "whole", "-o", tmp_path / "out.root", "-q").code == 0


def test_training_on_simulated_events(tmp_path, pphysml) -> None:
    done = pphysml("train", "showers", *SMALL, "--json", "-o", tmp_path / "run")
    assert done.code == 0 and json.loads(done.out)["accuracy"] > 0.9, done.err


def test_of_two_layouts_that_fit_the_first_is_taken_unless_another_is_named(run, file, tmp_path, pphysml) -> None:
    from showers.simulation.simulate import CALIBRATION

    found = {}
    for layout in (None, "calibrated", "raw"):
        out = tmp_path / f"{layout}.root"
        assert pphysml("showers", file, "--model", run, "-o", out, "-q", *(["--layout", layout] if layout else [])).code == 0
        found[layout] = ak.flatten(arrays(out)["energy"]).to_numpy()
        assert read_metadata(str(out))["layout"] == (layout or "calibrated")
    assert np.array_equal(found[None], found["calibrated"]) and np.allclose(found["raw"] * CALIBRATION, found["calibrated"])
    refused = pphysml("showers", file, "--model", run, "-o", tmp_path / "x.root", "--layout", "row")
    assert refused.code == 2 and "Did you mean 'raw'?" in refused.err
    shown = pphysml("inspect", file, "--all")
    assert "task showers, layout calibrated: can be read, by default\n" in shown.out
    assert "task showers, layout raw: can be read with --layout raw\n" in shown.out
    only = events()
    del only["energy_calibrated"]
    path = write(tmp_path / "only.root", only)
    assert pphysml("validate", "showers", path).code == 0
    assert "energy_calibrated" in pphysml("validate", "showers", path, "--layout", "calibrated").out
    kept = pphysml("train", "showers", file, *SMALL, "--layout", "raw", "-o", tmp_path / "raw")
    assert kept.code == 0 and json.loads((tmp_path / "raw" / "inputs.json").read_text())["layout"] == "raw"


def test_a_flag_of_the_task_is_taken_by_three_verbs(run, file, tmp_path, pphysml) -> None:
    given = events()
    above = int(ak.sum(given["energy_calibrated"] >= 2))
    done = pphysml("showers", file, "--model", run, "-o", tmp_path / "a.root", "--min-energy", 2, "--json")
    assert json.loads(done.out)["showers"] == above > 50
    judged = pphysml("evaluate", "showers", "--min-energy", 2, file, "--model", run, "--json", "-q")
    metric, = json.loads(judged.out)["network"]["metrics"]
    assert metric["n"] == above and metric["value"] > 0.9
    everything, = json.loads(pphysml("evaluate", "showers", file, "--model", run, "--json", "-q").out)["network"]["metrics"]
    assert everything["n"] == ak.count(given["energy"])
    low = ak.argmin(ak.flatten(given["energy_calibrated"]))
    width = ak.flatten(given["width"]).to_numpy().copy()
    width[low] = -1
    bad = write(tmp_path / "bad.root", {**given, "width": ak.unflatten(width, ak.num(given["width"]))})
    entry = int(np.repeat(np.arange(N), ak.num(given["width"]))[low])
    found = pphysml("validate", "showers", bad)
    assert found.code == 3 and f"{bad}, tree 'showers', branch 'width', entry {entry}: is negative" in found.out
    assert pphysml("validate", "showers", bad, "--min-energy", 2).code == 0
    refused = pphysml("showers", bad, "--model", run, "-o", tmp_path / "b.root")
    assert refused.code == 3 and f"branch 'width', entry {entry}: is negative" in refused.err
    for verb in (["evaluate", "showers"], ["validate", "showers"], ["showers"]):
        assert "--min-energy" in pphysml(*verb, "--help").out
    assert "--min-energy" not in pphysml("evaluate", "lcag", "--help").out
    assert pphysml("evaluate", "lcag", file, "--min-energy", 2).code == 2


@pytest.mark.parametrize("entry_point", ["showers.schema:LAYOUTS", "pathlib:Path"], ids=["no class", "another class"])
def test_an_entry_point_that_is_no_task_is_said(entry_point, monkeypatch, pphysml) -> None:
    monkeypatch.setitem(registry.TASKS, "showers", entry_point)
    listed = " ".join(pphysml("--help").out.split())
    assert "(cannot be loaded: The entry point of the task 'showers' names no class derived from" in listed
    assert pphysml("validate", "showers", "x.root").code == 2


def test_the_other_verbs_know_it_too(run, tmp_path, pphysml) -> None:
    made = tmp_path / "made.root"
    assert pphysml("simulate", "showers", "-n", 130, "--seed", 5, "-o", made, "-q").code == 0
    with uproot.open(made) as tree:
        assert tree["showers"].num_entries == 130 and "energy_calibrated" in tree["showers"].keys(recursive=False)
    judged = json.loads(pphysml("evaluate", "showers", made, "--model", run, "--json", "-q").out)
    assert judged["network"]["metrics"][0]["value"] > 0.9
    again = tmp_path / "again.safetensors"
    assert pphysml("export", "showers", "--model", run, "--format", "safetensors", "-o", again).code == 0
    assert again.read_bytes() == (run / "model.safetensors").read_bytes()
    assert pphysml("config", "showers", "list").out.split() == ["small"]
    assert "data.classes = [" in pphysml("config", "showers", "schema").out
    described, = (task for task in json.loads(pphysml("info", "--json").out)["tasks"] if task["task"] == "showers")
    assert described["layouts"] == ["calibrated", "raw"] and described["simulation"]
    refused = pphysml("import", "showers", made, "-o", tmp_path / "x.root")
    assert refused.code == 2 and "imports nothing" in refused.err
