"""The memory of a job's events: what a dictionary would remember, in a few bytes for each."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from pphysml.tasks.track.reading.jobs import Entries
from pphysml.tasks.track.reading.seen_events import Keys, Seen, keys_of

BYTES = 25
"""For each event of a file of GATE: its number, a position in single and a time in double precision."""


def places(rng, n, double=False):
    """Return where particles came in; of some events there is none."""
    values = rng.normal(0, 50, (4, n))
    values[:, rng.random(n) < 0.05] = np.nan
    values[3] = np.nan if rng.random() < 0.7 else values[3]
    single = values.astype(np.float32).astype(np.float64)
    return Entries(*(values if double else single))


@pytest.mark.parametrize(("runs", "events"), [(1, 3000), (3, 1000), (50, 60), (3, 2**40), (2**30, 2**45)], ids=str)
@pytest.mark.parametrize("step", [0.6, 3.0])
def test_it_remembers_what_a_dictionary_does(runs, events, step):
    rng = np.random.default_rng(runs)
    seen, known, highest = Seen(), {}, None
    for part in range(25):
        n = int(rng.integers(1, 60))
        # Further and further, and back again, in no order.
        low, width = int(step * part / 80 * events), max(events // 20, 10)
        run, event = rng.integers(0, runs, n), low + rng.integers(0, width, n)
        keys, found = keys_of(run, event), places(rng, n, double=part % 3 == 0)
        again, before = seen.again(keys, found)
        expected = []
        fresh = {}
        for key, place in zip(keys.tolist(), np.transpose(found).tolist(), strict=True):
            expected.append(known.get(key, fresh.get(key)))
            fresh.setdefault(key, place)
        np.testing.assert_array_equal(again, [place is not None for place in expected])
        np.testing.assert_array_equal(np.transpose(before), [[np.nan] * 4 if place is None else place for place in expected])
        seen.add(keys, found, again)
        known = {**fresh, **known}
        highest = max([*fresh, *([] if highest is None else [highest])], key=lambda key: (key.real, key.imag))
        assert seen.highest().tolist() == [highest]


@pytest.mark.parametrize("rises", [True, False])
def test_an_event_takes_a_few_bytes(rises):
    rng, n, parts = np.random.default_rng(0), 20_000, 10
    tracemalloc.start()
    try:
        seen = Seen()
        before = tracemalloc.get_traced_memory()[0]
        for part in rng.permutation(parts) if not rises else range(parts):
            keys = keys_of(np.zeros(n), 5_000_000_000 + 2 * (part * n + np.arange(n)))
            x, y, z = rng.normal(0, 5, (3, n)).astype(np.float32).astype(np.float64)
            seen.add(keys, Entries(x, y, z, rng.uniform(0, 1, n)), np.zeros(n, dtype=bool))
        del keys, x, y, z
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 4 * n * parts < used < BYTES * n * parts


def test_numbers_of_runs_and_events_come_back_as_they_were():
    rng = np.random.default_rng(1)
    for runs, events, kind in ((1, 100, np.uint32), (7, 2**29, np.uint32), (7, 2**30, np.int64), (2**20, 2**50, np.complex128)):
        keys = np.unique(keys_of(rng.integers(3, 3 + runs, 50), rng.integers(9, 9 + events, 50)))
        keys = np.unique(np.append(keys, keys_of(np.array([3, 2 + runs]), np.array([9, 8 + events]))))
        stored = Keys.of(*(part.astype(np.int64) for part in (keys.real, keys.imag)))
        assert stored.stored.dtype == kind and np.array_equal(keys_of(*stored.numbers()), keys)
        others = np.concatenate([keys, keys + 1, keys - 1, keys + 1j * events, keys - 1j * events, keys + runs, keys_of(np.array([0]), np.array([0]))])
        there, place = stored.find(others)
        assert np.array_equal(there, np.isin(others, keys)) and np.array_equal(keys[place[there]], others[there])
