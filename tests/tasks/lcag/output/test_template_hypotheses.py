"""Templates against mass hypotheses: those of the input, else those that the network has found, else masses."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.output.last_step import LcagLastStep

PION, KAON, D0 = 0.13957039, 0.493677, 1.86484
P = np.sqrt((D0**2 - (KAON + PION) ** 2) * (D0**2 - (KAON - PION) ** 2)) / (2 * D0)


def pairs(*masses):
    """Columns of decoded events of two leaves, back to back with the momenta of D0 -> K pi, with energies of some masses."""
    energies = np.sqrt(P**2 + np.array(masses) ** 2)
    two, three = (np.arange(len(masses) + 1) * k for k in (2, 3))
    columns = {"parent": Ragged(np.tile([2, 2, -1], len(masses)).astype(np.int32), three)}
    px = np.tile([P, -P, 0.0], len(masses))
    e = np.column_stack([energies, energies.sum(1)]).ravel()
    values = {"node_px": px, "node_py": 0 * px, "node_pz": 0 * px, "node_e": e, "node_mass": np.sqrt(e**2 - px**2)}
    return columns | {name: Ragged(v, three) for name, v in values.items()}, two


def matched(columns, config, **examples):
    step = LcagLastStep(LcagConfig(**config))
    return step(examples, columns)["template_match"].tolist(), step.facts({})["match_by"]


def options(template="D0 -> K- pi+", window=None, hypotheses=()):
    return {"apply": {"match": template, "match_window": window}, "data": {"hypotheses": list(hypotheses)}}


def test_predicted_hypotheses_are_compared_instead_of_masses():
    columns, leaves = pairs((PION, PION), (PION, PION), (KAON, PION), (PION, PION))
    predicted = Ragged(np.array([321, 211, 211, 211, 211, 321, 321, 0]), leaves)
    assert matched(columns, options()) == ([0, 0, 1, 0], "masses")
    columns["mass_hypothesis"] = predicted
    count, by = matched(columns, options(hypotheses=[211, 321]))
    # A leaf that is none of the candidates is no pion, whatever its mass.
    assert count == [1, 0, 1, 0] and "of the network" in by
    # All masses are those of the hypotheses: 1.70 GeV by the energies of two pions, 1.86 GeV by these.
    assert matched(columns, options(window=0.005, hypotheses=[211, 321]))[0] == [1, 0, 1, 0]
    assert matched(columns, options(window=1e-9, template="2.0 -> K- pi+", hypotheses=[211, 321]))[0] == [0, 0, 0, 0]


def test_hypotheses_of_the_input_go_before_those_of_the_network():
    columns, leaves = pairs((PION, PION), (PION, PION), (KAON, PION))
    columns["mass_hypothesis"] = Ragged(np.full(6, 211), leaves)
    assumed = Ragged(np.array([321, 211, 211, 211, 0, 0]), leaves)
    count, by = matched(columns, options(hypotheses=[211, 321]), assumed=assumed)
    # What the input takes for nothing is compared by its mass.
    assert count == [1, 0, 1] and by == "hypotheses of the input"


def test_particles_that_are_no_candidate_are_compared_by_their_masses():
    columns, leaves = pairs((0.0, PION), (KAON, PION))
    columns["mass_hypothesis"] = Ragged(np.array([0, 211, 0, 211]), leaves)
    assert matched(columns, options("rho(770)+ -> gamma pi+", hypotheses=[211, 321]))[0] == [1, 0]


@pytest.mark.parametrize("template", ["(0.13957 *)", "(* *)"])
def test_masses_and_stars_ask_for_no_hypothesis(template):
    columns, leaves = pairs((PION, KAON), (KAON, KAON))
    columns["mass_hypothesis"] = Ragged(np.full(4, 321), leaves)
    assert matched(columns, options(template, hypotheses=[321])) == ([1, 0] if "0" in template else [1, 1], "masses")


def test_an_event_without_a_tree_has_no_match():
    columns, leaves = pairs((PION, PION), (PION, PION))
    for name in list(columns):
        columns[name] = Ragged.from_counts(columns[name].flat[3:], np.array([0, 3]))
    columns["mass_hypothesis"] = Ragged(np.array([321, 211, 321, 211]), leaves)
    assert matched(columns, options(hypotheses=[211, 321]))[0] == [0, 1]
