"""What goes to stdout: tables for a person, JSON for a program."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from pphysml.printable import printable, printable_lines, readable

WIDE = 10_000
"""Width of tables in a pipe, where nothing may be cut or wrapped."""


PAGE = 100
"""Width of text where there is no terminal."""


def wrapped(text: str, first: str = "", then: str = "    ") -> str:
    """Return text in lines of the terminal's width, broken between words only, with the indents of the first line and of the others."""
    width = shutil.get_terminal_size((PAGE, 24)).columns
    return textwrap.fill(text, width, initial_indent=first, subsequent_indent=then, break_long_words=False, break_on_hyphens=False)


def show(text: str = "") -> None:
    """Print text for a person on stdout, without what a terminal would obey."""
    print("\n".join(map(printable, text.split("\n"))))


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a message at once, by default on stderr, without what a terminal would obey, and not longer than can be read."""
    print("\n".join(printable_lines(text)), file=stream or sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Print as strict JSON: paths are text, numbers that are not finite are null; what a terminal would obey is escaped."""
    text = json.dumps(plain(value), indent=2, allow_nan=False, ensure_ascii=False)
    print(re.sub(r"[^\n -~]", lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text))


def plain(value: Any) -> Any:
    """Return dataclasses, numpy values, paths and tuples as what JSON knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def print_table(rows: Iterable[Mapping[str, Any]], title: str = "") -> None:
    """Print rows that have equal keys; the keys are the columns."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = list(rows)
    if title:
        show(title)
    if not rows:
        print("  (none)")
        return
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    for name in rows[0]:
        numbers = all(isinstance(row[name], (int, float)) for row in rows)
        table.add_column(Text(printable(name)), justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(readable(cell(row[name])))) for name in rows[0]))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
    with console.capture() as captured:
        console.print(table)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def print_summary(values: Mapping[str, Any]) -> None:
    """Print names and values, one to a line."""
    shown = {name: value for name, value in values.items() if value not in (None, [], {}, ())}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        # Sentences and paths are read one by one.
        texts = value if isinstance(value, list) and all(isinstance(item, str) for item in value) else [cell(value)]
        for label, text in zip([name.replace("_", " "), *[""] * (len(texts) - 1)], texts, strict=True):
            print(printable(f"{label:<{width}}  {text}"))


def cell(value: Any) -> str:
    """Return a value as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        # Large numbers are written out, as a person counts them.
        return f"{value:.0f}" if 1e5 <= abs(value) < 1e12 else f"{value:.5g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {cell(item)}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(cell, value))
    return "" if value is None else str(value)


def finish(summary: Mapping[str, Any], as_json: bool) -> int:
    """Print a summary and return the exit code: 3 if files were skipped, which stderr names."""
    if as_json:
        print_json(summary)
    else:
        print_summary({name: value for name, value in summary.items() if name != "skipped"})
    return report_skipped(summary.get("skipped") or ())


def report_skipped(skipped: Sequence[tuple[str, str]]) -> int:
    """Say on stderr why input files were skipped (path and reason of each); return 3 if there are any, else 0."""
    for _, reason in skipped:
        say(f"pphysml: skipped {reason}")
    return 3 if skipped else 0
