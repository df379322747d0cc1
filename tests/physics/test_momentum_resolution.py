import numpy as np
import pytest
from scipy.stats import kstest

from pphysml.physics.four_vectors import mass
from pphysml.physics.momentum_resolution import draw_hypotheses, smear_momentum, with_mass


def test_smearing_keeps_the_direction_and_has_the_width():
    rng = np.random.default_rng(1)
    p3 = rng.normal(0, 10, (20_000, 3))
    smeared = smear_momentum(p3, 0.02, rng)
    before, after = np.linalg.norm(p3, axis=-1), np.linalg.norm(smeared, axis=-1)
    assert smeared / after[:, None] == pytest.approx(p3 / before[:, None], abs=1e-9)
    assert kstest(after / before - 1, "norm", (0, 0.02)).pvalue > 1e-3


def test_energy_is_on_the_shell_of_the_hypothesis():
    p3 = np.random.default_rng(2).normal(0, 10, (100, 3))
    masses = np.linspace(0.5, 12, 100)
    assert mass(with_mass(p3, masses)) == pytest.approx(masses, abs=1e-9)


def test_wrong_hypotheses_are_others_equally_often():
    candidates = np.array([1.0, 2.0, 3.0, 5.0])
    true = np.full(30_000, 2.0)
    drawn = draw_hypotheses(true, candidates, 0.3, np.random.default_rng(3))
    for other in (1.0, 3.0, 5.0):
        assert np.mean(drawn == other) == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / 30_000))
    assert set(drawn) == set(candidates)
    assert (draw_hypotheses(true, candidates, 1.0, np.random.default_rng(3)) != 2.0).all()
