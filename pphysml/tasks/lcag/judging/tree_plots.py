"""Single events: the decay tree, and its matrix of lowest common ancestors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from ....errors import InputError
from ....evaluation.style import INK, RED, new_figure, style
from ..trees.validity_rules import N_CLASSES

LEVELS = colormaps["YlGnBu"](np.linspace(0.04, 0.8, N_CLASSES))
"""One colour per level; the same in the matrix and in the tree."""


@style()
def tree_figure(
    parent: ArrayLike,
    level: ArrayLike,
    masses: ArrayLike | None = None,
    leaf_labels: Sequence[str] | None = None,
    caption: str = "",
) -> Figure:
    """Draw one decay tree: root above, leaves below, no crossing lines.

    Args:
        parent, level: of each node, shape (nodes,); -1 for the root; leaves first.
        masses: of each node in GeV.
        leaf_labels: one per leaf; their numbers if not given.

    Raises:
        InputError: the parents do not make one tree.
    """
    n = int((np.asarray(level) == 0).sum())
    height = int(np.max(level))
    figure, (axes,) = new_figure(0.9 + 0.66 * max(4, n), 1.2 + 0.8 * max(2, height), caption)
    draw_tree(axes, parent, level, masses, leaf_labels)
    return figure


@style()
def matrix_figure(matrix: ArrayLike, truth: ArrayLike | None = None, caption: str = "") -> Figure:
    """Draw one matrix, shape (n, n); elements that differ from the truth get a red frame."""
    n = len(np.asarray(matrix))
    side = 1.2 + 0.42 * max(4, n)
    figure, (axes,) = new_figure(side, side, caption)
    draw_matrix(axes, matrix, truth)
    return figure


@style()
def gallery(
    matrix: ArrayLike,
    parent: ArrayLike,
    level: ArrayLike,
    masses: ArrayLike | None = None,
    leaf_labels: Sequence[str] | None = None,
    truth: ArrayLike | None = None,
    caption: str = "",
) -> Figure:
    """Draw one event: its matrix and, beside it, the tree; arguments as for the two figures.

    The rows of the matrix follow the leaves of the tree, so that each node is a block.
    """
    n = len(np.asarray(matrix))
    side, width = 1.0 + 0.4 * max(4, n), 0.9 + 0.62 * max(4, n)
    height = max(side, 1.2 + 0.62 * int(np.max(level)))
    figure, (left, right) = new_figure(side + width, height, caption, columns=2, width_ratios=(side, width))
    order = np.argsort(tree_positions(np.asarray(parent, dtype=int))[:n])
    square = np.ix_(order, order)
    names = [str(leaf) if leaf_labels is None else leaf_labels[leaf] for leaf in order.tolist()]
    draw_matrix(left, np.asarray(matrix)[square], None if truth is None else np.asarray(truth)[square], names)
    draw_tree(right, parent, level, masses, leaf_labels)
    return figure


def draw_matrix(
    axes: Axes,
    matrix: ArrayLike,
    truth: ArrayLike | None = None,
    labels: Sequence[str] | None = None,
) -> None:
    """Draw a matrix into axes, element (0, 0) at the upper left; `labels` name its rows."""
    values = np.asarray(matrix, dtype=int)
    n = len(values)
    for i, j in np.ndindex(n, n):
        height = min(int(values[i, j]), N_CLASSES - 1)
        axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor="#F1F2F4" if i == j else LEVELS[height],
                                 edgecolor="white", linewidth=1))
        if i != j:
            axes.text(j, i, str(values[i, j]), ha="center", va="center", fontsize=10.5, color=_ink(height))
    if truth is not None:
        for i, j in np.argwhere(values != np.asarray(truth)):
            axes.add_patch(Rectangle((j - 0.42, i - 0.42), 0.84, 0.84, fill=False, edgecolor=RED, linewidth=1.8))
    axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), xticks=range(n), yticks=range(n),
             xlabel="leaf", ylabel="leaf", aspect="equal")
    if labels is not None:
        axes.set(xticklabels=labels, yticklabels=labels)
    axes.tick_params(which="both", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw_tree(
    axes: Axes,
    parent: ArrayLike,
    level: ArrayLike,
    masses: ArrayLike | None = None,
    leaf_labels: Sequence[str] | None = None,
) -> None:
    """Draw a tree into axes; arguments as for `tree_figure`."""
    above, heights = np.asarray(parent, dtype=int), np.asarray(level, dtype=int)
    x = tree_positions(above)
    for child in np.flatnonzero(above >= 0):
        up = above[child]
        axes.plot([x[up], x[child], x[child]], [heights[up], heights[up], heights[child]], color=INK,
                  linewidth=1.4, solid_joinstyle="round", zorder=1)
    for node, height in enumerate(heights.tolist()):
        colour = LEVELS[min(height, N_CLASSES - 1)]
        if height == 0:
            axes.plot(x[node], 0, "o", color=INK, markersize=5, zorder=2)
            label = str(node) if leaf_labels is None else leaf_labels[node]
            if masses is not None:
                label += f"\n{_mass(np.asarray(masses)[node])}"
            axes.text(x[node], -0.16, label, ha="center", va="top", fontsize=9.5, linespacing=1.25)
        else:
            label = f"{height}" if masses is None else _mass(np.asarray(masses)[node])
            axes.text(x[node], height, label, ha="center", va="center", fontsize=10, zorder=3, color=_ink(height),
                      bbox={"boxstyle": "round,pad=0.3", "facecolor": colour, "edgecolor": INK, "linewidth": 0.9})
    _frame(axes, x, heights, masses is not None)


def tree_positions(parent: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the horizontal place of each node: leaves at 0, 1, ..., nodes in the middle of theirs.

    The leaves below any node are neighbours, so the lines of two subtrees share no column.

    Raises:
        InputError: the parents do not make one tree.
    """
    children: dict[int, list[int]] = {}
    for node, up in enumerate(parent):
        children.setdefault(int(up), []).append(node)
    x = np.full(len(parent), np.nan)
    placed = 0
    stack = [(node, False) for node in children.get(-1, [])]
    if len(stack) != 1:
        raise InputError(f"A tree has one root, but {len(stack)} nodes have parent -1.")
    while stack:
        node, done = stack.pop()
        below = children.get(node, [])
        if not below:
            x[node], placed = placed, placed + 1
        elif done:
            x[node] = (x[below[0]] + x[below[-1]]) / 2
        else:
            stack += [(node, True), *((child, False) for child in reversed(below))]
    if np.isnan(x).any():
        raise InputError(f"Node {int(np.argmax(np.isnan(x)))} of the tree does not lead up to the root.")
    return x


def _frame(axes: Axes, x: NDArray[np.float64], heights: NDArray[np.int64], with_masses: bool) -> None:
    top = int(heights.max())
    axes.set(xlim=(x.min() - 0.6, x.max() + 0.6), ylim=(-0.75 if with_masses else -0.5, top + 0.45),
             yticks=range(top + 1), ylabel="height")
    axes.set_xlabel("leaf, mass [GeV]" if with_masses else "leaf")
    axes.set_xticks([])
    axes.tick_params(which="both", right=False, top=False)
    axes.tick_params(axis="y", which="minor", length=0)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.spines["left"].set_bounds(0, top)


def _mass(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _ink(height: int) -> str:
    return INK if height < 5 else "white"
