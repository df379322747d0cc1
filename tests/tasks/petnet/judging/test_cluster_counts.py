"""Growing histograms, counts of clusters and their resampling, bins of time, groups left out in turn."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.evaluation.uncertainty import bootstrap_fraction
from pphysml.tasks.petnet.judging.cluster_counts import COLUMNS, MANY, ClusterCounts
from pphysml.tasks.petnet.judging.growing_histograms import GrowingHistogram
from pphysml.tasks.petnet.judging.line_counts import GROUPS, _group, jackknife
from pphysml.tasks.petnet.judging.rate_bins import KINDS, RateBins
from pphysml.tasks.petnet.judging.rates import RATES, rate_interval


@pytest.mark.parametrize("signed", [False, True])
def test_growing_histogram_is_that_of_the_final_range(signed):
    rng = np.random.default_rng(1)
    values = rng.normal(0, 1, 4000) * 10 ** rng.uniform(-2, 3, 4000)
    values = values if signed else np.abs(values)
    row = rng.integers(0, 3, 4000)
    histogram = GrowingHistogram((3,), 64, 0.5, signed)
    for part in np.array_split(np.arange(4000), 7):
        histogram.fill((row[part],), values[part])
    at_once = GrowingHistogram((3,), 64, 0.5, signed)
    at_once.fill((row[::-1],), values[::-1])
    np.testing.assert_array_equal(histogram.counts, at_once.counts)
    assert histogram.limit == at_once.limit and histogram.limit / 2 <= np.abs(values).max() < histogram.limit
    for k in range(3):
        np.testing.assert_array_equal(histogram.counts[k], np.histogram(values[row == k], histogram.edges)[0])


def random_counts(rng, n):
    counts = rng.poisson(0.3, (n, len(COLUMNS)))
    counts[rng.random(n) < 0.5, 1:] = 0
    counts[:, 0] = rng.integers(1, MANY + 1, n)
    targets, found, pairs = (COLUMNS.index(name) for name in ("targets", "found", "pairs"))
    counts[:, found] = np.minimum(counts[:, targets], counts[:, pairs])
    return counts


def test_counts_of_clusters_are_kept_whole():
    counts = random_counts(np.random.default_rng(2), 5000)
    whole, parts = ClusterCounts(), ClusterCounts()
    whole.add(counts)
    for part in np.array_split(counts, 6):
        parts.add(part)
    for one in (whole, parts):
        assert list(one.total.values()) == counts.sum(0).tolist() and one.clusters.sum() == 5000
        np.testing.assert_array_equal(np.repeat(one.rows, one.clusters, axis=0), counts[np.lexsort(counts.T[::-1])])
    np.testing.assert_array_equal(whole.resampled(20)["pairs"], parts.resampled(20)["pairs"])


def test_resampling_agrees_with_that_of_single_clusters():
    counts = random_counts(np.random.default_rng(3), 4000)
    clusters = ClusterCounts()
    clusters.add(counts)
    column = {name: counts[:, k] for k, name in enumerate(COLUMNS)}
    ours = rate_interval(RATES["pair_f1"], clusters.total, clusters.resampled(2000))
    theirs = bootstrap_fraction(2 * column["found"], column["pairs"] + column["targets"], 2000)
    assert ours.value == theirs.value
    assert ours.high - ours.low == pytest.approx(theirs.high - theirs.low, rel=0.1)


def test_clusters_by_number_of_singles_add_up():
    counts = random_counts(np.random.default_rng(4), 1000)
    clusters = ClusterCounts()
    clusters.add(counts)
    parts = dict(clusters.by_singles())
    assert sum(part.total["pairs"] for part in parts.values()) == clusters.total["pairs"]
    assert parts[3].total["pairs"] == counts[counts[:, 0] == 3, COLUMNS.index("pairs")].sum()


def test_jackknife_of_a_sum_is_the_poisson_error():
    rng = np.random.default_rng(5)
    errors = [jackknife(lambda sums: float(sums.sum()), rng.poisson(500, (GROUPS, 4)))[1] for _ in range(200)]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.sqrt(500 * GROUPS * 4), rel=0.05)
    value, error = jackknife(lambda sums: sums[0] / sums[1], np.full((GROUPS, 2), 3))
    assert (value, error) == (1, pytest.approx(0, abs=1e-12))


def test_clusters_are_dealt_evenly():
    """Also where times are whole multiples of a bin."""
    for start in (np.sort(np.random.default_rng(6).uniform(0, 1, 40_000)), np.arange(40_000) * 1e-9):
        dealt = np.bincount(_group(start), minlength=GROUPS)
        assert ((dealt - 2000) ** 2 / 2000).sum() < 3 * GROUPS


def test_rate_of_singles_in_bins_of_time(toy, sample):
    from pphysml.tasks.petnet.judging.options import options_of
    from pphysml.tasks.petnet.judging.targets import find_targets, judge
    from pphysml.tasks.petnet.judging.truth import truth_of

    options = options_of(toy.configured())
    truth = truth_of(sample, options)
    targets = find_targets(truth, options)
    found = judge(truth, targets, targets.first[::2], targets.second[::2], options)
    bins = RateBins()
    bins.add(np.zeros(len(truth.row), np.int64), truth, targets, found, targets.first[::2])
    rates, counts = bins.counts()
    time = sample["time"].flat
    assert bins.duration == pytest.approx(np.ptp(time))
    width = counts[0, 0] / rates[0]
    inside = time < time.min() + width * len(rates)
    assert counts[:, 0].sum() == (truth.used & inside).sum() and np.allclose(counts[:, 0] / width, rates)
    assert counts[:, KINDS.index("targets")].sum() == inside[targets.first].sum()
    assert counts[:, KINDS.index("found")].sum() == counts[:, KINDS.index("pairs")].sum() == inside[targets.first[::2]].sum()
