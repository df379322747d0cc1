"""Rsectors that are repeated along the axis: the cut is that of a ring, as in GATE, and spares pairs of two systems."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.petnet.classical.engine import ClassicalEngine
from pphysml.tasks.petnet.classical.ring_sectors import Ring, RingSectors
from pphysml.tasks.petnet.config import PetConfig


def singles(around=12, along=3, n=6000, seed=1, order="rings", turned=False, line=False):
    """Return one slice of singles at times that are all within a window of each neighbour, in flat rsectors around an axis."""
    rng = np.random.default_rng(seed)
    angular, axial = rng.integers(0, around, n), rng.integers(0, along, n)
    azimuth = 2 * np.pi * angular / around
    across, deep = rng.uniform(-14, 14, n), rng.uniform(60, 70, n)
    x, y = deep * np.cos(azimuth) - across * np.sin(azimuth), deep * np.sin(azimuth) + across * np.cos(azimuth)
    z = rng.uniform(-24, 24, n) + 50 * axial
    if line:
        x, y = across, 30 * angular + rng.uniform(-14, 14, n)
    rsector = angular + around * axial if order == "rings" else axial + along * angular
    columns = {"time": 1e-9 * np.arange(n), "x": z if turned else x, "y": y, "z": x if turned else z, "rsector_id": rsector.astype(np.int32),
               "energy": np.full(n, 0.511)}
    slices = {name: Ragged(column.astype(np.int32 if name == "rsector_id" else np.float64 if name == "time" else np.float32), np.array([0, n]))
              for name, column in columns.items()}
    return {**slices, "n_owned": np.array([n], np.int32), "slice": np.zeros(1, np.int64), "segment": np.zeros(1, np.int64)}, angular


def learnt(**options):
    sectors = RingSectors()
    sectors.add(singles(**options)[0])
    return sectors.ring()


def test_rings_are_learnt_from_where_rsectors_are():
    assert learnt() == learnt(turned=True) == Ring(12, 1, 36)
    assert learnt(order="copies") == Ring(12, 3, 36)
    assert learnt(along=1) == Ring(12, 1, 12)
    assert learnt(along=1, around=4) == Ring(4, 1, 4)
    assert learnt(around=2, along=2) == Ring(2, 1, 4)
    # A row of four is no ring of two that is repeated.
    assert learnt(around=4, along=1, line=True) == Ring(4, 1, 4)


def pairs_of(slices, **classical):
    options = {"min_sector_difference": 3, "policy": "takeAllGoods", "opening": "every", **classical}
    config = PetConfig.model_validate({"apply": {"window": 3500, "classical": options}})
    engine = ClassicalEngine(config, None, None)
    if engine.surveys:
        engine.survey(slices)
    found = engine(slices)
    return set(zip(found["first"].tolist(), found["second"].tolist(), strict=True))


def expected(angular, spared=lambda i, j: False):
    good = set()
    for lag in (1, 2, 3):
        for i in range(len(angular) - lag):
            difference = abs(int(angular[i]) - int(angular[i + lag]))
            if spared(i, i + lag) or min(difference, 12 - difference) >= 3:
                good.add((i, i + lag))
    return good


@pytest.mark.parametrize("order", ["rings", "copies"])
def test_the_cut_is_that_of_a_ring(order):
    slices, angular = singles(order=order)
    assert pairs_of(slices) == expected(angular)
    if order == "rings":
        assert pairs_of(slices, sectors=12) == expected(angular)
        # As if all rsectors were one ring.
        assert pairs_of(slices, sectors=36) != expected(angular)


def test_pairs_of_two_systems_are_spared():
    slices, angular = singles(along=1)
    system = np.random.default_rng(2).integers(0, 2, len(angular)).astype(np.int32)
    slices["system_id"] = Ragged(system, slices["time"].offsets)
    assert pairs_of(slices) == expected(angular, lambda i, j: system[i] != system[j])
