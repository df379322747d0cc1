"""Every way in which a file can be bad: the sentence names file, tree, branch and entry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from pphysml.errors import ConfigError, InputError
from pphysml.io import root_files
from pphysml.io.ragged import Ragged, length
from pphysml.io.reader import Reader
from pphysml.io.sources import Source, resolve

ALGORITHMS = {"zstd": uproot.ZSTD(5), "zlib": uproot.ZLIB(1), "lz4": uproot.LZ4(4), "lzma": uproot.LZMA(1)}


def message(path: str, layout, **options) -> str:
    with pytest.raises(InputError) as caught:
        list(Reader([Source(path)], [layout], **options))
    assert path in str(caught.value)
    return str(caught.value)


def damage(path: str, branch: str, basket: int) -> None:
    """Overwrite the middle of one basket's compressed bytes."""
    with uproot.open(path) as file:
        handle = file["events"][branch]
        start = int(handle.member("fBasketSeek")[basket])
        stop = start + int(handle.member("fBasketBytes")[basket])
    content = bytearray(Path(path).read_bytes())
    # A key of about 70 bytes and the compression header come first.
    for i in range(start + 100, stop - 10):
        content[i] ^= 0xFF
    Path(path).write_bytes(content)


def test_missing_and_folder(tmp_path, layout) -> None:
    assert "there is no such file" in message(str(tmp_path / "no.root"), layout)
    assert "is a folder" in message(str(tmp_path), layout)


@pytest.mark.parametrize("content", [b"hello", b"hello, this is text, and no ROOT file at all\n" * 20, b"root" + bytes(range(256)) * 4])
def test_not_root(tmp_path, layout, content) -> None:
    (tmp_path / "a.root").write_bytes(content)
    assert "is not a readable ROOT or HDF5 file" in message(str(tmp_path / "a.root"), layout)


def test_cut_short_anywhere(tmp_path, layout, event_columns, write_root) -> None:
    """Also where uproot still opens and reads the file without an error."""
    whole = Path(write_root(tmp_path / "a.root", event_columns(2000))).read_bytes()
    for fraction in (0, 0.001, 0.1, 0.3, 0.5, 0.8, 0.99):
        (tmp_path / "cut.root").write_bytes(whole[: int(len(whole) * fraction)])
        assert "is cut short" in message(str(tmp_path / "cut.root"), layout)
    (tmp_path / "cut.root").write_bytes(whole[:-1])
    assert "is cut short" in message(str(tmp_path / "cut.root"), layout)


def test_no_permission(tmp_path, layout, event_columns, write_root, monkeypatch) -> None:
    path = write_root(tmp_path / "a.root", event_columns(3))

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(root_files.uproot, "open", refuse)
    assert "permission denied" in message(path, layout)


def test_remote_without_the_package(layout, monkeypatch) -> None:
    def missing(*args, **kwargs):
        raise ImportError("Install fsspec-xrootd")

    monkeypatch.setattr(root_files.uproot, "open", missing)
    with pytest.raises(ConfigError, match=r"pphysml\[xrootd\]"):
        Reader([Source("root://h//a.root")], [layout])


def test_missing_tree_names_the_nearest(tmp_path, layout, event_columns, write_root) -> None:
    path = write_root(tmp_path / "a.root", event_columns(3))
    with pytest.raises(InputError, match=r"there is no tree 'evnts'. Did you mean 'events'\?"):
        Reader([Source(path, "evnts")], [layout])


def test_object_that_is_no_tree(tmp_path, layout) -> None:
    with uproot.recreate(tmp_path / "a.root") as file:
        file["h"] = np.histogram([1.0, 2.0])
    with pytest.raises(InputError, match="'h' is a TH1D, not a tree"):
        Reader([Source(str(tmp_path / "a.root"), "h")], [layout])
    assert "there is no tree in it" in message(str(tmp_path / "a.root"), layout)


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_missing_branch_names_the_nearest(kind, tmp_path, layout, event_columns, write_root) -> None:
    """RNTuple would give back an array without the column, and no error."""
    columns = event_columns(3)
    columns["pxx"] = columns.pop("px")
    text = message(write_root(tmp_path / "a.root", columns, kind=kind), layout)
    assert "tree 'events': there is no branch 'px'. Did you mean 'pxx'" in text and "--map px=BRANCH" in text


def test_missing_branch_is_named_as_in_the_files_of_the_layout(tmp_path, layout, event_columns, write_root) -> None:
    fields = tuple(replace(f, aliases=("Lep_px",)) if f.name == "px" else f for f in layout.fields)
    columns = event_columns(3)
    columns["Lep_pX"] = columns.pop("px")
    text = message(write_root(tmp_path / "a.root", columns), replace(layout, fields=fields))
    assert "there is no branch 'Lep_px' or 'px'. Did you mean 'Lep_pX'" in text and "--map px=BRANCH" in text


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_every_file_is_checked_at_once(kind, tmp_path, layout, event_columns, write_root) -> None:
    good = write_root(tmp_path / "good.root", event_columns(3), kind=kind)
    columns = event_columns(3)
    del columns["e"]
    bad = write_root(tmp_path / "bad.root", columns, kind=kind)
    with pytest.raises(InputError, match=r"bad.root.*no branch 'e'"):
        Reader(resolve([good, bad]), [layout])


@pytest.mark.parametrize("option", [{"mapping": {"event": "number"}}, {"extra": ["number"]}, {"keep": ["number"]}])
def test_named_branches_must_be_there(option, tmp_path, layout, event_columns, write_root) -> None:
    path = write_root(tmp_path / "a.root", event_columns(3))
    assert "there is no branch 'number'" in message(path, layout, **option)


