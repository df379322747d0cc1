"""What the weights of `track` were trained on, and whether other frames look alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from ....io.ragged import Array, Columns, ragged
from ....model_file import ModelFile
from ..tracks.links import frame_of_hit

QUANTITIES = ("hits in a frame", "layers with hits", "distance of the layers in mm", "energy loss in keV/um",
              "radiation lengths between layers", "water-equivalent length between layers in mm", "thickness of the sensors in mm")

OF_OLDER = 4
"""Quantities that weights of versions before 0.5 know."""

OF_MATERIALS = slice(4, 6)
"""Quantities that only the geometry says."""


def describe(examples: Columns) -> Array:
    """Return lowest and highest value of each of QUANTITIES over the frames with hits, float64 (Q, 2); NaN where it is not known."""
    layer, z, dedx = (ragged(examples, name) for name in ("layer", "z", "dedx"))
    frame, n = frame_of_hit(examples), len(layer)
    used = layer.counts > 0
    number = layer.flat.astype(np.float64)
    step = np.diff(z.flat.astype(np.float64)) / np.maximum(np.diff(number), 1)
    inside = (np.diff(number) > 0) & (number[1:] > 3) & (np.diff(frame) == 0)
    water = ragged(examples, "next_depth").flat - ragged(examples, "depth").flat.astype(np.float64)
    behind = number > 3
    values = [
        layer.counts.astype(np.float64),
        1 + np.maximum.reduceat(np.append(number, 0), layer.offsets[:-1]) if n else np.zeros(0),
        _mean(step[inside], frame[1:][inside], n),
        np.exp(_mean(np.log(np.maximum(dedx.flat, 1e-3)), frame, n)),
        _mean(ragged(examples, "gap_lengths").flat[behind].astype(np.float64), frame[behind], n),
        _mean(water[behind], frame[behind], n),
        np.asarray(examples["sensor_thickness"], dtype=np.float64),
    ]
    rows = [v[used & np.isfinite(v)] for v in values]
    return np.array([[v.min(), v.max()] if len(v) else [np.nan, np.nan] for v in rows])


def _mean(values: Array, frame: Array, n: int) -> Array:
    """Return the mean over each frame, NaN where there is nothing."""
    counts = np.bincount(frame, minlength=n)
    total = np.bincount(frame, values, minlength=n)
    mean: Array = np.where(counts > 0, total / np.maximum(counts, 1), np.nan)
    return mean


def fit_domain(parts: Iterable[Columns]) -> dict[str, Array]:
    """Return the ranges over all parts, to be stored with the weights."""
    ranges = np.stack([describe(examples) for examples in parts if examples])
    known = np.isfinite(ranges).any(axis=(0, 2))
    low, high = np.where(np.isnan(ranges), np.inf, ranges)[..., 0].min(0), np.where(np.isnan(ranges), -np.inf, ranges)[..., 1].max(0)
    return {"domain": np.where(known[:, None], np.stack([low, high], -1), np.nan)}


def check_domain(model: ModelFile) -> None:
    """Refuse stored ranges that are none.

    Raises:
        ModelError: they are not as `fit_domain` stores them.
    """
    if "domain" in model.prepared:
        known = OF_OLDER if len(model.prepared["domain"]) == OF_OLDER else len(QUANTITIES)
        model.ranges("prepared", "domain", (known, 2))


def outside(examples: Columns, prepared: Mapping[str, Array]) -> Iterator[str]:
    """Yield a sentence for every quantity that lies outside the training's range by more than a fifth, and for materials that are not known.

    Of the latter nobody can say whether they are those of the training, even if that had hidden them in some frames.
    """
    if "domain" not in prepared:
        return
    known = len(prepared["domain"])
    for name, (low, high), (found_low, found_high) in zip(QUANTITIES[:known], prepared["domain"], describe(examples)[:known], strict=True):
        if found_high > 1.2 * high:
            yield f"{name}: {found_high:.4g}, in the training at most {high:.4g}"
        elif found_low < low / 1.2 and name not in QUANTITIES[:2]:
            yield f"{name}: {found_low:.4g}, in the training at least {low:.4g}"
    if np.isfinite(prepared["domain"][OF_MATERIALS]).any() and np.isnan(ragged(examples, "depth").flat).any():
        yield "the materials of the calorimeter are not known, and cannot be compared with those of the training"
