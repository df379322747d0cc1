"""States of a measurement: found where the activity moves, and only there, however the slices come."""

import numpy as np
import pytest

from pphysml.io.ragged import Ragged, concatenate, length, slice_rows
from pphysml.tasks.petnet.likelihood import states
from pphysml.tasks.petnet.likelihood.states import Seen, States, difference, learnt_apart

RADIUS, WINDOW = 100.0, 500.0


def slices(x, n, seed, first=0, segment=0, size=1000, random=0.3):
    """Slices of `n` pairs from a disc of 20 mm around (x, 0), and of singles without a partner, first slice `first`."""
    rng = np.random.default_rng(seed)
    angle, where = rng.uniform(0, np.pi, n), 20 * rng.standard_normal((n, 2)) / 2 + [x, 0]
    d = np.column_stack([np.cos(angle), np.sin(angle)])
    along = -(where * d).sum(1)
    root = np.sqrt(along**2 - (where**2).sum(1) + RADIUS**2)
    ends = np.concatenate([where + (along + root)[:, None] * d, where + (along - root)[:, None] * d])
    m = int(random * n)
    alone = rng.uniform(0, 2 * np.pi, m)
    place = np.concatenate([ends, RADIUS * np.column_stack([np.cos(alone), np.sin(alone)])])
    event = np.arange(n) * 2e4
    time = np.concatenate([event, event + rng.normal(0, 50, n), rng.uniform(0, n * 2e4, m)]) * 1e-12 + 1e-9
    order = np.argsort(time)
    counts = np.diff(np.append(np.arange(0, len(time), size), len(time)))
    flat = {"time": time, "x": place[:, 0], "y": place[:, 1], "z": rng.uniform(-20, 20, len(time)), "energy": np.full(len(time), 0.511)}
    return {"slice": first + np.arange(len(counts)), "segment": np.full(len(counts), segment), "n_owned": counts.astype(np.int32),
            **{name: Ragged.from_counts(values[order], counts) for name, values in flat.items()}}


def surveyed(parts, step=None, enough=1_000_000, most=32):
    found = States(WINDOW, enough, most)
    examples = concatenate(parts)
    step = step or length(examples)
    for start in range(0, length(examples), step):
        found.add(slice_rows(examples, start, min(start + step, length(examples))))
    found.finish()
    return found, found.of(examples)


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch):
    monkeypatch.setattr(states, "BLOCK", 20_000)


def moved(*places, n=26_000, segments=None):
    """Slices of an object that lies at several places in turn; of 60 slices of a block twenty."""
    parts, first = [], 0
    for number, x in enumerate(places):
        parts.append(slices(x, n, number, first, 0 if segments is None else segments[number]))
        first += length(parts[-1])
    return parts


def test_an_object_at_rest_has_one_state():
    found, state = surveyed(moved(0, 0, 0, segments=[0, 1, 2]))
    assert len(found.found) == 1 and not state.any() and not found.sentences


@pytest.mark.parametrize("segments", [[0, 0, 0, 0], [0, 1, 2, 3]])
def test_an_object_that_comes_back_has_the_state_that_it_had(segments):
    found, state = surveyed(moved(0, 40, 0, 40, n=20_000, segments=segments))
    middle = np.cumsum([0, *(length(part) for part in moved(0, 40, 0, 40, n=20_000)[:-1])]) + 20
    first, second, third, fourth = state[middle].tolist()
    assert first == third != second == fourth
    assert "changes at" in found.sentences[0]


def test_states_do_not_depend_on_how_slices_come():
    parts = moved(0, 25, segments=[0, 1])
    (whole, one), (pieces, other) = surveyed(parts), surveyed(parts, 7)
    assert np.array_equal(one, other) and whole.changes == pieces.changes
    for sample, again in zip(whole.samples(), pieces.samples(), strict=True):
        assert all(np.array_equal(np.asarray(getattr(sample[name], "flat", sample[name])), np.asarray(getattr(again[name], "flat", again[name]))) for name in sample)


def test_a_sample_is_spread_over_all_blocks_and_has_no_more_singles_than_wanted():
    found, _ = surveyed(moved(0, 0, 0), enough=60_000)
    (sample,) = found.samples()
    assert 30_000 <= sample["n_owned"].sum() <= 60_000
    assert np.diff(sample["slice"]).max() == np.diff(sample["slice"]).min() > 1
    assert sample["slice"][-1] > 0.95 * sum(length(part) for part in moved(0, 0, 0))


def seen(rng, n, density, n_random, of_randoms):
    true = rng.poisson(n * density + n_random * of_randoms) - n_random * of_randoms
    return Seen(true, n * density + n_random * of_randoms)


