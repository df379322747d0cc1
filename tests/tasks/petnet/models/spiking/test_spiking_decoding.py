"""Output spikes to pairs of hits, against a slow search."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.tasks.petnet.models.spiking.decoding import Decoder


def columns(rng, n, *, samples=3, span=60.0, crystals=6):
    return rng.integers(0, samples, n), np.round(rng.uniform(0, span, n), 3), rng.integers(0, crystals, n)


def slowly(decoder, hits, spikes):
    """The same words as in the class, spike by spike."""
    stands = {}
    for k, (s, t, c) in enumerate(zip(*spikes, strict=True)):
        near = [(abs(time - t), time, h) for h, (sample, time, crystal) in enumerate(zip(*hits, strict=True))
                if sample == s and crystal == c and t - decoder.before <= time <= t + decoder.after]
        if near:
            distance, _, h = min(near)
            if h not in stands or distance < stands[h][0]:
                stands[h] = (distance, k)
    candidates = []
    for h, (distance, k) in stands.items():
        for g, (other, j) in stands.items():
            if (spikes[0][k] == spikes[0][j] and spikes[1][k] < spikes[1][j] and hits[2][h] != hits[2][g]
                    and spikes[1][j] - spikes[1][k] <= decoder.tolerance
                    and (decoder.partners is None or decoder.partners[hits[2][h], hits[2][g]])):
                candidates.append((spikes[1][j] - spikes[1][k], distance + other, h, g))
    used, found = set(), set()
    for _, _, h, g in sorted(candidates):
        if not {h, g} & used:
            used |= {h, g}
            found.add(frozenset((h, g)))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_against_a_slow_search(seed):
    rng = np.random.default_rng(seed)
    hits = columns(rng, 120)
    which = rng.permutation(120)[:90]
    spikes = tuple(column[which] for column in hits)
    spikes = (spikes[0], spikes[1] + np.round(rng.normal(1, 2, 90), 3), spikes[2])
    partners = rng.random((6, 6)) < 0.7
    for allowed in (None, partners | partners.T):
        decoder = Decoder(1.5, 4.0, 1.0, allowed)
        found = decoder(hits, spikes)
        assert len(found.first) > 10
        assert {frozenset(pair) for pair in zip(found.first, found.second, strict=True)} == slowly(decoder, hits, spikes)
        assert np.all(hits[1][found.first] <= hits[1][found.second])


def test_order_of_hits_and_spikes_does_not_matter():
    rng = np.random.default_rng(7)
    hits, spikes = columns(rng, 80), columns(rng, 80)
    decoder = Decoder(2.0, 5.0, 5.0)
    expected = decoder(hits, spikes)
    order = rng.permutation(80)
    found = decoder(tuple(c[order] for c in hits), tuple(c[order[::-1]] for c in spikes))
    pairs = {frozenset(p) for p in zip(order[found.first], order[found.second], strict=True)}
    assert pairs == {frozenset(p) for p in zip(expected.first, expected.second, strict=True)}


def test_a_perfect_output_is_decoded_perfectly():
    # Decays 10 bins apart, both hits at their own delays; the network answers at the time of the decay.
    rng = np.random.default_rng(1)
    decay = 10.0 * np.arange(50)
    first, second = rng.permutation(50), 50 + rng.permutation(50)
    hits = (np.zeros(100, int), np.concatenate([decay - rng.uniform(0, 4, 50), decay - rng.uniform(0, 4, 50)]), np.concatenate([first, second]))
    spikes = (np.zeros(100, int), np.concatenate([decay, decay]), np.concatenate([first, second]))
    found = Decoder(0.5, 5.0, 0.0)(hits, spikes)
    assert {frozenset(p) for p in zip(found.first, found.second, strict=True)} == {frozenset((i, 50 + i)) for i in range(50)}
    assert np.all(found.difference == 0)


def test_no_pair_without_two_hits():
    decoder = Decoder(1.0, 2.0, 2.0)
    one = (np.array([0]), np.array([5.0]), np.array([3]))
    two = (np.array([0, 0]), np.array([5.0, 5.0]), np.array([3, 4]))
    other = (np.array([0, 1]), np.array([5.0, 5.0]), np.array([3, 4]))
    same = (np.array([0, 0]), np.array([5.0, 5.5]), np.array([3, 3]))
    none = tuple(np.array([], dtype=kind) for kind in (int, float, int))
    assert len(decoder(two, two).first) == 1
    for hits, spikes in ((one, two), (two, one), (other, two), (two, other), (same, same), (none, two), (two, none)):
        assert len(decoder(hits, spikes).first) == 0
