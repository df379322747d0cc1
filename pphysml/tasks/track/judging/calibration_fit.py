"""Offset and slope of WEPL, from the peaks of runs of known phantoms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....evaluation.peak import gaussian_peak
from ..output.wepl_calibration import calibration_text
from .spectra import groups
from .track_metrics import Counts

Floats = NDArray[np.float64]

HUBER = 1.345
"""Standard deviations from which on a run's weight falls, for 95 % efficiency on Gaussian errors (P. Huber)."""

ITERATIONS = 50

FLOOR = 0.02
"""Error of a peak, mm, that no number of tracks makes smaller: so that one long run does not decide alone."""


@dataclass(frozen=True)
class CalibrationFit:
    """true = offset + slope * measured, fitted to K runs.

    Attributes:
        measured, error, true: peak of each run, its error, and the phantom, mm, (K,).
        offset, slope: with their errors; one thickness leaves the slope 1, without an error.
        runs: file and run of each.
    """

    measured: Floats
    error: Floats
    true: Floats
    offset: float
    offset_error: float
    slope: float
    slope_error: float | None
    runs: list[tuple[int, int]]

    @property
    def residual(self) -> Floats:
        """What is left of the true thickness, mm, (K,)."""
        return self.true - self.offset - self.slope * self.measured

    def table(self) -> list[dict[str, Any]]:
        """Return the runs as rows of a table."""
        return [{"file": file, "run": run, "phantom": float(t), "peak": float(m), "its error": float(e), "true less measured": float(t - m), "after calibration": float(r)}
                for (file, run), t, m, e, r in zip(self.runs, self.true, self.measured, self.error, self.residual, strict=True)]

    def text(self) -> str:
        """Return the calibration file."""
        values = {"offset": self.offset, "slope": self.slope, "offset_error": self.offset_error}
        slope_error = {} if self.slope_error is None else {"slope_error": self.slope_error}
        return calibration_text({**values, **slope_error}, list(zip(self.measured.tolist(), self.error.tolist(), self.true.tolist(), strict=True)))

    def sentence(self) -> str:
        """Return the result for a person."""
        slope = "1 (one thickness alone fixes no slope)" if self.slope_error is None else f"{self.slope:.5f} +- {self.slope_error:.5f}"
        return (f"true WEPL = {slope} times the measured one {'+' if self.offset >= 0 else '-'} {abs(self.offset):.3f} mm (+- {self.offset_error:.3f} mm), "
                f"fitted to {len(self.true)} runs of known phantoms; after it their peaks are off by {np.sqrt(np.mean(self.residual**2)):.2f} mm (rms)")


def fit_calibration(tracks: Counts) -> CalibrationFit | None:
    """Return the calibration by the peaks of tracks (`Spectra.tracks`) behind known phantoms; None without any such peak."""
    points = []
    for label, chosen in groups(tracks):
        peak = gaussian_peak(tracks["wepl"][chosen & tracks["usable"]]) if label["phantom"] >= 0 else None
        if peak is not None:
            points.append((peak.middle, np.hypot(peak.middle_error, FLOOR), label["phantom"], (int(label["file"]), int(label["run"]))))
    if not points:
        return None
    measured, error, true = (np.array([point[i] for point in points], dtype=np.float64) for i in range(3))
    several = len(np.unique(true)) > 1
    values, errors = _fit_line(measured - measured.mean(), true, error, several)
    # About the mean of what was measured, offset and slope do not depend on each other.
    slope, slope_error = (float(values[1]), float(errors[1])) if several else (1.0, 0.0)
    return CalibrationFit(measured, error, true, float(values[0] - slope * measured.mean()), float(np.hypot(errors[0], slope_error * measured.mean())),
                          slope, slope_error if several else None, [point[3] for point in points])


def _fit_line(x: Floats, true: Floats, error: Floats, several: bool) -> tuple[Floats, Floats]:
    """Return constant and slope of `true` against `x`, and their errors, by least squares with Huber's weights; without `several`, the slope is 1."""
    design = np.stack([np.ones_like(x), x], axis=1) if several else np.ones((len(x), 1))
    wanted = true if several else true - x
    weight = np.ones_like(x)
    values: Floats = np.zeros(design.shape[1])
    inverse: Floats = np.eye(design.shape[1])
    for _ in range(ITERATIONS):
        scaled = design * (weight / error**2)[:, None]
        inverse = np.asarray(np.linalg.inv(scaled.T @ design), dtype=np.float64)
        values = inverse @ (scaled.T @ wanted)
        pull = np.abs(wanted - design @ values) / error
        weight = np.minimum(1.0, HUBER / np.maximum(pull, 1e-12))
    freedom = len(x) - design.shape[1]
    scatter = float(np.sqrt(max(1.0, np.sum(weight * pull**2) / freedom))) if freedom > 0 else 1.0
    return values, scatter * np.sqrt(np.diag(inverse))
