"""Single trees: how many there are, and which are the same."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.tasks.lcag.trees.nested_trees import (
    canonical_form,
    enumerate_trees,
    from_nested,
    to_nested,
)
from pphysml.tasks.lcag.trees.validity import is_valid


@pytest.mark.parametrize(("n", "count"), [(1, 1), (2, 1), (3, 4), (4, 26), (5, 236), (6, 2752)])
def test_number_of_trees_is_that_of_schroeders_fourth_problem(n: int, count: int) -> None:
    matrices = np.array(enumerate_trees(n))
    assert len(matrices) == count == len(np.unique(matrices.reshape(count, -1), axis=0))
    assert is_valid(matrices).all()


def test_canonical_form_ignores_the_order_of_children_only() -> None:
    labels = ["pi", "K", "pi", "e", "mu"]
    a = canonical_form(from_nested([[0, 1], [2, [3, 4]]])[0], labels)
    b = canonical_form(from_nested([[[4, 3], 0], [1, 2]])[0], labels)
    c = canonical_form(from_nested([[0, 3], [2, [1, 4]]])[0], labels)
    assert a == b == "(((e mu) pi) (K pi))"
    assert a != c


def test_nested_lists_that_are_no_tree() -> None:
    with pytest.raises(ValueError, match="each once"):
        from_nested([0, [1, 1]])
    with pytest.raises(ValueError, match="more than one root"):
        to_nested(np.array([-1, -1]), 2)
