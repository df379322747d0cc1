"""Rates of random pairs by line of response, against counted pairs of singles that have nothing to do with each other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import chi2

from pphysml.contract import Engine
from pphysml.errors import ConfigError
from pphysml.io.ragged import Ragged, concatenate, slice_rows
from pphysml.tasks.petnet.coincidences.crystal_rates import CrystalRates, changed
from pphysml.tasks.petnet.coincidences.pairs import Pairs
from pphysml.tasks.petnet.coincidences.random_rates import (
    RANDOM_RATE,
    WithRandomRates,
    window_width,
)
from pphysml.tasks.petnet.config import PetConfig
from pphysml.tasks.petnet.engines import make_engine
from pphysml.tasks.petnet.scanner.scanner import load_scanner

CRYSTALS = 12
WINDOW = 1000.0


def slices_of(time, crystal, segment=0, number=0, each=4096):
    """Return singles, times in s, as slices of so many."""
    offsets = np.append(np.arange(0, len(time) - each // 2, each), len(time))
    angle = 2 * np.pi * crystal / CRYSTALS
    flat = {"time": time, "x": (60 * np.cos(angle)).astype(np.float32), "y": (60 * np.sin(angle)).astype(np.float32), "z": np.zeros(len(time), np.float32)}
    n = len(offsets) - 1
    return {name: Ragged(values, offsets) for name, values in flat.items()} | {
        "n_owned": np.diff(offsets).astype(np.int32), "segment": np.full(n, segment), "slice": number + np.arange(n), "file": np.zeros(n, int), "entry": np.zeros(n, int)}


def measured(rng, n, duration, low=0.25, start=0.0, tilt=1.0):
    """Return times of singles whose rate falls to a part of it, and crystals of which each has more than the one before."""
    fraction = rng.uniform(0, 1, n)
    # The rate falls as a straight line: its integral is inverted.
    time = start + duration * np.sort((1 - np.sqrt(1 - fraction * (1 - low**2))) / (1 - low))
    share = 1 + tilt * np.arange(CRYSTALS) / CRYSTALS
    return time, rng.choice(CRYSTALS, n, p=share / share.sum())


def counted(time, crystal, window=WINDOW):
    """Return how many pairs of each two crystals are in the window, both orders together, (C, C)."""
    ps = np.rint(1e12 * (time - time[0])).astype(np.int64)
    last = np.searchsorted(ps, ps + round(window), side="right")
    first = np.repeat(np.arange(len(ps)), last - np.arange(len(ps)) - 1)
    second = first + 1 + np.arange(len(first)) - np.searchsorted(first, first)
    table = np.zeros((CRYSTALS, CRYSTALS))
    np.add.at(table, (crystal[first], crystal[second]), 1)
    return table + table.T


def expected(rates, of):
    """Return what the rates give for each two crystals over all time, where `of` is the number of each crystal."""
    number = np.arange(len(rates.duration))
    table = np.zeros((CRYSTALS, CRYSTALS))
    for a, b in itertools.combinations(range(CRYSTALS), 2):
        rate = rates.between(number, np.full(len(number), of[a]), np.full(len(number), of[b]))
        table[a, b] = table[b, a] = rate @ rates.duration
    return table


def numbers_of(rates):
    at = slices_of(np.arange(CRYSTALS) * 1e-6, np.arange(CRYSTALS), each=CRYSTALS)
    return rates.index.of(at)


def surveyed(*parts, width=2 * WINDOW + 1):
    rates = CrystalRates(None)
    for part in parts:
        rates.add(part)
    return rates.random_rates(width)


LINES = np.triu_indices(CRYSTALS, 1)


def chi_squared(found, of):
    """Return the chance of a larger chi2 by line."""
    return chi2.sf(((found - of)[LINES] ** 2 / of[LINES]).sum(), len(LINES[0]))


def test_each_line_has_its_random_pairs_while_rate_and_shares_change():
    rng = np.random.default_rng(3)
    # The second bed sees the other crystals.
    one, other = measured(rng, 470_000, 2.3e-3), measured(rng, 330_000, 3.7e-3, start=0.1, tilt=-0.9)
    rates = surveyed(slices_of(*one), slices_of(*other, segment=1, number=1000))
    found = counted(*one) + counted(*other)
    of = expected(rates, numbers_of(rates))
    assert found[LINES].sum() > 100_000
    assert of[LINES].sum() == pytest.approx(found[LINES].sum(), abs=4 * np.sqrt(found[LINES].sum()))
    assert chi_squared(found, of) > 1e-3
    assert rates.expected == pytest.approx(of[LINES].sum(), rel=1e-9)
    # One rate over all time and one share for each crystal would be far off.
    n = np.bincount(np.concatenate([one[1], other[1]]), minlength=CRYSTALS)
    assert chi_squared(found, np.outer(n, n) * 1e-12 * (2 * WINDOW + 1) / 6e-3) < 1e-12


@pytest.mark.parametrize(("segment", "before"), [(0, 300_000), (1, 330_000)])
def test_stretches_end_where_the_shares_change(segment, before, monkeypatch):
    # As many singles as a stretch wants never come.
    monkeypatch.setattr("pphysml.tasks.petnet.coincidences.crystal_rates.EACH", 100_000)
    rng = np.random.default_rng(9)
    one, other = measured(rng, before, 2e-3, low=0.9), measured(rng, 70_000, 5e-4, low=0.9, start=0.0021, tilt=-0.9)
    n = len(slices_of(*one)["slice"])
    rates = surveyed(slices_of(*one), slices_of(*other, segment=segment, number=n))
    assert rates.stretch.tolist() == [0] * n + [1] * (len(rates.stretch) - n)
    late = np.arange(n, len(rates.duration))
    of, number = np.zeros((CRYSTALS, CRYSTALS)), numbers_of(rates)
    for a, b in itertools.combinations(range(CRYSTALS), 2):
        of[a, b] = rates.between(late, np.full(len(late), number[a]), np.full(len(late), number[b])) @ rates.duration[late]
    assert chi_squared(counted(*other), of) > 1e-3


def test_changes_are_told_from_chance():
    rng, chance = np.random.default_rng(10), []
    for n_crystals, n, more in ((12, 100_000, 100_000), (3000, 100_000, 1_000_000), (50_000, 5_000, 400_000)):
        share = rng.uniform(0.2, 1.8, n_crystals) / n_crystals
        other = share * np.where(np.arange(n_crystals) % 2, 1.2, 0.8)
        draws = [(rng.poisson(more * share), rng.poisson(n * share)) for _ in range(50)]
        chance += [changed(*draw) for draw in draws]
        assert changed(rng.poisson(20 * n_crystals * share), rng.poisson(20 * n_crystals * other)) or n_crystals < 3000
    assert not any(chance) and not changed(np.zeros(3, int), np.ones(3, int))


def test_singles_in_no_crystal_have_no_part():
    rng = np.random.default_rng(11)
    time, crystal = measured(rng, 200_000, 1e-3)
    inside, scanner = crystal < 9, load_scanner("safir")
    places = scanner.centre(200 * np.arange(CRYSTALS))
    places[9:] = 0.0
    slices = slices_of(time, crystal)
    slices |= {axis: Ragged(places[crystal, k], slices["time"].offsets) for k, axis in enumerate("xyz")}
    counting = CrystalRates(scanner)
    counting.add(slices)
    found = counted(time[inside], crystal[inside])[LINES].sum()
    rates = counting.random_rates(2 * WINDOW + 1)
    assert rates.expected == pytest.approx(found, abs=4 * np.sqrt(found))
    assert np.isnan(rates.of(slices, np.flatnonzero(~inside)[:5], np.flatnonzero(inside)[:5])).all()


def test_rates_at_a_time_are_those_of_its_stretch():
    slices = slices_of(*measured(np.random.default_rng(4), 500_000, 5e-3))
    time, first = slices["time"].flat, np.array([1000, 250_000, 480_000])
    rates = surveyed(slices)
    crystal, share = rates.index.of(slices), np.bincount(rates.index.of(slices)) / 500_000
    # The rate falls from 1.6 to 0.4 times its mean.
    rate = 1e8 * (1.6 - 1.2 * time[first] / 5e-3)
    np.testing.assert_allclose(rates.of(slices, first, first + 1), 2001e-12 * share[crystal[first]] * share[crystal[first + 1]] * rate**2, rtol=0.08)


@pytest.mark.parametrize("cuts", [[7, 30, 31, 100], [50], [1, 2, 3, 4, 5, 6]])
def test_nothing_depends_on_blocks(cuts):
    rng = np.random.default_rng(5)
    slices = concatenate([slices_of(*measured(rng, 300_000, 2e-3)), slices_of(*measured(rng, 250_000, 3e-3, start=5.0), segment=1, number=73)])
    whole = surveyed(slices)
    pieces = surveyed(*[slice_rows(slices, a, b) for a, b in itertools.pairwise([0, *cuts, len(slices["slice"])])])
    # Crystals get their numbers as they are seen.
    order = np.argsort(numbers_of(whole))[numbers_of(pieces)]
    np.testing.assert_array_equal(whole.squared, pieces.squared)
    np.testing.assert_array_equal(whole.stretch, pieces.stretch)
    np.testing.assert_array_equal(whole.shares[:, numbers_of(whole)], pieces.shares[:, numbers_of(pieces)])
    assert len(whole.shares) > 2 and len(order) == CRYSTALS


def test_a_pause_has_no_random_pairs():
    rng = np.random.default_rng(6)
    early, late = measured(rng, 40_960, 4e-4), measured(rng, 40_960, 4e-4, start=10.0)
    time, crystal = np.concatenate([early[0], late[0]]), np.concatenate([early[1], late[1]])
    found = counted(*early) + counted(*late)
    assert surveyed(slices_of(time, crystal)).expected == pytest.approx(found[LINES].sum(), abs=4 * np.sqrt(found[LINES].sum()))


@pytest.mark.parametrize(("step", "closed"), [(450, True), (500, True), (500, False), (1, True)])
def test_the_width_of_the_window_is_that_of_its_steps(step, closed):
    rng = np.random.default_rng(7)
    time, crystal = measured(rng, 200_000, 1e-3)
    time = 1e-12 * step * np.floor(1e12 * time / step)
    found = counted(time, crystal, WINDOW if closed else WINDOW - 1)[LINES].sum()
    rates = surveyed(slices_of(time, crystal), width=window_width(WINDOW, step, closed))
    assert rates.expected == pytest.approx(found, abs=4 * np.sqrt(found))
    assert abs(2 * WINDOW / window_width(WINDOW, step, closed) - 1) > 0.09 or step == 1


class Neighbours(Engine):
    """Pairs every second single with the next one."""

    def __call__(self, examples):
        first = np.arange(0, len(examples["time"].flat) - 1, 2)
        return Pairs(first, first + 1, np.ones(len(first)), np.ones(len(first)), np.zeros(len(first), np.int8)).columns()


def test_pairs_of_any_engine_get_rates_and_the_clock_is_found():
    rng = np.random.default_rng(8)
    time, crystal = measured(rng, 200_000, 1e-3)
    slices = slices_of(3e-10 * np.floor(time / 3e-10), crystal)
    engine = WithRandomRates(Neighbours(), PetConfig.model_validate({"apply": {"window": WINDOW}}))
    assert engine.surveys
    for begin, end in itertools.pairwise([0, 1, 2, 20, len(slices["slice"])]):
        assert engine.survey(slice_rows(slices, begin, end))
    columns = engine(slices)
    np.testing.assert_allclose(columns[RANDOM_RATE], surveyed(slices, width=2100).of(slices, columns["first"], columns["second"]), rtol=1e-6)
    assert engine.facts()["randoms_by_rates_of_singles"] == pytest.approx(surveyed(slices, width=2100).expected, abs=1)


@pytest.mark.parametrize(("name", "options", "said"), [
    ("snn", {}, "'snn' takes no pairs of a window"), ("likelihood", {}, "give --candidates"), ("likelihood", {"candidates": 0, "scanner": "safir", "list_format": "castor"}, "without --list-format"),
])
def test_rates_are_refused_where_they_say_nothing_of_what_is_taken(name, options, said):
    config = PetConfig.model_validate({"data": {"scanner": "toy-240"}, "model": {"name": "coincidence"}, "apply": {"randoms": True, **options}})
    with pytest.raises(ConfigError, match=said):
        make_engine(name, config, None, "cpu")


@pytest.mark.parametrize(("options", "fewer"), [({}, True), ({"policy": "takeAllGoods"}, True), ({"policy": "takeAllGoods", "opening": "every"}, False)])
def test_policies_that_take_fewer_are_named(options, fewer):
    engine = make_engine("classical", PetConfig.model_validate({"apply": {"randoms": True, "classical": options}}), None, None)
    assert any("this policy takes fewer" in sentence for sentence in engine.warnings) == fewer
