"""Delayed pairs have the probability that they would have among the prompt pairs of their singles."""

from __future__ import annotations

import numpy as np

from pphysml.nn.matching_marginals import matching_marginals
from pphysml.tasks.petnet.coincidences.candidates import Candidates
from pphysml.tasks.petnet.coincidences.one_to_one import (
    Scored,
    delayed_probability,
    probability_of,
    taken,
)
from pphysml.tasks.petnet.coincidences.pairs import CANDIDATE


def pairs_of(edges):
    return Candidates(*np.array(edges, dtype=np.int64).T, np.zeros(len(edges)))


def test_a_delayed_pair_is_one_more_edge_between_two_graphs():
    rng = np.random.default_rng(1)
    # Singles 0 to 4 and 5 to 9 are never at the same time; ten are summed exactly.
    prompt = pairs_of([(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (0, 4), (5, 6), (6, 7), (7, 8), (5, 8), (8, 9)])
    logit, late = rng.normal(0, 2, 11), [(0, 6), (2, 8), (4, 9), (3, 5)]
    values = rng.normal(1, 2, 4)
    scored, share = Scored(prompt, 10, logit), rng.random(4)
    found = delayed_probability(scored, probability_of(scored), Scored(pairs_of(late), 10, values, share))
    for k, edge in enumerate(late):
        every = pairs_of([*zip(prompt.first, prompt.second, strict=True), edge])
        expected = matching_marginals(10, every.first, every.second, np.append(logit, values[k]))[0][-1]
        assert np.isclose(found[k], share[k] * expected)


def test_a_single_without_rivals_has_the_odds_of_its_factor():
    prompt, delayed = Scored(pairs_of([(0, 1)]), 4, np.array([2.0])), Scored(pairs_of([(2, 3), (0, 2)]), 4, np.array([1.0, 1.0]))
    pairs, _ = taken(prompt, delayed, 0.0)
    assert pairs.delayed.tolist() == [False, True, True] and pairs.multiplicity.tolist() == [2, 2, 3]
    free = 1 / (1 + np.exp(2.0))
    odds = np.exp(1.0) * np.array([1, free])
    assert np.allclose(pairs.score[1:], odds / (1 + odds))
    assert len(taken(prompt, delayed, 0.5)[0].first) == 2


def test_candidates_are_all_pairs_with_their_share_of_the_matchings_and_change_nothing_else():
    edges = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (0, 4), (5, 6), (6, 7)]
    rng = np.random.default_rng(3)
    logit, share = rng.normal(0, 2, len(edges)), rng.random(len(edges))
    with_each, total = np.zeros(len(edges)), 0.0
    for bits in range(2 ** len(edges)):
        rows = [k for k in range(len(edges)) if bits >> k & 1]
        ends = [end for k in rows for end in edges[k]]
        if len(ends) == len({*ends}):
            weight = np.exp(logit[rows].sum())
            with_each[rows] += weight
            total += weight
    scored, late = Scored(pairs_of(edges), 8, logit, share), Scored(pairs_of([(1, 5)]), 8, np.array([1.0]))
    pairs, _ = taken(scored, late, 0.3, listed=0.0)
    candidates = pairs.kind == CANDIDATE
    assert [*zip(pairs.first[candidates], pairs.second[candidates], strict=True)] == edges
    assert np.allclose(pairs.score[candidates], with_each / total * share)
    without, _ = taken(scored, late, 0.3)
    for name in ("first", "second", "score", "multiplicity", "kind"):
        assert np.array_equal(getattr(pairs, name)[~candidates], getattr(without, name))
    likely, _ = taken(scored, late, 0.3, listed=0.1)
    assert (likely.kind == CANDIDATE).sum() == (with_each / total * share >= 0.1).sum() not in (0, len(edges))


def windows(n=200_000, alone=0.25, paired=0.15, seed=2):
    """Return place, side and pair of singles, alone or two of a pair opposite to each other, and how many are in each window."""
    rng = np.random.default_rng(seed)
    lone, pairs = rng.poisson([alone, paired], size=(n, 2)).T
    window = np.concatenate([np.repeat(np.arange(n), lone), np.repeat(np.arange(n), 2 * pairs)])
    place = np.concatenate([rng.normal(size=lone.sum()), np.repeat(rng.normal(size=pairs.sum()), 2) + 0.05 * rng.normal(size=2 * pairs.sum())])
    side = np.concatenate([rng.integers(0, 2, lone.sum()), np.tile([0, 1], pairs.sum())])
    event = np.concatenate([-1 - np.arange(lone.sum()), np.repeat(np.arange(pairs.sum()), 2)])
    order = np.argsort(window, kind="stable")
    return place[order], side[order], event[order], np.bincount(window, minlength=n)


def test_random_pairs_and_delayed_ones_are_taken_equally_often():
    place, side, event, size = windows()
    begin = np.cumsum(size) - size
    edges = np.concatenate([np.column_stack(np.triu_indices(c, 1)) + b for c, b in zip(size, begin, strict=True) if c > 1])
    # Singles of a window with those of the next one: half of them, as two of a window come in one order only.
    late = np.concatenate([np.stack(np.meshgrid(b + np.arange(c), b + c + np.arange(d)), axis=-1).reshape(-1, 2)
                           for b, c, d in zip(begin[:-1], size[:-1], size[1:], strict=True) if c and d])
    late = late[np.random.default_rng(4).random(len(late)) < 0.5]

    def scored(pairs):
        opposite = pairs[side[pairs[:, 0]] != side[pairs[:, 1]]]
        return Scored(pairs_of(opposite), len(place), 2.5 - 8 * np.abs(place[opposite[:, 0]] - place[opposite[:, 1]]))

    found, _ = taken(scored(edges), scored(late), 0.5)
    random = ((event[found.first] != event[found.second]) & ~found.delayed).sum()
    delayed, alone = found.delayed.sum(), (scored(late).logit >= 0).sum()
    assert random > 700
    # Two pairs that cross each other, of which there are many here, have no delayed match; without rivals there would be many more.
    assert 0.85 < delayed / random < 1.1
    assert alone > 3 * delayed
