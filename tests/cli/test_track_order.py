"""`track` on hits in any order, and on merged jobs, as users have them."""

from __future__ import annotations

import json

import awkward as ak
import numpy as np
import pytest
import uproot


@pytest.fixture
def write(tmp_path):
    def file(name, rows):
        with uproot.recreate(tmp_path / name) as root:
            root.mktree("Hits", {k: v.dtype for k, v in rows.items()}).extend(rows)
        return tmp_path / name

    return file


@pytest.fixture
def rows(protons):
    """Return the branches of a simulated file."""
    return uproot.open(protons)["Hits"].arrays(library="np")


def tracks(path):
    return uproot.open(path)["tracks"].arrays()


def flat(columns, name):
    return ak.to_numpy(ak.flatten(columns[name]))


@pytest.mark.parametrize("arguments", [("--sort", "{}"), ("{}", "--sort", "full")])
def test_shuffled_hits_make_the_same_tracks(arguments, protons, rows, write, pphysml, tmp_path) -> None:
    by_event = np.lexsort([rows[name] for name in ("posZ", "trackID", "eventID")])
    order = np.random.default_rng(0).permutation(len(by_event))
    ordered = write("ordered.root", {name: values[by_event] for name, values in rows.items()})
    path = write("shuffled.root", {name: values[by_event][order] for name, values in rows.items()})
    options = ("--engine", "straight", "--protons-per-frame", 25)
    refused = pphysml("track", path, "-o", tmp_path / "a.root", *options)
    assert refused.code == 3 and "--sort" in refused.err
    given = [path if word == "{}" else word for word in arguments]
    assert pphysml("track", *given, "-o", tmp_path / "a.root", *options).code == 0
    assert pphysml("track", ordered, "-o", tmp_path / "b.root", *options).code == 0
    assert pphysml("track", protons, "-o", tmp_path / "c.root", *options).code == 0
    found, expected, original = (tracks(tmp_path / f"{name}.root") for name in "abc")
    assert np.array_equal(order[flat(found, "hit_entry")], flat(expected, "hit_entry"))
    for name in set(found.fields) - {"entry", "hit_entry"}:
        assert found[name].to_list() == expected[name].to_list() or np.array_equal(flat(found, name), flat(expected, name), equal_nan=True), name
    # Hits of a proton in one layer may have another order there.
    for one, other in zip(found["hit_entry"], original["hit_entry"], strict=True):
        assert set(by_event[order[one]].tolist()) == set(other.tolist())


def test_merged_jobs_stay_apart_in_all_verbs(rows, write, pphysml, tmp_path) -> None:
    # The second job has other particles under the same numbers.
    half = np.median(rows["eventID"])
    first, second = ({name: values[chosen] for name, values in rows.items()} for chosen in (rows["eventID"] <= half, rows["eventID"] > half))
    second["eventID"] = second["eventID"] - second["eventID"].min() + first["eventID"].min()
    merged = write("merged.root", {name: np.concatenate([first[name], second[name]]) for name in rows})
    options = ("--protons-per-frame", 25, "--json")
    done = pphysml("track", merged, "-o", tmp_path / "a.root", "--engine", "perfect", *options)
    found, summary = tracks(tmp_path / "a.root"), json.loads(done.out)
    begins = len(first["eventID"])
    assert sum(found["n_protons"]) == len(np.unique(first["eventID"])) + len(np.unique(second["eventID"])) and summary["jobs"] == 2
    jobs = np.repeat(ak.to_numpy(found["job"]), ak.to_numpy(ak.num(found["hit_entry"])))
    assert np.array_equal(jobs == 1, flat(found, "hit_entry") >= begins) and set(jobs) == {0, 1}
    assert f"which begin at the entries 0 and {begins}" in " ".join(summary["warnings"])
    for verb in ("validate", "evaluate", "export"):
        verb_options = {"evaluate": ("--engine", "perfect", "-o", tmp_path / "report"), "export": ("--format", "pyg", "-o", tmp_path / "graphs"), "validate": ()}[verb]
        ended = pphysml(verb, "track", merged, *verb_options)
        assert f"which begin at the entries 0 and {begins}" in ended.err + ended.out, verb
    by_event = np.argsort(np.concatenate([first["eventID"], second["eventID"]]), kind="stable")
    together = write("sorted.root", {name: np.concatenate([first[name], second[name]])[by_event] for name in rows})
    for further in ((), ("--sort",)):
        ended = pphysml("track", together, "-o", tmp_path / "b.root", *options, *further)
        assert ended.code == 3 and "two particles of the beam" in ended.err and not (tmp_path / "b.root").exists()
        assert "two particles of the beam" in pphysml("validate", "track", together, *further).out
