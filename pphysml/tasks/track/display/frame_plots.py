"""A frame as a picture: from above and from the side."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ....evaluation.style import GREY, INK, new_figure, style
from ....io.ragged import Columns
from .frame_view import WRONG, FrameView, frame_view, summary


@style()
def frame_figure(examples: Columns, predictions: Columns, row: int) -> Figure:
    """Draw a frame from above and from the side: hits, tracks in colours, wrong and missed links.

    Args:
        examples: frames; with truth, wrong links are marked.
        predictions: columns of an engine, row by row.
        row: which of them.
    """
    view = frame_view(examples, predictions, row)
    figure, panels = new_figure(11.0, 7.2, rows=2, sharex=True, caption=(
        f"{view.name}: {summary(view)}. Each track has a colour; grey hits are on none. Red: links that are not "
        "true; dashed: true links that are missing. The axes have different scales."))
    for axes, side in zip(panels, (0, 1), strict=True):
        _draw(axes, view, side)
        axes.set(ylabel=f"{'xy'[side]} [mm]")
    panels[1].set(xlabel="z [mm], along the beam")
    panels[0].set_title(f"{view.name}: {summary(view)}", loc="left")
    handles = [Line2D([], [], color=view.colours[0] if view.colours else GREY, marker="o", markersize=3, label="track (one colour each)"),
               Line2D([], [], color=GREY, marker="o", linestyle="", markersize=3, label="hit on no track")]
    if view.wrong is not None:
        handles += [Line2D([], [], color=WRONG, linewidth=2.4, label="wrong link"),
                    Line2D([], [], color=INK, linewidth=1.0, linestyle=(0, (2, 2)), label="missed true link")]
    panels[1].legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=4)
    return figure


def _draw(axes: Axes, view: FrameView, side: int) -> None:
    points = view.position[:, [2, side]]
    track = view.values["track"]
    colours = np.array([*view.colours, GREY])
    made = view.made
    # Thousands of lines and points, which as vectors would fill megabytes.
    axes.add_collection(LineCollection(list(points[made]), colors=colours[track[made[:, 0]]].tolist(), linewidths=0.9, alpha=0.9,
                                       rasterized=True))
    edep = view.values["edep"]
    usual = float(np.median(edep)) if len(edep) else 1.0
    size = 5 * np.clip(np.sqrt(edep / max(usual, 1e-9)), 0.5, 3)
    axes.scatter(points[:, 0], points[:, 1], s=size, c=colours[track].tolist(), linewidths=0, zorder=3, rasterized=True)
    if view.missed is not None and view.wrong is not None:
        axes.add_collection(LineCollection(list(points[view.missed]), colors=INK, linewidths=0.8, linestyles=[(0, (2, 2))], zorder=2))
        axes.add_collection(LineCollection(list(points[view.wrong]), colors=WRONG, linewidths=1.8, zorder=4))
    box = view.box[:, [2, side]]
    axes.set(xlim=box[:, 0], ylim=box[:, 1])
    outside = int(((points < box[0]) | (points > box[1])).any(1).sum())
    if outside:
        axes.text(0.99, 0.03, f"{outside} hits outside", transform=axes.transAxes, ha="right", fontsize=9, color=GREY,
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
