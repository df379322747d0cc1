"""Pictures of an evaluation: what they show, what randoms leave in them, and how much is kept for them."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.evaluation.report import to_dict
from pphysml.io.ragged import slice_rows
from pphysml.tasks.petnet.judging import kept_lines
from pphysml.tasks.petnet.judging.metrics import PetEvaluator
from pphysml.tasks.petnet.judging.pictures import in_object, less_randoms, pictures
from pphysml.tasks.petnet.judging.plots import picture_figure

RADIUS = 12.5


def judged(config, *chunks):
    evaluator = PetEvaluator(config)
    for examples, predictions in chunks:
        evaluator.update(examples, predictions)
    evaluator.result()
    return evaluator


def joined(*parts):
    """Return pairs, those of each further part marked as the first argument of its tuple says."""
    names = ("first", "second", "score", "multiplicity", "delayed", "candidate")
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def selected(kept):
    return less_randoms(kept.lines("prompts"), kept.lines("delayed"))


def listed(pairs, score):
    return pairs | {"score": np.asarray(score, np.float32), "candidate": np.ones(len(pairs["first"]), bool)}


def of_one_event(sample, pairs):
    event = sample["event"].flat
    return (event[pairs["first"]] == event[pairs["second"]]) & (event[pairs["first"]] >= 0)


def test_candidates_with_their_probabilities_are_a_picture_and_no_pairs(toy, sample):
    """A list that knows the truth shows what the targets show; the metrics are those of the pairs that are taken."""
    config, pairs = toy.configured(radius=RADIUS), toy.sorter(sample)
    taken = pairs | {"candidate": np.zeros(len(pairs["first"]), bool)}
    false = {name: column[~of_one_event(sample, pairs)] for name, column in pairs.items()}
    known = [listed(part, np.full(len(part["first"]), score)) for part, score in ((toy.perfect(sample, config), 1.0), (false, 0.0))]
    alone, both = judged(config, (sample, pairs)), judged(config, (sample, joined(taken, *known)))
    assert to_dict(alone.result())["metrics"] == to_dict(both.result())["metrics"]
    assert set(pictures(alone.kept, RADIUS).views) == {"targets", "selected"}
    views = pictures(both.kept, RADIUS).views
    inside = in_object(views["targets"].across.shape[0])
    off = {name: np.abs(view.across - views["targets"].across)[inside].mean() for name, view in views.items()}
    assert off["targets"] == 0 and off["weighted"] < 1e-6 < off["selected"]
    assert views["targets"].across[inside].mean() == pytest.approx(1)


def test_delayed_pairs_take_away_as_many_randoms(toy):
    """Prompts are true pairs and randoms, delayed ones as many other randoms: the true ones are left, where they are."""
    rng = np.random.default_rng(4)
    # One slice, so that random pairs may be of any two singles.
    sample = toy.cut(toy.scan(rng), window=1e12)
    config = toy.configured(radius=RADIUS)
    true, n = toy.perfect(sample, config), len(sample["time"].flat)
    first, second = rng.integers(0, n, (2, 2 * len(true["first"])))
    half = len(first) // 2
    prompts = {name: np.concatenate([true[name], of]) for name, of in toy.pairs(first[:half], second[:half]).items()}
    late = toy.pairs(first[half:], second[half:], delayed=np.ones(half, bool))
    both = {name: np.concatenate([prompts[name], late[name]]) for name in prompts}
    lines = selected(judged(config, (sample, both)).kept)
    of_true, of_random = lines.weight[: len(true["first"])], lines.weight[len(true["first"]) :]
    assert lines.weight.sum() == pytest.approx(len(of_true), abs=4 * np.sqrt(2 * half))
    assert of_true.mean() > 0.9 and of_random.mean() < 0.1
    without = judged(config, (sample, prompts)).kept
    assert selected(without).weight.min() == 1
    for kept, said in ((without, True), (judged(config, (sample, both)).kept, False)):
        assert ("with their randoms" in picture_figure(pictures(kept, RADIUS), RADIUS).get_label()) == said


def test_what_is_kept_is_bounded_and_does_not_depend_on_blocks(toy, sample, monkeypatch):
    monkeypatch.setattr(kept_lines, "MOST", {"targets": 1000, "prompts": 1000, "delayed": 1000, "candidates": 1000})
    monkeypatch.setattr(kept_lines, "MOST_SINGLES", 2000)
    monkeypatch.setattr("pphysml.tasks.petnet.reading.placement.ENOUGH", 100)
    config, n, found = toy.configured(radius=RADIUS), len(sample["n_owned"]), []
    for step in (n, 1000, 37):
        parts = [slice_rows(sample, start, min(start + step, n)) for start in range(0, n, step)]
        found.append(judged(config, *((part, toy.perfect(part, config)) for part in parts)).kept)
    for kept in found:
        assert 400 < len(kept.lines("targets")) <= 1000 and 900 < len(kept.singles) <= 2000 and kept.share in (0.5, 0.25)
        # The same clusters are kept of every kind.
        for name in ("p", "q", "dt"):
            np.testing.assert_array_equal(getattr(kept.lines("targets"), name), getattr(kept.lines("prompts"), name))
            np.testing.assert_array_equal(getattr(kept.lines("targets"), name), getattr(found[0].lines("targets"), name))
        np.testing.assert_array_equal(kept.singles, found[0].singles)


def test_a_picture_shows_where_the_activity_is(toy):
    """A small source aside is there in both slabs, whatever the time of flight tells."""
    sample = toy.cut(toy.scan(np.random.default_rng(5), 6000, source=3.0))
    shift = {"x": 5.0, "z": -4.0}
    there = sample | {name: type(of)(of.flat + np.float32(shift[name]), of.offsets) for name, of in sample.items() if name in shift}
    config = toy.configured(radius=RADIUS, axis="z", centre=(0.0, 0.0, 0.0))
    shown = pictures(judged(config, (there, toy.perfect(there, config))).kept, RADIUS)
    for picture, (across, along) in ((shown.views["selected"].across, (shown.edges, shown.edges)), (shown.views["selected"].through, (shown.edges, shown.z))):
        x, other = ((np.arange(n) + 0.5) / n * (high - low) + low for n, (low, high) in zip(picture.shape[::-1], (across, along), strict=True))
        assert picture.sum(0) @ x / picture.sum() == pytest.approx(5.0, abs=0.6)
        assert picture.sum(1) @ other / picture.sum() == pytest.approx(0.0 if along == shown.edges else -4.0, abs=2.5)


def test_the_time_of_flight_of_kept_lines_leads_back_to_the_source(toy):
    """The end that is nearer to the annihilation sees it first, whichever end comes first in a pair."""
    source, ring = np.array([20.0, -9.0, 0.0]), []
    for number, angle in enumerate((0.3, 1.9, 4.0)):
        direction = np.array([np.cos(angle), np.sin(angle), 0.0])
        along = direction @ source
        root = np.sqrt(along**2 + toy.RADIUS**2 - source @ source)
        singles = [{"event": number, "photon_id": photon, "time": (number * 1e6 + path) / 2.99792458e11, **dict(zip("xyz", source + way * path * direction, strict=True))}
                   for photon, way, path in ((1, 1, root - along), (2, -1, root + along))]
        ring.append(sorted(singles, key=lambda single: single["time"]))
    examples, config = toy.slices(*ring), toy.configured(radius=RADIUS)
    pairs = toy.perfect(examples, config)
    for of in (pairs, pairs | {"first": pairs["second"], "second": pairs["first"]}):
        lines = judged(config, (examples, of)).kept.lines("prompts")
        d = (lines.p - lines.q) / np.linalg.norm(lines.p - lines.q, axis=1)[:, None]
        np.testing.assert_allclose((lines.p + lines.q) / 2 + d * (0.299792458 / 2 * lines.dt)[:, None], np.tile(source, (3, 1)), atol=0.01)
