"""What makes the jets: spectra, masses, shares."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from pphysml.tasks.jets.config.simulation import SimulationConfig
from pphysml.tasks.jets.simulation.hard_process import NO_RESONANCE, draw_origins, falling

N = 20_000


def origins(**options: object):
    return draw_origins(np.random.default_rng(1), N, SimulationConfig(**options))


@pytest.mark.parametrize("power", [0.0, 1.0, 5.0, 12.0])
def test_the_spectrum_falls_with_its_power(power: float) -> None:
    x = falling((np.arange(N) + 0.5) / N, np.full(N, 300.0), 900.0, power)
    edges = np.linspace(300, 900, 7)
    fine = np.linspace(300, 900, 60_001)
    density = fine**-power / np.trapezoid(fine**-power, fine)
    expected = [np.trapezoid(np.where((fine >= a) & (fine <= b), density, 0), fine) for a, b in pairwise(edges)]
    assert np.histogram(x, edges)[0] / N == pytest.approx(np.array(expected), abs=1e-3)


def test_resonances_are_so_fast_that_their_quarks_are_inside_the_jet() -> None:
    drawn = origins(signal=1, radius=0.8)
    assert (drawn.pt >= 2 * drawn.mass / 0.8).all() and (drawn.pt <= 900).all() and (drawn.pt >= 300).all()
    heavy = drawn.mass == 300
    assert drawn.pt[heavy].min() == pytest.approx(750, rel=1e-3)
    assert drawn.pt[~heavy].min() < 310


def test_shares_and_masses() -> None:
    drawn = origins(signal=0.3, gluons=0.2, resonance_masses=[80.0, 100.0])
    signal = drawn.mass != NO_RESONANCE
    assert signal.mean() == pytest.approx(0.3, abs=0.015)
    assert (drawn.mass[signal] == 80).mean() == pytest.approx(0.5, abs=0.03) and set(drawn.mass) == {NO_RESONANCE, 80.0, 100.0}
    assert drawn.gluon[~signal].mean() == pytest.approx(0.2, abs=0.015) and not drawn.gluon[signal].any()


def test_continuous_masses_are_even_between_the_ends() -> None:
    mass = origins(signal=1, continuous_masses=True, resonance_masses=[50.0, 250.0, 150.0]).mass
    assert np.histogram(mass, 4, (50, 250))[0] / N == pytest.approx(np.full(4, 0.25), abs=0.015)


def test_directions_are_even() -> None:
    drawn = origins(rapidity=1.5)
    for value, end in ((drawn.rapidity, 1.5), (drawn.phi, np.pi)):
        assert np.histogram(value, 4, (-end, end))[0] / N == pytest.approx(np.full(4, 0.25), abs=0.015)


@pytest.mark.parametrize(("values", "word"), [
    ({"pt": [500.0, 300.0]}, "pt"),
    ({"radius": 0.5}, "resonance_masses"),
    ({"resonance_masses": [500.0]}, "resonance_masses"),
])
def test_options_that_cannot_be_are_refused(values: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        SimulationConfig(**values)
    SimulationConfig(**{"signal": 0.0, **values}) if word != "pt" else None
