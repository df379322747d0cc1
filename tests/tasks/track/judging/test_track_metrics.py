"""Counts of tracks and links against numbers counted by hand, and against slow plain Python."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.track.config import DataConfig
from pphysml.tasks.track.judging.published_metrics import published_rates
from pphysml.tasks.track.judging.track_metrics import deflections, tally_links, tally_tracks
from pphysml.tasks.track.models.graph import candidate_links
from pphysml.tasks.track.tracks.links import Links, frame_of_hit, true_links
from pphysml.tasks.track.tracks.true_tracks import previous_of, tracks_of, true_hits


def along(particle, layers):
    return [(particle, layer) for layer in layers]


def counted(toy, examples, links):
    """Sums over all protons and frames, and the published rates of each frame."""
    found = toy.predicted(examples, links)
    hits, tracks = true_hits(examples), tracks_of(examples, found)
    deep, shallow = candidate_links(examples, DataConfig())
    counts = tally_tracks(hits, tracks) | tally_links(hits, previous_of(examples, found), deep, shallow)
    sums = {name: int(values.sum()) for name, values in counts.items()}
    return sums, published_rates(hits, tracks, examples["edep"].flat > 0.0625)


def test_perfect_links(toy):
    examples = toy.frames([toy.Particle(k, range(6)) for k in range(3)], [toy.Particle(0, range(9))])
    sums, (purity, efficiency) = counted(toy, examples, Links(true_links(examples, 1), np.ones(27)))
    assert sums["protons"] == sums["with_primary"] == sums["complete"] == sums["matched"] == sums["tracks"] == 4
    assert sums["fakes"] == sums["duplicates"] == sums["false_links"] == sums["lost_links"] == 0
    assert sums["found_links"] == sums["true_links"] == sums["made_links"] == 3 * 5 + 8
    assert purity.tolist() == efficiency.tolist() == [1, 1]


def test_two_tracks_that_exchange_their_ends(toy):
    examples = toy.frames([toy.Particle(0, range(5)), toy.Particle(1, range(5))])
    links = toy.chains(examples, (0, *along(0, range(3)), *along(1, [3, 4])), (0, *along(1, range(3)), *along(0, [3, 4])))
    sums, (purity, efficiency) = counted(toy, examples, links)
    assert (sums["complete"], sums["matched"], sums["tracks"], sums["fakes"], sums["duplicates"]) == (0, 0, 2, 2, 0)
    assert (sums["true_links"], sums["found_links"], sums["made_links"], sums["false_links"]) == (8, 6, 8, 2)
    assert purity.tolist() == efficiency.tolist() == [0]


def test_a_track_in_two_pieces_counts_twice_only_as_published(toy):
    examples = toy.frames([toy.Particle(0, range(10))])
    links = toy.chains(examples, (0, *along(0, range(5))), (0, *along(0, range(5, 10))))
    sums, (purity, efficiency) = counted(toy, examples, links)
    assert (sums["complete"], sums["matched"], sums["tracks"], sums["fakes"], sums["duplicates"]) == (0, 0, 2, 0, 1)
    assert (sums["true_links"], sums["found_links"], sums["false_links"]) == (9, 8, 0)
    assert purity.tolist() == [1] and efficiency.tolist() == [2]


def test_two_protons_in_one_track(toy):
    examples = toy.frames([toy.Particle(0, range(2)), toy.Particle(1, range(2, 10))])
    links = toy.chains(examples, (0, *along(0, range(2)), *along(1, range(2, 10))))
    sums, (purity, efficiency) = counted(toy, examples, links)
    # Eight of ten hits are those of the second proton, and all that it has.
    assert (sums["complete"], sums["matched"], sums["tracks"], sums["fakes"]) == (0, 1, 1, 0)
    assert purity.tolist() == efficiency.tolist() == [0]


def test_a_track_with_noise_is_left_out_of_the_published_purity(toy):
    examples = toy.frames([toy.Particle(0, range(1, 6)), toy.Particle(-1, [0]), toy.Particle(1, range(6))])
    links = toy.chains(examples, (0, (-1, 0), *along(0, range(1, 6))), (0, *along(2, range(6))))
    sums, (purity, efficiency) = counted(toy, examples, links)
    assert (sums["complete"], sums["matched"], sums["tracks"], sums["fakes"]) == (1, 2, 2, 0)
    assert (sums["true_links"], sums["made_links"], sums["false_links"]) == (9, 10, 1)
    assert purity.tolist() == [1] and efficiency.tolist() == [0.5]


def test_secondaries_are_no_fake_but_no_proton_either(toy):
    examples = toy.frames([toy.Particle(0, range(3)), toy.Particle(0, range(3, 6), primary=False, x=0.0),
                           toy.Particle(1, range(4), primary=False)])
    links = toy.chains(examples, (0, *along(0, range(3)), *along(1, range(3, 6))), (0, *along(2, range(4))))
    sums, (purity, efficiency) = counted(toy, examples, links)
    assert (sums["protons"], sums["with_primary"]) == (2, 1)
    assert (sums["complete"], sums["matched"], sums["tracks"], sums["fakes"], sums["duplicates"]) == (0, 0, 2, 0, 0)
    assert purity.tolist() == [0]
    assert np.isnan(efficiency).tolist() == [True], "no proton of this frame has primary hits only"


def test_published_cuts(toy):
    examples = toy.frames([toy.Particle(0, range(4)), toy.Particle(1, range(5)), toy.Particle(2, range(5), edep=0.05)])
    _, (purity, efficiency) = counted(toy, examples, Links(true_links(examples, 1), np.ones(14)))
    # One of three is long enough and loses enough; all three are expected.
    assert purity.tolist() == [1] and efficiency.tolist() == pytest.approx([1 / 3])


def test_links_out_of_reach_are_counted_as_lost(toy):
    # A particle at 0.8 rad, one that leaves out two layers, and one that is seen throughout.
    examples = toy.frames([toy.Particle(0, range(3, 7), slope=np.tan(0.8)), toy.Particle(1, [3, 6]), toy.Particle(2, range(3, 7))])
    sums, _ = counted(toy, examples, Links(np.full(10, -1), np.ones(10)))
    assert (sums["true_links"], sums["lost_links"], sums["true_candidates"]) == (7, 4, 3)


def test_a_merged_cluster_belongs_to_the_track_of_either_proton(toy):
    """Hit of layer 2 of the second proton is in a cluster of the first one; tracks that pass over it share it."""
    examples = toy.frames([toy.Particle(0, range(5)), toy.Particle(1, [0, 1, 3, 4])])
    second = np.where((examples["layer"].flat == 2), 1, -1)
    merged = examples | {"second_proton": Ragged(second.astype(np.int32), examples["layer"].offsets)}
    first, other = along(0, range(5)), along(1, [0, 1, 3, 4])
    with_it, without = [*along(1, [0, 1]), (0, 2), *along(1, [3, 4])], [*along(0, [0, 1]), *along(0, [3, 4])]
    for a, b, complete, plain in ((first, other, 2, 2), (with_it, without, 2, 1), (with_it, [], 1, 0), (other, without, 1, 1)):
        links = toy.chains(examples, *[(0, *track) for track in (a, b) if track])
        sums, _ = counted(toy, merged, links)
        assert (sums["complete"], sums["protons"], sums["fakes"]) == (complete, 2, 0)
        assert counted(toy, examples, links)[0]["complete"] == plain


def test_a_foreign_hit_in_which_a_proton_has_no_share_spoils_its_track(toy):
    examples = toy.frames([toy.Particle(0, range(5)), toy.Particle(1, [0, 1, 3, 4])])
    second = np.where(examples["layer"].flat == 3, 1 - examples["proton"].flat, -1)
    examples |= {"second_proton": Ragged(second.astype(np.int32), examples["layer"].offsets)}
    links = toy.chains(examples, (0, *along(1, [0, 1]), (0, 2), *along(1, [3, 4])))
    assert counted(toy, examples, links)[0]["complete"] == 0


def test_a_proton_without_clusters_of_its_own_has_no_complete_track(toy):
    examples = toy.frames([toy.Particle(0, range(5)), toy.Particle(1, [5], primary=False)])
    examples |= {"second_proton": Ragged(np.array([1, 1, 1, 1, 1, -1], np.int32), examples["layer"].offsets)}
    sums, _ = counted(toy, examples, toy.chains(examples, (0, *along(0, range(4)))))
    assert (sums["complete"], sums["matched"]) == (0, 1)


def slow_counts(examples, found, share=0.75):
    """The same counts from sets, one frame and one track at a time."""
    counts, rates = Counter(), []
    deep, shallow = candidate_links(examples, DataConfig())
    of_frame = frame_of_hit(examples)
    for row in range(len(examples["layer"])):
        proton, particle, primary, layer, edep = (examples[k][row].tolist() for k in ("proton", "particle", "primary", "layer", "edep"))
        listed = found["track_hits"][row].tolist()
        tracks = [[listed.pop(0) for _ in range(size)] for size in found["n_hits_of_track"][row]]
        second = examples["second_proton"][row].tolist() if "second_proton" in examples else [-1] * len(proton)
        own = {p: {h for h, q in enumerate(proton) if q == p and primary[h]} for p in set(proton) - {-1}}
        counts["protons"] += len(own)
        counts["with_primary"] += sum(bool(hits) for hits in own.values())
        counts["primary_hits"] += sum(map(len, own.values()))
        held = {p: hits | {h for h, q in enumerate(second) if q == p} for p, hits in own.items()}
        counts["tracks"] += len(tracks)
        pieces = Counter()
        for track in map(set, tracks):
            for name, least in (("complete", 1), ("matched", share)):
                counts[name] += any(len(held[p] & track) >= least * len(track) and hits & track and len(hits & track) >= least * len(hits)
                                    for p, hits in own.items())
            most, p = max([(len(held[p] & track), -p) for p in held] or [(0, 0)])
            pieces[p] += most >= share * len(track)
            counts["fakes"] += not any(sum(p in (proton[h], second[h]) for h in track) >= share * len(track) for p in own)
        counts["duplicates"] += sum(max(0, n - 1) for n in pieces.values())
        long = [t for t in tracks if len(t) > 4 and edep[t[-1]] > 0.0625 and all(primary[h] for h in t)]
        pure = [t for t in long if len({proton[h] for h in t}) == 1]
        true = [p for p in own if all(primary[h] for h, q in enumerate(proton) if q == p)]
        rates.append((len(pure) / max(len(long), 1), len(pure) / len(true) if true else np.nan))
        true_previous = []
        for h in range(len(layer)):
            before = [g for g in range(len(layer)) if particle[g] == particle[h] >= 0 and layer[g] < layer[h]]
            true_previous.append(max(before, key=lambda g: layer[g], default=-1))
        previous = found["hit_previous"][row].tolist()
        start = examples["layer"].offsets[row]
        candidates = {(int(d - start), int(s - start)) for d, s in zip(deep, shallow, strict=True) if of_frame[d] == row}
        for h, (t, p) in enumerate(zip(true_previous, previous, strict=True)):
            counts["true_links"] += t >= 0
            counts["found_links"] += t == p >= 0
            counts["made_links"] += p >= 0
            counts["false_links"] += p >= 0 and t != p
            counts["lost_links"] += t >= 0 and (h, t) not in candidates
        for d, s in candidates:
            kind, taken = ("true", "found") if true_previous[d] == s else ("false", "taken")
            counts[f"{kind}_candidates"] += 1
            counts[f"{taken}_candidates"] += previous[d] == s
    return dict(counts), rates


def with_second(rng, examples):
    """Return a second proton of a third of the hits, none of which is the first one's own hit."""
    proton, rows = examples["proton"].flat, examples["proton"].offsets
    second = rng.integers(0, np.repeat(examples["n_protons"], np.diff(rows)))
    second[(rng.random(len(second)) < 0.67) | (examples["primary"].flat & (second == proton))] = -1
    return Ragged(second.astype(np.int32), rows)


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_random_links_against_plain_python(toy, seed, merged):
    rng = np.random.default_rng(seed)
    examples = toy.random_frames(rng, 10)
    if merged:
        examples |= {"second_proton": with_second(rng, examples)}
    links = toy.random_links(rng, examples, true_links(examples, 1), wrong=0.2)
    slow, rates = slow_counts(examples, toy.predicted(examples, links))
    sums, published = counted(toy, examples, links)
    assert {name: sums[name] for name in slow} == slow
    assert slow["false_links"] > 10 and slow["complete"] > 3 and slow["lost_links"] > 0 and slow["duplicates"] > 0
    np.testing.assert_allclose(np.transpose(published), rates)


