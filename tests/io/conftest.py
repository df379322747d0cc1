"""Small files with known content, in both of ROOT's tree formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from pphysml.io.ragged import Columns, Ragged
from pphysml.io.schema import Field, Layout


def momentum(name: str, **limits: float) -> Field:
    return Field(name, "particle", "float64", f"Momentum {name}.", unit="GeV", counter="n_leaves",
                 required=True, **limits)


LAYOUT = Layout(
    name="leaves", help="Four-momenta.", trees=("events",),
    fields=(
        Field("event", "event", "int64", "Event number.", aliases=("evt",)),
        momentum("px"),
        momentum("e", minimum=0.0),
        Field("lcag", "pair", "uint8", "Matrix.", counter="n_pairs", truth=True, maximum=7),
        Field("weight", "event", "float32", "Weight."),
    ),
)


@pytest.fixture
def layout() -> Layout:
    return LAYOUT


@pytest.fixture
def event_columns() -> Callable[[int, int], Columns]:
    def make(n: int, seed: int = 1) -> Columns:
        rng = np.random.default_rng(seed)
        counts = rng.poisson(2, n)
        total = int(counts.sum())
        return {
            "event": np.arange(n, dtype=np.int64) + 2**40,
            "px": Ragged.from_counts(rng.normal(size=total), counts),
            "e": Ragged.from_counts(rng.exponential(size=total), counts),
            "lcag": Ragged.from_counts(rng.integers(0, 8, int((counts**2).sum())).astype(np.uint8), counts**2),
            "weight": rng.uniform(size=n).astype(np.float32),
        }

    return make


def awkward(column: Ragged) -> ak.Array:
    return ak.unflatten(column.flat, column.counts)


@pytest.fixture
def write_root() -> Callable[..., str]:
    """Write columns with uproot itself, independently of our writer."""

    def write(path: Path, columns: Columns, *, tree: str = "events", kind: str = "TTree", chunk: int = 10**9,
              compression: object = uproot.ZSTD(5)) -> str:
        data = {n: awkward(c) if isinstance(c, Ragged) else c for n, c in columns.items()}
        size = len(next(iter(data.values())))
        types = {n: c.type.content if isinstance(c, ak.Array) else np.dtype((c.dtype, c.shape[1:]))
                 for n, c in data.items()}
        with uproot.recreate(path, compression=compression) as file:
            target = file.mktree(tree, types) if kind == "TTree" else file.mkrntuple(tree, data)
            if kind == "TTree":
                for start in range(0, size, chunk):
                    target.extend({n: c[start : start + chunk] for n, c in data.items()})
        return str(path)

    return write


@pytest.fixture
def same() -> Callable[[Columns, Columns], None]:
    """Compare columns bit by bit, types included."""

    def compare(left: Columns, right: Columns) -> None:
        assert set(left) == set(right)
        for name, column in left.items():
            other = right[name]
            assert isinstance(column, Ragged) == isinstance(other, Ragged), name
            if isinstance(column, Ragged) and isinstance(other, Ragged):
                np.testing.assert_array_equal(column.offsets, other.offsets, err_msg=name)
                column, other = column.flat, other.flat
            assert column.dtype == other.dtype, name
            np.testing.assert_array_equal(column, other, err_msg=name)

    return compare
