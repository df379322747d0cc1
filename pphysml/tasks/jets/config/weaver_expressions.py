"""Expressions of weaver-core, which are Python of numpy, math and awkward, as those that pphysml reads."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import NoReturn

from ....errors import ConfigError, shortened
from ....io.expressions import FUNCTIONS, REDUCTIONS, Expression

MODULES = ("np", "numpy", "math", "ak", "awkward")

OTHER_NAMES = {"arctan2": "atan2", "absolute": "abs", "fabs": "abs", "maximum": "max", "minimum": "min", "num": "count", "log2": "", "logical_and": "", "logical_or": ""}
"""Function there -> here; "" is refused."""

DEEPEST = 20
"""New variables inside one another."""


def converted(text: str, variables: Mapping[str, str], where: str) -> str:
    """Return an expression in the words of `io.expressions`, with new variables in full.

    Args:
        where: key of the file, for the error.

    Raises:
        ConfigError: it calls a function that it may not, or is no expression.
    """
    found = ast.unparse(_Conversion(variables, where, 0).visit(_tree(text, where)))
    Expression.parse(found)
    return found


def _tree(text: str, where: str) -> ast.expr:
    try:
        return ast.parse(str(text).strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ConfigError(f"{where}: {shortened(str(text))!r} is no expression.") from None


class _Conversion(ast.NodeTransformer):
    def __init__(self, variables: Mapping[str, str], where: str, depth: int) -> None:
        self.variables = variables
        self.where = where
        self.depth = depth

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Put the formula of a new variable in its place."""
        if node.id not in self.variables:
            return node
        if self.depth > DEEPEST:
            raise ConfigError(f"{self.where.partition(',')[0]}, new_variables: {node.id} is made of itself, or of more than {DEEPEST} others inside one another.")
        where = f"{self.where}, new_variables.{node.id}"
        found: ast.AST = _Conversion(self.variables, where, self.depth + 1).visit(_tree(self.variables[node.id], where))
        return found

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Write `and` and `or` for & and |."""
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.op, (ast.BitAnd, ast.BitOr)):
            return ast.BoolOp(ast.And() if isinstance(node.op, ast.BitAnd) else ast.Or(), [left, right])
        return ast.BinOp(left, node.op, right)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """Write `not` for ~."""
        return ast.UnaryOp(ast.Not() if isinstance(node.op, ast.Invert) else node.op, self.visit(node.operand))

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Write a function by its own name; sums of awkward go over the values of each list."""
        name, arguments = self._name(node), [self.visit(argument) for argument in node.args]
        if name == "square":
            return ast.BinOp(arguments[0], ast.Pow(), ast.Constant(2))
        if name == "power":
            return ast.BinOp(arguments[0], ast.Pow(), arguments[1])
        if name == "clip" and len(arguments) == 3:
            lowest = ast.Call(ast.Name("max"), arguments[:2], [])
            return ast.Call(ast.Name("min"), [lowest, arguments[2]], [])
        name = OTHER_NAMES.get(name, name)
        axes = [keyword for keyword in node.keywords if name in REDUCTIONS and keyword.arg == "axis"]
        if (name not in FUNCTIONS and name not in REDUCTIONS) or len(axes) < len(node.keywords):
            self._refuse(node)
        # The axis may also be the second argument of a sum over lists.
        over = arguments[:1] if name in ("sum", "any", "all", "mean", "count") else arguments
        return ast.Call(ast.Name(name), over, [])

    def _name(self, node: ast.Call) -> str:
        function = node.func
        if isinstance(function, ast.Name):
            return function.id
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id in MODULES:
            return function.attr
        self._refuse(node)

    def _refuse(self, node: ast.Call) -> NoReturn:
        raise ConfigError(f"{self.where}: calls {shortened(ast.unparse(node.func))}, which pphysml may not; it knows {', '.join(dict.fromkeys([*FUNCTIONS, *REDUCTIONS]))}.")
