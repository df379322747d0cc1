"""Sorting in bounded memory against sorting at once."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pphysml.errors import OutputError
from pphysml.io.external_sort import ExternalSort, merged, order
from pphysml.io.ragged import Ragged, concatenate, length, slice_rows, take
from pphysml.io.spilled import Spilled

KEYS = ("file", "event")


def rows(n: int = 5000, seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 3, n)
    return {"file": rng.integers(0, 3, n).astype(np.int32), "event": rng.integers(-20, 20, n), "time": rng.integers(0, 50, n).astype(np.float32),
            "entry": np.arange(n), "real": rng.random(n) < 0.5, "ids": Ragged.from_counts(rng.integers(0, 99, counts.sum()).astype(np.int16), counts)}


def same(one, other) -> bool:
    flat = [[(c.flat, c.offsets) if isinstance(c, Ragged) else (np.asarray(c),) for c in columns.values()] for columns in (one, other)]
    return list(one) == list(other) and all(a.dtype == b.dtype and np.array_equal(a, b) for left, right in zip(*flat, strict=True)
                                            for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("run", [100_000, 700])
def test_rows_are_those_of_a_stable_sort_whatever_comes_at_a_time(run) -> None:
    columns = rows()
    expected = take(columns, np.lexsort((columns["time"], columns["event"], columns["file"])))
    for step in (333, 2000, 5000):
        sorting = ExternalSort(KEYS, ("track_id", "time"), run=run, block=300)
        for start in range(0, 5000, step):
            sorting.add(slice_rows(columns, start, min(start + step, 5000)))
        blocks = list(sorting.blocks())
        assert same(concatenate(blocks), expected)
        assert len(blocks) == 1 if run > 5000 else len(blocks) > 8 and max(map(length, blocks)) < 900
        for one, next_one in pairwise(blocks):
            assert (one["file"][-1], one["event"][-1]) < (next_one["file"][0], next_one["event"][0])


def test_one_event_may_be_larger_than_a_block() -> None:
    columns = rows() | {"file": np.zeros(5000, np.int32), "event": np.repeat([1, 0], [10, 4990])}
    sorting = ExternalSort(KEYS, run=600, block=100)
    sorting.add(columns)
    assert [length(block) for block in sorting.blocks()] in ([4990, 10], [5000])


def test_nothing_is_no_block() -> None:
    assert list(ExternalSort(KEYS).blocks()) == []


def test_runs_are_merged_by_their_first_keys_alone() -> None:
    columns = rows()
    runs = [take(part, order(part, KEYS)) for part in (slice_rows(columns, start, start + 1000) for start in range(0, 5000, 1000))]
    found = concatenate([take(block, order(block, KEYS)) for block in merged(runs, KEYS, 200)])
    assert same(found, take(columns, order(columns, KEYS)))


def test_temporary_files_are_removed_and_a_full_disk_is_said(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sorting = ExternalSort(KEYS, run=1000)
    sorting.add(rows())
    assert len(list(tmp_path.rglob("*"))) > 1
    assert sum(map(length, sorting.blocks())) == 5000
    assert list(tmp_path.iterdir()) == []
    spilled = Spilled("Hits")
    monkeypatch.setattr(Spilled, "_path", lambda self, number: Path("/dev/full"))
    with pytest.raises(OutputError, match=r"^Hits cannot be sorted: .*: No space left on device; .*TMPDIR\.$"):
        spilled.write(rows())
    spilled.remove()
