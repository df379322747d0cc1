"""Small blocks of a large basket or cluster: decoded once, and never another answer."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io import clusters, root_files
from pphysml.io.clusters import whole
from pphysml.io.ragged import concatenate
from pphysml.io.reader import Reader
from pphysml.io.sources import Source


def test_whole_ranges_by_brute_force() -> None:
    edges = np.array([0, 3, 3, 7, 12])
    for start in range(12):
        for stop in range(start + 1, 13):
            first, last = whole(edges, start, stop)
            assert first == max(e for e in edges if e <= start) and last == min(e for e in edges if e >= stop)
    assert whole(edges, 5, 5) == (5, 5) and whole(edges, 5, 20) == (5, 20)
    assert whole(np.array([], dtype=int), 0, 4) == (0, 4)


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
@pytest.mark.parametrize("limit", [2**30, 1000, 0])
def test_every_basket_is_decoded_once(kind, limit, tmp_path, layout, event_columns, write_root, same, monkeypatch) -> None:
    columns = event_columns(400)
    path = write_root(tmp_path / "a.root", columns, kind=kind, chunk=200)
    monkeypatch.setattr(clusters, "MAX_BYTES", limit)
    decoded: list[str] = []
    inner = root_files.RootTree._decode
    monkeypatch.setattr(root_files.RootTree, "_decode",
                        lambda self, branch, start, stop, text: (decoded.append(branch), inner(self, branch, start, stop, text))[1])
    reader = Reader([Source(path)], [layout], block_size=10)
    decoded.clear()  # what was read to learn the types
    read = concatenate(list(reader))
    same({name: read[name] for name in columns}, columns)
    baskets = 2 if kind == "TTree" else 1
    assert decoded.count("px") == (baskets if limit == 2**30 else 40)


def test_blocks_may_be_changed_without_changing_what_is_read_next(tmp_path, layout, event_columns, write_root) -> None:
    columns = event_columns(30)
    reader = Reader([Source(write_root(tmp_path / "a.root", columns))], [layout], block_size=10)
    for _ in range(2):
        block = reader.read(reader.blocks[1])
        np.testing.assert_array_equal(block["weight"], columns["weight"][10:20])
        np.testing.assert_array_equal(block["px"].flat, columns["px"].slice(10, 20).flat)
        block["weight"][:] = 0
        block["px"].flat[:] = 0
        block["px"].offsets[:] = 0
