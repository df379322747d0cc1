"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from pphysml.atomic_files import (
    check_further_files,
    further_files,
    new_folder,
    replacement,
    write_files,
    written,
)
from pphysml.errors import ConfigError, OutputError
from pphysml.leftovers import mark


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


@pytest.mark.parametrize("older", [False, True])
def test_a_folder_takes_the_place_of_an_older_one_when_it_is_complete(tmp_path, older):
    path = tmp_path / "out"
    if older:
        path.mkdir()
        (path / "old").write_text("old")
        with pytest.raises(OutputError, match=r"out: could not be written: Directory not empty\.$"), new_folder(path):
            pass
    with new_folder(path, force=True) as folder:
        (folder / "new").write_text("new")
        assert os.listdir(path) == ["old"] if older else not path.exists()
    assert os.listdir(path) == ["new"] and os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize(("error", "seen"), [(ValueError, ValueError), (KeyboardInterrupt, KeyboardInterrupt),
                                             (OSError(errno.ENOSPC, "No space left on device"), OutputError)])
def test_a_folder_that_fails_leaves_the_old_one_and_nothing_else(tmp_path, error, seen):
    path = tmp_path / "out"
    path.mkdir()
    (path / "old").write_text("old")
    with pytest.raises(seen), new_folder(path, force=True) as folder, written(path):
        (folder / "half").write_text("half")
        raise error
    assert os.listdir(path) == ["old"] and os.listdir(tmp_path) == ["out"]


def test_the_older_folder_comes_back_if_the_new_one_cannot_be_moved(tmp_path, monkeypatch):
    path = tmp_path / "out"
    path.mkdir()
    (path / "old").write_text("old")
    rename, moved = Path.rename, []

    def once(source, target):
        moved.append(source)
        if len(moved) == 2:
            raise OSError(errno.EACCES, "Permission denied")
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", once)
    with pytest.raises(OutputError, match=r"out: could not be written: Permission denied\.$"), new_folder(path, force=True) as folder:
        (folder / "new").write_text("new")
    assert os.listdir(path) == ["old"] and os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("older", [False, True])
def test_further_files_join_those_of_a_folder_when_all_are_complete(tmp_path, older):
    path = tmp_path / "above" / "out"
    if older:
        (path / "plots").mkdir(parents=True)
        for name in ("mine", "report", "plots/a"):
            (path / name).write_text("old")
    for complete in (False, True):
        with pytest.raises(OutputError, match=rf"^{path}/report: full") if not complete else nullcontext(), further_files(path) as folder:
            (folder / "plots").mkdir()
            for name in ("report", "plots/a", "plots/b"):
                (folder / name).write_text("new")
            if not complete:
                raise OutputError(f"{folder / 'report'}: full.")
        found = {str(file.relative_to(path)): file.read_text() for file in path.rglob("*") if file.is_file()} if path.exists() else {}
        expected = {"mine": "old", "report": "old", "plots/a": "old"} if older else {}
        assert found == expected | ({"report": "new", "plots/a": "new", "plots/b": "new"} if complete else {})
        assert os.listdir(tmp_path / "above") == (["out"] if older or complete else [])


def test_further_files_are_written_inside_a_folder_that_is_there_and_beside_one_that_is_not(tmp_path):
    path = tmp_path / "out"
    for _ in range(2):
        inside = path.exists()
        check_further_files(path, force=inside)
        with further_files(path) as folder:
            assert folder.parent == (path if inside else tmp_path)
            (folder / "report").write_text("new")
    assert os.listdir(path) == ["report"] and os.listdir(tmp_path) == ["out"]


def test_what_a_killed_run_has_left_in_a_folder_is_no_content(tmp_path):
    killed = f".further.{mark().partition('.')[0]}.999999999.tmp"
    (tmp_path / killed).mkdir()
    check_further_files(tmp_path, force=False)
    assert not os.listdir(tmp_path)
    (tmp_path / "mine").write_text("")
    with pytest.raises(ConfigError, match="not empty"):
        check_further_files(tmp_path, force=False)
