"""The split by a stable hash."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.training.event_split import example_hash
from pphysml.training.sources import first_blocks, first_examples


def test_hash_is_uniform_and_independent_of_the_folder():
    values = example_hash("/a/run.root", np.arange(100_000))
    assert np.array_equal(values, example_hash("/b/c/run.root", np.arange(100_000)))
    counts, _ = np.histogram(values, 50, (0, 1))
    chi_square = ((counts - 2000) ** 2 / 2000).sum()
    assert chi_square < 49 + 5 * np.sqrt(2 * 49)


def test_files_are_split_independently():
    a, b = (example_hash(f"{name}.root", np.arange(50_000)) < 0.1 for name in "ab")
    assert abs((a & b).mean() - 0.01) < 5 * np.sqrt(0.01 / 50_000)


def test_the_split_never_changes():
    # Written down once: a change would let old models train on their validation examples.
    assert np.allclose(example_hash("events.root", np.arange(3)), FROZEN, atol=1e-12)


FROZEN = [0.08483398712458878, 0.57468355371521, 0.7588946511160526]


class Counted:
    """A source of blocks of these lengths, whose examples are numbered."""

    def __init__(self, lengths, endless=False):
        self.starts = np.cumsum([0, *lengths])
        self.counts = None if endless else lengths

    def read(self, index):
        return {"number": np.arange(self.starts[index], self.starts[index + 1])}


@pytest.mark.parametrize("n, blocks", [(1, 1), (5, 1), (6, 3), (11, 4), (50, 4)])
def test_the_first_examples_are_as_many_as_wanted_and_no_further_block_is_read(n, blocks):
    source = Counted([5, 0, 4, 3])
    parts = [part["number"] for part in first_blocks(source, n)]
    assert len(parts) == blocks and np.concatenate(parts).tolist() == list(range(min(n, 12)))
    assert first_examples(source, n)["number"].tolist() == list(range(min(n, 12)))
    assert first_examples(Counted([5, 0, 4, 3], endless=True), min(n, 12))["number"].tolist() == list(range(min(n, 12)))
