"""Jet variables: equal to their definitions, and with the symmetries and limits that they must have."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.jets.substructure.variables import jet_variables

from . import brute_force as brute

RADIUS = 0.8


def variables(*jets: np.ndarray, **options: float) -> dict[str, np.ndarray]:
    px, py, pz, energy = np.concatenate(jets).reshape(-1, 4).T
    return jet_variables(Ragged.from_counts(px, np.array([len(jet) for jet in jets])), py, pz, energy, RADIUS, **options)


@pytest.fixture(scope="module")
def jets() -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [brute.momenta(rng, n) for n in (2, 3, 4, 5, 6, 9, 12, 16, 20)]


def test_variables_are_their_definitions(jets: list[np.ndarray]) -> None:
    found = variables(*jets)
    for i, p in enumerate(jets):
        total, own = p.sum(0), {name: value[i] for name, value in found.items()}
        assert own["nconstituents"] == len(p)
        assert own["pt"] == pytest.approx(brute.pt(total), rel=1e-6)
        assert own["phi"] == pytest.approx(np.arctan2(total[1], total[0]), rel=1e-6)
        assert np.tanh(own["eta"]) == pytest.approx(total[2] / np.sqrt((total[:3] ** 2).sum()), rel=1e-6)
        assert own["mass"] == pytest.approx(brute.mass(total), rel=1e-6)
        assert own["ptd"] == pytest.approx(np.sqrt((brute.pt(p) ** 2).sum()) / brute.pt(p).sum(), rel=1e-6)
        assert own["width"] == pytest.approx((brute.pt(p) * brute.distance(p, total)).sum() / brute.pt(p).sum(), rel=1e-6)
        for n in (1, 2, 3, 4):
            assert own[f"tau{n}"] == pytest.approx(brute.tau(p, n, RADIUS), rel=1e-5, abs=1e-12), (len(p), n)
        assert [own["c2"], own["d2"], own["n2"]] == pytest.approx(brute.correlators(p), rel=1e-5, abs=1e-12)


@pytest.mark.parametrize(("z_cut", "beta"), [(0.1, 0.0), (0.1, 1.0), (0.3, 0.5), (0.25, -1.0)])
def test_soft_drop_is_its_definition(jets: list[np.ndarray], z_cut: float, beta: float) -> None:
    found = variables(*jets, z_cut=z_cut, beta=beta)
    expected = [brute.soft_drop(p, z_cut, beta, RADIUS) for p in jets]
    assert found["softdrop_mass"] == pytest.approx(expected, rel=1e-5, abs=1e-4)
    assert (found["softdrop_mass"] < 0.99 * found["mass"]).any()


def test_variables_do_not_change_with_azimuth_and_boosts_along_the_beam(jets: list[np.ndarray]) -> None:
    turn, rapidity = 1.7, -1.3
    c, s, ch, sh = np.cos(turn), np.sin(turn), np.cosh(rapidity), np.sinh(rapidity)
    matrix = np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, ch, sh], [0, 0, sh, ch]])
    before, after = variables(*jets), variables(*[p @ matrix.T for p in jets])
    assert np.exp(1j * (after["phi"] - before["phi"])) == pytest.approx(np.full(len(jets), np.exp(1j * turn)), abs=1e-5)
    for name in set(before) - {"phi", "eta"}:
        assert after[name] == pytest.approx(before[name], rel=1e-5, abs=1e-6), name


def test_variables_do_not_change_with_the_order_of_constituents(jets: list[np.ndarray]) -> None:
    rng = np.random.default_rng(2)
    before, after = variables(*jets), variables(*[rng.permutation(p) for p in jets])
    for name in before:
        assert after[name] == pytest.approx(before[name], rel=1e-5, abs=1e-6), name


def test_soft_particles_and_collinear_splittings_change_nothing(jets: list[np.ndarray]) -> None:
    rng = np.random.default_rng(3)
    before = variables(*jets)
    soft = variables(*[np.concatenate([p, 1e-9 * brute.momenta(rng, 1)]) for p in jets])
    split = variables(*[np.concatenate([0.3 * p[:2], p[2:], 0.7 * p[:2]]) for p in jets])
    for name in set(before) - {"nconstituents", "ptd"}:
        assert soft[name] == pytest.approx(before[name], rel=1e-5, abs=1e-6), name
        assert split[name] == pytest.approx(before[name], rel=1e-5, abs=1e-6), name
    assert soft["ptd"] == pytest.approx(before["ptd"], rel=1e-5)
    assert (split["ptd"] < before["ptd"]).all()


def test_two_massless_prongs() -> None:
    pts, y, phi = np.array([80.0, 40.0]), np.array([0.2, -0.1]), np.array([3.0, -3.0])
    p = np.stack([pts * np.cos(phi), pts * np.sin(phi), pts * np.sinh(y), pts * np.cosh(y)], -1)
    mass = np.sqrt(2 * 80 * 40 * (np.cosh(0.3) - np.cos(6.0)))
    found = {name: value[0] for name, value in variables(p).items()}
    assert found["mass"] == pytest.approx(mass, rel=1e-6) == found["softdrop_mass"]
    assert [found["c2"], found["d2"], found["n2"], found["tau2"], found["tau4"]] == [0] * 5
    assert variables(p, z_cut=0.34)["softdrop_mass"][0] == pytest.approx(0, abs=1e-3)


def test_n2_and_d2_of_three_prongs_in_a_row() -> None:
    # Massless, at equal distances d: e2 = z^2 4 d, e3 = z^3 2 d^3, g3 = z^3 d^2, with z = 1/3.
    y = np.array([-0.1, 0.0, 0.1])
    p = 50 * np.stack([np.ones(3), np.zeros(3), np.sinh(y), np.cosh(y)], -1)
    found = variables(p)
    assert found["n2"][0] == pytest.approx((1 / 27 * 0.01) / (4 / 9 * 0.1) ** 2, rel=1e-5)
    assert found["d2"][0] == pytest.approx((2 / 27 * 0.001) / (4 / 9 * 0.1) ** 3, rel=1e-5)


def test_jets_of_nothing_one_and_several_equal_constituents() -> None:
    one = np.array([[30.0, 0.0, 40.0, 50.0]])
    found = variables(np.empty((0, 4)), one, np.repeat(one, 7, 0), np.empty((0, 4)))
    assert found["pt"] == pytest.approx([0, 30, 210, 0])
    assert found["nconstituents"].tolist() == [0, 1, 7, 0]
    assert found["ptd"] == pytest.approx([0, 1, 7**-0.5, 0])
    assert all(np.isfinite(value).all() for value in found.values())
    for name in ("mass", "softdrop_mass", "tau1", "tau4", "c2", "d2", "n2", "width"):
        assert found[name] == pytest.approx(0, abs=1e-4), name


def test_no_jets() -> None:
    px = Ragged.from_counts(np.empty(0), np.empty(0, dtype=np.int64))
    assert all(value.shape == (0,) for value in jet_variables(px, px.flat, px.flat, px.flat, RADIUS).values())


def test_particles_along_the_beam_are_counted_only(jets: list[np.ndarray]) -> None:
    beam = np.array([[0.0, 0.0, 7.0, 7.0], [0.0, 0.0, 0.0, 0.0]])
    before, after = variables(jets[4]), variables(np.concatenate([beam, jets[4]]))
    assert after.pop("nconstituents") == before.pop("nconstituents") + 2
    for name in before:
        assert after[name] == before[name], name


def test_energies_of_single_precision_below_the_momentum_are_massless() -> None:
    rng = np.random.default_rng(4)
    exact = brute.momenta(rng, 15, y=3.0)
    exact[:, 3] = np.sqrt((exact[:, :3] ** 2).sum(-1))
    rounded = exact.astype(np.float32).astype(np.float64)
    assert (rounded[:, 3] ** 2 < (rounded[:, :3] ** 2).sum(-1)).any()
    before, after = variables(exact), variables(rounded)
    for name in before:
        assert after[name] == pytest.approx(before[name], rel=2e-4, abs=1e-5), name