def test_wrong_types(tmp_path, layout, event_columns, write_root) -> None:
    columns = event_columns(3)
    scalar = write_root(tmp_path / "a.root", {**columns, "px": np.zeros(3)})
    assert "branch 'px': has one value per entry" in message(scalar, layout)
    jagged = write_root(tmp_path / "b.root", {**columns, "event": columns["px"]})
    assert "branch 'event': has many values per entry" in message(jagged, layout)
    with uproot.recreate(tmp_path / "c.root") as file:
        file.mkrntuple("events", {"px": ["a", "b"], "e": ak.Array([[[1.0]], [[2.0]]])})
    text = message(str(tmp_path / "c.root"), layout)
    assert "branch 'px': holds std::string, not numbers" in text and "1 more problem" in text


@pytest.mark.parametrize(("name", "value", "reason"), [
    ("px", np.nan, "value nan is not finite"), ("px", -np.inf, "value -inf is not finite"),
    ("e", -0.5, "value -0.5 GeV is below 0 GeV"), ("lcag", 8, "value 8 is above 7"),
])
@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_bad_values_name_the_first_entry(name, value, reason, kind, tmp_path, layout, event_columns, write_root) -> None:
    columns = event_columns(60)
    column = columns[name]
    entry = 41 + int(np.argmax(column.counts[41:] > 0))
    column.flat[column.offsets[entry] :] = value
    path = write_root(tmp_path / "a.root", columns, kind=kind, chunk=16)
    for block_size in (5, 1000):
        text = message(path, layout, block_size=block_size)
        assert f"tree 'events', branch '{name}', entry {entry}: {reason}" in text


def test_unequal_lengths(tmp_path, layout, event_columns, write_root) -> None:
    columns = event_columns(10)
    counts = columns["e"].counts
    counts[6] += 1
    columns["e"] = Ragged.from_counts(np.ones(counts.sum()), counts)
    path = write_root(tmp_path / "a.root", columns)
    assert f"branch 'e', entry 6: has {counts[6]} values where 'px' has {counts[6] - 1}" in message(path, layout)
    columns["e"] = columns["px"]
    columns["dedx"] = Ragged.from_counts(np.ones(counts.sum()), counts)
    path = write_root(tmp_path / "b.root", {**columns, "e": Ragged(columns["px"].flat**2, columns["px"].offsets)})
    assert "branch 'dedx', entry 6" in message(path, layout, extra=["dedx"])


def test_numbers_that_do_not_fit(tmp_path, layout, event_columns, write_root) -> None:
    columns = event_columns(4)
    columns["event"] = np.array([1, 2, 2**64 - 1, 3], dtype=np.uint64)
    path = write_root(tmp_path / "a.root", columns)
    assert "branch 'event', entry 2: value 18446744073709551615 does not fit into int64" in message(path, layout)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("branch", ["px", "weight"])
def test_damaged_basket_names_branch_and_entries(algorithm, branch, tmp_path, layout, event_columns, write_root) -> None:
    columns = event_columns(2500)
    # Few different values: what cannot be compressed is stored as it is, and damage to it is silent.
    for column in (columns["px"].flat, columns["weight"]):
        column[:] = np.round(column * 8) / 8
    path = write_root(tmp_path / "a.root", columns, chunk=500, compression=ALGORITHMS[algorithm])
    damage(path, branch, 3)
    for block_size in (300, 20_000):
        text = message(path, layout, block_size=block_size)
        assert f"tree 'events', branch '{branch}', entry 1500: entries 1500 to 1999 are damaged" in text


def test_skipping_bad_files(tmp_path, layout, event_columns, write_root) -> None:
    good = write_root(tmp_path / "good.root", event_columns(5))
    columns = event_columns(5)
    del columns["px"]
    lacking = write_root(tmp_path / "lacking.root", columns)
    (tmp_path / "text.root").write_text("no ROOT file" * 50)
    reader = Reader(resolve([lacking, good, str(tmp_path / "text.root"), good]), [layout], on_bad_file="skip")
    assert [path for path, _ in reader.skipped] == [lacking, str(tmp_path / "text.root")]
    assert "no branch 'px'" in reader.skipped[0][1] and "not a readable" in reader.skipped[1][1]
    assert [int(block["file"][0]) for block in reader] == [1, 3]
    with pytest.raises(InputError, match=r"None of the 1 input files can be used.*no branch 'px'"):
        Reader(resolve([lacking]), [layout], on_bad_file="skip")


def test_skipping_the_rest_of_a_file(tmp_path, layout, event_columns, write_root) -> None:
    columns = event_columns(30)
    columns["weight"][17] = np.nan
    bad = write_root(tmp_path / "bad.root", columns)
    good = write_root(tmp_path / "good.root", event_columns(12))
    reader = Reader(resolve([good, bad, good]), [layout], on_bad_file="skip", block_size=5)
    found = [(int(b["file"][0]), int(b["entry"][0]), length(b)) for b in reader]
    whole = [(0, 5), (5, 5), (10, 2)]
    assert found == [(0, *w) for w in whole] + [(1, 0, 5), (1, 5, 5), (1, 10, 5)] + [(2, *w) for w in whole]
    assert [path for path, _ in reader.skipped] == [bad]
    assert "branch 'weight', entry 17" in reader.skipped[0][1] and "Entries from 15 on" in reader.skipped[0][1]
