"""Table of a scanner's crystals, which CASToR and YRT-PET read alike."""

from __future__ import annotations

import numpy as np

from ..scanner.scanner import Scanner


def look_up_table(scanner: Scanner) -> bytes:
    """Return six numbers of each crystal, float32 in little endian: its centre, mm, and the direction away from the axis that it looks along.

    Its order is that of the linear indices: around the axis, then ring by ring, then layer by layer from the innermost.
    """
    crystal = np.arange(scanner.n_crystals)
    sector = scanner.places(crystal)[2] // (scanner.crystals_per_ring // scanner.rsectors)
    azimuth = 2.0 * np.pi * sector / scanner.rsectors
    table = np.concatenate([scanner.centre(crystal), np.cos(azimuth)[:, None], np.sin(azimuth)[:, None], np.zeros((len(crystal), 1))], axis=1)
    return table.astype("<f4").tobytes()
