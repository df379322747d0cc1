"""Graphs of candidate links, exported from files as they are used."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import torch
import uproot
from safetensors import safe_open
from safetensors.numpy import load_file

from pphysml.tasks.track.export import graph_shards

README = Path(__file__).parents[2] / "README.md"


def read(folder):
    """Return the tensors of all shards, joined, and the header of the first."""
    paths = sorted(folder.iterdir())
    assert [p.name for p in paths] == [f"graphs-{k:05d}.safetensors" for k in range(len(paths))]
    shards = [load_file(p) for p in paths]
    joined = {name: np.concatenate([s[name] for s in shards], -1 if name == "edge_index" else 0) for name in shards[0] if "ptr" not in name}
    for name in ("node_ptr", "edge_ptr"):
        joined[name] = np.concatenate([[0], np.cumsum(np.concatenate([np.diff(s[name]) for s in shards]))])
    with safe_open(paths[0], "np") as file:
        return joined, json.loads(file.metadata()["pphysml"])


@pytest.fixture
def export(pphysml, tmp_path):
    """Export files and read what was written."""
    def call(*arguments, out="graphs"):
        done = pphysml("export", "track", *arguments, "--format", "pyg", "-o", tmp_path / out, "-q")
        assert done.code == 0, done.err
        return read(tmp_path / out)

    return call


def test_graphs_are_those_of_the_frames_that_applying_makes(protons, export, pphysml, tmp_path):
    graphs, header = export(protons, protons, "--protons-per-frame", 25)
    done = pphysml("track", protons, protons, "-o", tmp_path / "t.root", "--protons-per-frame", 25, "-q")
    assert done.code == 0, done.err
    tracks = uproot.open(tmp_path / "t.root")["tracks"].arrays()
    assert np.array_equal(np.diff(graphs["node_ptr"]), ak.num(tracks["hit_x"])) and len(tracks) == 18
    for name in ("file", "entry", "run", "frame", "spot_x", "spot_y"):
        assert graphs[name].tolist() == tracks[name].tolist(), name
    for name, values in {"hit_entry": graphs["hit_entry"], "hit_layer": graphs["layer"], "hit_x": graphs["x"][:, 0],
                         "hit_z": graphs["x"][:, 2], "hit_edep": graphs["x"][:, 4]}.items():
        assert np.array_equal(values, np.asarray(ak.flatten(tracks[name]))), name
    first = np.repeat(graphs["node_ptr"][:-1], np.diff(graphs["edge_ptr"]))
    deep, shallow = graphs["edge_index"] + first
    owner = np.asarray(ak.flatten(tracks["hit_proton"]))
    assert (owner[deep] == owner[shallow])[graphs["y"] == 1].all() and 0 < graphs["y"].mean() < 0.5
    assert header["task"] == "track" and header["format_version"] == 1 and header["layout"] == "gate-hits" and header["graphs"] == 18
    assert header["config"]["apply"]["protons_per_frame"] == 25 and set(header["config"]) == {"data", "apply"}
    assert header["inputs"] == 2 * [f"{protons}:Hits"] and set(header["tensors"]) == set(graphs)
    assert header["tensors"]["x"]["columns"] == {"x": "mm", "y": "mm", "z": "mm", "dedx": "keV/um", "edep": "MeV", "cluster_size": "pixels"}


def test_blocks_and_shards_change_nothing(protons, export, monkeypatch):
    whole, _ = export(protons, "--set", "apply.protons_per_frame=30")
    monkeypatch.setattr(graph_shards, "ROWS", 3000)
    parts, header = export(protons, "--set", "apply.protons_per_frame=30", "--set", "apply.block_size=700", out="parts")
    assert header["graphs"] < 7 == len(whole["frame"])
    assert set(whole) == set(parts) and all(np.array_equal(whole[name], parts[name]) for name in whole)


def test_the_configuration_chooses_the_links(protons, export):
    links = {}
    for name, options in {"shipped": (), "narrow": ("--set", "data.max_step=2"), "preset": ("-c", "hit-graph"),
                          "geometry": ("--geometry", "dtc")}.items():
        graphs, header = export(protons, *options, out=name)
        links[name] = len(graphs["y"])
        across = np.linalg.norm(graphs["edge_attr"][:, :2], axis=1)
        assert name != "narrow" or 0 < across.max() < 2.1
    assert links["narrow"] < links["shipped"] != links["preset"]
    assert header["config"]["apply"]["geometry"] == "dtc"


def test_the_reader_of_the_readme_reads_them(protons, export, tmp_path, monkeypatch):
    graphs, _ = export(protons)
    code = next(block for block in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if "torch_geometric" in block)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(code, names)
    frames = list(names["frames"])
    assert len(frames) == len(graphs["frame"]) == 3
    assert all(frame.validate() for frame in frames)
    assert torch.equal(torch.cat([f.x for f in frames]), torch.from_numpy(graphs["x"]))
    assert torch.equal(torch.cat([f.edge_index for f in frames], 1), torch.from_numpy(graphs["edge_index"]))
    for frame in frames:
        deep, shallow = frame.edge_index
        assert torch.equal(frame.edge_attr, frame.x[deep, :3] - frame.x[shallow, :3]) and len(frame.y) == frame.num_edges


def write_frames(path, *frames):
    """Write frames of hits without truth, each a list of (x, y, z)."""
    columns = {f"hit_{axis}": ak.values_astype(ak.Array([[hit[k] for hit in frame] for frame in frames]), "float32") for k, axis in enumerate("xyz")}
    columns["hit_edep"] = columns["hit_x"] * 0 + 0.05
    with uproot.recreate(path) as file:
        tree = file.mktree("frames", {name: "var * float32" for name in columns})
        if frames:
            tree.extend(columns)
    return path


def test_no_truth_no_links_no_hits_and_one_frame(export, tmp_path):
    one = [(0.0, 0.0, 225.9), (0.1, 0.0, 278.3)]
    graphs, _ = export(write_frames(tmp_path / "a.root", one, [one[0]], [], one), "--set", "data.min_cluster_size=0")
    assert "y" not in graphs and np.diff(graphs["edge_ptr"]).tolist() == [1, 0, 0, 1] and np.diff(graphs["node_ptr"]).tolist() == [2, 1, 0, 2]
    assert graphs["edge_index"].tolist() == [[1, 1], [0, 0]] and np.allclose(graphs["edge_attr"], [[0.1, 0, 52.4]] * 2, atol=1e-4)
    single, _ = export(write_frames(tmp_path / "b.root", one), out="single")
    assert single["node_ptr"].tolist() == [0, 2]


def test_an_empty_file_makes_no_graphs_and_says_so(pphysml, tmp_path):
    (tmp_path / "graphs").mkdir()  # an empty folder is in nobody's way
    done = pphysml("export", "track", write_frames(tmp_path / "e.root"), "--format", "pyg", "-o", tmp_path / "graphs", "--json")
    assert done.code == 0 and "makes no graphs" in done.err
    assert json.loads(done.out) | {"graphs": 0, "edges": 0, "shards": 1} == json.loads(done.out)
    graphs, _ = read(tmp_path / "graphs")
    assert graphs["node_ptr"].tolist() == graphs["edge_ptr"].tolist() == [0] and graphs["edge_index"].shape == (2, 0)


def test_a_folder_is_complete_or_not_there(protons, pphysml, tmp_path, monkeypatch):
    def run(*options, name="graphs"):
        return pphysml("export", "track", protons, "--format", "pyg", "-o", tmp_path / name, "-q", *options)

    assert run().code == 0
    before = read(tmp_path / "graphs")[0]
    done = run()
    assert done.code == 2 and "--force" in done.err
    assert run("--force", "--protons-per-frame", 50).code == 0 and os.listdir(tmp_path) == ["graphs"]
    after = read(tmp_path / "graphs")[0]
    assert len(after["frame"]) > len(before["frame"])
    monkeypatch.setattr(graph_shards, "ROWS", 1)
    kept = graph_shards.graph_tensors
    calls = []

    def stopped(batch):
        calls.append(batch)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return kept(batch)

    monkeypatch.setattr(graph_shards, "graph_tensors", stopped)
    for options, name in (((), "other"), (("--force",), "graphs")):
        calls.clear()
        assert run(*options, "--set", "apply.batch_size=1", name=name).code == 130 and len(calls) == 2
        assert os.listdir(tmp_path) == ["graphs"]
    assert all(np.array_equal(after[name], values) for name, values in read(tmp_path / "graphs")[0].items())
    (tmp_path / "graphs/thesis.tex").write_text("mine")
    done = run("--force")
    assert done.code == 2 and "thesis.tex" in done.err and (tmp_path / "graphs/thesis.tex").exists()


@pytest.mark.parametrize(("arguments", "said"), [
    (["--format", "pyg"], "no input file"),
    (["FILE", "--format", "pyg", "--model", "mixed"], "takes no --model"),
    (["FILE", "--format", "safetensors"], "takes no files"),
    (["-i", "FILE", "--format", "safetensors"], "takes no --input"),
    (["--format", "safetensors", "--protons-per-frame", "5"], "takes no --protons-per-frame"),
    (["--format", "safetensors", "--set", "data.max_step=3"], "takes no --set"),
    (["FILE", "--format", "pig"], "Did you mean 'pyg'"),
    (["FILE", "--format", "pyg", "--set", "data.max_stop=3"], "max_step"),
    (["FILE", "--format", "pyg", "--protons-per-frame", "5", "--frame-time", "1"], "exclude"),
])
def test_what_does_not_fit_the_format_is_refused(protons, pphysml, tmp_path, arguments, said):
    done = pphysml("export", "track", *(str(protons) if a == "FILE" else a for a in arguments), "-o", tmp_path / "out")
    assert done.code == 2 and said in done.err and not os.listdir(tmp_path)


def test_a_bad_file_is_refused_or_skipped(protons, pphysml, tmp_path):
    bad = tmp_path / "bad.root"
    bad.write_bytes(protons.read_bytes()[:2000])
    call = ("export", "track", bad, protons, "--format", "pyg", "-o", tmp_path / "graphs", "-q")
    assert pphysml(*call).code == 3 and os.listdir(tmp_path) == ["bad.root"]
    done = pphysml(*call, "--on-bad-file", "skip")
    assert done.code == 3 and "bad.root" in done.err
    assert set(read(tmp_path / "graphs")[0]["file"]) == {1}