def test_the_difference_is_that_of_the_true_lines_whatever_the_share_of_randoms():
    rng = np.random.default_rng(0)
    one, other, random = np.full(100, 0.01), np.where(np.arange(100) % 2, 0.012, 0.008), np.linspace(0, 0.02, 100)
    exact = ((one - other) ** 2).sum() / (((one + other) / 2) ** 2).sum()
    found = difference(seen(rng, 200_000, one, 20_000, random), seen(rng, 300_000, other, 600_000, random))
    assert found == pytest.approx(exact, rel=0.15)
    assert difference(seen(rng, 200_000, one, 20_000, random), seen(rng, 300_000, one, 600_000, random)) == 0.0


def test_few_pairs_are_learnt_apart_only_from_what_lies_elsewhere():
    few, many = Seen(np.full(10, 30.0), np.full(10, 30.0)), Seen(np.full(10, 3000.0), np.full(10, 3000.0))
    assert learnt_apart(2.0, few, many) and not learnt_apart(0.1, few, many)
    assert learnt_apart(0.2, many, many) and not learnt_apart(0.01, many, many)


def test_activity_that_rises_at_one_place_has_one_state():
    # As many pairs in the same time, of which ever more singles have no partner.
    parts = [slices(0, 12_000, number, 40 * number, random=random) for number, random in enumerate((0.3, 3.0, 9.0))]
    first = 0
    for part in parts:
        part["slice"] = first + np.arange(length(part))
        first += length(part)
    found, _ = surveyed(parts)
    assert len(found.found) == 1


def test_blocks_without_a_pair_are_of_the_state_before_or_after_them():
    apart = slices(0, 13_000, 0, random=0.0)
    alone = dict(apart)
    # No two singles are in a window.
    alone["time"] = Ragged(np.arange(len(apart["time"].flat)) * 1e-6, apart["time"].offsets)
    parts = [alone, slices(0, 26_000, 1, length(alone))]
    found, state = surveyed(parts)
    assert len(found.found) == 1 and not state.any()
    only, _ = surveyed([alone])
    assert len(only.found) == 1 and len(only.samples()) == 1


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_states_are_those_of_the_lines_in_the_scanner_wherever_it_stands(axis):
    parts, turns = moved(0, 15, 0, n=20_000), {"x": "zxy", "y": "yzx", "z": "xyz"}
    placed = [part | {name: Ragged(part[of].flat + shift, part[of].offsets) for name, of, shift in zip("xyz", turns[axis], (50, 300, -40), strict=True)}
              for part in parts]
    (plain, state), (other, again) = surveyed(parts), surveyed(placed)
    assert len(plain.found) == 2 and np.array_equal(state, again) and plain.changes == other.changes


def test_of_more_states_than_are_wanted_those_most_alike_are_learnt_together_and_that_is_said():
    parts = moved(40, 58, -40, 58, -40, n=20_000)
    middle = np.cumsum([0, *(length(part) for part in parts[:-1])]) + 20
    (apart, all_three), (joined, two) = surveyed(parts), surveyed(parts, most=2)
    assert all_three[middle].tolist() == [0, 1, 2, 1, 2] and "learnt by itself" in apart.sentences[0]
    assert two[middle].tolist() == [0, 0, 1, 0, 1] and len(joined.found) == 2
    (sentence,) = joined.sentences
    assert "more than 2 different ways" in sentence and "apply.most_states=4" in sentence
    assert joined.changes == apart.changes[1:]
    _, pieces = surveyed(parts, 7, most=2)
    assert np.array_equal(two, pieces)
    samples = [sample["slice"] for sample in joined.samples()]
    assert np.array_equal(np.sort(np.concatenate(samples)), np.arange(len(two)))
    assert all((two[sample] == number).all() for number, sample in enumerate(samples))


def test_a_joined_state_keeps_as_much_of_either(monkeypatch):
    monkeypatch.setattr(states, "LEAST_SAMPLE", 30_000)
    parts = moved(-40, 40, 40, 58, n=20_000)
    joined, _ = surveyed(parts, enough=60_000, most=2)
    _, sample = joined.samples()
    ends = np.cumsum([length(part) for part in parts])
    of_part = np.bincount(np.searchsorted(ends, sample["slice"], side="right"), minlength=4)
    assert sample["n_owned"].sum() <= 30_000
    assert of_part[1] + of_part[2] == pytest.approx(2 * of_part[3], abs=3) and of_part[3] >= 5


def test_many_states_share_what_is_kept_of_a_few(monkeypatch):
    monkeypatch.setattr(states, "FEW", 2)
    monkeypatch.setattr(states, "LEAST_SAMPLE", 24_000)
    kept = {}
    for n in (2, 4):
        found, _ = surveyed(moved(*[-50, -17, 17, 50][:n], n=20_000), enough=30_000)
        kept[n] = [int(sample["n_owned"].sum()) for sample in found.samples()]
    assert len(kept[2]) == 2 and min(kept[2]) > 12_000
    assert len(kept[4]) == 4 and min(kept[4]) > 5000 and max(kept[4]) <= 12_000
