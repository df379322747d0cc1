"""Branches of other names and units: on the command line, in the configuration, and kept with a model."""

from __future__ import annotations

import awkward as ak
import pytest
import uproot
import yaml

from pphysml.model_file import load_model, read_header, save_model
from pphysml.registry import get_task
from pphysml.verbs.engine_choice import find_model

SAMPLE = "data/lcag_leaves.root"
NAMES = ("px", "py", "pz", "e")
MAP = {name: f"trk_{name}:MeV" for name in NAMES}
ON_THE_LINE = [f"--map={name}={branch}" for name, branch in MAP.items()]
FEW = ["--max-entries", "150", "-q", "--threads", "1"]


def write(path, columns):
    with uproot.recreate(path) as file:
        file.mktree("events", {name: ak.type(value).content if isinstance(value, ak.Array) else value.dtype for name, value in columns.items()}).extend(columns)
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The sample as it is, with other names and in MeV, and with both, of which the canonical ones are nonsense."""
    folder = tmp_path_factory.mktemp("files")
    with uproot.open(SAMPLE) as file:
        tree = file["events"] if "events" in file else file[file.keys()[0]]
        columns = {name: tree[name].array() for name in (*NAMES, "event", "lcag") if name in tree.keys()}  # noqa: SIM118 - not a mapping
    mev = {f"trk_{name}" if name in NAMES else name: value * 1000 if name in NAMES else value for name, value in columns.items()}
    both = mev | {name: columns[name] * 3 for name in NAMES}
    return {name: write(folder / f"{name}.root", given) for name, given in (("canonical", columns), ("mev", mev), ("both", both))}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The shipped weights, as if they had been trained on branches of other names."""
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    shipped = load_model(find_model(get_task("lcag"), "paper"), "lcag")
    shipped.header["config"]["data"]["map"] = MAP
    save_model(path, shipped)
    return path


def trees(path):
    return uproot.open(path)["lcag"].arrays(["lcag", "parent"]).tolist()


@pytest.fixture(scope="module")
def expected(files, tmp_path_factory):
    from pphysml_cli.main import main

    out = tmp_path_factory.mktemp("expected") / "out.root"
    assert main(["lcag", str(files["canonical"]), *FEW, "-o", str(out)]) == 0
    return trees(out)


@pytest.mark.parametrize(("name", "options", "mapped"), [
    ("mev", [], True), ("canonical", [], False), ("both", [], True), ("mev", ON_THE_LINE, False), ("canonical", ["--map", "px=px"], False),
])
def test_the_map_of_a_model_holds_where_a_file_has_its_branches(name, options, mapped, files, model, expected, tmp_path, pphysml):
    done = pphysml("lcag", files[name], "--model", model, *options, *FEW, "-o", tmp_path / "out.root")
    assert done.code == 0, done.err
    assert trees(tmp_path / "out.root") == expected
    assert ("as in the training of the model, read are e from 'trk_e', px from 'trk_px'" in done.err) == mapped
    assert ("read as trained" in done.out) == mapped


def test_files_that_differ_are_read_each_with_its_own(files, model, expected, tmp_path, pphysml):
    done = pphysml("lcag", files["canonical"], files["mev"], "--model", model, "-q", "-o", tmp_path / "out.root")
    assert done.code == 0, done.err
    found = trees(tmp_path / "out.root")
    assert found[:150] == expected and found[len(found) // 2 :][:150] == expected


def test_evaluating_and_a_missing_branch(files, model, tmp_path, pphysml):
    done = pphysml("evaluate", "lcag", files["mev"], "--model", model, *FEW)
    assert done.code == 0 and "perfect" in done.out
    with uproot.open(files["mev"]) as file:
        columns = {name: file["events"][name].array() for name in ("trk_py", "trk_pz", "trk_e", "event")}
    done = pphysml("lcag", write(tmp_path / "less.root", columns), "--model", model, "-q", "-o", tmp_path / "out.root")
    assert done.code == 3 and "'trk_px'" in done.err and "--map px=BRANCH" in done.err


def test_a_map_that_is_given_now_must_hold(files, model, tmp_path, pphysml):
    config = tmp_path / "mine.yaml"
    config.write_text(yaml.safe_dump({"data": {"map": MAP}}))
    where = ["-q", "-o", tmp_path / "out.root", "--force"]
    for options in (["-c", config], ["--set", f"data.map={MAP}"], ["-c", config, "--engine", "massline"]):
        assert pphysml("lcag", files["mev"], "--max-entries", "20", *options, *where).code == 0
        refused = pphysml("lcag", files["canonical"], *options, *where)
        assert refused.code == 3 and "there is no branch 'trk_px'" in refused.err
    # The command line wins over the configuration.
    assert pphysml("lcag", files["canonical"], "-c", config, *[f"--map={name}={name}" for name in NAMES], "--max-entries", "20", *where).code == 0
    assert pphysml("validate", "lcag", files["mev"], "-c", config).code == 0
    twice = pphysml("lcag", files["mev"], "--map", "px=a", "--map", "px=b", *where)
    assert twice.code == 2 and "--map px is given twice" in twice.err


def test_a_training_keeps_the_map(files, tmp_path, pphysml):
    options = [f"--set={item}" for item in (
        "model.width=16", "model.pair_width=8", "model.blocks=1", "model.heads=2", "model.clade_width=8", "training.batch_size=16",
        "training.validation_events=20", "training.steps=2", "data.map.px=trk_px:MeV")]
    done = pphysml("train", "lcag", files["mev"], "--preset", "quick", *options, *ON_THE_LINE[1:], *FEW, "-o", tmp_path / "run")
    assert done.code == 0, done.err
    assert read_header(tmp_path / "run")["config"]["data"]["map"] == MAP
    assert yaml.safe_load((tmp_path / "run/config.yaml").read_text())["data"]["map"] == MAP
    assert pphysml("lcag", files["mev"], "--model", tmp_path / "run", *FEW, "-o", tmp_path / "out.root").code == 0
