"""Figures show the numbers that were counted."""

from __future__ import annotations

import io

import numpy as np
import pytest

from pphysml.evaluation.report import MINUS
from pphysml.io.ragged import Ragged, slice_rows
from pphysml.tasks.track.judging import plots
from pphysml.tasks.track.judging.metrics import TrackEvaluator
from pphysml.tasks.track.judging.plot_data import ANGLE_EDGES, PlotData
from pphysml.tasks.track.judging.track_metrics import deflections
from pphysml.tasks.track.tracks.links import true_links
from pphysml.tasks.track.tracks.true_tracks import previous_of, true_hits

TITLES = ["Efficiency and purity against density", "Efficiency against number of hits", "Residuals of range",
          "Reliability of the link probability", "Hits per layer", "Deflections", "A frame", "Spectrum of the range", "Range against the last layer"]


@pytest.fixture
def sample(toy):
    rng = np.random.default_rng(7)
    examples = toy.random_frames(rng, 12)
    predictions = toy.predicted(examples, toy.random_links(rng, examples, true_links(examples, 1), wrong=0.2))
    examples["stop_depth"] = Ragged(np.full(len(examples["layer"].flat), 50.0), examples["layer"].offsets)
    tracks = predictions["range"]
    predictions["range"] = Ragged(rng.normal(51, 1, len(tracks.flat)), tracks.offsets)
    return examples, predictions


def test_all_figures_can_be_drawn(toy, sample):
    evaluator = TrackEvaluator(toy.configured())
    evaluator.update(*sample)
    result = evaluator.result()
    assert list(result.figures) == TITLES
    for figure in result.figures.values():
        stream = io.BytesIO()
        figure.savefig(stream, format="svg")
        assert stream.getvalue().startswith(b"<?xml") and figure.get_label()


def test_efficiency_against_hits_adds_up_to_the_metric(toy, sample):
    evaluator = TrackEvaluator(toy.configured())
    evaluator.update(*sample)
    result = evaluator.result()
    axes, below = result.figures["Efficiency against number of hits"].axes
    found = next(line for line in axes.get_lines() if line.get_marker() == "o" and len(line.get_xdata()) > 1)
    n = np.array([bar.get_height() for bar in below.patches])
    metric = next(m for m in result.metrics if m.name == "complete_efficiency_primary")
    assert n.sum() == metric.n
    assert (n * found.get_ydata()).sum() / n.sum() == pytest.approx(metric.value)


def test_sums_of_chunks_are_those_of_the_whole(sample):
    examples, predictions = sample
    whole, parts = PlotData(), PlotData()
    whole.add(examples, predictions, true_hits(examples))
    for start, stop in ((0, 7), (7, 12)):
        rows = slice_rows(examples, start, stop)
        parts.add(rows, slice_rows(predictions, start, stop), true_hits(rows))
    for sums in ("layers", "angles"):
        for name, values in getattr(whole, sums).items():
            np.testing.assert_array_equal(getattr(parts, sums)[name], values)
    for ours, theirs in zip(parts.links, whole.links, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert whole.layers["all"].sum() == len(examples["layer"].flat)
    hits, previous = true_hits(examples), previous_of(examples, predictions)
    assert whole.links[1].mean() == (previous == hits.previous)[previous >= 0].mean()


def test_pairs_with_a_wrong_link_are_counted_apart(toy):
    examples = toy.frames([toy.Particle(0, range(5)), toy.Particle(1, range(5))])
    links = toy.chains(examples, (0, (0, 0), (0, 1), (0, 2), (1, 3), (1, 4)), (0, *((1, k) for k in range(3)), (0, 3), (0, 4)))
    predictions, data = toy.predicted(examples, links), PlotData()
    data.add(examples, predictions, true_hits(examples))
    # Straight tracks; both pairs that contain the wrong link deflect, on either track.
    assert data.angles["true"].sum() == data.angles["true"][0] == 6
    assert data.angles["made"].sum() == 6 and data.angles["made"][0] == 2
    assert data.angles["false"].sum() == 4 and data.angles["false"][0] == 0
    x, y, z = (examples[name].flat for name in "xyz")
    expected = np.histogram(deflections(x, y, z, links.previous), ANGLE_EDGES)[0]
    np.testing.assert_array_equal(data.angles["made"][1:], expected[1:])


def test_residuals_are_all_in_the_histogram():
    rng = np.random.default_rng(0)
    values = {"": np.append(rng.normal(0.5, 2, 500), [90.0, np.nan]), "perfect_": rng.normal(0, 1, 400)}
    (axes,) = plots.residual_figure(values, "range").axes
    heights = [patch.get_xy()[1:-1:2, 1].sum() for patch in axes.patches]
    assert heights == [400, 501]
    _, labels = axes.get_legend_handles_labels()
    assert f"{np.nanmedian(values['']):+.2f} mm" in labels[1].replace(MINUS, "-")
