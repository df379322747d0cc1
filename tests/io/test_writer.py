"""Writing: what was given comes back, whatever the chunks, and a file is there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import uproot
from uproot.sink.file import FileSink

from pphysml import __version__
from pphysml.errors import ConfigError, OutputError
from pphysml.io.metadata import read_metadata
from pphysml.io.ragged import Columns, Ragged, concatenate, slice_rows
from pphysml.io.reader import Reader
from pphysml.io.schema import Field, Layout
from pphysml.io.sources import Source
from pphysml.io.writer import Writer

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "uint32", "uint64", "float32", "float64"]


def write(path: Path, columns: Columns, fields, *, chunk: int = 10**9, tree: str = "events", **options) -> str:
    with Writer(path, tree, fields, metadata={"seed": 7}, **options) as writer:
        size = len(next(iter(columns.values())))
        for start in range(0, size, chunk):
            writer.extend(slice_rows(columns, start, min(start + chunk, size)))
    return str(path)


def values(dtype: str, n: int) -> np.ndarray:
    """Return extreme and random values of a type."""
    rng = np.random.default_rng(3)
    if dtype == "bool":
        return rng.uniform(size=n) < 0.5
    if dtype.startswith("float"):
        info = np.finfo(dtype)
        return np.concatenate([[info.max, info.min, info.tiny, 0, -0.0], rng.normal(size=n - 5)]).astype(dtype)
    limits = np.iinfo(dtype)
    return np.concatenate([np.array([limits.min, limits.max], dtype), rng.integers(0, 100, n - 2).astype(dtype)])


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type_comes_back_bit_by_bit(dtype, tmp_path, same) -> None:
    fields = (Field("one", "event", dtype, "One.", required=True),
              Field("many", "hit", dtype, "Many.", counter="n_hits", required=True))
    counts = np.array([3, 0, 1, 6])
    columns: Columns = {"one": values(dtype, 6)[:4], "many": Ragged.from_counts(values(dtype, 10), counts)}
    path = write(tmp_path / "a.root", columns, fields, chunk=3)
    read = concatenate(list(Reader([Source(path)], [Layout("l", "", fields)])))
    same({name: read[name] for name in columns}, columns)


def test_round_trip_of_a_layout(tmp_path, layout, event_columns, same) -> None:
    columns = event_columns(40)
    path = write(tmp_path / "a.root", columns, layout.fields, chunk=9)
    read = concatenate(list(Reader([Source(path)], [layout], block_size=17)))
    same({name: read[name] for name in columns}, columns)


def test_it_is_a_ttree_with_shared_counters_and_zstd(tmp_path, layout, event_columns) -> None:
    """Assignment in uproot would write an RNTuple."""
    columns = event_columns(400)
    with uproot.open(write(tmp_path / "a.root", columns, layout.fields)) as file:
        assert file.classnames(cycle=False) == {"events": "TTree", "pphysml": "TObjString"}
        assert file.file.compression.name == "ZSTD"
        tree = file["events"]
        assert set(tree.keys()) == {"event", "px", "e", "lcag", "weight", "n_leaves", "n_pairs"}
        for branch, counter in (("px", "n_leaves"), ("e", "n_leaves"), ("lcag", "n_pairs")):
            assert tree[branch].member("fLeaves")[0].member("fLeafCount").member("fName") == counter
            np.testing.assert_array_equal(tree[counter].array(library="np"), columns[branch].counts)
        assert tree["n_leaves"].typename == "int32_t"


def test_a_field_that_is_a_counter_is_not_written_twice(tmp_path, layout, event_columns) -> None:
    fields = (Field("n_leaves", "event", "int32", "Number of leaves."), *layout.fields)
    columns = event_columns(5)
    columns["n_leaves"] = columns["px"].counts
    with uproot.open(write(tmp_path / "a.root", columns, fields, chunk=2)) as file:
        assert file["events"].keys().count("n_leaves") == 1
        np.testing.assert_array_equal(file["events/n_leaves"].array(library="np"), columns["px"].counts)
    columns["n_leaves"] = columns["n_leaves"] + 1
    with pytest.raises(ValueError, match="disagrees with the counter 'n_leaves'"):
        write(tmp_path / "b.root", columns, fields)


def test_a_scalar_that_counts_nothing_written_is_a_plain_branch(tmp_path, layout) -> None:
    fields = (Field("n_leaves", "event", "int32", "Number of leaves."), *layout.fields)
    with uproot.open(write(tmp_path / "a.root", {"n_leaves": np.array([4, 2])}, fields)) as file:
        assert file["events/n_leaves"].array(library="np").tolist() == [4, 2]


def test_columns_that_share_a_counter_must_agree(tmp_path, layout, event_columns) -> None:
    columns = event_columns(5)
    columns["e"] = Ragged.from_counts(np.ones(5), np.array([5, 0, 0, 0, 0]))
    with pytest.raises(ValueError, match="'e' disagrees"):
        write(tmp_path / "a.root", columns, layout.fields)


@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
def test_chunks_change_neither_data_nor_checksums(chunk, tmp_path, layout, event_columns, same) -> None:
    columns = event_columns(23)
    paths = [write(tmp_path / f"{c}.root", columns, layout.fields, chunk=c) for c in (chunk, 23)]
    first, second = (concatenate(list(Reader([Source(p)], [layout], block_size=5))) for p in paths)
    same(first, second)
    sums = [read_metadata(p)["checksums"] for p in paths]
    assert sums[0] == sums[1] and set(sums[0]) == {*columns, "n_leaves", "n_pairs"}


def test_ids_kept_branches_and_others(tmp_path, layout, event_columns, same) -> None:
    columns = event_columns(8)
    columns.update({
        "file": np.zeros(8, np.int64), "entry": np.arange(8), "topology": np.arange(8, dtype=np.int16),
        "keep:evt/flag": np.arange(8) % 2 == 0, "keep:vertex": np.arange(24, dtype=np.float32).reshape(8, 3),
        "keep:_leaves": columns["px"], "keep:adc": Ragged(np.arange(len(columns["px"].flat), dtype=np.int16), columns["px"].offsets),
    })
    path = write(tmp_path / "a.root", columns, layout.fields, chunk=3)
    with uproot.open(path) as file:
        types = file["events"].typenames()
    assert types["file"] == "int32_t" and types["entry"] == "int64_t" and types["topology"] == "int16_t"
    assert types["evt.flag"] == "bool" and types["vertex"] == "float[3]" and types["adc"] == "int16_t[]"
    kept = ["evt.flag", "vertex", "adc", "_leaves"]
    read = concatenate(list(Reader([Source(path)], [layout], keep=kept)))
    same({n: read[f"keep:{n}"] for n in kept},
         {n: columns[f"keep:{n.replace('evt.', 'evt/')}"] for n in kept})


@pytest.mark.parametrize("name", ["event", "n_leaves", "file"])
def test_kept_branches_do_not_hide_written_ones(name, tmp_path, layout, event_columns) -> None:
    columns = {"file": np.zeros(3, np.int32), **event_columns(3)}
    with pytest.raises(ConfigError, match=f"--keep {name}: the output has a branch of that name"):
        write(tmp_path / "a.root", {**columns, f"keep:{name}": np.arange(3)}, layout.fields)
    assert not list(tmp_path.iterdir())


def test_absent_columns_are_not_written_and_must_stay_absent(tmp_path, layout, event_columns) -> None:
    columns = event_columns(6)
    lcag = columns.pop("lcag")
    with uproot.open(write(tmp_path / "a.root", columns, layout.fields)) as file:
        assert "lcag" not in file["events"] and "n_pairs" not in file["events"]
    with pytest.raises(ValueError, match="'lcag'"), Writer(tmp_path / "b.root", "t", layout.fields, metadata={}) as writer:
        writer.extend(columns)
        writer.extend({**columns, "lcag": lcag})
    assert not (tmp_path / "b.root").exists()


def test_trees_without_entries(tmp_path, layout, event_columns) -> None:
    with Writer(tmp_path / "none.root", "events", layout.fields, metadata={}):
        pass
    with Writer(tmp_path / "zero.root", "events", layout.fields, metadata={}) as writer:
        writer.extend(event_columns(0))
    for name in ("none", "zero"):
        path = str(tmp_path / f"{name}.root")
        with uproot.open(path) as file:
            assert file["events"].num_entries == 0
            assert set(file["events"].keys()) == {"event", "px", "e", "lcag", "weight", "n_leaves", "n_pairs"}
        assert Reader([Source(path)], [layout], need_truth=True).n_entries == 0
        assert read_metadata(path)["n_entries"] == 0


def test_chunks_without_entries_between_others(tmp_path, layout, event_columns, same) -> None:
    columns = event_columns(4)
    with Writer(tmp_path / "a.root", "events", layout.fields, metadata={}) as writer:
        for start, stop in ((0, 0), (0, 3), (3, 3), (3, 4)):
            writer.extend(slice_rows(columns, start, stop))
    read = concatenate(list(Reader([Source(str(tmp_path / "a.root"))], [layout])))
    same({name: read[name] for name in columns}, columns)


def test_metadata(tmp_path, layout, event_columns) -> None:
    path = write(tmp_path / "a.root", event_columns(6), layout.fields)
    read = read_metadata(path)
    assert read["seed"] == 7 and read["n_entries"] == 6 and read["tree"] == "events"
    assert read["package_version"] == __version__ and read["format_version"] == 2


def test_values_that_do_not_fit(tmp_path) -> None:
    fields = (Field("level", "event", "uint8", "Level."),)
    with pytest.raises(OutputError, match="'level': value 256 does not fit into uint8"):
        write(tmp_path / "a.root", {"level": np.array([1, 256])}, fields)


LIST = (Field("track", "event", "int32", "Track."), Field("wepl", "event", "float32", "Path."))


def two_trees(path: Path, columns: Columns, layout, rows: int, chunk: int = 4) -> str:
    """Write `rows` entries of a further tree for every one of the first, in turns."""
    with Writer(path, "events", layout.fields, metadata={}, further={"list": LIST}) as writer:
        for start in range(0, len(columns["event"]), chunk):
            part = slice_rows(columns, start, start + chunk)
            writer.extend(part)
            event = np.repeat(part["event"] - 2**40, rows)
            writer.extend({"track": event, "wepl": event / 2}, "list")
        assert writer.entries == {"events": len(columns["event"]), "list": rows * len(columns["event"])}
    return str(path)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_a_further_tree_has_entries_of_its_own(rows, tmp_path, layout, event_columns, same) -> None:
    columns = event_columns(23)
    path = two_trees(tmp_path / "a.root", columns, layout, rows)
    read = concatenate(list(Reader([Source(path)], [layout])))
    same({name: read[name] for name in columns}, columns)
    with uproot.open(path) as file:
        assert file.classnames(cycle=False) == {"events": "TTree", "list": "TTree", "pphysml": "TObjString"}
        further = file["list"].arrays(library="np")
    assert further["track"].dtype == np.int32 and further["wepl"].dtype == np.float32
    np.testing.assert_array_equal(further["track"], np.repeat(np.arange(23), rows))
    np.testing.assert_array_equal(2 * further["wepl"], further["track"])


def test_metadata_tell_of_each_tree_whatever_the_chunks(tmp_path, layout, event_columns) -> None:
    first, second = (read_metadata(two_trees(tmp_path / f"{c}.root", event_columns(23), layout, 2, c)) for c in (1, 9))
    assert first == second and first["n_entries"] == 23 and first["further_trees"]["list"]["n_entries"] == 46
    assert set(first["further_trees"]["list"]["checksums"]) == {"track", "wepl"}
    alone = read_metadata(write(tmp_path / "b.root", event_columns(23), layout.fields))
    assert alone["checksums"] == first["checksums"] and "further_trees" not in alone


def test_a_further_tree_that_was_never_written_to_is_empty(tmp_path, layout, event_columns) -> None:
    with Writer(tmp_path / "a.root", "events", layout.fields, metadata={}, further={"list": LIST}) as writer:
        writer.extend(event_columns(3))
    with uproot.open(tmp_path / "a.root") as file:
        assert file["list"].num_entries == 0 and file["list"].keys() == ["track", "wepl"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_between_two_trees(error, tmp_path, layout, event_columns) -> None:
    with (pytest.raises(error),
          Writer(tmp_path / "a.root", "events", layout.fields, metadata={}, further={"list": LIST}) as writer):
        writer.extend(event_columns(6))
        raise error
    with (pytest.raises(OutputError, match="'track': value 4294967296 does not fit"),
          Writer(tmp_path / "a.root", "events", layout.fields, metadata={}, further={"list": LIST}) as writer):
        writer.extend(event_columns(6))
        writer.extend({"track": np.array([2**32])}, "list")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_after_an_exception(error, tmp_path, layout, event_columns) -> None:
    with pytest.raises(error), Writer(tmp_path / "a.root", "events", layout.fields, metadata={}) as writer:
        writer.extend(event_columns(6))
        assert len(list(tmp_path.iterdir())) == 1 and not (tmp_path / "a.root").exists()
        raise error
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_if_ctrl_c_keeps_the_end_from_being_reached(tmp_path, layout, event_columns) -> None:
    writer = Writer(tmp_path / "a.root", "events", layout.fields, metadata={}).__enter__()
    writer.extend(event_columns(3))
    assert len(list(tmp_path.iterdir())) == 1
    del writer
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_after_ctrl_c(tmp_path) -> None:
    """A real interrupt in a process of its own, in the middle of the writing."""
    program = (
        "import os, signal, numpy as np\n"
        "from pphysml.io.writer import Writer\n"
        "from pphysml.io.schema import Field\n"
        f"with Writer({str(tmp_path / 'a.root')!r}, 't', [Field('x', 'event', 'int32', 'X.')], metadata={{}}) as w:\n"
        "    w.extend({'x': np.arange(5)})\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    while True: w.extend({'x': np.arange(5)})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGINT
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten_without_force(tmp_path, layout, event_columns) -> None:
    path = tmp_path / "a.root"
    path.write_bytes(b"precious")
    with pytest.raises(ConfigError, match="exists already; give --force"):
        Writer(path, "events", layout.fields, metadata={})
    with pytest.raises(RuntimeError), Writer(path, "events", layout.fields, metadata={}, force=True) as writer:
        writer.extend(event_columns(2))
        raise RuntimeError
    assert path.read_bytes() == b"precious"
    write(path, event_columns(2), layout.fields, force=True)
    assert Reader([Source(str(path))], [layout]).n_entries == 2


def test_what_came_into_being_meanwhile_is_not_overwritten(tmp_path, layout, event_columns) -> None:
    path = tmp_path / "a.root"
    with pytest.raises(OutputError, match="meanwhile"), Writer(path, "events", layout.fields, metadata={}) as writer:
        writer.extend(event_columns(2))
        path.write_bytes(b"precious")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"precious"]


def test_inputs_are_never_overwritten(tmp_path, layout, event_columns) -> None:
    path = write(tmp_path / "a.root", event_columns(2), layout.fields)
    (tmp_path / "link.root").symlink_to(path)
    for name in ("a.root", "link.root"):
        with pytest.raises(ConfigError, match="is one of the inputs"):
            Writer(tmp_path / name, "t", layout.fields, metadata={}, force=True, inputs=["root://x//y.root", path])


def test_places_that_cannot_be_written(tmp_path, layout, monkeypatch) -> None:
    with pytest.raises(OutputError, match="there is no folder"):
        Writer(tmp_path / "no" / "a.root", "t", layout.fields, metadata={})
    with pytest.raises(ConfigError, match="is not a file"):
        Writer(tmp_path, "t", layout.fields, metadata={}, force=True)
    with pytest.raises(ConfigError, match="is not a file"):
        Writer("/dev/null", "t", layout.fields, metadata={}, force=True)
    with pytest.raises(ConfigError, match="written to files only"):
        Writer("root://x//a.root", "t", layout.fields, metadata={})
    monkeypatch.setattr(os, "access", lambda *args: False)
    with pytest.raises(OutputError, match="permission denied"):
        Writer(tmp_path / "a.root", "t", layout.fields, metadata={})


@pytest.mark.parametrize("moment", ["made", "extended", "completed"])
def test_full_disk(moment, tmp_path, layout, event_columns, monkeypatch) -> None:
    def full(sink: FileSink, position: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OutputError, match=r"a.root: cannot be written: No space left on device"):
        if moment == "made":
            monkeypatch.setattr(FileSink, "write", full)
        with Writer(tmp_path / "a.root", "events", layout.fields, metadata={}) as writer:
            writer.extend(event_columns(10))
            monkeypatch.setattr(FileSink, "write", full)
            if moment == "extended":
                writer.extend(event_columns(10))
                raise AssertionError("nothing was written")
    assert not list(tmp_path.iterdir())


def test_disk_that_fills_up_on_the_way(tmp_path, layout, event_columns) -> None:
    """A limit on the size of files makes the operating system refuse in the middle of the writing."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with (pytest.raises(OutputError, match=r"a.root: cannot be written"),
              Writer(tmp_path / "a.root", "events", layout.fields, metadata={}) as writer):
            writer.extend(event_columns(100))
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
            for seed in range(50):
                writer.extend(event_columns(5000, seed=seed))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    assert not list(tmp_path.iterdir())


