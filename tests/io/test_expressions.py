"""Expressions give what Python itself makes of them, row by row, and run nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pphysml.errors import ConfigError, InputError
from pphysml.io.expressions import Expression
from pphysml.io.ragged import Columns, Ragged

ROWS = [[1.5, -2.0], [], [3.0, 4.0, 0.5]]


@pytest.fixture
def columns() -> Columns:
    return {
        "pt": np.array([300.0, 450.0, 620.5], np.float32), "tau2": np.array([0.2, 0.4, 0.1]), "tau1": np.array([0.4, 0.5, 0.4]),
        "Jets.n": np.array([2, 0, 255], np.uint8), "ok": np.array([True, False, True]), "event": np.array([2**60 + 1, 2**60 + 2, 7], np.uint64),
        "part": Ragged.from_rows(ROWS), "charge": Ragged.from_rows([[1, -1], [], [0, 1, 1]], np.int8),
    }


@pytest.mark.parametrize("text", [
    "pt > 300 and tau2 / tau1 < 0.6", "pt > 300 or not ok", "-pt ** 2 + 3 * tau1", "300 < pt <= 450", "(pt - 300) % 7", "abs(tau2 - tau1)", "sqrt(pt) * log(pt)",
    "event % 2 == 0", "2 ** -1 + pt * 0", "min(pt, 400, 350)", "max(tau1, tau2)", "ok + ok - 3", "tau1 != tau2 == False", "pt < 0.1 or tau1 > 0.3 and ok",
])
def test_rows_are_what_python_makes_of_them(text: str, columns: Columns) -> None:
    found = np.asarray(Expression.parse(text)(columns))
    names = {name: column for name, column in columns.items() if name in Expression.parse(text).names}
    for row in range(3):
        values = {name: np.asarray(column)[row].item() for name, column in names.items()}
        expected = eval(text, {"sqrt": math.sqrt, "log": math.log}, values)  # the formula of the test itself
        assert found[row] == pytest.approx(expected, rel=1e-12)


def test_lists_are_reduced_and_combined_with_their_rows(columns: Columns) -> None:
    def of(text: str) -> list[float]:
        return np.asarray(Expression.parse(text)(columns)).tolist()

    pt = np.asarray(columns["pt"])
    assert of("sum(part * pt)") == pytest.approx([sum(v * p for v in row) for row, p in zip(ROWS, pt, strict=True)])
    assert of("count(part)") == [2, 0, 3]
    assert of("sum(part > 0)") == [1, 0, 3]
    assert of("any(part < 0)") == [True, False, False] and of("all(part > 0)") == [False, True, True]
    assert of("max(part)") == [1.5, -np.inf, 4.0] and of("min(part)") == [-2.0, np.inf, 0.5]
    assert of("sum(where(charge != 0, part, 0))") == pytest.approx([-0.5, 0.0, 4.5])
    assert of("mean(part)")[0] == -0.25 and math.isnan(of("mean(part)")[1])
    assert of("delta_phi(3, -3) + 0 * pt") == pytest.approx([6 - 2 * np.pi] * 3)
    whole = Expression.parse("part ** 2")(columns)
    assert isinstance(whole, Ragged) and whole.flat.tolist() == [v * v for row in ROWS for v in row]


def test_small_integers_do_not_wrap_round(columns: Columns) -> None:
    assert np.asarray(Expression.parse("0 - Jets.n")(columns)).tolist() == [-2, 0, -255]
    assert np.asarray(Expression.parse("Jets.n + Jets.n")(columns)).tolist() == [4, 0, 510]
    assert np.asarray(Expression.parse("Jets.n * Jets.n")(columns)).tolist() == [4, 0, 65025]
    assert np.asarray(Expression.parse("10 ** 10 ** 10 + pt")(columns)).tolist() == [np.inf] * 3


def test_names_are_words_dotted_words_and_quoted_text() -> None:
    assert Expression.parse("Aux.pt > 'Info:event' and sum(pt) + pt > max(1, x)").names == ("Aux.pt", "Info:event", "pt", "x")
    assert Expression.parse("a && b || c").names == ("a", "b", "c")
    assert Expression.parse("Aux.pt > 'Info:event' and sum(pt) + y[0] > max(1, x) + min(z)").row_names == ("Aux.pt", "Info:event", "x")


@pytest.mark.parametrize(("text", "reason"), [
    ("__import__('os').system('true')", "which it may not"), ("pt.__class__()", "which it may not"), ("(lambda: 1)()", "which it may not"),
    ("open('x')", "calls 'open'"), ("sqr(pt)", "Did you mean 'sqrt'"), ("pt & 1", "write and, or, not"), ("[pt]", "which it may not"),
    ("pt if pt else 1", "which it may not"), ("f'{pt}'", "which it may not"), ("pt[x]", "index"), ("pt >", "is none"), ("", "is none"),
    ("pt @ pt", "MatMult"), ("sqrt(pt, 2)", "with 2 values"), ("9" * 40, "64 bits"), ("-" * 100 + "1", "inside one another"),
    ("(" * 500 + "1" + ")" * 500, "is none"), ("1 + " * 1000 + "1", "characters"), ("sqrt(x=1)", "which it may not"), ("exit()", "calls 'exit'"),
])
def test_all_else_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        Expression.parse(text)


@pytest.mark.parametrize(("text", "reason"), [
    ("ptt > 1", "no 'ptt'.*Did you mean 'pt'"), ("sum(pt)", "there is one value"), ("pt[0]", "there is one value"), ("part[1]", "row 1 has 0 values"),
    ("part + other", "different lengths"),
])
def test_columns_that_do_not_fit_are_named(text: str, reason: str, columns: Columns) -> None:
    with pytest.raises(InputError, match=reason):
        Expression.parse(text)({**columns, "other": Ragged.from_rows([[1.0], [], []])})
