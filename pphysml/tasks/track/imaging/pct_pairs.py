"""Pairs of positions and directions in front of and behind the object, as PCT, the proton CT of RTK, reads them.

A MetaImage: a header (`.mhd`) and the numbers (`.raw`, little-endian float32), five vectors of three a
proton: positions upstream and downstream (mm), unit vectors upstream and downstream, and (0, WEPL in
mm, 1). A first number of 0 says that the second one is the WEPL; the third is the number of the track in its
event, 1 for a particle of the beam. The axes u, v, w are x, y, z: the beam runs along +w. Keys of the
header say where each quantity is, for readers of PCT's newer format (its documentation, `pct_format.md`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Columns
from .upstream import stacked

VECTORS = 5
PLACES = {
    **{f"{side}{what}{axis}": 6 * turn + 3 * place + k for turn, what in enumerate(("Position", "Direction"))
       for place, side in enumerate(("Upstream", "Downstream")) for k, axis in enumerate("UVW")},
    "UpstreamEnergy": 12, "DownstreamEnergy": 13, "TrackID": 14, "WEPL": 13,
}
"""Key of the header -> which of a proton's numbers it is; those of energies are where the documentation has them by default."""
LONGEST = 4096
"""Bytes that a header does not exceed."""


def pct_numbers(rows: Columns, isocentre: Sequence[float]) -> NDArray[np.float32]:
    """Return the numbers of protons, (N, 5, 3).

    Args:
        rows: of `wepl_list`.
        isocentre: from which positions are counted, mm.
    """
    numbers = np.zeros((len(np.asarray(rows["wepl"])), VECTORS, 3), dtype="<f4")
    for vector, names in enumerate((("upstream_x", "upstream_y", "upstream_z"), ("x", "y", "z"))):
        numbers[:, vector] = stacked(rows, *names) - np.asarray(isocentre, dtype=np.float64)
    numbers[:, 2] = stacked(rows, "upstream_dx", "upstream_dy", "upstream_dz")
    numbers[:, 3] = stacked(rows, "dx", "dy", "dz")
    numbers[:, 4, 1], numbers[:, 4, 2] = rows["wepl"], 1
    return numbers


def pct_header(n: int, raw: str, angle: float) -> str:
    """Return the header of `n` protons.

    Args:
        raw: name of the file of the numbers, which is in the same folder.
        angle: rotation of the object, deg; NaN if it is not known.
    """
    lines = {
        "ObjectType": "Image", "NDims": 2, "BinaryData": "True", "BinaryDataByteOrderMSB": "False", "CompressedData": "False",
        "TransformMatrix": "1 0 0 1", "Offset": "0 0", "CenterOfRotation": "0 0", "ElementSpacing": "1 1", "DimSize": f"{VECTORS} {n}",
        **PLACES, **({} if np.isnan(angle) else {"RotationAngle": f"{angle:g}"}),
        "ElementNumberOfChannels": 3, "ElementType": "MET_FLOAT", "ElementDataFile": raw,
    }
    return "".join(f"{key} = {value}\n" for key, value in lines.items())


def is_pct_header(path: Path) -> bool:
    """Return whether a file is a header as `pct_header` makes them, by its keys; what cannot be read is none."""
    try:
        with path.open("rb") as stream:
            lines = stream.read(LONGEST).decode("ascii", errors="replace").splitlines()
    except OSError:
        return False
    return {*PLACES} <= {line.partition(" = ")[0] for line in lines}
