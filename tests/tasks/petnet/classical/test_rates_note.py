"""Randoms that the engine reads off the rates of singles, against those of its delayed window."""

from __future__ import annotations

import re

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.petnet.classical.engine import ClassicalEngine
from pphysml.tasks.petnet.config import PetConfig


def slices(rng, counts, rates):
    """Return slices of unrelated singles on a ring, each at its own rate in 1/s, with the last 100 singles lent."""
    n = int(np.sum(counts))
    time = np.concatenate([np.sort(rng.uniform(0, c / r, c)) for c, r in zip(counts, rates, strict=True)])
    angle = 2 * np.pi * rng.integers(0, 60, n) / 60
    flat = {"time": time, "energy": np.full(n, 0.5, np.float32), "x": (60 * np.cos(angle)).astype(np.float32), "y": (60 * np.sin(angle)).astype(np.float32),
            "z": rng.integers(0, 10, n).astype(np.float32)}
    return {name: Ragged.from_counts(values, np.array(counts)) for name, values in flat.items()} | {"n_owned": np.array(counts, np.int32) - 100}


def engine(**classical):
    return ClassicalEngine(PetConfig.model_validate({"data": {"window": 1000}, "apply": {
        "offset": 100_000, "classical": {"policy": "takeAllGoods", "opening": "every", **classical}}}), None, None)


@pytest.mark.parametrize("cuts", [{}, {"fov_radius": 20}])
def test_rates_and_delayed_window_agree_at_changing_rates(cuts):
    rng, each = np.random.default_rng(2), engine(**cuts)
    for _ in range(3):
        each(slices(rng, [30_000, 30_000, 200], [1e8, 2e7, 1e8]))
    delayed, rates = map(int, re.search(r"gives (\d+) random pairs, the rates of the singles (\d+)", " ".join(each.warnings)).groups())
    assert delayed > 1000
    assert rates == pytest.approx(delayed, abs=4 * np.sqrt(delayed) + 0.02 * delayed)


def test_nothing_is_said_without_singles_or_without_a_delayed_window():
    each = engine()
    each({name: column for name, column in slices(np.random.default_rng(1), [150], [1e8]).items()})
    assert not each.warnings
    plain = ClassicalEngine(PetConfig(), None, None)
    plain(slices(np.random.default_rng(1), [5000], [1e8]))
    assert not plain.warnings
