"""Jobs merged into one tree, split in time, written by threads or in no order: the pairs are those of the files apart."""

from __future__ import annotations

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
