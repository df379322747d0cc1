"""stdout is data: strict JSON for programs, uncut tables in a pipe."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pphysml_cli.output import (
    finish,
    plain,
    print_json,
    print_summary,
    print_table,
    report_skipped,
    wrapped,
)
from pphysml_cli.progress import Lines, Quiet


@dataclass
class Point:
    where: Path
    value: float


def test_json_knows_numpy_paths_dataclasses_and_no_nan(capsys) -> None:
    print_json({
        "point": Point(Path("a/b"), float("inf")), "array": np.array([[1.0, np.nan]]),
        "integer": np.int64(3), "flag": np.bool_(True), 5: (1, 2),
    })
    shown = json.loads(capsys.readouterr().out)
    assert shown == {
        "point": {"where": "a/b", "value": None}, "array": [[1.0, None]], "integer": 3, "flag": True, "5": [1, 2],
    }
    assert plain(True) is True


def test_a_table_in_a_pipe_is_neither_cut_nor_wrapped(capsys) -> None:
    long = "x" * 500
    print_table([{"name": "[a] " + long, "value": 1.5}, {"name": "b", "value": 10}])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4  # names, rule, two rows
    assert lines[2].startswith("[a] " + long) and lines[2].endswith("1.5")
    assert lines[3].split() == ["b", "10"]


def test_skipped_files_go_to_stderr_and_make_exit_code_three(capsys) -> None:
    summary = {"output": "o.root", "skipped": [("bad.root", "bad.root: is cut short."), ("b.root", "b.root: is empty.")]}
    assert finish(summary, as_json=True) == 3
    captured = capsys.readouterr()
    assert json.loads(captured.out)["skipped"][0] == ["bad.root", "bad.root: is cut short."]
    assert captured.err == "pphysml: skipped bad.root: is cut short.\npphysml: skipped b.root: is empty.\n"
    assert finish({"output": "o.root", "skipped": []}, as_json=False) == 0


def test_sentences_of_a_summary_are_one_to_a_line(capsys) -> None:
    print_summary({"output": "o.root", "warnings": ["the first, of two", "the second"], "sizes": [1, 2], "none": []})
    assert capsys.readouterr().out.splitlines() == ["output    o.root", "warnings  the first, of two", "          the second", "sizes     1, 2"]


def test_text_is_wrapped_to_the_terminal_between_words(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    text = "there is no such file: /a/long/path/which-is-longer/than-the-whole-terminal.root, tree 'events'; copy it again"
    lines = wrapped(text).splitlines()
    assert " ".join(line.strip() for line in lines) == text and all(line.startswith("    ") for line in lines[1:])
    assert [line.strip() for line in lines if len(line) > 40] == ["/a/long/path/which-is-longer/than-the-whole-terminal.root,"]


ESCAPES = "a\x1b[31m\r\n\x9bK\u202eb\udc80"
SPELLED_OUT = r"a\x1b[31m\r\n\x9bK\u202eb\udc80"


def test_what_a_terminal_would_obey_is_spelled_out_in_tables_summaries_and_messages(capsys) -> None:
    print_table([{ESCAPES: ESCAPES}])
    print_summary({"file": ESCAPES, "warnings": [ESCAPES]})
    shown = capsys.readouterr().out
    assert shown.count(SPELLED_OUT) == 4
    report_skipped([("", ESCAPES)])
    with Lines() as progress:
        progress.log(ESCAPES)
    Quiet().log(ESCAPES)
    messages = capsys.readouterr().err
    assert messages.count(r"a\x1b[31m\r") == 3
    assert all(line.isprintable() for line in (shown + messages).split("\n"))


def test_json_is_exact_and_holds_no_control_character(capsys) -> None:
    print_json({ESCAPES: [ESCAPES, "é", "\U000e0001"]})
    shown = capsys.readouterr().out
    assert shown.replace("\n", "").isprintable() and "é" in shown
    assert json.loads(shown) == {ESCAPES: [ESCAPES, "é", "\U000e0001"]}


def test_a_name_of_megabytes_does_not_fill_a_table(capsys) -> None:
    print_table([{"name": "x" * 2_000_000, "value": 1}, {"name": "b", "value": 2}])
    assert len(capsys.readouterr().out) < 10_000
