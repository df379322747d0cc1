"""Progress lines, threads, folders for runs and compiled code."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from pphysml import __version__
from pphysml.compiled_cache import use_user_cache
from pphysml_cli.apply import default_output
from pphysml_cli.progress import SECONDS_BETWEEN_LINES, Lines, plain_number
from pphysml_cli.runtime import default_threads
from pphysml_cli.train import default_run


def lines_of(seconds_per_step: float, steps: int) -> list[str]:
    now = [0.0]
    stream = io.StringIO()
    with Lines(stream, lambda: now[0]) as progress:
        progress.start("read", steps * 10, "events")
        for step in range(steps):
            now[0] += seconds_per_step
            progress.advance(10, loss=float(step))
    return stream.getvalue().splitlines()


def test_a_long_stage_has_a_line_every_few_seconds_and_one_at_the_end() -> None:
    lines = lines_of(1.0, 12)
    assert len(lines) == 12 // SECONDS_BETWEEN_LINES + 1
    assert lines[0] == "read: 50 of 120 events (42%), 10 events/s, loss=4"
    assert lines[-1].startswith("read: 120 of 120 events (100%), 10 events/s")


def test_a_short_stage_has_one_line_and_an_empty_one_none() -> None:
    assert len(lines_of(0.001, 1000)) == 1
    assert lines_of(1.0, 0) == []


@pytest.mark.parametrize(("step", "lines"), [(5.0, ["a: 10 of 20 events (50%), 2 events/s", "a: 20 of 20 events (100%), 2 events/s"]), (1.0, ["a: 20 of 20 events (100%), 10 events/s"])])
def test_the_last_line_is_shown_once(step, lines) -> None:
    now = [0.0]
    stream = io.StringIO()
    with Lines(stream, lambda: now[0]) as progress:
        progress.start("a", 20, "events")
        for n in (10, 10):
            now[0] += step
            progress.advance(n)
        now[0] += 7 * (step == 5.0)
        progress.advance(0)  # as a task that flushes what is left
    assert stream.getvalue().splitlines() == lines


@pytest.mark.parametrize(("value", "text"), [
    (0.01234, "0.0123"), (7, "7"), (45.16, "45.2"), (99.99, "100"), (406.4, "406"), (4063, "4,060"), (9999, "10,000"), (123456, "123,000"), (1.2349e9, "1,230,000,000"), (0, "0"),
])
def test_rates_are_written_without_powers_of_ten(value, text) -> None:
    assert plain_number(value) == text


@pytest.mark.parametrize(("environment", "threads"), [
    ({"OMP_NUM_THREADS": "3", "SLURM_CPUS_PER_TASK": "8"}, 3),
    ({"SLURM_CPUS_PER_TASK": "8"}, 8),
    ({"OMP_NUM_THREADS": "", "SLURM_CPUS_PER_TASK": "8"}, 8),
    ({"OMP_NUM_THREADS": "0"}, None),
    ({}, None),
])
def test_threads_come_from_the_user_then_the_scheduler_then_the_affinity(environment, threads) -> None:
    assert default_threads(environment) == (threads or len(os.sched_getaffinity(0)))


def test_threads_are_set_before_anything_computes(program) -> None:
    shown = program("info", "--threads", "1", "--json", OMP_NUM_THREADS="2").out
    assert "threads used: 1" in shown


@pytest.mark.parametrize(("first", "name"), [
    ("/data/run1.root", "run1.t.root"), ("run1.root:tree", "run1.t.root"),
    ("root://host//store/run1.root:a/b", "run1.t.root"), ("a.root.part.root", "a.root.part.t.root"),
    ("/da.root/x*.root", "x.t.root"), ("files.txt", "files.t.root"), ("run1.h5:jets", "run1.t.root"),
])
def test_the_default_output_is_named_after_the_first_input(first: str, name: str) -> None:
    assert default_output(first, "t") == Path(name)


def test_all_processes_of_a_training_agree_on_the_run_folder(monkeypatch) -> None:
    monkeypatch.delenv("PPHYSML_RUN", raising=False)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_STEP_ID", "0")
    assert default_run("lcag") == Path("runs/lcag-7.0")
    monkeypatch.setenv("SLURM_JOB_ID", "8")
    assert default_run("lcag") == Path("runs/lcag-7.0")


def test_compiled_code_is_kept_in_the_users_cache(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    use_user_cache()
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path / "pphysml" / f"numba-{__version__}")
    assert (tmp_path / "pphysml" / f"numba-{__version__}").is_dir()


def test_without_a_home_a_private_folder_keeps_compiled_code(tmp_path, monkeypatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    use_user_cache()
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    assert folder.parent == tmp_path and folder.stat().st_mode & 0o077 == 0
