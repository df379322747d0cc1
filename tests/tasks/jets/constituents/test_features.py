"""What networks take of constituents, computed one by one in double precision."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pphysml.errors import InputError
from pphysml.io.ragged import Columns, Ragged
from pphysml.tasks.jets.constituents.features import KINEMATICS, input_names, particle_inputs
from pphysml.tasks.jets.particle_schema import MOMENTA, PARTICLE_SETS

COUNTS = [3, 0, 7, 1, 0, 40]
NO_SCALES = (np.zeros(0, np.float32), np.ones(0, np.float32))


def jets(name: str, further: int = 0) -> tuple[Columns, Ragged, list[str]]:
    """Return jets in both halves of the detector and on both sides of the azimuth pi, the table of their constituents, and its columns."""
    rng = np.random.default_rng(4)
    n, columns = sum(COUNTS), [*MOMENTA, *PARTICLE_SETS[name]]
    axes: Columns = {"jet_pt": rng.uniform(300, 900, 6), "jet_eta": np.array([1.2, -0.4, -2.0, 0.3, 0.1, -1.0]), "jet_phi": np.array([3.1, 0.0, -3.12, 3.0, 1.0, -0.2]), "jet_mass": rng.uniform(30, 200, 6)}
    jet = np.repeat(np.arange(6), COUNTS)
    pt, eta, phi = rng.exponential(20, n) + 0.5, np.asarray(axes["jet_eta"])[jet] + rng.normal(0, 0.3, n), np.asarray(axes["jet_phi"])[jet] + rng.normal(0, 0.3, n)
    momentum = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)])
    others = [rng.normal(0, 2, n) if name.startswith("part_d") else rng.integers(0, 2, n) for name in columns[4:]]
    rows = [*momentum, np.sqrt((momentum**2).sum(0) + 0.14**2), *others, *rng.normal(5, 3, (further, n))]
    return axes, Ragged.from_counts(np.stack(rows, -1).astype(np.float32), np.array(COUNTS)), columns


def cut(value: float) -> float:
    return min(max(value, -5.0), 5.0)


def one_by_one(axes: Columns, table: Ragged, columns: list[str]) -> list[list[float]]:
    found = []
    for jet in range(len(table)):
        jet_pt, jet_eta, jet_phi, jet_mass = (float(np.asarray(axes[name])[jet]) for name in ("jet_pt", "jet_eta", "jet_phi", "jet_mass"))
        jet_energy = math.sqrt((jet_pt * math.cosh(jet_eta)) ** 2 + jet_mass**2)
        for row in table[jet].astype(float):
            px, py, pz, energy = row[:4]
            pt = math.hypot(px, py)
            d_eta = (math.atanh(pz / math.sqrt(pt**2 + pz**2)) - jet_eta) * (1 if jet_eta > 0 else -1)
            d_phi = math.remainder(math.atan2(py, px) - jet_phi, 2 * math.pi)
            further = [math.tanh(x) if name in ("part_d0", "part_dz") else min(max(x, 0), 1) if name.endswith("_error") else x for name, x in zip(columns[4:], row[4:], strict=False)]
            found.append([
                cut((math.log(pt) - 1.7) * 0.7), cut((math.log(energy) - 2) * 0.7), cut((math.log(pt / jet_pt) + 4.7) * 0.7), cut((math.log(energy / jet_energy) + 4.7) * 0.7),
                cut((math.hypot(d_eta, d_phi) - 0.2) * 4), *further, d_eta, d_phi])
    return found


@pytest.mark.parametrize(("name", "inputs"), [("kin", 7), ("kinpid", 13), ("full", 17)])
def test_inputs_are_those_of_the_particle_transformer(name: str, inputs: int) -> None:
    axes, table, columns = jets(name)
    found = particle_inputs(axes, table, columns, NO_SCALES)
    assert found.shape == (sum(COUNTS), inputs) and found.dtype == np.float32 and len(input_names(columns, [])) == inputs
    np.testing.assert_allclose(found, one_by_one(axes, table, columns), rtol=1e-5, atol=3e-6)


def test_expressions_come_last_in_standard_deviations_and_what_is_not_finite_is_the_mean() -> None:
    axes, table, columns = jets("kin", further=2)
    table.flat[3, 4], table.flat[5, 5] = np.nan, 1e9
    mean, spread = np.array([5, 4], np.float32), np.array([3, 2], np.float32)
    found = particle_inputs(axes, table, columns, (mean, spread))
    assert input_names(columns, ["a", "b"])[-2:] == ["a", "b"]
    assert found[3, 7] == 0 and found[5, 8] == 5
    np.testing.assert_allclose(found[6:, 7:], np.clip((table.flat[6:, 4:] - mean) / spread, -5, 5), rtol=1e-5)
    np.testing.assert_array_equal(found[:, :7], particle_inputs(axes, Ragged(table.flat[:, :4].copy(), table.offsets), columns, NO_SCALES))


def test_a_jet_in_the_mirror_has_the_same_inputs() -> None:
    """Of the direction along the beam; the jets of both halves are alike."""
    axes, table, columns = jets("kin")
    mirrored = table.flat * np.array([1, 1, -1, 1], np.float32)
    found = particle_inputs({**axes, "jet_eta": -np.asarray(axes["jet_eta"])}, Ragged(mirrored, table.offsets), columns, NO_SCALES)
    np.testing.assert_allclose(found, particle_inputs(axes, table, columns, NO_SCALES), atol=1e-6)


def test_odd_momenta_give_finite_inputs() -> None:
    axes, table, columns = jets("kin")
    table.flat[:3] = [[1e-30, 0, 0, 0], [1e18, 0, 1e18, 1e19], [0.1, 0, 1e6, 0]]
    found = particle_inputs(axes, table, columns, NO_SCALES)
    assert np.isfinite(found).all() and np.abs(found).max() <= 5
    assert len(KINEMATICS) == 5


def test_jets_without_an_azimuth_are_refused() -> None:
    axes, table, columns = jets("kin")
    del axes["jet_phi"]
    with pytest.raises(InputError, match="--map jet_phi="):
        particle_inputs(axes, table, columns, NO_SCALES)
