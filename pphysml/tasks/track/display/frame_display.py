"""A frame as one page in which it can be turned, without anything from outside; `frame_plots` draws it."""

from __future__ import annotations

import json
from html import escape
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ....evaluation.report import write_file
from ....io.ragged import Array, Columns
from .frame_view import FrameView, frame_view, summary

DIGITS = {"position": 3, "edep": 6, "probability": 4, "wepl": 2, "wepl_error": 2, "score": 9}
"""Decimals that the page needs."""


def write_frame_html(path: Path, examples: Columns, predictions: Columns, row: int) -> None:
    """Write a frame as one page with a view in three dimensions that needs no connection.

    Args:
        examples, predictions, row: as for `frame_plots.frame_figure`.

    Raises:
        OutputError: the file cannot be written.
    """
    write_file(Path(path), frame_html(examples, predictions, row).encode())


def frame_html(examples: Columns, predictions: Columns, row: int) -> str:
    """Return the page that `write_frame_html` writes."""
    view = frame_view(examples, predictions, row)
    page = resources.files(__package__).joinpath("frame_display.html").read_text("utf-8")
    # "<" inside the data could end the script that holds it.
    data = json.dumps(frame_values(view), allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return page.replace("__TITLE__", escape(view.name)).replace("__DATA__", data)


def frame_values(view: FrameView) -> dict[str, Any]:
    """Return what the page shows, as plain values; what is not finite becomes None."""
    hits = {name: _plain(values, DIGITS.get(name)) for name, values in view.values.items()}
    hits |= {name: _plain(view.position[:, i], DIGITS["position"]) for i, name in enumerate("xyz")}
    offsets = view.tracks.hits.offsets
    return {
        "name": view.name, "summary": summary(view), "hits": hits,
        "tracks": [view.tracks.hits.flat[a:b].tolist() for a, b in pairwise(offsets)],
        "trackValues": {name: _plain(values, DIGITS.get(name)) for name, values in view.track_values.items()},
        "colours": view.colours,
        "wrong": None if view.wrong is None else view.wrong.tolist(),
        "missed": None if view.missed is None else view.missed.tolist(),
    }


def _plain(values: Array, digits: int | None) -> list[Any]:
    if values.dtype.kind != "f":
        found: list[Any] = values.astype(int).tolist()
        return found
    rounded = np.round(values.astype(np.float64), digits if digits is not None else 6)
    return [value if known else None for value, known in zip(rounded.tolist(), np.isfinite(rounded).tolist(), strict=True)]
