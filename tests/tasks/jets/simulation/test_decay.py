"""Decays of resonances: mass, momentum, direction, distance."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.tasks.jets.simulation.decay_kernel import decay

MASS, PT, Y, PHI = 100.0, 400.0, 0.7, 3.0


def decays(radius: float, n: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Return quarks px, py, pz, e, (n, 2, 4), and the distance."""
    rng, quarks, found, away = np.random.default_rng(1), np.zeros((2, 3)), [], []
    for _ in range(n):
        away.append(decay(rng, MASS, PT, Y, PHI, radius, quarks))
        pt, y, phi = quarks.T
        found.append(np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(y), pt * np.cosh(y)], -1))
    return np.array(found), np.array(away)


def test_quarks_have_the_momentum_of_the_resonance() -> None:
    total = decays(1.0, 200)[0].sum(1)
    across = np.hypot(MASS, PT)
    expected = [PT * np.cos(PHI), PT * np.sin(PHI), across * np.sinh(Y), across * np.cosh(Y)]
    assert total == pytest.approx(np.tile(expected, (200, 1)), rel=1e-9)


def test_decays_are_isotropic_where_all_are_taken() -> None:
    quarks, _ = decays(10.0)
    # In the frame of the resonance: back along the beam, then along its flight.
    first = quarks[:, 0]
    along = first[:, 0] * np.cos(PHI) + first[:, 1] * np.sin(PHI)
    side = -first[:, 0] * np.sin(PHI) + first[:, 1] * np.cos(PHI)
    beam = np.cosh(Y) * first[:, 2] - np.sinh(Y) * first[:, 3]
    energy = np.cosh(Y) * first[:, 3] - np.sinh(Y) * first[:, 2]
    rest = (np.hypot(MASS, PT) * along - PT * energy) / MASS
    direction = np.stack([rest, side, beam], -1) / (MASS / 2)
    assert (direction**2).sum(-1) == pytest.approx(np.ones(len(direction)))
    error = 4 / np.sqrt(len(direction))
    assert direction.mean(0) == pytest.approx(np.zeros(3), abs=0.6 * error)
    assert direction.T @ direction / len(direction) == pytest.approx(np.eye(3) / 3, abs=0.4 * error)


def test_both_quarks_are_inside_the_jet_and_as_far_apart_as_said() -> None:
    quarks, away = decays(0.5)
    pt, phi = np.hypot(quarks[..., 0], quarks[..., 1]), np.arctan2(quarks[..., 1], quarks[..., 0])
    y = np.arcsinh(quarks[..., 2] / pt)
    turn = np.angle(np.exp(1j * (phi - PHI)))
    distance = np.hypot(y - Y, turn)
    assert distance.max() < 0.5 and distance.max() > 0.45
    assert away == pytest.approx(np.hypot(y[:, 0] - y[:, 1], np.angle(np.exp(1j * (phi[:, 0] - phi[:, 1])))), rel=1e-6)
    # m^2 is about pt_1 pt_2 R^2 at small angles.
    assert np.median(MASS / (np.sqrt(pt.prod(-1)) * away)) == pytest.approx(1, abs=0.02)
