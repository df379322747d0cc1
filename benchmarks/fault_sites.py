"""Faults that one character or two of a source could have: signs, factors, off by one, swaps, dropped terms, order.

Strings, annotations, decorators and what is raised have none: they change no result.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

SIGNS = {ast.Add: ast.Sub, ast.Sub: ast.Add}
FACTORS = {ast.Mult: ast.Div, ast.Div: ast.Mult}
TERMS = (ast.Add, ast.Sub, ast.BitAnd, ast.BitOr)
OFF_BY_ONE = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
REVERSED = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
OPPOSITE = {"min": "max", "minimum": "maximum", "fmin": "fmax", "amin": "amax", "argmin": "argmax", "clamp_min": "clamp_max",
            "floor": "ceil", "sin": "cos", "any": "all", "cumsum": "cumprod", "zeros": "ones"}
OPPOSITE |= {other: name for name, other in OPPOSITE.items()}


@dataclass(frozen=True)
class Site:
    """A place in a source, in lines from 1 and bytes, and what a fault puts there."""

    kind: str
    line: int
    start: int
    end_line: int
    end: int
    text: str
    in_function: bool


def sites(source: str) -> list[Site]:
    """Return all places for a fault, in their order."""
    found: list[Site] = []
    for node, names in _code(ast.parse(source), None):
        for kind, faulty in _faults(node, names):
            assert isinstance(node, ast.expr)
            text = ast.unparse(faulty)
            if isinstance(faulty, (ast.BinOp, ast.BoolOp, ast.Compare, ast.UnaryOp)):
                text = f"({text})"
            end_line, end = node.end_lineno or node.lineno, node.end_col_offset or 0
            found.append(Site(kind, node.lineno, node.col_offset, end_line, end, text, names is not None))
    return found


def with_fault(source: str, site: Site) -> str:
    """Return the source with a fault in it."""
    lines = source.encode().splitlines(keepends=True)
    head, tail = lines[site.line - 1][: site.start], lines[site.end_line - 1][site.end :]
    lines[site.line - 1 : site.end_line] = [head + site.text.encode() + tail]
    return b"".join(lines).decode()


def _code(node: ast.AST, names: list[str] | None) -> Iterator[tuple[ast.AST, list[str] | None]]:
    """Yield the expressions that compute something, with the local names of their function; none outside of one."""
    if isinstance(node, (ast.Raise, ast.JoinedStr, ast.Assert)):
        return
    if isinstance(node, ast.Call) and _name(node.func).endswith(("Error", "warn", "echo", "option")):
        return
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        names = _locals(node)
        parts: list[ast.AST] = [*node.body]
    elif isinstance(node, ast.AnnAssign):
        parts = [node.value] if node.value else []
    elif isinstance(node, ast.ClassDef):
        parts = [*node.body]
    else:
        parts = list(ast.iter_child_nodes(node))
    yield node, names
    for part in parts:
        yield from _code(part, names)


def _locals(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    names += [n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return sorted(set(names) - {"self", "cls", "_"})


def _faults(node: ast.AST, names: list[str] | None) -> Iterator[tuple[str, ast.expr]]:
    """Yield kinds of faults of one expression, and the faulty expressions."""
    if isinstance(node, ast.BinOp) and not _text(node):
        yield from _of_operation(node)
    elif isinstance(node, ast.BoolOp):
        yield "dropped term", node.values[0]
        yield "dropped term", node.values[-1]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not, ast.Invert)):
        if not isinstance(node.operand, ast.Constant):
            yield "sign" if isinstance(node.op, ast.USub) else "reversed", node.operand
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for kind, table in (("off by one", OFF_BY_ONE), ("reversed", REVERSED)):
            if other := table.get(type(node.ops[0])):
                yield kind, ast.Compare(node.left, [other()], node.comparators)
    elif isinstance(node, ast.Call):
        yield from _of_call(node)
    elif isinstance(node, ast.Subscript):
        yield from _of_index(node)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and names and node.id in names:
        at = names.index(node.id)
        if len(names) > 1:
            yield "swapped names", ast.Name(names[(at + 1) % len(names)], ast.Load())


def _of_operation(node: ast.BinOp) -> Iterator[tuple[str, ast.expr]]:
    if other := SIGNS.get(type(node.op)):
        yield "sign", ast.BinOp(node.left, other(), node.right)
    if other := FACTORS.get(type(node.op)):
        yield "factor", ast.BinOp(node.left, other(), node.right)
        yield "factor", node.left
        yield "factor", node.right
    if isinstance(node.op, TERMS):
        yield "dropped term", node.left
        yield "dropped term", node.right
    factor = isinstance(node.op, (ast.Mult, ast.Div, ast.Pow))
    for side in ("left", "right"):
        value = node.left if side == "left" else node.right
        if _number(value) and value.value not in (0, 1):
            faulty = copy.deepcopy(node)
            changed = ast.Constant(value.value / 2 if value.value != 2 else 1) if factor else ast.Constant(value.value + 1)
            faulty.left, faulty.right = (changed, node.right) if side == "left" else (node.left, changed)
            yield "factor" if factor else "off by one", faulty


def _of_call(node: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    name, arguments = _name(node.func), node.args
    if name in OPPOSITE:
        func = copy.deepcopy(node.func)
        if isinstance(func, ast.Attribute):
            func.attr = OPPOSITE[name]
            yield "opposite", ast.Call(func, arguments, node.keywords)
        elif name in ("min", "max", "any", "all") and isinstance(func, ast.Name):
            yield "opposite", ast.Call(ast.Name(OPPOSITE[name], ast.Load()), arguments, node.keywords)
    if name in ("range", "arange"):
        last = ast.BinOp(arguments[-1] if len(arguments) < 2 else arguments[1], ast.Sub(), ast.Constant(1))
        yield "off by one", ast.Call(node.func, [last] if len(arguments) < 2 else [arguments[0], last, *arguments[2:]], node.keywords)
    plain = not any(isinstance(a, (ast.Starred, ast.Constant)) for a in arguments[:2])
    if len(arguments) > 1 and plain and name not in ("isinstance", "range", "arange", "zip") and ast.dump(arguments[0]) != ast.dump(arguments[1]):
        yield "swapped names", ast.Call(node.func, [arguments[1], arguments[0], *arguments[2:]], node.keywords)


def _of_index(node: ast.Subscript) -> Iterator[tuple[str, ast.expr]]:
    if _number(node.slice) and isinstance(node.slice.value, int):
        yield "off by one", ast.Subscript(node.value, ast.Constant(node.slice.value + 1), node.ctx)
    if isinstance(node.slice, ast.Slice):
        cut = node.slice
        if cut.lower is not None:
            moved = ast.BinOp(cut.lower, ast.Add(), ast.Constant(1))
            yield "off by one", ast.Subscript(node.value, ast.Slice(moved, cut.upper, cut.step), node.ctx)
        if cut.upper is not None and not isinstance(cut.upper, ast.UnaryOp):
            moved = ast.BinOp(cut.upper, ast.Sub(), ast.Constant(1))
            yield "off by one", ast.Subscript(node.value, ast.Slice(cut.lower, moved, cut.step), node.ctx)


def _number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _text(node: ast.BinOp) -> bool:
    """Return whether strings are added or formatted, or types are united."""
    parts = [n for side in (node.left, node.right) for n in ast.walk(side)]
    if any(isinstance(n, ast.JoinedStr) or (isinstance(n, ast.Constant) and isinstance(n.value, str)) for n in (node.left, node.right)):
        return True
    return any(isinstance(n, ast.Constant) and n.value is None for n in parts) and isinstance(node.op, ast.BitOr)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
