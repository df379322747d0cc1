"""The split by a stable hash."""

from __future__ import annotations

import numpy as np

from pphysml.training.sources import example_hash


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
