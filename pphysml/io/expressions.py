"""Expressions over columns, as `jet_pt > 300 and tau2 / tau1 < 0.6`, by a parser that knows a few operations and runs nothing else."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NoReturn

import numpy as np

from ..errors import ConfigError, InputError, did_you_mean, shortened
from .ragged import Array, Column, Ragged

LONGEST = 2000
"""Characters of an expression."""

DEEPEST = 60
"""Operations inside one another."""

KEPT = 1000
"""Expressions that are read once."""

Value = Any
"""A Python number, an array with one value per row, or `Ragged`."""


def _wide(value: Value) -> Value:
    """Return numbers with 64 bits and a sign: small integers wrap round, and truth values cannot be subtracted."""
    values = np.asarray(value)
    if values.dtype.kind == "f" or (values.dtype == np.uint64 and values.size and values.max() >= 2**63):
        return values.astype(np.float64, copy=False)
    return values.astype(np.int64, copy=False)


def _whole(function: Callable[..., Value]) -> Callable[..., Value]:
    """Return a function of numbers with 64 bits, which stay whole where they are."""
    return lambda *values: function(*map(_wide, values))


def _real(function: Callable[..., Value]) -> Callable[..., Value]:
    """Return a function of float64: products and powers of integers overflow."""
    return lambda *values: function(*(np.asarray(value, np.float64) for value in values))


OPERATORS: dict[type[ast.AST], Callable[..., Value]] = {
    ast.Add: _whole(operator.add), ast.Sub: _whole(operator.sub), ast.Mod: _whole(np.mod), ast.USub: _whole(operator.neg), ast.UAdd: _whole(operator.pos),
    ast.Mult: _real(operator.mul), ast.Div: _real(operator.truediv), ast.Pow: _real(operator.pow), ast.Not: np.logical_not, ast.And: np.logical_and, ast.Or: np.logical_or,
    ast.Lt: np.less, ast.LtE: np.less_equal, ast.Gt: np.greater, ast.GtE: np.greater_equal, ast.Eq: np.equal, ast.NotEq: np.not_equal,
}


FUNCTIONS: dict[str, tuple[Callable[..., Value], int]] = {
    **{name: (_real(getattr(np, name)), 1) for name in ("sqrt", "exp", "log", "log10", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh", "floor", "ceil")},
    "abs": (_whole(np.abs), 1), "isfinite": (np.isfinite, 1), "hypot": (_real(np.hypot), 2), "atan2": (_real(np.arctan2), 2),
    "delta_phi": (_real(lambda first, second: (first - second + np.pi) % (2 * np.pi) - np.pi), 2), "where": (np.where, 3), "min": (np.minimum, 2), "max": (np.maximum, 2),
}
"""Name -> what it does value by value, and how many values it takes; `delta_phi` lies between -pi and pi."""


def _sums(values: Array, offsets: Array) -> Array:
    sums = np.concatenate([np.zeros(1, np.float64), np.cumsum(values, dtype=np.float64)])[offsets]
    return np.diff(sums)


def _extremes(of: np.ufunc, empty: float) -> Callable[[Array, Array], Array]:
    def reduce(values: Array, offsets: Array) -> Array:
        counts = np.diff(offsets)
        found = np.full(len(counts), empty)
        if len(values):
            found[counts > 0] = of.reduceat(values, offsets[:-1][counts > 0])
        return found

    return reduce


def _means(values: Array, offsets: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return _exact_sums(values, offsets) / np.diff(offsets)


def _exact_sums(values: Array, offsets: Array) -> Array:
    """Return the sum of each list; integers and truth values exactly, others without the rounding of a running sum."""
    if values.dtype.kind in "biu":
        return _sums(values, offsets)
    counts = np.diff(offsets)
    found = np.zeros(len(counts))
    if len(values):
        found[counts > 0] = np.add.reduceat(values.astype(np.float64), offsets[:-1][counts > 0])
    return found


REDUCTIONS: dict[str, Callable[[Array, Array], Array]] = {
    "sum": _exact_sums,
    "mean": _means,
    "count": lambda values, offsets: np.diff(offsets),
    "any": lambda values, offsets: _sums(values != 0, offsets) > 0,
    "all": lambda values, offsets: _sums(values == 0, offsets) == 0,
    "min": _extremes(np.minimum, np.inf),
    "max": _extremes(np.maximum, -np.inf),
}
"""Name -> what it makes of the list of each row; of an empty one sum and count are 0, `all` is true, the mean is no number, min and max are infinite."""


@dataclass(frozen=True)
class Expression:
    """A formula over columns by their names.

    Numbers, `+ - * / % **`, comparisons, `and or not`, brackets, the functions of `FUNCTIONS`, and those of `REDUCTIONS`
    over the values of a list. `name[0]` is the first value of each list; a name that is no word is quoted.

    Attributes:
        text: as it was given.
    """

    text: str
    _tree: ast.expr

    @classmethod
    @lru_cache(maxsize=KEPT)
    def parse(cls, text: str) -> Expression:
        """Read an expression; the same ones are read again and again, for every batch.

        Raises:
            ConfigError: it is none, or does what expressions may not; says what.
        """
        shown = shortened(text)
        if len(text) > LONGEST:
            raise ConfigError(f"The expression {shown!r} has more than {LONGEST} characters.")
        try:
            tree = ast.parse(text.replace("&&", " and ").replace("||", " or ").strip(), mode="eval").body
            _check(tree, shown, 0)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ConfigError(f"The expression {shown!r} is none: a formula of names, numbers, + - * / % **, comparisons, and, or, not, and functions is wanted.") from None
        return cls(text, tree)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns that it takes, each once, in their order."""
        return _names(self._tree)

    @cached_property
    def row_names(self) -> tuple[str, ...]:
        """Those of them that stand for one value per row where the expression has one: not inside `sum(...)` and its like, nor with an index."""
        return _names(self._tree, reduced=False)

    def __call__(self, columns: Mapping[str, Column]) -> Column:
        """Return its value for every row: an array, or `Ragged` where it is one of lists.

        Division by zero and logarithms of negative numbers give infinity and NaN.

        Raises:
            InputError: a column is not there, or lists differ in length.
        """
        with np.errstate(all="ignore"):
            value = self._of(self._tree, columns)
        if isinstance(value, Ragged):
            return value
        rows = next((len(column) for column in columns.values()), 0)
        return np.broadcast_to(np.asarray(value), (rows,)) if np.ndim(value) == 0 else value

    def _of(self, node: ast.AST, columns: Mapping[str, Column]) -> Value:
        name = _name(node)
        if name is not None:
            if name not in columns:
                raise InputError(f"There is no {name!r}, which the expression {shortened(self.text)!r} takes.{did_you_mean(name, list(columns))}")
            return columns[name]
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, (ast.UnaryOp, ast.BinOp, ast.BoolOp)):
            operands = [node.operand] if isinstance(node, ast.UnaryOp) else [node.left, node.right] if isinstance(node, ast.BinOp) else node.values
            value = self._of(operands[0], columns)
            if isinstance(node, ast.UnaryOp):
                return self._elementwise(OPERATORS[type(node.op)], value)
            for other in operands[1:]:
                value = self._elementwise(OPERATORS[type(node.op)], value, self._of(other, columns))
            return value
        if isinstance(node, ast.Compare):
            return self._compared(node, columns)
        if isinstance(node, ast.Subscript):
            return self._element(self._of(node.value, columns), ast.literal_eval(node.slice), ast.unparse(node))
        assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        return self._called(node.func.id, [self._of(argument, columns) for argument in node.args])

    def _compared(self, node: ast.Compare, columns: Mapping[str, Column]) -> Value:
        values = [self._of(each, columns) for each in (node.left, *node.comparators)]
        pairs = [self._elementwise(OPERATORS[type(op)], left, right) for op, left, right in zip(node.ops, values[:-1], values[1:], strict=True)]
        found = pairs[0]
        for other in pairs[1:]:
            found = self._elementwise(np.logical_and, found, other)
        return found

    def _called(self, name: str, values: list[Value]) -> Value:
        if name in REDUCTIONS and len(values) == 1:
            if not isinstance(values[0], Ragged):
                raise InputError(f"{name}(...) in the expression {shortened(self.text)!r} is over the values of a list, but there is one value.")
            return REDUCTIONS[name](values[0].flat, values[0].offsets)
        function, _ = FUNCTIONS[name]
        first, *others = values
        if name in ("min", "max"):
            for other in others:
                first = self._elementwise(function, first, other)
            return first
        return self._elementwise(function, *values)

    def _elementwise(self, function: Callable[..., Value], *values: Value) -> Value:
        lists = [value for value in values if isinstance(value, Ragged)]
        if not lists:
            return function(*values)
        offsets = lists[0].offsets
        if any(not np.array_equal(other.offsets, offsets) for other in lists[1:]):
            raise InputError(f"The expression {shortened(self.text)!r} combines lists of different lengths.")
        counts = np.diff(offsets)
        flat = [value.flat if isinstance(value, Ragged) else np.repeat(value, counts) if np.ndim(value) else value for value in values]
        return Ragged(function(*flat), offsets)

    def _element(self, value: Value, index: int, shown: str) -> Array:
        if not isinstance(value, Ragged):
            raise InputError(f"{shown} in the expression {shortened(self.text)!r} takes a value of a list, but there is one value.")
        short = value.counts <= index
        if short.any():
            raise InputError(f"{shown} in the expression {shortened(self.text)!r} is not there: row {int(np.argmax(short))} has {value.counts[short][0]} values.")
        return value.flat[value.offsets[:-1] + index]


