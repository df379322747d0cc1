"""Calorimeters with beam and phantom that are drawn at random, for training and for tests of unseen ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import Generator, SeedSequence, default_rng

from ....config import build
from ....errors import ConfigError
from ....physics.range_energy import EXPONENT, HELIUM_MASS_RATIO, particle_energy, particle_range
from ....physics.straggling import range_variance
from ..config.simulation import DrawnGeometriesConfig
from ..geometries.geometry import Geometry, GeometryConfig

MOST_LAYERS = 199

MOST_TRIES = 1000
"""Calorimeters that are drawn until one has as many layers as it should."""

SUPPORT_LENGTH = 300.0
"""Radiation length of what carries a sensor over its relative stopping power, mm."""

BEHIND = 3
"""Layers behind the deepest that is reached."""


def drawn_geometry(seed: int, index: int, ranges: DrawnGeometriesConfig) -> tuple[Geometry, GeometryConfig]:
    """Return the calorimeter of a number, which depends on (seed, index) and the ranges only, and its configuration.

    It has so many layers that nothing leaves at the back; the phantom is `geometry.phantom.thickness`.
    `plain_yaml.dump(config.model_dump(mode="json"))` is its YAML file.

    Raises:
        ConfigError: hardly any calorimeter of the drawn material has as many layers as it should.
    """
    rng = default_rng(SeedSequence([seed, index, 2]))
    least, most = ranges.hit_layers
    material, electrons = str(rng.choice(ranges.materials)), bool(rng.random() < ranges.electrons)
    for _ in range(MOST_TRIES):
        config: GeometryConfig = build(GeometryConfig, _drawn(rng, ranges, material) | {"name": f"drawn-{seed}-{index}", "electrons": electrons}, "simulation.drawn_geometries")
        reached, layers = _layers(config)
        if least <= reached <= most and layers <= MOST_LAYERS:
            config.layers[-1].count -= sum(group.count for group in config.layers) - layers
            return Geometry.of(config), config
    raise ConfigError(f"simulation.drawn_geometries: of {MOST_TRIES} calorimeters of {material} none has {least} to {most} layers that particles reach; choose other ranges.")


def refuse_impossible_ranges(ranges: DrawnGeometriesConfig) -> None:
    """Draw a calorimeter of each material, so that a training does not end where one of them is drawn first.

    Raises:
        ConfigError: as `drawn_geometry`.
    """
    for material in sorted(set(ranges.materials)):
        drawn_geometry(0, 0, ranges.model_copy(update={"materials": [material]}))


def _drawn(rng: Generator, ranges: DrawnGeometriesConfig, material: str) -> dict[str, Any]:
    """Return the values of a calorimeter with `MOST_LAYERS` layers."""
    thickness, sensor = _even(rng, ranges.absorber), float(np.exp(_even(rng, [float(np.log(value)) for value in ranges.sensor])))
    pitch = thickness + max(_even(rng, ranges.gap), sensor + 0.1)
    trackers = int(rng.choice(ranges.trackers))
    distance = _even(rng, ranges.tracker_distance)
    support = _even(rng, ranges.support_wet)
    absorber: dict[str, Any] = {"material": material, "thickness": thickness,
                "support_wet": support, "support_radiation_lengths": support / SUPPORT_LENGTH}
    bare = absorber | {"material": "silicon", "thickness": 0.0}
    front = {"first_z": 0.0, "pitch": distance, "count": trackers, "absorber": bare}
    first = {"first_z": trackers * distance, "pitch": pitch, "count": 1, "absorber": bare}
    stack = {"first_z": trackers * distance + pitch, "pitch": pitch, "count": MOST_LAYERS - 1 - trackers, "absorber": absorber}
    energy = _even(rng, ranges.energy)
    beam: dict[str, Any] = {}
    reach = float(particle_range(energy))
    if rng.random() < ranges.helium:
        energy, beam = float(particle_energy(reach, HELIUM_MASS_RATIO, 2.0)), {"particle": "helium"}
    beam |= {"energy": energy, "energy_spread": energy * _even(rng, ranges.energy_spread), "sigma": _even(rng, ranges.sigma)}
    return {
        "layers": [*([front] if trackers else []), first, stack],
        "sensor": {"thickness": sensor, "pixel": [_even(rng, ranges.pixel), _even(rng, ranges.pixel)]},
        "beam": beam,
        "phantom": {"thickness": reach * _even(rng, ranges.phantom), "distance": _even(rng, ranges.distance)},
        "lateral_displacement": bool(rng.random() >= ranges.turns_at_sensors),
    }


def _even(rng: Generator, limits: Sequence[float]) -> float:
    low, high = limits
    return float(rng.uniform(low, high))


def _layers(config: GeometryConfig) -> tuple[int, int]:
    """Return how many layers particles reach, and how many are needed so that none leaves at the back.

    The latter without a phantom if `MOST_LAYERS` are enough for that, else behind it.
    """
    particle = (HELIUM_MASS_RATIO, 2.0) if config.beam.particle == "helium" else (1.0, 1.0)
    reach = float(particle_range(config.beam.energy, *particle))
    width = np.hypot(np.sqrt(range_variance(reach, *particle)), EXPONENT * reach * config.beam.energy_spread / config.beam.energy)
    depth = Geometry.of(config).depth
    reached, *deepest = np.searchsorted(depth, reach + np.array([-config.phantom.thickness, 4 * width, 4 * width - config.phantom.thickness]))
    needed = [int(d) + BEHIND for d in deepest]
    return int(reached), needed[0] if needed[0] <= MOST_LAYERS else needed[1]
