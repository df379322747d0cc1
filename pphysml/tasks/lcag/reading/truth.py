"""The truth of examples: matrices of true trees, and leaves that belong to none."""

from __future__ import annotations

import numpy as np

from ....errors import TruthError
from ....io.ragged import Array, Columns, Ragged, ragged
from ..config import DataConfig
from ..trees.components import components, contradictions, stray_leaves
from ..trees.matrices import TWO_ROOTS, parent_problems, parent_to_matrix
from .ancestors import classes_of, contract, inner_nodes, stage_matrices
from .given_matrices import SEVERAL, given_matrices
from .grafei import placed_matrices
from .refusal import refuse_truth


def truth_columns(chunk: Columns, n_leaves: Array, options: DataConfig) -> Columns:
    """Return the truth `lcag` (uint8, flat rows of n*n), `background` (bool) where events may hold
    several trees, `hypothesis` (see `_hypotheses`) if asked for; nothing if the chunk has no truth.

    Raises:
        TruthError: truth that is not a tree, does not fit the leaves, or is not of the configured
            classes; names branch and entry.
    """
    chunk = {**chunk, **placed_matrices(chunk)}
    found = _stages(chunk, n_leaves, options) if options.classes == "stages" else _generations(chunk, n_leaves, options)
    if found is None:
        return {}
    branch, matrices, parent = found
    if parent is not None:
        _refuse_levels(chunk, matrices, branch, options)
    truth: Columns = {"lcag": matrices}
    if options.hypotheses:
        truth["hypothesis"] = _hypotheses(chunk, n_leaves, options)
    if options.forest:
        truth["background"] = _background(chunk, matrices, parent, n_leaves, options)
    return truth


def _hypotheses(chunk: Columns, n_leaves: Array, options: DataConfig) -> Ragged:
    """Return the number of each leaf's true hypothesis, from 1 in the order of the options; 0: another."""
    if "leaf_pdg" in chunk:
        pdg = ragged(chunk, "leaf_pdg")
        refuse_truth(chunk, pdg.counts != n_leaves, "leaf_pdg", lambda row: (
            f"has {pdg.counts[row]} values for {n_leaves[row]} leaves"))
        flat = pdg.flat
    elif "node_pdg" in chunk:
        nodes = ragged(chunk, "node_pdg")
        first = np.repeat(nodes.offsets[:-1] - (np.cumsum(n_leaves) - n_leaves), n_leaves)
        refuse_truth(chunk, nodes.counts < n_leaves, "node_pdg", lambda row: (
            f"has {nodes.counts[row]} values for {n_leaves[row]} leaves, which come first among the nodes"))
        flat = nodes.flat[first + np.arange(len(first))]
    else:
        raise TruthError("There is no branch 'leaf_pdg' (the true PDG id of each leaf), which data.hypotheses needs; "
                         "name it with --map leaf_pdg=BRANCH, or set data.hypotheses=[].")
    number = np.zeros(len(flat), dtype=np.int64)
    for k, candidate in enumerate(options.hypotheses):
        number[np.abs(flat.astype(np.int64)) == candidate] = k + 1
    return Ragged.from_counts(number, n_leaves)


Found = tuple[str, Ragged, Ragged | None]
"""Branch to be blamed, matrices, and the parent arrays that say so too, if any."""


def _generations(chunk: Columns, n_leaves: Array, options: DataConfig) -> Found | None:
    if "parent" in chunk:
        parent, matrices = _trees(chunk, n_leaves, options.forest)
        if options.ancestors is None:
            return "parent", matrices, parent
        return _contracted(chunk, parent, n_leaves, options)
    if "lcag" in chunk:
        if options.ancestors is not None:
            raise TruthError("data.ancestors needs the branches 'parent' and 'node_pdg', but there is only 'lcag'; "
                             "name them with --map, or set data.ancestors=null.")
        return "lcag", _given(chunk, "lcag", n_leaves, options), None
    if "lcas" in chunk:
        raise TruthError("The truth of these files (LCAS, branch 'lcas') is the class of the lowest common ancestor, "
                         "not its generation; set data.classes=stages.")
    return None


