"""Sinogram coordinates: known lines, symmetries, and GATE's formula."""

from __future__ import annotations

import math

import numpy as np

from pphysml.tasks.petnet.coincidences.lines_of_response import lines_between


def points(seed, n=500, size=100):
    rng = np.random.default_rng(seed)
    return rng.uniform(-size, size, (n, 3)), rng.uniform(-size, size, (n, 3))


def test_every_point_of_the_line_has_the_same_s():
    p, q = points(1)
    lines = lines_between(p, q)
    for share in (0, 0.3, 1, 2.5):
        x, y, _ = (p + share * (q - p)).T
        np.testing.assert_allclose(x * np.cos(lines.phi) - y * np.sin(lines.phi), lines.s, atol=1e-9)


def test_distance_is_that_of_the_nearest_point():
    p, q = points(2)
    share = np.linspace(-20, 20, 100_001)[:, None]
    for i in range(20):
        distance = np.hypot(*(p[i, :2] + share * (q[i, :2] - p[i, :2])).T).min()
        assert distance >= abs(lines_between(p[i : i + 1], q[i : i + 1]).s[0]) - 1e-9
        assert math.isclose(distance, abs(lines_between(p[i : i + 1], q[i : i + 1]).s[0]), abs_tol=0.05)


def test_ends_may_be_exchanged():
    p, q = points(3)
    p[:50, 0] = q[:50, 0]  # along y, where GATE's angle jumps
    p[50:100, 1] = q[50:100, 1]
    a, b = lines_between(p, q), lines_between(q, p)
    for name in ("s", "phi", "z", "dz"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), atol=1e-12)
    assert (a.turned != b.turned).all()
    assert ((a.phi >= 0) & (a.phi < math.pi)).all()


def test_turning_the_scanner_turns_the_angle():
    p, q = points(4)
    angle = 0.7
    c, s = math.cos(angle), math.sin(angle)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    before, after = lines_between(p, q), lines_between(p @ turn.T, q @ turn.T)
    np.testing.assert_allclose(np.abs(after.s), np.abs(before.s), atol=1e-9)
    # phi is counted from y towards x, against the mathematical sense; a fold changes the sign of s.
    folded = (before.phi - angle) < 0
    np.testing.assert_allclose(after.phi, before.phi - angle + math.pi * folded, atol=1e-9)
    np.testing.assert_allclose(after.s, np.where(folded, -before.s, before.s), atol=1e-9)


def test_known_lines():
    p = np.array([[5.0, 10, 4], [10, 3, 1], [5, 5, 2]])
    q = np.array([[5.0, -10, 0], [-10, 3, 3], [5, 5, 8]])
    lines = lines_between(p, q)
    np.testing.assert_allclose(lines.s, [5, -3, 0], atol=1e-12)
    np.testing.assert_allclose(lines.phi, [0, math.pi / 2, 0], atol=1e-12)
    np.testing.assert_allclose(lines.z, [2, 2, 5])
    np.testing.assert_allclose(lines.dz, [4, -2, -6])


def test_the_formula_of_gate():
    p, q = points(5)
    for (x1, y1, _), (x2, y2, _), s, phi in zip(p, q, *lines_between(p, q)[:2], strict=True):
        theta = math.atan2(x1 - x2, y1 - y2)
        distance = (x1 * (y1 - y2) + y1 * (x2 - x1)) / math.hypot(y1 - y2, x2 - x1)
        if theta < 0:
            theta, distance = theta + math.pi, -distance
        assert math.isclose(theta, phi, abs_tol=1e-12) and math.isclose(distance, s, abs_tol=1e-9)
