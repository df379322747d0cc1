"""Fired pixels of a real readout to frames of clusters."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from ....errors import ConfigError, FileName
from ....io.external_sort import ExternalSort
from ....io.problems import refuse
from ....io.ragged import Array, Columns, Ragged, concatenate, length, ragged
from .beams import Beams
from .calorimeters.layers import Layers
from .calorimeters.search import LEARNING
from .clusters.hits import cluster_energy
from .clusters.pixel_kernel import join_pixels
from .clusters.pixel_mask import MOST, PixelMask, pixel_number
from .events import Events, event_starts
from .examples import finished, usual
from .front_hits import front_set_aside
from .readouts import FRAME
from .row_frames import RowFrames

AROUND = [step for step in product((-1, 0, 1), repeat=2) if step != (0, 0)]
"""Steps from a pixel to those that touch it."""
PIXEL = ("layer", "column", "row")


def pixels_of(layers: Layers) -> tuple[int, int, int]:
    """Return the numbers of layers of a given geometry, with the planes of its front tracker, and of columns and rows of its sensors.

    Raises:
        ConfigError: they have too many.
    """
    assert layers.geometry is not None
    columns, rows = (int(np.ceil(size / pitch - 1e-6)) for size, pitch in zip(layers.geometry.sensor.size, layers.pixel, strict=True))
    if max(columns, rows) > MOST + 1:
        raise ConfigError(f"Geometry {layers.geometry.name!r}: its sensors have {columns} columns and {rows} rows of pixels, but may have {MOST + 1} at most.")
    return len(layers.places), columns, rows


class PixelFrames(RowFrames):
    """Makes frames of fired pixels; see `RowFrames`.

    Pixels of a frame and layer that touch, by their corners too, are a cluster. Its position is the mean
    of their centres: column 0 begins at -width / 2 in x, row 0 at -height / 2 in y, so that the origin is
    the middle of the sensor. Its energy is that of which the measured law makes as many pixels. Planes of a front tracker
    have the numbers that follow those of the layers.

    Args:
        layers: those of a given geometry, with its sensors.
        beams: where the beam is known from.
        min_cluster_size: fewest pixels of a hit.
        mask: what is known of single pixels.
        sort: whether rows come in any order, so that all must be there before the first frame is made.
    """

    def __init__(self, layers: Layers, beams: Beams, min_cluster_size: int, mask: PixelMask, sort: bool = False) -> None:
        assert layers.geometry is not None
        self._pixels = ExternalSort(("file", "job", "run", "frame"), PIXEL) if sort else None
        super().__init__("pixels", Events("frame", any_order=sort), self._pixels)
        self.layers, self.beams, self.mask = layers, beams, mask
        self.min_cluster_size = min_cluster_size
        self.size = layers.geometry.sensor.size
        self._early: list[Columns] | None = []
        self._n_pixels = self._n_left_out = self._n_clusters = 0

    def prepared(self, rows: Columns) -> Columns:
        """Return rows with what their file lacks, checked."""
        for name, limit in zip(PIXEL, pixels_of(self.layers), strict=True):
            values = np.asarray(rows[name])
            refuse(rows, values >= limit, name, lambda row, values=values, name=name, limit=limit: (  # type: ignore[misc]
                f"{name} {values[row]} is beyond {limit - 1}, the last of the geometry: give another --geometry"))
        return {**usual(rows, length(rows)), **rows}

    def sorted_frames(self) -> Iterator[Columns]:
        """Yield the frames of all rows that were put aside, block by block."""
        assert self._pixels is not None
        for rows in self._pixels.blocks():
            yield self.frames(rows, last=False)
        yield self.frames({}, last=True)

    def frames(self, rows: Columns, last: bool) -> Columns:
        """Return the frames of complete ones, none as long as it is not known which layers are dead."""
        starts = event_starts(rows, "frame")
        number = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, length(rows))))
        frames = self._clustered(rows, number) if length(rows) else {}
        if self._early is not None:
            self._early += [frames] if frames else []
            if not last and sum(len(ragged(some, "layer").flat) for some in self._early) < LEARNING:
                return {}
            frames, self._early = concatenate(self._early), None
            self.layers = self.layers.without_dead_of(ragged(frames, "layer").flat[:LEARNING]) if frames else self.layers
        return finished(frames, self.layers, self.beams) if frames else {}

    def facts(self) -> dict[str, Any]:
        """Return what was taken for the input, for a person."""
        left_out = f", {self._n_left_out} of hot and dead ones left out" if self._n_left_out else ""
        return {**self.layers.facts(), "hits": f"{self._n_clusters} clusters of {self._n_pixels} fired pixels{left_out}", **self.beams.facts(),
                **self._events.facts()}

    def warnings(self, named: FileName) -> list[str]:
        """Return what to warn of."""
        return [*self._events.warnings(named), *self.beams.warnings()]

    def _clustered(self, rows: Columns, number: Array) -> Columns:
        """Return the frames of rows, whose numbers count from 0."""
        starts = np.flatnonzero(np.diff(number, prepend=-1))
        # A frame has the run, spot and beam of its first pixel.
        frames: Columns = {name: np.asarray(rows[name])[starts] for name in (*FRAME, "spot_given") if name in rows}
        layer, column, row = (np.asarray(rows[name]).astype(np.int64) for name in PIXEL)
        bad = self.mask.hot.holds(layer, column, row) | self.mask.dead.holds(layer, column, row)
        order = np.lexsort((row, column, layer, number))
        order = order[~bad[order]]
        pixel = pixel_number(layer, column, row)[order]
        order = order[np.append(True, (np.diff(pixel) != 0) | (np.diff(number[order]) != 0))[: len(order)]]
        sensor, layer, column, row = number[order] * 256 + layer[order], layer[order], column[order], row[order]
        first = join_pixels(sensor, column, row, *self._over_dead(sensor, layer, column, row))
        clusters, entry = self._reduced(rows, order, first, column, row)
        self._n_pixels += len(order)
        self._n_left_out += int(bad.sum())
        kept = np.flatnonzero(clusters["cluster_size"] >= self.min_cluster_size)
        kept = kept[np.argsort(entry[kept])]
        self._n_clusters += len(kept)
        of_frame = np.bincount(number[entry[kept]], minlength=len(starts))
        frames |= {name: Ragged.from_counts(values[kept], of_frame) for name, values in clusters.items()}
        return front_set_aside(frames, len(self.layers.z)) if len(self.layers.front) else frames

    def _over_dead(self, sensor: Array, layer: Array, column: Array, row: Array) -> tuple[Array, Array]:
        """Return pairs of pixels that touch the same dead one."""
        touching, dead, where = [], [], []
        for across, along in AROUND:
            is_dead = np.flatnonzero(self.mask.dead.holds(layer, column + across, row + along))
            touching.append(is_dead)
            dead.append(pixel_number(np.zeros(1), column[is_dead] + across, row[is_dead] + along))
            where.append(sensor[is_dead])
        pixel, key, place = map(np.concatenate, (touching, dead, where))
        order = np.lexsort((key, place))
        pixel, key, place = pixel[order], key[order], place[order]
        same = (np.diff(key) == 0) & (np.diff(place) == 0)
        return pixel[:-1][same], pixel[1:][same]

    def _reduced(self, rows: Columns, order: Array, first: Array, column: Array, row: Array) -> tuple[dict[str, Array], Array]:
        """Return the values of clusters, and the first row of each."""
        members = np.argsort(first, kind="stable")
        starts = np.flatnonzero(np.diff(first[members], prepend=-1))
        size = np.diff(np.append(starts, len(members))).astype(np.int32)
        chosen = order[members]
        entry = np.minimum.reduceat(chosen, starts) if len(starts) else chosen
        layer = np.asarray(rows["layer"])[entry].astype(np.int16)
        clusters: dict[str, Array] = {"layer": layer, "z": self.layers.places[layer], "cluster_size": size, "edep": cluster_energy(size, self.layers.thickness),
                                      "hit_entry": np.asarray(rows["entry"])[entry]}
        for k, (name, place) in enumerate((("x", column), ("y", row))):
            total = np.add.reduceat(place[members], starts) if len(starts) else place
            clusters[name] = (total / size + 0.5) * self.layers.pixel[k] - self.size[k] / 2
        if "time" in rows:
            time = np.asarray(rows["time"])[chosen]
            clusters["time"] = np.minimum.reduceat(time, starts) if len(starts) else time
        return clusters, entry
