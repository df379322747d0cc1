"""Dead time against a plain loop and its closed formulas."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.errors import InputError
from pphysml.io.ragged import Columns, concatenate, length, slice_rows
from pphysml.tasks.petnet.config.digitizer import DigitizerConfig
from pphysml.tasks.petnet.reading.dead_time import DeadTime


def poisson_singles(n: int, rate: float, volumes: int = 1, seed: int = 1) -> Columns:
    """Return singles of a Poisson process of that rate in each volume, 1/s."""
    rng = np.random.default_rng(seed)
    return {
        "time": np.cumsum(rng.exponential(1 / (rate * volumes), n)), "entry": np.arange(n),
        "energy": rng.uniform(0.3, 0.7, n).astype(np.float32),
        "rsector_id": rng.integers(0, volumes, n).astype(np.int32), "module_id": rng.integers(0, 2, n).astype(np.int32),
    }


def taken(singles: Columns, config: DigitizerConfig, size: int | None = None) -> Columns:
    selection = DeadTime(config)
    n = length(singles)
    return concatenate([selection.add(slice_rows(singles, start, min(start + (size or n), n))) for start in range(0, n, size or n)])


def alive_by_loop(time, volume, dead_time: float, paralysable: bool) -> list[int]:
    until: dict[object, float] = {}
    alive = []
    for i, (t, v) in enumerate(zip(time, volume, strict=True)):
        if t >= until.get(v, -np.inf):
            alive.append(i)
            until[v] = t + dead_time
        elif paralysable:
            until[v] = t + dead_time
    return alive


@pytest.mark.parametrize("paralysable", [False, True])
@pytest.mark.parametrize("level", ["rsector", "module"])
@pytest.mark.parametrize("size", [1, 7, 400, None])
def test_dead_time_is_the_plain_loop(paralysable, level, size) -> None:
    singles = poisson_singles(1500, 1e6, volumes=5)
    config = DigitizerConfig(dead_time=800.0, dead_time_volume=level, paralysable=paralysable)
    ids = [singles["rsector_id"]] + ([singles["module_id"]] if level == "module" else [])
    expected = alive_by_loop(singles["time"], list(zip(*ids, strict=True)), 800e-9, paralysable)
    assert len(expected) < 1300
    np.testing.assert_array_equal(taken(singles, config, size)["entry"], expected)


@pytest.mark.parametrize("load", [0.1, 1.0, 2.5])
def test_closed_formulas(load) -> None:
    """With load n tau, a share 1 / (1 + n tau) is left, or exp(-n tau) if paralysable (G. F. Knoll, ch. 4)."""
    singles = poisson_singles(200_000, 1e6)
    shares = [length(taken(singles, DigitizerConfig(dead_time=1000.0 * load, paralysable=paralysable))) / 200_000 for paralysable in (False, True)]
    np.testing.assert_allclose(shares, [1 / (1 + load), np.exp(-load)], rtol=0.02)


def test_alive_again_at_the_end_of_the_dead_time() -> None:
    singles = {"time": np.array([0.0, 0.5, 1.0, 1.5, 2.0]), "entry": np.arange(5), "rsector_id": np.zeros(5, np.int32)}
    assert list(taken(singles, DigitizerConfig(dead_time=1e9))["entry"]) == [0, 2, 4]
    assert list(taken(singles, DigitizerConfig(dead_time=1e9, paralysable=True))["entry"]) == [0]
    assert list(taken(singles, DigitizerConfig(dead_time=0.0))["entry"]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("column", ["file", "segment"])
@pytest.mark.parametrize("size", [1, 2, 6])
def test_a_new_file_begins_alive(column, size) -> None:
    singles = {"time": np.array([0.0, 0.5, 2.0, 0.1, 0.2, 1.3]), "entry": np.arange(6), "rsector_id": np.zeros(6, np.int32),
               column: np.array([0, 0, 0, 1, 1, 1])}
    assert list(taken(singles, DigitizerConfig(dead_time=1e9), size)["entry"]) == [0, 2, 3, 5]


def test_singles_out_of_order_are_a_mistake() -> None:
    singles = {"time": np.array([1.0, 0.5]), "rsector_id": np.zeros(2, np.int32)}
    for size in (1, 2):
        with pytest.raises(ValueError, match="order of time"):
            taken(singles, DigitizerConfig(dead_time=1.0), size)


def test_volumes_of_the_level_must_be_known() -> None:
    with pytest.raises(InputError, match="'submodule_id'"):
        taken(poisson_singles(5, 1.0), DigitizerConfig(dead_time=1.0, dead_time_volume="crystal"))


def test_nothing() -> None:
    assert DeadTime(DigitizerConfig(dead_time=1.0)).add({}) == {}
