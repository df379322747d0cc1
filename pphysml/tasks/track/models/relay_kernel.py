"""Compiled loops of the messages of `relay`: nothing of size (E, K, M) is kept, in either direction."""

from __future__ import annotations

from numba import njit

from ....io.ragged import Array


@njit(cache=True, nogil=True, fastmath=True)
def strongest(own: Array, other: Array, index: Array, angle: Array, weight: Array, result: Array, winner: Array) -> None:
    """Fill the largest message of the links `index`, and which of them sent it.

    Args:
        own, other: parts of the message of the link itself and of its continuation, float32 (E, M).
        index: continuations of each link, int64 (E, K), -1 for none.
        angle: features of the deflection, float32 (E, K, F); `weight` (F, M) makes a message of them.
        result: float32 (E, M), 0 where no message is larger; `winner`: int8 (E, M), -1 there.
    """
    n_links, k = index.shape
    n_features, m = weight.shape
    message = weight[0].copy()
    for e in range(n_links):
        for c in range(m):
            result[e, c] = 0.0
            winner[e, c] = -1
        for i in range(k):
            n = index[e, i]
            if n < 0:
                continue
            for c in range(m):
                message[c] = own[e, c] + other[n, c]
            for f in range(n_features):
                a = angle[e, i, f]
                for c in range(m):
                    message[c] += a * weight[f, c]
            for c in range(m):
                if message[c] > result[e, c]:
                    result[e, c] = message[c]
                    winner[e, c] = i


@njit(cache=True, nogil=True, fastmath=True)
def strongest_gradient(gradient: Array, winner: Array, index: Array, angle: Array,
                       own: Array, other: Array, weight: Array) -> None:
    """Add the gradients of `own`, `other` and `weight`, which enter as 0, from that of the result."""
    n_links, m = winner.shape
    n_features = len(weight)
    for e in range(n_links):
        for c in range(m):
            i = winner[e, c]
            if i < 0:
                continue
            g = gradient[e, c]
            own[e, c] += g
            other[index[e, i], c] += g
            for f in range(n_features):
                weight[f, c] += g * angle[e, i, f]
