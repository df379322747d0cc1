"""The map by which scores of background are the same at every mass, one for each signal."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ....decorrelation.quantile_map import FEWEST_JETS, QuantileMap
from ....errors import ModelError
from ....io.ragged import Array, Columns
from ....model_file import ModelFile
from ..config import JetsConfig
from ..reading.values import values_of

PREFIX = "flat."
LOGARITHMIC = f"{PREFIX}logarithmic"
"""Which coordinates are taken as logarithms, since they are positive and their spectra fall steeply."""


def coordinates_of(examples: Columns, config: JetsConfig, resonance_mass: Array | None) -> Array:
    """Return what scores are to be independent of, and last the resonance mass of a parametrised network, float64 (n, coordinates)."""
    found = values_of(config.model.against, examples)
    return found if resonance_mass is None else np.column_stack([found, resonance_mass])


def fit_maps(ratios: Array, coordinates: Array, weight: Array, config: JetsConfig) -> dict[str, Array]:
    """Return the maps of all signals as arrays; nothing where there are too few background jets.

    Args:
        ratios: scores of background jets, (n, signals).
        coordinates: of them, (n, coordinates).
    """
    usable = np.isfinite(coordinates).all(1) & np.isfinite(ratios).all(1)
    if usable.sum() < FEWEST_JETS or weight[usable].sum() <= 0:
        return {}
    points = coordinates[usable]
    logarithmic = np.asarray((points > 0).all(0))
    points = _transformed(points, logarithmic)
    found: dict[str, Array] = {LOGARITHMIC: logarithmic}
    for k, signal in enumerate(config.data.signals):
        fitted = QuantileMap.fit(ratios[usable, k], points, weight[usable])
        found |= {f"{PREFIX}{signal}.{name}": array for name, array in fitted.arrays().items()}
    return found


def check_maps(model: ModelFile, config: JetsConfig) -> None:
    """Refuse stored maps that are none, as those of an earlier form.

    Raises:
        ModelError: something of a map lacks, or cannot be used.
    """
    if not any(name.startswith(PREFIX) for name in model.finished):
        return
    coordinates = len(config.model.against) + config.model.parametrise
    model.stored("finished", LOGARITHMIC, (coordinates,), "b")
    for signal in config.data.signals:
        try:
            found = _map_of(model.finished, signal)
            if len(found.middle) != coordinates:
                raise ValueError(f"it is of {len(found.middle)} coordinates")
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise ModelError(f"{model.named}: the map that makes the scores of {signal} flat is damaged or of an earlier form ({type(error).__name__}: {error}); train it anew.") from None


def _map_of(finished: Mapping[str, Array], signal: str) -> QuantileMap:
    begin = f"{PREFIX}{signal}."
    return QuantileMap.of({name.removeprefix(begin): array for name, array in finished.items() if name.startswith(begin)})


def flat_scores(ratios: Array, coordinates: Array, finished: Mapping[str, Array], config: JetsConfig) -> Array | None:
    """Return the share of background with a smaller score at the same coordinates, (n, signals); None without maps, NaN where a coordinate is."""
    if LOGARITHMIC not in finished:
        return None
    points = _transformed(coordinates, finished[LOGARITHMIC])
    found = np.empty(ratios.shape, np.float32)
    for k, signal in enumerate(config.data.signals):
        found[:, k] = _map_of(finished, signal)(ratios[:, k], points)
    return found


def _transformed(points: Array, logarithmic: Array) -> Array:
    # What is not positive, in later jets, counts as at the lower end of the map.
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(logarithmic, np.log(np.maximum(points, 1e-12)), points)
