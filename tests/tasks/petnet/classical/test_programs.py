"""The presets `gate9` and `gate10` against those programs' rules, single by single, on the times of clocks."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from pphysml.config import load
from pphysml.io.ragged import Ragged, concatenate, slice_rows
from pphysml.tasks.petnet.classical.engine import ClassicalEngine
from pphysml.tasks.petnet.classical.sorter import sort_pairs
from pphysml.tasks.petnet.config import PetConfig
from pphysml.tasks.petnet.config.engines import ClassicalConfig
from pphysml.tasks.petnet.config.policies import GATE10
from pphysml.tasks.petnet.reading.assemble import assemble
from pphysml.tasks.petnet.reading.first_singles import LOOKED_AT

SECTORS = 12
CLOCK = 100
POLICIES9 = ["takeAllGoods", "takeWinnerOfGoods", "takeWinnerIfIsGood", "takeWinnerIfAllAreGoods", "killAllIfMultipleGoods", "killAll", "keepIfAllAreGoods"]


def measured(n=4000, seed=1, mean=8):
    """Return singles whose times are whole steps of a clock, many of them equal or exactly a window apart, after a pause of an hour too."""
    rng = np.random.default_rng(seed)
    steps = np.cumsum(rng.poisson(mean, n))
    steps[n // 2 :] += 36_000_000_000_000
    return {
        "file": np.zeros(n, np.int32), "entry": np.arange(n), "time": steps * (CLOCK * 1e-12),
        "energy": rng.choice([0.2, 0.4, 0.5, 0.6, 0.9], n).astype(np.float32), **{axis: rng.normal(size=n).astype(np.float32) for axis in "xyz"},
        "rsector_id": rng.integers(0, SECTORS, n).astype(np.int32), "crystal_id": rng.integers(0, 2, n).astype(np.int32), "steps": steps,
    }


def pairs_of(singles, preset, *overrides, block=700, delays=None):
    """Return prompt and delayed pairs of entries that the engine finds with a preset, reading some singles at a time."""
    changes = ["apply.slice_singles=40", f"apply.classical.sectors={SECTORS}", "apply.sort_buffer=10", *overrides]
    config = load(PetConfig, "pphysml.tasks.petnet.presets", preset, changes)
    engine, carry, found = ClassicalEngine(config, None, None), None, []
    engine.delays = delays
    columns = {name: values for name, values in singles.items() if name != "steps"}
    n = len(singles["time"])
    for start in [*range(0, n, block), None]:
        examples, carry = assemble(None if start is None else slice_rows(columns, start, min(start + block, n)), carry, config)
        if examples:
            pairs, entry = engine(examples), examples["single_entry"].flat
            found.append({"first": entry[pairs["first"]], "second": entry[pairs["second"]], "delayed": pairs["delayed"]})
    together = concatenate(found)
    rows = np.column_stack([together["first"], together["second"]])
    return tuple(sorted(map(tuple, rows[together["delayed"] == late].tolist())) for late in (False, True))


def gate9(singles, window, offset, policy, every):
    """Return the pairs of GATE 9's CoincidenceSorter: every single is put into the windows that are open, and perhaps opens one."""
    steps, energy, sector = (singles[name] for name in ("steps", "energy", "rsector_id"))
    done, opened = [], []
    for i, now in enumerate(steps):
        done += [group for group in opened if now >= steps[group[0]] + offset + window]
        opened = [group for group in opened if now < steps[group[0]] + offset + window]
        inside = [group for group in opened if now >= steps[group[0]] + offset]
        for group in inside:
            group.append(i)
        if every or not inside:
            opened.append([i])
    return [pair for group in done + opened for pair in taken9(group, energy, sector, policy, every or offset > 0)]


