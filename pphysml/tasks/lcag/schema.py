"""Layouts that `lcag` reads, and the tree that it writes."""

from __future__ import annotations

from ...task import Field, Layout

IDS = (
    Field("run", "event", "int64", "Run number.", aliases=("runID", "run_number", "__run__")),
    Field("event", "event", "int64", "Event number.", aliases=("eventID", "event_number", "evt", "__event__")),
)


def _momentum(name: str, help: str, *aliases: str, minimum: float | None = None) -> Field:
    return Field(name, "particle", "float64", help, unit="GeV", counter="n_leaves", required=True,
                 aliases=aliases, minimum=minimum)


LEAVES = Layout(
    name="leaves",
    help="One entry per event with jagged four-momenta of the leaves, and truth as `parent` or `lcag`.",
    trees=("events", "Events", "tree"),
    fields=(
        *IDS,
        _momentum("px", "Momentum, x component.", "leaf_px", "p_x"),
        _momentum("py", "Momentum, y component.", "leaf_py", "p_y"),
        _momentum("pz", "Momentum, z component.", "leaf_pz", "p_z"),
        _momentum("e", "Energy.", "E", "leaf_e", "leaf_E", "energy", minimum=0.0),
        Field("parent", "node", "int32", "Index of each node's parent, -1 for the root; the leaves come first, in the order of the momenta.",
              counter="n_nodes", truth=True, minimum=-1),
        Field("lcag", "pair", "uint8", "Lowest-common-ancestor-generations matrix, n_leaves x n_leaves, row after row.",
              counter="n_pairs", truth=True, aliases=("LCAG",), minimum=0),
        Field("topology", "label", "int32", "Number of the decay topology.", truth=True),
        Field("weight", "event", "float64", "Event weight."),
    ),
)

LAYOUTS = (LEAVES,)

OUTPUT_FIELDS = (
    *IDS,
    Field("n_leaves", "event", "int32", "Number of leaves."),
    Field("lcag", "pair", "uint8", "Decoded matrix, n_leaves x n_leaves, row after row; a valid tree.", counter="n_pairs"),
    Field("lcag_raw", "pair", "uint8", "Most probable class of each matrix element by itself.", counter="n_pairs"),
    Field("prob", "pair", "float32", "Probability of the decoded class of each element.", counter="n_pairs"),
    Field("raw_valid", "event", "bool", "Whether `lcag_raw` is a valid tree."),
    Field("parent", "node", "int32", "Parent of each node, -1 for the root; leaves first, root last; empty if `lcag` is no tree (possible with argmax only).", counter="n_nodes"),
    Field("node_level", "node", "uint8", "Height of each node; 0 for leaves.", counter="n_nodes"),
    Field("node_px", "node", "float64", "Sum of the leaves' momenta, x.", unit="GeV", counter="n_nodes"),
    Field("node_py", "node", "float64", "Sum of the leaves' momenta, y.", unit="GeV", counter="n_nodes"),
    Field("node_pz", "node", "float64", "Sum of the leaves' momenta, z.", unit="GeV", counter="n_nodes"),
    Field("node_e", "node", "float64", "Sum of the leaves' energies.", unit="GeV", counter="n_nodes"),
    Field("node_mass", "node", "float64", "Invariant mass of each node.", unit="GeV", counter="n_nodes"),
    Field("node_prob", "node", "float32", "Geometric mean of `prob` over the pairs that meet in each node; 1 for leaves.", counter="n_nodes"),
    Field("score", "event", "float32", "Score of the decoded tree: sum of the log-probabilities of its parts."),
    Field("margin", "event", "float32", "Score of the decoded tree minus that of the best different tree; infinite if there is none."),
    Field("tree_prob", "event", "float32", "Calibrated probability of the decoded tree among all valid trees; -1 where it cannot be summed."),
    Field("exact", "event", "bool", "Whether the decoded tree is the exact maximum over all valid trees."),
    Field("perfect", "event", "bool", "Whether the decoded matrix equals the truth; only if the input has truth.", truth=True),
)
