"""Lines of targets, of prompt pairs and of delayed pairs: distances from the axis and sinograms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ....io.ragged import Array
from ..coincidences.lines_of_response import Lines, lines_between
from .classes import ACCIDENTAL, PairClass
from .growing_histograms import GrowingHistogram
from .targets import Targets, Verdict
from .truth import Truth

GROUPS = 20
"""Clusters of singles are dealt to this many groups, which are left out in turn for errors."""

DISTANCES = ("targets", "found", "unscattered_targets", "unscattered_found", "prompts", "true", "accidental", "delayed")
"""Lines whose distances are counted: targets and those found, by their representative pair; the same of unscattered ones;
all prompt pairs; of these the first true one of each target, and the accidental ones; delayed pairs."""

SINOGRAMS = ("targets", "prompts", "delayed")
DISTANCE_BINS, ANGLES, OFFSETS = 1024, 60, 1024
"""Offsets are fine, since lines between crystals lie on a raster, which coarse bins would show as rings."""

FIRST_RANGE = 32.0
"""mm; doubled until all lines fit."""


class LineCounts:
    """Counts of lines in `GROUPS` groups of clusters.

    Attributes:
        distances: |s| in mm, rows (GROUPS, len(DISTANCES)).
        sinograms: s in mm, rows (GROUPS, len(SINOGRAMS), ANGLES); angles are equal bins of phi.
    """

    def __init__(self) -> None:
        self.distances = GrowingHistogram((GROUPS, len(DISTANCES)), DISTANCE_BINS, FIRST_RANGE)
        self.sinograms = GrowingHistogram((GROUPS, len(SINOGRAMS), ANGLES), OFFSETS, FIRST_RANGE, signed=True)

    def add(self, truth: Truth, targets: Targets, verdict: Verdict, prompts: tuple[Array, Array], delayed: tuple[Array, Array]) -> None:
        """Add a chunk; pairs are their two singles each."""
        group = _group(truth.start)[truth.cluster]
        pairs = {"targets": (targets.first, targets.second), "prompts": prompts, "delayed": delayed}
        lines = {name: lines_between(truth.position[a], truth.position[b]) for name, (a, b) in pairs.items()}
        groups = {name: group[a] for name, (a, _) in pairs.items()}
        for name, of in lines.items():
            phi = np.minimum((of.phi * (ANGLES / np.pi)).astype(np.int64), ANGLES - 1)
            self.sinograms.fill((groups[name], SINOGRAMS.index(name), phi), of.s)
        self._fill_distances(lines, groups, targets, verdict)

    def distance(self, name: str) -> Array:
        """Return the counts of |s| of one of `DISTANCES`, (GROUPS, DISTANCE_BINS)."""
        return self.distances.counts[:, DISTANCES.index(name)]

    def sinogram(self, name: str) -> Array:
        """Return one of `SINOGRAMS`, (GROUPS, ANGLES, OFFSETS)."""
        return self.sinograms.counts[:, SINOGRAMS.index(name)]

    def _fill_distances(self, lines: dict[str, Lines], groups: dict[str, Array], targets: Targets, verdict: Verdict) -> None:
        chosen = {
            "targets": ("targets", np.ones(len(targets), bool)), "found": ("targets", verdict.found),
            "unscattered_targets": ("targets", targets.unscattered), "unscattered_found": ("targets", verdict.found_unscattered),
            "prompts": ("prompts", np.ones(len(verdict.kind), bool)), "true": ("prompts", verdict.right & (verdict.kind == PairClass.TRUE)),
            "accidental": ("prompts", np.isin(verdict.kind, ACCIDENTAL)), "delayed": ("delayed", np.ones(len(groups["delayed"]), bool)),
        }
        for row, name in enumerate(DISTANCES):
            of, mask = chosen[name]
            self.distances.fill((groups[of][mask], row), np.abs(lines[of].s[mask]))


def _group(start: Array) -> Array:
    """Deal clusters to groups by mixing the bits of their times, which no cut into slices changes."""
    mixed = (start + 0.0).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(32)).astype(np.int64) % GROUPS


def jackknife(statistic: Callable[[Array], float], counts: Array) -> tuple[float, float]:
    """Return a statistic of sums over groups, and its error from leaving out each group in turn.

    What is left is scaled up to all groups. Source: R. G. Miller, Biometrika 61 (1974) 1.

    Args:
        statistic: called with counts of shape (...).
        counts: shape (groups, ...), the groups alike.
    """
    total, n = counts.sum(0), len(counts)
    without = np.array([statistic((total - one) * (n / (n - 1))) for one in counts])
    return statistic(total), float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
