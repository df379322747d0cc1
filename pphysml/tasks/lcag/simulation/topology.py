"""A decay topology: which particle decays to which, with the masses of all of them.

A topology is written as its canonical form, `100(90(5 2 1) 3)`: a mass, and in brackets those of
its children in a fixed order, so that equal trees are equal texts (Aho, Hopcroft, Ullman, 1974).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....errors import ConfigError, shortened
from ..trees.validity_rules import N_CLASSES

TOO_DEEP = f"it must have two to {N_CLASSES} generations"

Tree = tuple[float, Sequence[Any]]
"""A mass and the trees of the children."""


@dataclass(frozen=True, eq=False)
class Topology:
    """One decay tree.

    Attributes:
        parent: int32 (nodes,); leaves first, root last, parents after their children; -1: root.
        masses: float64 (nodes,), in GeV.
        n_leaves: number of final-state particles.
        canonical: canonical form.
    """

    parent: NDArray[np.int32]
    masses: NDArray[np.float64]
    n_leaves: int
    canonical: str

    @classmethod
    def from_text(cls, text: str) -> Topology:
        """Read `100(90(5 2 1) 3)`, children in any order.

        Raises:
            ConfigError: not a tree, a node with one child or without phase space, or too deep.
        """
        tree = _parse(text)
        _check(tree, text)
        return cls.from_tree(tree)

    @classmethod
    def from_tree(cls, tree: Tree) -> Topology:
        """Number the nodes: leaves first, then the others, backwards from the root."""
        order, above = [_sorted(tree)], [-1]
        for position, (_, children) in enumerate(order):
            order.extend(children)
            above.extend([position] * len(children))
        leaves = [i for i, (_, children) in enumerate(order) if not children]
        others = [i for i, (_, children) in enumerate(order) if children][::-1]
        index = {old: new for new, old in enumerate([*leaves, *others])}
        parent = np.array([index.get(above[old], -1) for old in index], dtype=np.int32)
        masses = np.array([order[old][0] for old in index], dtype=np.float64)
        return cls(parent, masses, len(leaves), _write(order[0]))

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """Children of each node, in ascending order."""
        return tuple(
            tuple(int(child) for child in np.flatnonzero(self.parent == node))
            for node in range(len(self.parent))
        )

    @cached_property
    def heights(self) -> NDArray[np.uint8]:
        """Height of each node: 0 for a leaf, else one above the highest child."""
        heights = np.zeros(len(self.parent), dtype=np.uint8)
        for node, parent in enumerate(self.parent[:-1]):
            heights[parent] = max(heights[parent], heights[node] + 1)
        return heights

    @property
    def depth(self) -> int:
        """Number of generations, leaves and root among them."""
        return int(self.heights[-1]) + 1

    @cached_property
    def leaves_below(self) -> NDArray[np.bool_]:
        """Whether a node (row) is a leaf (column) or its ancestor, (nodes, n_leaves)."""
        below = np.eye(len(self.parent), self.n_leaves, dtype=bool)
        for node, parent in enumerate(self.parent[:-1]):
            below[parent] |= below[node]
        return below

    @cached_property
    def lcag(self) -> NDArray[np.uint8]:
        """Heights of the lowest common ancestors of all pairs of leaves, (n_leaves, n_leaves)."""
        matrix = np.zeros((self.n_leaves, self.n_leaves), dtype=np.uint8)
        # From the root down, each node overwrites what its ancestors said of its leaves.
        for node in range(len(self.parent) - 1, -1, -1):
            below = self.leaves_below[node]
            matrix[np.ix_(below, below)] = self.heights[node]
        return matrix


def count_leaves(tree: Tree) -> int:
    """Return the number of masses without children."""
    return sum(map(count_leaves, tree[1])) if tree[1] else 1


def _depth(tree: Tree) -> int:
    return 1 + max(map(_depth, tree[1]), default=0)


def _write(tree: Tree) -> str:
    mass, children = tree
    inner = f"({' '.join(map(_write, children))})" if children else ""
    return f"{mass:.12g}{inner}"


def _sorted(tree: Tree) -> Tree:
    mass, children = tree
    return mass, sorted(map(_sorted, children), key=lambda child: (-child[0], _write(child)))


def _parse(text: str) -> Tree:
    top: list[Any] = []
    open_lists = [top]
    for token in re.findall(r"[()]|[^()\s]+", text):
        here = open_lists[-1]
        if token == "(":
            if not here or here[-1][1]:
                raise _bad(text, "a bracket must follow a mass")
            if len(open_lists) == N_CLASSES:
                raise _bad(text, TOO_DEEP)
            open_lists.append(here[-1][1])
        elif token == ")":
            if len(open_lists) == 1 or not here:
                raise _bad(text, "a bracket is closed that is empty or was not opened")
            open_lists.pop()
        else:
            here.append((_mass(text, token), []))
    if len(open_lists) > 1 or len(top) != 1:
        raise _bad(text, "it must be one mass with its children in brackets")
    root: Tree = top[0]
    return root


def _mass(text: str, token: str) -> float:
    try:
        mass = float(token)
    except ValueError:
        mass = math.nan
    if not 0.0 < mass < math.inf:
        raise _bad(text, f"{token!r} is not a mass above zero")
    return mass


def _check(tree: Tree, text: str) -> None:
    def check_node(node: Tree) -> None:
        mass, children = node
        if children and (len(children) < 2 or sum(child[0] for child in children) >= mass):
            raise _bad(text, f"{mass:g} needs two or more children that are lighter together")
        for child in children:
            check_node(child)

    if not tree[1] or _depth(tree) > N_CLASSES:
        raise _bad(text, TOO_DEEP)
    check_node(tree)


def _bad(text: str, why: str) -> ConfigError:
    return ConfigError(f"{shortened(text)!r} is not a topology: {why}.")
