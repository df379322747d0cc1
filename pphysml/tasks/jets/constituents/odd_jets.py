"""What is said of jets without constituents, of those with more than are taken, and of constituents that are hardly those of their jets."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns, ragged
from .table import TABLE

LOOKED_AT = 1000
"""First jets of which the momenta are looked at."""

SHARES = 0.2, 5.0
"""Sum of the constituents over the jet: outside, units differ, or these are constituents of something else."""

TOLERANCE, FEW = 0.98, 0.01
"""Energies are below momenta where they are this share of them; more constituents than this share are said."""


def unlikely_momenta(examples: Columns) -> list[str]:
    """Return what is unlikely in the momenta of the first jets' constituents, sentences without full stops."""
    table = ragged(examples, TABLE)
    jets = min(LOOKED_AT, len(table))
    rows, of = table.flat[: table.offsets[jets]].astype(np.float64), np.repeat(np.arange(jets), table.counts[:jets])
    pt = np.asarray(examples["jet_pt"], np.float64)[:jets]
    some = (table.counts[:jets] > 0) & (pt > 0)
    if not some.any():
        return []
    total = np.hypot(*(np.bincount(of, rows[:, k], jets) for k in (0, 1)))
    return _of_sums(float(np.median(total[some] / pt[some]))) + _of_energies(rows)


def _of_sums(share: float) -> list[str]:
    low, high = SHARES
    if low <= share <= high:
        return []
    return [f"in half of the first jets the constituents sum up to {share:.3g} times the jet's transverse momentum, or more: if their unit is another one, say so, as with --map part_px=BRANCH:MeV, and likewise for py, pz and energy"]


def _of_energies(rows: Array) -> list[str]:
    below = rows[:, 3] < TOLERANCE * np.sqrt((rows[:, :3] ** 2).sum(1))
    if below.mean() <= FEW:
        return []
    return [f"{int(below.sum())} of the first {len(rows)} constituents have an energy below their momentum: is another branch their energy? Then name it with --map part_energy=BRANCH"]


def sentences(without: int, cut: int, jets: int, most: int) -> list[str]:
    """Return what is to be known of jets, sentences without full stops.

    Args:
        without: jets without constituents; `cut`: jets with more than `most`; of `jets` in all.
    """
    found = [f"{without} of {jets} jets have no constituents, and the scores of a jet of which nothing is known"] if without else []
    more = f"{cut} of {jets} jets have more than {most} constituents, of which those with the largest transverse momenta are taken; see model.most_particles"
    return found + ([more] if cut else [])
