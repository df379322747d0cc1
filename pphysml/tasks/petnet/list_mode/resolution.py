"""Resolution of the time of flight, as it is given or was learnt."""

from __future__ import annotations

from collections.abc import Mapping
from math import log, sqrt
from typing import Any

from ....errors import ConfigError, InputError
from ..config import PetConfig

FWHM = 2.0 * sqrt(2.0 * log(2.0))
"""Full width at half maximum of a Gaussian, in standard deviations."""

LEARNT_BY = ("likelihood", "pairs")
"""Engines that learn it."""


def check_resolution(config: PetConfig, engine: str) -> None:
    """Refuse a resolution that an engine does not learn.

    Raises:
        ConfigError: it is so.
    """
    if config.apply.tof == "learnt" and engine not in LEARNT_BY:
        raise ConfigError(f"apply.tof (--tof): the engine {engine!r} learns no resolution of times; give it, as --tof 250ps.")


def resolution(config: PetConfig, facts: Mapping[str, Any]) -> float | None:
    """Return the FWHM of the difference of times of a coincidence, ps; None without time of flight.

    Raises:
        InputError: it was not learnt, for want of pairs.
    """
    if config.apply.tof != "learnt":
        return config.apply.tof
    if "time_difference_sd_ps" not in facts:
        raise InputError("There are too few true pairs to learn the resolution of times from: give it, as --tof 250ps.")
    return FWHM * float(facts["time_difference_sd_ps"])
