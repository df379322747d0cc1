"""Metrics against numbers by hand, brute force, and what must not change them."""

import numpy as np
import pytest

from pphysml.errors import InputError
from pphysml.evaluation.uncertainty import wilson
from pphysml.io.ragged import Ragged, concatenate, slice_rows
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.judging.event_outcomes import node_masses, wrong_elements
from pphysml.tasks.lcag.judging.metrics import LcagEvaluator
from pphysml.tasks.lcag.output.columns import Reconstruction, output_columns
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation
from pphysml.tasks.lcag.trees.validity_rules import ONE_TREE

ONE = [0]
PAIR = [0, 1, 1, 0]
FLAT = [0, 1, 1, 1, 0, 1, 1, 1, 0]
CHAIN = [0, 1, 2, 1, 0, 2, 2, 2, 0]
NO_TREE = [0, 1, 2, 1, 0, 1, 2, 1, 0]
GAP = [0, 2, 2, 2, 0, 2, 2, 2, 0]


def sample(truth, decoded, raw=None, **columns):
    """Examples and predictions from lists of flat matrices."""
    matrices = [Ragged.from_rows(m, np.uint8) for m in (truth, decoded, raw or decoded)]
    n = np.sqrt(matrices[0].counts).astype(int)
    examples = {"p4": Ragged.from_counts(np.ones((n.sum(), 4)), n), "lcag": matrices[0]}
    predictions = {"n_leaves": n, "lcag": matrices[1], "lcag_raw": matrices[2]}
    for name, value in columns.items():
        (examples if name in ("topology", "weight") else predictions)[name] = np.asarray(value)
    return examples, predictions


def simulated(n=400, wrong=0.3, **columns):
    """Simulated decays; some are answered with the tree of another event of equal size."""
    block = LcagSimulation(LcagConfig(), 5).block(0, n)
    rng = np.random.default_rng(1)
    size = block["px"].counts
    source = np.arange(n)
    for leaves in np.unique(size):
        rows = np.flatnonzero(size == leaves)
        source[rows] = np.where(rng.random(len(rows)) < wrong, np.roll(rows, 1), rows)
    decoded = block["lcag"].take(source)
    raw = np.where((rng.random(len(decoded.flat)) < 0.02) & (decoded.flat > 0), 1, decoded.flat).astype(np.uint8)
    p4 = np.stack([block[k].flat for k in ("px", "py", "pz", "e")], -1)
    examples = {"p4": Ragged(p4, block["px"].offsets), "lcag": block["lcag"], "topology": block["topology"]}
    found = Reconstruction(decoded, Ragged(raw, decoded.offsets), None, np.zeros(n),
                           np.where(size == 2, np.inf, rng.exponential(size=n)), rng.random(n), np.ones(n, bool))
    return examples, {**output_columns(examples, found, ONE_TREE), **columns}


def evaluate(*chunks):
    evaluator = LcagEvaluator(LcagConfig())
    for examples, predictions in chunks:
        evaluator.update(examples, predictions)
    return evaluator.result()


def values(evaluation):
    return {m.name: m.value for m in evaluation.metrics}


def test_numbers_by_hand():
    truth = [ONE, PAIR, CHAIN, FLAT, []]
    decoded = [ONE, PAIR, CHAIN, CHAIN, []]
    raw = [ONE, PAIR, NO_TREE, FLAT, []]
    result = evaluate(sample(truth, decoded, raw, raw_valid=[True, True, False, True, True]))
    found = {m.name: m for m in result.metrics}
    assert found["perfect_lcag"].value == pytest.approx(2 / 3)
    assert found["perfect_lcag_raw"].value == pytest.approx(2 / 3)
    assert found["perfect_lcag"].n == 3
    np.testing.assert_allclose((found["perfect_lcag"].low, found["perfect_lcag"].high), wilson(2, 3)[1:])
    assert found["element_accuracy"].value == pytest.approx(5 / 7)
    assert found["element_accuracy_raw"].value == pytest.approx(6 / 7)
    assert found["element_accuracy"].n == 7
    assert found["valid_fraction_raw"].value == pytest.approx(2 / 3)
    assert found["valid_fraction"].value == 1
    assert not [name for name in found if "mean" in name or "calibration" in name]
    assert any("2 events of fewer than two leaves" in note for note in result.notes)
    assert result.cases["perfect"].tolist() == [True, True, False]
    assert result.cases["perfect_raw"].tolist() == [True, False, True]


def test_decoded_validity_is_checked_not_believed():
    result = evaluate(sample([CHAIN] * 4, [CHAIN, NO_TREE, GAP, FLAT]))
    assert values(result)["valid_fraction"] == 0.5


