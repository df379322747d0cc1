"""From WEPL as it was measured to the true one: offset and slope, or a table, from runs of known phantoms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Limits
from pydantic import model_validator

from .... import plain_yaml
from ....config import Config, build, option
from ....errors import ConfigError

Floats = NDArray[np.float64]
Finite = Annotated[float, Limits(allow_inf_nan=False)]


class CalibrationFile(Config):
    """The YAML file of a calibration: `offset` and `slope`, or a `table`; the rest says where they are from."""

    offset: Finite = option(0.0, "True WEPL less slope times the measured one.", "mm")
    slope: Finite = option(1.0, "True over measured.", gt=0)
    offset_error: Finite | None = option(None, "Standard error of the offset.", "mm")
    slope_error: Finite | None = option(None, "Standard error of the slope.")
    table: list[tuple[Finite, Finite]] | None = option(None, "Pairs of measured and true WEPL, in the place of offset and slope; lines between them, and on beyond the outer ones.", "mm", min_length=2)
    fitted_to: list[tuple[Finite, Finite, Finite]] = option(list, "Measured WEPL, its standard error and the true one of each run that offset and slope were fitted to.", "mm")

    @model_validator(mode="after")
    def _one_way(self) -> CalibrationFile:
        if self.table is not None and {"offset", "slope"} & self.model_fields_set:
            raise ValueError("a table stands in the place of offset and slope: give one of them")
        if self.table is not None and (np.diff(np.array(self.table), axis=0) <= 0).any():
            raise ValueError("measured and true WEPL of the table must both rise from pair to pair")
        return self


@dataclass(frozen=True)
class WeplCalibration:
    """Pieces of straight lines.

    Attributes:
        measured, true: their ends, mm, (K,) with K >= 2; the outer pieces go on.
        name: what facts say of it.
    """

    measured: tuple[float, ...]
    true: tuple[float, ...]
    name: str

    def calibrated(self, wepl: Floats, error: Floats) -> tuple[Floats, Floats]:
        """Return calibrated WEPL, and its error times the slope there."""
        measured, true = np.array(self.measured), np.array(self.true)
        slope = np.diff(true) / np.diff(measured)
        piece = np.searchsorted(measured[1:-1], wepl)
        return true[piece] + slope[piece] * (wepl - measured[piece]), error * slope[piece]


def calibration_of(path: str | None) -> WeplCalibration | None:
    """Return the calibration of a YAML file, None where none is named; see `load_calibration`."""
    return None if path is None else load_calibration(path)


def load_calibration(path: str) -> WeplCalibration:
    """Return the calibration of a YAML file.

    Raises:
        ConfigError: there is no such file, or it is no calibration.
    """
    values = plain_yaml.load(path)
    if not isinstance(values, dict) or not values.keys() & {"offset", "slope", "table"}:
        raise ConfigError(f"{path}: is no calibration of WEPL; give offset (mm) and slope, or a table of pairs of measured and true WEPL.")
    file = build(CalibrationFile, values, path)
    if file.table is not None:
        measured, true = zip(*file.table, strict=True)
        return WeplCalibration(measured, true, f"table of {len(measured)} pairs in {path}")
    return WeplCalibration((0.0, 1.0), (file.offset, file.offset + file.slope),
                           f"{file.slope:.6g} times the measured WEPL {'+' if file.offset >= 0 else '-'} {abs(file.offset):.4g} mm, {path}")


def calibration_text(values: dict[str, float], fitted_to: Sequence[tuple[float, float, float]]) -> str:
    """Return the text of a calibration file with offset, slope and their errors, as far as there are."""
    lines = ["# Calibration of WEPL: true = offset + slope * measured, mm; for --wepl-calibration."]
    lines += [f"{name}: {value:.6g}" for name, value in values.items()]
    lines += ["fitted_to:", "# [measured, its standard error, true]"]
    return "\n".join([*lines, *(f"- [{m:.4f}, {e:.4f}, {t:.4f}]" for m, e, t in fitted_to)]) + "\n"
