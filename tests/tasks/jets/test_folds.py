"""Folds of events: what a model has left out is what it is judged on, and each event gets the scores of the model that left it out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from pphysml.errors import ConfigError
from pphysml.io.ragged import length
from pphysml.registry import get_task
from pphysml.tasks.jets.judging.jets_seen import JetsSeen
from pphysml.training.config import Folds
from pphysml.training.event_split import fold_numbers
from pphysml.training.sources import FileSource
from pphysml.verbs.apply import apply
from pphysml.verbs.config import configuration
from pphysml.verbs.engine_choice import EngineChoice
from pphysml.verbs.evaluate import evaluate
from pphysml.verbs.inputs import Inputs
from pphysml.verbs.train import train
from pphysml.verbs.training_inputs import TrainingInputs

JETS = get_task("jets")
OPTIONS = ["model.name=score", "model.inputs=[s]", "training.steps=2", "training.batch_size=64", "training.block_size=500", "training.validate_every=2", "data.folds=3"]
EVENTS, N = 400, 1200


@pytest.fixture(scope="module")
def ntuple(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Jets of one entry each, three of each event, in any order."""
    path, rng = tmp_path_factory.mktemp("ntuple") / "ntuple.root", np.random.default_rng(4)
    event = rng.permutation(np.repeat(np.arange(EVENTS), N // EVENTS))
    with uproot.recreate(path) as file:
        file["t"] = {"run": np.full(N, 5), "event": event, "pt": rng.uniform(300, 900, N), "eta": rng.normal(size=N), "mass": rng.uniform(20, 200, N),
                     "label": (np.arange(N) % 2).astype(np.int32), "s": rng.normal(np.arange(N) % 2)}
    return path


@pytest.fixture(scope="module")
def models(ntuple: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Of three folds."""
    folder = tmp_path_factory.mktemp("models")
    for fold in range(3):
        config = configuration(JETS, None, [*OPTIONS, f"data.fold={fold}", f"training.seed={fold}", "training.warmup_steps=0", f"training.learning_rate={0.1 + 0.2 * fold}"])
        train(JETS, config, TrainingInputs(Inputs([str(ntuple)]), (), None), output=folder / str(fold), device="cpu", devices=1)
    return [str(folder / str(fold)) for fold in range(3)]


def folds_of(ntuple: Path) -> np.ndarray:
    columns = uproot.open(ntuple)["t"].arrays(["run", "event"], library="np")
    return fold_numbers({**columns, "file": np.zeros(N, int), "entry": np.arange(N)}, ["ntuple.root"], ("run", "lumi", "event"), Folds(3, 0, (0,)))


def applied(ntuple: Path, out: Path, model: str, *overrides: str) -> dict[str, Any]:
    apply(JETS, Inputs([str(ntuple)]), EngineChoice(model=model, overrides=list(overrides)), output=out)
    return uproot.open(out)["jets"].arrays(["pphysml_disc_signal", "pphysml_left_out"], library="np")


def test_an_event_is_on_one_side_and_the_fold_on_none(ntuple) -> None:
    config = configuration(JETS, None, [*OPTIONS, "data.fold=1"])
    events: list[set[int]] = []
    for part in ("training", "validation"):
        source = FileSource(Inputs([str(ntuple)]).open_for_training(JETS, config), JETS.assemble_training, config, part, 0.3, objects=True)
        examples = [source.read(block) for block in range(len(source.counts or ()))]
        assert [length(e) for e in examples] == source.counts and all(source.counts)
        events.append({int(event) for e in examples for event in e["event"]})
    fold = folds_of(ntuple)
    event = uproot.open(ntuple)["t"]["event"].array(library="np")
    assert not events[0] & events[1]
    assert events[0] | events[1] == set(event[fold != 1])


def test_each_event_gets_the_scores_of_the_model_that_has_not_seen_it(ntuple, models, tmp_path) -> None:
    single = [applied(ntuple, tmp_path / f"{k}.root", model) for k, model in enumerate(models)]
    fold = folds_of(ntuple)
    scores = np.stack([found["pphysml_disc_signal"] for found in single])
    assert np.abs(scores[0] - scores[1]).max() > 0.01
    for k, found in enumerate(single):
        np.testing.assert_array_equal(found["pphysml_left_out"], fold == k)
    joined = applied(ntuple, tmp_path / "joined.root", models[1], f"apply.other_folds=[{models[2]}, {models[0]}]")
    np.testing.assert_allclose(joined["pphysml_disc_signal"], scores[fold, np.arange(N)], rtol=1e-5, atol=1e-6)
    assert joined["pphysml_left_out"].all()


def test_only_events_that_the_model_has_not_seen_are_judged(ntuple, models) -> None:
    def judged(*overrides: str) -> tuple[int, str]:
        result = evaluate(JETS, Inputs([str(ntuple)]), EngineChoice(model=models[0], overrides=list(overrides)))["network"]
        return {m.name: m for m in result.metrics}["disc auc"].n, " ".join(result.notes)

    left_out = int((folds_of(ntuple) == 0).sum())
    every, said = judged()
    assert every == N and "are among those that the model was trained on" in said
    seen = int(said.split(f" of {N} examples are among")[0].split()[-1])
    assert 0.8 * (N - left_out) < seen < N - left_out
    alone, said = judged("apply.left_out_alone=true")
    assert alone == left_out and "trained on" not in said and "fold 0 of 3 alone" in said
    every, said = judged(f"apply.other_folds=[{models[1]}, {models[2]}]")
    assert every == N and "trained on" not in said


def test_models_that_are_not_of_all_folds_are_refused(ntuple, models, tmp_path) -> None:
    with pytest.raises(ConfigError, match="leaves out fold 0, as"):
        applied(ntuple, tmp_path / "out.root", models[0], f"apply.other_folds=[{models[1]}, {models[0]}]")
    with pytest.raises(ConfigError, match="the 2 folds besides"):
        applied(ntuple, tmp_path / "out.root", models[0], f"apply.other_folds=[{models[1]}]")
    config = configuration(JETS, None, [*OPTIONS, "data.fold=2", "data.selection=jet_pt > 350"])
    train(JETS, config, TrainingInputs(Inputs([str(ntuple)]), (), None), output=tmp_path / "other", device="cpu", devices=1)
    with pytest.raises(ConfigError, match="other options of data or model"):
        applied(ntuple, tmp_path / "out.root", models[0], f"apply.other_folds=[{models[1]}, {tmp_path / 'other'}]")


def test_halves_of_a_sample_that_is_judged_are_of_whole_events() -> None:
    """On one, cuts are chosen that are judged on the other."""
    config, event = configuration(JETS, None, []), np.random.default_rng(1).permutation(np.repeat(np.arange(300), 3))
    ones = {name: np.ones(900) for name in ("jet_mass", "jet_pt", "weight")}
    examples = {**ones, "class": np.zeros(900, int), "class_known": np.ones(900, bool), "selected": np.ones(900, bool), "file": np.zeros(900, int), "entry": np.arange(900), "event": event}
    seen = JetsSeen.of(examples, {}, config)
    halves = np.bincount(event, seen.first_half, 300)
    assert {*halves[1:]} == {0, 3} and 100 < (halves == 3).sum() < 200
    elsewhere = JetsSeen.of({**examples, "file": np.ones(900, int)}, {}, config)
    assert not np.isin(seen.event, elsewhere.event).any()


@pytest.mark.parametrize(("options", "reason"), [
    (["data.fold=1"], "without data.folds"), (["data.folds=3", "data.fold=3"], "below data.folds"), (["apply.left_out_alone=true"], "trained with data.folds"), (["apply.other_folds=a"], "trained with data.folds"),
    (["data.folds=2", "apply.other_folds=a", "apply.left_out_alone=true"], "no effect where the models of all folds")])
def test_options_of_folds_that_contradict_are_refused(options, reason) -> None:
    with pytest.raises(ConfigError, match=reason):
        configuration(JETS, None, options)


def test_folds_of_what_is_simulated_on_the_fly_are_refused(tmp_path) -> None:
    with pytest.raises(ConfigError, match="simulated on the fly"):
        train(JETS, configuration(JETS, None, ["data.folds=2"]), output=tmp_path / "run", device="cpu", devices=1)
