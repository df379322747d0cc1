"""The models of several folds as one engine: each event gets the scores of the one that has not seen it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from ....contract import Engine
from ....errors import ConfigError
from ....io.ragged import Columns, concatenate, length, take
from ....model_file import ModelFile, load_model
from ....training.event_split import FOLD
from ..config import JetsConfig
from ..schema import PREFIX
from .network_engine import NetworkEngine

LEFT_OUT = f"{PREFIX}left_out"


class FoldEngine(Engine):
    """Scores of one model for all jets, or of the models of all folds for their own; see `contract.Engine`.

    Args:
        config: of the first model, with the places of the others.

    Raises:
        ConfigError: they are not the models of all folds of one training.
        ModelError: one cannot be read.
    """

    def __init__(self, config: JetsConfig, model: ModelFile, device: Any) -> None:
        assert config.folds is not None
        self.unseen = config.folds.unseen
        self.engines = {config.data.fold: NetworkEngine(config, model, device)}
        self.files = {config.data.fold: model.named}
        for path in config.apply.other_folds:
            other = load_model(Path(path), model.task)
            fold = _fold_of(other, model, config)
            if fold in self.engines:
                raise ConfigError(f"apply.other_folds: {path} leaves out fold {fold}, as {self.files[fold]} does; name one model of each.")
            self.engines[fold], self.files[fold] = NetworkEngine(config, other, device), str(path)

    def __call__(self, examples: Columns) -> Columns:
        """Return the scores of all jets, and whether the model that they are of has not seen the event."""
        fold = np.asarray(examples[FOLD])
        if len(self.engines) == 1:
            (engine,) = self.engines.values()
            return {**engine(examples), LEFT_OUT: np.isin(fold, self.unseen)}
        rows = {number: np.flatnonzero(fold == number) for number in self.engines}
        parts = {number: self.engines[number](take(examples, of)) for number, of in rows.items() if len(of)}
        order = np.argsort(np.concatenate([rows[number] for number in parts]))
        return {**take(concatenate([*parts.values()]), order), LEFT_OUT: np.ones(length(examples), bool)}

    @property
    def warnings(self) -> list[str]:
        """Those of each model, once."""
        return list(dict.fromkeys(sentence for engine in self.engines.values() for sentence in engine.warnings))

    def facts(self) -> dict[str, Any]:
        """Return which model leaves out which fold, and the numbers of all of them together."""
        found: Counter[str] = Counter()
        for engine in self.engines.values():
            found.update(engine.facts())
        return dict(found) if len(self.engines) == 1 else {**found, "models of folds": ", ".join(f"{fold}: {self.files[fold]}" for fold in sorted(self.engines))}


def _fold_of(other: ModelFile, first: ModelFile, config: JetsConfig) -> int:
    """Return which fold another model leaves out.

    Raises:
        ConfigError: the training was another one in more than that.
    """
    its = other.configuration(JetsConfig)
    same = its.data.model_copy(update={"fold": config.data.fold}), its.model
    mine = first.configuration(JetsConfig)
    if same != (mine.data, mine.model) or _names(other) != _names(first):
        raise ConfigError(f"apply.other_folds: {other.named} was trained with other options of data or model than {first.named}, or on other files; name models that differ in data.fold alone.")
    return its.data.fold


def _names(model: ModelFile) -> set[str]:
    return {PurePath(file["path"]).name for file in model.training_data.get("files", ())}