def _names(tree: ast.AST, reduced: bool = True) -> tuple[str, ...]:
    """Return the names of columns, each once; `reduced`: also those of which one value is made per row."""
    found: dict[str, None] = {}

    def walk(node: ast.AST) -> None:
        name = _name(node)
        if name is not None:
            found[name] = None
        elif reduced or not _reduces(node):
            for child in ast.iter_child_nodes(node):
                if not (isinstance(node, ast.Call) and child is node.func):
                    walk(child)

    walk(tree)
    return tuple(found)


def _reduces(node: ast.AST) -> bool:
    """Return whether something makes one value of a list."""
    of_list = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REDUCTIONS and len(node.args) == 1
    return of_list or isinstance(node, ast.Subscript)


def _name(node: ast.AST) -> str | None:
    """Return the name of a column: a word, words with dots between them, or quoted text."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        above = _name(node.value)
        return None if above is None else f"{above}.{node.attr}"
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _check(node: ast.AST, text: str, depth: int) -> None:
    """Refuse what expressions may not do."""
    if depth > DEEPEST:
        raise ConfigError(f"The expression {text!r} has more than {DEEPEST} operations inside one another.")
    if _name(node) is not None:
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
        if isinstance(node.value, int) and abs(node.value) >= 2**63:
            _refuse(text, "a number of more than 64 bits")
        return
    if isinstance(node, ast.Call):
        _check_call(node, text)
        inside: list[ast.AST] = list(node.args)
    elif isinstance(node, ast.Subscript):
        if not (isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int) and node.slice.value >= 0):
            _refuse(text, f"{ast.unparse(node)}, whose index is no whole number from 0 on")
        inside = [node.value]
    elif isinstance(node, ast.Compare):
        _check_operators(node.ops, text)
        inside = [node.left, *node.comparators]
    elif isinstance(node, (ast.UnaryOp, ast.BinOp, ast.BoolOp)):
        _check_operators([node.op], text)
        inside = [node.operand] if isinstance(node, ast.UnaryOp) else [node.left, node.right] if isinstance(node, ast.BinOp) else list(node.values)
    else:
        _refuse(text, ast.unparse(node))
    for child in inside:
        _check(child, text, depth + 1)


def _check_operators(operators: list[Any], text: str) -> None:
    for each in operators:
        if isinstance(each, (ast.BitAnd, ast.BitOr, ast.Invert)):
            raise ConfigError(f"The expression {text!r} has &, | or ~, which bind more strongly than a comparison: write and, or, not.")
        if type(each) not in OPERATORS:
            _refuse(text, f"the operation {type(each).__name__}")


def _check_call(node: ast.Call, text: str) -> None:
    known = [*FUNCTIONS, *REDUCTIONS]
    if not isinstance(node.func, ast.Name) or node.keywords:
        _refuse(text, ast.unparse(node))
    name, n = node.func.id, len(node.args)
    if name not in known:
        raise ConfigError(f"The expression {text!r} calls {name!r}, which it may not.{did_you_mean(name, known)}")
    fits = (n == 1 and name in REDUCTIONS) or (name in FUNCTIONS and (n == FUNCTIONS[name][1] or (n > 1 and name in ("min", "max"))))
    if not fits:
        _refuse(text, f"{ast.unparse(node)}, with {n} values")


def _refuse(text: str, what: str) -> NoReturn:
    raise ConfigError(f"The expression {text!r} has {what}, which it may not.")
