"""Numbers of decays against the text of their canonical form."""

from __future__ import annotations

import numpy as np

from pphysml.io.ragged import Ragged
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation
from pphysml.tasks.lcag.trees.matrices import matrix_to_parent
from pphysml.tasks.lcag.trees.nested_trees import canonical_form
from pphysml.tasks.lcag.trees.tree_kinds import tree_kinds


def test_events_share_a_number_exactly_if_they_share_the_canonical_form():
    config = LcagConfig.model_validate({"simulation": {"n_topologies": 60, "smearing": 0.01}})
    examples = assemble(LcagSimulation(config, 3).block(0, 600), None, config)[0]
    p4, lcag = examples["p4"], examples["lcag"]
    parent, _ = matrix_to_parent(lcag, p4.counts)
    mass = Ragged(np.sqrt(np.maximum(p4.flat[:, 3] ** 2 - (p4.flat[:, :3] ** 2).sum(1), 0)).round(3), p4.offsets)
    forms = [canonical_form(parent[k], mass[k]) for k in range(600)]
    kinds = tree_kinds(p4, lcag)
    pairs = set(zip(forms, kinds.tolist(), strict=True))
    assert len(pairs) == len(set(forms)) == len(set(kinds.tolist())) > 50
