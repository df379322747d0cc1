"""Targets and found targets against slow plain Python."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from pphysml.tasks.petnet.judging.options import Options
from pphysml.tasks.petnet.judging.targets import find_targets, judge
from pphysml.tasks.petnet.judging.truth import truth_of

OPTIONS = Options(window=500e-12, energy=(0.4, 0.6))


def random_rows(rng, n_slices=300):
    """Return slices a window apart in which events overlap, with doubled photons, noise and low energies."""
    rows, start = [], 0.0
    for _ in range(n_slices):
        n = int(rng.integers(0, 9))
        times = start + np.sort(rng.uniform(0, 1500e-12, n))
        rows.append([{"time": t, "event": int(rng.integers(-1, 3)), "photon_id": int(rng.integers(0, 3)), "energy": float(rng.uniform(0.38, 0.6)),
                      "compton_phantom": int(rng.random() < 0.3)} for t in times])
        start += 1e-8
    return rows


def target_pairs(row, photons=True):
    """Return event -> its target pairs (i, j) in one slice; an event that a gap splits is two targets."""
    used = [i for i, s in enumerate(row) if 0.4 <= s["energy"] <= 0.6]
    cluster, number = {}, 0
    for before, i in zip([None, *used], used, strict=False):
        number += before is not None and row[i]["time"] - row[before]["time"] > 500e-12
        cluster[i] = number
    found = {}
    for i, j in combinations(used, 2):
        a, b = row[i], row[j]
        same = a["event"] == b["event"] >= 0 and b["time"] - a["time"] <= 500e-12
        if same and (not photons or {a["photon_id"], b["photon_id"]} == {1, 2}):
            found.setdefault((cluster[i], a["event"]), []).append((i, j))
    return found


@pytest.mark.parametrize("photons", [True, False])
def test_targets(toy, photons):
    rows = random_rows(np.random.default_rng(11))
    examples = toy.slices(*rows, without=() if photons else ("photon_id",))
    truth = truth_of(examples, OPTIONS)
    targets = find_targets(truth, OPTIONS)
    offsets = examples["time"].offsets
    expected = []
    for row, start in zip(rows, offsets, strict=False):
        for pairs in target_pairs(row, photons).values():
            plain = [pair for pair in pairs if not any(row[i]["compton_phantom"] for i in pair)]
            first, second = min(plain or pairs)
            expected.append((start + first, start + second, bool(plain)))
    found = list(zip(targets.first.tolist(), targets.second.tolist(), targets.unscattered.tolist(), strict=True))
    assert sorted(found) == sorted(expected) and len(expected) > 20
    assert (np.diff(targets.cluster) >= 0).all()


def test_verdict_on_random_pairs(toy):
    rng = np.random.default_rng(12)
    rows = random_rows(rng)
    examples = toy.slices(*rows)
    truth = truth_of(examples, OPTIONS)
    targets = find_targets(truth, OPTIONS)
    offsets = examples["time"].offsets
    reported = [[pair for pair in combinations(range(len(row)), 2) if rng.random() < 0.4] for row in rows]
    first, second = (np.array([start + pair[k] for start, some in zip(offsets, reported, strict=False) for pair in some]) for k in (0, 1))
    verdict = judge(truth, targets, first, second, OPTIONS)
    n_targets = n_found = n_plain = n_true_pairs = n_hits = 0
    for row, some in zip(rows, reported, strict=True):
        singles = {i for pair in some for i in pair}
        for pairs in target_pairs(row).values():
            n_targets += 1
            n_found += any(pair in some for pair in pairs)
            n_plain += any(pair in some and not any(row[i]["compton_phantom"] for i in pair) for pair in pairs)
            n_true_pairs += sum(pair in some for pair in pairs)
            n_hits += min(2, len(singles & {i for pair in pairs for i in pair}))
    assert (len(targets), verdict.found.sum(), verdict.found_unscattered.sum()) == (n_targets, n_found, n_plain)
    assert ((verdict.target >= 0).sum(), verdict.right.sum(), verdict.hits.sum()) == (n_true_pairs, n_found, n_hits)
    assert 0 < n_plain < n_found < n_true_pairs


def test_a_doubled_photon_makes_one_target(toy):
    row = [{"time": k * 1e-10, "event": 7, "photon_id": photon, "energy": 0.5} for k, photon in enumerate((1, 1, 2))]
    truth = truth_of(toy.slices(row), OPTIONS)
    targets = find_targets(truth, OPTIONS)
    assert (targets.first.tolist(), targets.second.tolist()) == ([0], [2])
    both = judge(truth, targets, np.array([1, 0]), np.array([2, 2]), OPTIONS)
    assert both.found.tolist() == [True] and both.right.tolist() == [False, True]
    other = judge(truth, targets, np.array([1]), np.array([2]), OPTIONS)
    assert other.found.tolist() == [True] and other.right.tolist() == [True]
    one_photon = judge(truth, targets, np.array([0]), np.array([1]), OPTIONS)
    assert one_photon.found.tolist() == [False] and one_photon.hits.tolist() == [2]


def test_borders_of_the_windows_belong_to_them(toy):
    row = [{"time": 1.0 + dt, "event": 1, "photon_id": photon, "energy": energy}
           for dt, photon, energy in ((0, 1, 0.4), (500e-12, 2, 0.6))]
    assert len(find_targets(truth_of(toy.slices(row), OPTIONS), OPTIONS)) == 1
    narrower = Options(window=499e-12, energy=(0.4, 0.6))
    assert len(find_targets(truth_of(toy.slices(row), narrower), narrower)) == 0


def test_lent_singles_are_no_targets(toy):
    row = [{"time": 0.0, "event": 1, "photon_id": 1, "energy": 0.5}, {"time": 1e-10, "event": 1, "photon_id": 2, "energy": 0.5}]
    truth = truth_of(toy.slices(row, owned=[1]), OPTIONS)
    targets = find_targets(truth, OPTIONS)
    assert len(targets) == 0
    with pytest.raises(ValueError, match="own singles"):
        judge(truth, targets, np.array([0]), np.array([1]), OPTIONS)
