"""Truth that a model cannot use: applying goes on without it, evaluating and validating say what is wrong."""

from __future__ import annotations

import json
import re

import awkward as ak
import numpy as np
import pytest
import uproot

TREE = [[0, 1, 2, 2], [1, 0, 2, 2], [2, 2, 0, 1], [2, 2, 1, 0]]
PARENT = [4, 4, 5, 5, 6, 6, -1]
FOREST = [4, 4, 5, 5, -1, -1]
MASSLINE = ("--engine", "massline", "--preset", "paper", "-q")


def write(path, parents, n=4, **others):
    """Write events of n leaves each with the given parents."""
    momenta = np.random.default_rng(1).normal(size=(len(parents), n, 3))
    columns = {name: ak.from_regular(ak.Array(momenta[..., k])) for k, name in enumerate(("px", "py", "pz"))}
    columns["e"] = ak.from_regular(ak.Array(np.sqrt((momenta**2).sum(-1) + 1)))
    columns |= {name: ak.values_astype(ak.Array(rows), "int32") for name, rows in {"parent": parents, **others}.items()}
    with uproot.recreate(path) as file:
        file.mktree("events", {name: c.type.content for name, c in columns.items()}).extend(columns)
    return path


def lines(outcome):
    return outcome.out.splitlines()


def test_a_model_of_single_trees_is_applied_to_events_of_several(pphysml, tmp_path):
    path = tmp_path / "forest.root"
    settings = [f"--set={o}" for o in ("simulation.trees_per_event=2", "data.forest=true", "simulation.max_leaves=4")]
    assert pphysml("simulate", "lcag", "-n", 30, *settings, "-q", "-o", path).code == 0
    ended = pphysml("lcag", path, "-o", tmp_path / "out.root", "--json")
    assert ended.code == 0, ended.err
    (sentence, *_) = json.loads(ended.out)["warnings"]
    assert "truth cannot be used" in sentence and "more than one root" in sentence and sentence in ended.err
    names = ("px", "py", "pz", "e")
    columns = uproot.open(path)["events"].arrays(names)
    with uproot.recreate(tmp_path / "real.root") as file:
        file.mktree("events", {name: columns[name].type.content for name in names}).extend({name: columns[name] for name in names})
    assert pphysml("lcag", tmp_path / "real.root", "-o", tmp_path / "expected.root").code == 0
    found, expected = (uproot.open(tmp_path / f"{name}.root")["lcag"] for name in ("out", "expected"))
    assert "perfect" not in found.keys()  # noqa: SIM118 - not a mapping
    for name in ("lcag", "parent", "score", "tree_prob"):
        assert ak.all(found[name].array() == expected[name].array())
    refused = pphysml("evaluate", "lcag", path)
    assert refused.code == 3 and len(refused.err.splitlines()) == 1
    assert all(words in refused.err for words in ("'parent', entry 0", "more than one root", "data.forest=true"))


def test_truth_that_fails_late_is_left_out_from_the_beginning(pphysml, tmp_path):
    path, out = write(tmp_path / "a.root", [PARENT] * 25 + [FOREST]), tmp_path / "out.root"
    ended = pphysml("lcag", path, *MASSLINE, "--set", "training.block_size=10", "-o", out)
    assert ended.code == 0 and "entry 25" in ended.err
    # Events that came again without their truth are counted once.
    assert "of 26 events none can fit the masses of the engine massline" in ended.err
    tree = uproot.open(out)["lcag"]
    assert tree.num_entries == 26 and tree["entry"].array().tolist() == list(range(26))
    assert "perfect" not in tree.keys()  # noqa: SIM118 - not a mapping
    assert pphysml("lcag", path, *MASSLINE, "--max-entries", 25, "-o", out, "--force").code == 0
    assert "perfect" in uproot.open(out)["lcag"].keys()  # noqa: SIM118 - not a mapping


def test_wrong_momenta_are_refused_with_and_without_usable_truth(pphysml, tmp_path):
    path = write(tmp_path / "a.root", [FOREST, PARENT])
    with uproot.open(path) as file:
        columns = {name: file["events"][name].array() for name in ("px", "py", "pz", "e", "parent")}
    columns["e"] = ak.concatenate([columns["e"][:1], -columns["e"][1:]])
    with uproot.recreate(path) as file:
        file.mktree("events", {name: c.type.content for name, c in columns.items()}).extend(columns)
    ended = pphysml("lcag", path, "-o", tmp_path / "out.root")
    assert ended.code == 3 and "'e', entry 1" in ended.err and not (tmp_path / "out.root").exists()


BROKEN = {
    "has a cycle": [4, 4, 6, 6, 5, 4, -1],
    "more than one root": FOREST,
    "has no root": [4, 4, 5, 5, 5, 4],
    "a leaf that is another node's parent": [1, 4, 4, 4, -1],
    "not a leaf": [4, 4, 4, 4, -1, 4],
    "neither -1 nor a node": [4, 4, 4, 9, -1],
    "fewer nodes than leaves": [-1],
}


def test_validate_reports_every_kind_of_broken_tree_once(pphysml, tmp_path):
    parents = [PARENT, PARENT]
    for parent in BROKEN.values():
        parents += [parent, PARENT, parent]
    path = write(tmp_path / "a.root", parents)
    ended = pphysml("validate", "lcag", path)
    assert ended.code == 3 and len(lines(ended)) == len(BROKEN)
    for k, words in enumerate(BROKEN):
        (line,) = [text for text in lines(ended) if words in text]
        assert line.startswith(f"error: {path}, tree 'events', branch 'parent', entry {2 + 3 * k} and 1 more: ")
    assert pphysml("validate", "lcag", write(tmp_path / "b.root", [PARENT] * 3), "--truth").out == "No problem found.\n"


