"""Engines without a network: the classical ones, and true links as the ceiling of all."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....errors import InputError
from ....io.problems import place
from ....io.ragged import Columns, ragged, slice_rows
from ....model_file import ModelFile
from ..config import DataConfig, TrackConfig
from ..config.engines import FollowerConfig
from ..output.link_engine import LinkEngine
from ..tracks.links import Links, frame_of_hit, layer_starts, true_links
from .follower import follow_tracks
from .follower_tuning import tune_follower
from .layer_assignment import deflection_links, straight_links

MAX_IN_LAYER = 2000
"""Hits of a frame in one layer that these engines take: the follower's time grows with their cube, to minutes."""


ENOUGH = 20
"""Frames to which the follower is tuned."""


class StraightEngine(LinkEngine):
    """Every hit linked straight down; see `straight_links`."""

    def links(self, examples: Columns) -> Links:
        """Return the links of all frames."""
        refuse_crowds(examples)
        return straight_links(examples, self.config.apply.straight)


class DeflectionEngine(LinkEngine):
    """Least squared deflection in each layer; see `deflection_links`."""

    def links(self, examples: Columns) -> Links:
        """Return the links of all frames."""
        refuse_crowds(examples)
        return deflection_links(examples, self.config.apply.deflection)


class FollowerEngine(LinkEngine):
    """The track follower; see `follower`."""

    def __init__(self, config: TrackConfig, model: ModelFile | None, device: Any) -> None:
        super().__init__(config, model, device)
        self.options = config.apply.follower
        self._tuned = False

    @property
    def may_want_truth(self) -> bool:
        """Whether its options are to be tuned."""
        return self.options.tune

    def fit(self, examples: Columns) -> None:
        """Take the options that do best on the first of these frames; see `follower_tuning`."""
        few = slice_rows(examples, 0, ENOUGH)
        refuse_crowds(few)
        self.options, _ = tune_follower(few, self.options, rounds=1)
        self._tuned = True

    def facts(self) -> dict[str, Any]:
        """Return where the options come from."""
        if not self._tuned:
            usual = self.options == FollowerConfig()
            return {**super().facts(), "options": "the defaults, which are not tuned to this input" if usual else "as given"}
        before = self.config.apply.follower.model_dump()
        changed = ", ".join(f"{name}={value}" for name, value in self.options.model_dump().items() if value != before[name])
        return {**super().facts(), "options": f"tuned to frames that are not evaluated ({changed or 'none changed'})"}

    def links(self, examples: Columns) -> Links:
        """Return the links of all frames."""
        refuse_crowds(examples)
        return follow_tracks(examples, self.options)


class PerfectEngine(LinkEngine):
    """The true links within the cuts of a network; see `perfect_links`."""

    def facts(self) -> dict[str, Any]:
        """Return which links it leaves out."""
        data = self.config.data
        return {**super().facts(), "links": f"the true ones that a network with data.max_angle={data.max_angle:g}, data.max_front_angle={data.max_front_angle:g}, "
                         f"data.max_step={data.max_step} and data.skip_layers={data.skip_layers} can make: a ceiling of this network, not of any"}

    def links(self, examples: Columns) -> Links:
        """Return the links of all frames."""
        return perfect_links(examples, self.config.data)


def refuse_crowds(examples: Columns) -> None:
    """Refuse frames that would take hours, and gigabytes.

    Raises:
        InputError: a layer of a frame has more than MAX_IN_LAYER hits.
    """
    frame = frame_of_hit(examples)
    starts = layer_starts(ragged(examples, "layer").flat, frame)
    counts = np.diff(starts)
    if (counts > MAX_IN_LAYER).any():
        most = int(np.argmax(counts))
        row = int(frame[starts[most]])
        where = place(examples, row)
        raise InputError(
            f"the frame has {ragged(examples, 'layer').counts[row]} hits, {counts[most]} of them in one layer; more than "
            f"{MAX_IN_LAYER} take this engine too long: take smaller frames (--protons-per-frame, --frame-time)",
            file=where.file, entry=where.entry)


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
