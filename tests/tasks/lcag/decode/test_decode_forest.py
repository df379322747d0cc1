"""Forests and levels with gaps: the exact decoder and its sum against enumeration."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import chisquare

from pphysml.tasks.lcag.decode import decode_exact, log_partition, sample_trees, tree_score
from pphysml.tasks.lcag.trees.nested_trees import enumerate_trees, partitions
from pphysml.tasks.lcag.trees.validity import is_valid
from pphysml.tasks.lcag.trees.validity_rules import ValidityRules


def relabelled(tree: np.ndarray, classes: int):
    """All matrices with the tree's nodes and any levels that increase upwards."""
    present = [int(level) for level in np.unique(tree[tree > 0])]
    nodes = sorted({frozenset(np.flatnonzero(row <= h).tolist()) for row in tree for h in present}, key=len)
    nodes = [node for node in nodes if len(node) > 1]
    for levels in product(range(1, classes), repeat=len(nodes)):
        height = dict(zip(nodes, levels, strict=True))
        if all(height[a] < height[b] for a in nodes for b in nodes if a < b):
            matrix = np.zeros_like(tree)
            for node in reversed(nodes):
                inside = sorted(node)
                matrix[np.ix_(inside, inside)] = height[node]
            np.fill_diagonal(matrix, 0)
            yield matrix


def all_trees(n: int, gap_free: bool, classes: int) -> list[np.ndarray]:
    trees = enumerate_trees(n)
    return [t for t in trees if t.max() < classes] if gap_free else [m for t in trees for m in relabelled(t, classes)]


