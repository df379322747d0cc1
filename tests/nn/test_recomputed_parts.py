"""A function part by part has the values and gradients of the function at once."""

from __future__ import annotations

import torch

from pphysml.nn.recomputed_parts import by_parts


def rows(part, weight, bias):
    return torch.tanh(part @ weight + bias)


def tensors(*shapes):
    random = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=random, dtype=torch.float64) for shape in shapes]


def test_values_and_gradients():
    points, weight, bias, seed = tensors((11, 3), (3, 2), (2,), (11, 2))
    answers = []
    for function in (lambda *t: rows(points, *t), lambda *t: by_parts(rows, points.split(4), *t)):
        inputs = [weight.clone().requires_grad_(), bias.clone().requires_grad_()]
        value = function(*inputs)
        answers.append([value.detach(), *torch.autograd.grad(value, inputs, seed)])
    for a, b in zip(*answers, strict=True):
        assert torch.allclose(a, b)


def test_second_derivatives():
    points, weight, bias = tensors((5, 3), (3, 2), (2,))
    inputs = (weight.requires_grad_(), bias.requires_grad_())
    assert torch.autograd.gradcheck(lambda *t: by_parts(rows, points.split(2), *t), inputs)
    assert torch.autograd.gradgradcheck(lambda *t: by_parts(rows, points.split(2), *t), inputs)


def test_inner_values_are_not_kept():
    points, weight, bias = tensors((1000, 3), (3, 2), (2,))
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        by_parts(rows, points.split(100), weight.requires_grad_(), bias).sum()
    assert sum(kept) <= weight.numel() + bias.numel()
