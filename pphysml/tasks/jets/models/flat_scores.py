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
"""Which coordinates are taken as logarithms, since they are not negative and their spectra fall steeply."""

RELATIVE = f"{PREFIX}relative"
"""Whether the first coordinate is taken in units of the resonance mass of a parametrised network.

Its scores change steeply where both agree: along an axis splines follow that, across both they do not.
"""


def coordinates_of(examples: Columns, config: JetsConfig, resonance_mass: Array | None) -> Array:
    """Return what scores are to be independent of, and last the resonance mass of a parametrised network, float64 (n, coordinates)."""
    found = values_of(config.model.against, examples)
    return found if resonance_mass is None else np.column_stack([found, resonance_mass])


def fit_maps(ratios: Array, coordinates: Array, weight: Array, config: JetsConfig, draws: int = 1) -> dict[str, Array]:
    """Return the maps of all signals as arrays; nothing where there are too few background jets.

    Args:
        ratios: scores of background jets, (n, signals).
        coordinates: of them, (n, coordinates).
        draws: how many times each jet is among them, at several resonance masses, one after the other.
    """
    usable = np.isfinite(coordinates).all(1) & np.isfinite(ratios).all(1)
    if usable.sum() < FEWEST_JETS * draws or weight[usable].sum() <= 0:
        return {}
    points = coordinates[usable]
    found: dict[str, Array] = {LOGARITHMIC: np.asarray((points >= 0).all(0) & (points > 0).any(0))}
    if config.model.parametrise:
        found[RELATIVE] = found[LOGARITHMIC][0]
    points = _transformed(points, found, config)
    points = np.maximum(points, np.where(np.isfinite(points), points, np.inf).min(0))
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
    if config.model.parametrise:
        model.stored("finished", RELATIVE, (), "b")
    for signal in config.data.signals:
        _check_numbers(model, f"{PREFIX}{signal}.")
        try:
            found = _map_of(model.finished, signal)
            if len(found.middle) != coordinates:
                raise ValueError(f"it is of {len(found.middle)} coordinates")
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise ModelError(f"{model.named}: the map that makes the scores of {signal} flat is damaged or of an earlier form ({type(error).__name__}: {error}); train it anew.") from None


def _check_numbers(model: ModelFile, begins: str) -> None:
    """Refuse numbers of another type than a map is stored with, which it would take as others, or not finite ones."""
    for name, array in model.finished.items():
        if name.startswith(begins) and name.endswith("_degrees"):
            model.stored("finished", name, (None,), "i")
        elif name.startswith(begins) and model.finite("finished", name, (None,) * array.ndim).dtype != np.float64:
            raise ModelError(f"{model.named}: the stored array 'finished.{name}' is of type {array.dtype}, which it is never written in.")


def _map_of(finished: Mapping[str, Array], signal: str) -> QuantileMap:
    begin = f"{PREFIX}{signal}."
    return QuantileMap.of({name.removeprefix(begin): array for name, array in finished.items() if name.startswith(begin)})


def flat_scores(ratios: Array, coordinates: Array, finished: Mapping[str, Array], config: JetsConfig) -> Array | None:
    """Return the share of background with a smaller score at the same coordinates, (n, signals); None without maps, NaN where a coordinate is."""
    if LOGARITHMIC not in finished:
        return None
    points = _transformed(coordinates, finished, config)
    found = np.empty(ratios.shape, np.float32)
    for k, signal in enumerate(config.data.signals):
        found[:, k] = _map_of(finished, signal)(ratios[:, k], points)
    return found


def _transformed(points: Array, stored: Mapping[str, Array], config: JetsConfig) -> Array:
    """Return the coordinates of the map; what is taken as a logarithm and not positive, in later jets too, is at its lower end, -inf."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = np.where(stored[LOGARITHMIC], np.log(np.maximum(points, 0)), points)
    if config.model.parametrise and stored[RELATIVE]:
        found[:, 0] -= found[:, -1]
    return found
