"""The network `relay`: symmetries, compiled against plain messages, and what it can learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pphysml.io.ragged import Ragged, slice_rows
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.judging.track_metrics import tally_tracks
from pphysml.tasks.track.models import relay
from pphysml.tasks.track.models.batches import collate
from pphysml.tasks.track.models.link_assignment import gains, link_probabilities, links_of
from pphysml.tasks.track.models.losses import competition_loss
from pphysml.tasks.track.models.messages import plain_strongest, strongest
from pphysml.tasks.track.models.network_links import find_links
from pphysml.tasks.track.models.relay import Relay, against_rivals, best_of_each
from pphysml.tasks.track.models.scores import score
from pphysml.tasks.track.tracks.links import Links
from pphysml.tasks.track.tracks.tracks import find_tracks
from pphysml.tasks.track.tracks.true_tracks import true_hits

LAYERS, PITCH = 8, 5.0
CONFIG = TrackConfig(data={"max_front_angle": 0.4})


def tracks(seed, n_frames=4, n_tracks=20, scatter=0.02):
    """Return frames of particles that scatter a little in every layer, from one spot of 5 mm."""
    rng = np.random.default_rng(seed)
    shape = (n_frames, LAYERS, n_tracks)
    slopes = np.cumsum(rng.normal(0, scatter, (2, *shape)), axis=2) + rng.normal(0, 0.05, (2, n_frames, 1, n_tracks))
    place = np.cumsum(PITCH * slopes, axis=2) + rng.normal(0, 5, (2, n_frames, 1, n_tracks))
    layer = np.broadcast_to(np.arange(LAYERS)[None, :, None], shape)
    loss = 1 + layer / LAYERS + rng.random(shape) * 0.2
    particle = np.broadcast_to(np.arange(n_tracks), shape)
    columns = {
        "layer": layer.astype(np.int16), "x": place[0].astype("f4"), "y": place[1].astype("f4"), "z": (PITCH * layer).astype("f4"),
        "dedx": loss.astype("f4"), "edep": loss.astype("f4"), "cluster_size": np.full(shape, 3, np.int32),
        "particle": particle, "proton": particle, "primary": np.ones(shape, bool),
    }
    counts = np.full(n_frames, LAYERS * n_tracks)
    hits = {name: Ragged.from_counts(np.ascontiguousarray(values).ravel(), counts) for name, values in columns.items()}
    return hits | {"n_protons": np.full(n_frames, n_tracks), "pitch_x": np.full(n_frames, 0.03), "pitch_y": np.full(n_frames, 0.03)}


def complete(frames, links):
    """Return 1 for each particle that is complete, 0 for others."""
    counts = tally_tracks(true_hits(frames), find_tracks(frames, links))
    return counts["complete"][counts["protons"] > 0]


def network(seed=1, **options):
    torch.manual_seed(seed)
    return Relay(TrackConfig(model=options).model)


def permuted(frames, seed):
    """Put the hits of every layer of one frame in another order; return the frames and that order."""
    rng = np.random.default_rng(seed)
    layer = frames["layer"].flat
    order = np.lexsort((rng.random(len(layer)), layer))
    hits = {name: Ragged(column.flat[order], column.offsets) for name, column in frames.items() if isinstance(column, Ragged)}
    return frames | hits, order


@pytest.mark.parametrize("seed", range(3))
def test_compiled_messages_and_their_gradients_are_the_plain_ones(seed):
    generator = torch.Generator().manual_seed(seed)
    e, k, m = 30, 4, 5
    index = torch.randint(-1, e, (e, k), generator=generator)
    angle = torch.randn(e, k, 2, generator=generator)
    inputs = [torch.randn(shape, generator=generator, requires_grad=True) for shape in ((e, m), (e, m), (m, 2))]
    weight = torch.randn(e, m, generator=generator)
    results = []
    for function in (strongest, plain_strongest):
        out = function(inputs[0], inputs[1], index, angle, inputs[2])
        results.append((out, *torch.autograd.grad((out * weight).sum(), inputs)))
    for compiled, plain in zip(*results, strict=True):
        torch.testing.assert_close(compiled, plain, atol=1e-5, rtol=1e-5)


def test_scores_do_not_depend_on_the_order_of_the_hits():
    frames = tracks(1, n_frames=1)
    shuffled, order = permuted(frames, 2)
    model = network().eval()
    with torch.no_grad():
        one, other = (collate(f, CONFIG) for f in (frames, shuffled))
        first, second = model(one), model(other)
    found = {(int(d), int(s)): float(v) for d, s, v in zip(one["deep"], one["shallow"], first.link, strict=True)}
    again = {(int(order[d]), int(order[s])): float(v) for d, s, v in zip(other["deep"], other["shallow"], second.link, strict=True)}
    assert found.keys() == again.keys()
    np.testing.assert_allclose([again[key] for key in found], list(found.values()), atol=1e-4)
    np.testing.assert_allclose(second.start, first.start[order], atol=1e-4)


def test_links_taken_in_small_parts_have_the_scores_of_all_together(monkeypatch):
    batch, model = collate(tracks(3), CONFIG), network(2)
    together = model(batch)
    monkeypatch.setattr(relay, "LOOKED_AT", 11)
    monkeypatch.setattr(relay, "UPDATED", 7)
    with torch.no_grad():
        apart = model(batch)
    for one, other in zip(together, apart, strict=True):
        torch.testing.assert_close(one.detach(), other)


def test_hopeless_links_keep_the_score_of_the_first_look_and_do_not_disturb_the_others():
    batch, model = collate(tracks(9), CONFIG), network(4)
    with torch.no_grad():
        model.look[-1].weight.mul_(40)
        every = model(batch)
        probability = [torch.exp(against_rivals(every.early[:, None], batch[side], len(batch["x"])))[:, 0] for side in ("deep", "shallow")]
        hopeless = torch.minimum(*probability) < 0.02
        model.hopeless = math.log(0.02)
        pruned = model(batch)
        # How straight they are continued no longer matters, unless they take part.
        scale = torch.where(hopeless, 1000 * torch.rand(len(hopeless)), 1.0)
        bent = batch | {"before_scale": scale, "after_scale": scale}
        pruned_again = model(bent)
        model.hopeless = -math.inf
        every_again = model(bent)
    assert 0.1 < hopeless.float().mean() < 0.9
    torch.testing.assert_close(pruned.link[hopeless], every.early[hopeless])
    torch.testing.assert_close(pruned.link, pruned_again.link)
    for others in (every_again.link, pruned.link):
        assert not torch.allclose(every.link[~hopeless], others[~hopeless], atol=1e-3)


def test_the_best_links_of_every_hit_are_found():
    rng = np.random.default_rng(5)
    for most in (1, 3, 100):
        hit, score = rng.integers(0, 6, 40), rng.normal(size=40)
        expected = [e for e in range(40) if (score[hit == hit[e]] > score[e]).sum() < most]
        found = best_of_each(torch.from_numpy(hit), torch.from_numpy(score), 7, most)
        assert found.tolist() == expected


def test_a_batch_of_frames_has_the_scores_of_single_frames():
    frames, model = tracks(2), network().eval()
    with torch.no_grad():
        together = model(collate(frames, CONFIG))
        alone = [model(collate(slice_rows(frames, i, i + 1), CONFIG)) for i in range(4)]
    for name in ("link", "start", "end"):
        torch.testing.assert_close(getattr(together, name), torch.cat([getattr(a, name) for a in alone]), atol=1e-5, rtol=1e-5)


def test_the_place_of_the_beam_does_not_matter():
    frames, model = tracks(3), network().eval()
    moved = frames | {"x": Ragged(frames["x"].flat + np.float32(64), frames["x"].offsets)}
    with torch.no_grad():
        here, there = model(collate(frames, CONFIG)), model(collate(moved, CONFIG))
    torch.testing.assert_close(here.link, there.link, atol=2e-3, rtol=1e-3)


def test_the_loss_is_the_cross_entropy_of_each_hits_choice():
    frames = tracks(4, n_frames=1, n_tracks=5)
    batch = collate(frames, CONFIG)
    scores = score(network(), batch)
    total = count = 0.0
    for side, free in (("deep", scores.start), ("shallow", scores.end)):
        for hit in range(len(batch["x"])):
            mine = batch[side] == hit
            if not mine.any():
                continue
            choice = torch.cat([free[hit : hit + 1], scores.link[mine]])
            true = torch.nonzero(batch["truth"][mine])[:, 0]
            total -= torch.log_softmax(choice, 0)[1 + int(true[0]) if len(true) else 0].item()
            count += 1
    term = competition_loss(scores, batch)
    assert term.total.item() == pytest.approx(total, rel=1e-5)
    assert term.count.item() == count


def test_links_of_the_best_assignment_beat_every_exchange():
    batch = collate(tracks(5, n_frames=1, n_tracks=8), CONFIG)
    model = network(2)
    with torch.no_grad():
        scores = model(batch)
        gain = gains(scores, batch).numpy() + 2.0
        probability = link_probabilities(scores, batch).numpy()
    deep, shallow, n = batch["deep"].numpy(), batch["shallow"].numpy(), len(batch["x"])
    found = links_of(gain, probability, deep, shallow, n, no_link=True)
    used = found.previous[found.previous >= 0]
    assert len(used) == len(set(used)) > 0
    by_pair = {(d, s): g for d, s, g in zip(deep, shallow, gain, strict=True)}
    linked = {d: s for d, s in enumerate(found.previous) if s >= 0}
    assert all(by_pair[pair] > 0 for pair in linked.items())
    for d, s in linked.items():
        for e, t in linked.items():
            swapped = by_pair.get((d, t), -np.inf) + by_pair.get((e, s), -np.inf)
            assert d == e or swapped <= by_pair[d, s] + by_pair[e, t] + 1e-6


def test_a_short_training_finds_nearly_all_tracks():
    model = network(3, width=16, rounds=2)
    batch = collate(tracks(6, n_frames=16), CONFIG)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(60):
        term = competition_loss(model(batch), batch)
        optimizer.zero_grad()
        (term.total / term.count).backward()
        optimizer.step()
    held_out = tracks(7, n_frames=4)
    assert complete(held_out, find_links(model, held_out, CONFIG)).mean() > 0.9


def test_completeness_asks_for_all_and_only_the_particles_own_hits():
    frames = tracks(8, n_frames=1, n_tracks=3)
    hit = np.arange(LAYERS * 3).reshape(LAYERS, 3)
    perfect = np.concatenate([np.full((1, 3), -1), hit[:-1]])
    missing, swapped = perfect.copy(), perfect.copy()
    missing[4, 1] = -1
    swapped[5, :2] = swapped[5, 1::-1]
    for previous, expected in ((perfect, [1, 1, 1]), (missing, [1, 0, 1]), (swapped, [0, 0, 1])):
        assert complete(frames, Links(previous.ravel(), np.ones(previous.size))).tolist() == expected