def test_the_output_comes_after_the_files_that_are_put_beside(tmp_path, monkeypatch) -> None:
    moved, move = [], os.replace
    monkeypatch.setattr(os, "replace", lambda source, target: moved.append(Path(target).name) or move(source, target))
    with Writer(tmp_path / "out.root", "events", (Field("a", "event", "int32", "A."),), metadata={}) as writer:
        writer.append_beside(tmp_path / "out.first", b"1")
        for name in ("out.second", "out.third"):
            writer.put_beside(tmp_path / name, lambda path: path.write_text("x"))
        writer.append_beside(tmp_path / "out.first", b"23")
    assert (tmp_path / "out.first").read_bytes() == b"123"
    assert moved == ["out.first", "out.second", "out.third", "out.root"]


def test_a_file_that_is_put_beside_appears_with_the_output_or_not_at_all(tmp_path) -> None:
    fields, list_of = (Field("a", "event", "int32", "A."),), tmp_path / "out.list"
    for fails in (True, False):
        with contextlib.suppress(ZeroDivisionError), Writer(tmp_path / "out.root", "events", fields, metadata={}) as writer:
            writer.extend({"a": np.arange(3, dtype=np.int32)})
            writer.put_beside(list_of, lambda path: path.write_text("three"))
            writer.append_beside(tmp_path / "out.grown", b"")
            assert not list_of.exists()
            _ = 1 / 0 if fails else 0
        assert [p.name for p in sorted(tmp_path.iterdir())] == ([] if fails else ["out.grown", "out.list", "out.root"])
    with pytest.raises(ConfigError, match="exists already"), Writer(tmp_path / "new.root", "events", fields, metadata={}) as writer:
        writer.put_beside(list_of, lambda path: path.write_text("other"))
    with pytest.raises(ConfigError, match="one of the inputs"), Writer(tmp_path / "new.root", "events", fields, metadata={}, force=True, inputs=[str(list_of)]) as writer:
        writer.put_beside(list_of, lambda path: path.write_text("other"))
    with pytest.raises(ConfigError, match="exists already"), Writer(tmp_path / "new.root", "events", fields, metadata={}) as writer:
        writer.append_beside(list_of, b"other")
    with pytest.raises(OutputError, match=r"far.*could not be written"), Writer(tmp_path / "new.root", "events", fields, metadata={}) as writer:
        writer.put_beside(tmp_path / "far", lambda path: Path("/nowhere/at/all").write_text(""))
    assert list_of.read_text() == "three" and len(list(tmp_path.iterdir())) == 3
