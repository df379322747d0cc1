"""What becomes of a window with three singles and more: the policies of GATE 9 and GATE 10 by name.

Source: GATE 9, GateCoincidenceSorter; GATE 10, opengate.actors.coincidences.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator

from ....errors import did_you_mean

TAKE_ALL, TAKE_WINNER, TAKE_CLOSEST, WINNER_IF_GOOD, WINNER_IF_ALL, ONLY_ONE, NONE = range(7)
"""What the kernel knows: all good pairs, the good one of largest energy, that of smallest time difference,
the pair of largest energy if it is good, or if all are good; the good pair if there is one only; no pair."""

Name = Literal[
    "takeAllGoods", "takeWinnerOfGoods", "takeClosestOfGoods", "takeWinnerIfIsGood", "takeWinnerIfAllAreGoods",
    "killAllIfMultipleGoods", "killAll", "keepAll", "keepIfAnyIsGood", "keepIfOnlyOneGood", "keepIfAllAreGoods",
]

CODES: dict[str, int] = {
    "takeAllGoods": TAKE_ALL, "takeWinnerOfGoods": TAKE_WINNER, "takeClosestOfGoods": TAKE_CLOSEST,
    "takeWinnerIfIsGood": WINNER_IF_GOOD, "takeWinnerIfAllAreGoods": WINNER_IF_ALL, "killAllIfMultipleGoods": ONLY_ONE,
    "killAll": NONE, "keepAll": NONE, "keepIfAnyIsGood": NONE, "keepIfOnlyOneGood": NONE, "keepIfAllAreGoods": NONE,
}
"""GATE keeps a multiple coincidence for dead time and bandwidth, but never writes it."""

GATE10 = {
    "RemoveMultiples": "killAll", "TakeAllGoods": "takeAllGoods", "TakeWinnerOfGoods": "takeWinnerOfGoods",
    "TakeIfOnlyOneGood": "killAllIfMultipleGoods", "TakeWinnerIfIsGood": "takeWinnerIfIsGood",
    "TakeWinnerIfAllAreGoods": "takeWinnerIfAllAreGoods",
}

BY_FOLDED = {name.casefold(): name for name in get_args(Name)} | {k.casefold(): v for k, v in GATE10.items()}


def canonical(value: Any) -> Any:
    """Return GATE 9's name of a policy given in any spelling of GATE 9 or 10; case is ignored.

    Raises:
        ValueError: there is none of that name.
    """
    if not isinstance(value, str):
        return value
    found = BY_FOLDED.get(value.casefold())
    if found is None:
        raise ValueError(f"there is no policy of that name.{did_you_mean(value, [*get_args(Name), *GATE10])}")
    return found


Policy = Annotated[Name, BeforeValidator(canonical)]
