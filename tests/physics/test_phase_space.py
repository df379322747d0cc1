import math

import numpy as np
import pytest
from scipy.integrate import cumulative_trapezoid
from scipy.stats import chisquare, kstest

from pphysml.physics.compiled_phase_space import decay_in_flight
from pphysml.physics.four_vectors import at_rest, mass
from pphysml.physics.phase_space import (
    log_weight_bound,
    n_body_decay,
    two_body_momentum,
    unweighted_n_body_decay,
)

CASES = [(100.0, [50.0, 20.0]), (90.0, [5.0, 70.0, 1.0]), (50.0, [1.0, 2.0, 20.0, 12.0, 3.0])]


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def cluster_mass_distribution(m12: np.ndarray, parent: float, m: list[float]) -> float:
    """p-value of m12 against dN/dm12 = p*(m12) q(m12) (PDG, Kinematics, three-body decays)."""
    grid = np.linspace(m[0] + m[1], parent - m[2], 20_001)
    density = two_body_momentum(parent, grid, m[2]) * two_body_momentum(grid, m[0], m[1])
    cdf = cumulative_trapezoid(density, grid, initial=0)
    return kstest(m12, lambda x: np.interp(x, grid, cdf / cdf[-1])).pvalue


def test_two_body_momentum_balances_the_energies():
    p = two_body_momentum(10.0, 3.0, 5.0)
    assert math.hypot(p, 3.0) + math.hypot(p, 5.0) == pytest.approx(10.0, rel=1e-12)
    assert two_body_momentum(10.0, 0.0, 0.0) == 5.0
    assert two_body_momentum(8.0, 3.0, 5.0) == 0.0


@pytest.mark.parametrize("parent, children", CASES)
def test_four_momentum_and_masses_are_kept(parent, children):
    p4, _ = n_body_decay(parent, children, 2000, rng(1))
    assert p4.shape == (2000, len(children), 4)
    assert p4.sum(1) == pytest.approx(np.tile([0, 0, 0, parent], (2000, 1)), abs=1e-6)
    assert mass(p4) == pytest.approx(np.tile(children, (2000, 1)), abs=1e-6)


@pytest.mark.parametrize("parent, children", CASES)
def test_every_child_is_isotropic(parent, children):
    p4, _ = n_body_decay(parent, children, 20_000, rng(2))
    momentum = np.linalg.norm(p4[..., :3], axis=-1)
    for i in range(len(children)):
        assert kstest(p4[:, i, 2] / momentum[:, i], "uniform", (-1, 2)).pvalue > 1e-3
        phi = np.arctan2(p4[:, i, 1], p4[:, i, 0])
        assert kstest(phi, "uniform", (-np.pi, 2 * np.pi)).pvalue > 1e-3


def test_two_body_decay_has_one_momentum():
    p4, log_weight = n_body_decay(100.0, [50.0, 20.0], 100, rng(3))
    expected = two_body_momentum(100.0, 50.0, 20.0)
    assert np.linalg.norm(p4[..., :3], axis=-1) == pytest.approx(expected, rel=1e-9)
    assert np.exp(log_weight) == pytest.approx(expected, rel=1e-9)


def test_dalitz_plot_of_unweighted_events_is_flat():
    parent, m = 100.0, [12.0, 20.0, 5.0]
    p4 = unweighted_n_body_decay(parent, m, 40_000, rng(4))
    m12 = mass(p4[:, 0] + p4[:, 1])
    assert cluster_mass_distribution(m12, parent, m) > 1e-3
    # At given m12, m23^2 is linear in the angle of particle 2 in the frame of 1 and 2.
    low, high = [_m23_squared(parent, m, m12, sign) for sign in (-1, 1)]
    share = (mass(p4[:, 1] + p4[:, 2]) ** 2 - low) / (high - low)
    assert kstest(share, "uniform").pvalue > 1e-3


def _m23_squared(parent, m, m12, sign):
    """Edge of the Dalitz plot."""
    q = two_body_momentum(m12, m[0], m[1])
    e2, p3 = np.hypot(q, m[1]), two_body_momentum(parent, m12, m[2]) * parent / m12
    return m[1] ** 2 + m[2] ** 2 + 2 * (e2 * np.hypot(p3, m[2]) + sign * q * p3)


