"""What begins anew inside a file: merged jobs are seen, and what is only in another order is no beginning."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import concatenate, length, slice_rows, take
from pphysml.tasks.petnet.reading.falls import NUMBERS, TIME
from pphysml.tasks.petnet.reading.parts import Parts
from pphysml.tasks.petnet.reading.segments import segments_of

BOTH = TIME + NUMBERS


def job(n=3000, seed=1, found=0.3, rate=1e6, begin=0.0):
    """Return n singles of a ring in the order of time, each photon of a decay found with some probability."""
    rng = np.random.default_rng(seed)
    decays = int(n / found) + 20
    time, angle = begin + np.cumsum(rng.exponential(1 / rate, decays)), rng.uniform(0, 2 * np.pi, decays)
    photons = []
    for turned in (0.0, np.pi):
        seen = np.flatnonzero(rng.random(decays) < found)
        photons.append({"event": seen, "time": time[seen] + rng.normal(0, 5e-10, len(seen)), "angle": angle[seen] + turned + rng.normal(0, 0.1, len(seen))})
    rows = {name: np.concatenate([photon[name] for photon in photons]) for name in photons[0]}
    rows = slice_rows(take(rows, np.argsort(rows["time"])), 0, n)
    angle = rows.pop("angle")
    return {**rows, "run": np.zeros(n, np.int32), "x": 60 * np.cos(angle), "y": 60 * np.sin(angle), "z": rng.uniform(-20, 20, n)}


def beginnings(*rows, known=True, chunk=10**6):
    """Return the entries at which parts of a file begin and what does, with how often it fell back without that."""
    columns = concatenate(rows)
    n = length(columns)
    columns = {name: column for name, column in columns.items() if known or name not in ("event", "run")}
    columns |= {"file": np.zeros(n, np.int32), "entry": np.arange(n)}
    parts = Parts(inside=True)
    done = [parts.add(slice_rows(columns, start, min(start + chunk, n))) for start in range(0, n, chunk)]
    done.append(parts.add(None))
    assert np.array_equal(np.concatenate([block["entry"] for block in done if block]), np.arange(n))
    return {part.entry: part.anew for part in parts.parts}, parts.turns.get(0, 0)


def threaded(rows, threads, block):
    """Return rows as threads write them in turn, each of which has every so manieth event."""
    of = [np.flatnonzero(rows["event"] % threads == k) for k in range(threads)]
    order = [part[start : start + block] for start in range(0, length(rows), block) for part in of]
    return take(rows, np.concatenate(order))


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("n", [40, 1000, 20_000])
def test_merged_jobs_are_parts(known, n):
    found, turns = beginnings(*(job(n, seed) for seed in range(4)), known=known)
    anew = BOTH if known else TIME
    assert found == {0: 0, n: anew, 2 * n: anew, 3 * n: anew} and not turns


@pytest.mark.parametrize("chunk", [1, 13, 64, 199, 200, 201])
def test_blocks_do_not_matter(chunk):
    assert beginnings(job(200), job(150, 2), chunk=chunk)[0] == {0: 0, 200: BOTH}


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_jobs_of_different_activity(factor):
    for known in (True, False):
        assert set(beginnings(job(), job(seed=2, rate=factor * 1e6), known=known)[0]) == {0, 3000}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("n", [10, 100, 5000, 50_000])
def test_a_shuffled_file_is_one_part(known, n):
    for seed in range(5):
        rows = job(n, seed)
        assert beginnings(take(rows, np.random.default_rng(seed).permutation(n)), known=known)[0] == {0: 0}


@pytest.mark.parametrize("known", [True, False])
def test_a_nearly_sorted_file_and_late_singles_begin_nothing(known):
    rows, n = job(20_000), 20_000
    for width in (3, 100, 3000):
        order = np.argsort(np.arange(n) + np.random.default_rng(2).uniform(0, width, n))
        assert beginnings(take(rows, order), known=known)[0] == {0: 0}
        assert set(beginnings(take(rows, order), take(job(n, 2), order), known=known)[0]) == {0, n}
    for late in (1, 5, 20):
        order = np.concatenate([np.arange(late, 9000), np.arange(late), np.arange(9000, n)])
        assert beginnings(take(rows, order), known=known)[0] == {0: 0}


@pytest.mark.parametrize(("threads", "block"), [(2, 300), (8, 300), (8, 2000), (24, 200)])
def test_what_threads_wrote_in_turn_is_one_part_and_two_such_files_are_two(threads, block):
    first, second = (threaded(job(30_000, seed), threads, block) for seed in (1, 2))
    found, turns = beginnings(first)
    assert found == {0: 0} and turns >= threads - 1
    assert beginnings(first, chunk=150) == (found, turns)
    assert beginnings(first, second)[0] == {0: 0, 30_000: BOTH}
    # Without numbers of events it cannot be seen whether there were threads or jobs; there are some parts, and not one for each block.
    assert len(beginnings(first, known=False)[0]) <= 2 * threads


@pytest.mark.parametrize("known", [True, False])
def test_what_detectors_wrote_in_turn_is_one_part(known):
    rows = job(30_000)
    detector = (np.arctan2(rows["y"], rows["x"]) * 6 / np.pi).astype(int)
    found, turns = beginnings(take(rows, np.argsort(detector, kind="stable")), known=known)
    assert found == {0: 0} and turns >= 6


def test_blocks_in_another_order_are_one_part():
    rows = job(30_000)
    for blocks in (np.arange(60)[::-1], np.random.default_rng(3).permutation(60)):
        order = (500 * blocks[:, None] + np.arange(500)).ravel()
        assert beginnings(take(rows, order))[0] == {0: 0}
    assert beginnings(take(rows, np.arange(30_000)[::-1]))[0] == {0: 0}


def test_numbers_show_a_beginning_that_times_do_not():
    rng = np.random.default_rng(4)
    disordered = [{**job(seed=seed), "time": rng.exponential(1.0, 3000)} for seed in (1, 2)]
    for rows in disordered:
        rows["event"] = np.sort(rows["event"])
    assert beginnings(*disordered)[0] == {0: 0, 3000: BOTH}
    assert beginnings(*disordered, known=False)[0] == {0: 0}
    split = job(), job(seed=2, begin=1.0)
    assert beginnings(*split)[0] == {0: 0, 3000: NUMBERS}
    assert beginnings(*split, known=False)[0] == {0: 0}


def test_times_show_a_beginning_of_numbers_that_go_on():
    first, second = job(), job(seed=2)
    assert beginnings(first, {**second, "event": second["event"] + 10**6})[0] == {0: 0, 3000: TIME}
    assert beginnings(first, {**second, "run": second["run"] + 1})[0] == {0: 0, 3000: TIME}


def test_rules_decide_what_a_beginning_inside_a_file_is():
    parts = Parts(inside=True)
    rows = concatenate([job(), job(seed=2), job(seed=3, begin=1.0)])
    parts.add({**rows, "file": np.zeros(9000, np.int32), "entry": np.arange(9000)})
    parts.add(None)
    assert [part.anew for part in parts.parts] == [0, BOTH, NUMBERS]
    for whole in (True, False):
        assert segments_of(parts.parts, "auto", whole).tolist() == [0, 1, 1]
        assert segments_of(parts.parts, "independent", whole).tolist() == [0, 1, 2]
        assert segments_of(parts.parts, "successive", whole).tolist() == [0, 0, 0]
