"""Leaves in arrays of a fixed size, padded with zeros: the same trees as of lists of their own lengths."""

from __future__ import annotations

import json

import awkward as ak
import numpy as np
import pytest
import uproot

NAMES = ("px", "py", "pz", "e")
ENGINE = ("--engine", "massline", "--preset", "paper", "-q")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same events with lists, with arrays and a branch of their number, and with arrays alone."""
    from pphysml_cli.main import main

    folder = tmp_path_factory.mktemp("padding")
    assert main(["simulate", "lcag", "-n", "40", "--set", "simulation.max_leaves=6", "-q", "-o", str(folder / "lists.root")]) == 0
    tree = uproot.open(folder / "lists.root")["events"]
    columns, counts = {name: tree[name].array() for name in NAMES}, ak.num(tree["px"].array()).to_numpy()
    width = int(counts.max()) + 2
    fixed = {name: ak.to_numpy(ak.fill_none(ak.pad_none(column, width, clip=True), 0.0)) for name, column in columns.items()}
    lcag = np.zeros((len(counts), width, width), dtype=np.uint8)
    for k, (n, row) in enumerate(zip(counts, tree["lcag"].array(), strict=True)):
        lcag[k, :n, :n] = np.asarray(row).reshape(n, n)
    fixed["lcag"] = lcag.reshape(len(counts), -1)
    for name, further in (("numbers", {"n": counts.astype(np.int32)}), ("zeros", {})):
        with uproot.recreate(folder / f"{name}.root") as file:
            file.mktree("events", {b: (c.dtype, c.shape[1:]) for b, c in (fixed | further).items()}).extend(fixed | further)
    return folder


@pytest.mark.parametrize(("name", "words"), [("numbers", "of which the first 'n' are read"), ("zeros", "are taken for padding")])
def test_padding_is_no_leaf(name, words, files, pphysml, tmp_path):
    ended = pphysml("validate", "lcag", files / f"{name}.root")
    assert ended.code == 0 and words in ended.out and ended.out.count("\n") == 1
    found = {}
    for which in ("lists", name):
        done = pphysml("lcag", files / f"{which}.root", *ENGINE, "-o", tmp_path / f"{which}.root")
        assert done.code == 0 and (words in done.err) == (which == name)
        found[which] = uproot.open(tmp_path / f"{which}.root")["lcag"].arrays()
    for branch in ("n_leaves", "lcag", "node_e", "perfect"):
        assert ak.all(found["lists"][branch] == found[name][branch])
    shares = [json.loads(pphysml("evaluate", "lcag", files / f"{which}.root", *ENGINE, "--json").out)["massline"]["metrics"][0]["value"] for which in ("lists", name)]
    assert shares[0] == shares[1]