def taken9(group, energy, sector, policy, with_the_first):
    pairs = [(group[0], j) for j in group[1:]] if with_the_first else list(combinations(group, 2))
    good = [(i, j) for i, j in pairs if min(abs(sector[i] - sector[j]), SECTORS - abs(sector[i] - sector[j])) >= 2]

    def energy_of(pair):
        return float(energy[pair[0]]) + float(energy[pair[1]])

    if len(group) == 2 or policy == "takeAllGoods" or not good:
        return good
    winner = max(pairs, key=energy_of)
    return {
        "takeWinnerOfGoods": [max(good, key=energy_of)], "takeWinnerIfIsGood": [winner] if winner in good else [],
        "takeWinnerIfAllAreGoods": [winner] if good == pairs else [], "killAllIfMultipleGoods": good if len(good) == 1 else [],
    }.get(policy, [])


def gate10(singles, window, offset, policy, far):
    """Return the pairs of opengate's CoincidenceSorter: all pairs of different volumes in a window, then a policy on those of each opener."""
    steps, energy = singles["steps"], singles["energy"]
    volume = list(zip(singles["rsector_id"].tolist(), singles["crystal_id"].tolist(), strict=True))
    found = []
    for i in range(len(steps)):
        later = [j for j in range(i + 1, np.searchsorted(steps, steps[i] + offset + window, side="right")) if steps[j] >= steps[i] + offset]
        pairs = [(i, j) for j in later if volume[i] != volume[j]]
        good = [pair for pair in pairs if abs(singles["z"][pair[0]] - singles["z"][pair[1]]) <= far]

        def energy_of(pair):
            return float(energy[pair[0]]) + float(energy[pair[1]])

        found += {
            "RemoveMultiples": [pair for pair in good if len(pairs) == 1], "TakeAllGoods": good, "TakeWinnerOfGoods": sorted(good, key=energy_of)[-1:],
            "TakeIfOnlyOneGood": good if len(good) == 1 else [], "TakeWinnerIfIsGood": [pair for pair in [max(pairs, key=energy_of)] if pair in good] if pairs else [],
            "TakeWinnerIfAllAreGoods": [max(pairs, key=energy_of)] if pairs and good == pairs else [],
        }[policy]
    return found


@pytest.mark.parametrize("policy", POLICIES9)
@pytest.mark.parametrize("opening", ["first", "every"])
def test_gate9_finds_the_pairs_of_that_program(policy, opening):
    singles = measured()
    options = ["apply.window=1000", "apply.offset=12000", f"apply.classical.policy={policy}", f"apply.classical.opening={opening}"]
    prompt, delayed = pairs_of(singles, "gate9", *options)
    assert prompt == sorted(gate9(singles, 10, 0, policy, opening == "every"))
    assert delayed == sorted(gate9(singles, 10, 120, policy, opening == "every"))
    assert len(prompt) > 300 and len(delayed) > 300


@pytest.mark.parametrize("policy", GATE10)
def test_gate10_finds_the_pairs_of_that_program(policy):
    singles = measured()
    # Without ties, whose order would be another matter.
    singles["energy"] = np.random.default_rng(2).uniform(0.2, 0.9, len(singles["time"])).astype(np.float32)
    options = ["apply.window=1000", "apply.offset=12000", f"apply.classical.policy={policy}", "apply.classical.max_axial_distance=1.5"]
    prompt, delayed = pairs_of(singles, "gate10", *options)
    assert prompt == sorted(gate10(singles, 10, 0, policy, 1.5))
    assert delayed == sorted(gate10(singles, 10, 120, policy, 1.5))
    assert len(prompt) > 300 and len(delayed) > 300


def test_the_defaults_of_the_presets_are_those_of_the_programs():
    singles = measured()
    assert pairs_of(singles, "gate9", "apply.window=1000") == (sorted(gate9(singles, 10, 0, "keepIfAllAreGoods", False)), [])
    assert pairs_of(singles, "gate10", "apply.window=1000") == (sorted(gate10(singles, 10, 0, "TakeAllGoods", np.inf)), [])
    assert pairs_of(singles, "gate9") == (sorted(gate9(singles, 100, 0, "keepIfAllAreGoods", False)), [])


@pytest.mark.parametrize("opening", ["first", "every"])
@pytest.mark.parametrize("delayed", ["matched", "gate"])
def test_delayed_pairs_do_not_depend_on_how_singles_are_read(opening, delayed):
    singles = measured(2000)
    options = ["apply.window=1000", "apply.offset=12000", f"apply.classical.opening={opening}", f"apply.classical.delayed={delayed}"]
    assert pairs_of(singles, "gate9", *options, block=130) == pairs_of(singles, "gate9", *options, block=5000)


