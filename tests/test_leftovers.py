"""Files of a process do not outlive it; those of a killed one are removed by the next."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pphysml.atomic_files import new_folder, replacement
from pphysml.leftovers import mark


@pytest.fixture(scope="module")
def dead():
    """The mark of a process that has ended."""
    done = subprocess.run([sys.executable, "-c", "from pphysml.leftovers import mark; print(mark())"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_what_a_killed_process_has_left_is_removed_by_the_next_for_the_same_place_alone(tmp_path, dead):
    machine, other = mark().split(".")[0], f"{int(mark().split('.')[0], 16) ^ 1:08x}"
    lives, gone = f"{machine}.{os.getppid()}", dead.split(".")[1]
    kept = [f".out.root.{lives}.tmp", f".out.root.{other}.{gone}.tmp", f".out2.root.{dead}.tmp", f".out.root.{dead}.txt", f"out.root.{dead}.tmp"]
    for name in (*kept, f".out.root.{dead}.tmp"):
        (tmp_path / name).write_text("half")
    (tmp_path / f".out.root.{dead}.old").mkdir()
    (tmp_path / f".out.root.{dead}.old" / "part").write_text("half")
    (tmp_path / "out.root").write_text("before")
    with replacement(tmp_path / "out.root") as stream:
        stream.write(b"whole")
    assert sorted(os.listdir(tmp_path)) == sorted([*kept, "out.root"])


def test_an_older_folder_is_kept_while_none_has_taken_its_place(tmp_path, dead):
    (tmp_path / f".run.{dead}.old").mkdir()
    with pytest.raises(KeyError), new_folder(tmp_path / "run"):
        raise KeyError
    assert os.listdir(tmp_path) == [f".run.{dead}.old"]


def test_a_process_with_the_number_of_a_killed_one_begins_anew(tmp_path):
    (tmp_path / f".out.{mark()}.tmp").mkdir()
    with new_folder(tmp_path / "out") as folder:
        assert not list(folder.iterdir())
    assert os.listdir(tmp_path) == ["out"]


def test_a_folder_of_compiled_code_ends_with_its_process(tmp_path):
    """Without a cache folder; the first process is killed, the second one ends."""
    program = "import os; from pphysml.compiled_cache import use_user_cache; use_user_cache(); print(os.listdir(os.environ['TMPDIR']), flush=True); "
    environment = {**os.environ, "XDG_CACHE_HOME": "/dev/null", "TMPDIR": str(tmp_path)}
    environment.pop("NUMBA_CACHE_DIR", None)
    found = []
    for end in ("os.kill(os.getpid(), 9)", ""):
        done = subprocess.run([sys.executable, "-c", program + end], capture_output=True, text=True, env=environment)
        found.append((done.stdout.count("pphysml-numba-"), len(os.listdir(tmp_path))))
    assert found == [(1, 1), (1, 0)]
