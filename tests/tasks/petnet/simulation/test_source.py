import numpy as np
import pytest
from pydantic import ValidationError

from pphysml.physics.photon_attenuation import LSO
from pphysml.tasks.petnet.config.simulation import SimulationConfig
from pphysml.tasks.petnet.simulation.lutetium import (
    BETA_END,
    GAMMAS,
    activity_per_volume,
    beta_quantiles,
    beta_spectrum,
)
from pphysml.tasks.petnet.simulation.scanner_simulation import ScannerSimulation
from pphysml.tasks.petnet.simulation.source import draw_annihilation


def points(n=50_000, **options):
    source = ScannerSimulation(SimulationConfig(**options), 1).source
    rng, out = np.random.default_rng(5), np.empty((n, 3))
    for point in out:
        draw_annihilation(rng, source, point)
    return out


def test_cylinder_is_filled_uniformly_about_its_offset():
    x, y, z = points(phantom_offset=(4.0, -3.0), positron_range=0.0).T
    r2 = ((x - 4) ** 2 + (y + 3) ** 2) / 12.5**2
    assert np.quantile(r2, [0.25, 0.5, 0.75, 1]) == pytest.approx([0.25, 0.5, 0.75, 1], abs=0.01)
    assert np.quantile(z, [0, 0.25, 0.5, 1]) == pytest.approx([-35, -17.5, 0, 35], abs=0.5)


def test_rods_have_their_share():
    x, y, _ = points(rod_diameters=[4.0, 3.0], rod_circle=6.0, rod_background=0.25, positron_range=0.0).T
    areas = np.array([2.0, 1.5]) ** 2
    rest = 0.25 * (12.5**2 - areas.sum())
    inside = [np.hypot(x - 6, y) < 2.0, np.hypot(x + 6, y) < 1.5]
    assert [i.mean() for i in inside] == pytest.approx(list(areas / (areas.sum() + rest)), abs=0.005)
    only = points(n=2000, rod_diameters=[3.2], rod_circle=10.0, rod_background=0.0, positron_range=0.0)
    assert np.hypot(only[:, 0] - 10, only[:, 1]).max() <= 1.6


def test_positron_range():
    """The mean distance in space, seen from the middle of a thin rod."""
    x, y, _ = points(rod_diameters=[1e-6], rod_circle=0.0, rod_background=0.0, positron_range=0.8).T
    assert np.hypot(x, y).mean() == pytest.approx(0.8 * np.pi / 4, rel=0.02)


def test_activity_outside():
    z = points(n=20_000, outside_activity=150.0, outside_length=40.0)[:, 2]
    assert (z > 35).mean() == pytest.approx(0.75, abs=0.015)
    assert z.max() <= 75
    near, far = (ScannerSimulation(SimulationConfig(outside_activity=a, outside_length=40.0), 1) for a in (0.0, 150.0))
    assert far.rate - near.rate == pytest.approx(150e6)
    block = far.block(0, 60_000)
    outside = block["source_z"] > 40
    assert 0.1 < outside.mean() < 0.75
    # The photons of one decay are opposite: beyond the crystals' end they cannot both be seen unless one is scattered.
    straight = {name: column[block["compton_phantom"] + block["rayleigh_phantom"] + block["compton_crystal"] == 0] for name, column in block.items()}
    order = np.argsort(straight["event"], kind="stable")
    event, z = straight["event"][order], straight["source_z"][order]
    assert (event[1:] == event[:-1]).sum() > 50
    assert z[1:][event[1:] == event[:-1]].max() < 28
    with pytest.raises(ValidationError, match="outside_length"):
        SimulationConfig(outside_activity=3.0)


def test_activity_of_lso():
    """39 Bq/g and about 290 Bq/cm^3 in the literature."""
    assert activity_per_volume(LSO) * 1e3 / LSO.density == pytest.approx(39.5, rel=0.03)


def test_beta_spectrum():
    """Mean energy 182 keV (Nuclear Data Sheets)."""
    quantiles = beta_quantiles()
    assert quantiles.mean() == pytest.approx(0.182, rel=0.05)
    assert (np.diff(quantiles) > 0).all()
    assert beta_spectrum(np.array([BETA_END]))[0] == 0
    assert np.isfinite(beta_spectrum(np.array([0.0]))).all()


def test_background_of_lutetium():
    """Almost no other activity: electrons in their crystal, gammas elsewhere, the energy of the decay in all."""
    one = ScannerSimulation(SimulationConfig(activity=1e-6, energy_resolution=0.0, threshold=0.0, dead_time=0.0, integration_time=0.0), 1)
    assert one.rate == pytest.approx(4320 * 2.12**2 * 13 * 0.265, rel=0.02)
    block = one.block(0, 20_000)
    assert (block["source_id"] == 1).mean() > 0.999
    background = {name: column[block["source_id"] == 1] for name, column in block.items()}
    assert (background["photon_id"] == 0).all()
    total = np.bincount(background["event"], background["energy"], 20_000)
    assert total.max() < BETA_END + GAMMAS[:, 0].sum()
    own = np.hypot(background["x"] - background["source_x"], background["y"] - background["source_y"]) < 10
    assert 0.6 < own.mean() < 0.95
    assert len(np.unique(background["event"])) == 20_000 - (block["source_id"] == 0).sum()


def test_background_can_be_left_out():
    with_it, without = (ScannerSimulation(SimulationConfig(background=b), 1) for b in (True, False))
    assert without.rate == 50e6
    assert without.background_share == 0
    assert 0.001 < with_it.background_share < 0.002
    assert (without.block(0, 20_000)["source_id"] == 0).all()
