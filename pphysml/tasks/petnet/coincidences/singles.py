"""Singles of slices as compiled code takes them."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns, ragged
from .cut_kernel import SYSTEM_BITS, Singles


def singles_of(examples: Columns, times: Array) -> Singles:
    """Return the singles of slices for compiled code; rsectors that are not told are 0."""
    time = ragged(examples, "time")
    x, y, z, energy = (ragged(examples, name).flat.astype(np.float32, copy=False) for name in ("x", "y", "z", "energy"))
    sector = ragged(examples, "rsector_id").flat if "rsector_id" in examples else np.zeros(len(x), dtype=np.int32)
    if "system_id" in examples:
        sector = sector + (ragged(examples, "system_id").flat << SYSTEM_BITS)
    return Singles(time.offsets, np.asarray(examples["n_owned"], dtype=np.int32), times, energy, x, y, z, np.asarray(sector, dtype=np.int32))
