"""One frame with its tracks, as a display shows it: chains of hits, wrong links, missed links."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from ....io.ragged import Array, Columns, ragged, take
from ..tracks.links import true_links
from ..tracks.tracks import Tracks
from ..tracks.true_tracks import ANY_LAYER, matches, previous_of, tracks_of, true_hits

GOLDEN = 0.6180339887498949
FREE_HUES = (0.09, 0.92)
"""Hues of tracks: red is kept for what is wrong."""

WRONG = "#d62728"
"""Colour of wrong links."""


@dataclass(frozen=True)
class FrameView:
    """H hits and T tracks of one frame.

    Attributes:
        name: "frame 12", with the run.
        position: x, y, z in mm, (H, 3).
        values: further numbers of each hit, (H,): `layer`, `edep` (MeV), `cluster_size`, `track`
            (-1 for none), `previous` (-1 for none), `probability`; with truth `proton`, `primary`.
        tracks: the hits of each track.
        track_values: numbers of each track, (T,): `wepl`, `wepl_error` (mm), `score`; with truth
            `proton` that it matches and whether it is `complete`.
        colours: of each track, "#rrggbb".
        wrong, missed: links (hit, previous hit) that are made but not true, and the other way
            round, (n, 2); None without truth.
    """

    name: str
    position: Array
    values: dict[str, Array]
    tracks: Tracks
    track_values: dict[str, Array]
    colours: list[str]
    wrong: Array | None
    missed: Array | None

    @property
    def box(self) -> Array:
        """Lowest and highest x, y, z of nearly all hits on tracks, mm, (2, 3)."""
        chosen = self.values["track"] >= 0
        inside = self.position[chosen] if chosen.any() else self.position
        if not len(inside):
            return np.array([np.zeros(3), np.ones(3)])
        # Few stray hits far out must not make the tracks small.
        box = np.stack([np.quantile(inside[:, i], [cut, 1 - cut]) for i, cut in enumerate((0.02, 0.02, 0.002))], axis=1)
        margin: Array = np.array([[-1.0], [1.0]]) * [0.25, 0.25, 0.04] * np.maximum(np.ptp(box, axis=0), 1e-3)
        return box + margin

    @property
    def made(self) -> Array:
        """Links that are made (hit, previous hit), (n, 2)."""
        return _links(self.values["previous"], self.values["previous"] >= 0)


def frame_view(examples: Columns, predictions: Columns, row: int) -> FrameView:
    """Return what there is to see in one row of examples and of an engine's columns."""
    frame, found = (take(columns, np.array([row])) for columns in (examples, predictions))
    tracks, previous = tracks_of(frame, found), previous_of(frame, found)
    values = {name: ragged(frame, name).flat for name in ("layer", "edep", "cluster_size")}
    values |= {"track": tracks.of_hit, "previous": previous, "probability": ragged(found, "hit_link_prob").flat}
    track_values = {name: ragged(found, name).flat for name in ("wepl", "wepl_error", "score")}
    wrong = missed = None
    if "particle" in frame:
        hits, true = true_hits(frame), true_links(frame, ANY_LAYER)
        wrong = _links(previous, (previous >= 0) & (previous != true))
        missed = _links(true, (true >= 0) & (previous != true))
        values |= {"proton": hits.proton, "primary": hits.primary}
        track_values |= {"proton": matches(hits, tracks, 0.5), "complete": matches(hits, tracks, 1.0) >= 0}
    position = np.stack([ragged(frame, name).flat for name in "xyz"], axis=1).astype(np.float64)
    name = f"frame {int(np.asarray(frame['frame'])[0])}, run {int(np.asarray(frame['run'])[0])}"
    return FrameView(name, position, values, tracks, track_values, track_colours(len(tracks.hits)), wrong, missed)


def summary(view: FrameView) -> str:
    """Return one line of counts."""
    text = f"{len(view.position)} hits, {len(view.tracks.hits)} tracks"
    if view.wrong is None or view.missed is None:
        return text
    protons = len(np.unique(view.values["proton"][view.values["proton"] >= 0]))
    return (f"{text}, {int(view.track_values['complete'].sum())} of {protons} protons complete, "
            f"{len(view.wrong)} wrong links, {len(view.missed)} missed")


def track_colours(n: int) -> list[str]:
    """Return colours of which neighbours differ clearly, none of them red."""
    low, high = FREE_HUES
    hues = low + (high - low) * np.mod(np.arange(n) * GOLDEN, 1)
    shades = 0.36 + 0.14 * np.mod(np.arange(n), 2)
    rgb = [colorsys.hls_to_rgb(hue, shade, 0.5) for hue, shade in zip(hues, shades, strict=True)]
    return ["#" + "".join(f"{round(255 * c):02x}" for c in colour) for colour in rgb]


def _links(previous: Array, chosen: Array) -> Array:
    hit = np.flatnonzero(chosen)
    return np.stack([hit, previous[hit]], axis=1)
