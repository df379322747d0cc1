"""A PET scanner: a ring of crystals around z, numbered as GATE's cylindricalPET."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import pi
from pathlib import Path

import numpy as np

from .... import named_yaml
from ....config import build
from ....errors import ConfigError
from ....io.ragged import Array, Column, Columns
from .blocks import Indices, Lengths, Pair, extent, offsets, overlaps
from .config import ScannerConfig
from .ring_kernel import Floats, Ring, crystals_at

SCANNERS = f"{__package__}.scanners"
"""Where the known scanners lie."""

LEVELS = ("rsector_id", "module_id", "submodule_id", "crystal_id", "layer_id")
"""Columns of ids, from the outermost."""

MOST_CRYSTALS = 10**7

TOLERANCE = 0.01
"""How far outside a crystal a point may be read, mm: positions of files are rounded."""


@dataclass(frozen=True)
class Scanner:
    """Flat blocks ("rsectors") on a ring, each an array of modules of submodules of crystals in layers.

    Block k is at the azimuth 2 pi k / rsectors. In a block, copies are numbered as by GATE's cubicArray:
    transaxially first, with rising azimuth, then along z. A crystal's linear index is
    (layer * n_rings + ring) * crystals_per_ring + transaxial place, the latter counted by azimuth from
    the first crystal of block 0.

    Attributes:
        radius: from the axis to the middle of the blocks' front faces, mm.
        modules, submodules, crystals: how many, transaxial and axial.
        module_pitch, submodule_pitch, crystal_pitch: distances between their centres, mm.
        crystal_size: transaxial, axial size and depth, mm; a layer has a part of the depth.
    """

    name: str
    radius: float
    rsectors: int
    modules: Pair
    submodules: Pair
    crystals: Pair
    layers: int
    module_pitch: Lengths
    submodule_pitch: Lengths
    crystal_pitch: Lengths
    crystal_size: tuple[float, float, float]

    @classmethod
    def of(cls, config: ScannerConfig) -> Scanner:
        """Build from what the YAML file says.

        Raises:
            ConfigError: crystals, submodules, modules or blocks overlap.
        """
        crystal = (config.crystal_pitch[0], config.crystal_pitch[1])
        submodule = _pitch(config.submodule_pitch, crystal, config.crystals)
        module = _pitch(config.module_pitch, submodule, config.submodules)
        size = (config.crystal_size[0], config.crystal_size[1], config.crystal_size[2])
        scanner = cls(config.name, config.radius, config.rsectors, _pair(config.modules), _pair(config.submodules),
                      _pair(config.crystals), config.layers, module, submodule, crystal, size)
        if scanner.n_crystals > MOST_CRYSTALS:
            raise ConfigError(f"Scanner {config.name!r}: has {scanner.n_crystals} crystals or layers of them; at most {MOST_CRYSTALS} are possible.")
        problems = overlaps(scanner.radius, scanner.rsectors, scanner.counts, scanner.pitches, (size[0], size[1]))
        if problems:
            raise ConfigError(f"Scanner {config.name!r}: {'; '.join(problems)}.")
        return scanner

    @property
    def crystals_per_ring(self) -> int:
        """Crystals around the axis."""
        return self.rsectors * self._across

    @property
    def n_rings(self) -> int:
        """Crystals along the axis."""
        return self.modules[1] * self.submodules[1] * self.crystals[1]

    @property
    def n_crystals(self) -> int:
        """Crystals in all, each layer's counted."""
        return self.layers * self.n_rings * self.crystals_per_ring

    @property
    def width(self) -> float:
        """Transaxial size of a block, from crystal to crystal, mm."""
        return extent(self.counts, self.pitches, self.crystal_size[0], 0)

    @property
    def length(self) -> float:
        """Axial size, from crystal to crystal, mm."""
        return extent(self.counts, self.pitches, self.crystal_size[1], 1)

    @property
    def counts(self) -> tuple[Pair, Pair, Pair]:
        """Modules, submodules and crystals, transaxial and axial."""
        return self.modules, self.submodules, self.crystals

    @property
    def pitches(self) -> tuple[Lengths, Lengths, Lengths]:
        """Distances between modules, submodules and crystals, mm."""
        return self.module_pitch, self.submodule_pitch, self.crystal_pitch

    @property
    def members(self) -> dict[str, int]:
        """Rsectors, and how many modules, submodules, crystals and layers are in the volume around them, by the ids."""
        return dict(zip(LEVELS, (self.rsectors, *(across * along for across, along in self.counts), self.layers), strict=True))

    @property
    def _across(self) -> int:
        return self.modules[0] * self.submodules[0] * self.crystals[0]

    @cached_property
    def ring(self) -> Ring:
        """The same as plain numbers for compiled code."""
        azimuth = 2.0 * pi * np.arange(self.rsectors) / self.rsectors
        return Ring(self.radius, self.rsectors, self.layers, np.asarray(self.crystal_size, dtype=np.float64),
                    np.array([self.module_pitch, self.submodule_pitch, self.crystal_pitch], dtype=np.float64),
                    np.array(self.counts, dtype=np.int64), np.cos(azimuth), np.sin(azimuth))

    @cached_property
    def _index(self) -> Indices:
        """Linear index of each crystal, in the order of the ids, the innermost fastest."""
        index = np.empty(self.n_crystals, dtype=np.int64)
        crystals = np.arange(self.n_crystals)
        index[self._order({name: np.asarray(column) for name, column in self.ids_of(crystals).items()})[0]] = crystals
        return index

    def _order(self, ids: Mapping[str, Column]) -> tuple[Indices, Array]:
        """Return the place of each crystal in the order of the ids, and whether the ids are within range."""
        rows = next((len(column) for column in ids.values()), 0)
        known, order = np.ones(rows, dtype=bool), np.zeros(rows, dtype=np.int64)
        for name, number in self.members.items():
            if name in ids:
                # GATE writes -1 for a level that there is not, as that of crystals without layers.
                column = np.maximum(np.asarray(ids[name]), 0) if number == 1 else np.asarray(ids[name])
                known &= (column >= 0) & (column < number)
                order = order * number + column
            elif number > 1:
                return order, np.zeros(rows, dtype=bool)
        return order, known

    def crystal_of(self, ids: Mapping[str, Column]) -> Indices:
        """Return the linear index of the crystal, -1 where the ids are none of this scanner's.

        Args:
            ids: columns rsector_id, module_id, submodule_id, crystal_id, layer_id; a level that has only
                one member may be missing, or negative. Without another level no crystal is known.

        Shapes: (N,) each; returns (N,).
        """
        order, known = self._order(ids)
        return np.where(known, self._index[np.where(known, order, 0)], -1)

    def ids_of(self, crystal: Array) -> Columns:
        """Return rsector_id, module_id, submodule_id, crystal_id and layer_id (int32) of linear indices.

        All are -1 where the index is.
        """
        layer, axial, transaxial = self.places(crystal)
        copies: list[Array] = []
        for across, along in reversed(self.counts):
            copies.append(axial % along * across + transaxial % across)
            axial, transaxial = axial // along, transaxial // across
        found = np.asarray(crystal) >= 0
        columns = zip(LEVELS, [transaxial, *reversed(copies), layer], strict=True)
        return {name: np.where(found, column, -1).astype(np.int32) for name, column in columns}

    def places(self, crystal: Array) -> tuple[Indices, Indices, Indices]:
        """Return layer, ring and transaxial place of linear indices."""
        rest, transaxial = np.divmod(np.asarray(crystal, dtype=np.int64), self.crystals_per_ring)
        layer, axial = np.divmod(rest, self.n_rings)
        return layer, axial, transaxial

    def centre(self, crystal: Array) -> Floats:
        """Return the centre of crystals, or of their layers: x, y, z, mm, shape (N, 3); NaN for -1."""
        layer, axial, transaxial = self.places(crystal)
        sector, transaxial = np.divmod(transaxial, self._across)
        depth = self.radius + (layer + 0.5) * self.crystal_size[2] / self.layers
        u, z = offsets(self.counts, self.pitches, 0, transaxial), offsets(self.counts, self.pitches, 1, axial)
        azimuth = 2.0 * pi * sector / self.rsectors
        c, s = np.cos(azimuth), np.sin(azimuth)
        points = np.stack([depth * c - u * s, depth * s + u * c, z], axis=1)
        points[np.asarray(crystal) < 0] = np.nan
        return points

    def locate(self, x: Array, y: Array, z: Array, tolerance: float = TOLERANCE) -> Indices:
        """Return the linear index of the crystal that contains each point (mm), -1 outside all.

        Args:
            tolerance: how far outside a crystal a point may lie, mm.

        Shapes: (N,) each; returns (N,).
        """
        points = np.array([x, y, z], dtype=np.float64)
        found: Indices = crystals_at(self.ring, points[0], points[1], points[2], tolerance)
        return found


def known_scanners() -> list[str]:
    """Return the names of the scanners in the package."""
    return named_yaml.names(SCANNERS)


def load_scanner(source: str | Path) -> Scanner:
    """Return a scanner by name, or from a YAML file.

    Raises:
        ConfigError: there is no such file or name, or it is not a scanner.
    """
    values = named_yaml.settings(SCANNERS, source, "scanner", "radius, rsectors, crystals, crystal_pitch, crystal_size")
    return Scanner.of(build(ScannerConfig, values, str(source)))


def _pair(values: list[int]) -> Pair:
    return values[0], values[1]


def _pitch(own: list[float] | None, inner: Lengths, count: list[int]) -> Lengths:
    """Return a pitch, by default that at which neighbours touch."""
    return (own[0], own[1]) if own else (inner[0] * count[0], inner[1] * count[1])


def scanner_of(name: str | None) -> Scanner:
    """Return the scanner whose crystals are the channels of a spiking network.

    Raises:
        ConfigError: none is named.
    """
    if name is None:
        raise ConfigError("data.scanner: a spiking network has an input for every crystal, and needs to know the scanner; give --set data.scanner=NAME.")
    return load_scanner(name)
