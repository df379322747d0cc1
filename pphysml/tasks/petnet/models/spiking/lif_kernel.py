"""Compiled loops of leaky integrate-and-fire neurons driven by lists of events.

One layer, for each neuron, from m = 0 and S = 0 before the first bin (snntorch's `Leaky`, reset by subtraction):

    m_t = (beta m_{t-1} + I_t) - S_{t-1},    S_t = 1[m_t > 1],    I_t = b + sum over the bin's events of value * W[:, channel]

Backwards, with the reset detached and the surrogate s'(m) = 1 / (1 + (pi (m - 1))^2) for dS/dm (arc tangent of W. Fang
et al., ICCV 2021, p. 2661, alpha = 2):

    a_t = beta a_{t+1} + dL/dS_t s'(m_t),    dL/dI_t = a_t,    dL/dbeta = sum_t a_t m_{t-1}

A membrane is advanced through every bin, since a bias may drive it over the threshold without any event, and since
powers of beta would be rounded otherwise than step by step. The cost is a few instructions for 16 neurons; what is
saved are the products with inputs that are zero.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .row_kernel import (
    add_one_scaled,
    add_product,
    add_scaled,
    add_two_scaled,
    copy,
    fill,
    grown,
    keep_largest,
    zeros,
)

Array = NDArray[Any]

ZERO, ONE = np.float32(0), np.float32(1)
PI = np.float32(np.pi)


class Events(NamedTuple):
    """Arrays of `SpikeTrains`: start int64 (B + 1,), time and channel int32 (E,), value float32 (E,)."""

    start: Array
    time: Array
    channel: Array
    value: Array


class Layer(NamedTuple):
    """One layer for the compiled loops.

    Attributes:
        weight: float32 (K, N), transposed, so that what an event adds is contiguous.
        bias: float32 (N,).
        beta: decay of the membrane per bin.
        block: input channels that are summed before they are added to the rest, see `summation_block`.
    """

    weight: Array
    bias: Array
    beta: np.float32
    block: int


def summation_block(channels: int) -> int:
    """Return how many channels a blocked matrix product sums before it adds them to the rest.

    Blocks of 192, and halves up to 384, are those of MKL's float32 product with AVX-512, found from how huge terms
    cancel; there spikes equal those of a dense network to the last bit. Other libraries sum in other
    orders, and membranes that are within rounding of the threshold may then differ.
    """
    if channels <= 192:
        return max(channels, 1)
    return (channels + 1) // 2 if channels <= 384 else 192


@njit(cache=True, nogil=True)
def layer_spikes(events: Events, layer: Layer, steps: int, first: int, last: int) -> tuple[Array, Array, Array]:
    """Return the spikes of samples first to last: number in each, their times and their channels."""
    n = layer.weight.shape[1]
    count = np.zeros(last - first, dtype=np.int64)
    fired_time = np.empty(4096 + 2 * n, dtype=np.int32)
    fired_channel = np.empty(4096 + 2 * n, dtype=np.int32)
    membrane, current, part = zeros(n), zeros(n), zeros(n)
    flags = np.zeros((n + 7) // 8 * 8, dtype=np.uint8)
    words = flags.view(np.uint64)
    bias, beta = layer.bias, layer.beta
    size = 0
    for b in range(first, last):
        fill(membrane, ZERO)
        begin, e, end = size, events.start[b], events.start[b + 1]
        fired = np.int32(0)
        for t in range(steps):
            if e < end and events.time[e] == t:
                e = _input_current(events, layer, e, end, part, current)
                fired = _advance(membrane, current, beta, fired)
            else:
                fired = _advance(membrane, bias, beta, fired)
            if fired > 0:
                if size + len(flags) > len(fired_time):
                    fired_time, fired_channel = grown(fired_time), grown(fired_channel)
                fill(fired_time[size : size + fired], np.int32(t))
                size = _append_fired(membrane, flags, words, fired_channel, size)
        count[b - first] = size - begin
    return count, fired_time[:size], fired_channel[:size]


@njit(cache=True, nogil=True)
def replay_membranes(events: Events, layer: Layer, history: Array, first: int, last: int, offset: int) -> None:
    """Write the membranes of samples first to last into an array (samples, T, N), sample `offset` first."""
    n = layer.weight.shape[1]
    membrane, current, part = zeros(n), zeros(n), zeros(n)
    bias, beta = layer.bias, layer.beta
    for b in range(first, last):
        fill(membrane, ZERO)
        e, end = events.start[b], events.start[b + 1]
        fired = np.int32(0)
        for t in range(history.shape[1]):
            if e < end and events.time[e] == t:
                e = _input_current(events, layer, e, end, part, current)
                fired = _advance(membrane, current, beta, fired)
            else:
                fired = _advance(membrane, bias, beta, fired)
            copy(history[b - offset, t], membrane)


@njit(cache=True, nogil=True)
def layer_adjoint(events: Events, beta: np.float32, membrane: Array, gradient: Array, first: int, last: int,
                  offset: int, to_weight: Array, to_bias: Array, to_beta: Array) -> None:
    """Turn dL/dS into dL/dI in place, and add the gradients of the parameters to the last three arguments.

    `membrane` and `gradient` are (samples, T, N), sample `offset` first; `to_weight` (K, N) is float32,
    `to_bias` and `to_beta` (N,) are float64, the latter still to be summed.
    """
    n = membrane.shape[2]
    for b in range(first, last):
        a, bias_sum, beta_sum = zeros(n), zeros(n), zeros(n)
        begin, e = events.start[b], events.start[b + 1] - 1
        for t in range(membrane.shape[1] - 1, -1, -1):
            _adjoint_row(a, membrane[b - offset, t], beta, gradient[b - offset, t])
            add_scaled(bias_sum, a, ONE)
            if t > 0:
                add_product(beta_sum, a, membrane[b - offset, t - 1])
            while e >= begin and events.time[e] == t:
                add_scaled(to_weight[events.channel[e]], a, events.value[e])
                e -= 1
        to_bias += bias_sum
        to_beta += beta_sum


@njit(cache=True, nogil=True)
def has_gradient(gradient: Array) -> Array:
    """Return which neurons of (samples, T, N) have a number other than 0, float32 (N,)."""
    largest = zeros(gradient.shape[2])
    for b in range(gradient.shape[0]):
        for t in range(gradient.shape[1]):
            keep_largest(largest, gradient[b, t])
    return largest


@njit(cache=True, nogil=True)
def _input_current(events: Events, layer: Layer, e: int, end: int, part: Array, current: Array) -> int:
    """Set the current of the bin of event `e`; return the first event of the next bin.

    The events of a block of channels are summed before they are added to the rest; one or two, as there are
    mostly, in one pass over the neurons.
    """
    t = events.time[e]
    copy(current, layer.bias)
    while e < end and events.time[e] == t:
        stop = (events.channel[e] // layer.block + 1) * layer.block
        after = e + 1
        while after < end and events.time[after] == t and events.channel[after] < stop:
            after += 1
        if after == e + 1:
            add_one_scaled(current, layer.weight[events.channel[e]], events.value[e])
        elif after == e + 2:
            add_two_scaled(current, layer.weight[events.channel[e]], events.value[e],
                           layer.weight[events.channel[e + 1]], events.value[e + 1])
        else:
            fill(part, ZERO)
            for i in range(e, after):
                add_scaled(part, layer.weight[events.channel[i]], events.value[i])
            add_scaled(current, part, ONE)
        e = after
    return e


@njit(cache=True, nogil=True)
def _advance(membrane: Array, current: Array, beta: np.float32, before: np.int32) -> np.int32:
    """Advance membranes by one bin, rounding after each operation; return how many fire.

    `before` is how many fired in the bin before: if none did, there is nothing to subtract.
    """
    fired = np.int32(0)
    if before == 0:
        for i in range(len(membrane)):
            m = beta * membrane[i] + current[i]
            membrane[i] = m
            fired += np.int32(m > ONE)
        return fired
    for i in range(len(membrane)):
        m = (beta * membrane[i] + current[i]) - np.float32(membrane[i] > ONE)
        membrane[i] = m
        fired += np.int32(m > ONE)
    return fired


@njit(cache=True, nogil=True)
def _append_fired(membrane: Array, flags: Array, words: Array, channel: Array, size: int) -> int:
    """Append which neurons fire; the array has room for all. `words` is `flags` read 8 bytes at a time.

    Few of many neurons fire, so 8 are skipped at a time; among those there are no branches, which would
    be guessed badly.
    """
    for i in range(len(membrane)):
        flags[i] = membrane[i] > ONE
    for w in range(len(words)):
        if words[w] != 0:
            for i in range(8 * w, 8 * w + 8):
                channel[size] = i
                size += flags[i]
    return size


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def _adjoint_row(a: Array, membrane: Array, beta: np.float32, gradient: Array) -> None:
    """Advance the adjoint by one bin towards the past; it replaces the gradient of the spikes.

    Python's error model would look for divisions by zero, one neuron after the other.
    """
    for i in range(len(a)):
        x = PI * (membrane[i] - ONE)
        a[i] = beta * a[i] + gradient[i] / (ONE + x * x)
        gradient[i] = a[i]