def _stages(chunk: Columns, n_leaves: Array, options: DataConfig) -> Found | None:
    if "parent" in chunk and "node_pdg" in chunk:
        parent, _ = _trees(chunk, n_leaves, options.forest)
        pdg = ragged(chunk, "node_pdg").flat
        classes = classes_of(pdg, options.pdg_classes)
        alien = (parent.flat < 0) & inner_nodes(parent, n_leaves) & (classes == 0)
        refuse_truth(chunk, parent.rows_with(alien), "node_pdg", lambda row: (
            f"class outside the PDG map: the decaying particle has PDG id {parent.first_of(alien, row, pdg)}, "
            "which data.pdg_classes does not list"))
        return "node_pdg", stage_matrices(parent, classes, n_leaves), parent
    if "lcas" in chunk:
        return "lcas", _given(chunk, "lcas", n_leaves, options), None
    if "parent" in chunk:
        raise TruthError("There is no branch 'node_pdg' (the PDG id of each node), which data.classes=stages needs "
                         "beside 'parent'; name it with --map node_pdg=BRANCH.")
    if "lcag" in chunk:
        raise TruthError("holds generations, but data.classes=stages needs the branches 'parent' and 'node_pdg', or 'lcas'; "
                         "name them with --map, or set data.classes=generations", branch="lcag")
    return None


def _trees(chunk: Columns, n_leaves: Array, forest: bool) -> tuple[Ragged, Ragged]:
    """Return the parent arrays, checked, and their matrices of generations."""
    parent = ragged(chunk, "parent")
    matrices, codes = parent_to_matrix(parent, n_leaves, forest)
    first = codes[np.argmax(codes != 0)] if codes.any() else codes.dtype.type(0)
    refuse_truth(chunk, (codes == first) & (first != 0), "parent", lambda row: (
        parent_problems(int(first)) + (f"; {SEVERAL}" if first == TWO_ROOTS else "")), rule=int(first))
    return parent, matrices


def _contracted(chunk: Columns, parent: Ragged, n_leaves: Array, options: DataConfig) -> Found:
    """Leave out the nodes that `ancestors` does not name."""
    if "node_pdg" not in chunk:
        raise TruthError("There is no branch 'node_pdg' (the PDG id of each node), which data.ancestors needs "
                         "beside 'parent'; name it with --map node_pdg=BRANCH, or set data.ancestors=null.")
    pdg = ragged(chunk, "node_pdg").flat
    counted = np.isin(np.abs(pdg.astype(np.int64)), options.ancestors or []) | ~inner_nodes(parent, n_leaves)
    left = contract(parent, counted)
    matrices, codes = parent_to_matrix(left, n_leaves, options.forest)
    root = parent.flat < 0
    refuse_truth(chunk, codes != 0, "node_pdg", lambda row: (
        f"falls apart into several trees without its root (PDG id {parent.first_of(root, row, pdg)}), which "
        f"data.ancestors does not list; list it, or set data.forest=true" if codes[row] == TWO_ROOTS
        else parent_problems(int(codes[row]))))
    return "node_pdg", matrices, left


def _given(chunk: Columns, branch: str, n_leaves: Array, options: DataConfig) -> Ragged:
    _refuse_levels(chunk, ragged(chunk, branch), branch, options)
    return given_matrices(chunk, branch, n_leaves, options.rules)


def _background(chunk: Columns, matrices: Ragged, parent: Ragged | None, n_leaves: Array, options: DataConfig) -> Ragged:
    """Return which leaves are in no tree: by `component`, else those without parent or common ancestors."""
    if "component" in chunk and options.ancestors is None:
        component = ragged(chunk, "component")
        refuse_truth(chunk, contradictions(matrices, component), "component", lambda row: (
            "puts leaves in one tree that have no common ancestor, or in different trees that have one"))
        return Ragged(component.flat < 0, component.offsets)
    leaves = Ragged.from_counts(np.zeros(n_leaves.sum()), n_leaves).offsets
    if parent is not None:
        return Ragged(stray_leaves(parent, n_leaves), leaves)
    return Ragged(components(matrices, n_leaves, np.ones(leaves[-1], dtype=bool)).flat < 0, leaves)


def _refuse_levels(chunk: Columns, matrices: Ragged, branch: str, options: DataConfig) -> None:
    if options.classes == "generations":
        message = f"has more than {options.highest + 1} generations"
    else:
        message = f"has a class above {options.highest}, the last one of data.pdg_classes; list more classes"
    refuse_truth(chunk, matrices.rows_with(matrices.flat > options.highest), branch, lambda row: message)
