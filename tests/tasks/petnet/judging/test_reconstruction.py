"""Images of lines from known activity: where it is, how much of it, and what weights do."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.tasks.petnet.judging.reconstruction import (
    WeightedLines,
    anywhere_in_crystals,
    grid_of,
    pitch_of,
    reconstructed,
    sensitivity,
    time_spread,
)

RING, LENGTH, SIGMA = 100.0, 120.0, 100.0
GRID = grid_of(30.0, -40.0, 40.0, 32, 64)


def lines_of(place, seed=0, sigma=SIGMA):
    """Return the lines of annihilations at places, mm, (n, 3), in a ring of crystals without gaps."""
    rng = np.random.default_rng(seed)
    cosine, phi = rng.uniform(-1, 1, len(place)), rng.uniform(0, 2 * np.pi, len(place))
    sine = np.sqrt(1 - cosine**2)
    direction = np.column_stack([sine * np.cos(phi), sine * np.sin(phi), cosine])
    a, b = (direction[:, :2] ** 2).sum(1), (direction[:, :2] * place[:, :2]).sum(1)
    root = np.sqrt(b**2 - a * ((place[:, :2] ** 2).sum(1) - RING**2))
    one, other = (-b + root) / a, (b + root) / a
    p, q = place + one[:, None] * direction, place - other[:, None] * direction
    seen = (np.abs(p[:, 2]) < LENGTH / 2) & (np.abs(q[:, 2]) < LENGTH / 2)
    dt = (other - one) / 0.299792458 + rng.normal(0, sigma, len(place))
    return WeightedLines(p[seen], q[seen], dt[seen], np.ones(int(seen.sum())))


def crystals(n=30_000, seed=9):
    """Return places of singles; a source aside lets one side see more of them, which must not matter."""
    rng = np.random.default_rng(seed)
    phi = rng.uniform(0, 2 * np.pi, n)
    phi = phi[rng.random(n) < 0.6 + 0.4 * np.cos(phi)]
    return np.column_stack([RING * np.cos(phi), RING * np.sin(phi), rng.uniform(-LENGTH / 2, LENGTH / 2, len(phi))])


def cylinder(n, radius, length, seed=1):
    rng = np.random.default_rng(seed)
    r, phi = radius * np.sqrt(rng.random(n)), rng.uniform(0, 2 * np.pi, n)
    return np.column_stack([r * np.cos(phi), r * np.sin(phi), rng.uniform(-length / 2, length / 2, n)])


@pytest.fixture(scope="module")
def seen():
    return sensitivity(crystals(), GRID, 1_000_000)


def centres(image):
    """Return x, y and z of the voxels, mm."""
    along = [(np.arange(n) + 0.5) * GRID.voxel + low for n, low in zip(image.shape, (-GRID.radius, -GRID.radius, GRID.z_low), strict=True)]
    return np.meshgrid(*along, indexing="ij")


def around(image, point, radius):
    """Return the sum over the voxels near a point."""
    distance = sum((of - at) ** 2 for of, at in zip(centres(image), point, strict=True))
    return float(image[distance < radius**2].sum())


@pytest.mark.parametrize("sigma", [SIGMA, 800.0])
def test_sources_are_where_they_are_and_as_strong(seen, sigma):
    """Three times as many decays aside and nearer to the end, where fewer lines are seen; with and without time of flight."""
    a, b = (0.0, 0.0, 0.0), (12.0, -10.0, 20.0)
    place = np.repeat([a, b], [40_000, 120_000], axis=0) + np.random.default_rng(3).normal(0, 0.3, (160_000, 3))
    lines = lines_of(np.random.default_rng(4).permutation(place), sigma=sigma)
    image = reconstructed(lines, seen, GRID, sigma)
    found = time_spread(lines, seen, GRID)
    assert found == pytest.approx(sigma, rel=0.03)
    assert around(image, b, 5.0) / around(image, a, 5.0) == pytest.approx(3.0, rel=0.05)
    assert (around(image, a, 5.0) + around(image, b, 5.0)) / image.sum() > 0.97


def test_even_activity_is_even(seen):
    """Along the axis, where the middle is seen best, and away from it; nothing is outside."""
    image = reconstructed(lines_of(cylinder(400_000, 20.0, 60.0)), seen, GRID, SIGMA)
    x, y, z = centres(image)
    r, inside = np.hypot(x, y), (np.hypot(x, y) < 17) & (np.abs(z) < 27)
    parts = [inside & part for part in (z < -13, np.abs(z) < 8, z > 13, r < 8, r > 13, x > 8, x < -8, y > 8, y < -8)]
    assert [image[part].mean() for part in parts] == pytest.approx([image[inside].mean()] * len(parts), rel=0.05)
    assert image[r > 24].mean() < 0.02 * image[inside].mean()


def test_every_line_is_somewhere(seen):
    """The last pass keeps the sum of the weights, which is what the scanner sees of the image."""
    lines = lines_of(cylinder(30_000, 15.0, 40.0))
    lines = WeightedLines(lines.p, lines.q, lines.dt, np.random.default_rng(5).random(len(lines)))
    image = reconstructed(lines, seen, GRID, SIGMA)
    assert (image * seen).sum() == pytest.approx(lines.weight.sum(), rel=1e-3)


def test_weights_count(seen):
    """Twice the weight is twice the image, and lines without weight are none."""
    lines = lines_of(cylinder(3000, 15.0, 40.0))
    image = reconstructed(lines, seen, GRID, SIGMA)
    double = reconstructed(WeightedLines(lines.p, lines.q, lines.dt, 2 * lines.weight), seen, GRID, SIGMA)
    np.testing.assert_allclose(double, 2 * image, rtol=1e-6, atol=1e-9 * image.max())
    more = lines_of(cylinder(2000, 15.0, 40.0, seed=6))
    both = WeightedLines(*(np.concatenate([getattr(lines, name), getattr(more, name)]) for name in ("p", "q", "dt")),
                         np.concatenate([lines.weight, np.zeros(len(more))]))
    np.testing.assert_allclose(reconstructed(both, seen, GRID, SIGMA), image, rtol=1e-6)


def test_voxels_are_cubes_over_the_whole_range():
    for radius, low, high, across, most in ((30.0, -40.0, 40.0, 64, 512), (18.0, -500.0, 500.0, 64, 128), (100.0, 0.0, 0.0, 64, 512)):
        grid = grid_of(radius, low, high, across, most)
        assert grid.voxel * grid.across == pytest.approx(2 * radius) and grid.across <= across and grid.along <= most + 8
        assert grid.voxel * grid.along == pytest.approx(grid.z_high - grid.z_low)
        assert grid.z_low <= low and grid.z_high >= high


def test_no_line_no_image(seen):
    nothing = lines_of(np.zeros((0, 3)))
    assert not reconstructed(nothing, seen, GRID, SIGMA).any() and time_spread(nothing, seen, GRID) > 0


def test_crystals_leave_no_bright_axis(seen):
    """Lines between the middles of crystals cross in the axis; ends anywhere in these do not, and are nowhere else."""
    lines, pitch = lines_of(cylinder(150_000, 15.0, 40.0)), 2 * np.pi * RING / 200

    def in_crystals(end):
        angle = np.round(np.arctan2(end[:, 1], end[:, 0]) / (2 * np.pi) * 200) * 2 * np.pi / 200
        return np.column_stack([RING * np.cos(angle), RING * np.sin(angle), np.round(end[:, 2] / pitch) * pitch])

    middles = WeightedLines(in_crystals(lines.p), in_crystals(lines.q), lines.dt, lines.weight)
    assert pitch_of(middles.p) == pytest.approx(pitch, rel=0.01)
    spread = anywhere_in_crystals(middles, pitch)
    for end, middle in ((spread.p, middles.p), (spread.q, middles.q)):
        np.testing.assert_allclose(in_crystals(end), middle, atol=1e-6)
        assert (end - middle)[:, 2].std() == pytest.approx(pitch / np.sqrt(12), rel=0.02)
    x, y, z = centres(seen)
    axis, around_it = (np.hypot(x, y) < 2) & (np.abs(z) < 18), (np.hypot(x, y) > 3) & (np.hypot(x, y) < 12) & (np.abs(z) < 18)
    true, bright, even = (image[axis].mean() / image[around_it].mean() for image in (reconstructed(of, seen, GRID, SIGMA) for of in (lines, middles, spread)))
    assert even == pytest.approx(true, abs=0.1) and bright > true + 0.2, (true, bright, even)
    some = anywhere_in_crystals(middles.part(0, 7), pitch)
    np.testing.assert_allclose(some.p, spread.p[::7], atol=1e-9)