def test_raw_events_are_not_phase_space_but_weighted_ones_are():
    parent, m = 100.0, [12.0, 20.0, 5.0]
    p4, log_weight = n_body_decay(parent, m, 40_000, rng(5))
    m12 = mass(p4[:, 0] + p4[:, 1])
    assert cluster_mass_distribution(m12, parent, m) < 1e-6
    weight = np.exp(log_weight)
    grid = np.linspace(m[0] + m[1], parent - m[2], 20_001)
    density = two_body_momentum(parent, grid, m[2]) * two_body_momentum(grid, m[0], m[1])
    expected = np.average(grid, weights=density)
    spread = np.std(weight * (m12 - expected)) / weight.mean() / math.sqrt(len(m12))
    assert abs(np.average(m12, weights=weight) - expected) < 4 * spread


@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_mean_weight_is_the_massless_phase_space_volume(k):
    """R_n = (pi/2)^(n-1) M^(2n-4) / ((n-1)! (n-2)!) for massless particles (James, 1968)."""
    parent = 10.0
    _, log_weight = n_body_decay(parent, [0.0] * k, 50_000, rng(6))
    weight = np.exp(log_weight)
    factor = (math.pi ** (k - 1) * 2 ** (k - 2) * parent ** (k - 2)
              / (parent * math.factorial(k - 2)))
    volume = ((math.pi / 2) ** (k - 1) * parent ** (2 * k - 4)
              / (math.factorial(k - 1) * math.factorial(k - 2)))
    error = factor * weight.std() / math.sqrt(len(weight))
    assert abs(factor * weight.mean() - volume) <= 4 * error + 1e-9 * volume


@pytest.mark.parametrize("parent, children", [*CASES, (10.0, [5.0, 4.999]), (10.0, [0.0] * 5)])
def test_no_weight_passes_the_bound(parent, children):
    _, log_weight = n_body_decay(parent, children, 20_000, rng(7))
    assert log_weight.max() <= log_weight_bound(parent, children) + 1e-9


def test_no_phase_space_is_refused():
    with pytest.raises(ValueError, match="no phase space"):
        n_body_decay(10.0, [5.0, 5.0], 1, rng(8))
    with pytest.raises(ValueError, match="two children"):
        unweighted_n_body_decay(10.0, [5.0], 1, rng(8))


def compiled(parent: float, children: list[float], frame: np.ndarray, seed: int) -> np.ndarray:
    k = len(children)
    p4 = np.zeros((k + 1, 4))
    p4[k] = frame
    decay_in_flight(rng(seed), p4, k, np.arange(k), np.array([*children, parent]), 0.0)
    return p4[:k]


@pytest.mark.parametrize("parent, children", CASES)
def test_compiled_decay_at_rest_is_the_reference(parent, children):
    """One event at a time, both use the random numbers in the same order."""
    for seed in range(20):
        expected, _ = n_body_decay(parent, children, 1, rng(seed))
        p4 = compiled(parent, children, np.array([0, 0, 0, parent]), seed)
        assert p4 == pytest.approx(expected[0], abs=1e-9)


@pytest.mark.parametrize("parent, children", CASES)
def test_compiled_decay_in_flight_is_isotropic_in_the_rest_frame(parent, children):
    """Angles differ from the boosted decay at rest (Wigner rotation), invariant masses do not."""
    k, flight = len(children), np.array([20.0, -10.0, 30.0])
    frame = np.array([*flight, math.hypot(parent, *flight)])
    p4 = np.stack([compiled(parent, children, frame, seed) for seed in range(500)])
    assert p4.sum(1) == pytest.approx(np.tile(frame, (500, 1)), abs=1e-9)
    expected = np.stack([n_body_decay(parent, children, 1, rng(seed))[0][0] for seed in range(500)])
    for i in range(k):
        clusters = mass(p4[:, : i + 1].sum(1))
        assert clusters == pytest.approx(mass(expected[:, : i + 1].sum(1)), abs=1e-6)
        inside = at_rest(p4[:, i], frame)
        cos = inside[:, 2] / np.linalg.norm(inside[:, :3], axis=-1)
        assert kstest(cos, "uniform", (-1, 2)).pvalue > 1e-3


def test_compiled_unweighted_decay_follows_phase_space():
    parent, m = 100.0, [12.0, 20.0, 5.0]
    bound = math.exp(log_weight_bound(parent, m))
    random = rng(9)
    p4 = np.zeros((10_000, 4, 4))
    p4[:, 3, 3] = parent
    for event in p4:
        decay_in_flight(random, event, 3, np.arange(3), np.array([*m, parent]), bound)
    assert cluster_mass_distribution(mass(p4[:, 0] + p4[:, 1]), parent, m) > 1e-3


def test_unweighted_identical_particles_share_the_energy():
    p4 = unweighted_n_body_decay(50.0, [2.0] * 4, 40_000, rng(10))
    counts, _ = np.histogram(np.argmax(p4[..., 3], -1), np.arange(5))
    assert chisquare(counts).pvalue > 1e-3
