"""Times and ranges as users write them: `500`, `4.5ns`, `391:601`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ....io.units import with_unit


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


Picoseconds = Annotated[float, BeforeValidator(lambda value: with_unit(value, "ps"))]
EnergyRange = Annotated[tuple[float, float], BeforeValidator(low_high), AfterValidator(rising)]
Tof = Annotated[
    Literal["learnt"] | Annotated[float, Field(gt=0, le=1e9)], BeforeValidator(lambda value: value if value == "learnt" else with_unit(value, "ps"))]
Window = Annotated[Picoseconds, Field(gt=0, le=1e9)]
