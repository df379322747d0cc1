"""Options of the engine without weights, and of how pairs are taken."""

from __future__ import annotations

from typing import Literal

from ....config import Config, option
from .policies import Policy

EVEN = 0.5
"""Probability at which a pair is as likely right as wrong."""


class ClassicalConfig(Config):
    """The engine `classical`: a coincidence sorter as in GATE."""

    policy: Policy = option("takeWinnerOfGoods", "What becomes of a window with three singles and more, in the words of GATE 9 or of GATE 10; takeClosestOfGoods takes the good pair with the smallest time difference.")
    opening: Literal["first", "every"] = option("first", "Singles that open a window: the first one that lies in no other's window, or every single.")
    window_end: Literal["closed", "open"] = option("closed", "Whether a pair whose time difference is exactly the window is inside (closed, as in GATE 10) or not (open, as in GATE 9).")
    delayed: Literal["matched", "gate"] = option("matched", "Delayed windows: one for each prompt one, with every second of the pairs that are late by exactly the offset, since equal times make one prompt pair, not two (matched); or, as in GATE, of every single that lies in no delayed window that is open, with all pairs (gate).")
    other_volumes: bool = option(False, "Take singles of one volume for no pair at all, as GATE 10 does, so that they do not make a multiple either.")
    min_sector_difference: int = option(0, "Smallest difference of the rsectors of a good pair, around the ring; rsectors that are copies along the axis count as one, and pairs of two systems (systemID) always pass, as in GATE 9.", ge=0)
    sectors: int | None = option(None, "Number of rsectors around the axis, of which numbers are taken modulo; null takes those of the scanner, or learns it from where rsectors are in the singles that are surveyed.", ge=1)
    min_transaxial_distance: float = option(0.0, "Smallest distance of the singles of a good pair across the axis.", "mm", ge=0)
    max_axial_distance: float | None = option(None, "Largest distance along the axis; null sets no limit.", "mm", ge=0)
    fov_radius: float | None = option(None, "Largest distance of the line of a good pair from the axis; null sets no limit.", "mm", gt=0)
    fov_length: float | None = option(None, "Length along the axis, about z = 0, in which the middle of the line of a good pair must lie; null sets no limit.", "mm", gt=0)
