"""Every way a run can end has its documented exit code, and one line."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import click
import pytest

from pphysml import errors
from pphysml_cli.failures import explain


@pytest.mark.parametrize(("error", "code"), [
    (errors.ConfigError("x"), 2), (errors.InputError("x"), 3), (errors.ModelError("x"), 4),
    (errors.OutputError("x"), 5), (errors.Stopped("x"), 75), (errors.Interrupted("x"), 130),
    (KeyboardInterrupt(), 130), (click.UsageError("x"), 2), (click.Abort(), 130),
    (OSError(errno.ENOSPC, "No space left on device"), 5), (OSError(errno.EDQUOT, "Quota exceeded"), 5),
    (FileNotFoundError(errno.ENOENT, "No such file"), 1), (ZeroDivisionError("x"), 1), (MemoryError(), 5),
    (BrokenPipeError(), 141), (click.exceptions.Exit(0), 0), (SystemExit(3), 3), (SystemExit(0), 0),
])
def test_exit_codes(error: BaseException, code: int) -> None:
    assert explain(error).code == code


def test_a_full_disk_names_the_file() -> None:
    failure = explain(OSError(errno.ENOSPC, "No space left on device", "out.root"))
    assert failure.message == "pphysml: error: out.root: could not be written: No space left on device."


def test_a_bug_is_called_one_and_stays_on_one_line() -> None:
    failure = explain(ValueError("a\nb"))
    assert failure.message.startswith("pphysml: error: ValueError: a b ") and "--debug" in failure.message
    assert failure.unexpected


def test_several_problems_are_one_line_each() -> None:
    assert explain(errors.ConfigError("first\nsecond")).message.splitlines() == [
        "pphysml: error: first", "pphysml: error: second"
    ]


def test_a_reader_that_goes_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "pphysml_cli.main", "config", "lcag", "schema"],
        stdout=writing, stderr=subprocess.PIPE, text=True,
    )
    os.close(writing)
    assert done.stderr == "" and done.returncode == 141


def test_a_full_device_is_an_output_error() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "pphysml_cli.main", "config", "lcag"],
            stdout=full, stderr=subprocess.PIPE, text=True,
        )
    assert done.returncode == 5
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(closed: str) -> None:
    command = f"{sys.executable} -m pphysml_cli.main config lcag list {closed}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""


def test_whoever_read_the_errors_may_have_gone_too() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-m", "pphysml_cli.main", "config", "nothing"], stdout=subprocess.PIPE, stderr=writing)
    os.close(writing)
    assert done.returncode == 2


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EIO])
def test_what_the_system_refuses_is_no_bug(number: int) -> None:
    failure = explain(OSError(number, os.strerror(number), "a/b"))
    assert failure.code == 5 and failure.message == f"pphysml: error: a/b: the system refuses it: {os.strerror(number)}."


@pytest.mark.parametrize(("verb", "output", "words"), [
    (["lcag", "a.root"], "", "the name is empty"), (["lcag", "a.root"], "new/", "is a folder; name the file"),
    (["simulate", "lcag", "-n", "1"], ".", "is not a file"), (["evaluate", "lcag", "a.root"], "", "the name is empty"),
    (["simulate", "lcag", "-n", "1"], "b" * 300, "File name too long"), (["simulate", "lcag", "-n", "1"], "/dev/null", "is not a file"),
    (["train", "lcag"], "b" * 300, "File name too long"), (["evaluate", "lcag", "a.root"], "b" * 300, "File name too long"),
])
def test_outputs_that_can_be_none_are_refused_in_a_sentence(verb, output: str, words: str, pphysml, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = pphysml(*verb, "-o", output)
    assert ended.code in (2, 3, 5) and "bug" not in ended.err
    assert words in ended.err or "No file matches" in ended.err
