"""The engines of `petnet` by name; each imports what it needs."""

from __future__ import annotations

from typing import Any

from ...contract import Engine
from ...errors import ConfigError
from ...model_file import ModelFile
from .config import PetConfig

WITH_PROBABILITIES = ("likelihood", "pairs")
"""Engines that give every pair in the window a probability."""

ALL_IN_WINDOW = "the rates of random pairs (randomRate) are of all random pairs in the window, of which {}"


def make_engine(name: str, config: PetConfig, model: ModelFile | None, device: Any) -> Engine:
    """Return one of `task.Petnet.engines`, which leaves pairs as they are where the input has these; see `task.Task.engine`."""
    from .coincidences.given_pairs import OrGiven

    if not config.apply.randoms:
        return OrGiven(_engine(name, config, model, device))
    from .coincidences.random_rates import WithRandomRates

    _check_randoms(name, config)
    closed = name != "classical" or config.apply.classical.window_end == "closed"
    return OrGiven(WithRandomRates(_engine(name, config, model, device), config, closed, _left_by(name, config)))


def _check_randoms(name: str, config: PetConfig) -> None:
    """Refuse rates of random pairs of engines that choose pairs by more than their times.

    Raises:
        ConfigError: it is so.
    """
    if name == "snn":
        raise ConfigError("apply.randoms (--randoms): the engine 'snn' takes no pairs of a window, whose random ones the rates of singles give; give another --engine.")
    if name in WITH_PROBABILITIES and (config.apply.candidates is None or config.apply.list_format != "root"):
        raise ConfigError(f"apply.randoms (--randoms): the engine {name!r} takes few of the random pairs, of which the rates of singles give all: give --candidates, whose tree lists "
                          "pairs before they are chosen, without --list-format, or --engine classical.")


def _left_by(name: str, config: PetConfig) -> str:
    """Return which random pairs an engine takes, a sentence without a full stop; "" if all."""
    options = config.apply.classical
    if name in WITH_PROBABILITIES:
        return ALL_IN_WINDOW.format("the tree Coincidences has few, and the tree candidates all with --candidates 0")
    all_taken = options.policy == "takeAllGoods" and options.opening == "every"
    return "" if all_taken else ALL_IN_WINDOW.format("this policy takes fewer; --policy takeAllGoods with --set apply.classical.opening=every takes all")


def _engine(name: str, config: PetConfig, model: ModelFile | None, device: Any) -> Engine:
    if name not in WITH_PROBABILITIES and config.apply.candidates is not None:
        raise ConfigError(f"apply.candidates (--candidates): the engine {name!r} gives no probability of the pairs that it does not take; give --engine likelihood or pairs.")
    if name == "snn":
        from .models.spiking.engines import snn_engine

        return snn_engine(config, model, device)
    if name == "classical":
        from .classical.engine import ClassicalEngine

        return ClassicalEngine(config, model, device)
    if name == "pairs":
        from .models.pairs.pairs_engine import PairsEngine

        return PairsEngine(config, model, device)
    from .models.pairs.likelihood_engine import LikelihoodEngine

    return LikelihoodEngine(config, model, device)