def all_forests(n: int, gap_free: bool, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrices (F, n, n) and background leaves (F, n)."""
    trees = {k: all_trees(k, gap_free, classes) for k in range(2, n + 1)}
    matrices, backgrounds = [], []
    for blocks in partitions(tuple(range(n))):
        choices = [trees[len(b)] if len(b) > 1 else [False, True] for b in blocks]
        for chosen in product(*choices):
            matrix, background = np.zeros((n, n), dtype=np.uint8), np.zeros(n, dtype=bool)
            for block, what in zip(blocks, chosen, strict=True):
                if len(block) > 1:
                    matrix[np.ix_(block, block)] = what
                else:
                    background[block] = what
            matrices.append(matrix)
            backgrounds.append(background)
    return np.array(matrices), np.array(backgrounds)


def random_scores(seed: int, n: int, classes: int, events: int = 30) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "pair_scores": rng.normal(0, 3, (events, n, n, classes)).astype(np.float32),
        "clade_scores": rng.normal(0, 3, (events, 1 << n, classes)).astype(np.float32),
        "leaf_scores": rng.normal(0, 3, (events, n, 2)).astype(np.float32),
        "tree_scores": rng.normal(0, 3, (events, 1 << n)).astype(np.float32),
    }


def score_by_definition(scores: dict[str, np.ndarray], event: int, matrix: np.ndarray, background: np.ndarray) -> float:
    """The definition in words, with sets: pairs, leaves, nodes, and whole trees."""
    n, total = len(matrix), 0.0
    number = lambda members: sum(1 << int(k) for k in members)  # noqa: E731
    for i in range(n):
        total += sum(float(scores["pair_scores"][event, i, j, matrix[i, j]]) for j in range(i + 1, n))
        total += float(scores["leaf_scores"][event, i, 0 if background[i] else 1])
    tree_of = [frozenset([i, *np.flatnonzero(matrix[i]).tolist()]) for i in range(n)]
    total += sum(float(scores["tree_scores"][event, number(t)]) for t in set(tree_of) if not background[min(t)])
    nodes = {(frozenset([i, *np.flatnonzero((matrix[i] > 0) & (matrix[i] <= h)).tolist()]), int(h))
             for i in range(n) for h in matrix[i] if h}
    return total + sum(float(scores["clade_scores"][event, number(s), h]) for s, h in nodes)


@pytest.mark.parametrize("gap_free", [True, False])
@pytest.mark.parametrize(("n", "classes"), [(1, 4), (2, 4), (3, 8), (4, 4), (5, 3)])
def test_best_second_best_and_sum_over_all_forests(n: int, classes: int, gap_free: bool) -> None:
    events = 30 if n < 5 else 5
    scores = random_scores(n, n, classes, events)
    matrices, backgrounds = all_forests(n, gap_free, classes)
    found = decode_exact(**scores, gap_free=gap_free)
    total = log_partition(**scores, temperature=1.7, gap_free=gap_free)
    for k in range(events):
        each = np.array([score_by_definition(scores, k, m, b) for m, b in zip(matrices, backgrounds, strict=True)])
        best, second = np.argsort(-each)[:2]
        np.testing.assert_array_equal(found.matrix[k], matrices[best])
        np.testing.assert_array_equal(found.background[k], backgrounds[best])
        np.testing.assert_allclose(found.score[k], each[best], atol=1e-5)
        np.testing.assert_allclose(found.margin[k], each[best] - each[second], atol=1e-5)
        np.testing.assert_allclose(total[k], logsumexp(each / 1.7), atol=1e-4)


@pytest.mark.parametrize("classes", [4, 8])
def test_one_tree_with_gaps(classes: int) -> None:
    scores = random_scores(5, 4, classes)
    trees = np.array(all_trees(4, False, classes))
    pairs, clades = scores["pair_scores"], scores["clade_scores"]
    found = decode_exact(pairs, clades, gap_free=False)
    total = log_partition(pairs, clades, gap_free=False)
    for k in range(len(pairs)):
        each = tree_score(np.repeat(pairs[k : k + 1], len(trees), 0), np.repeat(clades[k : k + 1], len(trees), 0), trees)
        np.testing.assert_array_equal(found.matrix[k], trees[each.argmax()])
        np.testing.assert_allclose(found.margin[k], np.diff(np.sort(each))[-1], atol=1e-5)
        np.testing.assert_allclose(total[k], logsumexp(each), atol=1e-4)


def test_score_of_the_decoded_forest_is_its_tree_score() -> None:
    scores = random_scores(9, 9, 8)
    found = decode_exact(**scores)
    assert is_valid(found.matrix, ValidityRules(forest=True)).all()
    pairs, clades = scores.pop("pair_scores"), scores.pop("clade_scores")
    again = tree_score(pairs, clades, found.matrix, **scores, background=found.background)
    np.testing.assert_allclose(again, found.score, atol=1e-5)


def test_one_tree_where_all_else_is_forbidden() -> None:
    scores = random_scores(3, 8, 8)
    pairs, clades = scores["pair_scores"], scores["clade_scores"]
    pairs[..., 0] = -1e4
    leaves = np.broadcast_to(np.array([-1e4, 0.0], dtype=np.float32), (len(pairs), 8, 2))
    forest, tree = decode_exact(pairs, clades, leaf_scores=leaves), decode_exact(pairs, clades)
    np.testing.assert_array_equal(forest.matrix, tree.matrix)
    np.testing.assert_allclose(forest.score, tree.score, atol=1e-4)
    np.testing.assert_allclose(log_partition(pairs, clades, leaf_scores=leaves), log_partition(pairs, clades), atol=1e-3)


@pytest.mark.parametrize("gap_free", [True, False])
def test_validity_is_membership_in_the_list_of_all(gap_free: bool) -> None:
    n, classes = 4, 4
    i, j = np.triu_indices(n, 1)
    candidates = np.zeros((classes ** len(i), n, n), dtype=np.uint8)
    values = np.array(list(product(range(classes), repeat=len(i))))
    candidates[:, i, j] = candidates[:, j, i] = values
    listed = {m.tobytes() for m in all_forests(n, gap_free, classes)[0]}
    found = {m.tobytes() for m in candidates[is_valid(candidates, ValidityRules(forest=True, gap_free=gap_free))]}
    assert found == listed


@pytest.mark.parametrize("gap_free", [True, False])
@pytest.mark.parametrize(("n", "classes"), [(2, 4), (3, 8), (4, 4)])
def test_drawn_forests_have_their_probabilities(n: int, classes: int, gap_free: bool) -> None:
    scores, draws = random_scores(n + 20, n, classes, 1), 40_000
    matrices, backgrounds = all_forests(n, gap_free, classes)
    each = np.array([score_by_definition(scores, 0, m, b) for m, b in zip(matrices, backgrounds, strict=True)])
    expected = np.exp((each - logsumexp(each / 1.5) * 1.5) / 1.5)
    many = {name: np.repeat(values, draws, 0) for name, values in scores.items()}
    drawn, strays, log_z = sample_trees(np.random.default_rng(7), **many, temperature=1.5, gap_free=gap_free)
    assert log_z[0] == pytest.approx(logsumexp(each / 1.5), abs=1e-4)
    number = {(m.tobytes(), b.tobytes()): k for k, (m, b) in enumerate(zip(matrices, backgrounds, strict=True))}
    counts = np.bincount([number[m.tobytes(), b.tobytes()] for m, b in zip(drawn, strays, strict=True)], minlength=len(each))
    often = expected * draws > 5
    assert chisquare(np.append(counts[often], counts[~often].sum() + 1e-9),
                     np.append(expected[often], expected[~often].sum() + 1e-9 / draws) * draws, sum_check=False).pvalue > 1e-4


@pytest.mark.parametrize("temperature", [1.0, 30.0], ids=["few trees", "nearly all alike"])
def test_drawn_trees_have_their_probabilities(temperature: float) -> None:
    scores, draws = random_scores(2, 5, 8, 1), 40_000
    pairs, clades = scores["pair_scores"], scores["clade_scores"]
    trees = np.array(enumerate_trees(5))
    each = tree_score(np.repeat(pairs, len(trees), 0), np.repeat(clades, len(trees), 0), trees) / temperature
    expected = np.exp(each - logsumexp(each))
    drawn, _, log_z = sample_trees(
        np.random.default_rng(1), np.repeat(pairs, draws, 0), np.repeat(clades, draws, 0), temperature=temperature)
    assert log_z[0] == pytest.approx(logsumexp(each), abs=1e-4)
    number = {t.tobytes(): k for k, t in enumerate(trees)}
    counts = np.bincount([number.get(m.tobytes(), len(trees)) for m in drawn], minlength=len(trees) + 1)
    assert counts[len(trees)] == 0  # no matrix that is no tree
    error = np.sqrt(expected * (1 - expected) / draws)
    assert (np.abs(counts[:-1] / draws - expected) < 5 * error + 2 / draws).all()
