"""Awkward arrays, as uproot returns them, to and from columns, without a loop over entries."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np

from .ragged import Array, Column, Ragged


def to_column(array: Any) -> Column:
    """Return numbers as an array (entries, ...), lists of numbers as `Ragged`.

    Raises:
        TypeError: text, records, or lists of lists.
    """
    layout = ak.to_layout(ak.to_packed(array))
    if layout.is_list and layout.is_regular:
        return _numbers(ak.to_numpy(layout))
    if layout.is_list:
        if layout.parameter("__array__") is not None:
            raise TypeError("text")
        layout = layout.to_ListOffsetArray64(True)
        offsets = np.asarray(layout.offsets.data)
        return Ragged(_numbers(_content(layout.content))[: offsets[-1]], offsets)
    return _numbers(_content(layout))


def to_text(array: Any) -> Ragged:
    """Return the UTF-8 bytes of texts; arrays of characters of fixed length end at their first zero.

    Raises:
        TypeError: no texts.
    """
    layout = ak.to_layout(ak.to_packed(array))
    if layout.is_list and layout.parameter("__array__") in ("string", "bytestring") and not layout.is_regular:
        layout = layout.to_ListOffsetArray64(True)
        offsets = np.asarray(layout.offsets.data)
        return Ragged(np.asarray(layout.content.data)[: offsets[-1]].view(np.uint8), offsets)
    characters = np.asarray(ak.to_numpy(layout)) if layout.is_numpy or layout.is_regular else np.zeros(0)
    if characters.ndim != 2 or characters.dtype.itemsize != 1 or characters.dtype.kind not in "iu":
        raise TypeError("not text")
    inside = np.logical_and.accumulate(characters != 0, axis=1)
    return Ragged.from_counts(characters.view(np.uint8)[inside], inside.sum(axis=1))


def to_awkward(column: Ragged, text: bool = False) -> Any:
    """Return a `Ragged` column as an awkward array that shares its memory; of texts, if its values are their bytes."""
    offsets = ak.index.Index64(np.ascontiguousarray(column.offsets, dtype=np.int64))
    content = ak.contents.NumpyArray(np.ascontiguousarray(column.flat), parameters={"__array__": "char"} if text else None)
    return ak.Array(ak.contents.ListOffsetArray(offsets, content, parameters={"__array__": "string"} if text else None))


def _content(layout: Any) -> Array:
    if layout.is_unknown:
        return np.zeros(0)
    if not layout.is_numpy:
        raise TypeError("not numbers")
    values: Array = np.asarray(layout.data)
    return values


def _numbers(values: Any) -> Array:
    numbers: Array = np.asarray(values)
    if numbers.dtype.kind not in "biuf":
        raise TypeError(f"not numbers but {numbers.dtype}")
    return numbers
