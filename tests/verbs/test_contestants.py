"""Several models and engines in one evaluation."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pphysml.errors import ConfigError, ModelError
from pphysml.evaluation.comparison import mcnemar
from pphysml.model_file import load_model, save_model
from pphysml.registry import get_task
from pphysml.verbs.contestants import chosen_contestants, contestants, model_names
from pphysml.verbs.engine_choice import EngineChoice, find_model
from pphysml.verbs.evaluate import evaluate
from pphysml.verbs.inputs import Inputs

LCAG = get_task("lcag")
SAMPLE = Inputs(["data/lcag_leaves.root"], max_entries=150)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three run folders: two hold the shipped weights, one of them blurred ones."""
    folder = tmp_path_factory.mktemp("runs")
    shipped = load_model(find_model(LCAG, "paper"), "lcag")
    paths = [folder / "a" / "run", folder / "b" / "run", folder / "blurred"]
    for path in paths:
        path.mkdir(parents=True)
        save_model(path / "model.safetensors", shipped)
    shipped.network = {name: value * 0.6 if value.ndim == 2 else value for name, value in shipped.network.items()}
    save_model(paths[2] / "model.safetensors", shipped)
    return [str(path) for path in paths]


def test_each_model_has_its_own_column_and_the_numbers_that_it_has_alone(runs, tmp_path, monkeypatch):
    choice = EngineChoice(device="cpu")
    results = evaluate(LCAG, SAMPLE, choice, engines=["network", "massline"], models=[runs[0], runs[2]], output=tmp_path / "report")
    assert list(results) == ["network-run", "network-blurred", "massline"]
    alone = evaluate(LCAG, SAMPLE, EngineChoice(model=runs[2], device="cpu"))
    assert alone["network"].metrics == results["network-blurred"].metrics
    for name in ("network-run", "network-blurred"):
        written = json.loads((tmp_path / "report" / f"metrics-{name}.json").read_text())
        assert written["metrics"][0]["value"] == results[name].metrics[0].value
        assert list((tmp_path / "report/plots" / name).glob("*.png"))
    good, blurred = (results[name].cases["perfect"] for name in ("network-run", "network-blurred"))
    assert good.mean() > blurred.mean() + 0.05
    text = (tmp_path / "report/report.html").read_text()
    assert "network-run against network-blurred" in text and f"{mcnemar(good, blurred).sigma:.4g}" in text
    assert "model of network-blurred" in text and "massline: massline has the configuration of the model run." in text


def test_names_are_as_short_as_they_can_be(runs, tmp_path):
    assert model_names(LCAG, [runs[0], runs[2], "detector"]) == ["run", "blurred", "detector"]
    assert model_names(LCAG, runs[:2]) == ["a-run", "b-run"]
    beside = tmp_path / "run.safetensors"
    shutil.copy(f"{runs[0]}/model.safetensors", beside)
    (tmp_path / "run").mkdir()
    shutil.copy(beside, tmp_path / "run/model.safetensors")
    assert len(set(model_names(LCAG, [str(beside), str(tmp_path / "run")]))) == 2


@pytest.mark.parametrize(("engines", "models", "words"), [
    (["network"], ["paper", "paper"], "--model paper is given twice"), (["massline", "massline"], [], "--engine massline is given twice"),
    (["massline"], ["paper", "detector"], "massline takes no weights"), (["masline"], ["paper", "detector"], "Did you mean 'massline'"),
])
def test_what_cannot_be_compared_is_refused(engines, models, words):
    with pytest.raises(ConfigError, match=words):
        contestants(LCAG, EngineChoice(), engines, models)


def test_a_model_under_two_names_is_one_model_and_a_mistyped_one_has_neighbours(runs):
    with pytest.raises(ConfigError, match="is given twice"):
        contestants(LCAG, EngineChoice(), [], [runs[0], f"{runs[0]}/model.safetensors"])
    with pytest.raises(ModelError, match="Did you mean 'detector'"):
        contestants(LCAG, EngineChoice(), [], ["paper", "detektor"])


def test_a_model_of_petnet_is_taken_by_its_own_engine():
    task = get_task("petnet")
    choice = EngineChoice(device="cpu")
    field = chosen_contestants(task, contestants(task, choice, ["pairs", "likelihood", "snn"], ["toy-snn", "pairs"]))
    assert [entrant.name for entrant, _ in field] == ["pairs-pairs", "likelihood", "snn-toy-snn"]
    with pytest.raises(ModelError, match="give --engine snn"):
        chosen_contestants(task, contestants(task, choice, ["pairs"], ["toy-snn", "pairs"]))
    with pytest.raises(ModelError):
        chosen_contestants(task, contestants(task, choice, ["pairs", "snn"], ["toy-snn", "published-snn"]))


def test_code_is_for_the_models_that_have_their_own(runs, tmp_path):
    own = load_model(find_model(LCAG, "paper"), "lcag")
    own.header["model_code"] = {"name": "mine.py:Mine", "sha256": "0" * 64}
    save_model(tmp_path / "own.safetensors", own)
    found = contestants(LCAG, EngineChoice(code=Path("mine.py")), ["network"], [str(tmp_path / "own.safetensors"), runs[0]])
    assert [(c.name, c.choice.code) for c in found] == [("network-own", Path("mine.py")), ("network-run", None)]
    # Where none has, all are given it, and refuse it.
    assert {c.choice.code for c in contestants(LCAG, EngineChoice(code=Path("mine.py")), ["network"], [runs[0], runs[2]])} == {Path("mine.py")}


def test_several_engines_of_petnet_take_their_own_weights():
    found = contestants(get_task("petnet"), EngineChoice(), ["likelihood", "pairs"], [])
    assert [(c.name, c.choice.engine, c.choice.model) for c in found] == [("likelihood", "likelihood", None), ("pairs", "pairs", None)]
