import numpy as np
import pytest
from numba import njit

from pphysml.physics.klein_nishina import ELECTRON_MASS
from pphysml.physics.photon_attenuation import LYSO, WATER, attenuation
from pphysml.tasks.petnet.scanner.config import ScannerConfig
from pphysml.tasks.petnet.scanner.scanner import Scanner
from pphysml.tasks.petnet.simulation.deposit_kernel import (
    ROW_CRYSTAL,
    ROW_END,
    ROW_ENERGY,
    ROW_EVENT,
    ROW_SCATTERS,
    ROW_TIME,
    Origin,
    Rows,
    follow,
)
from pphysml.tasks.petnet.simulation.electronics import FWHM
from pphysml.tasks.petnet.simulation.flight_kernel import ESCAPED, IN_PHANTOM, Cylinder, World, fly
from pphysml.tasks.petnet.simulation.medium import medium_of
from pphysml.tasks.petnet.simulation.photon_kernel import (
    DX,
    DZ,
    FIELDS,
    draw_rayleigh_cosine,
    start,
    start_pair,
    turn,
)

NOWHERE = Cylinder(0.0, 0.0, 1e-12, 0.0, 0.0)
N = 100_000


def world(depth=13.0, phantom=NOWHERE, size=90.0, pitch=90.0, count=1):
    """Four blocks about the axis, each of one large crystal, or of a row of small ones."""
    scanner = Scanner.of(ScannerConfig(radius=50, rsectors=4, crystals=[count, 1], crystal_pitch=[pitch, 90], crystal_size=[size, 90, depth]))
    outside = Cylinder(0.0, 0.0, (50 + depth) ** 2 + 45**2, -45.0, 45.0)
    return World(scanner.ring, Cylinder(0.0, 0.0, 2500.0, -np.inf, np.inf), outside, phantom, medium_of(WATER), medium_of(LYSO))


@njit
def shoot(rng, place, origin, direction, energy, scene):
    photon = np.empty(FIELDS)
    distances = np.empty(len(place))
    for i in range(len(place)):
        start(photon, origin, direction, energy)
        place[i] = fly(rng, photon, scene)
        distances[i] = photon[FIELDS - 1]
    return distances


@njit
def follow_many(rng, n, origin, direction, energy, scene):
    rows = Rows(np.empty((40 * n, ROW_END)), np.zeros(1, dtype=np.int64))
    photon, scatters = np.empty(FIELDS), np.zeros(4, dtype=np.int64)
    for i in range(n):
        start(photon, origin, direction, energy)
        follow(rng, photon, scatters, scene, rows, Origin(i, 1, 0.0))
    return rows.values[: rows.used[0]]


@njit
def directions(rng, n, mode, value):
    photon, partner = np.empty(FIELDS), np.empty(FIELDS)
    out = np.empty((n, 2, 3))
    zero = np.zeros(3)
    for i in range(n):
        start_pair(rng, photon, partner, zero, 0.511, value if mode == 0 else 0.0)
        if mode == 1:
            partner[:] = photon
            turn(rng, partner, value)
        out[i, 0], out[i, 1] = photon[DX : DZ + 1], partner[DX : DZ + 1]
    return out


@njit
def rayleigh(rng, n, energy, momentum):
    return np.array([draw_rayleigh_cosine(rng, energy, momentum) for _ in range(n)])


def rng():
    return np.random.default_rng(7)


def test_attenuation_in_the_phantom():
    place, phantom = np.empty(N, dtype=np.int64), Cylinder(3.0, 2.0, 20.0**2, -30.0, 30.0)
    far = world(phantom=phantom)
    far = far._replace(outside=far.outside._replace(low=900.0, high=901.0))
    distances = shoot(rng(), place, np.array([-40.0, 2.0, 0.0]), np.array([1.0, 0.0, 0.0]), 0.511, far)
    assert set(np.unique(place)) == {IN_PHANTOM, ESCAPED}
    mu = float(attenuation(WATER, 0.511).total)
    through = (place == ESCAPED).mean()
    assert through == pytest.approx(np.exp(-40 * mu), abs=4 * np.sqrt(through * (1 - through) / N))
    free = distances[place == IN_PHANTOM] - 23.0
    assert free.min() >= 0
    assert free.max() <= 40
    assert free.mean() == pytest.approx(1 / mu - 40 / np.expm1(40 * mu), rel=0.02)


@pytest.mark.parametrize("energy", [0.1, 0.307, 0.511])
def test_attenuation_in_the_crystals(energy):
    place = np.empty(N, dtype=np.int64)
    shoot(rng(), place, np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0]), energy, world())
    through = np.exp(-13 * float(attenuation(LYSO, energy).total))
    assert (place == ESCAPED).mean() == pytest.approx(through, abs=4 * np.sqrt(through / N))
    assert set(np.unique(place)) <= {0, ESCAPED}


def test_gaps_between_crystals_absorb_nothing():
    """A photon along the block crosses 45 crystals of 1 mm with gaps of 1 mm."""
    place, scene = np.empty(N, dtype=np.int64), world(size=1.0, pitch=2.0, count=45)
    shoot(rng(), place, np.array([55.0, -60.0, 0.0]), np.array([0.0, 1.0, 0.0]), 0.511, scene)
    through = np.exp(-45 * float(attenuation(LYSO, 0.511).total))
    assert (place == ESCAPED).mean() == pytest.approx(through, abs=4 * np.sqrt(through / N))


