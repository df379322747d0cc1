"""Templates against a search over all permutations; what the texts mean, and what they must not be."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from pphysml.errors import ConfigError
from pphysml.io.ragged import Ragged
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.output.columns import node_momenta
from pphysml.tasks.lcag.output.template import read_template
from pphysml.tasks.lcag.output.template_matching import match_columns
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation
from pphysml.tasks.lcag.trees.matrices import matrix_to_parent
from pphysml.tasks.lcag.trees.nested_trees import from_nested


def random_tree(rng, n):
    """Return nested lists of leaves 0...n-1, two to four children a node."""
    nodes = list(range(n))
    while len(nodes) > 1:
        size = min(int(rng.integers(2, 5)), len(nodes))
        rng.shuffle(nodes)
        nodes = [*nodes[size:], nodes[:size]]
    return nodes[0]


def search(trees, masses, text, **options):
    """Return the columns of trees as parent arrays with the masses of all their nodes."""
    columns = {"parent": Ragged.from_rows(trees, np.int32), "node_mass": Ragged.from_rows(masses, np.float64)}
    return match_columns(read_template(text, **{"tolerance": 0.01, **options}), columns)


def same(parent, mass, node, template, tolerance, window):
    """Whether a node is the template, by trying all permutations of the children everywhere."""
    label, parts = template
    children = np.flatnonzero(parent == node)
    if len(children) != len(parts):
        return False
    if label != "*" and abs(mass[node] - float(label)) > (window if parts else tolerance):
        return False
    return any(
        all(same(parent, mass, c, p, tolerance, window) for c, p in zip(children, order, strict=True))
        for order in permutations(parts)
    )


def write(template):
    label, parts = template
    return label + (f"({' '.join(map(write, parts))})" if parts else "")


def labelled(rng, nested, leaf_labels, inner_labels):
    if not isinstance(nested, list):
        return str(rng.choice(leaf_labels)), []
    return str(rng.choice(inner_labels)), [labelled(rng, n, leaf_labels, inner_labels) for n in nested]


def test_every_permutation_is_tried():
    # At this tolerance 1.2 fits two labels, and so does 1.6: children have to be paired, not sorted.
    rng = np.random.default_rng(0)
    trees = [from_nested(random_tree(rng, n)) for n in rng.integers(2, 9, 150)]
    masses = [np.concatenate([rng.choice([1.0, 1.2, 1.6, 2.0], n), rng.choice([5.0, 6.0], len(p) - n)]) for p, n in trees]
    parents = [p for p, _ in trees]
    matched = 0
    for _ in range(60):
        template = labelled(rng, random_tree(rng, rng.integers(2, 6)), ["*", "1.0", "1.4", "1.8"], ["*", "*", "5"])
        found = search(parents, masses, write(template), tolerance=0.25, window=0.5)
        for event, (parent, mass) in enumerate(zip(parents, masses, strict=True)):
            nodes = [k for k in range(len(parent)) if same(parent, mass, k, template, 0.25, 0.5)]
            assert found["template_match"][event] == len(nodes)
            assert found["template_node"][event] == (nodes[0] if nodes else -1)
            matched += bool(nodes)
    assert matched > 500


def simulated(order_seed=None, **simulation):
    """Return columns of true trees, leaves in the simulated order or another one."""
    block = LcagSimulation(LcagConfig.model_validate({"simulation": simulation}), 3).block(0, 300)
    n = block["px"].counts
    p4 = np.stack([block[k].flat for k in ("px", "py", "pz", "e")], -1)
    matrices = []
    for event in range(300):
        order = np.arange(n[event])
        if order_seed is not None:
            order = np.random.default_rng(order_seed + event).permutation(order)
        start = block["px"].offsets[event]
        p4[start : start + n[event]] = p4[start + order]
        matrices.append(block["lcag"][event].reshape(n[event], -1)[order][:, order].ravel())
    parent, _ = matrix_to_parent(Ragged.from_rows(matrices), n)
    nodes = node_momenta(p4, block["px"].offsets, parent.flat, parent.offsets)
    mass = np.sqrt(np.maximum(nodes[:, 3] ** 2 - (nodes[:, :3] ** 2).sum(-1), 0))
    return {"parent": parent, "node_mass": Ragged(mass, parent.offsets)}, block["topology"]


def decay_of(columns, event, node=None):
    """Write a decoded tree with the masses of all nodes, as topologies are written."""
    parent, mass = columns["parent"][event], columns["node_mass"][event]
    node = len(parent) - 1 if node is None else node
    children = [decay_of(columns, event, k) for k in np.flatnonzero(parent == node)]
    return f"{mass[node]:.6g}" + (f"({' '.join(children)})" if children else "")


def test_the_order_of_leaves_plays_no_role():
    (given, _), (shuffled, _) = simulated(), simulated(order_seed=5)
    counts = []
    for text in ["((* *) *)", "(1 2)", "(* 3)", "25(* * *)", decay_of(given, 0)]:
        template = read_template(text, 0.01, 0.01)
        a, b = match_columns(template, given), match_columns(template, shuffled)
        np.testing.assert_array_equal(a["template_match"], b["template_match"])
        counts.append((a["template_match"] > 0).sum())
    assert all(counts)


def test_events_of_one_topology_are_found_by_their_decay_and_no_other():
    columns, topology = simulated(n_topologies=8)
    for chosen in np.unique(topology):
        text = decay_of(columns, int(np.flatnonzero(topology == chosen)[0]))
        found = match_columns(read_template(text, 0.01, 0.01), columns)
        assert (found["template_match"][topology == chosen] == 1).all()
        size = columns["parent"].counts
        # A smaller decay may be a part of a larger one.
        alike = size == size[np.flatnonzero(topology == chosen)[0]]
        assert not found["template_match"][alike & (topology != chosen)].any()


B_TO_D_PI = np.array([4, 4, 4, 5, 5, -1])
B_MASSES = [0.494, 0.1396, 0.1395, 0.14, 1.870, 5.28]


@pytest.mark.parametrize(("text", "window", "matches"), [
    ("B0 -> (D- -> K+ pi- pi-) pi+", None, 1),
    ("B0 -> pi+ [D- -> pi- K+ pi-]", 0.02, 1),
    ("[anti-B0 -> [D+ -> K- pi+ pi+] pi-]", 0.02, 1),
    ("D- -> K+ pi- pi-", 0.02, 1),
    ("D_s+ -> K+ pi- pi-", None, 1),
    ("D_s+ -> K+ pi- pi-", 0.02, 0),
    ("D- -> K+ pi- K-", None, 0),
    ("B0 -> K+ pi- pi- pi+", None, 0),
    ("((K+ * *) *)", None, 1),
    ("((0.494 0.14 *) pi+)", None, 1),
    ("(K+ * *)", None, 1),
    ("(* *)", None, 0),
])
def test_labels_are_masses(text, window, matches):
    found = search([B_TO_D_PI], [B_MASSES], text, window=window)
    assert found["template_match"].tolist() == [matches]
    expected = (4 if text.startswith(("D", "(K")) else 5) if matches else -1
    assert found["template_node"].tolist() == [expected]


def test_a_leaf_that_fits_two_labels_leaves_the_other_for_its_sibling():
    for masses in ([1.2, 1.6, 9.0], [1.6, 1.2, 9.0]):
        for text in ("(1.0 1.4)", "(1.4 1.0)"):
            assert search([np.array([2, 2, -1])], [masses], text, tolerance=0.25)["template_match"] == [1]
    assert search([np.array([2, 2, -1])], [[1.2, 1.2, 9.0]], "(1.4 1.6)", tolerance=0.25)["template_match"] == [0]


def test_all_trees_of_an_event_are_searched():
    # Two equal trees, a background leaf, and an event whose matrix was no tree.
    forest = np.array([5, 5, 6, 6, -1, -1, -1])
    found = search([forest, []], [[1, 2, 2, 1, 1, 9, 9], []], "(1 2)")
    assert found["template_match"].tolist() == [2, 0]
    assert found["template_node"].tolist() == [5, -1]
    assert found["template_match"].dtype == np.int32


def arrays(template):
    # None where there is no charge, as NaN does not equal itself.
    charges = [None if np.isnan(q) else q for q in template.charge]
    return [charges, *(a.tolist() for a in (template.low, template.high, template.children, template.child_at))]


def test_all_ways_to_write_a_decay_agree(tmp_path):
    expected = arrays(read_template("B0 -> (D- -> K+ pi- pi-) pi+", 0.01, 0.02))
    path = tmp_path / "decay.yaml"
    for text in ("B0: [D-: [K+, pi-, pi-], pi+]", "B0:\n- D- -> K+ pi- pi-\n- pi+\n", "B0 -> D-(K+ pi- pi-) pi+"):
        path.write_text(text)
        assert arrays(read_template(str(path), 0.01, 0.02)) == expected
    for text in ("B0->(D-->K+ pi- pi-)pi+", "[B0 -> [D- -> K+ pi- pi-] pi+]", "B0(D-(K+ pi- pi-) pi+)"):
        assert arrays(read_template(text, 0.01, 0.02)) == expected
    path.write_text('[["*", "*"], 5]')
    assert arrays(read_template(str(path), 0.01)) == arrays(read_template("((* *) 5)", 0.01))


def test_brackets_inside_a_name_belong_to_it():
    for long, short in (("K(S)0", "K_S0"), ("D(s)+", "D_s+"), ("D*(2010)+", "D*+"), ("J/psi(1S)", "J/psi")):
        for text in ("{} -> e+ e-", "({} e-)", "[B0 -> {} e-]", "5({} e-)", "{}(e+ e- gamma)"):
            written = (read_template(text.format(name), 0.01, 0.1) for name in (long, short))
            first, second = map(arrays, written)
            assert first == second


@pytest.mark.parametrize(("text", "message"), [
    ("", "it is empty"),
    ("*", "is one particle"),
    ("pi+", "is one particle"),
    ("* *", "put brackets around it"),
    ("(* *", "')' is missing"),
    ("(* *]", "']' closes nothing"),
    ("(* *))", "')' closes nothing"),
    ("((* *))", "two or more children, not 1"),
    ("D0 -> K-", "two or more children, not 1"),
    ("D0 -> ", "two or more children, not 0"),
    ("-> K- pi+", "an arrow must follow"),
    ("B -> D -> K- pi+", "an arrow must follow"),
    ("(K- pi+) -> K- pi+", "an arrow must follow"),
    ("5(D0 -> K- pi+)", "'5' and 'D0' name the same node"),
    ("D0 -> K- pi", "no particle 'pi'. Did you mean 'pi0'"),
    ("D0 -> K- Jpsi", "Did you mean 'J/psi'"),
    ("Xyzzy99 -> K- pi+", "PDG or of EvtGen"),
    ("W- -> mu- nu_mu", "is not known; give a number"),
    ("(-1 2)", "'-1' is not a mass"),
    ("(1 nan)", "'nan' is not a mass"),
    ("(1 inf)", "'inf' is not a mass"),
    ("none.yaml", "none.yaml: cannot be read"),
])
def test_what_is_no_template_is_refused(text, message):
    with pytest.raises(ConfigError) as caught:
        read_template(text, 0.01)
    assert message in str(caught.value)


@pytest.mark.parametrize(("content", "message"), [
    ("[*, 5]", "needs quotes"),
    ("[yes, 5]", "True is no label"),
    ("[[1, 2], ]\n- 3", "not valid YAML"),
    ("{B0: [pi+, pi-], D0: [K+, K-]}", "is no decay"),
    ("B0: pi+", "is no decay"),
    ("[[1], 2]", "two or more children, not 1"),
    ("", "None is no label"),
    ("5", "is one particle"),
    ("[pi+, 'pi+ pi-']", "put brackets around it"),
])
def test_files_without_a_template_are_refused_by_name(content, message, tmp_path):
    path = tmp_path / "decay.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        read_template(str(path), 0.01)
    assert message in str(caught.value) and str(path) in str(caught.value)
