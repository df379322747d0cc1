"""Closest approach of two lines against a minimisation, its symmetries, and its limits."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from pphysml.physics.closest_approach import closest_approach


def lines(n: int, seed: int = 1) -> tuple[np.ndarray, ...]:
    x1, p1, x2, p2 = np.random.default_rng(seed).normal(size=(4, n, 3))
    return x1, 3 * p1, x2, 0.2 * p2


def test_against_a_minimisation_over_both_lines() -> None:
    given = lines(30)
    doca, vertex = closest_approach(*given)
    for k, (x1, p1, x2, p2) in enumerate(zip(*given, strict=True)):
        found = minimize(lambda t: ((x1 + t[0] * p1 - x2 - t[1] * p2) ** 2).sum(), [0, 0], method="BFGS", options={"gtol": 1e-10})  # noqa: B023
        assert np.isclose(np.sqrt(found.fun), doca[k], atol=1e-6)
        assert np.allclose((x1 + found.x[0] * p1 + x2 + found.x[1] * p2) / 2, vertex[k], atol=1e-4)


def test_neither_the_order_nor_the_points_on_the_lines_matter() -> None:
    x1, p1, x2, p2 = lines(200)
    expected = closest_approach(x1, p1, x2, p2)
    for same in ((x2, p2, x1, p1), (x1 + 2 * p1, p1, x2 - 7 * p2, 5 * p2), (x1, -p1, x2, p2)):
        for found, wanted in zip(closest_approach(*same), expected, strict=True):
            assert np.allclose(found, wanted, rtol=1e-6, atol=1e-6)


def test_a_rotation_and_a_shift_move_the_vertex_alone() -> None:
    x1, p1, x2, p2 = lines(100)
    turn, shift = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0], np.array([1.0, -2.0, 5.0])
    doca, vertex = closest_approach(x1, p1, x2, p2)
    moved_doca, moved = closest_approach(x1 @ turn + shift, p1 @ turn, x2 @ turn + shift, p2 @ turn)
    assert np.allclose(moved_doca, doca) and np.allclose(moved, vertex @ turn + shift)


def test_tracks_of_one_vertex_meet_there() -> None:
    _, p1, origin, p2 = lines(100)
    doca, vertex = closest_approach(origin + 2 * p1, p1, origin - 3 * p2, p2)
    assert np.allclose(doca, 0, atol=1e-10) and np.allclose(vertex, origin)


def test_parallel_lines_are_the_limit_of_lines_that_nearly_are() -> None:
    x1, p, x2, _ = lines(50)
    for sign in (1, -2):
        doca, vertex = closest_approach(x1, p, x2, sign * p)
        direction = p / np.linalg.norm(p, axis=-1, keepdims=True)
        across = (x1 - x2) - ((x1 - x2) * direction).sum(-1, keepdims=True) * direction
        assert np.allclose(doca, np.linalg.norm(across, axis=-1))
        # On the line in the middle, at the foot of the perpendicular from the origin.
        assert np.allclose((vertex * direction).sum(-1), 0)
        assert np.allclose(np.cross(vertex - (x1 + x2) / 2, direction), 0)
    # Turned by a little around the shortest line between them, they are as far apart.
    turned = p + 1e-5 * np.cross(across, p)
    assert np.allclose(closest_approach(x1, p, x2, turned)[0], doca, rtol=1e-6)


def test_a_line_and_a_particle_at_rest_are_as_far_as_line_and_point() -> None:
    x1, p, x2, _ = lines(20)
    expected = np.linalg.norm(np.cross(x2 - x1, p), axis=-1) / np.linalg.norm(p, axis=-1)
    assert np.allclose(closest_approach(x1, p, x2, 0 * p)[0], expected)
    assert np.allclose(closest_approach(x1, 0 * p, x2, p)[0], np.linalg.norm(np.cross(x1 - x2, p), axis=-1) / np.linalg.norm(p, axis=-1))
    assert np.allclose(closest_approach(x1, 0 * p, x2, 0 * p)[0], 0)
