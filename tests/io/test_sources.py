"""Names of input files."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from pphysml.errors import ConfigError, InputError
from pphysml.io.sources import Source, absent, names_in, resolve


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("run_2.root", "run_1.root", "other.root"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_globs_are_sorted_and_carry_the_tree(folder: Path) -> None:
    assert resolve(["run_*.root:events"]) == [Source("run_1.root", "events"), Source("run_2.root", "events")]


def test_own_tree_wins_over_the_default(folder: Path) -> None:
    assert resolve(["other.root:a/b", "run_1.root"], tree="t") == [Source("other.root", "a/b"), Source("run_1.root", "t")]


def test_same_file_twice_stays_twice(folder: Path) -> None:
    assert resolve(["other.root", "other.root"]) == [Source("other.root")] * 2


@pytest.mark.parametrize("name", ["@files", "files.txt", "@files.txt"])
def test_list_files(folder: Path, name: str) -> None:
    (folder / name.removeprefix("@")).write_text("# all runs\nrun_*.root:events\n\nother.root  # one more\n")
    assert resolve([name], tree="t") == [
        Source("run_1.root", "events"), Source("run_2.root", "events"), Source("other.root", "t")]


def test_list_naming_itself_ends(folder: Path) -> None:
    (folder / "loop.txt").write_text("loop.txt\n")
    with pytest.raises(InputError, match="name each other"):
        resolve(["loop.txt"])


def test_colon_in_a_folder_name(folder: Path) -> None:
    odd = folder / "12:30.rooted:x"
    odd.mkdir()
    (odd / "a.root").touch()
    assert resolve([str(odd / "a.root")]) == [Source(str(odd / "a.root"))]
    assert resolve([str(odd / "*.root:t")]) == [Source(str(odd / "a.root"), "t")]


def test_a_tree_may_follow_other_endings(folder: Path) -> None:
    (folder / "a.h5").touch()
    (folder / "x.root:y.hdf5").touch()
    assert resolve(["a.h5:jets", "x.root:y.hdf5:jets", "x.root:y.hdf5"]) == [Source("a.h5", "jets"), Source("x.root:y.hdf5", "jets"), Source("x.root:y.hdf5")]


def test_brackets_in_an_existing_name_are_no_glob(folder: Path) -> None:
    (folder / "run[1].root").touch()
    assert resolve(["run[1].root"]) == [Source("run[1].root")]


def test_nothing_matches_names_neighbours(folder: Path) -> None:
    with pytest.raises(InputError, match=r"No file matches 'runs_1.root'.*'run_1.root'"):
        resolve(["runs_1.root"])
    with pytest.raises(InputError, match=r"No file matches 'x_\*.root'"):
        resolve(["x_*.root"])
    with pytest.raises(InputError, match="no folder 'nowhere'"):
        resolve(["nowhere/run_1.root"])


def test_folder_and_empty_lists_are_errors(folder: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        resolve([str(folder)])
    (folder / "none.txt").write_text("# nothing\n")
    with pytest.raises(InputError, match="names no file"):
        resolve(["none.txt"])
    with pytest.raises(ConfigError, match="No input file"):
        resolve([])


def test_xrootd_is_named_when_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install pphysml\[xrootd\]"):
        resolve(["root://eos.example//store/a.root"])


def test_remote_addresses_keep_their_colons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert resolve(["root://h:1094//a.root:t"]) == [Source("root://h:1094//a.root", "t")]
    with pytest.raises(ConfigError, match="'gopher'"):
        resolve(["gopher://h/a.root"])


def test_files_of_a_glob_come_in_the_order_of_their_numbers(tmp_path) -> None:
    for name in ("f1", "f10", "f2", "f11", "f02b", "g/f9", "g/f10"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.root").write_bytes(b"")
    assert [Path(s.path).stem for s in resolve([f"{tmp_path}/f*.root:events"])] == ["f1", "f2", "f02b", "f10", "f11"]
    assert [Path(s.path).stem for s in resolve([f"{tmp_path}/g/*.root"])] == ["f9", "f10"]
    # What the shell or a list has put in order stays so.
    given = [f"{tmp_path}/f10.root", f"{tmp_path}/f1.root", f"{tmp_path}/f2.root"]
    (tmp_path / "list.txt").write_text("\n".join(given))
    assert [s.path for s in resolve(given)] == given == [s.path for s in resolve([f"{tmp_path}/list.txt"])]


@pytest.mark.parametrize(("name", "words"), [
    ("b" * 300 + ".root", "File name too long"), ("b/" * 3000 + "c.root", "File name too long"), ("a\0b.root", "null"), ("no.root", "No file matches"),
])
def test_names_that_can_be_none_are_refused_in_a_sentence(name: str, words: str, tmp_path) -> None:
    (tmp_path / "list.txt").write_text(name + "\n")
    for given in (name, f"{tmp_path}/list.txt"):
        with pytest.raises(InputError, match=words):
            resolve([given])


def test_closed_folders_are_called_closed(tmp_path, monkeypatch) -> None:
    """The tests may run as root, whom nothing is closed to."""
    def closed(*arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.stat", closed)
    monkeypatch.setattr("os.listdir", closed)
    assert str(absent("closed/a.root")) == "closed/a.root: cannot be found: Permission denied."
    with pytest.raises(InputError, match="closed: the folder cannot be read: Permission denied"):
        names_in("closed")
