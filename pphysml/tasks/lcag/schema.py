"""Layouts that `lcag` reads, and the tree that it writes."""

from __future__ import annotations

from typing import Any

from ...io.schema import Field, Layout

LOWEST = -(2.0**127)
"""What NaN stands for among values of which the largest counts: below all others, and exact in single precision too."""

IDS = (
    Field("experiment", "event", "int64", "Experiment number.", carried=True, aliases=("__experiment__",)),
    Field("run", "event", "int64", "Run number.", carried=True, aliases=("runID", "run_number", "__run__")),
    Field("event", "event", "int64", "Event number.", carried=True, aliases=("eventID", "event_number", "evt", "__event__")),
    Field("candidate", "event", "int64", "Number of the candidate in its event.", carried=True, aliases=("__candidate__",)),
    Field("production", "event", "int64", "Number of the production.", carried=True, aliases=("__production__",)),
)

OTHERS = (
    Field("topology", "label", "int32", "Number of the decay topology.", truth=True, carried=True),
    Field("weight", "event", "float64", "Event weight.", weight=True),
)


def _leaf(name: str, help: str, *aliases: str, unit: str = "GeV", **others: Any) -> Field:
    return Field(name, "particle", "float64", help, unit=unit, counter="n_leaves", aliases=aliases, **others)


def _mass(only_named: bool) -> Field:
    return _leaf("mass", "Mass; a slightly negative one is taken as rounding of 0.", "m", "M", "leaf_mass", "leaf_m", only_named=only_named)


PX_PY_PZ = (
    _leaf("px", "Momentum, x component.", "leaf_px", "p_x", required=True),
    _leaf("py", "Momentum, y component.", "leaf_py", "p_y", required=True),
    _leaf("pz", "Momentum, z component.", "leaf_pz", "p_z", required=True),
)

PT_ETA_PHI = (
    _leaf("pt", "Transverse momentum.", "leaf_pt", "p_t", required=True, minimum=0.0),
    _leaf("eta", "Pseudorapidity.", "leaf_eta", unit="", required=True, minimum=-20.0, maximum=20.0),
    _leaf("phi", "Azimuth.", "leaf_phi", unit="rad", required=True),
)


def _energy(required: bool) -> Field:
    return _leaf("e", "Energy.", "E", "leaf_e", "leaf_E", "energy", required=required, minimum=0.0)


def _assumed(counter: str) -> Field:
    return Field("assumed_pdg", "particle", "int32", "PDG id of the particle that each leaf is taken for, 0 for none; for masses that are not given, and for --match.",
                 counter=counter, aliases=("pdg_hyp", "leaf_pdg_hyp"), missing=0.0)


OF_LEAVES = (
    Field("n", "event", "int64", "Number of leaves, where their branches are arrays of a fixed size.", counts="n_leaves",
          aliases=("n_leaves", "nleaves", "n_particles", "n_tracks"), minimum=0),
    Field("n_nodes", "event", "int64", "Number of nodes, where their branches are arrays of a fixed size.", counts="n_nodes", minimum=0),
    _assumed("n_leaves"),
    Field("charge", "particle", "float64", "Charge, for --match, mass hypotheses and data.pid; not a number counts as 0.", counter="n_leaves",
          aliases=("leaf_charge",), missing=0.0),
    Field("parent", "node", "int32", "Index of each node's parent, -1 for the root; the leaves come first, in the order of the momenta. Nodes with one child are merged with it.",
          counter="n_nodes", truth=True, minimum=-1),
    Field("node_pdg", "label", "int32", "PDG id of each node, those of the leaves first; for data.classes=stages and data.ancestors.",
          counter="n_nodes", truth=True, aliases=("node_pdgid", "node_pdgId", "pdg_of_node")),
    Field("leaf_pdg", "label", "int32", "True PDG id of each leaf, for data.hypotheses; if it is not there, that of node_pdg.",
          counter="n_leaves", truth=True, aliases=("mcPDG", "leaf_mcPDG")),
    Field("lcag", "pair", "uint8", "Lowest-common-ancestor-generations matrix, n_leaves x n_leaves, row after row.",
          counter="n_pairs", truth=True, aliases=("LCAG",), minimum=0),
    Field("lcas", "pair", "uint8", "Matrix of the classes of the lowest common ancestors, for data.classes=stages; n_leaves x n_leaves, row after row.",
          counter="n_pairs", truth=True, aliases=("LCAS",), minimum=0),
    Field("component", "label", "int16", "Number of the tree that each leaf belongs to, -1 for none; only for events of several trees.",
          counter="n_leaves", truth=True, aliases=("tree_id",), minimum=-1),
    *OTHERS,
)

TREES = ("events", "Events", "tree")

LEAVES = Layout(
    name="leaves",
    help="One entry per event with jagged four-momenta of the leaves, and truth as `parent` or `lcag`.",
    trees=TREES,
    padding=("px", "py", "pz", "e"),
    fields=(*IDS, *PX_PY_PZ, _energy(required=True), _mass(only_named=True), *OF_LEAVES),
)