def test_photons_from_one_block_reach_the_opposite_one_through_the_phantom():
    place = np.empty(N, dtype=np.int64)
    scene = world(phantom=Cylinder(0.0, 0.0, 20.0**2, -30.0, 30.0))
    shoot(rng(), place, np.array([56.0, 0.0, 0.0]), np.array([-1.0, 0.0, 0.0]), 0.511, scene)
    crystal, water = (float(attenuation(m, 0.511).total) for m in (LYSO, WATER))
    expected = {0: 1 - np.exp(-6 * crystal), IN_PHANTOM: np.exp(-6 * crystal) * (1 - np.exp(-40 * water)),
                2: np.exp(-6 * crystal - 40 * water) * (1 - np.exp(-13 * crystal))}
    for target, share in expected.items():
        assert (place == target).mean() == pytest.approx(share, abs=4 * np.sqrt(share / N)), target


def test_energy_is_conserved():
    """In blocks too deep to leave, all energy is found; in thin ones at most that."""
    origin, direction = np.array([250.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0])
    for depth, size in ((600.0, 90.0), (13.0, 90.0)):
        start_point = origin if depth > 100 else np.zeros(3)
        rows = follow_many(rng(), 5000, start_point, direction, ELECTRON_MASS, world(depth=depth, size=size))
        total = np.bincount(rows[:, ROW_EVENT].astype(int), rows[:, ROW_ENERGY], 5000)
        assert total.max() == pytest.approx(ELECTRON_MASS, rel=1e-12)
        assert (total <= ELECTRON_MASS * (1 + 1e-12)).all()
        assert (rows[:, ROW_ENERGY] > 0).all()
        inside = np.isclose(total, ELECTRON_MASS, rtol=1e-12).mean()
        assert inside > 0.9 if depth > 100 else 0.2 < inside < 0.6


def test_photofraction_and_full_energy():
    """The first interaction is photoelectric as the cross sections say; several Compton scatters add to the peak."""
    rows = follow_many(rng(), N, np.array([45.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0]), ELECTRON_MASS, world())
    mu = attenuation(LYSO, ELECTRON_MASS)
    alone = rows[:, ROW_SCATTERS : ROW_SCATTERS + 4].sum(axis=1) == 0
    interacted = 1 - np.exp(-13 * float(mu.total))
    assert alone.sum() / N == pytest.approx(interacted * float(mu.photoelectric / mu.total), abs=0.006)
    peak = np.isclose(rows[:, ROW_ENERGY], ELECTRON_MASS, rtol=1e-9)
    assert 1.8 * alone.sum() < peak.sum() < 3.0 * alone.sum()


def test_small_crystals_share_the_energy():
    """The deposits of a photon in several crystals are rows of their own, later ones behind earlier ones."""
    rows = follow_many(rng(), 20_000, np.array([45.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0]), ELECTRON_MASS, world(size=2.0, pitch=2.0, count=45))
    event = rows[:, ROW_EVENT].astype(int)
    together = np.flatnonzero(event[1:] == event[:-1])
    assert 0.1 < len(together) / len(np.unique(event)) < 0.6
    assert (rows[together, ROW_TIME] < rows[together + 1, ROW_TIME]).all()
    assert len(np.unique(np.stack([event, rows[:, ROW_CRYSTAL]]), axis=1).T) == len(rows)


def test_directions_are_isotropic():
    d = directions(rng(), N, 0, 0.0)[:, 0]
    assert np.linalg.norm(d, axis=1) == pytest.approx(np.ones(N))
    assert d.mean(axis=0) == pytest.approx(np.zeros(3), abs=4 / np.sqrt(3 * N))
    assert d.T @ d / N == pytest.approx(np.eye(3) / 3, abs=0.006)


@pytest.mark.parametrize("fwhm", [0.0, 0.5])
def test_photons_are_back_to_back_within_the_acollinearity(fwhm):
    one, other = directions(rng(), N, 0, np.radians(fwhm) / FWHM).transpose(1, 0, 2)
    angle = np.degrees(np.arcsin(np.linalg.norm(np.cross(one, other), axis=1)))
    assert (np.einsum("ni,ni->n", one, other) < -0.999).all()
    assert np.sqrt((angle**2).mean() / 2) * FWHM == pytest.approx(fwhm, rel=0.01, abs=1e-5)


@pytest.mark.parametrize("cosine", [-1.0, -0.4, 0.9])
def test_turning_keeps_the_angle_and_no_azimuth(cosine):
    before, after = directions(rng(), N, 1, cosine).transpose(1, 0, 2)
    assert np.einsum("ni,ni->n", before, after) == pytest.approx(np.full(N, cosine), abs=1e-9)
    across = after - cosine * before
    assert across.mean(axis=0) == pytest.approx(np.zeros(3), abs=0.02)


def test_rayleigh_scatters():
    slow = rayleigh(rng(), N, 0.001, 0.1)
    assert (slow**2).mean() == pytest.approx(0.4, abs=0.005)
    assert slow.mean() == pytest.approx(0, abs=0.01)
    fast = rayleigh(rng(), N, 0.511, 0.018)
    momentum = 2 * 0.511 * np.sqrt((1 - fast) / 2)
    assert np.median(momentum) == pytest.approx(0.018, rel=0.02)


