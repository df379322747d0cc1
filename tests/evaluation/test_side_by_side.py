"""Several engines in one table."""

from __future__ import annotations

from pphysml.evaluation.result import Evaluation, Metric
from pphysml.verbs.evaluate import side_by_side


def evaluation(**values: float) -> Evaluation:
    return Evaluation(metrics=[Metric(name, value, value, value, 10, "A number.") for name, value in values.items()])


def test_a_metric_of_one_engine_only_has_its_row() -> None:
    joined = side_by_side({"a": evaluation(f1=0.5, speed=2.0), "b": evaluation(f1=0.75, bias=0.125)})
    assert joined.tables["Engines side by side"] == [
        {"metric": "f1", "a": "0.5 ± 0", "b": "0.75 ± 0"}, {"metric": "speed", "a": "2 ± 0", "b": ""}, {"metric": "bias", "a": "", "b": "0.125 ± 0"}]
