"""Inspection against what was written."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import pytest
import uproot

from pphysml.io.inspection import inspect
from pphysml.io.writer import Writer


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
@pytest.mark.parametrize(("compression", "name"), [
    (uproot.ZSTD(5), "zstd(5)"), (uproot.ZLIB(1), "zlib(1)"), (uproot.LZ4(4), "lz4(4)"), (None, "none")])
def test_trees_and_branches(kind, compression, name, tmp_path, event_columns, write_root) -> None:
    path = write_root(tmp_path / "a.root", event_columns(300), kind=kind, compression=compression)
    found = json.loads(json.dumps(inspect(path)))
    assert found["path"] == path and found["size"] == os.path.getsize(path) and found["metadata"] is None
    (tree,) = found["trees"]
    assert (tree["name"], tree["kind"], tree["entries"]) == ("events", kind, 300)
    branches = {b["name"]: b for b in tree["branches"]}
    assert set(branches) >= {"event", "px", "e", "lcag", "weight"}
    assert {b["compression"] for b in branches.values()} == {name}
    types = ("double[]", "float") if kind == "TTree" else ("std::vector<double>", "float")
    assert (branches["px"]["type"], branches["weight"]["type"]) == types


def test_other_objects_and_our_metadata(tmp_path, layout, event_columns) -> None:
    with Writer(tmp_path / "a.root", "events", layout.fields, metadata={"seed": 7}) as writer:
        writer.extend(event_columns(3))
    with uproot.update(tmp_path / "a.root") as file:
        file["folder/h"] = np.histogram([1.0])
    found = inspect(str(tmp_path / "a.root"))
    assert found["metadata"]["seed"] == 7
    assert found["objects"] == {"events": "TTree", "pphysml": "TObjString", "folder": "TDirectory", "folder/h": "TH1D"}


def test_matching_layouts(tmp_path, layout, event_columns, write_root) -> None:
    other = replace(layout, name="other", fields=tuple(replace(f, required=True) for f in layout.fields))
    columns = event_columns(3)
    del columns["event"], columns["weight"]
    path = write_root(tmp_path / "a.root", columns)
    assert inspect(path, {"task": [layout, other]})["tasks"]["task"] == {"leaves": [], "other": ["event", "weight"]}
    with uproot.recreate(tmp_path / "empty.root"):
        pass
    assert inspect(str(tmp_path / "empty.root"), {"task": [layout]})["tasks"]["task"] == {"leaves": ["px", "e"]}
