"""Pairs of singles from the output spikes of the published network."""

from __future__ import annotations

from math import ceil

import numpy as np
import torch

from .....io.ragged import Array
from ...config.spiking import PublishedConfig
from ...scanner.scanner import Scanner
from .decoding import Decoder
from .published_input import Hits, may_pair
from .spike_network import SpikeNetwork


def output_steps(hits: Hits, options: PublishedConfig) -> int:
    """Return the bins of a batch: to the last hit, and as long as its output spike may be late."""
    return hits.last + 1 + options.latency + options.tolerance


def spiking_pairs(network: SpikeNetwork, hits: Hits, scanner: Scanner, options: PublishedConfig, reach: float) -> Array:
    """Return pairs as indices of singles, int64 (2, P), the earlier one first; see `Decoder`.

    Args:
        reach: largest difference of the measured times of a pair, ps.
    """
    if not len(hits.single):
        return np.zeros((2, 0), dtype=np.int64)
    with torch.no_grad():
        spikes = network.forward(hits.trains(output_steps(hits, options), scanner, options)).spikes
    before = ceil(reach / options.bin_time) + options.latency + options.tolerance
    decode = Decoder(options.tolerance, before, options.tolerance, may_pair(scanner, options))
    found = decode((hits.sample, hits.bin, hits.crystal), (spikes.sample, spikes.time, spikes.channel))
    first, second = np.sort(hits.single[np.stack([found.first, found.second])], axis=0)
    order = np.lexsort((second, first))
    return np.stack([first[order], second[order]])
