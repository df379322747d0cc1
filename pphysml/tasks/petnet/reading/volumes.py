"""Volumes of a scanner told apart by their ids, as one number each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ....errors import InputError
from ....io.hashing import combined
from ....io.problems import refuse
from ....io.ragged import Array, Column

LEVELS = ("rsector", "module", "submodule", "crystal", "layer")
"""Volumes of GATE's cylindricalPET from the outermost, each in the one before it."""


OUTER = ("system_id", "gantry_id")
"""What all of these lie in, where a file says so."""


def innermost(columns: Mapping[str, Column]) -> NDArray[np.uint64]:
    """Return a number for the innermost volume, from all ids there are and `volume_key`, (N,).

    Raises:
        InputError: there is no id at all.
    """
    present = [np.asarray(columns[name]) for name in ("volume_key", *OUTER, *map(_id, LEVELS)) if name in columns]
    if not present:
        file = int(np.asarray(columns["file"])[0]) if "file" in columns else None
        raise InputError("the hits have no number of a volume (rsectorID ... layerID, or PreStepUniqueVolumeID), so those of one crystal "
                         "cannot be added; name its branches with --map crystal_id=BRANCH, or the scanner with --scanner", file=file)
    return combined(*present)


def at_level(columns: Mapping[str, Column], level: str) -> NDArray[np.uint64]:
    """Return a number for the volume of a level in which each row is, (N,).

    Raises:
        InputError: an id is missing or negative, of that level or one outside it.
    """
    names = [_id(name) for name in LEVELS[: LEVELS.index(level) + 1]]
    for name in names:
        if name not in columns:
            raise InputError(f"There is no column {name!r}, by which volumes of the level {level!r} are told apart; name its branch with --map {name}=BRANCH.")
        refuse(columns, np.asarray(columns[name]) < 0, name, lambda _: f"is negative, so it lies in no volume of the level {level!r}; choose another level")
    outer: list[Array] = [np.asarray(columns[name]) for name in OUTER if name in columns]
    return combined(*outer, *(np.asarray(columns[name]) for name in names))


def _id(level: str) -> str:
    return f"{level}_id"
