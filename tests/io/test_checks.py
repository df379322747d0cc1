"""Conversion of types against Python's exact integers and floats, one value at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from pphysml.io.checks import Fault, cast, checked, count_faults
from pphysml.io.ragged import Ragged
from pphysml.io.schema import Field

TYPES = ["bool", "uint8", "int8", "int16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
CORNERS = [0, 1, -1, 2, 127, 128, 255, 256, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, -(2**63), 0.5, -0.5,
           1e30, 1e300, 9.3e18, -1e19]


def fits(value: Any, dtype: str) -> bool:
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return abs(value) <= float(np.finfo(kind).max)
    low, high = (0, 1) if kind.kind == "b" else (np.iinfo(kind).min, np.iinfo(kind).max)
    return float(value).is_integer() and low <= int(value) <= high


@pytest.mark.parametrize("source", TYPES)
@pytest.mark.parametrize("target", TYPES)
def test_cast_keeps_values_or_says_so(source: str, target: str) -> None:
    for corner in CORNERS:
        if not fits(corner, source):
            continue
        values = np.array([0, corner], dtype=source)
        exact = values[1].item()
        converted, faults = cast(values, np.dtype(target))
        assert bool(faults) != fits(exact, target), (corner, faults)
        if faults:
            assert faults[0][0] == 1
        elif np.dtype(target).kind != "f":
            assert converted[1].item() == exact


def test_faults_name_the_row_of_a_ragged_column() -> None:
    field = Field("x", "hit", "float32", "X.", unit="mm", counter="n", minimum=-1, maximum=1)
    column = Ragged.from_rows([[], [0.0, 0.5], [], [0.1, -3.0], [2.0]], np.float64)
    _, faults = checked(column, field)
    assert [(fault.row, fault.further) for fault in faults] == [(3, 0), (4, 0)]
    assert "-3" in faults[0][1] and "below -1 mm" in faults[0][1]
    _, faults = checked(column, field, factor=0.1)
    assert not faults


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", ["float64", "int32"])
def test_not_finite(bad: float, dtype: str) -> None:
    _, faults = checked(np.array([1.0, 2.0, bad]), Field("x", "event", dtype, "X."))
    assert faults == [Fault(2, f"value {bad} is not finite")]


def test_fixed_arrays_serve_as_ragged_columns_but_not_as_scalars() -> None:
    values = np.arange(6.0).reshape(2, 3)
    column, faults = checked(values, Field("x", "hit", "float64", "X.", counter="n"))
    assert not faults and isinstance(column, Ragged)
    np.testing.assert_array_equal(column.padded(), values)
    assert "must have one" in checked(values, Field("x", "event", "float64", "X."))[1][0][1]
    assert "must have many" in checked(values[0], Field("x", "hit", "float64", "X.", counter="n"))[1][0][1]


def test_lengths_are_compared_within_a_counter_only() -> None:
    columns = {"a": Ragged.from_rows([[1], [1, 2]]), "b": Ragged.from_rows([[1], [1]]), "c": Ragged.from_rows([[], []])}
    assert list(count_faults(columns, {"a": "n", "b": "n", "c": "m"})) == [
        ("b", Fault(1, "has 1 values where 'a' has 2"))]


def test_nan_stands_for_a_value_where_the_field_says_so() -> None:
    values = np.array([1.5, np.nan, -2.0], dtype=np.float32)
    field = Field("dr", "particle", "float32", "Distance.", missing=-1.0)
    column, faults = checked(values, field)
    assert column.tolist() == [1.5, -1.0, -2.0] and column.dtype == np.float32 and not faults
    assert np.isnan(values[1])
    assert checked(np.array([np.inf]), field)[1] == [Fault(0, "value inf is not finite")]
    assert checked(values, Field("dr", "particle", "float32", "Distance."))[1] == [Fault(1, "value nan is not finite")]
    assert checked(np.array([3]), field)[0].tolist() == [3.0]
