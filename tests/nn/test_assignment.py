"""The sparse assignment solver: against all matchings, against scipy, and its symmetries."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

from pphysml.nn.assignment import BipartiteGraph, solve_assignment

from .matchings import all_matchings, random_graph, side_by_side


def with_costs(rng, graph, ties):
    """Costs of edges, left and right free nodes; whole numbers where ties are wanted."""
    costs = [rng.normal(size=n) * 2 for n in (len(graph), graph.n_left, graph.n_right)]
    return [np.round(c) for c in costs] if ties else costs


def is_matching(graph, chosen):
    left, right = graph.left[chosen], graph.right[chosen]
    return len(set(left)) == len(left) and len(set(right)) == len(right)


def spots(rng, n, edges):
    """A plane of points and their scattered images: near pairs and squared distances, much ambiguity."""
    points = rng.normal(size=(n, 2))
    distance = np.square(points[:, None] - (points + 0.15 * rng.normal(size=(n, 2)))).sum(-1)
    left = np.repeat(np.arange(n), edges)
    right = np.argsort(distance, 1)[:, :edges].ravel()
    return BipartiteGraph(left, right, n, n), distance[left, right]


@pytest.mark.parametrize("ties", [False, True])
def test_costs_with_free_nodes_are_least_of_all_matchings(ties):
    rng = np.random.default_rng(1)
    for _ in range(300):
        graph = random_graph(rng)
        cost, left_free, right_free = with_costs(rng, graph, ties)
        chosen = solve_assignment(graph, cost, left_free, right_free)

        def total(a, graph=graph, cost=cost, left_free=left_free, right_free=right_free):
            used_left, used_right = np.zeros(graph.n_left), np.zeros(graph.n_right)
            np.add.at(used_left, graph.left, a)
            np.add.at(used_right, graph.right, a)
            return cost @ a + left_free @ (1 - used_left) + right_free @ (1 - used_right)

        assert is_matching(graph, chosen)
        assert total(chosen) == pytest.approx(min(total(a) for a in all_matchings(graph)), abs=1e-9)


@pytest.mark.parametrize("ties", [False, True])
def test_without_free_costs_as_many_edges_as_can_be_at_the_least_cost(ties):
    rng = np.random.default_rng(2)
    for _ in range(300):
        graph = random_graph(rng)
        cost = with_costs(rng, graph, ties)[0]
        chosen, known = solve_assignment(graph, cost), all_matchings(graph, may_be_free=False)
        assert is_matching(graph, chosen)
        assert chosen.sum() == known[0].sum()
        assert cost @ chosen == pytest.approx((known @ cost).min(), abs=1e-9)


@pytest.mark.parametrize(("n", "edges"), [(60, 4), (120, 6), (120, 40)])
def test_large_problems_agree_with_scipy(n, edges):
    rng = np.random.default_rng(n + edges)
    for _ in range(5):
        graph, cost = spots(rng, n, edges)
        free = 0.5 * np.quantile(cost, 0.7)
        pays = np.zeros((n, n))
        pays[graph.left, graph.right] = np.minimum(cost - 2 * free, 0)
        node = np.full(n, free)
        chosen = solve_assignment(graph, cost, node, node)
        assert is_matching(graph, chosen)
        assert (cost[chosen] - 2 * free).sum() == pytest.approx(pays[linear_sum_assignment(pays)].sum(), abs=1e-9)

        far = 1e4
        own = csr_matrix((np.r_[1 + cost, np.full(n, far)], (np.r_[graph.left, :n], np.r_[graph.right, n : 2 * n])), shape=(n, 2 * n))
        row, column = min_weight_full_bipartite_matching(own)
        chosen = solve_assignment(graph, cost)
        assert chosen.sum() == (column < n).sum()
        assert cost[chosen].sum() == pytest.approx((np.asarray(own[row, column]).ravel()[column < n] - 1).sum(), abs=1e-9)


def test_costs_equal_up_to_rounding_do_not_lead_in_circles():
    # Sums over nodes: what is exchanged along a path costs nothing, but for the last digit.
    n = 60
    for seed in range(10):
        rng = np.random.default_rng(seed)
        left, right = np.nonzero(rng.random((n, n)) < 0.15)
        cost = rng.random(n)[left] + rng.random(n)[right]
        free = 0.5 * np.quantile(cost, 0.7)
        graph, pays, node = BipartiteGraph(left, right, n, n), np.zeros((n, n)), np.full(n, free)
        pays[left, right] = np.minimum(cost - 2 * free, 0)
        chosen = solve_assignment(graph, cost, node, node)
        assert is_matching(graph, chosen)
        assert (cost[chosen] - 2 * free).sum() == pytest.approx(pays[linear_sum_assignment(pays)].sum(), abs=1e-9)


@pytest.mark.parametrize("step", [0.0, 1e-13, 1e-9])
def test_nearly_equal_costs_end_and_link_every_node(step):
    n = 40
    left, right = (part.ravel() for part in np.indices((n, n)))
    graph = BipartiteGraph(left, right, n, n)
    cost = 1.0 + step * np.random.default_rng(3).random(n * n)
    for chosen in (solve_assignment(graph, cost), solve_assignment(graph, cost, np.full(n, 2.0), None)):
        assert is_matching(graph, chosen)
        assert chosen.sum() == n


def test_a_link_must_pay_for_both_of_its_nodes():
    graph, left, right = BipartiteGraph(np.array([0]), np.array([0]), 1, 1), np.array([0.7]), np.array([0.5])
    assert solve_assignment(graph, np.array([1.19]), left, right)[0]
    assert not solve_assignment(graph, np.array([1.21]), left, right)[0]
    assert solve_assignment(graph, np.array([0.69]), left)[0] and not solve_assignment(graph, np.array([0.71]), left)[0]
    assert solve_assignment(graph, np.array([0.49]), None, right)[0] and not solve_assignment(graph, np.array([0.51]), None, right)[0]
    assert solve_assignment(graph, np.array([1e6]))[0]


def test_more_links_win_over_any_cost():
    # 0-0 is free of cost, but taking it leaves left node 1 alone.
    graph = BipartiteGraph(np.array([0, 0, 1]), np.array([0, 1, 0]), 2, 2)
    assert solve_assignment(graph, np.array([0.0, 1e3, 1e3])).tolist() == [False, True, True]


@pytest.mark.parametrize("free", [False, True])
def test_problems_side_by_side_are_solved_as_alone_even_with_ties(free):
    rng = np.random.default_rng(4)
    graphs = [random_graph(rng) for _ in range(60)]
    costs = [with_costs(rng, graph, ties=True) for graph in graphs]
    cost, left, right = (np.concatenate(part) for part in zip(*costs, strict=True))
    together = solve_assignment(side_by_side(graphs), cost, *((left, right) if free else ()))
    alone = [solve_assignment(g, c[0], *(c[1:] if free else ())) for g, c in zip(graphs, costs, strict=True)]
    assert np.array_equal(together, np.concatenate(alone))


@pytest.mark.parametrize("free", [False, True])
def test_the_order_of_edges_does_not_matter_even_with_ties(free):
    rng = np.random.default_rng(5)
    for _ in range(30):
        graph = random_graph(rng)
        cost, *nodes = with_costs(rng, graph, ties=True)
        order = rng.permutation(len(graph))
        permuted = BipartiteGraph(graph.left[order], graph.right[order], graph.n_left, graph.n_right)
        nodes = nodes if free else []
        assert np.array_equal(solve_assignment(permuted, cost[order], *nodes), solve_assignment(graph, cost, *nodes)[order])


def test_left_and_right_may_be_exchanged():
    rng = np.random.default_rng(6)
    for _ in range(50):
        graph = random_graph(rng)
        cost, left, right = with_costs(rng, graph, ties=False)
        mirrored = BipartiteGraph(graph.right, graph.left, graph.n_right, graph.n_left)
        assert np.array_equal(solve_assignment(graph, cost, left, right), solve_assignment(mirrored, cost, right, left))


def test_a_cost_common_to_all_choices_of_a_node_changes_nothing():
    rng = np.random.default_rng(7)
    graph, cost = spots(rng, 80, 6)
    shift, free = rng.normal(size=80), np.full(80, 0.02)
    moved = solve_assignment(graph, cost + shift[graph.left], free + shift, free)
    assert np.array_equal(moved, solve_assignment(graph, cost, free, free))


def test_several_costs_at_once():
    rng = np.random.default_rng(8)
    graph, cost = spots(rng, 30, 5)
    costs = cost + 0.05 * rng.normal(size=(7, len(cost)))
    for nodes in ((), (np.full(30, 0.05), None)):
        together = solve_assignment(graph, costs, *nodes)
        assert np.array_equal(together, [solve_assignment(graph, c, *nodes) for c in costs])
        assert len(np.unique(together, axis=0)) > 1


def test_forbidden_edges_and_nodes_without_edges():
    graph = BipartiteGraph(np.array([1, 1, 3]), np.array([2, 0, 0]), 5, 4)
    assert solve_assignment(graph, np.array([1.0, 2.0, 5.0])).tolist() == [True, False, True]
    assert solve_assignment(graph, np.array([np.inf, 2.0, 5.0])).tolist() == [False, True, False]
    assert not solve_assignment(graph, np.full(3, np.inf)).any()
    assert not solve_assignment(graph, np.full(3, np.inf), np.ones(5), np.ones(4)).any()


def test_empty_problems():
    none = np.zeros(0, dtype=np.int64)
    for graph in (BipartiteGraph(none, none, 0, 0), BipartiteGraph(none, none, 3, 2)):
        assert solve_assignment(graph, np.zeros(0)).shape == (0,)
        assert solve_assignment(graph, np.zeros((4, 0)), np.zeros(graph.n_left)).shape == (4, 0)
        assert graph.component.shape == (0,)


def test_components_are_those_of_scipy():
    rng = np.random.default_rng(9)
    graph = side_by_side([random_graph(rng, most_edges=5) for _ in range(40)])
    n = graph.n_left + graph.n_right
    matrix = csr_matrix((np.ones(len(graph)), (graph.left, graph.n_left + graph.right)), shape=(n, n))
    label = connected_components(matrix, directed=False)[1][graph.left]
    assert np.array_equal(np.unique(graph.component), np.arange(len(np.unique(label))))
    assert np.array_equal(graph.component[:, None] == graph.component, label[:, None] == label)


@pytest.mark.parametrize(("cost", "nodes"), [
    ([np.nan, 1.0], ()), ([-np.inf, 1.0], ()), ([1.0], ()), ([1.0, 1.0], ([np.inf, 0.0], None)), ([1.0, 1.0], (None, [np.nan])),
])
def test_costs_that_are_no_numbers_are_refused(cost, nodes):
    graph = BipartiteGraph(np.array([0, 1]), np.array([0, 0]), 2, 1)
    with pytest.raises(ValueError, match="cost"):
        solve_assignment(graph, np.array(cost), *(None if n is None else np.array(n) for n in nodes))


@pytest.mark.parametrize(("left", "right"), [([0, 2], [0, 0]), ([0, -1], [0, 0]), ([0], [0, 0]), ([0.0, 1.0], [0, 0])])
def test_edges_of_unknown_nodes_are_refused(left, right):
    with pytest.raises(ValueError, match=r"nodes|edges"):
        BipartiteGraph(np.array(left), np.array(right), 2, 1)
