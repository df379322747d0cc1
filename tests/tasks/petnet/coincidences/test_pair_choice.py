"""Which pairs are taken: the threshold against all others, and no single in two pairs."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.tasks.petnet.coincidences.pair_choice import best_threshold, chosen


@pytest.mark.parametrize("seed", range(5))
def test_no_other_threshold_has_a_larger_expected_f1(seed):
    p = np.random.default_rng(seed).beta(0.5, 0.5 + seed, 300)

    def expected(least):
        taken = p >= least
        return 2 * p[taken].sum() / (taken.sum() + p.sum())

    found = best_threshold(p)
    assert np.isclose(expected(found), max(expected(t) for t in p))
    assert np.isclose(found, expected(found) / 2)


def test_sure_pairs_are_taken_at_one_half_and_none_at_all_leave_it_there():
    assert np.isclose(best_threshold(np.array([1.0, 1.0, 0.0])), 0.5)
    assert best_threshold(np.zeros(0)) == best_threshold(np.zeros(3)) == 0.5


def test_of_pairs_that_share_a_single_the_most_probable_is_taken():
    first, second = np.array([0, 1, 4, 6]), np.array([1, 2, 5, 7])
    assert chosen(first, second, np.array([0.45, 0.46, 0.41, 0.2]), 0.4).tolist() == [False, True, True, False]
    assert chosen(first, second, np.array([0.45, 0.45, 0.41, 0.2]), 0.4).sum() == 2


def test_no_single_is_in_two_pairs():
    rng = np.random.default_rng(1)
    pairs = np.array([rng.choice(60, 2, replace=False) for _ in range(200)])
    probability = rng.random(200)
    taken = chosen(*pairs.T, probability, 0.3)
    assert len(np.unique(pairs[taken])) == 2 * taken.sum()
    used, one_by_one = set(), []
    for row in sorted(np.flatnonzero(probability >= 0.3), key=lambda r: -probability[r]):
        if not used & set(pairs[row].tolist()):
            used |= set(pairs[row].tolist())
            one_by_one.append(row)
    assert np.flatnonzero(taken).tolist() == sorted(one_by_one)
