"""Compiled loops that resolve ambiguities: tracks exchange hits and tails while that raises their summed score."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from ....io.ragged import Array
from .follower_score import (
    LAYER,
    MARGIN,
    WIDTH,
    FollowerRules,
    X,
    Y,
    Z,
    direction,
    first_at,
    layers_of,
    link_gain,
    link_gains,
)

LEAST = 1e-9
"""Smallest rise of the score for which hits are exchanged, well above rounding."""

NEAR = 5.0
"""Hits of one layer are exchanged within this many widths of scattering over one gap."""


class State(NamedTuple):
    """Links of H hits, each array (H,).

    Attributes:
        previous, following: hit before and behind on the track, -1 for none.
        gain: of the link in front of each hit.
    """

    previous: Array
    following: Array
    gain: Array


@njit(cache=True, nogil=True)
def exchange(hits: Array, rules: FollowerRules, offsets: Array, previous: Array, sweeps: int) -> None:
    """Change `previous` in place; at most this many sweeps over each frame, fewer when nothing is left to do.

    Each exchange raises the sum of the scores of all tracks of the frame, so that it ends.
    """
    following = np.full(len(previous), -1, dtype=np.int64)
    for hit in range(len(previous)):
        if previous[hit] >= 0:
            following[previous[hit]] = hit
    state = State(previous, following, link_gains(hits, rules, previous))
    for frame in range(len(offsets) - 1):
        if offsets[frame + 1] > offsets[frame]:
            _exchange_in_frame(hits, rules, layers_of(hits, offsets[frame], offsets[frame + 1]), state, sweeps)


@njit(cache=True, nogil=True)
def _exchange_in_frame(hits: Array, rules: FollowerRules, start: Array, state: State, sweeps: int) -> None:
    layers = len(start) - 1
    changed = np.ones(layers, dtype=np.bool_)
    for _ in range(sweeps):
        before, changed = changed, np.zeros(layers, dtype=np.bool_)
        for layer in range(layers):
            # A link's neighbourhood reaches two links to either side.
            if not before[max(0, layer - 4) : layer + 5].any():
                continue
            for hit in range(start[layer], start[layer + 1]):
                moved = _exchange_hits(hits, rules, state, hit, start[layer], start[layer + 1])
                for other in range(layer + 1, min(layer + 2 + rules.missing, layers)):
                    moved |= _exchange_tails(hits, rules, state, hit, start[other], start[other + 1])
                changed[layer] |= moved
        if not changed.any():
            break


@njit(cache=True, nogil=True)
def _exchange_tails(hits: Array, rules: FollowerRules, state: State, head: int, low: int, high: int) -> bool:
    """Try every tail that starts among the hits low:high behind a head; whose tail it was gets that of the head."""
    if low == high:
        return False
    missing = int(hits[low, LAYER] - hits[head, LAYER]) - 1
    slope_x, slope_y, _, largest = direction(hits, rules, state.previous[head], head, missing)
    dz = hits[low, Z] - hits[head, Z]
    x, y, reach = hits[head, X] + slope_x * dz, hits[head, Y] + slope_y * dz, MARGIN * largest * dz
    moved = False
    for tail in range(first_at(hits, low, high, x - reach), high):
        if hits[tail, X] > x + reach:
            break
        if tail == state.following[head] or abs(hits[tail, Y] - y) > reach:
            continue
        if _tail_pays(hits, rules, state, head, tail, missing):
            moved |= _take_tail(hits, rules, state, head, tail)
    return moved


@njit(cache=True, nogil=True)
def _tail_pays(hits: Array, rules: FollowerRules, state: State, head: int, tail: int, missing: int) -> bool:
    """Return whether the link itself leaves a chance to raise the score: at best, all others deflect nothing."""
    own, owner = state.following[head], state.previous[tail]
    bound = _present(state, own) + _present(state, tail)
    if state.following[tail] >= 0:
        bound -= rules.reward
    if own >= 0:
        # Its own tail goes to the former owner, or starts a track.
        bound -= (rules.reward if owner >= 0 or _fits_between(hits, state, tail, own) else 0.0) + (rules.reward if state.following[own] >= 0 else 0.0)
    if rules.reward - rules.missing_cost * missing <= bound:
        return False
    return bool(link_gain(hits, rules, state.previous[head], head, tail) > bound)


@njit(cache=True, nogil=True)
def _fits_between(hits: Array, state: State, hit: int, after: int) -> bool:
    """Return whether a hit is on no track, and in a layer that the link to another leaves out."""
    return bool(state.previous[hit] < 0 and state.following[hit] < 0 and hits[hit, LAYER] < hits[after, LAYER])


@njit(cache=True, nogil=True)
def _put_between(hits: Array, rules: FollowerRules, state: State, head: int, hit: int, after: int) -> bool:
    old = _present(state, after)
    _join(state, head, hit)
    _join(state, hit, after)
    if _renew(hits, rules, state, hit) > old + LEAST:
        return True
    _join(state, head, after)
    state.previous[hit] = state.following[hit] = -1
    state.gain[hit] = 0.0
    _renew(hits, rules, state, after)
    return False


@njit(cache=True, nogil=True)
def _take_tail(hits: Array, rules: FollowerRules, state: State, head: int, tail: int) -> bool:
    own, owner = state.following[head], state.previous[tail]
    if own >= 0 and _fits_between(hits, state, tail, own):
        return _put_between(hits, rules, state, head, tail, own)
    new = _joined(hits, rules, state, head, tail)
    if new == -np.inf:
        return False
    apart, together = _joined(hits, rules, state, -1, own), -np.inf
    if owner >= 0 and own >= 0:
        together = _joined(hits, rules, state, owner, own)
    if new + max(apart, together) <= _present(state, own) + _present(state, tail) + LEAST:
        return False
    joined = together > apart
    _join(state, head, tail)
    _join(state, owner, own if joined else -1)
    _join(state, owner if joined else -1, own)
    _renew(hits, rules, state, tail)
    _renew(hits, rules, state, own)
    return True


@njit(cache=True, nogil=True)
def _present(state: State, tail: int) -> float:
    """Return the gains of the links in front of a hit and behind it, 0 for the hit -1."""
    if tail < 0:
        return 0.0
    after = state.following[tail]
    return float(state.gain[tail] + (state.gain[after] if after >= 0 else 0.0))


@njit(cache=True, nogil=True)
def _joined(hits: Array, rules: FollowerRules, state: State, head: int, tail: int) -> float:
    """Return what these gains would be if the tail followed a head, -1 for none."""
    if tail < 0:
        return 0.0
    after = state.following[tail]
    gain = link_gain(hits, rules, state.previous[head], head, tail) if head >= 0 else 0.0
    if after >= 0 and gain > -np.inf:
        gain += link_gain(hits, rules, head, tail, after)
    return gain


@njit(cache=True, nogil=True)
def _renew(hits: Array, rules: FollowerRules, state: State, hit: int) -> float:
    """Compute the gains of the three links from in front of a hit on; return their sum."""
    total = 0.0
    for _ in range(3):
        if hit < 0:
            break
        here = state.previous[hit]
        state.gain[hit] = link_gain(hits, rules, state.previous[here], here, hit) if here >= 0 else 0.0
        total += state.gain[hit]
        hit = state.following[hit]
    return total


@njit(cache=True, nogil=True)
def _exchange_hits(hits: Array, rules: FollowerRules, state: State, one: int, low: int, high: int) -> bool:
    """Try to put every hit near by in the place of one, and this one in its place."""
    neighbour = state.previous[one] if state.previous[one] >= 0 else state.following[one]
    if neighbour < 0:
        return False
    reach = NEAR * hits[one, WIDTH] * abs(hits[one, Z] - hits[neighbour, Z])
    moved = False
    for two in range(first_at(hits, low, high, hits[one, X] - reach), high):
        if hits[two, X] > hits[one, X] + reach:
            break
        if two == one or abs(hits[two, Y] - hits[one, Y]) > reach:
            continue
        old = _renew(hits, rules, state, one) + _renew(hits, rules, state, two)
        _swap(state, one, two)
        if _renew(hits, rules, state, one) + _renew(hits, rules, state, two) > old + LEAST:
            moved = True
        else:
            _swap(state, one, two)
            _renew(hits, rules, state, one)
            _renew(hits, rules, state, two)
    return moved


@njit(cache=True, nogil=True)
def _swap(state: State, one: int, two: int) -> None:
    """Let two hits of one layer take each other's place on their tracks."""
    before_one, after_one, before_two, after_two = state.previous[one], state.following[one], state.previous[two], state.following[two]
    _join(state, before_one, two)
    _join(state, two, after_one)
    _join(state, before_two, one)
    _join(state, one, after_two)
    state.previous[two], state.following[two] = before_one, after_one
    state.previous[one], state.following[one] = before_two, after_two


@njit(cache=True, nogil=True)
def _join(state: State, head: int, tail: int) -> None:
    """Link two hits; with -1 for one of them, the other has no link on this side."""
    if head >= 0:
        state.following[head] = tail
    if tail >= 0:
        state.previous[tail] = head
