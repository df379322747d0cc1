"""Shared layers: symmetry and limits."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from pphysml.nn.attention import PairBiasedAttention
from pphysml.nn.fourier import FourierFeatures
from pphysml.nn.spectrum import GAIN, LearnedSpectra


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


def test_features_of_a_value_with_a_resolution_are_their_mean():
    features = FourierFeatures(0.5, 6, per_octave=2)
    value, sigma = torch.tensor([3.3, 10.0], dtype=torch.float64), torch.tensor([0.1, 0.4], dtype=torch.float64)
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    spread = value[:, None] + sigma[:, None] * torch.from_numpy(nodes)
    mean = (features(spread) * torch.from_numpy(weights / weights.sum())[:, None]).sum(1)
    assert torch.allclose(features(value, sigma), mean.float(), atol=1e-5)


def test_learned_spectra_are_convolutions_with_the_resolution():
    torch.manual_seed(0)
    spectra = LearnedSpectra(2, 256, 64.0)
    with torch.no_grad():
        spectra.log_weight.zero_()
        spectra.log_weight[0, 100] = 0.3
    value, sigma = torch.tensor([20.0, 25.1, 26.0, 30.0]), torch.tensor([3.0, 1.0, 0.5, 2.0])
    weight = (GAIN * spectra.log_weight.detach()).exp().double()
    centre = (torch.arange(256) + 0.5) * 0.25
    density = torch.exp(-0.5 * ((value[:, None] - centre) / sigma[:, None]) ** 2) / (sigma[:, None] * (2 * math.pi) ** 0.5) * 0.25
    expected = (density.double() @ weight.T).log()
    assert torch.allclose(spectra(value, sigma).double(), expected, atol=0.1)


def test_learned_spectra_find_a_line():
    torch.manual_seed(1)
    spectra, sigma = LearnedSpectra(1, 256, 64.0), torch.full((512,), 0.5)
    optimiser = torch.optim.Adam(spectra.parameters(), 4e-3)
    for _ in range(150):
        on_line = 20.0 + 0.5 * torch.randn(512)
        anywhere = 64 * torch.rand(512)
        odds = torch.cat([spectra(on_line, sigma), spectra(anywhere, sigma)])[:, 0]
        truth = torch.cat([torch.ones(512), torch.zeros(512)])
        loss = nn.functional.binary_cross_entropy_with_logits(odds, truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    scan = torch.arange(2.0, 62.0, 0.25)
    peak = float(scan[spectra(scan, torch.full_like(scan, 0.5))[:, 0].argmax()])
    assert abs(peak - 20) < 0.5
