"""Singles of files to slices: no pair is cut, and neither chunks nor a disorder change anything."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from pphysml.errors import InputError
from pphysml.io.ragged import concatenate, length, slice_rows, take
from pphysml.tasks.petnet.classical.sorter import sort_pairs
from pphysml.tasks.petnet.config import PetConfig
from pphysml.tasks.petnet.judging.options import options_of
from pphysml.tasks.petnet.judging.targets import find_targets
from pphysml.tasks.petnet.judging.truth import truth_of
from pphysml.tasks.petnet.reading.assemble import assemble
from pphysml.tasks.petnet.reading.external_order import ExternalOrder
from pphysml.tasks.petnet.reading.parts import Parts
from pphysml.tasks.petnet.reading.segments import segments_of


def singles(n=5000, rate=1e8, seed=1, begin=0.0, file=0):
    """Return singles at random times of a rate in 1/s."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    return {
        "file": np.full(n, file, dtype=np.int32), "entry": np.arange(n), "run": np.zeros(n, dtype=np.int32),
        "time": begin + np.cumsum(rng.exponential(1 / rate, n)), "energy": rng.uniform(0.3, 0.7, n).astype(np.float32),
        "x": (60 * np.cos(angle)).astype(np.float32), "y": (60 * np.sin(angle)).astype(np.float32),
        "z": rng.uniform(-20, 20, n).astype(np.float32), "event": np.arange(n, dtype=np.int32) // 2,
    }


def config(**apply):
    return PetConfig.model_validate({"apply": {"slice_singles": 50, **apply}})


def made(rows, options, chunk):
    carry, parts = None, []
    for start in range(0, length(rows), chunk):
        part, carry = assemble(slice_rows(rows, start, min(start + chunk, length(rows))), carry, options)
        parts.append(part)
    while carry is not None:
        part, carry = assemble(None, carry, options)
        parts.append(part)
    return concatenate([p for p in parts if p])


def pairs_of(examples, options):
    """Return the pairs by file and entry."""
    found = sort_pairs(examples, options.apply.classical, options.window, options.apply.offset, None)
    entry, file = examples["single_entry"].flat, examples["single_file"].flat
    kind = np.where(found.delayed, 1, 0)
    return sorted(zip(kind, file[found.first], entry[found.first], file[found.second], entry[found.second], found.multiplicity, strict=True))


@pytest.mark.parametrize("chunk", [1, 7, 300, 4999])
@pytest.mark.parametrize("offset", [0.0, 100_000.0])
def test_chunks_change_nothing(chunk, offset):
    n = 300 if chunk == 1 else 5000
    options = config(window=1000, offset=offset, energy_window=(400, 600), sort_buffer=20)
    rows = slice_rows(singles(), 0, n)
    one, many = made(rows, options, n), made(rows, options, chunk)
    assert length(one) == length(many) > 2
    for name in one:
        a, b = one[name], many[name]
        assert np.array_equal(getattr(a, "flat", a), getattr(b, "flat", b)), name
    assert np.array_equal(one["time"].offsets, many["time"].offsets)


@pytest.mark.parametrize("opening", ["first", "every"])
@pytest.mark.parametrize("offset", [0.0, 50_000.0])
def test_slices_lose_no_pair(opening, offset):
    rows = singles(3000)
    settings = {"window": 2000, "offset": offset, "energy_window": (0, 1000), "classical": {"opening": opening}}
    whole = config(**{**settings, "slice_singles": 10_000})
    cut = config(**settings)
    assert length(made(rows, whole, 3000)) == 1
    assert length(made(rows, cut, 3000)) > 20
    assert pairs_of(made(rows, whole, 3000), whole) == pairs_of(made(rows, cut, 3000), cut)
    assert any(kind for kind, *_ in pairs_of(made(rows, cut, 3000), cut)) == bool(offset)


def test_every_single_in_the_energy_window_is_in_one_slice():
    options = config(window=1000, offset=20_000, energy_window=(400, 600))
    rows = singles()
    examples = made(rows, options, 777)
    entry, start, own = examples["single_entry"], examples["time"].offsets[:-1], examples["n_owned"]
    owned = np.concatenate([entry.flat[s : s + n] for s, n in zip(start, own, strict=True)])
    inside = (rows["energy"] >= np.float32(0.4)) & (rows["energy"] <= np.float32(0.6))
    assert np.array_equal(owned, np.flatnonzero(inside))
    assert np.array_equal(examples["entry"], entry.flat[start])


def test_a_disorder_inside_the_buffer_changes_nothing_and_a_larger_one_is_said():
    rows = singles()
    rng = np.random.default_rng(2)
    shuffled = take(rows, np.argsort(np.arange(5000) + rng.uniform(0, 30, 5000)))
    options = config(window=1000, sort_buffer=40, energy_window=(0, 1000))
    assert pairs_of(made(rows, options, 500), options) == pairs_of(made(shuffled, options, 500), options)
    late = take(rows, np.append(np.delete(np.arange(5000), 10), 10))
    late["entry"] = np.arange(5000)
    with pytest.raises(InputError, match=r"^input file 0, branch 'time', entry 4999: comes after 40 singles.*--sort full"):
        made(late, options, 500)


