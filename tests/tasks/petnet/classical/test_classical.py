"""The coincidence sorter against GATE's table of policies and against a sorter written plainly."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.petnet.classical.sorter import sort_pairs
from pphysml.tasks.petnet.config import PetConfig
from pphysml.tasks.petnet.config.engines import ClassicalConfig
from pphysml.tasks.petnet.config.policies import CODES, GATE10
from pphysml.tasks.petnet.reading.slices import slice_times

ANGLES = {0: 0.0, 1: 120.0, 2: 240.0}


def slices(*rows, window_unit=1e-12):
    """Return slices of singles (time in ps, energy in MeV, sector, z)."""
    counts = np.array([len(r) for r in rows])
    flat = np.array([single for r in rows for single in r], dtype=float).reshape(-1, 4)
    sector = flat[:, 2].astype(np.int32)
    angle = 2 * np.pi * sector / 12

    def column(values, dtype):
        return Ragged.from_counts(np.asarray(values).astype(dtype), counts)

    return {
        "n_owned": counts.astype(np.int32), "time": column(flat[:, 0] * window_unit, np.float64), "energy": column(flat[:, 1], np.float32),
        "x": column(60 * np.cos(angle), np.float32), "y": column(60 * np.sin(angle), np.float32), "z": column(flat[:, 3], np.float32),
        "rsector_id": column(sector, np.int32),
    }


def found(examples, window=10.0, offset=0.0, sectors=12, **options):
    pairs = sort_pairs(examples, ClassicalConfig(**options), window, offset, sectors)
    return list(zip(pairs.first.tolist(), pairs.second.tolist(), pairs.delayed.tolist(), strict=True))


def prompt(examples, **options):
    return [(i, j) for i, j, delayed in found(examples, **options) if not delayed]


# Sectors such that, with two sectors between the ends of a good pair, these pairs of three singles are good.
CASES = {"only 12": (0, 3, 1), "all": (0, 4, 8), "12 and 23": (0, 3, 11), "13 and 23": (0, 1, 4)}
TABLE = {
    "takeAllGoods": ["12", "12 13 23", "12 23", "13 23"],
    "takeWinnerOfGoods": ["12", "12", "12", "13"],
    "takeWinnerIfIsGood": ["12", "12", "12", ""],
    "takeWinnerIfAllAreGoods": ["", "12", "", ""],
    "killAllIfMultipleGoods": ["12", "", "", ""],
    "killAll": ["", "", "", ""],
    "keepAll": ["", "", "", ""],
    "keepIfAnyIsGood": ["", "", "", ""],
    "keepIfOnlyOneGood": ["", "", "", ""],
    "keepIfAllAreGoods": ["", "", "", ""],
}
GOOD = {"only 12": {(0, 1)}, "all": {(0, 1), (0, 2), (1, 2)}, "12 and 23": {(0, 1), (1, 2)}, "13 and 23": {(0, 2), (1, 2)}}


def goods(sectors):
    def difference(a, b):
        return min(abs(a - b), 12 - abs(a - b))

    return {(i, j) for i, j in combinations(range(3), 2) if difference(sectors[i], sectors[j]) >= 2}


@pytest.mark.parametrize("policy", TABLE)
@pytest.mark.parametrize("case", [0, 1, 2, 3])
def test_the_policies_are_those_of_gates_table(policy, case):
    name = list(CASES)[case]
    sectors = {"only 12": (0, 3, None)}.get(name, CASES[name])
    if sectors[2] is None:
        # Single 3 must be near to both others: no such place on the ring; near in z instead.
        examples = slices([(0, 0.6, 0, 0), (1, 0.5, 3, 0), (2, 0.4, 3, 99)])
        expected = [tuple(int(c) - 1 for c in p) for p in TABLE[policy][case].split()]
        assert prompt(examples, policy=policy, max_axial_distance=50, min_sector_difference=2) == expected
        return
    examples = slices([(0, 0.6, sectors[0], 0), (1, 0.5, sectors[1], 0), (2, 0.4, sectors[2], 0)])
    assert goods(sectors) == GOOD[name]
    expected = [tuple(int(c) - 1 for c in p) for p in TABLE[policy][case].split()]
    assert prompt(examples, policy=policy, min_sector_difference=2) == expected


def test_two_singles_are_paired_under_every_policy():
    examples = slices([(0, 0.5, 0, 0), (3, 0.5, 6, 0)])
    assert all(prompt(examples, policy=policy) == [(0, 1)] for policy in [*CODES, *GATE10])
    assert not prompt(examples, policy="takeAllGoods", fov_radius=1, min_sector_difference=7)


def test_the_window_includes_its_end_and_the_chain_of_gate_10_gives_two_pairs():
    # opengate loses (2, 3) of singles at 0, 0.8, 1.6, 2.4 windows.
    chain = slices([(0, 0.5, 0, 0), (8, 0.5, 6, 0), (16, 0.5, 0, 0), (24, 0.5, 6, 0)])
    assert prompt(chain, policy="takeAllGoods") == [(0, 1), (2, 3)]
    assert prompt(chain, policy="takeAllGoods", opening="every") == [(0, 1), (1, 2), (2, 3)]
    edge = slices([(0, 0.5, 0, 0), (10, 0.5, 6, 0)], [(0, 0.5, 0, 0), (11, 0.5, 6, 0)])
    assert prompt(edge) == [(0, 1)]


def test_the_closest_pair_wins_and_the_line_must_cross_the_field_of_view():
    three = slices([(0, 0.4, 0, 0), (7, 0.6, 6, 0), (9, 0.5, 5, 0)])
    assert prompt(three, policy="takeWinnerOfGoods") == [(1, 2)]
    assert prompt(three, policy="takeClosestOfGoods") == [(1, 2)]
    # Sectors 5 and 6 are neighbours: their line passes 58 mm from the axis, that of 0 and 5 at 15.5 mm.
    assert prompt(three, policy="takeWinnerOfGoods", fov_radius=20) == [(0, 1)]
    assert prompt(three, policy="takeAllGoods", fov_radius=20) == [(0, 1), (0, 2)]
    assert prompt(three, policy="takeAllGoods", fov_radius=15) == [(0, 1)]
    assert prompt(three, policy="takeAllGoods", min_transaxial_distance=100) == [(0, 1), (0, 2)]


def test_the_middle_of_the_line_must_lie_in_the_field_of_view():
    ends = [((-20, 20), True), ((-20, 30), True), ((-20, 30.5), False), ((-6, -4), True), ((-6, -4.5), False)]
    for (z1, z2), good in ends:
        pair = slices([(0, 0.5, 0, z1), (3, 0.5, 6, z2)])
        assert prompt(pair, fov_length=10) == ([(0, 1)] if good else [])


def plain_sorter(time, energy, good, window, policy, every):
    """Return pairs of one slice, written as one would explain it."""
    pairs, i, n = [], 0, len(time)
    while i < n:
        group = [i] + [j for j in range(i + 1, n) if time[j] - time[i] <= window]
        candidates = [(i, j) for j in group[1:]] if every else list(combinations(group, 2))
        chosen = [p for p in candidates if good(*p)]
        winner = max(candidates, key=lambda p: energy[p[0]] + energy[p[1]], default=None)
        best = max(chosen, key=lambda p: energy[p[0]] + energy[p[1]], default=None)
        if len(group) == 2 or policy == "takeAllGoods":
            pairs += chosen
        elif chosen:
            pairs += {
                "takeWinnerOfGoods": [best], "takeWinnerIfIsGood": [winner] if winner == best else [],
                "takeClosestOfGoods": [min(chosen, key=lambda p: time[p[1]] - time[p[0]])],
                "takeWinnerIfAllAreGoods": [winner] if len(chosen) == len(candidates) else [],
                "killAllIfMultipleGoods": chosen if len(chosen) == 1 else [], "killAll": [],
            }[policy]
        i = i + 1 if every else group[-1] + 1
    return pairs


@pytest.mark.parametrize("policy", [p for p in CODES if not p.startswith("keep")])
@pytest.mark.parametrize("opening", ["first", "every"])
def test_the_kernel_agrees_with_a_plain_sorter(policy, opening):
    rng = np.random.default_rng(len(policy))
    time = np.sort(rng.choice(24_000, 3000, replace=False))
    energy, sector, z = rng.uniform(0.4, 0.6, 3000).astype(np.float32), rng.integers(0, 12, 3000), rng.uniform(-20, 20, 3000)
    examples = slices(list(zip(time, energy, sector, z, strict=True)))

    def good(i, j):
        d = abs(sector[i] - sector[j])
        return min(d, 12 - d) >= 3 and abs(np.float32(z[i]) - np.float32(z[j])) <= 25

    expected = plain_sorter(time, energy, good, 25, policy, opening == "every")
    assert prompt(examples, window=25.0, policy=policy, opening=opening, min_sector_difference=3, max_axial_distance=25) == expected
    assert len(expected) >= 10


def test_delayed_pairs_are_those_of_openers_with_singles_that_are_late_by_the_offset():
    rng = np.random.default_rng(3)
    time = np.sort(rng.choice(100_000, 3000, replace=False))
    rows = list(zip(time, np.full(3000, 0.5), rng.integers(0, 12, 3000), np.zeros(3000), strict=True))
    examples = slices(rows)
    examples["n_owned"][:] = 2900
    got = [(i, j) for i, j, delayed in found(examples, window=20.0, offset=500.0, policy="takeAllGoods", opening="every", delayed="gate") if delayed]
    dt = time[None, :] - time[:, None]
    expected = [(i, j) for i, j in np.argwhere((dt >= 500) & (dt <= 520)) if i < 2900]
    assert got == [tuple(map(int, p)) for p in expected]
    assert any(j >= 2900 for _, j in got)


def test_times_of_a_day_lose_nothing_and_slices_stand_alone():
    day = 86_400.0
    late = slices([(0, 0.5, 0, 0), (8, 0.5, 6, 0)], [(5, 0.5, 0, 0), (16, 0.5, 6, 0)])
    late["time"] = Ragged(np.array([day, day + 2e-9, 0.0, 3e-9]), late["time"].offsets)
    assert slice_times(late).tolist() == [0, 2008, 0, 3000] or abs(slice_times(late)[1] - 2000) <= 15
    assert prompt(late, window=2020.0) == [(0, 1)]


def test_a_window_in_any_spelling():
    assert PetConfig.model_validate({"apply": {"window": "4.5ns"}}).window == 4500
    assert PetConfig.model_validate({"apply": {"energy_window": "0.4MeV:650"}}).energy_window == (400, 650)
    assert ClassicalConfig(policy="REMOVEMULTIPLES").policy == "killAll"
    with pytest.raises(ValueError, match="takeWinnerOfGoods"):
        ClassicalConfig(policy="takeWinerOfGoods")
    with pytest.raises(ValueError, match="no number"):
        PetConfig.model_validate({"apply": {"window": "4.5 parsec"}})
