"""Shared layers: symmetry and limits."""

from __future__ import annotations

import math

import torch

from pphysml.nn.attention import PairBiasedAttention
from pphysml.nn.fourier import FourierFeatures


def test_attention_is_permutation_equivariant():
    torch.manual_seed(0)
    layer = PairBiasedAttention(16, 4)
    states, bias = torch.randn(2, 5, 16), torch.randn(2, 4, 5, 5)
    order = torch.tensor([3, 0, 4, 1, 2])
    permuted = layer(states[:, order], bias[:, :, order][:, :, :, order])
    assert torch.allclose(permuted, layer(states, bias)[:, order], atol=1e-6)


def test_attention_without_bias_is_the_textbook_formula():
    torch.manual_seed(0)
    layer = PairBiasedAttention(8, 1)
    x = torch.randn(1, 4, 8)
    q, k, v = layer.query_key_value(x).chunk(3, -1)
    expected = layer.out((q @ k.transpose(1, 2) / math.sqrt(8)).softmax(-1) @ v)
    assert torch.allclose(layer(x, torch.zeros(1, 1, 4, 4)), expected, atol=1e-6)


def test_a_key_with_minus_infinite_bias_has_no_influence():
    torch.manual_seed(0)
    layer = PairBiasedAttention(8, 2)
    x, bias = torch.randn(1, 4, 8), torch.zeros(1, 2, 4, 4)
    bias[..., 3] = -torch.inf
    changed = x.clone()
    changed[:, 3] += 10
    assert torch.allclose(layer(x, bias)[:, :3], layer(changed, bias)[:, :3], atol=1e-6)


def test_fourier_features_keep_the_resolution_of_float64():
    features = FourierFeatures(1e-3, 20)
    a, b = torch.tensor([90.0, 90.0 + 1e-7], dtype=torch.float64)
    difference = (features(b) - features(a)).abs().max()
    assert abs(difference / (2 * math.pi * 1e-4) - 1) < 0.01


def test_fourier_features_lie_on_circles_and_repeat():
    features = FourierFeatures(0.25, 5)
    x = torch.linspace(0, 50, 1001, dtype=torch.float64)
    sine, cosine = features(x).chunk(2, -1)
    assert torch.allclose(sine**2 + cosine**2, torch.ones_like(sine), atol=1e-6)
    assert torch.allclose(features(x), features(x + 4.0), atol=1e-5)
