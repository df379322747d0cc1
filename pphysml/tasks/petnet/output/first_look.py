"""What the first entries of a file tell, before all is read."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Columns, Ragged
from ..config import PetConfig
from ..models.spiking.scanners import crystals_of
from ..scanner.scanner import LEVELS, scanner_of


def check_crystals(rows: Columns, config: PetConfig) -> None:
    """Refuse singles or hits that do not lie in the crystals which are the inputs of a spiking network.

    Raises:
        InputError: see `crystals_of`.
    """
    together = np.array([0, len(rows["x"])])
    crystals_of({name: Ragged(np.asarray(rows[name]), together) for name in ("x", "y", "z", *LEVELS) if name in rows}, scanner_of(config.scanner))