def test_counts_belong_to_their_protons(toy):
    """Only the second frame has a mistake, made with the hits of its first proton and its noise."""
    examples = toy.frames([toy.Particle(0, range(5))], [toy.Particle(0, range(1, 3)), toy.Particle(-1, [0]), toy.Particle(1, range(5))])
    links = toy.chains(examples, (0, *along(0, range(5))), (1, (-1, 0), *along(0, range(1, 3))), (1, *along(2, range(5))))
    hits, tracks = true_hits(examples), tracks_of(examples, toy.predicted(examples, links))
    counts = tally_tracks(hits, tracks)
    assert counts["frame"].tolist() == [0, 1, 1, 0, 1]
    assert counts["complete"].tolist() == [1, 0, 1, 0, 0]
    assert counts["tracks"].tolist() == [1, 1, 1, 0, 0]
    assert counts["fakes"].tolist() == [0, 1, 0, 0, 0]
    links = tally_links(hits, links.previous, *candidate_links(examples, DataConfig()))
    assert links["false_links"].tolist() == [0, 1, 0, 0, 0]


def test_deflections_do_not_depend_on_the_frame_of_reference():
    x, y, z = np.array([0.0, 0, 1, 1]), np.zeros(4), np.array([0.0, 1, 2, 3])
    previous = np.array([-1, 0, 1, 2])
    np.testing.assert_allclose(deflections(x, y, z, previous), [np.pi / 4, np.pi / 4])
    np.testing.assert_allclose(deflections(1e-7 * x, y, z, previous), [1e-7, 1e-7], rtol=1e-9)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    np.testing.assert_allclose(deflections(*(rotation @ np.stack([x, y, z])), previous), [np.pi / 4, np.pi / 4])
