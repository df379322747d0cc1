"""The Particle Transformer is what arXiv:2202.03772 describes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm, linear

from pphysml.tasks.jets.models.networks.particle_transformer import ParticleTransformer
from pphysml.tasks.jets.models.networks.small_transformer import SmallTransformer

from .random_jets import Jets, random_jets, settled


def test_it_has_as_many_parameters_as_the_published_one():
    assert sum(p.numel() for p in ParticleTransformer(17, 10).parameters()) == 2_143_486


@torch.no_grad()
@pytest.mark.parametrize("make", [ParticleTransformer, SmallTransformer])
def test_it_gives_what_a_plain_implementation_with_padding_gives(make):
    network = settled(make(5, 3).double())
    jets = random_jets([5, 0, 1, 40, 19, 2, 33], dtype=torch.float64)
    assert torch.allclose(network(*jets), padded(network, jets, 50), atol=1e-10)


def padded(network: ParticleTransformer, jets: Jets, longest: int) -> Tensor:
    """Return the logits by dense attention between `longest` places of every jet, all pairs in both orders."""
    counts = jets.offsets.diff()
    real = torch.arange(longest) < counts[:, None]
    particles, vectors = (t.new_zeros(*real.shape, t.shape[1]).masked_scatter(real[..., None], t) for t in jets[:2])
    states = network.embed.embed(batch_norm(network.embed.input_bn, particles))
    bias = pair_bias(network.pair_embed.embed, vectors).masked_fill(~real[:, None, None, :], -1e30)
    for block in network.blocks:
        normed = norm(block.pre_attn_norm, states)
        states = rest(block, states, attention(block, normed, normed, bias))
    tokens = network.cls_token.expand(len(counts), 1, -1)
    mask = torch.cat([torch.ones(len(counts), 1, dtype=torch.bool), real], 1)[:, None, None, :]
    for block in network.cls_blocks:
        keys = norm(block.pre_attn_norm, torch.cat([tokens, states], 1))
        tokens = rest(block, tokens, attention(block, tokens, keys, torch.zeros(1).double().masked_fill(~mask, -1e30)))
    return network.fc(norm(network.norm, tokens[:, 0]))


def attention(block: nn.Module, queries: Tensor, keys: Tensor, bias: Tensor) -> Tensor:
    """Return the output of textbook attention with a scale for each head."""
    heads = len(block.c_attn)
    wq, wk, wv = block.attn.in_proj.weight.chunk(3)
    bq, bk, bv = block.attn.in_proj.bias.chunk(3)
    q, k, v = (linear(x, w, b).unflatten(-1, (heads, -1)).transpose(1, 2) for x, w, b in ((queries, wq, bq), (keys, wk, bk), (keys, wv, bv)))
    mixed = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + bias).softmax(-1) @ v
    out = block.attn.out_proj(mixed.transpose(1, 2).flatten(2))
    return (out.unflatten(-1, (heads, -1)) * block.c_attn[:, None]).flatten(2)


def rest(block: nn.Module, states: Tensor, mixed: Tensor) -> Tensor:
    states = states + norm(block.post_attn_norm, mixed)
    hidden = norm(block.post_fc_norm, gelu(block.fc1(norm(block.pre_fc_norm, states))))
    return block.fc2(hidden) + block.w_resid * states


def pair_bias(layers: nn.Sequential, vectors: Tensor) -> Tensor:
    """Return the bias of all pairs, (B, heads, n, n), from equation 3."""
    px, py, pz, energy = vectors.unbind(-1)
    pt, y, phi = (px**2 + py**2).sqrt(), 0.5 * ((energy + pz) / (energy - pz)).log().nan_to_num(), torch.atan2(py, px)
    turn = phi[:, :, None] - phi[:, None]
    distance = ((y[:, :, None] - y[:, None]) ** 2 + torch.acos(turn.cos().clamp(-1, 1)) ** 2).sqrt()
    distance.diagonal(dim1=1, dim2=2).zero_()
    least = torch.minimum(pt[:, :, None], pt[:, None])
    together = vectors[:, :, None] + vectors[:, None]
    mass = together[..., 3] ** 2 - together[..., :3].square().sum(-1)
    share = (least / (pt[:, :, None] + pt[:, None])).nan_to_num()
    values = torch.stack([least * distance, share, distance, mass], -1).clamp(min=1e-8).log()
    values = batch_norm(layers[0], values)
    for layer, after in zip(layers[1::3], layers[2::3], strict=True):
        values = gelu(batch_norm(after, layer(values)))
    return values.permute(0, 3, 1, 2)


def batch_norm(layer: nn.Module, values: Tensor) -> Tensor:
    return (values - layer.running_mean) / (layer.running_var + 1e-5).sqrt() * layer.weight + layer.bias


def norm(layer: nn.LayerNorm, values: Tensor) -> Tensor:
    return layer_norm(values, layer.normalized_shape, layer.weight, layer.bias)