def test_windows_of_a_run_do_not_reach_into_the_next():
    singles = measured(2000)
    run = np.repeat(np.arange(2), 1000)
    singles |= {"run": run.astype(np.int32), "time": (singles["steps"] - singles["steps"][1000 * run]) * (CLOCK * 1e-12)}
    parts = [{name: values[run == number] for name, values in singles.items()} for number in (0, 1)]
    options = ["apply.window=1000", "apply.offset=12000"]
    apart = [pairs_of(part, "gate9", *options) for part in parts]
    assert pairs_of(singles, "gate9", *options) == tuple(sorted(a + b) for a, b in zip(*apart, strict=True))


@pytest.mark.parametrize("preset", ["gate9", "gate10"])
def test_delayed_windows_go_on_where_delays_of_crystals_are_corrected(monkeypatch, preset):
    singles = measured(2000)

    def without_delays(delays, examples, find):
        """Count times from the first single of each slice, as corrected ones do."""
        time = examples["time"]
        since = time.flat - np.repeat(time.flat[time.offsets[:-1]], time.counts)
        return find({name: examples[name] for name in LOOKED_AT if name in examples} | {"time": Ragged(since, time.offsets)})

    monkeypatch.setattr("pphysml.tasks.petnet.classical.engine.with_corrected_times", without_delays)
    options = ["apply.window=1000", "apply.offset=12000"]
    assert pairs_of(singles, preset, *options, delays=True) == pairs_of(singles, preset, *options)


@pytest.mark.parametrize("clock", [50, 12.5, 15.625, 1000 / 3, 200])
@pytest.mark.parametrize("begin", [0, 5_000, 20_000])
def test_pairs_at_exactly_the_window_are_all_inside_or_all_outside(clock, begin):
    """Doubles at 5000 s are 0.9 ps apart, at 20 000 s 3.6 ps."""
    window, n = 40 * clock, 500
    offset = 10 * window
    first = np.rint(begin / (clock * 1e-12)) + 1000 * np.arange(n)
    steps = np.sort(np.concatenate([first, first + 40, first + 400, first + 440]))
    time = steps * clock * 1e-12
    examples = {"n_owned": np.array([4 * n], np.int32), "time": Ragged(time, np.array([0, 4 * n]))}
    examples |= {name: Ragged(np.ones(4 * n, np.float32), np.array([0, 4 * n])) for name in ("energy", "x", "y", "z")}

    def counted(end, **options):
        pairs = sort_pairs(examples, ClassicalConfig(window_end=end, opening="every", policy="takeAllGoods", **options), window, offset, None)
        return [np.count_nonzero(pairs.delayed == late) for late in (False, True)]

    # Late by exactly the offset are two in each group, by the window more one.
    assert counted("closed", delayed="gate") == [2 * n, 3 * n]
    assert counted("open", delayed="gate") == [0, 2 * n]


@pytest.mark.parametrize("end", ["closed", "open"])
def test_as_many_delayed_pairs_as_random_prompt_ones_at_a_coarse_clock(end):
    """With four steps in a window, a window that takes all at the offset has 11 % (open: 14 %) more."""
    rng = np.random.default_rng(5)
    n = 200_000
    steps = np.sort(rng.integers(0, 40 * n, n))
    examples = {"n_owned": np.array([n], np.int32), "time": Ragged(steps * 1e-9, np.array([0, n]))}
    examples |= {name: Ragged(np.ones(n, np.float32), np.array([0, n])) for name in ("energy", "x", "y", "z")}
    pairs = sort_pairs(examples, ClassicalConfig(window_end=end, opening="every", policy="takeAllGoods"), 4000, 100_000, None)
    prompt, delayed = (np.count_nonzero(pairs.delayed == late) for late in (False, True))
    assert delayed == pytest.approx(prompt, abs=4 * np.sqrt(prompt + delayed))
    assert prompt > 10_000
