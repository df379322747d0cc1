"""What a valid matrix is."""

from __future__ import annotations

from typing import NamedTuple


class ValidityRules(NamedTuple):
    """What a valid matrix is.

    Attributes:
        forest: there may be several trees, and leaves that belong to none; the matrix is 0 between
            leaves of different trees.
        gap_free: every node is exactly one above its highest child (generations); otherwise the
            levels only increase from child to parent (classes of ancestors).
    """

    forest: bool = False
    gap_free: bool = True


ONE_TREE = ValidityRules()

N_CLASSES = 8
"""Levels 0..7 of the matrix: trees of up to eight generations (arXiv:2208.14924)."""
