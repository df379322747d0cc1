"""The tabulated encoding against the encoding written out."""

from __future__ import annotations

import math

import numpy as np
import torch

from pphysml.tasks.track.models.angle_encoding import frequencies, look_up, moments, tabulate


def encoding(theta):
    # The published frequencies are float32 numbers.
    phase = np.sqrt(theta)[:, None] * frequencies().double().numpy()
    return np.stack([np.sin(phase), np.cos(phase)], 2).reshape(len(theta), 128)


def angles(n, largest=0.8):
    return np.concatenate([[0.0, 1e-9, largest], np.random.default_rng(0).random(n) * largest]).astype(np.float32)


def test_frequencies_rise_from_one_to_nearly_a_thousand():
    w = frequencies()
    assert torch.allclose(w, torch.tensor([math.exp(-math.log(0.001) * 2 * k / 128) for k in range(64)]), rtol=1e-6)
    assert w[0] == 1 and 890 < w[-1] < 900


def test_table_is_the_linear_function_of_the_encoding():
    for precision, error in ((torch.float64, 1e-6), (torch.float32, 1e-4)):
        # In float32 phases of up to 800 rad are known to 5e-5, whatever is done with them.
        theta = torch.from_numpy(angles(2000)).to(precision)
        weight = torch.randn(5, 128, generator=torch.Generator().manual_seed(0)).to(precision)
        found = look_up(tabulate(weight, theta), theta)
        expected = encoding(theta.double().numpy()) @ weight.double().numpy().T
        assert np.abs(found.numpy() - expected).max() < error * expected.std()


def test_table_reaches_opposite_directions():
    theta = torch.tensor([0.1, math.pi])
    weight = torch.eye(128)
    found = look_up(tabulate(weight, theta), theta)
    assert np.abs(found.numpy() - encoding(theta.double().numpy())).max() < 2e-4


def test_values_do_not_depend_on_the_other_angles():
    weight = torch.randn(3, 128, generator=torch.Generator().manual_seed(0))
    small = torch.tensor([0.01, 0.2])
    alone = look_up(tabulate(weight, small), small)
    among = look_up(tabulate(weight, torch.tensor([3.0])), small)
    assert torch.allclose(alone, among, atol=1e-6)


def test_gradient_reaches_the_weights():
    theta = torch.from_numpy(angles(50))
    weight = torch.zeros(2, 128, requires_grad=True)
    look_up(tabulate(weight, theta), theta)[:, 0].sum().backward()
    assert np.allclose(weight.grad[0], encoding(theta.double().numpy()).sum(0), atol=1e-3)
    assert not weight.grad[1].any()


def test_moments_are_those_of_the_encoding():
    theta = angles(3000, 0.5)
    mean, variance = moments(torch.from_numpy(theta))
    expected = encoding(theta.astype(np.float64))
    assert np.allclose(mean, expected.mean(0), atol=1e-6)
    assert np.allclose(variance, expected.var(0), atol=1e-5)


def test_one_angle_has_no_variance():
    _, variance = moments(torch.full((7,), 0.3))
    assert variance.max() < 1e-5
