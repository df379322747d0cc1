"""The columns of the layout `calibrated` in canonical names."""

from __future__ import annotations

from pphysml.io.ragged import Columns
from pphysml.io.schema import Layout


def calibrated(columns: Columns, layout: Layout) -> Columns:
    """Return the columns with the calibrated energies as `energy`."""
    return {"energy" if name == "energy_calibrated" else name: column for name, column in columns.items()}
