"""Features of pairs of leaves from file to file: train, apply, evaluate, validate and inspect read them."""

from __future__ import annotations

import json
import re

import awkward as ak
import numpy as np
import pytest
import uproot

NAMES = ("px", "py", "pz", "e", "x", "y", "z", "near")
SETTINGS = ("--set", "data.pair_features=[sisters, doca]", "--set", "data.track_points=[x, y, z]")
MAP = ("--map", "sisters=near")
SMALL = [f"--set={o}" for o in ("model.width=16", "model.pair_width=8", "model.blocks=1", "model.heads=2", "model.clade_width=8",
                                "training.steps=90", "training.batch_size=64", "training.learning_rate=0.01", "training.warmup_steps=5",
                                "training.validate_every=45", "training.validation_events=100", "simulation.topology_file=null")]


def toy(events, seed, sizes=(4, 6)):
    """Leaves in pairs under a root, in random order; `near` is 1 for two of a pair, blurred, nothing else tells."""
    rng = np.random.default_rng(seed)
    columns = {name: [] for name in (*NAMES, "parent")}
    for n in rng.choice(sizes, events):
        partner, momenta = rng.permutation(n) // 2, rng.normal(size=(n, 3))
        blur = rng.normal(size=(n, n)) * 0.1
        values = [*momenta.T, np.sqrt((momenta**2).sum(1) + 0.1), *rng.normal(size=(3, n)),
                  ((partner[:, None] == partner) + blur + blur.T).ravel(),
                  np.concatenate([n + partner, np.full(n // 2, n + n // 2), [-1]])]
        for name, value in zip(columns, values, strict=True):
            columns[name].append(value)
    return {name: ak.values_astype(ak.Array(rows), "int32" if name == "parent" else "float32") for name, rows in columns.items()}


def write(path, columns):
    counters = {"parent": "n_nodes", "near": "n_pairs_of_leaves"}
    with uproot.recreate(path) as file:
        types = {name: column.type.content for name, column in columns.items()}
        file.mktree("events", types, counter_name=lambda name: counters.get(name, "n_leaves")).extend(columns)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    from pphysml_cli.main import main

    folder = tmp_path_factory.mktemp("pairs")
    write(folder / "train.root", toy(2500, 1))
    write(folder / "test.root", toy(150, 2))
    arguments = ["train", "lcag", str(folder / "train.root"), *SETTINGS, *MAP, *SMALL, "--device", "cpu", "-q", "-o", str(folder / "run")]
    assert main(arguments) == 0
    return folder


def test_trees_that_only_a_branch_of_pairs_tells_are_found(trained, pphysml, tmp_path):
    out = tmp_path / "out.root"
    ended = pphysml("lcag", trained / "test.root", "--model", trained / "run", *MAP, "-o", out)
    assert ended.code == 0, ended.err
    assert uproot.open(out)["lcag/perfect"].array(library="np").mean() > 0.7
    ended = pphysml("evaluate", "lcag", trained / "test.root", "--model", trained / "run", *MAP, "--json")
    shares = {m["name"]: m["value"] for m in json.loads(ended.out)["network"]["metrics"]}
    assert shares["perfect_lcag"] == uproot.open(out)["lcag/perfect"].array(library="np").mean()


def test_the_order_of_the_leaves_does_not_matter(trained, pphysml, tmp_path):
    columns = toy(40, 5)
    plain = write(tmp_path / "plain.root", columns)
    turned = {name: column[:, ::-1] for name, column in columns.items() if name != "parent"}
    for path in (plain, write(tmp_path / "turned.root", turned)):
        assert pphysml("lcag", path, "--model", trained / "run", *MAP, "-o", f"{path}.out").code == 0
    first, second = (uproot.open(f"{path}.out")["lcag/lcag"].array() for path in (plain, tmp_path / "turned.root"))
    assert ak.all(first == second[:, ::-1])


def test_files_without_the_branch_are_refused_by_name(trained, pphysml, tmp_path):
    out = tmp_path / "out.root"
    lacking = write(tmp_path / "lacking.root", {name: column for name, column in toy(40, 5).items() if name != "near"})
    ended = pphysml("lcag", lacking, "--model", trained / "run", "-o", out)
    assert ended.code == 3 and "there is no branch 'sisters'" in ended.err and "--map sisters=BRANCH" in ended.err
    assert not out.exists()


def test_validate_finds_what_is_wrong_with_pairs(trained, pphysml, tmp_path):
    assert pphysml("validate", "lcag", trained / "test.root", *SETTINGS, *MAP, "--truth").code == 0
    columns = toy(20, 3, sizes=(4,))
    near = columns["near"].to_numpy().copy()
    near[3, 1] += 5
    skewed = pphysml("validate", "lcag", write(tmp_path / "a.root", {**columns, "near": ak.from_regular(ak.Array(near))}), *SETTINGS, *MAP)
    assert skewed.code == 3 and re.search(r"branch 'near', entry 3: is not symmetric: .* for leaves 0 and 1", skewed.out)
    near[:] = 0
    near[7, 2] = np.nan
    broken = pphysml("validate", "lcag", write(tmp_path / "b.root", {**columns, "near": ak.from_regular(ak.Array(near))}), *SETTINGS, *MAP)
    assert broken.code == 3 and "branch 'near', entry 7: value nan is not finite" in broken.out
    short = pphysml("validate", "lcag", write(tmp_path / "c.root", {**columns, "near": columns["near"][:, :9]}), *SETTINGS, *MAP)
    assert short.code == 3 and "branch 'near', entry 0 and 19 more: has 9 values for 4 leaves" in short.out and len(short.out.splitlines()) == 1


def test_inspect_shows_the_branch_and_still_knows_the_layout(trained, pphysml):
    ended = pphysml("inspect", trained / "test.root", "--json")
    (file,) = json.loads(ended.out)
    assert "near" in {branch["name"] for branch in file["trees"][0]["branches"]}
    assert file["tasks"]["lcag"]["leaves"] == []
