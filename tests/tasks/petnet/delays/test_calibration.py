"""Delays of crystals from the data, and what becomes of pairs when they are corrected."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.errors import InputError
from pphysml.io.ragged import Ragged, concatenate, length, slice_rows
from pphysml.tasks.petnet.classical.engine import ClassicalEngine
from pphysml.tasks.petnet.classical.sorter import cuts_of
from pphysml.tasks.petnet.config import ApplyConfig, PetConfig
from pphysml.tasks.petnet.config.simulation import ToyConfig
from pphysml.tasks.petnet.delays.correction import time_order
from pphysml.tasks.petnet.delays.fit import PairTimes, fit_delays
from pphysml.tasks.petnet.delays.survey import DelaySurvey
from pphysml.tasks.petnet.reading.assemble import assemble
from pphysml.tasks.petnet.reading.slices import slice_times
from pphysml.tasks.petnet.scanner.crystals import CrystalIndex
from pphysml.tasks.petnet.scanner.scanner import load_scanner
from pphysml.tasks.petnet.simulation.toy import ToySimulation

BIN = 1000
IDS = ("rsector_id", "module_id", "submodule_id", "crystal_id", "layer_id")


def config(window=500, max_delay=20_000, offset=0, **classical):
    return PetConfig.model_validate({"data": {"window": window, "max_delay": max_delay, "energy_window": None},
                                     "apply": {"offset": offset, "calibrate_delays": True, "classical": classical}})


def slices(block, options):
    n = length(block)
    made, carry = assemble({**block, "file": np.zeros(n, dtype=np.int32), "entry": np.arange(n)}, None, options)
    parts = [made]
    while carry is not None:
        made, carry = assemble(None, carry, options)
        parts.append(made)
    return concatenate([part for part in parts if part])


def surveyed(examples, options, scanner):
    survey = DelaySurvey(scanner, options.reach, cuts_of(options.apply.classical, None))
    survey.add(examples)
    return survey.delays()


def measured_and_true(delays, examples, true):
    """Return the two for each crystal, each less its mean over those that are known; `true` is of each single."""
    number = delays.index.of(examples)
    known = delays.fit.known[number]
    of = np.zeros(len(delays.index))
    of[number[known]] = true[known]
    found, of = delays.fit.delay[delays.fit.known], of[delays.fit.known]
    return found - found.mean(), of - of.mean()


@pytest.fixture(scope="module")
def toy():
    source = ToySimulation(ToyConfig(), 1)
    examples = slices(source.block(0, 120_000), config())
    crystal = source.scanner.crystal_of({name: examples[name].flat for name in IDS})
    return source, examples, -source.delays[crystal] * float(BIN)


@pytest.mark.parametrize("knows", ["scanner", "ids", "positions"])
def test_binomial_delays_of_the_toy_are_found(toy, knows):
    source, examples, true = toy
    if knows == "positions":
        examples = {name: column for name, column in examples.items() if not name.endswith("_id") or name == "n_owned"}
    delays = surveyed(examples, config(), source.scanner if knows == "scanner" else None)
    found, of = measured_and_true(delays, examples, true)
    assert len(found) == 240
    assert np.abs(found - of).max() < 0.05 * BIN
    assert of.std() > 2 * BIN


def test_gaussian_delays_among_randoms_are_found_to_what_statistics_allow():
    """Photons of a ring's opposite crystals, with a resolution, in a flat background six times as dense as the peak is wide."""
    rng = np.random.default_rng(4)
    n, pairs, randoms, reach, sigma = 60, 12_000, 60_000, 3000.0, 100.0
    delay = rng.normal(0, 400, n)
    a = rng.integers(0, n, pairs + randoms)
    b = np.where(np.arange(len(a)) < pairs, (a + n // 2 + rng.integers(-5, 6, len(a))) % n, (a + rng.integers(1, n, len(a))) % n)
    dt = np.where(np.arange(len(a)) < pairs, delay[b] - delay[a] + rng.normal(0, sigma, len(a)), rng.uniform(-2 * reach, 2 * reach, len(a)))
    late = dt >= 0
    fit = fit_delays(PairTimes(np.where(late, a, b), np.where(late, b, a), np.abs(dt), np.zeros(len(a), np.int64), reach), n)
    error = fit.delay - delay
    error -= error.mean()
    expected = sigma / np.sqrt(2 * pairs / n)
    assert 0.5 * expected < error.std() < 2.0 * expected
    assert fit.sigma == pytest.approx(sigma, rel=0.1)
    assert fit.known.all()


def test_sets_of_crystals_without_a_common_pair_have_the_mean_zero_each():
    a = np.repeat([0, 1, 3], 50)
    b = np.repeat([1, 2, 4], 50)
    dt = np.repeat([100.0, 100.0, 40.0], 50)
    fit = fit_delays(PairTimes(a, b, dt, np.zeros(150, np.int64), 500.0), 6)
    assert fit.delay[:5] == pytest.approx([-100, 0, 100, -20, 20], abs=1.0)
    assert fit.known.tolist() == [True] * 5 + [False]


def test_nothing_but_randoms_and_nothing_at_all_give_no_large_delays():
    rng = np.random.default_rng(5)
    a, b = rng.integers(0, 20, (2, 20_000))
    other = a != b
    fit = fit_delays(PairTimes(a[other], b[other], rng.uniform(0, 2000, other.sum()), np.zeros(other.sum(), np.int64), 1000.0), 20)
    assert np.abs(fit.delay).max() < 1000
    nothing = fit_delays(PairTimes(*np.zeros((2, 0), dtype=np.int64), np.zeros(0), np.zeros(0, dtype=np.int64), 1000.0), 20)
    assert not nothing.known.any() and not nothing.delay.any()


def test_delays_vanish_where_there_are_none_and_randoms_are_told_by_their_lines():
    """Few pairs of opposite crystals: any delay that is found is noise; lines of true pairs are of one class of two."""
    rng = np.random.default_rng(9)
    n, pairs, randoms, reach, sigma = 200, 2000, 10_000, 2000.0, 100.0
    a = rng.integers(0, n, pairs + randoms)
    true = np.arange(len(a)) < pairs
    b = np.where(true, (a + n // 2 + rng.integers(-20, 21, len(a))) % n, (a + rng.integers(1, n, len(a))) % n)
    kind = (np.abs((b - a) % n - n // 2) <= 20).astype(np.int64)
    noise, spread = rng.normal(0, sigma, len(a)), rng.normal(0, 300, n)
    errors = []
    for delay, classes in ((np.zeros(n), kind), (spread, kind), (spread, np.zeros_like(kind))):
        dt = np.where(true, delay[b] - delay[a] + noise, rng.uniform(-2 * reach, 2 * reach, len(a)))
        late = dt >= 0
        fit = fit_delays(PairTimes(np.where(late, a, b), np.where(late, b, a), np.abs(dt), classes, reach), n)
        errors.append((fit.delay - delay)[fit.known].std())
    assert errors[0] < 3
    assert errors[1] < 1.5 * sigma / np.sqrt(2 * pairs / n) and errors[1] < 0.8 * errors[2]


def test_corrected_pairs_of_the_toy_are_those_of_one_decay(toy):
    _, examples, _ = toy
    engine = ClassicalEngine(config(policy="killAll"), None, None)
    assert engine.survey(examples)
    columns = engine(examples)
    event = examples["event"].flat
    first, second = columns["first"], columns["second"]
    right = (event[first] == event[second]).sum()
    true = (np.unique(event, return_counts=True)[1] == 2).sum()
    assert 2 * right / (len(first) + true) > 0.98
    assert (examples["time"].flat[first] <= examples["time"].flat[second]).all()
    assert np.array_equal(np.lexsort((second, first)), np.arange(len(first)))
    assert any("delays of 240 crystals were measured" in sentence for sentence in engine.warnings)


def test_prompt_and_delayed_pairs_are_those_of_the_true_delays():
    """Against a search over all pairs, in slices and with lent singles."""
    rng = np.random.default_rng(6)
    source = ToySimulation(ToyConfig(activity=60), 3)
    options = config(offset=100_000, policy="takeAllGoods", opening="every", delayed="gate")
    options.apply.slice_singles = 64
    examples = slices(source.block(0, 60_000), options)
    engine = ClassicalEngine(options, None, None)
    engine.survey(examples)
    columns = engine(examples)
    crystal = source.scanner.crystal_of({name: examples[name].flat for name in IDS})
    time = np.rint(examples["time"].flat * 1e9).astype(np.int64) + source.delays[crystal]
    offsets, owned = examples["time"].offsets, examples["n_owned"]
    expected = {False: set(), True: set()}
    for k in rng.choice(len(owned), 40, replace=False):
        rows = np.arange(offsets[k], offsets[k + 1])
        dt = time[rows][None, :] - time[rows][:, None]
        own = np.arange(len(rows)) < owned[k]
        i, j = np.nonzero((dt == 0) & own[:, None] & own[None, :] & (rows[:, None] < rows[None, :]))
        expected[False] |= set(zip(rows[i].tolist(), rows[j].tolist(), strict=True))
        i, j = np.nonzero((dt == 100) & own[:, None])
        expected[True] |= set(zip(rows[i].tolist(), rows[j].tolist(), strict=True))
        begin, end = rows[0], rows[-1]
        for delayed in (False, True):
            chosen = (columns["delayed"] == delayed) & (columns["first"] >= begin) & (columns["first"] <= end)
            got = set(zip(columns["first"][chosen].tolist(), columns["second"][chosen].tolist(), strict=True))
            assert got == {pair for pair in expected[delayed] if begin <= pair[0] <= end}
    assert min(map(len, expected.values())) > 20


def test_time_order_sorts_inside_slices_only_and_keeps_the_order_of_equals():
    rng = np.random.default_rng(7)
    offsets = np.array([0, 0, 5, 6, 300])
    times = rng.integers(0, 40, 300)
    row = np.repeat(np.arange(4), np.diff(offsets))
    assert np.array_equal(time_order(offsets, times), np.lexsort((np.arange(300), times, row)))


def test_numbers_of_crystals_do_not_depend_on_chunks(toy):
    _, examples, _ = toy
    index = CrystalIndex(None)
    half = {name: Ragged(column.flat[:500], np.array([0, 500])) if isinstance(column, Ragged) else column[:1] for name, column in examples.items()}
    early = index.add(half)
    every = index.add(examples)
    assert np.array_equal(every[:500], early)
    assert len(index) == 240 == len(np.unique(every))
    assert np.array_equal(index.of(examples), every)
    assert (CrystalIndex(None).of(examples) == -1).all()


def test_positions_that_are_not_those_of_crystals_are_refused():
    rng = np.random.default_rng(8)
    n = 400
    angle = rng.uniform(0, 2 * np.pi, n)
    examples = {"n_owned": np.array([n], dtype=np.int32), "time": Ragged(np.sort(rng.uniform(0, 1e-6, n)), np.array([0, n])),
                "energy": Ragged(np.full(n, 0.5, dtype=np.float32), np.array([0, n])),
                **{name: Ragged(v.astype(np.float32), np.array([0, n])) for name, v in (("x", 60 * np.cos(angle)), ("y", 60 * np.sin(angle)), ("z", 0 * angle))}}
    with pytest.raises(InputError, match="--scanner"):
        surveyed(examples, config(), None)
    known = surveyed(examples, config(), load_scanner("safir"))
    assert len(known.index) <= n
    assert (np.abs(known.times(examples) - slice_times(examples)) <= 20_500).all()


def test_slices_leave_room_for_the_largest_delay():
    block = ToySimulation(ToyConfig(), 2).block(0, 20_000)
    gaps = []
    for max_delay in (0, 20_000):
        examples = slices(block, config(max_delay=max_delay))
        begins = examples["time"].offsets[1:-1]
        gaps.append(np.min(examples["time"].flat[begins] - examples["time"].flat[begins - 1]))
    assert gaps[1] > 2 * 20.5e-9
    assert ApplyConfig().calibrate_delays is False


def test_what_is_learnt_does_not_depend_on_blocks_or_on_a_delayed_window(toy):
    options = config(window=8000)
    options.apply.survey_singles = 5000
    examples = slices(ToySimulation(ToyConfig(), 2).block(0, 60_000), options)
    late = options.model_copy(update={"apply": options.apply.model_copy(update={"offset": 100_000.0})})
    lending = slices(ToySimulation(ToyConfig(), 2).block(0, 60_000), late)
    found = []
    for part, steps in ((examples, 10**9), (examples, 7), (lending, 7)):
        engine = ClassicalEngine(options, None, None)
        assert engine.survey is not None
        for start in range(0, length(part), steps):
            if not engine.survey(slice_rows(part, start, min(length(part), start + steps))):
                break
        engine(slice_rows(part, 0, 1))
        found.append(engine.delays.fit.delay)
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
    assert np.abs(found[0]).max() > 1000
