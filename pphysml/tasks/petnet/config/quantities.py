"""Times and ranges as users write them: `500`, `4.5ns`, `391:601`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from ....errors import ConfigError
from ....io.units import conversion

NUMBER = re.compile(r"^\s*([-+0-9.eE]+?)\s*([a-zA-Z]+)?\s*$")


def with_unit(value: Any, unit: str) -> Any:
    """Return a number in `unit` of text such as "4.5 ns"; what is no text is returned as it is.

    Raises:
        ValueError: not a number with a unit that fits.
    """
    if not isinstance(value, str):
        return value
    found = NUMBER.match(value)
    try:
        # The factor of two units may be off in the last digit.
        return float(f"{float(found[1]) * conversion(found[2] or unit, unit):.12g}") if found else _refuse(value, unit)
    except (ConfigError, ValueError):
        return _refuse(value, unit)


def low_high(value: Any) -> Any:
    """Return [low, high] in keV of text such as "391:601" or "0.4MeV:0.6MeV"; lists as they are.

    Raises:
        ValueError: not two numbers with a colon between them.
    """
    if not isinstance(value, (str, int, float)):
        return value
    parts = str(value).split(":")
    if len(parts) != 2:
        raise ValueError("must be LOW:HIGH in keV, for example 391:601")
    return [with_unit(part, "keV") for part in parts]


def rising(window: tuple[float, float]) -> tuple[float, float]:
    """Return a range as it is.

    Raises:
        ValueError: its ends are in the wrong order, so that nothing is inside.
    """
    if window[0] >= window[1]:
        raise ValueError(f"{window[0]:g} must be below {window[1]:g}")
    return window


def _refuse(value: str, unit: str) -> float:
    raise ValueError(f"{value!r} is no number with a unit such as {unit}")


Picoseconds = Annotated[float, BeforeValidator(lambda value: with_unit(value, "ps"))]
EnergyRange = Annotated[tuple[float, float], BeforeValidator(low_high), AfterValidator(rising)]
Window = Annotated[Picoseconds, Field(gt=0, le=1e9)]
