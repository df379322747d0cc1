import numpy as np
import pytest

from pphysml.physics.photon_attenuation import LSO, LUTETIUM, LYSO, WATER, attenuation

XCOM_WATER = {0.1: 0.1707, 0.15: 0.1505, 0.2: 0.1370, 0.3: 0.1186, 0.5: 0.09687, 0.6: 0.08956, 0.8: 0.07865, 1.0: 0.07072, 1.25: 0.06323}
"""Total with coherent scattering, cm^2/g (NIST XCOM, as in its tables of 1996)."""


def test_water_is_that_of_xcom():
    energies, values = np.array(list(XCOM_WATER)), np.array(list(XCOM_WATER.values()))
    total = attenuation(WATER, energies).total * 10 / WATER.density
    assert total[energies >= 0.3] == pytest.approx(values[energies >= 0.3], rel=0.003)
    assert total == pytest.approx(values, rel=0.014)


def test_water_where_binding_matters():
    """Free electrons scatter more than bound ones; 3 % of the total at 50 keV, 4.5 % at 30 keV."""
    total = attenuation(WATER, np.array([0.03, 0.05])).total * 10
    assert (total > [0.3756, 0.2269]).all()
    assert total == pytest.approx([0.3756, 0.2269], rel=0.05)


@pytest.mark.parametrize(("material", "total", "photofraction"), [(LSO, 0.0868, 0.323), (LYSO, 0.0818, 0.310)])
def test_scintillators_at_511_kev(material, total, photofraction):
    mu = attenuation(material, 0.511)
    assert float(mu.total) == pytest.approx(total, rel=0.01)
    assert float(mu.photoelectric / mu.total) == pytest.approx(photofraction, abs=0.005)
    assert float(mu.rayleigh / mu.total) == pytest.approx(0.056, abs=0.003)


def test_edge_of_lutetium():
    """Above the K edge its two electrons take part, with four times the cross section of all others."""
    below, above = attenuation(LSO, np.array([LUTETIUM.edge * 0.9999, LUTETIUM.edge * 1.0001])).photoelectric
    assert above / below == pytest.approx(4.9, abs=0.4)
    others = attenuation(WATER, np.array([LUTETIUM.edge * 0.9999, LUTETIUM.edge * 1.0001])).total
    assert others[0] == pytest.approx(others[1], rel=1e-3)


def test_electrons_of_water():
    assert WATER.electrons == pytest.approx(3.343e20, rel=1e-3)


def test_compounds_lie_between_their_densities():
    """Per electron Compton scattering is the same for all; yttrium instead of lutetium takes photoelectric effect away."""
    energy = np.geomspace(0.02, 1.3, 30)
    water, lso, lyso = (attenuation(m, energy) for m in (WATER, LSO, LYSO))
    assert lso.compton / LSO.electrons == pytest.approx(water.compton / WATER.electrons)
    per_electron = lyso.photoelectric / LYSO.electrons
    above = energy > LUTETIUM.edge
    assert (per_electron < lso.photoelectric / LSO.electrons)[above].all()
    assert (lso.total[1:] < lso.total[:-1])[above[:-1]].all()
