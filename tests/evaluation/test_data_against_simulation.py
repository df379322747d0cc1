"""Spectra of data against simulation: known answers, and probabilities that are uniform where both are of one distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency, kstest

from pphysml.evaluation.data_against_simulation import Sample, chi2_of, spectra_of, spectra_rows


def sample(weight, event=None, label=None):
    return Sample.of(weight, np.arange(len(weight)) if event is None else event, label)


def test_of_jets_of_weight_1_it_is_the_test_of_a_table_of_two_rows() -> None:
    rng = np.random.default_rng(1)
    data, simulation = rng.multinomial(500, np.full(8, 1 / 8)).astype(float), rng.multinomial(3000, np.arange(1, 9) / 36).astype(float)
    expected = chi2_contingency([data, simulation])
    scale = 500 / 3000
    value, ndf, p = chi2_of(data, data, simulation * scale, simulation * scale**2, normalised=True)
    assert (value, ndf, p) == pytest.approx((expected.statistic, 7, expected.pvalue), rel=1e-9)


def p_values(normalised, weighted, jets_per_event, trials=300):
    """Return the probabilities of samples of one distribution, whose jets share events."""
    rng, found = np.random.default_rng(3), []
    for _ in range(trials):
        samples, values = [], []
        for events in (300, 900):
            event = np.repeat(np.arange(rng.poisson(events)), jets_per_event)
            shared = rng.normal(size=event[-1] + 1)[event]
            values.append(np.where(rng.random(len(event)) < 0.9, shared, rng.normal(size=len(event))) if jets_per_event > 1 else shared)
            weight = np.ones(len(event)) if events == 300 or not weighted else rng.choice([2.0, 1.0, -0.5], event[-1] + 1)[event]
            samples.append(sample(weight, event))
        mean = 2.5 / 3 if weighted else 1.0
        found.append(spectra_of(values[0], samples[0], values[1], samples[1], 1, None if normalised else 1 / 3 / mean).p_value)
    return np.array(found)


@pytest.mark.parametrize(("normalised", "weighted", "jets_per_event"), [(True, False, 1), (True, True, 1), (False, True, 1), (True, True, 2)])
def test_probabilities_are_uniform_where_both_are_of_one_distribution(normalised, weighted, jets_per_event) -> None:
    found = p_values(normalised, weighted, jets_per_event)
    assert kstest(found, "uniform").pvalue > 1e-3
    # If jets of one event were taken for independent, a quarter would be below 0.01.
    assert (found < 0.01).mean() < 0.03


def test_a_shift_is_found_and_classes_are_stacked_to_the_sum_of_the_data() -> None:
    rng = np.random.default_rng(5)
    data, label = rng.normal(0.1, 1, 8000), np.arange(20_000) % 2
    weight = rng.choice([1.5, -0.5], 20_000)
    of_data, of_simulation = sample(np.ones(8000)), sample(weight, label=label)
    shifted = spectra_of(data, of_data, rng.normal(size=20_000), of_simulation, 2)
    same = spectra_of(data, of_data, rng.normal(0.1, 1, 20_000), of_simulation, 2)
    assert shifted.p_value < 1e-4 < 1e-2 < same.p_value and len(same.data) == 40
    assert same.summed.sum() == pytest.approx(8000) == same.data.sum()
    np.testing.assert_allclose(same.simulation.sum(1), 8000 * np.bincount(label, weight) / weight.sum())
    rows = spectra_rows({"a": shifted, "b": same})
    assert rows[0]["p-value, corrected"] == pytest.approx(2 * rows[0]["p-value"])


def test_jets_without_a_value_are_a_bin_of_the_test() -> None:
    """The values agree; only the share that has one does not."""
    rng = np.random.default_rng(6)
    values, simulated = rng.normal(size=4000), rng.normal(size=4000)
    values[:200], simulated[:40] = np.nan, np.inf
    found = spectra_of(values, sample(np.ones(4000)), simulated, sample(np.ones(4000)), 1)
    assert found.unknown == (200, 40) and found.p_value < 1e-10
    row, = spectra_rows({"s": found})
    assert (row["not finite, data"], row["not finite, simulation"]) == pytest.approx((0.05, 0.01))


def test_whole_numbers_have_bins_round_them_and_far_ones_are_in_the_outermost() -> None:
    rng = np.random.default_rng(7)
    numbers = rng.poisson(6, (2, 5000)).astype(float)
    numbers[0, 0] = 1e9
    found = spectra_of(numbers[0], sample(np.ones(5000)), numbers[1], sample(np.ones(5000)), 1)
    assert set(np.diff(found.edges)) == {1.0} and (found.edges % 1 == 0.5).all() and len(found.data) < 20
    assert found.data.sum() == 5000 and found.data[3] == (numbers[0] == found.edges[3] + 0.5).sum()


@pytest.mark.parametrize(("values", "simulated"), [([1.0], [2.0]), ([np.nan] * 50, [np.nan] * 50), ([3.0] * 50, [3.0] * 50)])
def test_too_little_to_compare_has_no_probability(values, simulated) -> None:
    found = spectra_of(values, sample(np.ones(len(values))), simulated, sample(np.ones(len(simulated))), 1)
    row, = spectra_rows({"s": found})
    assert row["p-value"] is None and row["degrees of freedom"] == 0
