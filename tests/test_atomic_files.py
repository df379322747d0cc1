"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os

import pytest

from pphysml.atomic_files import replacement, write_files
from pphysml.errors import OutputError


def test_a_file_is_replaced_when_it_is_complete(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with replacement(path) as stream:
        stream.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new" and os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_fails_inside_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(error), replacement(path) as stream:
        stream.write(b"half")
        raise error
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["a.bin"]


def test_a_full_disk_is_said_of_the_file_that_did_not_fit(tmp_path, monkeypatch):
    synced = []

    def full(descriptor):
        synced.append(descriptor)
        if len(synced) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    first, second = tmp_path / "a", tmp_path / "b"
    with pytest.raises(OutputError, match=r"b: could not be written: No space left on device\.$"):
        write_files({first: b"1", second: b"2"})
    assert not os.listdir(tmp_path)
    write_files({first: b"1", second: b"2"})
    assert first.read_bytes() + second.read_bytes() == b"12"


def test_a_folder_that_is_not_there_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match=r"the weights could not be written: No such file"), replacement(tmp_path / "no" / "a", "the weights could not be written"):
        pass
