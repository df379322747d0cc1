"""Arrays of a fixed size per entry: what is behind the real values is not read."""

from __future__ import annotations

import numpy as np
import pytest
import uproot

from pphysml.errors import InputError
from pphysml.io.fixed_arrays import LOOKED_AT
from pphysml.io.reader import Reader
from pphysml.io.schema import Field, Layout
from pphysml.io.sources import resolve
from pphysml.io.validation import validate


def hit(name, **others):
    return Field(name, "hit", "float64", "A value.", counter="n_hits", required=True, **others)


LAYOUT = Layout(name="hits", help="Hits.", padding=("x", "y"), fields=(
    Field("number", "event", "int64", "Number of hits.", counts="n_hits", aliases=("n",), minimum=0),
    hit("x", minimum=-100.0), hit("y"),
    Field("pairs", "pair", "int32", "A value of each pair.", counter="n_pairs"),
))
WIDTH = 5


def arrays(counts, fill=0.0):
    """Return random hits in arrays of a fixed size, what is behind them filled, and matrices of the same rows and columns."""
    rng = np.random.default_rng(3)
    real = np.arange(WIDTH) < np.asarray(counts)[:, None]
    x, y = (np.where(real, rng.normal(size=real.shape), fill) for _ in range(2))
    pairs = rng.integers(1, 9, (len(counts), WIDTH, WIDTH)).astype(np.int32)
    return {"x": x, "y": y, "pairs": pairs.reshape(len(counts), -1)}


def write(path, columns):
    with uproot.recreate(path) as file:
        file.mktree("hits", {name: (c.dtype, c.shape[1:]) for name, c in columns.items()}).extend(columns)
    return path


def read(path, **options):
    reader = Reader(resolve([str(path)]), [LAYOUT], **options)
    (block,) = list(reader)
    return block, reader.warnings


COUNTS = np.array([2, 5, 0, 3])


@pytest.mark.parametrize("fill", [0.0, np.nan, -999.0])
def test_a_branch_with_their_number_cuts_them_whatever_is_behind(fill, tmp_path):
    columns = arrays(COUNTS, fill)
    block, warnings = read(write(tmp_path / "a.root", {**columns, "n": COUNTS.astype(np.int32)}))
    for name in ("x", "y"):
        assert block[name].counts.tolist() == COUNTS.tolist()
        np.testing.assert_array_equal(block[name].flat, np.concatenate([columns[name][k, :n] for k, n in enumerate(COUNTS)]))
    expected = [columns["pairs"][k].reshape(WIDTH, WIDTH)[:n, :n].ravel() for k, n in enumerate(COUNTS)]
    np.testing.assert_array_equal(block["pairs"].flat, np.concatenate(expected))
    assert len(warnings) == 1 and "the first 'n' are read" in warnings[0]
    named, _ = read(write(tmp_path / "b.root", {**columns, "size": COUNTS}), mapping={"number": "size"})
    np.testing.assert_array_equal(named["x"].flat, block["x"].flat)


def test_zeros_at_the_end_are_padding_and_said(tmp_path):
    columns = arrays(COUNTS)
    columns["x"][1, 2] = columns["y"][1, 2] = columns["x"][3, 2] = 0.0  # in the middle; and at the end of one of both
    path = write(tmp_path / "a.root", columns)
    block, warnings = read(path)
    assert block["x"].counts.tolist() == COUNTS.tolist() == block["y"].counts.tolist()
    assert block["pairs"].counts.tolist() == (COUNTS**2).tolist()
    assert len(warnings) == 1 and "x, y" in warnings[0] and "--map number=BRANCH" in warnings[0]
    problems = validate(resolve([str(path)]), [LAYOUT])
    assert [(p.severity, "padding" in p.message) for p in problems] == [("warning", True)]


def test_full_arrays_are_left_alone(tmp_path):
    columns = arrays([WIDTH] * 3)
    block, warnings = read(write(tmp_path / "a.root", columns))
    assert warnings == [] and block["x"].counts.tolist() == [WIDTH] * 3
    np.testing.assert_array_equal(block["pairs"].flat, columns["pairs"].ravel())


def test_padding_that_begins_late_is_refused(tmp_path):
    path = write(tmp_path / "a.root", arrays([WIDTH] * (LOOKED_AT + 2) + [3]))
    with pytest.raises(InputError, match=rf"branch 'x', entry {LOOKED_AT + 2}: ends with values that are 0 .*--map number=BRANCH"):
        read(path)


@pytest.mark.parametrize("wrong", [6, -1])
def test_numbers_that_no_array_can_have_are_refused(wrong, tmp_path):
    counts = np.where(np.arange(4) == 2, wrong, COUNTS)
    with pytest.raises(InputError, match=rf"branch 'n', entry 2: value {wrong} is no number of values"):
        read(write(tmp_path / "a.root", {**arrays(COUNTS), "n": counts}))


def test_a_branch_of_that_name_means_nothing_where_lists_have_their_own_lengths(tmp_path):
    import awkward as ak

    rows = ak.Array([[1.0, 0.0], [2.0], [0.0]])
    with uproot.recreate(tmp_path / "a.root") as file:
        tree = file.mktree("hits", {"x": "var * float64", "y": "var * float64", "n": "var * float64"})
        tree.extend({"x": rows, "y": rows, "n": rows})
    block, warnings = read(tmp_path / "a.root")
    assert block["x"].counts.tolist() == [2, 1, 1] and warnings == []


def test_numbers_of_arrays_that_another_file_lacks_are_not_asked_for(tmp_path):
    fields = (Field("n_labels", "event", "int64", "Number.", counts="n_labels"), Field("label", "label", "int32", "A label.", counter="n_labels"))
    layout = Layout(name="hits", help="Hits.", fields=(*LAYOUT.fields, *fields))
    columns = arrays(COUNTS)
    one = write(tmp_path / "a.root", {**columns, "label": np.ones((4, 3), np.int32), "n_labels": np.full(4, 2, np.int32)})
    two = write(tmp_path / "b.root", columns)
    blocks = list(Reader(resolve([str(one), str(two)]), [layout]))
    assert [sorted({"x", "label"} & set(block)) for block in blocks] == [["x"], ["x"]]
    (alone,) = Reader(resolve([str(one)]), [layout])
    assert alone["label"].counts.tolist() == [2] * 4
