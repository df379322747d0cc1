"""NECR against numbers made by hand, the object's radius, and back-projected pictures."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.tasks.petnet.coincidences.lines_of_response import lines_between
from pphysml.tasks.petnet.judging.distances import distance_table
from pphysml.tasks.petnet.judging.images import back_project, image_metrics
from pphysml.tasks.petnet.judging.line_counts import (
    ANGLES,
    DISTANCES,
    GROUPS,
    OFFSETS,
    SINOGRAMS,
    LineCounts,
)
from pphysml.tasks.petnet.judging.necr import learned_radius, necr_metrics, noise_equivalent


def filled(**distances):
    """Return counts of lines at the distances given for each name, the same in every group."""
    lines = LineCounts()
    for name, values in distances.items():
        for group in range(GROUPS):
            lines.distances.fill((group, DISTANCES.index(name)), np.asarray(values, float))
    return lines


def sinogram_of(points, rng, n=40_000, bins=OFFSETS):
    """Return the sinogram of lines in all directions through points, (n, 2), and the edges of s."""
    angle = rng.uniform(0, np.pi, n)
    at = points[rng.integers(len(points), size=n)]
    direction = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    ends = [np.column_stack([at + sign * 60 * direction, np.zeros(n)]) for sign in (1, -1)]
    lines = lines_between(*ends)
    edges = np.linspace(-32, 32, bins + 1)
    return np.histogram2d(lines.phi, lines.s, [np.linspace(0, np.pi, ANGLES + 1), edges])[0], edges


def test_necr_by_hand():
    assert noise_equivalent(80, 10, 10) == 64
    assert noise_equivalent(80, 10, 5, weight=2) == 64
    assert noise_equivalent(0, 0, 0) == 0
    # In the band of 10 + 8 mm: 6 trues, 3 randoms and 1 other; outside are 5 randoms and a true.
    lines = filled(prompts=[0, 2, 4, 6, 8, 9, 10, 12, 15, 17, 20, 25, 30, 35, 40, 19], true=[0, 2, 4, 6, 8, 9, 19],
                   accidental=[10, 15, 17, 20, 25, 30, 35, 40])
    metrics = {m.name: m for m in necr_metrics(lines, 2.0, 10.0, scatter_known=True)}
    assert metrics["necr"].value == pytest.approx((6 * GROUPS) ** 2 / (10 * GROUPS) / 2.0)
    assert metrics["necr_2r"].value == pytest.approx((6 * GROUPS) ** 2 / (13 * GROUPS) / 2.0)
    assert metrics["scatter_fraction_in_band"].value == pytest.approx(1 / 7)
    assert metrics["necr"].n == 10 * GROUPS
    assert {m.name for m in necr_metrics(lines, 0.0, 10.0, scatter_known=False)} == set()


def test_leaving_out_randoms_outside_the_band_changes_nothing():
    """A cut on the distance alone does not improve the NECR."""
    near = dict(true=[1, 3, 5], accidental=[2, 14])
    loose = filled(prompts=[1, 3, 5, 2, 14, 25, 30], **near)
    tight = filled(prompts=[1, 3, 5, 2, 14], **near)
    a, b = (next(necr_metrics(lines, 1.0, 10.0, True)).value for lines in (loose, tight))
    assert a == pytest.approx(b)


def test_radius_of_a_uniform_cylinder():
    """Distances of lines through a disc of uniform activity have density sqrt(R^2 - s^2)."""
    rng = np.random.default_rng(1)
    s = 12.5 * np.sqrt(rng.random(200_000)) * np.cos(rng.uniform(0, 2 * np.pi, 200_000))
    grid = np.linspace(0, 12.5, 100_001)
    density = np.cumsum(np.sqrt(12.5**2 - grid**2))
    expected = grid[np.searchsorted(density / density[-1], 0.995)]
    assert learned_radius(filled(unscattered_targets=np.abs(s[: 200_000 // GROUPS]))) == pytest.approx(expected, abs=0.1)
    assert np.isnan(learned_radius(LineCounts()))


@pytest.mark.parametrize("point", [(0.0, 0.0), (7.0, -3.0), (-5.0, 11.0)])
def test_a_point_is_back_projected_to_its_place(point):
    sinogram, edges = sinogram_of(np.array([point]), np.random.default_rng(2), bins=128)
    x, y = (grid.ravel() for grid in np.meshgrid(np.linspace(-16, 16, 65), np.linspace(-16, 16, 65)))
    picture = back_project(sinogram, edges, x, y)
    best = np.argmax(picture)
    assert np.hypot(x[best] - point[0], y[best] - point[1]) < 0.6
    # Away from it the density of N lines is N / (pi r).
    r = np.hypot(x - point[0], y - point[1])
    far = (r > 4) & (r < 12)
    np.testing.assert_allclose(np.mean(picture[far] * np.pi * r[far]), 40_000, rtol=0.02)


def test_between_two_bins_of_lines_a_picture_is_interpolated():
    """Where the lines' density rises evenly across, every point has the sum over angles of the density at its s."""
    rng, edges, angles = np.random.default_rng(5), np.linspace(-20, 20, 41), 24
    middle, rise = (edges[1:] + edges[:-1]) / 2, rng.uniform(1, 2, (angles, 1))
    x, y = rng.uniform(-9, 9, (2, 50))
    phi = (np.arange(angles) + 0.5) * np.pi / angles
    s = x * np.cos(phi)[:, None] - y * np.sin(phi)[:, None]
    expected = (rise * (30 + s)).sum(0) / (edges[1] - edges[0])
    np.testing.assert_allclose(back_project(rise * (30 + middle), edges, x, y), expected)


