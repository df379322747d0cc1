"""Options that are expressions."""

from __future__ import annotations

from ....errors import ConfigError
from ....io.expressions import Expression


def checked(text: str) -> str:
    """Return an expression, which is one.

    Raises:
        ValueError: it is none, or calls what it may not; of a validator, which adds the name of the option.
    """
    try:
        Expression.parse(text)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return text
