"""Reading: what comes out equals what is in the file, however it is stored and cut."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from uproot.interpretation.jagged import AsJagged
from uproot.interpretation.numerical import AsDtype

from pphysml.errors import ConfigError, InputError
from pphysml.io import reader
from pphysml.io.arrays import to_column
from pphysml.io.ragged import Columns, Ragged, concatenate, length
from pphysml.io.reader import Block, Reader
from pphysml.io.schema import SPACING, Field, Layout, Objects
from pphysml.io.sources import Source, resolve


def everything(reader: Reader) -> Columns:
    return concatenate(list(reader))


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_both_formats_give_what_was_written(kind, tmp_path: Path, layout: Layout, event_columns, write_root, same) -> None:
    columns = event_columns(50)
    path = write_root(tmp_path / "a.root", columns, kind=kind, chunk=13)
    read = everything(Reader([Source(path)], [layout], block_size=7))
    np.testing.assert_array_equal(read.pop("file"), np.zeros(50))
    np.testing.assert_array_equal(read.pop("entry"), np.arange(50))
    same(read, columns)


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
@pytest.mark.parametrize("block_size", [1, 9, 30, 1000])
def test_blocks_do_not_change_the_data(kind, block_size, tmp_path, layout, event_columns, write_root, same) -> None:
    paths = [write_root(tmp_path / f"{i}.root", event_columns(30, seed=i), kind=kind, chunk=11) for i in range(3)]
    sources = resolve(paths)
    same(everything(Reader(sources, [layout], block_size=block_size)), everything(Reader(sources, [layout])))


def test_large_entries_are_read_in_smaller_blocks(tmp_path, layout, event_columns, write_root, same, monkeypatch) -> None:
    """As many as memory is given to, and one at least; in a file with more of each entry that is not wanted, as before."""
    path = write_root(tmp_path / "a.root", event_columns(60), kind="TTree", chunk=25)
    whole = everything(Reader([Source(path)], [layout]))
    with uproot.open(path) as file:
        (tree,) = (file[name] for name, kind in file.classnames().items() if kind == "TTree")
        n_bytes = sum(tree[branch].uncompressed_bytes for branch in ("px", "e", "event") if branch in tree)
    assert n_bytes > 0
    for limit, most in ((n_bytes // 3, 20), (1, 1), (100 * n_bytes, 40)):
        monkeypatch.setattr(reader, "MOST_BYTES", limit)
        blocks = Reader([Source(path)], [layout], block_size=40)
        assert max(block.stop - block.start for block in blocks.blocks) <= most
        same(everything(blocks), whole)
    assert len(blocks.blocks) == 2


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_none_and_one_entry(n, kind, tmp_path, layout, event_columns, write_root) -> None:
    path = write_root(tmp_path / "a.root", event_columns(n), kind=kind)
    reader = Reader([Source(path)], [layout])
    assert reader.n_entries == n and len(reader.blocks) == n
    assert sum(map(length, reader)) == n


def test_entries_without_leaves(tmp_path, layout, write_root) -> None:
    empty = Ragged.from_rows([[], [], []], np.float64)
    columns = {"px": empty, "e": empty, "event": np.arange(3)}
    read = everything(Reader([Source(write_root(tmp_path / "a.root", columns))], [layout]))
    assert length(read) == 3 and isinstance(read["px"], Ragged) and read["px"].flat.shape == (0,)


def test_known_branches_of_another_unit_are_converted(tmp_path, write_root) -> None:
    time = Field("time", "event", "float64", "Time.", unit="s", required=True, aliases=("GlobalTime",), alias_units={"GlobalTime": "ns"})
    known = Layout(name="steps", help="Steps.", fields=(time,))
    paths = [write_root(tmp_path / f"{name}.root", {name: np.array([1.0, 2.5])}) for name in ("time", "GlobalTime")]
    read = [everything(Reader([Source(path)], [known]))["time"] for path in paths]
    np.testing.assert_allclose(read, [[1.0, 2.5], [1e-9, 2.5e-9]], rtol=1e-15)
    mapped = everything(Reader([Source(paths[1])], [known], mapping={"time": "GlobalTime:us"}))["time"]
    np.testing.assert_allclose(mapped, [1e-6, 2.5e-6], rtol=1e-15)
    mixed = everything(Reader(resolve(paths), [known]))["time"]
    np.testing.assert_allclose(mixed, [1.0, 2.5, 1e-9, 2.5e-9], rtol=1e-15)


def test_order_of_files_and_max_entries(tmp_path, layout, event_columns, write_root) -> None:
    paths = [write_root(tmp_path / f"{name}.root", event_columns(n)) for name, n in (("b", 5), ("a", 0), ("c", 9))]
    reader = Reader(resolve(paths), [layout], block_size=4, max_entries=11)
    assert reader.blocks == [Block(0, 0, 4), Block(0, 4, 5), Block(2, 0, 4), Block(2, 4, 6)]
    read = everything(reader)
    assert list(read["file"]) == [0] * 5 + [2] * 6
    assert list(read["entry"]) == [*range(5), *range(6)]


def test_reading_ahead_is_one_block_in_another_thread(tmp_path, layout, event_columns, write_root) -> None:
    reader = Reader([Source(write_root(tmp_path / "a.root", event_columns(10)))], [layout], block_size=1)
    started: list[tuple[int, int]] = []
    inner, second = reader.read, threading.Event()

    def spy(block: Block) -> Columns:
        started.append((block.start, threading.get_ident()))
        if block.start == 1:
            second.set()
        return inner(block)

    reader.read = spy  # type: ignore[method-assign]
    blocks = iter(reader)
    assert next(blocks)["entry"][0] == 0
    assert second.wait(30)  # the second block is being read although nobody has asked for it
    assert [int(b["entry"][0]) for b in blocks] == list(range(1, 10))
    assert [start for start, _ in started] == list(range(10))
    assert threading.get_ident() not in {thread for _, thread in started}


def test_stopping_early_does_not_hang(tmp_path, layout, event_columns, write_root) -> None:
    reader = Reader([Source(write_root(tmp_path / "a.root", event_columns(10)))], [layout], block_size=1)
    for _ in reader:
        break
    assert length(everything(reader)) == 10


def test_many_files_in_any_order(tmp_path, layout, event_columns, write_root) -> None:
    paths = [write_root(tmp_path / f"{i:02}.root", event_columns(3, seed=i)) for i in range(12)]
    reader = Reader(resolve(paths), [layout])
    for i in np.random.default_rng(1).permutation(np.repeat(np.arange(12), 2)):
        np.testing.assert_array_equal(reader.read(reader.blocks[i])["weight"], event_columns(3, seed=i)["weight"])
    reader.close()


def test_mapping_converts_units(tmp_path, layout, event_columns, write_root) -> None:
    columns = event_columns(20)
    px, e = columns.pop("px"), columns.pop("e")
    renamed = {**columns, "Lep_px": Ragged(px.flat * 1e3, px.offsets), "en": Ragged(e.flat.astype("f4"), e.offsets)}
    path = write_root(tmp_path / "a.root", renamed)
    read = everything(Reader([Source(path)], [layout], mapping={"px": "Lep_px:MeV", "e": "en:TeV"}))
    np.testing.assert_allclose(read["px"].flat, px.flat, rtol=1e-15)
    np.testing.assert_allclose(read["e"].flat, e.flat.astype("f4").astype("f8") * 1e3, rtol=1e-15)


def test_limits_hold_in_the_units_of_the_field(tmp_path, layout, write_root) -> None:
    tight = replace(layout, fields=tuple(replace(f, maximum=2.0) if f.name == "e" else f for f in layout.fields))
    energies = Ragged.from_rows([[500.0], [1999.0]])
    path = write_root(tmp_path / "a.root", {"px": energies, "e": energies})
    assert length(everything(Reader([Source(path)], [tight], mapping={"e": "e:MeV"}))) == 2
    with pytest.raises(InputError, match="above 2 GeV"):
        everything(Reader([Source(path)], [tight]))


def test_aliases(tmp_path, layout, event_columns, write_root) -> None:
    columns = event_columns(5)
    columns["evt"] = columns.pop("event")
    read = everything(Reader([Source(write_root(tmp_path / "a.root", columns))], [layout]))
    np.testing.assert_array_equal(read["event"], columns["evt"])


def test_further_leaf_branches_are_float32(tmp_path, layout, event_columns, write_root) -> None:
    columns = event_columns(9)
    dedx = Ragged(np.arange(len(columns["px"].flat)), columns["px"].offsets)
    path = write_root(tmp_path / "a.root", {**columns, "dedx": dedx, "hadd": dedx})
    read = everything(Reader([Source(path)], [layout], extra=["dedx", "energy_lost"], mapping={"energy_lost": "hadd"}))
    for name in ("dedx", "energy_lost"):
        assert read[name].flat.dtype == np.float32
        np.testing.assert_array_equal(read[name].flat, dedx.flat)
        np.testing.assert_array_equal(read[name].offsets, dedx.offsets)


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_further_branches_of_pairs_have_lengths_of_their_own(kind, tmp_path, layout, event_columns, write_root) -> None:
    columns = event_columns(9)
    counts = columns["px"].counts
    near = Ragged.from_counts(np.arange((counts**2).sum(), dtype=np.float64), counts**2)
    near.flat[-1] = np.nan
    path = write_root(tmp_path / "a.root", {**columns, "near": near, "dedx": columns["px"]}, kind=kind)
    extra = {"dedx": "particle", "close": "pair"}
    filled = everything(Reader([Source(path)], [replace(layout, missing=0.0)], extra=extra, mapping={"close": "near"}))
    assert filled["close"].flat.dtype == np.float32
    np.testing.assert_array_equal(filled["close"].flat, np.nan_to_num(near.flat))
    np.testing.assert_array_equal(filled["close"].offsets, near.offsets)
    with pytest.raises(InputError, match=r"'near', entry .* not finite"):
        everything(Reader([Source(path)], [layout], extra=extra, mapping={"close": "near"}))


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_kept_branches_are_untouched(kind, tmp_path, layout, event_columns, write_root, same) -> None:
    columns = event_columns(9)
    rng = np.random.default_rng(5)
    kept: Columns = {
        "flag": rng.uniform(size=9) < 0.5,
        "raw": np.where(np.arange(9) == 3, np.nan, 1.0),  # not ours to judge
        "vertex": rng.normal(size=(9, 3)).astype(np.float32),
        "adc": Ragged.from_counts(rng.integers(0, 4000, 18).astype(np.int16), np.array([0, 4, 1, 1, 2, 0, 0, 9, 1])),
    }
    path = write_root(tmp_path / "a.root", {**columns, **kept}, kind=kind)
    read = everything(Reader([Source(path)], [layout], keep=[*kept, "px"], block_size=4))
    same({n.removeprefix("keep:"): c for n, c in read.items() if n.startswith("keep:")}, {**kept, "px": columns["px"]})


def test_std_vector_branches_with_their_ten_byte_header(tmp_path) -> None:
    """ROOT stores std::vector<float> as 10 bytes of header and big-endian values per entry."""
    rows = [[1.5, -2.0], [], [3.25]]
    stored = ak.Array([list(bytes(10) + np.array(r, ">f4").tobytes()) for r in rows])
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("t", {"v": "var * uint8"}).extend({"v": ak.values_astype(stored, np.uint8)})
    with uproot.open(tmp_path / "a.root") as file:
        array = file["t/v"].array(interpretation=AsJagged(AsDtype(">f4"), header_bytes=10))
    column = to_column(array)
    assert isinstance(column, Ragged)
    assert [list(column[i]) for i in range(3)] == rows


def test_columns_of_awkward_arrays_after_a_mask() -> None:
    """Slices and masks leave indexed arrays behind, whose offsets do not begin at zero."""
    array = ak.Array([[1, 2], [], [3], [4, 5, 6]])
    for selected in (array[1:], array[[True, False, True, True]], array[[3, 0]], array[:0]):
        column = to_column(selected)
        assert isinstance(column, Ragged) and column.offsets[0] == 0
        assert [list(column[i]) for i in range(len(column))] == selected.to_list()


@pytest.mark.parametrize("array", [ak.Array(["a", "b"]), ak.Array([[[1]], []]), ak.Array([{"x": 1}])])
def test_text_records_and_nested_lists_are_refused(array) -> None:
    with pytest.raises(TypeError):
        to_column(array)


def double_energy(columns: Columns, layout: Layout) -> Columns:
    e = columns["e"]
    assert isinstance(e, Ragged)
    return {**columns, "e": Ragged(e.flat * 2, e.offsets)}


def test_to_canonical_is_applied(tmp_path, layout, event_columns, write_root) -> None:
    columns = event_columns(9)
    path = write_root(tmp_path / "a.root", columns)
    changed = replace(layout, to_canonical=f"{__name__}:double_energy")
    read = everything(Reader([Source(path)], [changed]))
    np.testing.assert_array_equal(read["e"].flat, columns["e"].flat * 2)


def test_choice_of_the_tree(tmp_path, layout, event_columns, write_root) -> None:
    columns = event_columns(4)
    types = {"px": "var * float64", "e": "var * float64"}
    data = {n: ak.unflatten(columns[n].flat, columns[n].counts) for n in types}
    with uproot.recreate(tmp_path / "two.root") as file:
        for name in ("first", "folder/second"):
            file.mktree(name, types).extend(data)
        file.mktree("hits", {"x": "float64"})
    with pytest.raises(InputError, match="'first' and 'folder/second' all fit"):
        Reader([Source(str(tmp_path / "two.root"))], [layout])
    reader = Reader([Source(str(tmp_path / "two.root"), "folder/second")], [layout])
    assert reader.sources[0].tree == "folder/second" and length(everything(reader)) == 4
    with uproot.update(tmp_path / "two.root") as file:
        file.mktree("events", types).extend(data)
    assert Reader([Source(str(tmp_path / "two.root"))], [layout]).sources[0].tree == "events"


def test_choice_of_the_layout(tmp_path, layout, event_columns, write_root) -> None:
    other = replace(layout, name="other", fields=(replace(layout.field("px"), name="pt"),))
    path = write_root(tmp_path / "a.root", event_columns(3))
    assert Reader([Source(path)], [other, layout]).layout.name == "leaves"
    path = write_root(tmp_path / "b.root", {"pt": event_columns(3)["px"]}, tree="anything")
    assert Reader([Source(path)], [layout, other]).layout.name == "other"


def test_optional_columns_that_only_some_files_have_are_left_out(tmp_path, layout, event_columns, write_root) -> None:
    first, second = event_columns(3), event_columns(3)
    del second["weight"]
    paths = [write_root(tmp_path / f"{i}.root", c) for i, c in enumerate((first, second))]
    blocks = list(Reader(resolve(paths), [layout]))
    assert "lcag" in blocks[0] and all(set(b) == set(blocks[0]) and "weight" not in b for b in blocks)


def test_truth_that_is_needed(tmp_path, layout, event_columns, write_root) -> None:
    columns = event_columns(3)
    path = write_root(tmp_path / "a.root", columns)
    assert "lcag" in everything(Reader([Source(path)], [layout], need_truth=True))
    del columns["lcag"]
    path = write_root(tmp_path / "b.root", columns)
    assert "lcag" not in everything(Reader([Source(path)], [layout]))
    with pytest.raises(InputError, match=r"b.root.*has no truth \(none of lcag\)"):
        Reader([Source(path)], [layout], need_truth=True)


@pytest.mark.parametrize(("max_entries", "files", "left_out"), [(None, [1, 2], [0]), (7, [1], [0]), (3, [0], [])])
def test_in_any_order_a_file_is_whole_or_not_there(max_entries, files, left_out, tmp_path, layout, event_columns, write_root) -> None:
    """The sixth entry of the first file is bad; its place is taken by entries of the others, and what is not wanted is not looked at."""
    columns = [event_columns(10, seed=i) for i in range(3)]
    px = columns[0]["px"]
    px.flat[px.offsets[5] : px.offsets[6]] = np.nan
    assert px.counts[5]
    paths = [write_root(tmp_path / f"{i}.root", c) for i, c in enumerate(columns)]
    reader = Reader(resolve(paths), [layout], block_size=4, max_entries=max_entries, on_bad_file="skip", any_order=True)
    assert sorted({block.file_index for block in reader.blocks}) == files
    assert [paths.index(path) for path, _ in reader.skipped] == left_out
    assert reader.n_entries == (max_entries or 20)
    assert sum(length(reader.read(block)) for block in reversed(reader.blocks)) == reader.n_entries


def test_wrong_use(layout) -> None:
    with pytest.raises(ConfigError, match="on_bad_file"):
        Reader([], [layout], on_bad_file="ignore")
    with pytest.raises(ConfigError, match="at least one entry"):
        Reader([], [layout], block_size=0)


@pytest.mark.parametrize(("kind", "values"), [("float32", np.array([0.0, 1.5, -3e5])), ("float64", np.array([0.0, 1.5, -3e8])), ("int64", np.array([0, 7, 2**52]))])
def test_how_fine_values_are_is_that_of_the_type_in_the_file(kind, values, tmp_path, write_root) -> None:
    path = write_root(tmp_path / "a.root", {"t": values.astype(kind)})
    field = Field("t", "event", "float64", "Time.", unit="ns", required=True, spacing=True)
    fine = Reader([Source(path)], [Layout("times", "Times.", (field,))], mapping={"t": "t:s"}).read(Block(0, 0, 3))[SPACING + "t"]
    stored = values.astype("float32" if kind == "float32" else "float64")
    step = np.nextafter(np.abs(stored), np.inf, dtype=stored.dtype) - np.abs(stored)
    np.testing.assert_allclose(fine, 1e9 * step.astype(float), rtol=1e-6, atol=1e-30)
    plain = Reader([Source(path)], [Layout("times", "Times.", (replace(field, spacing=False),))]).read(Block(0, 0, 3))
    assert set(plain) == {"file", "entry", "t"}


def test_a_first_look_is_at_the_first_file_and_refuses_nothing(tmp_path, layout, event_columns, write_root) -> None:
    paths = [write_root(tmp_path / f"{i}.root", event_columns(30, seed=i)) for i in range(2)]
    reader = Reader(resolve(paths), [layout], block_size=20)
    assert reader.first(7)["entry"].tolist() == list(range(7)) and length(reader.first(1000)) == 20
    wrong = {**event_columns(3), "weight": np.full(3, np.nan, np.float32)}
    assert Reader([Source(write_root(tmp_path / "nan.root", wrong))], [layout]).first(3) == {}
    assert Reader([Source(write_root(tmp_path / "none.root", event_columns(0)))], [layout]).first(3) == {}


def test_further_branches_that_are_what_the_file_has(tmp_path, layout, event_columns, write_root) -> None:
    """A number, a list per object or another list; truth and weights may lack; a column says which files are meant."""
    columns = event_columns(6)
    px = columns["px"]
    other = Ragged.from_rows([[1], [], [2, 3], [4], [], [5, 6, 7]], np.int32)
    path = write_root(tmp_path / "zprime_1.root", {**columns, "number": np.arange(6), "px_like": Ragged(px.flat * 2, px.offsets), "other": other})
    objects = replace(layout, objects=Objects("px", "px_", "n_leaves"))
    extra = {name: Field(name, "any", "", "What the file has.") for name in ("number", "px_like", "other", "file:zprime*.root", "file:qcd*.root")}
    extra |= {"label": Field("label", "any", "", "Truth.", truth=True), "size": Field("size", "any", "", "Weight.", weight=True)}
    read = everything(Reader([Source(path)], [objects], extra=extra))
    assert read["number"].dtype == np.int64 and read["number"].tolist() == list(range(6))
    np.testing.assert_array_equal(read["px_like"].offsets, px.offsets)
    assert read["other"].flat.dtype == np.int32
    np.testing.assert_array_equal(read["other"].offsets, other.offsets)
    assert set(read["file:zprime*.root"].tolist()) == {1} and set(read["file:qcd*.root"].tolist()) == {0}
    assert "label" not in read and "size" not in read
    with pytest.raises(InputError, match="no branch 'label'"):
        Reader([Source(path)], [objects], extra=extra, need_truth=True)


def test_a_list_of_objects_must_be_as_long_as_the_others(tmp_path, layout, event_columns, write_root) -> None:
    columns = event_columns(3)
    path = write_root(tmp_path / "a.root", {**columns, "px_short": Ragged.from_rows([[1.0], [], [2.0]])})
    objects = replace(layout, objects=Objects("px", "px_", "n_leaves"))
    with pytest.raises(InputError, match=r"px_short.*values where"):
        everything(Reader([Source(path)], [objects], extra={"px_short": Field("px_short", "any", "", "Of objects.")}))