MOMENTA = Layout(
    name="momenta",
    help="The same without energies: they follow from `mass`, `assumed_pdg`, data.pid, data.particle or data.charged_mass.",
    trees=TREES,
    padding=("px", "py", "pz"),
    # An energy is there only if it is named, and named wrongly: otherwise the layout above fits.
    fields=(*IDS, *PX_PY_PZ, _energy(required=False), _mass(only_named=False), *OF_LEAVES),
)

TRANSVERSE = Layout(
    name="pt-eta-phi",
    help="The same with pt, eta and phi of the leaves, and energies or what they follow from.",
    trees=TREES,
    to_canonical="pphysml.tasks.lcag.reading.leaf_momenta:from_transverse",
    padding=("pt", "eta", "phi"),
    fields=(*IDS, *PT_ETA_PHI, _energy(required=False), _mass(only_named=False), *OF_LEAVES),
)


def _feature(name: str, help: str, *aliases: str, unit: str = "GeV", **others: Any) -> Field:
    return Field(name, "particle", "float64", help, unit=unit, counter="n_particles", aliases=aliases, **others)


def _matrix(k: int) -> tuple[Field, Field]:
    help = f"Matrix of the classes of the lowest common ancestors of LCA_leaves_{k}, n_LCA_leaves_{k} squared, row after row."
    return (
        Field(f"LCA_leaves_{k}", "label", "int32", f"Monte Carlo index of each leaf of tree {k}.",
              counter=f"n_LCA_leaves_{k}", truth=True),
        Field(f"LCAS_{k}", "pair", "uint8", help, counter=f"n_LCA_{k}", truth=True),
    )


GRAFEI = Layout(
    name="grafei",
    help="Training ntuples of graFEI as basf2 writes them; the truth is LCAS (data.classes=stages).",
    trees=("Tree",),
    to_canonical="pphysml.tasks.lcag.reading.grafei:to_canonical",
    missing=0.0,
    fields=(
        *IDS,
        _feature("feat_px", "Momentum, x component.", required=True),
        _feature("feat_py", "Momentum, y component.", required=True),
        _feature("feat_pz", "Momentum, z component.", required=True),
        _feature("feat_E", "Energy.", "feat_e", "feat_energy", minimum=0.0),
        _feature("feat_mass", "Mass, where there is no energy.", "feat_M"),
        _assumed("n_particles"),
        _feature("feat_charge", "Charge, for --match, mass hypotheses and data.pid.", unit=""),
        Field("mcPDG", "label", "int32", "True PDG id of each particle, for data.hypotheses.", counter="n_particles", truth=True),
        Field("leaves", "label", "int32", "Monte Carlo index of each particle, -1 for unmatched.", counter="n_particles", truth=True),
        Field("primary", "label", "bool", "Whether each particle is a primary one; others are background.", counter="n_particles", truth=True),
        *_matrix(1),
        *_matrix(2),
        *OTHERS,
    ),
)

LAYOUTS = (LEAVES, GRAFEI, MOMENTA, TRANSVERSE)

OUTPUT_FIELDS = (
    *IDS,
    Field("n_leaves", "event", "int32", "Number of leaves."),
    Field("lcag", "pair", "uint8", "Decoded matrix, n_leaves x n_leaves, row after row; a valid tree.", counter="n_pairs"),
    Field("lcag_raw", "pair", "uint8", "Most probable class of each matrix element by itself.", counter="n_pairs"),
    Field("prob", "pair", "float32", "Probability of the decoded class of each element.", counter="n_pairs"),
    Field("raw_valid", "event", "bool", "Whether `lcag_raw` is a valid tree."),
    Field("component", "particle", "int16", "Number of the tree that each leaf belongs to, -1 for none, -2 for a given signal side.", counter="n_leaves"),
    Field("bkg_prob", "particle", "float32", "Probability of each leaf to belong to no tree; only if the model allows for that.", counter="n_leaves"),
    Field("mass_hypothesis", "particle", "int32", "Most probable of data.hypotheses for each leaf, absolute PDG id; 0 for none of them; only if the model has them.", counter="n_leaves"),
    Field("mass_hypothesis_prob", "particle", "float32", "Its probability.", counter="n_leaves"),
    Field("parent", "node", "int32", "Parent of each node, -1 for a root; leaves first, a root last; empty if `lcag` is no tree (possible with argmax only).", counter="n_nodes"),
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
    Field("signal_side", "particle", "bool", "Whether each leaf is of the given signal side, which is in no tree; only with --signal-side.", counter="n_leaves"),
    Field("template_match", "event", "int32", "Number of nodes below which the template of --match is found, all leaves used."),
    Field("template_node", "event", "int32", "First of these nodes, -1 if there is none."),
)
