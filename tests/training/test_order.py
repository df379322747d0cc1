"""The global order: complete, seeded, computable from any step."""

from __future__ import annotations

from itertools import islice

import numpy as np

from pphysml.io.ragged import Ragged
from pphysml.training.order import BatchOrder
from pphysml.training.stream import stream


class NumberedSource:
    """Examples that carry their number and a length."""

    def __init__(self, counts):
        self.counts = counts
        self.starts = np.concatenate([[0], np.cumsum(counts)])

    def read(self, block):
        number = np.arange(self.starts[block], self.starts[block + 1])
        size = number * 7 % 9 + 1
        return {"number": number, "leaves": Ragged.from_counts(np.repeat(number, size), size)}


def make(counts=(50, 30, 47, 60, 5), batch_size=16, seed=3, bucket_batches=3):
    source = NumberedSource(list(counts))
    order = BatchOrder(source.counts, seed=seed, batch_size=batch_size, window_blocks=2, bucket_batches=bucket_batches)
    return source, order


def numbers(source, order, start, n, **ranks):
    batches = stream(source, order, lambda e: e["leaves"].counts, start, **ranks)
    return [batch["number"] for batch in islice(batches, n)]


def steps_per_epoch(order):
    return next(w.first_step for w in order.windows() if w.epoch == 1)


def test_every_epoch_sees_every_example_once_in_another_order():
    source, order = make()
    n = steps_per_epoch(order)
    first, second = (np.concatenate(numbers(source, order, k * n, n)) for k in (0, 1))
    assert np.array_equal(np.sort(first), np.arange(192))
    assert np.array_equal(np.sort(second), np.arange(192))
    assert not np.array_equal(first, second)


def test_starting_at_a_step_gives_what_follows_there():
    source, order = make()
    complete = numbers(source, order, 0, 40)
    for start in (1, 5, 11, 12, 13, 29):
        resumed = numbers(source, order, start, 40 - start)
        assert all(np.array_equal(a, b) for a, b in zip(complete[start:], resumed, strict=True))


def test_processes_share_each_batch():
    source, order = make()
    whole = numbers(source, order, 4, 10)
    shares = [numbers(source, order, 4, 10, rank=r, processes=3) for r in range(3)]
    for k, batch in enumerate(whole):
        assert np.array_equal(np.sort(np.concatenate([s[k] for s in shares])), np.sort(batch))


def test_batches_have_about_the_asked_size_and_little_padding():
    source, order = make(counts=[400] * 6, batch_size=20, bucket_batches=20)
    batches = stream(source, order, lambda e: e["leaves"].counts)
    sizes, padding = [], []
    for batch in islice(batches, steps_per_epoch(order)):
        counts = batch["leaves"].counts
        sizes.append(len(counts))
        padding.append(1 - counts.sum() / (counts.max() * len(counts)))
    assert min(sizes) >= 20 and max(sizes) < 24
    shuffled = np.random.default_rng(0).permutation(np.arange(2400) * 7 % 9 + 1).reshape(-1, 20)
    unsorted_padding = 1 - shuffled.sum() / (shuffled.max(1).sum() * 20)
    assert np.mean(padding) < 0.2 * unsorted_padding


def test_a_data_set_smaller_than_a_batch_is_one_batch():
    source, order = make(counts=[3], batch_size=16)
    assert np.array_equal(np.sort(numbers(source, order, 2, 1)[0]), [0, 1, 2])


def test_another_seed_is_another_order():
    a, b = (np.concatenate(numbers(*make(seed=s), 0, 3)) for s in (1, 2))
    assert not np.array_equal(a, b)
