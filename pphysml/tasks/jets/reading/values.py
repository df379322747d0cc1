"""Values of expressions for every jet."""

from __future__ import annotations

import numpy as np

from ....errors import InputError, did_you_mean, shortened
from ....io.expressions import Expression
from ....io.problems import of_first_file
from ....io.ragged import Array, Columns, Ragged, length


def values_of(texts: list[str], examples: Columns) -> Array:
    """Return the values of expressions for every jet, float64 (n, expressions), as they are.

    Raises:
        InputError: one takes what is not there, or is a list for each jet.
    """
    columns = np.empty((length(examples), len(texts)))
    with of_first_file(examples):
        for k, text in enumerate(texts):
            columns[:, k] = value_of(text, examples)
    return columns


def value_of(text: str, examples: Columns) -> Array:
    """Return the value of one expression for every jet, (n,), in its own type.

    Raises:
        InputError: as `values_of`.
    """
    expression = Expression.parse(text)
    if lacking := [name for name in expression.names if name not in examples]:
        raise InputError(f"There is no {lacking[0]!r}, which the expression {shortened(text)!r} takes.{did_you_mean(lacking[0], list(examples))} Name it with --map {lacking[0]}=BRANCH.")
    value = expression(examples)
    if isinstance(value, Ragged):
        raise InputError(f"The expression {text!r} has a list for each jet; one value is wanted, as by sum(...). Of other jets than those that are read, see --layout and --collection.")
    return value
