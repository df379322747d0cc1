"""The faults that benchmarks/faults.py draws: one expression each, and none where no result can change."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

SOURCE = '''
"""1 + 2 in words."""
Number = int | None
HALF = 2.0 / 4

def f(a: int | float, b: int = 3) -> "a + b":
    """a + b"""
    c: int | None = a - b
    for k in range(c):
        if k < b and not a >= c:
            raise ValueError(f"{a + b} is {min(a, b)}")
    return min(a, b) * 2 + g(a, c)[1:]  # é
'''

EXPECTED = {
    "HALF = 2.0 / 4": {"(2.0 * 4)", "2.0", "4", "(1 / 4)", "(2.0 / 2.0)"},
    "c: int | None = a - b": {"(a + b)", "a", "b", "c"},
    "for k in range(c):": {"range(c - 1)", "k"},
    "if k < b and not a >= c:": {"(k < b)", "(not a >= c)", "(k <= b)", "(k >= b)", "(a >= c)", "(a > c)", "(a < c)", "a", "b", "c", "k"},
    "return min(a, b) * 2 + g(a, c)[1:]  # é": {
        "(min(a, b) * 2 - g(a, c)[1:])", "(min(a, b) * 2)", "g(a, c)[1:]", "(min(a, b) / 2)", "min(a, b)", "2", "(min(a, b) * 1)",
        "max(a, b)", "min(b, a)", "g(c, a)", "g(a, c)[1 + 1:]", "b", "c", "k"},
}


@pytest.fixture
def faults(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import faults

    yield faults
    for name in ("faults", "fault_sites", "fault_tests"):
        sys.modules.pop(name, None)


def test_every_kind_is_found_where_something_is_computed(faults):
    lines = SOURCE.splitlines()
    found: dict[str, set[str]] = {}
    for site in faults.sites(SOURCE):
        found.setdefault(lines[site.line - 1].strip(), set()).add(site.text)
        faulty = faults.with_fault(SOURCE, site)
        ast.parse(faulty)
        assert faulty.count("\n") == SOURCE.count("\n")
        changed = [k for k, (a, b) in enumerate(zip(lines, faulty.splitlines(), strict=True), 1) if a != b]
        assert changed == [site.line]
    assert found.keys() == EXPECTED.keys()
    for line, texts in EXPECTED.items():
        assert found[line] == texts, line


def test_a_fault_is_put_where_its_lines_are_now(faults):
    fault = {"before": "    y = x + 1", "after": "    y = x - 1", "line": 2}
    source = "def f(x):\n    y = x + 1\n    return y\n"
    assert faults.placed(source, fault) == source.replace("+", "-")
    assert faults.placed("# more\n" * 5 + source, fault) == "# more\n" * 5 + source.replace("+", "-")
    assert faults.placed(source.replace("1", "2"), fault) is None


def test_the_tests_of_a_file_come_nearest_first(faults):
    stages = faults.Tests(ROOT).stages("pphysml/training/optimisation.py")
    assert stages[0] == ["tests/training/test_optimisation.py"] and "tests/training/test_loop.py" in stages[1]
    every = [test for stage in stages for test in stage]
    assert len(every) == len(set(every)) and not any("tasks/lcag" in test for test in stages[0] + stages[1])
