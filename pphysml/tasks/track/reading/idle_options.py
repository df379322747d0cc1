"""Options that a kind of input has no use for: refused where the user states them, since they would do nothing."""

from __future__ import annotations

from ....errors import ConfigError
from ....io.ragged import Columns
from ..config import ApplyConfig, TrackConfig
from .calorimeters.axes import USUAL

MADE = ("protons_per_frame", "frame_time", "last_frame")
"""Options of `apply` by which frames are made."""

HARMLESS = {"frame_time": (None,), "last_frame": ("keep",), "sort": ("none",), "pixel_mask": (None,), "beam_axis": (None, USUAL)}
"""Option -> values that ask for nothing."""

FLAGS = {"last_frame": "it"}
"""Option -> what is to be left out, if it is no flag of its own name."""


def refuse_idle(chunk: Columns, options: ApplyConfig, applying: bool) -> None:
    """Refuse what is stated of the section `apply` and has no effect on an input; what a model says there is no statement.

    Args:
        chunk: the first one of the input.
        applying: whether frames are made as `apply` says; in training, of steps they are drawn.

    Raises:
        ConfigError: there is such an option.
    """
    reasons: dict[str, str] = {}
    if "hit_x" in chunk:
        frames = "the input has readout frames (layout 'frames'), "
        reasons = dict.fromkeys(MADE, f"{frames}which are taken as they are")
        reasons["sort"] = f"{frames}each with all of its hits, and there is nothing to sort"
    elif "column" in chunk:
        frames = "the input has readout frames of pixels (layout 'pixels'), "
        reasons = dict.fromkeys(MADE, f"{frames}which are taken as they are")
        reasons["beam_axis"] = f"{frames}and the beam crosses their layers by rising number"
    if "column" not in chunk:
        reasons["pixel_mask"] = "the input has hits, and no pixels that could be dead or hot"
    for name, reason in reasons.items():
        if (applying or name not in MADE) and _asks(options, name):
            left_out = FLAGS.get(name, f"--{name.replace('_', '-')}")
            raise ConfigError(f"apply.{name}: {reason}; leave {left_out} out.")


def with_nothing_stated(config: TrackConfig) -> TrackConfig:
    """Return the same configuration for another input, of which the user states nothing."""
    return config.model_copy(update={"apply": ApplyConfig.model_construct(set(), **dict(config.apply))})


def _asks(options: ApplyConfig, name: str) -> bool:
    return name in options.model_fields_set and getattr(options, name) not in HARMLESS.get(name, ())
