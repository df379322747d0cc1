"""A file is the one that it was, or another."""

from __future__ import annotations

import pytest

from pphysml.io.identity import SAMPLE, difference, identities
from pphysml.io.reader import Reader
from pphysml.io.sources import Source
from pphysml.io.writer import Writer


def written(path, layout, columns):
    with Writer(path, "events", layout.fields, metadata={}, force=True) as writer:
        writer.extend(columns)
    return identities(Reader([Source(str(path))], [layout], block_size=2))


def test_every_byte_of_a_small_file_counts_and_its_name_does_not(tmp_path, layout, event_columns):
    path = tmp_path / "a.root"
    kept = written(path, layout, event_columns(3))
    assert kept[0]["entries"] == 3 and kept[0]["bytes"] == path.stat().st_size
    reader = Reader([Source(str(path))], [layout])
    whole = path.read_bytes()
    for place in (0, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert difference(kept, identities(reader)) == f"{path}: its content has changed"
    (tmp_path / "b.root").write_bytes(whole)
    assert difference(kept, identities(Reader([Source(str(tmp_path / "b.root"))], [layout]))) == ""


def test_more_entries_and_fewer_files_are_said(tmp_path, layout, event_columns):
    kept, more = (written(tmp_path / "a.root", layout, event_columns(n)) for n in (3, 4))
    assert difference(kept, more) == f"{tmp_path / 'a.root'}: had 3 entries, and now has 4 entries"
    assert difference([*kept, *kept], kept) == "there were 2 files, and now 1"


def test_a_file_of_which_nothing_is_read_is_not_opened(tmp_path, layout, event_columns):
    good, bad = tmp_path / "a.root", tmp_path / "b.root"
    kept = written(good, layout, event_columns(3))
    bad.write_text("no ROOT file")
    reader = Reader([Source(str(good)), Source(str(bad))], [layout], on_bad_file="skip")
    bad.unlink()
    assert identities(reader) == [*kept, {"path": str(bad), "tree": None, "entries": 0}]


@pytest.mark.parametrize("size", [1, SAMPLE, 3 * SAMPLE, 16 * SAMPLE + 1, 40 * SAMPLE + 7])
def test_the_first_and_the_last_bytes_of_a_file_count(tmp_path, size):
    from pphysml.io.identity import _content

    path = tmp_path / "a"
    found = []
    for place in (None, 0, size - 1):
        content = bytearray(size)
        if place is not None:
            content[place] = 1
        path.write_bytes(content)
        found.append(_content(str(path))["sha256"])
    assert len(set(found)) == (2 if size == 1 else 3)
