"""What is stored beside weights is checked before compiled loops follow it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pphysml.errors import ModelError
from pphysml.model_file import ModelFile, load_model
from pphysml.registry import get_task
from pphysml.verbs.config import configuration
from pphysml.verbs.train import train
from pphysml.verbs.training_inputs import TrainingInputs

JETS = get_task("jets")
OPTIONS = ["simulation.constituents=false", "training.steps=2", "training.batch_size=64", "training.validation_events=600", "training.block_size=800", "training.simulated_events=800",
           "model.name=trees", "model.trees=4", "model.parametrise=true", "model.decorrelate=quantile"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    folder: Path = tmp_path_factory.mktemp("trees") / "run"
    train(JETS, configuration(JETS, None, OPTIONS), TrainingInputs(), output=folder, device="cpu")
    return load_model(folder, "jets")


def changed(model: ModelFile, name: str, value: object) -> ModelFile:
    part, _, key = name.partition(":")
    arrays = {k: v for k, v in getattr(model, part).items() if k != key or value is not None}
    if value is not None:
        arrays[key] = value
    return replace(model, **{part: arrays})


def test_what_a_training_stores_is_right(model) -> None:
    JETS.check_stored(model)


def test_every_stored_array_is_needed_and_of_one_shape(model) -> None:
    for part in ("prepared", "finished"):
        for key, value in getattr(model, part).items():
            # The range of what was seen only warns.
            for other in ([] if key == "domain" else [None]) + [np.zeros((1, *value.shape), value.dtype)]:
                if key.endswith("tolerance") and other is not None:
                    continue  # one number, whatever its shape
                with pytest.raises(ModelError):
                    JETS.check_stored(changed(model, f"{part}:{key}", other))


@pytest.mark.parametrize(("name", "spoil"), [
    ("prepared:trees.left", lambda a: np.zeros_like(a)), ("prepared:trees.right", lambda a: a + 10**6), ("prepared:trees.first", lambda a: a - 1),
    ("prepared:trees.feature", lambda a: np.where(a >= 0, 99, a)), ("prepared:trees.value", lambda a: a * np.nan), ("prepared:input_scale", lambda a: a * 0),
    ("prepared:masses", lambda a: -a), ("finished:flat.signal.steps", lambda a: a[::-1].copy()), ("finished:flat.signal.scores", lambda a: a * np.inf),
    ("finished:flat.signal.below_degrees", lambda a: a + 9), ("finished:flat.signal.below_breaks_0", lambda a: a * 0), ("finished:flat.signal.below_coefficients", lambda a: a[:-1].copy()),
])
def test_numbers_without_sense_are_refused(model, name, spoil) -> None:
    part, _, key = name.partition(":")
    with np.errstate(invalid="ignore"), pytest.raises(ModelError):
        JETS.check_stored(changed(model, name, spoil(getattr(model, part)[key])))
