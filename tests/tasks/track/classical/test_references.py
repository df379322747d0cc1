"""Engines without a network, on frames of straight and scattered tracks."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.errors import InputError
from pphysml.io.ragged import Ragged, slice_rows
from pphysml.tasks.track.classical.follower import follow_tracks, follower_rules
from pphysml.tasks.track.classical.follower_exchange import exchange
from pphysml.tasks.track.classical.follower_hits import expected_widths, measured, sorted_hits
from pphysml.tasks.track.classical.follower_score import link_gains
from pphysml.tasks.track.classical.follower_tuning import complete_product, tune_follower
from pphysml.tasks.track.classical.layer_assignment import _better, deflection_links, straight_links
from pphysml.tasks.track.classical.references import (
    DeflectionEngine,
    FollowerEngine,
    PerfectEngine,
    StraightEngine,
    perfect_links,
)
from pphysml.tasks.track.config import DataConfig, TrackConfig
from pphysml.tasks.track.config.engines import DeflectionConfig, FollowerConfig, StraightConfig
from pphysml.tasks.track.tracks.links import Links, frame_of_hit, true_links
from pphysml.tasks.track.tracks.tracks import check_links

ENGINES = {
    "straight": lambda examples: straight_links(examples, StraightConfig()),
    "forward": lambda examples: deflection_links(examples, DeflectionConfig(direction="forward")),
    "backward": lambda examples: deflection_links(examples, DeflectionConfig(direction="backward")),
    "both": lambda examples: deflection_links(examples, DeflectionConfig()),
    "follower": lambda examples: follow_tracks(examples, FollowerConfig()),
}
BENDING = [name for name in ENGINES if name != "straight"]


def scattered(toy, rng, n, layers=12, sigma=0.01, frames=1):
    """Return frames of n protons that scatter by sigma in each layer, starting in a spot of 8 mm."""
    particles = [[toy.Particle(k, range(layers)) for k in range(n)] for _ in range(frames)]
    examples = toy.frames(*particles)
    slopes = np.cumsum(rng.normal(0, sigma, (frames, layers, n, 2)), axis=1)
    position = rng.normal(0, 8, (frames, 1, n, 2)) + toy.PITCH * (np.cumsum(slopes, axis=1) - slopes)
    for axis, name in enumerate("xy"):
        examples[name] = Ragged(position[..., axis].ravel().astype(np.float32), examples["layer"].offsets)
    return examples


def is_true(examples, links):
    return np.array_equal(links.previous, true_links(examples, 10))


@pytest.mark.parametrize("engine", ENGINES)
def test_parallel_tracks_are_found(toy, engine):
    examples = toy.frames([toy.Particle(k, range(8)) for k in range(6)])
    assert is_true(examples, ENGINES[engine](examples))


@pytest.mark.parametrize("engine", BENDING)
def test_tracks_that_cross_are_told_apart_by_their_directions(toy, engine):
    examples = toy.frames([toy.Particle(0, range(10), x=-2.0, slope=0.05), toy.Particle(1, range(10), x=2.5, slope=-0.05)])
    assert is_true(examples, ENGINES[engine](examples))
    assert not is_true(examples, straight_links(examples, StraightConfig()))


def test_the_follower_keeps_a_track_with_a_kink_in_its_cone_and_cuts_one_beyond(toy):
    examples = toy.frames([toy.Particle(k, range(10)) for k in range(3)])
    layer = examples["layer"].flat
    bent = examples["particle"].flat == 1
    examples["x"].flat[bent] += np.maximum(0.0, layer[bent] - 5.0) * toy.PITCH * np.float32(0.1)
    assert is_true(examples, follow_tracks(examples, FollowerConfig(measure=False)))
    cut = follow_tracks(examples, FollowerConfig(max_angle=0.05, measure=False, start_layers=10, late_cost=0.0)).previous
    true = true_links(examples, 1)
    assert np.array_equal(np.flatnonzero(cut != true), np.flatnonzero(bent & (layer == 6)))


@pytest.mark.parametrize("missing", [0, 1])
def test_a_sensor_that_missed_a_proton(toy, missing):
    examples = toy.frames([toy.Particle(0, [0, 1, 2, 3, 5, 6, 7, 8]), toy.Particle(1, range(9))])
    found = follow_tracks(examples, FollowerConfig(missing_layers=missing))
    after = (examples["particle"].flat == 0) & (examples["layer"].flat == 5)
    expected = true_links(examples, 1)
    if not missing:
        expected[after] = -1
        # What is behind the gap starts too late for a seed.
        expected[(examples["particle"].flat == 0) & (examples["layer"].flat > 5)] = -1
    assert np.array_equal(found.previous, expected)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("layers", [[], [0], [0, 0, 0], [3, 3]])
def test_frames_without_two_layers_have_no_links(toy, engine, layers):
    examples = toy.frames([toy.Particle(k, [layer]) for k, layer in enumerate(layers)], [])
    links = ENGINES[engine](examples)
    assert len(links.previous) == len(links.probability) == len(layers)
    assert (links.previous == -1).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_links_are_chains_inside_frames(toy, engine):
    examples = toy.random_frames(np.random.default_rng(3), 12)
    links = ENGINES[engine](examples)
    check_links(examples, links)
    assert ((links.probability >= 0) & (links.probability <= 1)).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_frame_does_not_know_of_the_others(toy, engine):
    examples = scattered(toy, np.random.default_rng(4), 30, frames=4)
    together, first = ENGINES[engine](examples).previous, 0
    for row in range(4):
        alone = ENGINES[engine](slice_rows(examples, row, row + 1)).previous
        part = together[first : first + len(alone)]
        assert np.array_equal(np.where(part >= 0, part - first, -1), alone)
        first += len(alone)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_order_of_hits_in_a_layer_does_not_matter(toy, engine):
    rng = np.random.default_rng(5)
    examples = scattered(toy, rng, 40)
    order = np.lexsort((rng.random(len(examples["layer"].flat)), examples["layer"].flat))
    shuffled = {name: Ragged(column.flat[order], column.offsets) if isinstance(column, Ragged) else column for name, column in examples.items()}
    found = ENGINES[engine](shuffled).previous
    previous = np.full(len(order), -1)
    previous[order] = np.where(found >= 0, order[found], -1)
    assert np.array_equal(previous, ENGINES[engine](examples).previous)


def test_the_follower_finds_more_than_assignment_and_exchanges_help(toy):
    examples = scattered(toy, np.random.default_rng(6), 120, frames=3)
    found = {name: complete_product(examples, ENGINES[name](examples)) for name in ENGINES}
    alone = complete_product(examples, follow_tracks(examples, FollowerConfig(exchanges=0)))
    assert found["follower"] > max(value for name, value in found.items() if name != "follower")
    assert found["follower"] > max(alone, 0.95)
    assert found["straight"] < 0.7


def test_exchanges_undo_mixed_up_tracks_and_only_raise_the_score(toy):
    examples = scattered(toy, np.random.default_rng(11), 100, sigma=0.02)
    hits, order = sorted_hits(examples)
    rules, offsets = follower_rules(FollowerConfig(max_angle=1.4, seed_angle=1.4, max_scatter=1e4)), examples["layer"].offsets
    true = true_links(examples, 1)[order]
    true = np.where(true >= 0, np.argsort(order)[true], -1)
    mixed = true.copy()
    for layer in (3, 4, 8):
        some = np.flatnonzero(hits[:, 3] == layer)
        mixed[some] = true[some.reshape(-1, 2)[:, ::-1].ravel()]
    scores = []
    for sweeps in (0, 1, 2, 20):
        previous = mixed.copy()
        exchange(hits, rules, offsets, previous, sweeps)
        scores.append(link_gains(hits, rules, previous).sum())
    assert np.isfinite(scores[0])
    assert scores == sorted(scores)
    assert scores[-1] - scores[0] > 0.99 * (link_gains(hits, rules, true).sum() - scores[0])
    assert (mixed == true).mean() < 0.8
    assert (previous == true).mean() > 0.98


def test_a_free_hit_is_put_into_a_track_that_left_its_layer_out(toy):
    examples = toy.frames([toy.Particle(k, range(8)) for k in range(2)])
    hits, order = sorted_hits(examples)
    true = true_links(examples, 1)[order]
    true = np.where(true >= 0, np.argsort(order)[true], -1)
    previous = true.copy()
    free = np.flatnonzero((hits[:, 3] == 4) & (hits[:, 0] < 4.0))[0]
    previous[np.flatnonzero(true == free)] = true[free]
    previous[free] = -1
    exchange(hits, follower_rules(FollowerConfig()), examples["layer"].offsets, previous, 5)
    assert np.array_equal(previous, true)


def test_both_directions_combined_give_chains_that_keep_what_both_found(toy):
    examples = scattered(toy, np.random.default_rng(7), 60, sigma=0.03)
    forward, backward = ENGINES["forward"](examples).previous, ENGINES["backward"](examples).previous
    combined = _better(examples, forward, backward, 0.15)
    check_links(examples, Links(combined, np.ones(len(combined), dtype=np.float32)))
    assert not np.array_equal(forward, backward)
    assert (combined == true_links(examples, 1)).sum() >= (backward == true_links(examples, 1)).sum()


def test_widths_and_directions_are_measured_on_the_tracks(toy):
    examples = scattered(toy, np.random.default_rng(8), 400, sigma=0.01)
    start = examples["layer"].flat == 0
    # Protons that seem to come from a point 200 mm in front.
    for name in "xy":
        first = np.tile(examples[name].flat[start], 12)
        examples[name].flat[:] += first * examples["layer"].flat * np.float32(toy.PITCH / 200.0)
    hits, order = sorted_hits(examples)
    inverse = np.argsort(order)
    true = true_links(examples, 1)[order]
    found = measured(hits, examples["layer"].offsets, np.where(true >= 0, inverse[true], -1))
    inner = (hits[:, 3] > 0) & (hits[:, 3] < 11)
    assert np.allclose(found[inner, 4], 0.01, rtol=0.15)
    assert np.allclose(found[:, 5], hits[:, 0] / 200.0, atol=0.003)
    assert np.allclose(found[:, 7], 0.01, rtol=0.15)


def test_expected_widths_grow_with_depth_and_with_the_material(toy):
    examples = toy.frames([toy.Particle(k, range(10)) for k in range(4)])
    layer = examples["layer"].flat
    assert np.ptp(expected_widths(examples)) == 0.0
    examples["depth"].flat[:] = 8.0 * layer
    examples["gap_lengths"].flat[:] = 0.04
    width = expected_widths(examples)
    assert (np.diff(width[np.argsort(layer, kind="stable")].reshape(10, 4)[:, 0]) > 0).all()
    examples["gap_lengths"].flat[:] = 0.16
    assert (expected_widths(examples) > 2.0 * width).all()


def test_perfect_links_are_the_true_ones_within_the_cuts(toy):
    examples = toy.frames([toy.Particle(0, [0, 1, 2, 4, 5]), toy.Particle(1, range(6), slope=0.3), toy.Particle(-1, [2])])
    true = true_links(examples, 1)
    wide = DataConfig(max_angle=0.5, max_front_angle=0.5, max_step=None)
    narrow = wide.model_copy(update={"max_front_angle": 0.2})
    assert np.array_equal(perfect_links(examples, wide).previous, true)
    front = (examples["particle"].flat == 1) & (examples["layer"].flat <= 2)
    assert np.array_equal(perfect_links(examples, narrow).previous, np.where(front, -1, true))
    inclined = examples["particle"].flat == 1
    short = perfect_links(examples, wide.model_copy(update={"max_step": 2.9})).previous
    assert np.array_equal(short, np.where(inclined, -1, true))
    skipped = examples["layer"].flat - examples["layer"].flat[true] == 2
    skipping = perfect_links(examples, wide.model_copy(update={"skip_layers": 0})).previous
    assert np.array_equal(skipping, np.where(skipped, -1, true))


def test_perfect_links_need_truth(toy):
    examples = toy.frames([toy.Particle(0, range(3))])
    with pytest.raises(InputError, match="no truth"):
        perfect_links({name: column for name, column in examples.items() if name != "particle"}, DataConfig())


@pytest.mark.parametrize("engine", [StraightEngine, DeflectionEngine, FollowerEngine, PerfectEngine])
def test_engines_write_one_track_per_proton(toy, engine):
    examples = toy.frames([toy.Particle(k, range(8)) for k in range(5)], [], [toy.Particle(0, range(4))])
    columns = engine(TrackConfig(), None, "cpu")(examples)
    assert columns["n_hits_of_track"].counts.tolist() == [5, 0, 1]
    assert columns["n_hits_of_track"].flat.tolist() == [8] * 5 + [4]


def test_tuning_takes_what_raises_the_figure(toy):
    examples = scattered(toy, np.random.default_rng(9), 60, sigma=0.02)
    poor = FollowerConfig(max_angle=0.02, exchanges=0)
    options, best = tune_follower(examples, poor, grid={"max_angle": (0.05, 0.2), "branches": (1, 4)})
    assert best == complete_product(examples, follow_tracks(examples, options))
    assert options.max_angle > 0.02
    assert options.exchanges == 0
    assert best > complete_product(examples, follow_tracks(examples, poor))


def test_complete_product_of_true_links_is_one_and_of_fragments_falls(toy):
    examples = scattered(toy, np.random.default_rng(10), 10)
    true = true_links(examples, 1)
    assert complete_product(examples, Links(true, np.ones(len(true), dtype=np.float32))) == 1.0
    cut = np.where((examples["layer"].flat == 6) & (examples["particle"].flat < 4), -1, true)
    # Six of ten protons are complete, among fourteen tracks.
    assert complete_product(examples, Links(cut, np.ones(len(cut), dtype=np.float32))) == pytest.approx(0.6 * 6 / 14)
    assert frame_of_hit(examples).max() == 0


def test_references_have_options_of_their_own_and_not_those_of_the_network(toy):
    examples = scattered(toy, np.random.default_rng(6), 60)
    narrow = TrackConfig.model_validate({"data": {"max_angle": 0.01, "max_front_angle": 0.01}})
    for engine in (StraightEngine, FollowerEngine):
        found, usual = (engine(config, None, None).links(examples) for config in (narrow, TrackConfig()))
        assert np.array_equal(found.previous, usual.previous)
    assert "max_angle=0.01" in PerfectEngine(narrow, None, None).facts()["links"]


def test_the_follower_is_tuned_to_frames_with_truth(toy):
    examples = scattered(toy, np.random.default_rng(6), 60)
    poor = {"max_angle": 0.02, "tune": True}
    engine = FollowerEngine(TrackConfig.model_validate({"apply": {"follower": poor}}), None, None)
    assert engine.wants_truth(examples) and engine.facts()["options"] == "as given"
    before = complete_product(examples, engine.links(examples))
    engine.fit(examples)
    assert complete_product(examples, engine.links(examples)) > before + 0.1
    assert "max_angle=" in engine.facts()["options"]
