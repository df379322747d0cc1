"""Files of one list that differ in their optional branches: each gives what it gives alone, and what it lacks is said."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import uproot

sys.path.append(str(Path(__file__).parent))
from petnet_files import IDS, read, selected, write

DATA = Path(__file__).parents[2] / "data"
LACKED = ("runID", "eventID", "sourceID", "sourcePosX", *IDS)


@pytest.fixture
def jobs(tmp_path):
    """Singles of a scanner, and later ones without their ids."""
    every = read(DATA / "petnet_singles.root", "Singles")
    first, second = selected(every, slice(0, 3000)), selected(every, slice(3000, 6000))
    return write(tmp_path / "first.root", first), write(tmp_path / "second.root", {k: v for k, v in second.items() if k not in LACKED})


def sorted_pairs(pphysml, out, *arguments):
    done = pphysml("petnet", *arguments, "--engine", "classical", "--files", "independent", "-o", out, "--force", "--json", "-q")
    assert done.code == 0, done.err
    return read(out), json.loads(done.out)["warnings"]


def test_each_file_gives_the_pairs_that_it_gives_alone(jobs, tmp_path, pphysml) -> None:
    out = tmp_path / "out.root"
    together, warnings = sorted_pairs(pphysml, out, *jobs)
    alone = [sorted_pairs(pphysml, out, job)[0] for job in jobs]
    n = len(alone[0]["time1"])
    assert n > 20 and len(together["time1"]) == n + len(alone[1]["time1"])
    for name, values in together.items():
        np.testing.assert_array_equal(values[:n], alone[0][name])
        if name in alone[1] and not name.startswith("file"):
            np.testing.assert_array_equal(values[n:], alone[1][name])
        elif not name.startswith("file"):
            assert (values[n:] == -1).all() or np.isnan(values[n:]).all(), name
    assert all(any(column in w and str(jobs[1]) in w for w in warnings) for column in ("event", "source_x", "crystal_id"))


def test_ids_that_one_file_lacks_are_made_from_positions_where_the_scanner_is_known(jobs, tmp_path, pphysml) -> None:
    together, _ = sorted_pairs(pphysml, tmp_path / "out.root", *jobs, "--scanner", "safir")
    n = (together["file1"] == 0).sum()
    alone, _ = sorted_pairs(pphysml, tmp_path / "out.root", jobs[1], "--scanner", "safir")
    for name in IDS:
        assert (alone[f"{name}1"] >= 0).all()
        np.testing.assert_array_equal(together[f"{name}1"][n:], alone[f"{name}1"])


def test_what_needs_ids_refuses_files_without_them(jobs, tmp_path, pphysml) -> None:
    done = pphysml("petnet", *jobs, "--engine", "classical", "--set", "apply.classical.min_sector_difference=2", "-o", tmp_path / "out.root", "-q")
    assert done.code == 3 and "Not all singles have a rsector" in done.err and not (tmp_path / "out.root").exists()


def test_truth_in_only_some_files_is_not_judged(jobs, tmp_path, pphysml) -> None:
    done = pphysml("evaluate", "petnet", *jobs, "--engine", "classical", "-q")
    assert done.code == 3 and str(jobs[1]) in done.err and "without event" in done.err


def test_events_of_a_file_without_numbers_get_minus_one(tmp_path, pphysml) -> None:
    with uproot.open(DATA / "lcag_leaves.root") as file:
        given = file["events"].arrays(["px", "py", "pz", "e", "event"], entry_stop=9)
    paths = [tmp_path / "first.root", tmp_path / "second.root"]
    for path, names in zip(paths, (("px", "py", "pz", "e", "event"), ("px", "py", "pz", "e")), strict=True):
        with uproot.recreate(path) as file:
            columns = {name: given[name] for name in names}
            file.mktree("events", {name: "int64" if name == "event" else "var * float64" for name in names}).extend(columns)
    for order in (paths, paths[::-1]):
        done = pphysml("lcag", *order, "--engine", "massline", "-o", tmp_path / "out.root", "--force", "--json", "-q")
        assert done.code == 0, done.err
        event = read(tmp_path / "out.root", "lcag")["event"]
        expected = [given["event"].to_numpy(), np.full(9, -1)]
        np.testing.assert_array_equal(event, np.concatenate(expected if order is paths else expected[::-1]))
        assert any(f"event: not in all files, so -1 for the entries of {paths[1]}" in w for w in json.loads(done.out)["warnings"])


def test_graphs_without_answers_are_said(tmp_path, pphysml) -> None:
    with uproot.open(DATA / "track_hits.root") as file:
        tree = file["Hits"]
        given = {name: tree[name].array(library="np", entry_stop=4000) for name in tree.keys() if tree[name].typename != "int32_t[]"}  # noqa: SIM118
    paths = [tmp_path / "first.root", tmp_path / "second.root"]
    for path, lacking in zip(paths, ((), ("trackID",)), strict=True):
        with uproot.recreate(path) as file:
            columns = {name: values for name, values in given.items() if name not in lacking and values.dtype != object}
            file.mktree("Hits", {name: values.dtype for name, values in columns.items()}).extend(columns)
    done = pphysml("export", "track", *paths, "--format", "pyg", "--protons-per-frame", 20, "-o", tmp_path / "graphs", "--json", "-q")
    assert done.code == 0, done.err
    assert any("track_id" in w and f"left out of all files, since {paths[1]} lacks it" in w for w in json.loads(done.out)["warnings"])
