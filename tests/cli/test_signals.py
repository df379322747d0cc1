"""A signal ends the program in order, or comes too late: no output is left, or all of it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from . import signalled

DATA = Path(__file__).parents[2] / "data"
SORT = ("petnet", DATA / "petnet_singles.root", "--engine", "classical", "--scanner", "safir", "-q")
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_before_the_outputs_are_complete_leaves_none(tmp_path, number, code):
    done = signalled.run(number, "chunk", *SORT, "-o", tmp_path / "out.root")
    assert done.returncode == code
    assert len(done.stderr.splitlines()) == 1 and done.stdout == ""
    assert not list(tmp_path.iterdir())


def test_a_signal_during_an_import_is_not_lost(tmp_path):
    done = signalled.run(signal.SIGTERM, "importing", "lcag", DATA / "lcag_leaves.root", "-o", tmp_path / "out.root")
    assert (done.returncode, done.stderr) == (143, "pphysml: ended by SIGTERM.\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [
    ("evaluate", "petnet", SORT[1], "--engine", "classical", "-q"), ("export", "track", DATA / "track_hits.root", "--format", "pyg", "-q"),
], ids=["evaluate", "export"])
def test_a_folder_is_not_there_before_it_is_complete(tmp_path, arguments):
    done = signalled.run(signal.SIGTERM, "file_written", *arguments, "-o", tmp_path / "new" / "out")
    assert (done.returncode, done.stderr) == (143, "pphysml: ended by SIGTERM.\n")
    assert not [path for path in tmp_path.rglob("*") if path.name != "new"]


@pytest.mark.parametrize(("number", "moment"), [
    (signal.SIGINT, "moving"), (signal.SIGINT, "printing"), (signal.SIGINT, "ending"), (signal.SIGTERM, "ending")])
def test_a_signal_from_the_last_move_on_comes_too_late(tmp_path, number, moment):
    done = signalled.run(number, moment, *SORT, "-o", tmp_path / "out.root")
    assert (done.returncode, done.stderr) == (0, "") and "out.root" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.hroot", "out.root"]
