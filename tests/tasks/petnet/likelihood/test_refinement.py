"""The compiled network that refines the tables, against the same one of torch."""

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, silu, softplus

from pphysml.tasks.petnet.likelihood.ends import Ends
from pphysml.tasks.petnet.likelihood.refinement import _initial, correction, refined
from pphysml.tasks.petnet.likelihood.refinement_kernel import add_gradients
from pphysml.tasks.petnet.likelihood.tables_fit import CrossFit


def weights(seed, inputs=17):
    rng = np.random.default_rng(seed)
    *most, w3, _ = _initial(inputs, rng)
    return (*most, rng.normal(0, 0.3, w3.shape).astype(np.float32), np.array([0.2], dtype=np.float32))


def by_torch(tensors, x):
    w1, b1, w2, b2, w3, b3 = tensors
    return silu(silu(x @ w1 + b1) @ w2 + b2) @ w3 + b3[0]


def test_outputs_are_those_of_torch():
    x = np.random.default_rng(0).normal(size=(500, 17)).astype(np.float32)
    networks = (weights(1), weights(2))
    expected = sum(by_torch([torch.from_numpy(w) for w in of], torch.from_numpy(x)) for of in networks) / 2
    assert np.allclose(correction(networks, x), expected.numpy(), atol=1e-5)


def test_gradients_are_those_of_torch():
    rng, n, constant = np.random.default_rng(3), 400, -0.7
    x, before = rng.normal(size=(n, 17)).astype(np.float32), rng.normal(0, 3, n).astype(np.float32)
    rows, is_prompt = rng.integers(0, n, 200), rng.random(n) < 0.4
    network = weights(4)
    gradient = [np.zeros_like(w) for w in network]
    add_gradients(x, rows, before, is_prompt, constant, *network, *gradient)
    tensors = [torch.from_numpy(w).requires_grad_() for w in network]
    logit = softplus(torch.from_numpy(before[rows]) + by_torch(tensors, torch.from_numpy(x[rows]))) + constant
    binary_cross_entropy_with_logits(logit, torch.from_numpy(is_prompt[rows]).float()).backward()
    for ours, tensor in zip(gradient, tensors, strict=True):
        assert np.allclose(ours, tensor.grad.numpy(), atol=1e-6)


def test_what_tables_do_not_know_is_learnt_from_pairs_without_truth():
    # The ratio of true pairs to random ones is exp(2 x0 - x1^2), of which nothing is known to begin with.
    rng, n = np.random.default_rng(5), 50_000
    random, more = rng.uniform(-1.5, 1.5, (3 * n, 2)), rng.uniform(-1.5, 1.5, (8 * n, 2))
    true = more[rng.random(8 * n) < np.exp(2 * more[:, 0] - more[:, 1] ** 2) / np.exp(3)]
    expected = len(true) / n * np.exp(2 * random[:, 0] - random[:, 1] ** 2)
    expected *= len(true) / n / expected.mean()
    prompts = np.concatenate([true, random[2 * n :]])

    def ends(x):
        zeros = np.zeros((len(x), 3))
        return Ends(np.column_stack([x, zeros[:, 0]]), zeros, zeros[:, 0], zeros[:, :2], zeros[:, 0])

    def seen(of):
        return np.pad(of.p[:, :2], ((0, 0), (0, 15))).astype(np.float32)

    before = CrossFit(np.full(len(prompts), np.log(len(true) / n)), np.full(2 * n, np.log(len(true) / n)))
    networks, after = refined(seen, ends(prompts), ends(random[: 2 * n]), before, n)
    assert len(networks) == 2
    error = after.randoms - np.log(expected[: 2 * n])
    assert np.sqrt(np.average(error**2, weights=expected[: 2 * n])) < 0.25 < np.sqrt(np.average((before.randoms - np.log(expected[: 2 * n])) ** 2, weights=expected[: 2 * n]))
