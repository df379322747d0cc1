"""`inspect` is read by people: large trees fit on a screen, one bad file does not hide the others."""

from __future__ import annotations

import json

import numpy as np
import pytest
import uproot

from pphysml_cli.branch_groups import FEWEST, MOST, grouped


def rows(names: list[str], kind: str = "float[]") -> list[dict[str, str]]:
    return [{"name": name, "type": kind, "compression": "zstd(3)"} for name in names]


def test_small_trees_are_listed_as_they_are() -> None:
    small = rows([f"Jet_{i}" for i in range(MOST)])
    assert grouped(small) == small


def test_branches_of_one_beginning_are_one_line_and_none_is_lost() -> None:
    names = ["run", *(f"Jet_v{i}" for i in range(30)), "nMuon", *(f"Muon.v{i}" for i in range(30)), *(f"Tau_v{i}" for i in range(FEWEST - 1))]
    branches = rows(names)
    branches[3]["type"] = "bool[]"
    found = grouped(branches)
    assert [row["name"] for row in found] == ["run", "Jet_*", "nMuon", "Muon.*", *(f"Tau_v{i}" for i in range(FEWEST - 1))]
    assert found[1]["type"] == "30 branches: float[] (29), bool[] (1)" and found[3]["type"] == "30 branches: float[]"


def test_a_beginning_that_most_branches_share_tells_nothing() -> None:
    names = [f"event_{part}_{i}" for part in ("track", "shower", "hit") for i in range(20)]
    assert [row["name"] for row in grouped(rows(names))] == ["event_track_*", "event_shower_*", "event_hit_*"]
    assert [row["name"] for row in grouped(rows([f"adc{i}" for i in range(500)]))] == ["adc*"]


@pytest.fixture
def large(tmp_path):
    names = [f"Jet_v{i}" for i in range(60)]
    with uproot.recreate(tmp_path / "large.root") as file:
        file.mktree("Events", dict.fromkeys(names, "float32")).extend({name: np.ones(2, np.float32) for name in names})
    return tmp_path / "large.root"


def test_a_bad_file_does_not_hide_the_others(large, tmp_path, pphysml) -> None:
    (tmp_path / "bad.root").write_bytes(b"hello")
    shown = pphysml("inspect", tmp_path / "bad.root", large)
    assert shown.code == 3 and "TTree Events, 2 entries" in shown.out
    assert shown.err == f"pphysml: error: {tmp_path / 'bad.root'}: is not a readable ROOT or HDF5 file.\n"
    facts = json.loads(pphysml("inspect", tmp_path / "bad.root", large, "--json").out)
    assert [len(file["problems"]) for file in facts] == [1, 0] and len(facts[1]["trees"][0]["branches"]) == 60


def test_all_lists_every_branch_and_what_each_layout_lacks(large, pphysml) -> None:
    short, every = pphysml("inspect", large).out, pphysml("inspect", large, "--all").out
    assert "Jet_v*" in short and "Jet_v7" not in short and "60 branches; --all lists each" in short
    assert short.count("lacks") == 1 and "can be read by: no task as it is; the nearest is" in short
    assert all(f"Jet_v{i} " in every for i in range(60)) and "task lcag, layout leaves: lacks px, py, pz, e" in every


def test_names_cannot_write_to_the_terminal(tmp_path, pphysml) -> None:
    name = "\x1b[31mred\x9b\r"
    path = tmp_path / f"{name}.root"
    with uproot.recreate(path) as file:
        file.mktree(name, {name: "float32"}).extend({name: np.ones(2, np.float32)})
    for arguments in (["inspect", path], ["inspect", path, "--all"], ["validate", "lcag", path], ["lcag", path], ["train", "lcag", path, "--dry-run"]):
        ended = pphysml(*arguments)
        assert all(line.isprintable() for line in (ended.out + ended.err).split("\n")), arguments
    assert json.loads(pphysml("inspect", path, "--json").out)[0]["trees"][0]["branches"][0]["name"] == name