def test_validate_knows_the_configuration(pphysml, tmp_path):
    pdg = [211, 211, 321, 211, 411, 421, 511]
    path = write(tmp_path / "a.root", [PARENT, PARENT, FOREST], node_pdg=[pdg, [*pdg[:6], 7777], pdg[:6]])
    stages = ("--set", "data.classes=stages")
    ended = pphysml("validate", "lcag", path, *stages)
    assert [re.sub(r".*branch ", "", line).partition(":")[0] for line in lines(ended)] == ["'parent', entry 2", "'node_pdg', entry 1"]
    assert "class outside the PDG map" in ended.out and "7777" in ended.out
    forest = pphysml("validate", "lcag", path, *stages, "--set", "data.forest=true", "--json")
    assert [(p["branch"], p["entry"]) for p in json.loads(forest.out)] == [("node_pdg", 1)]


def test_a_file_of_other_truth_is_a_warning_unless_truth_is_asked_for(pphysml, tmp_path):
    path = write(tmp_path / "a.root", [PARENT] * 2)
    stages = ("--set", "data.classes=stages")
    for arguments, severity, code in (((), "warning", 0), (("--truth",), "error", 3)):
        ended = pphysml("validate", "lcag", path, *stages, *arguments)
        assert ended.code == code and len(lines(ended)) == 1
        assert ended.out.startswith(f"{severity}: {path}") and "no branch 'node_pdg'" in ended.out


def test_validate_finds_leaves_without_energies_and_matrices_of_the_wrong_size(pphysml, tmp_path):
    with uproot.open(write(tmp_path / "a.root", [PARENT] * 2)) as file:
        momenta = {f"feat_{name}": file["events"][name].array() for name in ("px", "py", "pz")}
    with uproot.recreate(tmp_path / "b.root") as file:
        file.mktree("Tree", {name: c.type.content for name, c in momenta.items()}).extend(momenta)
    ended = pphysml("validate", "lcag", tmp_path / "b.root")
    assert ended.code == 3 and "have no energy" in ended.out and len(lines(ended)) == 1
    assert pphysml("validate", "lcag", tmp_path / "b.root", "--set", "data.charged_mass=0.14", "--set", "data.neutral_mass=0.14").code == 0


@pytest.mark.parametrize(("matrix", "words"), [(np.zeros((4, 4)), "zeros between leaves"), (np.array(TREE) * 5, "generations")])
def test_validate_finds_matrices_that_fit_no_tree(pphysml, tmp_path, matrix, words):
    flat = [np.ravel(TREE).tolist(), np.ravel(matrix).astype(int).tolist()]
    with uproot.open(write(tmp_path / "a.root", [PARENT] * 2)) as file:
        columns = {name: file["events"][name].array() for name in ("px", "py", "pz", "e")}
    columns["lcag"] = ak.values_astype(ak.Array(flat), "uint8")
    with uproot.recreate(tmp_path / "b.root") as file:
        file.mktree("events", {name: c.type.content for name, c in columns.items()}).extend(columns)
    ended = pphysml("validate", "lcag", tmp_path / "b.root")
    assert ended.code == 3 and len(lines(ended)) == 1
    assert "branch 'lcag', entry 1" in ended.out and words in ended.out


NO_TREES = {
    "is not that of a tree": [[0, 1, 2, 2], [1, 0, 2, 1], [2, 2, 0, 1], [2, 1, 1, 0]],
    "is not symmetric": [[0, 1, 2, 2], [1, 0, 2, 2], [2, 2, 0, 1], [2, 2, 2, 0]],
    "on the diagonal": [[1, 1, 2, 2], [1, 0, 2, 2], [2, 2, 0, 1], [2, 2, 1, 0]],
    "has a gap": [[0, 1, 3, 3], [1, 0, 3, 3], [3, 3, 0, 1], [3, 3, 1, 0]],
}


def test_every_verb_refuses_matrices_of_no_tree_but_applying_goes_on(pphysml, tmp_path):
    flat = [np.ravel(TREE).tolist()] * 6
    for k, matrix in enumerate(NO_TREES.values()):
        flat += [np.ravel(matrix).tolist()] * (k + 1)
    with uproot.open(write(tmp_path / "a.root", [PARENT] * len(flat))) as file:
        columns = {name: file["events"][name].array() for name in ("px", "py", "pz", "e")}
    columns["lcag"] = ak.values_astype(ak.Array(flat), "uint8")
    path = tmp_path / "b.root"
    with uproot.recreate(path) as file:
        file.mktree("events", {name: c.type.content for name, c in columns.items()}).extend(columns)
    ended = pphysml("validate", "lcag", path)
    assert ended.code == 3 and len(lines(ended)) == 4
    for k, words in enumerate(NO_TREES):
        (line,) = [text for text in lines(ended) if words in text]
        assert f"branch 'lcag', entry {6 + k * (k + 1) // 2}{f' and {k} more' if k else ''}: " in line
    evaluated = pphysml("evaluate", "lcag", path, *MASSLINE[:-1], "-o", tmp_path / "report")
    trained = pphysml("train", "lcag", path, "--preset", "quick", "-o", tmp_path / "run", "--set", "training.steps=1")
    assert evaluated.code == 3 and "branch 'lcag', entry 9: has 1 on the diagonal" in evaluated.err, evaluated.err
    assert trained.code == 3 and any(words in trained.err for words in NO_TREES) and "branch 'lcag', entry " in trained.err, trained.err
    applied = pphysml("lcag", path, *MASSLINE, "-o", tmp_path / "out.root")
    assert applied.code == 0 and "truth cannot be used" in applied.err
    assert uproot.open(tmp_path / "out.root")["lcag"].num_entries == len(flat)