def test_any_order_is_sorted_in_bounded_memory(monkeypatch):
    monkeypatch.setattr("pphysml.tasks.petnet.reading.assemble.ExternalOrder", partial(ExternalOrder, run=700, block=300))
    rows = singles()
    shuffled = take(rows, np.random.default_rng(5).permutation(5000))
    plain, full = config(window=1000), config(window=1000, sort="full")
    assert pairs_of(made(shuffled, full, 600), full) == pairs_of(made(rows, plain, 600), plain)
    again, following = singles(1000, seed=3, file=1), singles(1000, seed=2, begin=6e-5, file=1)
    for other, segments in ((again, {0, 1}), (following, {0})):
        examples = made(concatenate([shuffled, take(other, np.random.default_rng(6).permutation(1000))]), full, 600)
        assert set(examples["segment"].tolist()) == segments
        expected = made(concatenate([rows, other]), plain, 600)
        assert np.array_equal(examples["single_entry"].flat[examples["single_file"].flat == 0], expected["single_entry"].flat[expected["single_file"].flat == 0])


def numbers(rule, *files, chunk=10**6):
    """Return the segment of every single of files."""
    parts, numbered = Parts(inside=rule != "successive"), []
    for rows in files:
        numbered += [parts.add(slice_rows(rows, s, min(s + chunk, length(rows)))) for s in range(0, length(rows), chunk)]
    numbered.append(parts.add(None))
    return segments_of(parts.parts, rule, whole=False)[concatenate([rows for rows in numbered if rows])["part"]]


def test_files_go_on_or_begin_anew():
    first, following = singles(1000), singles(1000, seed=2, begin=2e-5, file=1)
    again = singles(1000, seed=3, file=1)
    one, two = [0] * 2000, [0] * 1000 + [1] * 1000
    assert numbers("auto", first, following).tolist() == one
    assert numbers("auto", first, again).tolist() == two
    assert numbers("independent", first, following).tolist() == two
    assert numbers("successive", first, again).tolist() == one
    assert numbers("auto", concatenate([first, again])).tolist() == two
    assert not numbers("auto", {**first, "run": np.arange(1000) // 100}).any()


def test_segments_do_not_depend_on_chunks():
    rows = concatenate([singles(100), singles(100, seed=2, file=1), singles(100, seed=3, file=2, begin=2e-6)])
    whole = numbers("auto", rows)
    for chunk in (1, 7, 99, 100, 101):
        assert np.array_equal(numbers("auto", rows, chunk=chunk), whole)
    assert whole.tolist() == [0] * 100 + [1] * 200


@pytest.mark.parametrize("least", [50, 10_000])
def test_pairs_of_independent_files_never_mix(least):
    rows = concatenate([singles(500), singles(500, seed=4, file=1)])
    options = config(window=3000, slice_singles=least)
    found = pairs_of(made(rows, options, 130), options)
    alone = pairs_of(made(slice_rows(rows, 0, 500), options, 500), options)
    assert all(a == b for _, a, _, b, *_ in found)
    assert [p for p in found if p[1] == 0] == alone


def test_energies_in_another_unit_and_coarse_times_are_refused():
    eV = singles(100)
    eV["energy"] = eV["energy"] * 1e6
    with pytest.raises(InputError, match=r"in eV, say so with --map energy=BRANCH:eV"):
        made(eV, config(), 100)
    late = singles(100)
    late["energy"][50:] *= 1000
    with pytest.raises(InputError, match=r"^input file 0, branch 'energy', entry 50: there are energies in keV behind others in MeV"):
        made(late, config(), 50)
    late = singles(100, begin=1e8)
    with pytest.raises(InputError, match=r"^input file 0, branch 'time', entry 0: at 1e\+08 s a double is fine to 1.49e\+04 ps only"):
        made(late, config(window=500), 100)
    assert length(made(late, config(window=1e6), 100))


def test_a_window_longer_than_the_file_makes_one_slice():
    options = config(window="1ms")
    rows = singles(300)
    assert length(made(rows, options, 100)) == 1
    assert [tuple(p) for p in pairwise(made(rows, options, 100)["time"].offsets)] == [(0, int(((rows["energy"] >= .391) & (rows["energy"] <= .601)).sum()))]


def test_a_short_window_leaves_the_pairs_that_are_judged_in_one_slice():
    # 900 ps apart: more than twice the window of an engine, less than what it is judged by.
    rows = {**slice_rows(singles(400), 0, 400), "event": np.repeat(np.arange(200, dtype=np.int32), 2), "energy": np.full(400, 0.5, dtype=np.float32)}
    rows["time"] = np.sort(np.concatenate([1e-6 * np.arange(200), 1e-6 * np.arange(200) + 900e-12]))
    for window in (100, 500):
        options = config(window=window, slice_singles=51)  # an odd number: a cut between two of one event is possible
        truth = truth_of(made(rows, options, 400), options_of(options))
        assert len(find_targets(truth, options_of(options))) == 200
