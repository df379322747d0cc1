"""The columns of the layout `calibrated` in canonical names."""

from __future__ import annotations

from pphysml.io.ragged import Columns


def calibrated(columns: Columns) -> Columns:
    """Return the columns with the calibrated energies as `energy`."""
    return {"energy" if name == "energy_calibrated" else name: column for name, column in columns.items()}
