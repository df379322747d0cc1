"""Entry vectors and bends by hand, under rotations, and against drawn multiple scattering."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.physics.multiple_scattering import displacement, highland_angle
from pphysml.physics.range_energy import momentum_velocity, particle_energy
from pphysml.tasks.track.geometries.geometry import Geometry, GeometryConfig
from pphysml.tasks.track.ranges.wepl import scattering_chi2
from pphysml.tasks.track.reading.beams import Beams
from pphysml.tasks.track.reading.calorimeters.layers import Layers
from pphysml.tasks.track.reading.examples import finished
from pphysml.tasks.track.tracks.links import Links
from pphysml.tasks.track.tracks.track_fit import bends, entry_vectors, largest_kink
from pphysml.tasks.track.tracks.tracks import find_tracks


def through(places, layer=None):
    """Return the hits and links of tracks through the same layers; places (tracks, layers, 3)."""
    n, length = places.shape[:2]
    layer = np.arange(length) if layer is None else layer
    place = places.transpose(1, 0, 2).reshape(-1, 3)
    counts = np.array([n * length])
    examples = {axis: Ragged.from_counts(place[:, i], counts) for i, axis in enumerate("xyz")}
    examples["layer"] = Ragged.from_counts(np.repeat(layer, n), counts)
    links = Links(np.where(np.arange(n * length) < n, -1, np.arange(n * length) - n), np.ones(n * length))
    return examples, find_tracks(examples, links)


def test_entry_vector_of_a_straight_track() -> None:
    z = np.array([3.0, 10.0, 20.0])
    places = np.stack([1.0 + 0.1 * (z - 3), -2.0 - 0.3 * (z - 3), z], -1)[None]
    np.testing.assert_allclose(entry_vectors(*through(places)), [[1.0, -2.0, 0.1, -0.3]])
    single = entry_vectors(*through(places[:, :1]))
    np.testing.assert_array_equal(single, [[1.0, -2.0, np.nan, np.nan]])


def test_bends_do_not_depend_on_the_direction_of_view() -> None:
    rng = np.random.default_rng(0)
    places = np.cumsum(rng.normal([0, 0, 5], [0.3, 0.3, 0.0], (20, 8, 3)), 1)
    found = bends(*through(places))
    steps = np.diff(places, axis=1) / np.linalg.norm(np.diff(places, axis=1), axis=-1, keepdims=True)
    expected = np.arccos((steps[:, 1:] * steps[:, :-1]).sum(-1))
    np.testing.assert_allclose(found.angle.reshape(20, 6), expected, rtol=1e-5)
    tilt = 0.2
    turned = places @ np.array([[np.cos(tilt), 0, -np.sin(tilt)], [0, 1, 0], [np.sin(tilt), 0, np.cos(tilt)]])
    np.testing.assert_allclose(bends(*through(turned)).angle, found.angle, rtol=1e-6)
    tracks = through(places)[1]
    np.testing.assert_allclose(largest_kink(found, tracks), expected.max(1), rtol=1e-5)


def test_tiny_bends_are_exact_and_short_tracks_have_none() -> None:
    z = 10.0 * np.arange(3)
    places = np.stack([np.array([0, 0, 1e-8]), 0 * z, z], -1)[None]
    np.testing.assert_allclose(bends(*through(places)).angle, 1e-9, rtol=1e-6)
    examples, tracks = through(places[:, :2])
    assert largest_kink(bends(examples, tracks), tracks).tolist() == [0.0]


def known(examples, geometry):
    """Return examples with the materials of a geometry."""
    edep = Ragged(np.full(len(examples["x"].flat), 0.1), examples["x"].offsets)
    return {**finished({**examples, "edep": edep}, Layers.of(geometry), Beams()), **examples}


def scattered(geometry, range_, n, rng, shift):
    """Return tracks scattered in homogeneous slabs, or turned at their ends."""
    places, slopes, x = [], np.zeros((n, 2)), np.zeros((n, 2))
    depth = geometry.depth
    for i, z in enumerate(geometry.z):
        if i:
            pv = momentum_velocity(particle_energy(range_ - (depth[i] + depth[i - 1]) / 2))
            width, length = highland_angle(geometry.radiation_lengths[i], pv), z - geometry.z[i - 1]
            angle = width * rng.standard_normal((n, 2))
            x = x + slopes * length + shift * displacement(angle, rng.standard_normal((n, 2)), width, length)
            slopes = slopes + angle
        places.append(np.concatenate([x, np.full((n, 1), z)], -1))
    return np.stack(places, 1)


@pytest.mark.parametrize("shift", [True, False])
def test_multiple_scattering_has_a_chi2_of_one(shift: bool) -> None:
    groups = [{"first_z": 0.0, "pitch": 50.0, "count": 2, "wet": 3.0, "radiation_lengths": 0.008},
              {"first_z": 56.0, "pitch": 5.5, "count": 15, "wet": 8.2, "radiation_lengths": 0.042}]
    geometry = Geometry.of(GeometryConfig.model_validate({"layers": groups, "beam": {"energy": 230.0}, "lateral_displacement": shift}))
    rng = np.random.default_rng(1)
    examples, tracks = through(scattered(geometry, 160.0, 400, rng, shift))
    examples = known(examples, geometry)
    fit = SimpleNamespace(range=np.full(400, 160.0))
    chi2 = scattering_chi2(examples, tracks, bends(examples, tracks), fit)
    assert chi2.mean() == pytest.approx(1.0, abs=0.03)
    doubled = scattering_chi2(examples, tracks, bends(examples, tracks), SimpleNamespace(range=np.full(400, 320.0)))
    assert doubled.mean() > 1.5


def test_chi2_needs_materials_and_three_hits() -> None:
    geometry = Geometry.of(GeometryConfig.model_validate({"layers": [{"count": 5, "wet": 8.0, "radiation_lengths": 0.04}], "beam": {"energy": 230.0}}))
    places = np.stack([0.01 * np.arange(3.0) ** 2, np.zeros(3), np.arange(3.0)], -1)[None]
    fit = SimpleNamespace(range=np.array([30.0]))
    for hits, materials, expected in ((3, True, True), (2, True, False), (3, False, False)):
        examples, tracks = through(places[:, :hits])
        examples = known(examples, geometry)
        if not materials:
            examples |= {name: Ragged(np.full(hits, np.nan), examples["x"].offsets) for name in ("depth", "lengths")}
        assert np.isfinite(scattering_chi2(examples, tracks, bends(examples, tracks), fit)).all() == expected
