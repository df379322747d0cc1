"""Units of branches, converted to a field's unit when a file is read."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigError, did_you_mean
from .schema import Layout

DEGREE = 0.017453292519943295
UNITS = {
    "energy": {"eV": 1e-9, "keV": 1e-6, "MeV": 1e-3, "GeV": 1.0, "TeV": 1e3},
    "length": {"um": 1e-3, "mm": 1.0, "cm": 10.0, "m": 1e3},
    "time": {"ps": 1e-3, "ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9},
    "angle": {"rad": 1.0, "deg": DEGREE},
}
"""Dimension -> unit -> its size; momentum and mass are given as energy (c = 1)."""

NUMBER = re.compile(r"^\s*([-+0-9.eE]+?)\s*([a-zA-Z]+)?\s*$")


@dataclass(frozen=True)
class BranchMap:
    """What `--map name=branch[:unit]` says: the branch of a name, and the factor to its field's unit.

    Attributes:
        usual: names of which this holds where a file has that branch, and nothing where it has not.
    """

    branches: Mapping[str, str] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)
    usual: frozenset[str] = frozenset()

    def of(self, available: Iterable[str]) -> BranchMap:
        """Return what holds of a tree with these branches."""
        here = set(available)
        branches = {name: branch for name, branch in self.branches.items() if name not in self.usual or branch in here}
        return BranchMap(branches, {name: factor for name, factor in self.factors.items() if name in branches})


def conversion(unit: str, target: str) -> float:
    """Return the factor that turns values in `unit` into values in `target`.

    Raises:
        ConfigError: unknown unit, or units of different dimensions.
    """
    if unit == target:
        return 1.0
    for sizes in UNITS.values():
        if unit in sizes and target in sizes:
            return sizes[unit] / sizes[target]
    known = [name for sizes in UNITS.values() for name in sizes]
    if unit not in known:
        raise ConfigError(f"There is no unit {unit!r}.{did_you_mean(unit, known)}")
    raise ConfigError(f"{unit!r} cannot be converted to {target or 'a number without unit'!r}.")


def with_unit(value: Any, unit: str) -> Any:
    """Return a number in `unit` of text such as "4.5 ns"; what is no text is returned as it is.

    Raises:
        ValueError: not a number with a unit that fits.
    """
    if not isinstance(value, str):
        return value
    found = NUMBER.match(value)
    try:
        # The factor of two units may be off in the last digit.
        return float(f"{float(found[1]) * conversion(found[2] or unit, unit):.12g}") if found else _refuse(value, unit)
    except (ConfigError, ValueError):
        return _refuse(value, unit)


def read_mapping(
    mapping: Mapping[str, str], layouts: Sequence[Layout], extra: Sequence[str] = (), usual: Collection[str] = (),
) -> BranchMap:
    """Check the values "branch" or "branch:unit" of a mapping against what the layouts have.

    Further branches (`extra`) have no unit of their own: with one, they are converted to GeV, mm, ns or rad.
    Names of `usual` may be unknown; see `BranchMap`.

    Raises:
        ConfigError: a name that no layout has, or a unit that does not fit.
    """
    branches: dict[str, str] = {}
    factors: dict[str, float] = {}
    units = {f.name: f.unit for layout in reversed(layouts) for f in layout.fields}
    for name, value in mapping.items():
        if name not in units and name not in extra:
            if name in usual:
                continue
            raise ConfigError(f"--map {name}={value}: there is no {name!r} to be read."
                              f"{did_you_mean(name, [*units, *extra])}")
        branch, unit = _split(value)
        branches[name] = branch
        if unit:
            try:
                factors[name] = conversion(unit, units[name] if name in units else _inside(unit))
            except ConfigError as error:
                raise ConfigError(f"--map {name}={value}: {error}") from None
    return BranchMap(branches, factors, frozenset(usual) & set(branches))


def _inside(unit: str) -> str:
    """Return the unit that the program uses inside for what `unit` measures; for branches without a field."""
    sizes = next((sizes for sizes in UNITS.values() if unit in sizes), {})
    return next((name for name, size in sizes.items() if size == 1.0), "")


def _split(value: str) -> tuple[str, str]:
    """Split "branch:unit"; the double colon of a C++ name is no separator."""
    branch, colon, unit = value.rpartition(":")
    if not colon or branch.endswith(":") or not branch:
        return value, ""
    return branch, unit


def _refuse(value: str, unit: str) -> float:
    raise ValueError(f"{value!r} is no number with a unit such as {unit}")
