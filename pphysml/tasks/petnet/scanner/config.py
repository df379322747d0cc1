"""The YAML file that describes a scanner."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field as Limits

from ....config import Config, option

Count = Annotated[int, Limits(ge=1)]
Positive = Annotated[float, Limits(gt=0, allow_inf_nan=False)]


class ScannerConfig(Config):
    """A ring of flat blocks as GATE's cylindricalPET; every pair is transaxial, then axial."""

    name: str = option("unnamed", "What reports call it.")
    radius: float = option(..., "From the axis to the middle of a block's front face.", "mm", gt=0)
    rsectors: int = option(..., "Blocks around the axis; number 0 is at +x, the numbers rise with the azimuth.", ge=1)
    modules: list[Count] = option(lambda: [1, 1], "Modules of a block.", min_length=2, max_length=2)
    submodules: list[Count] = option(lambda: [1, 1], "Submodules of a module.", min_length=2, max_length=2)
    crystals: list[Count] = option(..., "Crystals of a submodule.", min_length=2, max_length=2)
    layers: int = option(1, "Layers of equal thickness along a crystal's depth, the first in front.", ge=1)
    module_pitch: list[Positive] | None = option(None, "Distance between modules; null lets them touch.", "mm", min_length=2, max_length=2)
    submodule_pitch: list[Positive] | None = option(None, "Distance between submodules; null lets them touch.", "mm", min_length=2, max_length=2)
    crystal_pitch: list[Positive] = option(..., "Distance between crystals.", "mm", min_length=2, max_length=2)
    crystal_size: list[Positive] = option(..., "Transaxial, axial size and depth of a crystal.", "mm", min_length=3, max_length=3)