def with_sinograms(**sinograms):
    lines = LineCounts()
    for name, counts in sinograms.items():
        lines.sinograms.counts[:, SINOGRAMS.index(name)] = counts
    return lines


def test_randoms_bias_the_picture_until_delayed_pairs_are_subtracted():
    disc = np.random.default_rng(3).normal(0, 4, (500, 2))
    targets, _ = sinogram_of(disc, np.random.default_rng(4))
    flat = np.ones_like(targets)
    same, biased, subtracted = (dict((m.name, m.value) for m in image_metrics(with_sinograms(targets=10 * targets, prompts=p, delayed=d), 8.0)) for p, d in (
        (10 * targets, 0), (10 * targets + 10 * flat, 0), (10 * targets + 10 * flat, 10 * flat)))
    assert same == {"image_bias": 0, "image_distortion": 0}
    assert subtracted["image_bias"] == pytest.approx(0, abs=1e-12)
    assert biased["image_bias"] > 0.05 and biased["image_distortion"] > 0.01


@pytest.mark.parametrize("delayed", [0, 1])
def test_what_was_not_subtracted_is_said(delayed):
    targets, _ = sinogram_of(np.zeros((1, 2)), np.random.default_rng(5))
    lines = with_sinograms(targets=10 * targets, prompts=10 * targets, delayed=delayed * targets)
    said = [metric.definition for metric in image_metrics(lines, 8.0)]
    assert len(said) == 2
    for text in said:
        assert ("not subtracted" in text) == (delayed == 0)


def test_losing_a_share_everywhere_is_bias_without_distortion():
    targets, _ = sinogram_of(np.zeros((1, 2)), np.random.default_rng(5))
    lines = with_sinograms(targets=10 * targets, prompts=9 * targets)
    metrics = {m.name: m for m in image_metrics(lines, 8.0)}
    assert metrics["image_bias"].value == pytest.approx(-0.1)
    assert metrics["image_distortion"].value == pytest.approx(0, abs=1e-9)


def test_loss_at_the_rim_is_seen_there():
    targets = np.linspace(0.05, 9.95, 200)
    found = targets[targets < 8]
    rows = distance_table(filled(targets=targets, found=found, prompts=[*found, 45.0], accidental=[45.0]), 10.0)
    assert rows[0]["recall"] == rows[0]["F1"] == 1 and rows[-1]["accidental share"] == 1
    by_end = {row["to [mm]"]: row["recall"] for row in rows}
    assert by_end[7.5] == 1 and by_end[9.0] == pytest.approx(1 / 3, abs=0.05) and by_end[10.0] == 0
    assert sum(row["targets"] for row in rows) == 200 * GROUPS
