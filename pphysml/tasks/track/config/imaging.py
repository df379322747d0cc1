"""Options of the list of protons for image reconstruction."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as Limits

from ....config import Config, option

Positive = Annotated[float, Limits(gt=0)]


class OutlierConfig(Config):
    """Which protons of the list are outliers among those that have crossed the same place."""

    sigmas: float | None = option(3.0, "Distance from the median of its cell, in robust widths, beyond which a proton's WEPL or one of its two angles is an outlier; null looks for none.", "", gt=0)
    cells: Literal["pixels", "spots"] = option("pixels", "Which protons are compared: those in the smallest square around a place of the first sensor that holds enough of them, or those of one beam spot.")
    pixel: float = option(1.0, "Side of the smallest squares; larger ones have twice the side, up to 64 times, then come all protons of the projection.", "mm", gt=0)
    min_protons: int = option(100, "Fewest protons that are compared with each other.", ge=5)


class UpstreamConfig(Config):
    """Where protons come from, of the front tracker, or of the beam spot and its direction; the list has it if `z` is stated."""

    z: float | None = option(None, "Position along the beam at which the list has protons in front of the object, in the coordinates of the hits.", "mm")
    spot: list[float] | None = option(None, "Position of the beam spot, where the file has none.", "mm", min_length=2, max_length=2)
    spot_z: float | None = option(None, "Position along the beam at which those of the spots are given; null is `z`.", "mm")
    source_distance: list[Positive] | None = option(None, "Distances of the virtual sources of x and y from where the spots' positions are given, from which directions follow; null takes the slopes spot_tx and spot_ty of the file, or else a beam along z.", "mm", min_length=2, max_length=2)
