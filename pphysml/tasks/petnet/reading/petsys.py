"""Singles of PETsys' readout systems, as its program convert_raw_to_singles writes them to ROOT files.

Branches and units are those that the vendor's own program has (PETsys/sw_daq_tofpet2, src/base/DataFileWriter.cpp): `time` in whole ps, and `x`, `y`, `z`
as the channel map has them, which are 0 where it has none. `energy` is calibrated if a calibration of energies is configured, else in units of the
charge-to-digital converter, or a time over threshold in ns (src/base/ProcessHit.cpp).
"""

from __future__ import annotations

import numpy as np

from ....errors import InputError
from ....io.problems import refuse
from ....io.ragged import Array, Columns, length
from ....io.schema import Layout

FROM_CHANNELS = ("channel", "group_hit")
"""Columns that are looked at, and go no further."""

ENOUGH = 20
"""Singles of which not all may be at the origin."""


def to_canonical(columns: Columns, layout: Layout) -> Columns:
    """Return singles of channels as those of crystals, which are told apart by their places.

    Raises:
        InputError: no channel has a place, or the entries are hits of which one photon has several.
    """
    if "group_hit" in columns:
        refuse(columns, np.asarray(columns["group_hit"]) > 0, "mh_j", lambda row: "is one of several hits of the same photon; write one hit of each group, or take convert_raw_to_singles")
    place: Array = np.stack([np.asarray(columns[axis]) for axis in "xyz"])
    if length(columns) >= ENOUGH and not place.any():
        raise InputError("all singles are at x = y = z = 0, as PETsys' programs write them where the channel map has no places; give it the places of the channels in mm, and convert the raw data again")
    return {name: column for name, column in columns.items() if name not in FROM_CHANNELS}
