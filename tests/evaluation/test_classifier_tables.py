"""Metrics and tables of classifiers carry the numbers of the statistics, and a report takes them."""

import json

import numpy as np

from pphysml.evaluation import classifier_tables as t
from pphysml.evaluation.class_separation import pairwise_auc
from pphysml.evaluation.mass_fit import Uncertainty, fit_mass
from pphysml.evaluation.mass_templates import Jets, Yields
from pphysml.evaluation.report import write_json, write_report
from pphysml.evaluation.result import Evaluation
from pphysml.evaluation.roc import auc, rejection, roc
from pphysml.evaluation.sculpting import sculpting_of
from pphysml.evaluation.working_points import Binning, ScoredJets, Target, working_points

RNG = np.random.default_rng(0)
SIGNAL = RNG.random(4000) < 0.5
SCORE = RNG.normal(size=4000) + 2.2 * SIGNAL
MASS = np.where(SIGNAL, RNG.normal(100, 10, 4000), 50 + RNG.exponential(50, 4000))


def test_metrics_state_a_bound_where_few_jets_pass():
    curve = roc(SCORE, SIGNAL)
    metrics = {metric.name: metric for metric in t.separation_metrics(curve)}
    assert list(metrics) == ["auc", "rejection_30", "rejection_50", "rejection_70"]
    assert metrics["auc"].value == auc(curve).value
    few, many = rejection(curve, 0.3), rejection(curve, 0.7)
    assert few.few and not many.few
    assert f"at least {few.bound:.4g}" in metrics["rejection_30"].definition and "at least" not in metrics["rejection_70"].definition
    assert (metrics["rejection_70"].value, metrics["rejection_70"].n) == (many.value, (~SIGNAL).sum())
    rows = t.rejection_rows({"a": curve, "b": roc(-SCORE, SIGNAL)})
    assert [row["at least (95 %)"] for row in rows[:3]] == [few.bound, rejection(curve, 0.5).bound, None]
    assert [row["score"] for row in rows] == ["a"] * 3 + ["b"] * 3 and rows[2]["low"] == many.low


def test_a_report_takes_every_table(tmp_path):
    found, corrected = sculpting_of(SCORE[~SIGNAL] > 0.5, {"mass": MASS[~SIGNAL], "pt": RNG.random((~SIGNAL).sum())})
    u = Uncertainty(0.1, 0.2)
    fit = fit_mass(SCORE > 1, Jets(MASS, SIGNAL), np.arange(50, 201, 15), Yields(100, 5000), u, 20)
    scored = ScoredJets(SCORE, SIGNAL.astype(int), ("qcd", "top"), values=MASS)
    points = working_points([Target("50%", ("top",), 0.5)], scored, scored, Binning("mass", (50, 100, 200), "GeV"))
    probability = 1 / (1 + np.exp(-SCORE))
    pairs, _ = pairwise_auc(np.column_stack([1 - probability, probability]), SIGNAL, ("qcd", "top"))
    tables = {"sculpting": t.sculpting_rows(found, corrected), "significance": t.significance_rows({"net": {u: fit}}),
              "points": t.working_point_rows(points), "pairs": t.pair_rows(pairs), "rejection": t.rejection_rows({"net": roc(SCORE, SIGNAL)})}
    evaluation = Evaluation(t.separation_metrics(roc(SIGNAL, SIGNAL)), tables)
    write_report(tmp_path / "a.html", evaluation, title="t", facts={})
    write_json(tmp_path / "a.json", evaluation)
    read = json.loads((tmp_path / "a.json").read_text())
    assert [len(rows) for rows in read["tables"].values()] == [3, 1, 4, 1, 3]
    assert all(len({tuple(row) for row in rows}) == 1 for rows in read["tables"].values())
    assert read["tables"]["significance"][0]["significance of the fit"] == fit.value
    assert read["tables"]["sculpting"][2]["p-value, corrected"] == corrected["mass, pt"]
    chosen = points.points["50%"].efficiency["qcd"]
    row = next(row for row in read["tables"]["points"] if row["class"] == "qcd" and row["mass from"] == 100)
    assert (row["efficiency"], row["low"], row["high"]) == tuple(end[1] for end in chosen)
    assert read["tables"]["pairs"][0]["AUC"] == pairs["qcd", "top"].value
    assert read["metrics"][1]["value"] is None and "at least" in read["metrics"][1]["definition"]
