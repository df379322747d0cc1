"""Attention in blocks is the textbook formula jet by jet, forwards and backwards."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pphysml.tasks.jets.models.networks.block_attention import attended
from pphysml.tasks.jets.models.networks.packing import Packing

from .random_jets import offsets

HEADS, WIDTH = 2, 6


def blocks(counts: list[int]) -> tuple[Packing, Tensor, list[Tensor]]:
    """Return a packing, queries, keys and values of its constituents, and the bias of its blocks."""
    generator = torch.Generator().manual_seed(4)
    packing = Packing.of(offsets(counts))
    rows = torch.randn(sum(counts), 3 * WIDTH, generator=generator, dtype=torch.float64, requires_grad=True)
    bias = [torch.randn(jets, HEADS, n, n, generator=generator, dtype=torch.float64).masked_fill(~block.real[:, None, None], -torch.inf).requires_grad_()
            for block in packing.blocks for jets, n in (block.shape,)]
    return packing, rows, bias


def plain(packing: Packing, rows: Tensor, bias: list[Tensor]) -> Tensor:
    found = []
    for block, pairs in zip(packing.blocks, bias, strict=True):
        for pair, n, first in zip(pairs, packing.counts[block.jets], packing.first[block.jets], strict=True):
            query, key, value = (rows[first : first + n, k * WIDTH : (k + 1) * WIDTH].unflatten(1, (HEADS, 3)) for k in range(3))
            scores = torch.einsum("ahd,bhd->hab", query, key) / math.sqrt(3) + pair[:, :n, :n]
            found.append(torch.einsum("hab,bhd->ahd", scores.softmax(-1), value).flatten(1))
    return torch.cat(found)


def test_it_is_the_formula_with_its_gradients():
    packing, rows, bias = blocks([4, 0, 9, 1, 8, 3])
    found, expected = packing.packed(attended(packing.padded(rows), bias, packing.blocks)), plain(packing, rows, bias)
    assert torch.allclose(found, expected, atol=1e-12)
    seed = torch.randn(found.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    pairs = zip(*(torch.autograd.grad(one, [rows, *bias], seed) for one in (found, expected)), strict=True)
    assert all(torch.allclose(one, other, atol=1e-12) for one, other in pairs)


def test_gradients_are_those_of_the_attention_that_dropout_leaves():
    packing, rows, bias = blocks([0, 3, 2, 1])

    def run(rows: Tensor, *bias: Tensor) -> Tensor:
        torch.manual_seed(2)
        return packing.packed(attended(packing.padded(rows), list(bias), packing.blocks, 0.4))

    finite = [torch.where(b.isinf(), 0.0, b).detach().requires_grad_() for b in bias]
    assert not torch.allclose(run(rows, *finite), packing.packed(attended(packing.padded(rows), finite, packing.blocks)))
    assert torch.autograd.gradcheck(run, (rows, *finite), atol=1e-6)
