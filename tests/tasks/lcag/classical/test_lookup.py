"""The trivial reference: a table of leaf masses, nothing else."""

from __future__ import annotations

import numpy as np

from pphysml.io.ragged import Columns, Ragged
from pphysml.physics.momentum_resolution import with_mass
from pphysml.tasks.lcag.classical import lookup

NEAR = np.array([[0, 1, 2], [1, 0, 2], [2, 2, 0]], dtype=np.uint8)
FAR = np.array([[0, 2, 2], [2, 0, 1], [2, 1, 0]], dtype=np.uint8)


def events(masses: list[list[float]], matrices: list[np.ndarray] | None = None, seed: int = 0) -> Columns:
    rng = np.random.default_rng(seed)
    rows = [with_mass(rng.normal(0, 20, (len(m), 3)), np.array(m)) for m in masses]
    columns: Columns = {"p4": Ragged.from_rows(rows)}
    if matrices is not None:
        columns["lcag"] = Ragged.from_rows([m.ravel() for m in matrices], dtype=np.uint8)
    return columns


def permuted(matrix: np.ndarray, order: list[int]) -> np.ndarray:
    return matrix[np.ix_(order, order)]


def test_most_frequent_tree_wins_in_any_order_of_leaves() -> None:
    orders = [[0, 1, 2], [2, 0, 1], [1, 2, 0]]
    trees = [NEAR, NEAR, FAR]
    masses = [[[1.0, 3.0, 5.0][k] for k in order] for order in orders]
    train = events(masses, [permuted(t, o) for t, o in zip(trees, orders, strict=True)])
    table = lookup.fit(train)
    test = events([[5.0, 1.0, 3.0], [3.0, 5.0, 1.0]], seed=1)
    found = lookup.predict(test, table)
    np.testing.assert_array_equal(found[0].reshape(3, 3), permuted(NEAR, [2, 0, 1]))
    np.testing.assert_array_equal(found[1].reshape(3, 3), permuted(NEAR, [1, 2, 0]))


def test_unknown_masses_and_sizes_give_one_node() -> None:
    table = lookup.fit(events([[1.0, 3.0, 5.0]], [NEAR]))
    found = lookup.predict(events([[1.0, 3.0, 12.0], [1.0] * 4, [2.0], [1.0, 3.0, 5.0], []]), table)
    np.testing.assert_array_equal(found[0].reshape(3, 3), 1 - np.eye(3))
    np.testing.assert_array_equal(found[1].reshape(4, 4), 1 - np.eye(4))
    assert found[2].tolist() == [0] and len(found[4]) == 0
    np.testing.assert_array_equal(found[3].reshape(3, 3), NEAR)


def test_equal_leaves_keep_their_order() -> None:
    table = lookup.fit(events([[1.0, 1.0, 5.0]], [FAR]))
    found = lookup.predict(events([[5.0, 1.0, 1.0]]), table)
    np.testing.assert_array_equal(found[0].reshape(3, 3), permuted(FAR, [2, 0, 1]))


def test_table_is_right_on_its_own_unambiguous_events() -> None:
    rng = np.random.default_rng(8)
    masses = [list(rng.permutation([1.0, 2.0, 3.0, 5.0, 12.0])[: 3]) for _ in range(60)]
    trees = []
    for row in masses:
        order = np.argsort(np.argsort(row))
        trees.append(permuted(NEAR if sum(row) > 9 else FAR, list(order)))
    train = events(masses, trees)
    found = lookup.predict(train, lookup.fit(train))
    np.testing.assert_array_equal(found.flat, train["lcag"].flat)  # type: ignore[union-attr]


def test_kinematics_play_no_role() -> None:
    table = lookup.fit(events([[1.0, 3.0, 5.0]] * 3, [NEAR, NEAR, FAR]))
    a = lookup.predict(events([[1.0, 3.0, 5.0]] * 50, seed=2), table)
    assert len(np.unique(a.flat.reshape(50, 9), axis=0)) == 1
