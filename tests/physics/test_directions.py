"""Angles between directions."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.physics.directions import angle_between


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-3, 0.7, np.pi / 2, 2.5, np.pi])
def test_a_turned_direction_makes_the_angle_by_which_it_was_turned(angle):
    rng = np.random.default_rng(3)
    one, across = np.linalg.qr(rng.normal(size=(50, 3, 2)))[0].transpose(2, 0, 1)
    turned = np.cos(angle) * one + np.sin(angle) * across
    # Lengths do not matter.
    np.testing.assert_allclose(angle_between(3 * one, 0.2 * turned), angle, rtol=1e-6, atol=1e-15)


def test_leading_dimensions_broadcast():
    axis = np.eye(3)
    np.testing.assert_allclose(angle_between(axis[:, None], axis[None]), (1 - axis) * np.pi / 2)
