"""Jobs merged into one tree, split in time, written by threads or in no order: the pairs are those of the files apart."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent))
from petnet_files import hits_of, one_per_crystal, read, selected, write

SORT = ("--engine", "classical", "-q")
KNOWN = ("time", "energy", "globalPosX", "globalPosY", "globalPosZ", "eventID", "crystalID")
DIGITIZER = ("--set", "apply.digitizer.energy_resolution=0.1", "--set", "apply.digitizer.time_resolution=300")


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """The singles of two simulated jobs."""
    from pphysml_cli.main import main

    found = []
    for seed in ("3", "4"):
        path = tmp_path_factory.mktemp("jobs") / "singles.root"
        assert main(["simulate", "petnet", "--preset", "mouse-150", "-n", "8000", "--seed", seed, "-q", "-o", str(path)]) == 0
        found.append(read(path, "Singles"))
    return found


def merged(*jobs):
    return {name: np.concatenate([job[name] for job in jobs]) for name in jobs[0]}


@pytest.fixture
def pairs(pphysml, tmp_path):
    """Return the pairs of files as rows in order, and what was said."""
    def find(*files, options=(), tree="Singles"):
        paths = [write(tmp_path / f"{k}.root", columns, tree) for k, columns in enumerate(files)]
        done = pphysml("petnet", *paths, *SORT, *options, "-o", tmp_path / "out.root", "--force")
        assert done.code == 0, done.err
        found = read(tmp_path / "out.root")
        table = np.stack([found[f"{name}{k}"].astype(np.float64) for k in (1, 2) for name in KNOWN], axis=1)
        return table[np.lexsort(table.T)], done.out

    return find


@pytest.mark.parametrize("sort", [(), ("--sort", "full"), ("--set", "apply.block_size=777")])
def test_merged_singles(pairs, jobs, sort):
    apart, _ = pairs(*jobs)
    joined, said = pairs(merged(*jobs), options=sort)
    np.testing.assert_array_equal(joined, apart)
    assert f"time and event numbers begin anew at entry {len(jobs[0]['time'])} of" in said and "--files successive" in said
    mixed, said = pairs(merged(*jobs), options=(*sort, "--files", "successive"))
    assert len(mixed) > 1.1 * len(apart) and "anew" not in said


@pytest.mark.parametrize("sort", [(), ("--sort", "full")])
def test_merged_hits(pairs, jobs, sort):
    hits = [hits_of(one_per_crystal(job)) for job in jobs]
    apart, _ = pairs(*hits, options=DIGITIZER, tree="Hits")
    joined, said = pairs(merged(*hits), options=(*DIGITIZER, *sort), tree="Hits")
    assert len(apart) > 100
    np.testing.assert_array_equal(joined, apart)
    assert "begin anew at entry" in said


def test_a_job_split_in_time(pairs, jobs):
    # The second job goes on where the first one ends, and counts its events anew.
    first, second = jobs[0], {**jobs[1], "time": jobs[1]["time"] + jobs[0]["time"][-1]}
    apart, said = pairs(first, second)
    assert "successive parts" in said
    for options in ((), ("--sort", "full"), ("--files", "successive")):
        joined, said = pairs(merged(first, second), options=options)
        np.testing.assert_array_equal(joined, apart)
        assert ("event numbers begin anew" in said and "and time goes on" in said) == ("--files" not in options)
    alone = np.concatenate([pairs(job)[0] for job in (first, second)])
    own, said = pairs(merged(first, second), options=("--files", "independent"))
    np.testing.assert_array_equal(own, alone[np.lexsort(alone.T)])


def test_threads_and_no_order(pairs, jobs):
    straight, said = pairs(jobs[0])
    assert "falls back" not in said
    thread = jobs[0]["eventID"] % 4
    block = np.zeros(len(thread), dtype=int)
    for k in range(4):
        block[thread == k] = np.arange(np.count_nonzero(thread == k)) // 200
    threaded = selected(jobs[0], np.lexsort((np.arange(len(thread)), thread, block)))
    for options in ((), ("--sort", "full")):
        found, said = pairs(threaded, options=options)
        np.testing.assert_array_equal(found, straight)
        assert "falls back to where it began" in said and "as one acquisition" in said
    shuffled = selected(jobs[0], np.random.default_rng(1).permutation(len(thread)))
    found, said = pairs(shuffled, options=("--sort", "full"))
    np.testing.assert_array_equal(found, straight)
    assert "anew" not in said and "falls back" not in said


def test_validate_says_it(pphysml, jobs, tmp_path):
    path = write(tmp_path / "merged.root", merged(*jobs))
    done = pphysml("validate", "petnet", path)
    assert done.code == 0 and f"begin anew at entry {len(jobs[0]['time'])} of {path}" in done.out
    assert "anew" not in pphysml("validate", "petnet", write(tmp_path / "one.root", jobs[0])).out


@pytest.fixture
def two_trees(jobs, tmp_path):
    """A file with singles of low and of high energies in trees of their own, and one with all of them in one."""
    high = jobs[0]["energy"] > 0.48
    trees = {"LESingles": selected(jobs[0], ~high), "HESingles": selected(jobs[0], high)}
    return write(tmp_path / "trees.root", trees), write(tmp_path / "one.root", jobs[0])


def table(pphysml, path, *arguments):
    done = pphysml("petnet", *arguments, *SORT, "-o", path, "--force")
    assert done.code == 0, done.err
    found = read(path)
    rows = np.stack([found[f"{name}{k}"].astype(np.float64) for k in (1, 2) for name in KNOWN], axis=1)
    return rows[np.lexsort(rows.T)], done.out


def test_trees_of_low_and_high_energies_are_said_and_joined(pphysml, two_trees, tmp_path):
    trees, one = two_trees
    whole, said = table(pphysml, tmp_path / "a.root", one)
    assert "other trees" not in said
    first, said = table(pphysml, tmp_path / "b.root", trees)
    assert len(first) < len(whole) and "other trees that fit, 'HESingles'; name those that are wanted" in said
    assert "other trees" in pphysml("validate", "petnet", trees).out
    both = (f"{trees}:LESingles", f"{trees}:HESingles")
    for options in ((), ("--sort", "full"), ("--set", "apply.block_size=300")):
        joined, said = table(pphysml, tmp_path / "c.root", *both, *options)
        np.testing.assert_array_equal(joined, whole)
        assert "2 inputs were read as 1 acquisition" in said and "other trees" not in said and "overlap" not in said
    third = write(tmp_path / "three.root", {f"part{k}": selected(read(one, "Singles"), slice(k, None, 3)) for k in range(3)})
    joined, _ = table(pphysml, tmp_path / "c.root", *(f"{third}:part{k}" for k in range(3)))
    np.testing.assert_array_equal(joined, whole)
    apart, _ = table(pphysml, tmp_path / "d.root", *both, "--files", "independent")
    assert len(apart) < len(whole)
    # A pair of both trees is one of one event, and the time of the measurement counts once.
    three = tuple(f"{third}:part{k}" for k in range(3))
    judged = [json.loads(pphysml("evaluate", "petnet", *files, *SORT, "--json").out)["classical"]["metrics"] for files in ((one,), both, three)]
    for metric, *others in zip(*judged, strict=True):
        for other in others:
            assert metric["name"] == other["name"] and metric["value"] == pytest.approx(other["value"], rel=1e-9), metric["name"]


def test_what_is_in_both_inputs_is_not_joined(pphysml, two_trees, jobs, tmp_path):
    one = two_trees[1]
    high = write(tmp_path / "high.root", selected(jobs[0], jobs[0]["energy"] > 0.48))
    for files in ((one, one), (one, high), (high, one)):
        alone = np.concatenate([table(pphysml, tmp_path / "a.root", path)[0] for path in files])
        found, said = table(pphysml, tmp_path / "b.root", *files)
        np.testing.assert_array_equal(found, alone[np.lexsort(alone.T)])
        assert "acquisitions of their own" in said


def test_merged_trees_are_joined_job_by_job(pphysml, jobs, tmp_path):
    both = merged(*jobs)
    high = both["energy"] > 0.48
    trees = write(tmp_path / "trees.root", {"LESingles": selected(both, ~high), "HESingles": selected(both, high)})
    whole, _ = table(pphysml, tmp_path / "a.root", write(tmp_path / "one.root", both))
    for options in ((), ("--sort", "full")):
        joined, said = table(pphysml, tmp_path / "b.root", f"{trees}:LESingles", f"{trees}:HESingles", *options)
        np.testing.assert_array_equal(joined, whole)
        assert "2 inputs were read as 2 acquisitions" in said
