"""Trains of spikes as lists of events: what spiking networks take and return."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....errors import InputError
from .lif_kernel import Events

Array = NDArray[Any]


@dataclass(frozen=True)
class SpikeTrains:
    """Spikes of many channels in bins of time, for a batch of samples.

    Attributes:
        start: int64 (B + 1,), where the events of each sample begin.
        time: int32 (E,), bin of time in [0, steps); within a sample sorted by (time, channel), without repetition.
        channel: int32 (E,), in [0, channels).
        value: float32 (E,), amplitude; 1 for a spike.
        steps: bins of time T.
        channels: number of channels C.
    """

    start: Array
    time: Array
    channel: Array
    value: Array
    steps: int
    channels: int

    @classmethod
    def from_arrays(cls, sample: Array, time: Array, channel: Array, *, samples: int, steps: int, channels: int,
                    value: Array | None = None) -> SpikeTrains:
        """Sort events; those of one bin of a channel are added up, as in a dense tensor.

        Raises:
            InputError: an index is outside.
        """
        for name, index, n in (("sample", sample, samples), ("time", time, steps), ("channel", channel, channels)):
            if len(index) and (np.min(index) < 0 or np.max(index) >= n):
                raise InputError(f"Events have a {name} outside [0, {n}): {np.min(index)} to {np.max(index)}.")
        cell = (np.asarray(sample, np.int64) * steps + time) * channels + channel
        cell, which = np.unique(cell, return_inverse=True)
        weights = np.ones(len(sample)) if value is None else value
        total = np.bincount(which, weights=weights, minlength=len(cell)).astype(np.float32)
        row, channel = np.divmod(cell, channels)
        sample, time = np.divmod(row, steps)
        return cls(np.searchsorted(sample, np.arange(samples + 1)), time.astype(np.int32), channel.astype(np.int32),
                   total, steps, channels)

    @classmethod
    def from_dense(cls, dense: Array) -> SpikeTrains:
        """Return the events of an array (T, B, C), time first as in snntorch."""
        steps, samples, channels = dense.shape
        time, sample, channel = np.nonzero(dense)
        return cls.from_arrays(sample, time, channel, samples=samples, steps=steps, channels=channels,
                               value=dense[time, sample, channel])

    def dense(self) -> Array:
        """Return a float32 array (T, B, C)."""
        dense = np.zeros((self.steps, len(self), self.channels), dtype=np.float32)
        dense[self.time, self.sample, self.channel] = self.value
        return dense

    def __len__(self) -> int:
        return len(self.start) - 1

    @cached_property
    def sample(self) -> Array:
        """Sample of each event, int64 (E,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    @property
    def events(self) -> Events:
        """The arrays that compiled loops take."""
        return Events(self.start, self.time, self.channel, self.value)

    def counts(self) -> Array:
        """Return the summed amplitudes, float32 (B, C)."""
        cell = self.sample * self.channels + self.channel
        total = np.bincount(cell, weights=self.value, minlength=len(self) * self.channels)
        return total.reshape(len(self), self.channels).astype(np.float32)

    def take(self, samples: Array) -> SpikeTrains:
        """Return the selected samples, in the given order."""
        counts = np.diff(self.start)[samples]
        start = np.concatenate([[0], np.cumsum(counts)])
        index = np.arange(start[-1]) + np.repeat(self.start[samples] - start[:-1], counts)
        return SpikeTrains(start, self.time[index], self.channel[index], self.value[index], self.steps, self.channels)
