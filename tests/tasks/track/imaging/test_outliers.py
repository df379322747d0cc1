"""Outliers of a list of protons: those that do not fit the others at their place, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.tasks.track.config.imaging import OutlierConfig
from pphysml.tasks.track.imaging.outliers import OF_ANGLE, OF_WEPL, find_outliers

N = 12_000


@pytest.fixture
def protons():
    """Protons behind a step from 100 to 140 mm of water at x = 0, spread evenly over 16 x 16 mm, with a step of direction too."""
    rng = np.random.default_rng(8)
    place = rng.uniform(-8, 8, (2, N))
    rows = {"x": place[0], "y": place[1], "wepl": np.where(place[0] < 0, 100.0, 140.0) + rng.normal(0, 3, N),
            "spot_x": np.floor(place[0] / 4), "spot_y": np.zeros(N)}
    deflection = rng.normal(0, 0.02, (N, 2)) + np.where(place[0] < 0, 0.0, 0.1)[:, None]
    return rows, deflection, np.zeros(N, dtype=np.int64)


def found(protons, **options):
    return find_outliers(*protons, OutlierConfig(**options))


def test_of_gaussian_protons_three_sigma_leave_out_what_three_sigma_hold(protons) -> None:
    # Squares of 2 mm hold 190 protons each, of which the width is known to 5 %.
    bits, judged = found(protons, pixel=2.0)
    assert judged.all()
    assert 0.001 < ((bits & OF_WEPL) > 0).mean() < 0.006
    assert 0.002 < ((bits & OF_ANGLE) > 0).mean() < 0.012


def test_those_that_lie_off_are_found_for_what_they_are_and_do_not_hide_each_other(protons) -> None:
    rows, deflection, _ = protons
    rng = np.random.default_rng(1)
    wrong = rng.permutation(N)[: N // 5]
    of_wepl, of_angle = wrong[::2], wrong[1::2]
    rows["wepl"][of_wepl] += 30 + rng.exponential(50, len(of_wepl))
    deflection[of_angle, rng.integers(0, 2, len(of_angle))] += 0.5
    bits, _ = found(protons, pixel=2.0)
    assert (bits[of_wepl] & OF_WEPL).all() and (bits[of_angle] & OF_ANGLE).all()
    good = np.setdiff1d(np.arange(N), wrong)
    assert (bits[good] > 0).mean() < 0.02


def test_places_are_compared_by_themselves(protons) -> None:
    rows, _, _ = protons
    left = np.flatnonzero(rows["x"] < -2)[:50]
    rows["wepl"][left] = 140.0
    assert (found(protons)[0][left] & OF_WEPL).all()
    # All together the two halves have a width of 20 mm, in which 140 is nothing special.
    together, judged = found(protons, min_protons=N)
    assert judged.all() and not (together & OF_WEPL).any()


def test_one_cell_is_the_iterated_median_and_its_width(protons) -> None:
    rows, deflection, _ = protons
    rows["wepl"][:3000] += np.random.default_rng(2).exponential(20, 3000)
    values = np.stack([rows["wepl"], *deflection.T])
    kept = np.ones(N, bool)
    for _ in range(20):
        centre = np.median(values[:, kept], axis=1)
        width = 1.4826 * np.median(np.abs(values[:, kept] - centre[:, None]), axis=1)
        beyond = np.abs(values - centre[:, None]) > 2.5 * width[:, None]
        kept = ~beyond.any(axis=0)
    bits, _ = found(protons, sigmas=2.5, min_protons=N)
    np.testing.assert_array_equal(bits, OF_WEPL * beyond[0] + OF_ANGLE * (beyond[1] | beyond[2]))


def test_projections_and_spots_are_compared_by_themselves(protons) -> None:
    rows, deflection, projection = protons
    projection[N // 2 :] = 1
    rows["wepl"][N // 2 :] += 500
    bits, _ = found(protons, pixel=4.0)
    assert (bits > 0).mean() < 0.02
    spots, _ = found(protons, cells="spots")
    for number in (0, 1):
        for spot in (-2, 0):
            chosen = (projection == number) & (rows["spot_x"] == spot)
            alone = {name: values[chosen] for name, values in rows.items()}
            expected, _ = find_outliers(alone, deflection[chosen], np.zeros(chosen.sum(), int), OutlierConfig(min_protons=int(chosen.sum())))
            np.testing.assert_array_equal(spots[chosen], expected)


def test_too_few_protons_are_not_judged_and_equal_ones_are_none(protons) -> None:
    rows, deflection, projection = protons
    bits, judged = found(protons, min_protons=N + 1)
    assert not judged.any() and not bits.any()
    assert not found(protons, sigmas=None)[0].any()
    rows["wepl"][:] = 7.0
    assert not (found(protons)[0] & OF_WEPL).any()
    empty = find_outliers({name: values[:0] for name, values in rows.items()}, deflection[:0], projection[:0], OutlierConfig())
    assert all(len(values) == 0 for values in empty)


def test_cuts_that_leave_nothing_end(protons) -> None:
    assert found(protons, sigmas=0.01, pixel=4.0)[0].mean() > 0.5


def test_the_order_of_the_protons_does_not_matter(protons) -> None:
    rows, deflection, projection = protons
    order = np.random.default_rng(3).permutation(N)
    bits, _ = found(protons)
    shuffled, _ = find_outliers({name: values[order] for name, values in rows.items()}, deflection[order], projection, OutlierConfig())
    np.testing.assert_array_equal(shuffled, bits[order])
