import numpy as np
import pytest

from pphysml.physics.four_vectors import at_rest, boost, from_pt_eta_phi, mass, mass_squared


def vectors(n: int, m: float, seed: int) -> np.ndarray:
    p3 = np.random.default_rng(seed).normal(0, 20, (n, 3))
    return np.concatenate([p3, np.sqrt((p3**2).sum(-1, keepdims=True) + m**2)], -1)


def test_mass_is_that_of_the_shell():
    assert mass(vectors(100, 5.0, 1)) == pytest.approx(5.0, abs=1e-9)
    spacelike = np.array([3.0, 0.0, 4.0, 3.0])
    assert mass_squared(spacelike) == pytest.approx(-16.0)
    assert mass(spacelike) == 0.0


def test_boost_takes_a_particle_at_rest_to_its_frame():
    frame = vectors(100, 7.0, 2)
    rest = np.array([0.0, 0.0, 0.0, 7.0])
    assert boost(rest, frame) == pytest.approx(frame, abs=1e-9)
    assert at_rest(frame, frame) == pytest.approx(np.broadcast_to(rest, frame.shape), abs=1e-9)


def test_boost_keeps_scalar_products_and_is_undone():
    a, b, frame = vectors(100, 1.0, 3), vectors(100, 2.0, 4), vectors(100, 30.0, 5)
    metric = np.array([-1.0, -1.0, -1.0, 1.0])
    before = (a * b * metric).sum(-1)
    after = (boost(a, frame) * boost(b, frame) * metric).sum(-1)
    assert after == pytest.approx(before, rel=1e-9)
    assert at_rest(boost(a, frame), frame) == pytest.approx(a, abs=1e-9)


def test_boost_along_z_is_the_textbook_matrix():
    gamma = 1.25
    gamma_beta = 0.75
    px, py, pz, e = 1.0, 2.0, 3.0, 9.0
    boosted = boost(np.array([px, py, pz, e]), np.array([0.0, 0.0, 4 * gamma_beta, 4 * gamma]))
    expected = [px, py, gamma * pz + gamma_beta * e, gamma * e + gamma_beta * pz]
    assert boosted == pytest.approx(expected, rel=1e-12)


def test_transverse_momentum_pseudorapidity_and_azimuth_are_inverted():
    rng = np.random.default_rng(5)
    p3 = rng.normal(size=(200, 3)) * 10.0 ** rng.integers(-3, 4, (200, 1))
    pt, total = np.hypot(p3[:, 0], p3[:, 1]), np.linalg.norm(p3, axis=1)
    found = from_pt_eta_phi(pt, np.arctanh(p3[:, 2] / total), np.arctan2(p3[:, 1], p3[:, 0]))
    np.testing.assert_allclose(found, p3, rtol=1e-11, atol=1e-12 * total.max())
    np.testing.assert_allclose(from_pt_eta_phi(np.array(2.0), np.array(0.0), np.array(np.pi / 2)), [0, 2, 0], atol=1e-15)
