"""Engines without a network: the classical ones, and true links as the ceiling of all."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import InputError
from ...io.ragged import Columns
from ...model_file import ModelFile
from .config import DataConfig, TrackConfig
from .follower import follow_tracks
from .graph import true_links
from .layer_assignment import deflection_links, straight_links
from .links import Links, ragged
from .output import output_columns


class StraightEngine:
    """Every hit linked straight down; see `straight_links`."""

    def __init__(self, config: TrackConfig, model: ModelFile | None, device: Any) -> None:
        self.config = config

    def __call__(self, examples: Columns) -> Columns:
        """Return the output columns of each frame."""
        return output_columns(examples, straight_links(examples, self.config.data), self.config)


class DeflectionEngine:
    """Least squared deflection in each layer; see `deflection_links`."""

    def __init__(self, config: TrackConfig, model: ModelFile | None, device: Any) -> None:
        self.config = config

    def __call__(self, examples: Columns) -> Columns:
        """Return the output columns of each frame."""
        return output_columns(examples, deflection_links(examples, self.config.apply.deflection), self.config)


class FollowerEngine:
    """The track follower; see `follower`."""

    def __init__(self, config: TrackConfig, model: ModelFile | None, device: Any) -> None:
        self.config = config

    def __call__(self, examples: Columns) -> Columns:
        """Return the output columns of each frame."""
        return output_columns(examples, follow_tracks(examples, self.config.apply.follower), self.config)


class PerfectEngine:
    """The true links within the cuts of a network; see `perfect_links`."""

    def __init__(self, config: TrackConfig, model: ModelFile | None, device: Any) -> None:
        self.config = config

    def __call__(self, examples: Columns) -> Columns:
        """Return the output columns of each frame."""
        return output_columns(examples, perfect_links(examples, self.config.data), self.config)


def perfect_links(examples: Columns, options: DataConfig) -> Links:
    """Return the true links within the cuts on angle and width that leave out at most `skip_layers` layers.

    Raises:
        InputError: the frames have no truth.
    """
    if "particle" not in examples:
        raise InputError("The engine 'perfect' takes the true links, and the input has no truth; take the engine 'follower'.")
    previous = true_links(examples, options.skip_layers)
    deep = np.flatnonzero(previous >= 0)
    x, y, z = (np.diff(ragged(examples, name).flat.astype(np.float64)[[previous[deep], deep]], axis=0)[0] for name in "xyz")
    angle = np.where(ragged(examples, "layer").flat[deep] < 3, options.max_front_angle, options.max_angle)
    previous[deep[np.hypot(x, y) >= np.minimum(z * np.tan(angle), options.max_step or np.inf)]] = -1
    return Links(previous, np.ones(len(previous), dtype=np.float32))