def test_wrong_elements_equal_brute_force():
    rng = np.random.default_rng(0)
    n = rng.integers(0, 9, 200)
    a, b = (Ragged.from_counts(rng.integers(0, 3, (n**2).sum()), n**2) for _ in "ab")
    expected = [
        sum(a[e].reshape(m, m)[i, j] != b[e].reshape(m, m)[i, j] for i in range(m) for j in range(m) if i != j)
        for e, m in enumerate(n)
    ]
    assert wrong_elements(a, b, n).tolist() == expected
    with pytest.raises(ValueError, match="n_leaves x n_leaves"):
        wrong_elements(a, b, n + 1)


def test_diagonal_does_not_count():
    matrix = np.array(CHAIN)
    matrix[[0, 4, 8]] = 7
    result = evaluate(sample([CHAIN, CHAIN], [CHAIN, CHAIN], [matrix, matrix]))
    assert values(result)["perfect_lcag_raw"] == 1


def test_leaves_limit_the_sample():
    big = {n: (1 - np.eye(n, dtype=int)).ravel() for n in (6, 7, 10, 11)}
    wrong = {n: 2 * m for n, m in big.items()}
    result = evaluate(sample([big[6], big[7], big[10], big[11]], [big[6], wrong[7], big[10], wrong[11]]))
    found = {m.name: (m.value, m.n) for m in result.metrics}
    assert found["perfect_lcag_up_to_6"] == (1.0, 1)
    assert found["perfect_lcag_up_to_10"] == (pytest.approx(2 / 3), 3)
    assert found["perfect_lcag"] == (0.5, 4)


def test_topologies_count_alike():
    truth = [PAIR] * 8 + [CHAIN] * 2
    result = evaluate(sample(truth, [PAIR] * 8 + [FLAT] * 2, topology=[3] * 8 + [9] * 2))
    found = values(result)
    assert found["perfect_lcag"] == 0.5
    assert found["perfect_lcag_event_mean"] == 0.8
    assert [row["topology"] for row in result.tables["The ten worst topologies"]] == [9, 3]
    even = evaluate(sample(truth, [PAIR] * 8 + [FLAT] * 2, topology=np.arange(10) % 2))
    assert values(even)["perfect_lcag"] == pytest.approx(values(even)["perfect_lcag_event_mean"])


def test_weights_count_where_there_are_any():
    chunk = sample([PAIR, CHAIN], [PAIR, FLAT], weight=[3.0, 1.0])
    assert values(evaluate(chunk))["perfect_lcag_weighted"] == 0.75
    assert values(evaluate(chunk))["perfect_lcag"] == 0.5


def test_chunks_add_up():
    examples, predictions = simulated(300)
    whole = evaluate((examples, predictions))
    parts = [(slice_rows(examples, a, b), slice_rows(predictions, a, b)) for a, b in ((0, 1), (1, 120), (120, 120), (120, 300))]
    assert evaluate(*parts).metrics == whole.metrics
    assert evaluate(*parts).tables == whole.tables


def test_naming_the_leaves_otherwise_changes_nothing():
    examples, predictions = simulated(200)
    rng = np.random.default_rng(3)
    order = [rng.permutation(n) for n in examples["p4"].counts]

    def permuted(matrices):
        rows = [matrices[e].reshape(len(o), -1)[np.ix_(o, o)].ravel() for e, o in enumerate(order)]
        return Ragged.from_rows(rows, np.uint8)

    others = {**predictions, "lcag": permuted(predictions["lcag"]), "lcag_raw": permuted(predictions["lcag_raw"])}
    changed = evaluate(({**examples, "lcag": permuted(examples["lcag"])}, others))
    # Masses belong to the momenta, which were left alone; they are in no metric.
    assert changed.metrics == evaluate((examples, predictions)).metrics


def test_tables_hold_every_event_once():
    chunk = simulated(500)
    result = evaluate(chunk)
    for title in ("Perfect trees by number of leaves", "Perfect trees by height of the root",
                  "Perfect trees by height and number of leaves"):
        rows = result.tables[title]
        assert sum(row["events"] for row in rows) == 500
        right = sum(row["events"] * row["perfect"] for row in rows)
        assert right == pytest.approx(result.cases["perfect"].sum())
    height = [matrix.max() for matrix in (chunk[0]["lcag"][e] for e in range(500))]
    cell = result.tables["Perfect trees by height and number of leaves"][0]
    chosen = (np.array(height) == cell["height"]) & (chunk[0]["p4"].counts == cell["leaves"])
    assert cell["events"] == chosen.sum()
    assert cell["perfect"] == pytest.approx(chunk[1]["perfect"][chosen].mean())


