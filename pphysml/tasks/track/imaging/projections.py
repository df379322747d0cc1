"""Which protons of a list belong to one projection, the view of the object from one side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....errors import InputError
from ....io.ragged import Array, Columns


@dataclass(frozen=True)
class Projections:
    """P projections of N protons.

    Attributes:
        of_row: int64 (N,).
        names: of their files, as `run0003`.
        angles: rotation of the object, deg, (P,); NaN where it is not known.
    """

    of_row: Array
    names: list[str]
    angles: NDArray[np.float64]

    def __iter__(self) -> Iterator[tuple[str, float, Array]]:
        """Yield name, angle and rows of each projection."""
        order = np.argsort(self.of_row, kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(self.of_row, minlength=len(self.names)))[:-1])
        yield from zip(self.names, self.angles.tolist(), parts, strict=True)


def rotation_angles(rows: Columns, stated: Mapping[int, float] | None) -> NDArray[np.float32]:
    """Return the rotation angle of each row, deg: as stated for its run, or as in the file; NaN if neither is there.

    Raises:
        InputError: a run has no angle among those that are stated.
    """
    run = np.asarray(rows["run"])
    if stated is None:
        return np.asarray(rows.get("rotation_angle", np.full(len(run), np.nan)), dtype=np.float32)
    runs, index = np.unique(run, return_inverse=True)
    missing = [number for number in runs.tolist() if number not in stated]
    if missing:
        raise InputError(f"there are hits of run {missing[0]}, for which apply.rotation_angles states no angle", branch="run",
                         file=int(np.asarray(rows["file"])[np.argmax(run == missing[0])]) if "file" in rows else None)
    return np.array([stated[number] for number in runs.tolist()], dtype=np.float32)[index]


def find_projections(rows: Columns, stated: bool) -> Projections:
    """Return the projections of a list.

    Where rotation angles are stated, protons of one angle are one projection; else those of one run of a
    file, since GATE's `rotationAngle` stays 0 where a macro turns the object.

    Args:
        rows: with `file` `run` `rotation_angle`.
    """
    file, run, angle = (np.asarray(rows[name]) for name in ("file", "run", "rotation_angle"))
    ids = np.stack([angle if stated else file, np.zeros(len(run)) if stated else run], -1).astype(np.float64)
    of_run, first, of_row = np.unique(ids, axis=0, return_index=True, return_inverse=True)
    angles = angle[first].astype(np.float64)
    known = stated or bool((np.nan_to_num(angles) != 0).any())
    angles = np.where(known, angles, np.nan)
    if stated:
        names = [rotation_name(value) for value in angles]
    else:
        several = len(np.unique(file)) > 1
        names = [f"file{int(number):03d}_" * several + f"run{int(which):04d}" for number, which in of_run]
        names = [name + ("" if np.isnan(value) else f"_{rotation_name(value)}") for name, value in zip(names, angles, strict=True)]
    return Projections(of_row.reshape(-1), names, angles)


def rotation_name(angle: float) -> str:
    """Return `rotation012deg` of 12 degrees, with as many decimals as there are, at most three."""
    text = f"{abs(angle):07.3f}".rstrip("0").rstrip(".")
    return f"rotation{'-' * bool(angle < 0)}{text}deg"
