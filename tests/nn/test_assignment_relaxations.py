"""Relaxations of the assignment: each against the formulas of its paper, over all matchings."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from scipy.stats import norm

from pphysml.nn.assignment import BipartiteGraph, solve_assignment
from pphysml.nn.assignment_relaxations import (
    AssignmentOptions,
    Relaxation,
    assignment_loss,
    relaxed_assignment,
)
from pphysml.nn.assignment_sinkhorn import sinkhorn
from pphysml.nn.assignment_surrogates import projected

from .matchings import all_matchings, random_graph, side_by_side

NAMES = get_args(Relaxation)
NOISY = ("fenchel-young", "imle")


def problem(rng, scale=1.5):
    """A graph, logits of edges, left and right nodes, and one of its matchings as the truth."""
    graph = random_graph(rng, most_edges=8)
    logits = [torch.tensor(scale * rng.normal(size=n)) for n in (len(graph), graph.n_left, graph.n_right)]
    truth = rng.permutation(all_matchings(graph))[0]
    return graph, logits, torch.tensor(truth, dtype=torch.float64)


def problems(seed, count):
    """Problems with at least two edges."""
    rng = np.random.default_rng(seed)
    found = [problem(rng) for _ in range(2 * count)]
    return [p for p in found if len(p[0]) >= 2][:count]


def margin_of(graph, logits):
    edge, left, right = logits
    return (edge - left[graph.left] - right[graph.right]).numpy()


def best(graph, score, may_be_free=True):
    """The matching of the greatest score, by trying all; scores (..., E)."""
    known = all_matchings(graph, may_be_free)
    return known[(score @ known.T).argmax(-1)]


def gradients(loss, leaves):
    return [g.numpy() for g in torch.autograd.grad(loss, leaves)]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("may_be_free", [True, False])
@pytest.mark.parametrize(("convention", "strength"), [("published", 3.0), ("scale-free", 1.5)])
def test_blackbox_gradient_is_the_difference_of_two_assignments(convention, strength, may_be_free):
    options = AssignmentOptions("blackbox", strength=strength, convention=convention)
    differ = 0
    for graph, logits, _ in problems(1, 40):
        g = np.random.default_rng(len(graph)).normal(size=len(graph))
        leaves = [x.requires_grad_() for x in logits] if may_be_free else [logits[0].requires_grad_()]
        answer = relaxed_assignment(leaves[0], graph, options, *leaves[1:])
        found = gradients(answer @ torch.tensor(g), leaves)
        margin = margin_of(graph, [x.detach() for x in logits]) if may_be_free else logits[0].detach().numpy()
        step, factor = (strength, 1.0) if convention == "published" else (strength / abs(g).max(), abs(g).max() / strength)
        before, after = best(graph, margin, may_be_free), best(graph, margin - step * g, may_be_free)
        differ += (before != after).any()
        assert np.array_equal(answer.detach().numpy(), before)
        assert np.allclose(found[0], factor * (before - after))
        if may_be_free:
            assert np.allclose(found[1], -np.bincount(graph.left, found[0], graph.n_left))
            assert np.allclose(found[2], -np.bincount(graph.right, found[0], graph.n_right))
    assert differ > 10


def test_scale_free_blackbox_is_the_slope_of_the_interpolated_loss():
    # Vlastelica et al., equation 4 for L = g.a: f(c) = min_a (c + lambda g).a / lambda - min_a c.a / lambda.
    strength, checked = 2.0, 0
    for graph, logits, _ in problems(2, 20):
        g = np.random.default_rng(3).normal(size=len(graph))
        step, known = strength / abs(g).max(), all_matchings(graph)

        def interpolated(cost, g=g, step=step, known=known):
            return ((known @ (cost + step * g)).min() - (known @ cost).min()) / step

        edge = logits[0].requires_grad_()
        nodes = torch.zeros(graph.n_left, dtype=torch.float64)
        options = AssignmentOptions("blackbox", strength=strength)
        found = gradients(relaxed_assignment(edge, graph, options, nodes) @ torch.tensor(g), [edge])[0]
        cost, tiny = -edge.detach().numpy(), 1e-6 * np.eye(len(graph))
        slope = [(interpolated(cost - d) - interpolated(cost + d)) / 2e-6 for d in tiny]
        assert np.allclose(found, slope, atol=1e-6)
        checked += bool(found.any())
    assert checked > 5


def test_scale_free_strength_does_not_feel_the_scale_of_the_loss():
    moved = {"published": 0, "scale-free": 0}
    for convention in moved:
        for graph, logits, truth in problems(4, 30):
            edge, *nodes = (x.requires_grad_() for x in logits)
            options = AssignmentOptions("blackbox", strength=4.0, convention=convention)
            loss = assignment_loss(edge, graph, truth, options, *nodes)
            (one,), (small,) = gradients(loss, [edge]), gradients(1e-3 * assignment_loss(edge, graph, truth, options, *nodes), [edge])
            moved[convention] += not np.allclose(1e3 * small, one)
    assert moved["scale-free"] == 0 < moved["published"]


def test_imle_gradient_is_the_mean_difference_under_logistic_noise():
    graph, logits, truth = problems(5, 4)[3]
    edge, *nodes = (x.requires_grad_() for x in logits)
    options = AssignmentOptions("imle", strength=1.5, temperature=0.8, samples=40_000)
    found = gradients(assignment_loss(edge, graph, truth, options, *nodes, generator=generator()), [edge])[0]
    noise = 0.8 * np.random.default_rng(0).logistic(size=(40_000, len(graph)))
    noisy = margin_of(graph, [x.detach() for x in logits]) + noise
    hamming = (1 - 2 * truth).numpy()
    expected = (best(graph, noisy).mean(0) - best(graph, noisy - 1.5 * hamming).mean(0)) / (1.5 * len(graph))
    assert np.abs(expected).max() > 0.02
    assert np.allclose(found, expected, atol=0.01 / len(graph))


def test_imle_of_a_single_edge_is_its_logistic_probability():
    graph, edge = BipartiteGraph(np.array([0]), np.array([0]), 1, 1), torch.tensor([0.7], dtype=torch.float64)
    options = AssignmentOptions("imle", temperature=0.5, samples=100_000)
    mean = relaxed_assignment(edge, graph, options, torch.zeros(1), generator=generator())
    assert float(mean) == pytest.approx(1 / (1 + np.exp(-1.4)), abs=0.006)


@pytest.mark.parametrize("may_be_free", [True, False])
def test_fenchel_young_gradient_is_mean_assignment_less_truth(may_be_free):
    for graph, logits, truth in problems(6, 5):
        edge, *nodes = (x.requires_grad_() for x in logits)
        nodes = nodes if may_be_free else []
        options = AssignmentOptions("fenchel-young", temperature=0.7, samples=20_000)
        if not may_be_free:
            truth = torch.tensor(all_matchings(graph, False)[0], dtype=torch.float64)
        loss = assignment_loss(edge, graph, truth, options, *nodes, generator=generator())
        found = gradients(loss, [edge, *nodes])
        margin = margin_of(graph, [x.detach() for x in logits]) if may_be_free else edge.detach().numpy()
        noisy = margin + 0.7 * np.random.default_rng(0).normal(size=(20_000, len(graph)))
        chosen = best(graph, noisy, may_be_free)
        expected = (chosen.mean(0) - truth.numpy()) / len(graph)
        assert np.allclose(found[0], expected, atol=0.02 / len(graph))
        value = (noisy * chosen).sum(1).mean() - margin @ truth.numpy()
        assert float(loss.detach()) == pytest.approx(value / len(graph), abs=0.04 / len(graph))
        if may_be_free:
            assert np.allclose(found[1], -np.bincount(graph.left, found[0], graph.n_left))


def test_perturbed_assignment_of_a_single_edge_is_the_normal_distribution():
    graph, edge = BipartiteGraph(np.array([0]), np.array([0]), 1, 1), torch.tensor([0.4], dtype=torch.float64, requires_grad=True)
    options = AssignmentOptions("fenchel-young", temperature=0.8, samples=200_000)
    mean = relaxed_assignment(edge, graph, options, torch.zeros(1), generator=generator())
    assert float(mean.detach()) == pytest.approx(norm.cdf(0.5), abs=0.004)
    assert gradients(mean.sum(), [edge])[0] == pytest.approx(norm.pdf(0.5) / 0.8, abs=0.01)


def test_perturbed_gradient_is_the_slope_of_the_mean_assignment():
    (graph, logits, _), (other, more, _) = problems(7, 2)
    together = side_by_side([graph, other])
    edge, left = torch.cat([logits[0], more[0]]).requires_grad_(), torch.cat([logits[1], more[1]])
    g = np.random.default_rng(8).normal(size=len(together))
    options = AssignmentOptions("fenchel-young", temperature=1.0, samples=100_000)
    found = gradients(relaxed_assignment(edge, together, options, left, generator=generator()) @ torch.tensor(g), [edge])[0]
    noise = np.random.default_rng(9).normal(size=(100_000, len(graph)))
    margin = logits[0].detach().numpy() - logits[1].numpy()[graph.left]
    # With the same noise on both sides the slope of the mean has little noise itself.
    slope = [((best(graph, margin + noise + d) - 1.0 * best(graph, margin + noise - d)) @ g[: len(graph)]).mean() / 0.2
             for d in 0.1 * np.eye(len(graph))]
    assert np.allclose(found[: len(graph)], slope, atol=0.05)


@pytest.mark.parametrize("may_be_free", [True, False])
def test_spo_plus_is_the_definition_convex_and_above_the_regret(may_be_free):
    rng = np.random.default_rng(10)
    for graph, _, truth in problems(11, 25):
        known, true_cost = all_matchings(graph, may_be_free), 1 - 2 * truth.numpy()
        target = known[(known @ true_cost).argmin()]
        free = (torch.zeros(graph.n_left),) if may_be_free else ()

        def loss(cost, graph=graph, truth=truth, free=free):
            return len(graph) * float(assignment_loss(torch.tensor(-cost), graph, truth, AssignmentOptions("spo+"), *free))

        a, b = rng.normal(size=(2, len(graph)))
        expected = (known @ (true_cost - 2 * a)).max() + 2 * a @ target - true_cost @ target
        if may_be_free:
            assert np.array_equal(target, truth.numpy())
            assert loss(a) == pytest.approx(expected)
        decided = known[(known @ a).argmin()]
        assert loss(a) >= true_cost @ decided - true_cost @ target - 1e-9
        assert loss(a) >= -1e-9
        assert loss(0.3 * a + 0.7 * b) <= 0.3 * loss(a) + 0.7 * loss(b) + 1e-9


def test_spo_plus_gradient_is_its_slope_and_vanishes_beyond_the_margin():
    for graph, logits, truth in problems(12, 20):
        leaves = [x.requires_grad_() for x in logits]

        def loss(*leaves, graph=graph, truth=truth):
            return assignment_loss(leaves[0], graph, truth, AssignmentOptions("spo+"), *leaves[1:])

        assert torch.autograd.gradcheck(loss, leaves, eps=1e-7)
        found = gradients(loss(*leaves), leaves[:1])[0]
        margin, y = margin_of(graph, [x.detach() for x in logits]), truth.numpy()
        assert np.allclose(found, 2 * (best(graph, 2 * margin + 1 - 2 * y) - y) / len(graph))
        zeros = [torch.zeros_like(x) for x in leaves[1:]]
        assert float(loss((0.51 * (2 * truth - 1)), *zeros)) == 0.0
        assert float(loss((0.49 * (2 * truth - 1)), *zeros)) > 0.0


@pytest.mark.parametrize("may_be_free", [True, False])
def test_identity_gradient_is_that_of_the_projected_logits(may_be_free):
    for graph, logits, truth in problems(13, 20):
        edge = logits[0].requires_grad_()
        nodes = (torch.zeros(graph.n_left, dtype=torch.float64),) if may_be_free else ()
        found = gradients(assignment_loss(edge, graph, truth, AssignmentOptions("identity"), *nodes), [edge])[0]
        jacobian = torch.autograd.functional.jacobian(lambda m: projected(m, may_be_free), edge.detach()).numpy()
        assert np.allclose(found, jacobian.T @ (1 - 2 * truth.numpy()) / len(graph))
        assert abs(found @ edge.detach().numpy()) < 1e-12
        if not may_be_free:
            assert abs(found.sum()) < 1e-12


def test_sinkhorn_is_alternate_scaling_of_the_dense_matrix():
    for graph, logits, _ in problems(14, 20):
        shares = sinkhorn(torch.tensor(margin_of(graph, logits)), graph, 0.6, 400)
        edge, left, right = (x.numpy() for x in logits)
        # Each node has a dustbin of its own, whose score is that of leaving it free.
        kernel = np.zeros((graph.n_left, graph.n_right))
        kernel[graph.left, graph.right] = np.exp(edge / 0.6)
        row, column = np.ones(graph.n_left), np.ones(graph.n_right)
        for _ in range(400):
            row = 1 / (kernel @ column + np.exp(left / 0.6))
            column = 1 / (kernel.T @ row + np.exp(right / 0.6))
        expected = (row[:, None] * kernel * column)[graph.left, graph.right]
        assert np.allclose(shares.edge.exp(), expected)
        assert np.allclose(shares.left_free.exp(), row * np.exp(left / 0.6))
        for nodes, n, free in ((graph.left, graph.n_left, shares.left_free), (graph.right, graph.n_right, shares.right_free)):
            linked = np.bincount(nodes, shares.edge.exp(), n)
            assert (linked <= 1 + 1e-12).all()
            assert np.allclose(linked + free.exp().numpy(), 1)


def test_sinkhorn_of_a_single_edge():
    graph = BipartiteGraph(np.array([0]), np.array([0]), 1, 1)
    share = float(sinkhorn(torch.tensor([0.9], dtype=torch.float64), graph, 0.5, 200).edge.exp())
    assert share / (1 - share) ** 2 == pytest.approx(np.exp(1.8))


def test_cold_sinkhorn_is_the_exact_assignment():
    for graph, logits, _ in problems(15, 10):
        margin = margin_of(graph, logits)
        known = np.sort(all_matchings(graph) @ margin)
        if len(known) > 1 and known[-1] - known[-2] < 0.1:
            continue  # two answers nearly as good: colder still, and longer
        share = relaxed_assignment(logits[0], graph, AssignmentOptions("sinkhorn", temperature=0.02, iterations=800), *logits[1:])
        assert np.allclose(share, best(graph, margin), atol=1e-2)


def test_gradients_through_sinkhorn_and_cross_entropy_are_slopes():
    options = AssignmentOptions("sinkhorn", temperature=0.5, iterations=7)
    for graph, logits, truth in problems(16, 6):
        leaves = [x.requires_grad_() for x in logits]
        assert torch.autograd.gradcheck(lambda *x, g=graph: relaxed_assignment(x[0], g, options, *x[1:]), leaves)
        assert torch.autograd.gradcheck(lambda *x, g=graph, y=truth: assignment_loss(x[0], g, y, AssignmentOptions(), *x[1:]), leaves)


def test_sinkhorn_loss_is_convex_with_the_shares_less_the_truth_as_slope():
    options = AssignmentOptions("sinkhorn", temperature=0.7, iterations=400)
    for graph, logits, truth in problems(23, 3):
        leaves = [x.requires_grad_() for x in logits]

        def loss(*leaves, graph=graph, truth=truth):
            return assignment_loss(leaves[0], graph, truth, options, *leaves[1:])

        assert torch.autograd.gradcheck(loss, leaves, atol=1e-5)
        share = relaxed_assignment(leaves[0], graph, options, *leaves[1:]).detach()
        assert np.allclose(gradients(loss(*leaves), leaves[:1])[0], (share - truth) / len(graph))
        margin = torch.tensor(margin_of(graph, [x.detach() for x in logits]))
        # At the optimum the loss is that of the definition: the greatest value less the value of the truth.
        free = [1 - np.bincount(nodes, share, n) for nodes, n in ((graph.left, graph.n_left), (graph.right, graph.n_right))]
        entropy = -sum((p * np.log(p)).sum() for p in (share.numpy(), *free))
        mass = sum(p.sum() for p in (share.numpy(), *free)) - (graph.n_left + graph.n_right - float(truth.sum()))
        expected = float(margin @ (share - truth)) + 0.7 * (entropy + mass)
        assert float(loss(*leaves).detach()) * len(graph) == pytest.approx(expected, abs=1e-8)
        other = [-x.detach() for x in logits]
        middle = [0.4 * x.detach() + 0.6 * y for x, y in zip(logits, other, strict=True)]
        assert float(loss(*middle)) <= 0.4 * float(loss(*leaves).detach()) + 0.6 * float(loss(*other)) + 1e-9


def test_shares_never_exceed_a_node_and_grow_to_their_limit():
    for graph, logits, _ in problems(22, 10):
        margin, before = 4 * torch.tensor(margin_of(graph, logits)), np.ones(graph.n_left)
        for iterations in (1, 3, 10, 50):
            shares = sinkhorn(margin, graph, 1.0, iterations)
            missing = 1 - np.bincount(graph.left, shares.edge.exp(), graph.n_left) - shares.left_free.exp().numpy()
            assert (missing > -1e-12).all()
            assert missing.max() <= before.max()
            before = missing


def test_a_false_link_of_a_large_score_has_a_gradient_before_the_shares_converge():
    graph, logits = BipartiteGraph(np.array([0]), np.array([0]), 1, 1), torch.tensor([200.0], requires_grad=True)
    loss = assignment_loss(logits, graph, torch.zeros(1), AssignmentOptions("sinkhorn"), torch.zeros(1))
    loss.backward()
    assert loss.isfinite()
    assert 0.9 < float(logits.grad) <= 1.0


@pytest.mark.parametrize("relaxation", NAMES)
def test_descent_finds_the_truth(relaxation):
    parts = problems(17, 12)
    graph, truth = side_by_side([p[0] for p in parts]), torch.cat([p[2] for p in parts])
    leaves = [torch.cat([p[1][i] for p in parts]).requires_grad_() for i in range(3)]
    options = AssignmentOptions(relaxation, strength=10.0, temperature=0.5, samples=4)
    optimiser, noise = torch.optim.Adam(leaves, 0.05), generator()
    exact = AssignmentOptions("none")
    wrong = [int((relaxed_assignment(leaves[0], graph, exact, *leaves[1:]) != truth).sum())]
    for _ in range(200):
        optimiser.zero_grad()
        assignment_loss(leaves[0], graph, truth, options, *leaves[1:], generator=noise).backward()
        optimiser.step()
    wrong.append(int((relaxed_assignment(leaves[0], graph, exact, *leaves[1:]) != truth).sum()))
    assert wrong[0] > 10
    assert wrong[1] == 0


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize("relaxation", [name for name in NAMES if name not in (*NOISY, "identity")])
def test_a_batch_gives_the_sum_of_its_problems(relaxation, free):
    # With noise the draws differ, and `identity` takes out the scale of all logits of a call.
    parts, options = problems(18, 10), AssignmentOptions(relaxation, strength=2.0)

    def loss(graph, logits, truth):
        leaves = [x.clone().requires_grad_() for x in logits]
        value = assignment_loss(leaves[0], graph, truth, options, *(leaves[1:] if free else ()), weight=torch.ones(len(graph)))
        return float(value.detach()), gradients(value, leaves[:1])[0]

    alone = [loss(*part) for part in parts]
    logits = [torch.cat([p[1][i] for p in parts]) for i in range(3)]
    together = loss(side_by_side([p[0] for p in parts]), logits, torch.cat([p[2] for p in parts]))
    assert together[0] == pytest.approx(sum(value for value, _ in alone))
    assert np.allclose(together[1], np.concatenate([g for _, g in alone]))


@pytest.mark.parametrize("relaxation", NAMES)
def test_the_loss_is_a_mean_unless_edges_have_weights(relaxation):
    graph, logits, truth = problems(19, 3)[2]
    options = AssignmentOptions(relaxation)
    mean = assignment_loss(logits[0], graph, truth, options, *logits[1:], generator=generator())
    weights = torch.full((len(graph),), 1 / len(graph))
    assert float(mean) == pytest.approx(float(assignment_loss(logits[0], graph, truth, options, *logits[1:], weights, generator())))


@pytest.mark.parametrize("relaxation", NAMES)
def test_problems_without_edges_have_no_loss(relaxation):
    none = np.zeros(0, dtype=np.int64)
    graph, options = BipartiteGraph(none, none, 2, 3), AssignmentOptions(relaxation)
    logits = torch.zeros(0, requires_grad=True)
    loss = assignment_loss(logits, graph, torch.zeros(0), options, torch.zeros(2), torch.zeros(3), generator=generator())
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert relaxed_assignment(logits, graph, options, generator=generator()).shape == (0,)


@pytest.mark.parametrize("relaxation", NOISY)
def test_noise_comes_from_the_generator(relaxation):
    graph, logits, truth = problems(20, 3)[2]
    options = AssignmentOptions(relaxation, samples=1)
    draws = [float(assignment_loss(logits[0], graph, truth, options, *logits[1:], generator=generator(seed))) for seed in (0, 0, *range(1, 20))]
    assert draws[0] == draws[1]
    assert len(set(draws)) > 1
    with pytest.raises(ValueError, match="generator"):
        assignment_loss(logits[0], graph, truth, options, *logits[1:])


def test_exact_answers_are_those_of_the_solver_in_the_type_of_the_logits():
    graph, logits, _ = problems(21, 1)[0]
    for dtype in (torch.float32, torch.float64):
        edge, left, right = (x.to(dtype) for x in logits)
        for relaxation in ("none", "spo+", "blackbox"):
            answer = relaxed_assignment(edge, graph, AssignmentOptions(relaxation), left, right)
            assert answer.dtype == dtype
            assert np.array_equal(answer.numpy(), solve_assignment(graph, -edge.numpy(), -left.numpy(), -right.numpy()))


@pytest.mark.parametrize("options", [{"relaxation": "soft"}, {"convention": "theirs"}, {"strength": 0.0}, {"samples": 0}, {"temperature": -1.0}])
def test_impossible_options_are_refused(options):
    with pytest.raises(ValueError, match=r"known|positive"):
        AssignmentOptions(**options)