def test_calibration_leaves_out_what_has_no_choice_or_probability():
    truth = [PAIR] * 50 + [FLAT] * 100 + [CHAIN] * 100
    decoded = [PAIR] * 50 + [FLAT] * 100 + [FLAT] * 50 + [CHAIN] * 50
    probability = np.repeat([0.1, 1.0, 0.5, -1.0], [50, 100, 99, 1])
    probability[149] = -1
    result = evaluate(sample(truth, decoded, tree_prob=probability.astype(np.float32)))
    found = {m.name: m for m in result.metrics}
    assert found["calibration_error"].n == found["brier_score"].n == 198
    assert found["calibration_error"].value == pytest.approx(0.5 / 198, abs=1e-6)
    assert found["brier_score"].value == pytest.approx(99 * 0.25 / 198)
    assert sum(row["events"] for row in result.tables["Reliability of the tree probability"]) == 198


def test_overconfidence_is_seen():
    decoded = ([FLAT] * 6 + [CHAIN] * 4) * 30
    result = evaluate(sample([FLAT] * 300, decoded, tree_prob=np.full(300, 0.9)))
    assert values(result)["calibration_error"] == pytest.approx(0.3)


def test_classical_engines_have_no_calibration():
    examples, predictions = simulated(50)
    del predictions["tree_prob"]
    result = evaluate((examples, predictions))
    assert not {"calibration_error", "brier_score", "log_loss"} & set(values(result))
    assert not [title for title in (*result.tables, *result.figures) if "probability" in title]


def test_node_masses_are_those_of_the_decays():
    examples, predictions = simulated(300, wrong=0.0)
    masses = node_masses(examples, predictions, predictions["perfect"])
    simulation = LcagConfig().simulation
    known = np.array([simulation.root_mass, *simulation.intermediate_masses])
    assert np.abs(masses.truth[:, None] - known).min(1).max() < 1e-6
    assert (np.abs(masses.truth - simulation.root_mass) < 1e-6).sum() == 300
    np.testing.assert_allclose(np.sort(masses.decoded), np.sort(masses.truth))
    assert masses.perfect.all()


def test_without_truth_there_is_no_evaluation():
    examples, predictions = sample([PAIR], [PAIR])
    del examples["lcag"]
    with pytest.raises(InputError, match="`parent` or `lcag`"):
        evaluate((examples, predictions))


def test_predictions_must_fit():
    examples, predictions = sample([PAIR, PAIR], [PAIR, PAIR])
    with pytest.raises(ValueError, match="2 examples, but 1"):
        evaluate((examples, slice_rows(predictions, 0, 1)))


def test_only_single_leaves():
    result = evaluate(sample([ONE, []], [ONE, []]))
    assert all(m.n == 0 and np.isnan(m.value) for m in result.metrics)
    assert not result.figures
    assert evaluate().metrics


def test_every_figure_is_made():
    chunk = simulated(300)
    two = [concatenate([part, part]) for part in chunk]
    titles = set(evaluate(tuple(two)).figures)
    assert titles == {
        "Perfect trees by number of leaves", "Perfect trees by height and leaves",
        "Reliability of the tree probability", "Margin to the next tree", "Masses of the nodes",
    }


@pytest.mark.parametrize("named", [True, False])
def test_decays_that_are_found_or_not_as_a_whole_have_the_error_of_their_number(named):
    config = LcagConfig.model_validate({"simulation": {"n_topologies": 40, "min_leaves": 4}})
    block = LcagSimulation(config, 5).block(0, 1200)
    size, found = block["px"].counts, block["topology"] % 2 == 0
    flat = Ragged.from_rows([(1 - np.eye(n, dtype=int)).ravel() if not right else block["lcag"][k]
                             for k, (n, right) in enumerate(zip(size, found, strict=True))], np.uint8)
    examples = {"p4": Ragged(np.stack([block[k].flat for k in ("px", "py", "pz", "e")], -1), block["px"].offsets), "lcag": block["lcag"]}
    if named:
        examples["topology"] = block["topology"]
    metrics = {m.name: m for m in evaluate((examples, {"n_leaves": size, "lcag": flat, "lcag_raw": flat})).metrics}
    here, elsewhere = (metrics[name] for name in ("perfect_lcag", "perfect_lcag_other_topologies" if named else "perfect_lcag_other_decays"))
    assert here.value == elsewhere.value
    assert (elsewhere.high - elsewhere.low) / 2 == pytest.approx(0.5 / np.sqrt(40), rel=0.2)
    assert here.high - here.low < 0.5 * (elsewhere.high - elsewhere.low)
    assert "40" in elsewhere.definition and "for just these" in here.definition
