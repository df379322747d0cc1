"""Values as read against what a field allows: finite, in range, representable, equally many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from .ragged import Array, Column, Ragged
from .schema import Field


class Fault(NamedTuple):
    """Row of the first bad value, what is wrong with it, and how many further rows have such values."""

    row: int
    text: str
    further: int = 0


Bad = tuple[Array, str]
"""Which values are bad, and what is wrong with the first."""


def checked(column: Column, field: Field, factor: float = 1.0) -> tuple[Column, list[Fault]]:
    """Convert a column to a field's unit and type, and return it with the faults found.

    Args:
        column: values of the file; a fixed number of values per entry serves as a ragged column. Texts are
            left as they are.
        factor: to the field's unit.
    """
    if field.text:
        return column, []
    if field.ragged and not isinstance(column, Ragged):
        if column.ndim == 1:
            return column, [Fault(0, "has one value per entry, but must have many")]
        column = Ragged.from_counts(column.reshape(-1), np.full(len(column), column[:1].size))
    if not field.ragged and (isinstance(column, Ragged) or column.ndim > 1):
        return column, [Fault(0, "has many values per entry, but must have one")]
    values = column.flat if isinstance(column, Ragged) else column
    if field.missing is not None and values.dtype.kind == "f":
        values = np.where(np.isnan(values), values.dtype.type(field.missing), values)
    bad = list(_unphysical(values, field, factor))
    # In float64: a float32 times a float would be rounded to float32 before it is widened.
    scaled = values * np.float64(factor) if factor != 1.0 else values
    converted, lost = _converted(scaled, np.dtype(field.dtype) if field.dtype else scaled.dtype)
    bad = bad or lost
    if not isinstance(column, Ragged):
        return converted, [_fault(np.flatnonzero(where), text) for where, text in bad]
    offsets = column.offsets
    rows = [(np.unique(np.searchsorted(offsets, np.flatnonzero(where), side="right") - 1), text) for where, text in bad]
    return Ragged(converted, offsets), [_fault(where, text) for where, text in rows]


def _fault(rows: Array, text: str) -> Fault:
    return Fault(int(rows[0]), text, len(rows) - 1)


def cast(values: Array, dtype: np.dtype[Any]) -> tuple[Array, list[Fault]]:
    """Return values in another type, and the first value that it cannot hold, if any."""
    converted, bad = _converted(values, dtype)
    return converted, [_fault(np.flatnonzero(where), text) for where, text in bad]


def _converted(values: Array, dtype: np.dtype[Any]) -> tuple[Array, list[Bad]]:
    if values.dtype == dtype:
        return values, []
    with np.errstate(all="ignore"):
        converted = values.astype(dtype)
        if dtype.kind == "f":
            bad = ~np.isfinite(converted) & np.isfinite(values)
        elif values.dtype.kind == "f":
            # Outside 2^63 the conversion to an integer is undefined, whatever it returns.
            low, high = (0, 1) if dtype.kind == "b" else _limits(dtype)
            wide = values.astype(np.float64)
            bad = ~((wide >= low) & (wide <= high)) | (converted.astype(np.float64) != wide)
        else:
            wrapped = (converted < 0) != (values < 0) if dtype.kind in "iu" else False
            bad = (converted.astype(values.dtype) != values) | wrapped
    if not bad.any():
        return converted, []
    return converted, [(bad, f"value {values[int(np.argmax(bad))]} does not fit into {dtype}")]


def count_faults(columns: Mapping[str, Column], counters: Mapping[str, str]) -> Iterator[tuple[str, Fault]]:
    """Yield column names with the first row whose length differs from the first of its counter.

    Args:
        counters: column name -> counter; columns without one are left out.
    """
    reference: dict[str, tuple[str, Array]] = {}
    for name, counter in counters.items():
        column = columns.get(name)
        if not isinstance(column, Ragged):
            continue
        first, counts = reference.setdefault(counter, (name, column.counts))
        differ = column.counts != counts
        if differ.any():
            row = int(np.argmax(differ))
            text = f"has {column.counts[row]} values where {first!r} has {counts[row]}"
            yield name, _fault(np.flatnonzero(differ), text)


def _limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    info = np.iinfo(dtype)
    # float(2^63 - 1) rounds up to 2^63, which does not fit any more.
    return float(info.min), float(np.nextafter(float(info.max), 0)) if info.bits == 64 else float(info.max)


def _unphysical(values: Array, field: Field, factor: float) -> Iterator[Bad]:
    infinite = ~np.isfinite(values) if values.dtype.kind == "f" else np.zeros(0, bool)
    if field.missing is not None and len(infinite):
        infinite &= ~np.isnan(values)  # it was replaced, or stands for itself
    if infinite.any():
        yield infinite, f"value {values[int(np.argmax(infinite))]} is not finite"
    unit = f" {field.unit}" if field.unit else ""
    for limit, word, beyond in ((field.minimum, "below", np.less), (field.maximum, "above", np.greater)):
        if limit is None or not len(values):
            continue
        bad = beyond(values, limit / factor)
        if infinite.any():
            bad &= ~infinite
        if bad.any():
            first = int(np.argmax(bad))
            value = values[first] if factor == 1.0 else values[first] * np.float64(factor)
            yield bad, f"value {value}{unit} is {word} {limit:g}{unit}"
