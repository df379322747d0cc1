"""Displays of a frame hold its hits, tracks and mistakes, and nothing from outside."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from pphysml.errors import OutputError
from pphysml.tasks.track.display.frame_display import write_frame_html
from pphysml.tasks.track.display.frame_plots import frame_figure
from pphysml.tasks.track.display.frame_view import WRONG, frame_view, track_colours
from pphysml.tasks.track.tracks.links import true_links
from pphysml.tasks.track.tracks.true_tracks import true_hits


@pytest.fixture
def sample(toy):
    rng = np.random.default_rng(11)
    examples = toy.random_frames(rng, 3)
    return examples, toy.predicted(examples, toy.random_links(rng, examples, true_links(examples, 1)))


def page_data(path):
    page = path.read_text()
    return page, json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)[1])


def blind(examples):
    return {name: column for name, column in examples.items() if name not in ("proton", "particle", "primary", "n_protons")}


def test_page_holds_the_frame_and_needs_nothing_else(tmp_path, sample):
    examples, predictions = sample
    write_frame_html(tmp_path / "frame.html", examples, predictions, 1)
    page, data = page_data(tmp_path / "frame.html")
    assert not re.search(r"""https?://|\bsrc=|<link|@import|fetch\(|XMLHttp""", page)
    for name in ("x", "y", "z", "edep"):
        np.testing.assert_allclose(data["hits"][name], examples[name][1], atol=6e-4)
    assert [len(t) for t in data["tracks"]] == predictions["n_hits_of_track"][1].tolist()
    assert [hit for track in data["tracks"] for hit in track] == predictions["track_hits"][1].tolist()
    assert data["hits"]["track"] == predictions["hit_track_index"][1].tolist()
    assert len(data["colours"]) == len(data["tracks"]) and data["trackValues"]["wepl"] == [None] * len(data["tracks"])


def test_wrong_and_missed_links_are_those_that_differ_from_the_truth(tmp_path, sample):
    examples, predictions = sample
    write_frame_html(tmp_path / "frame.html", examples, predictions, 2)
    _, data = page_data(tmp_path / "frame.html")
    start, stop = examples["layer"].offsets[2:4]
    true = true_hits(examples).previous[start:stop]
    true = np.where(true >= 0, true - start, -1)
    made = predictions["hit_previous"][2]
    wrong = [[h, p] for h, (p, t) in enumerate(zip(made.tolist(), true.tolist(), strict=True)) if p >= 0 and p != t]
    missed = [[h, t] for h, (p, t) in enumerate(zip(made.tolist(), true.tolist(), strict=True)) if t >= 0 and p != t]
    assert data["wrong"] == wrong and data["missed"] == missed and wrong and missed
    assert f"{len(wrong)} wrong links, {len(missed)} missed" in data["summary"]


def test_page_of_real_data_knows_nothing_of_truth(tmp_path, sample):
    examples, predictions = sample
    write_frame_html(tmp_path / "frame.html", blind(examples), predictions, 0)
    _, data = page_data(tmp_path / "frame.html")
    assert data["wrong"] is data["missed"] is None and "proton" not in data["hits"]
    assert "wrong" not in data["summary"]


def test_picture_draws_every_link_twice(sample):
    examples, predictions = sample
    figure = frame_figure(examples, predictions, 0)
    view = frame_view(examples, predictions, 0)
    assert len(figure.axes) == 2
    for axes in figure.axes:
        made, missed, wrong = (c for c in axes.collections if hasattr(c, "get_segments"))
        assert len(made.get_segments()) == (predictions["hit_previous"][0] >= 0).sum() == len(view.made)
        assert len(wrong.get_segments()) == len(view.wrong) and len(missed.get_segments()) == len(view.missed)
        assert to_hex(wrong.get_colors()[0]) == WRONG
    top, _ = figure.axes
    drawn = {tuple(np.round(s.ravel(), 3)) for s in top.collections[0].get_segments()}
    expected = {tuple(np.round(view.position[[h, p]][:, [2, 0]].ravel(), 3)) for h, p in view.made}
    assert drawn == expected


def test_picture_without_truth_marks_nothing(sample):
    examples, predictions = sample
    figure = frame_figure(blind(examples), predictions, 0)
    assert all(sum(hasattr(c, "get_segments") for c in axes.collections) == 1 for axes in figure.axes)


def test_a_frame_without_tracks_or_hits_can_be_drawn(tmp_path, toy):
    examples = toy.frames([], [toy.Particle(-1, [3])])
    predictions = toy.predicted(examples, toy.chains(examples))
    for row in range(2):
        frame_figure(examples, predictions, row).canvas.draw()
        write_frame_html(tmp_path / f"{row}.html", examples, predictions, row)


def test_colours_of_tracks_are_distinct_and_none_is_that_of_mistakes():
    colours = np.array([to_rgb(c) for c in track_colours(60)])
    distance = np.linalg.norm(colours[:, None] - colours[None], axis=2)
    assert distance[np.arange(59), np.arange(1, 60)].min() > 0.25
    assert np.linalg.norm(colours - to_rgb(WRONG), axis=1).min() > 0.2


def test_unwritable_page(tmp_path, sample):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_frame_html(tmp_path / "file" / "frame.html", *sample, 0)
