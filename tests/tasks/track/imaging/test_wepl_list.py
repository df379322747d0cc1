"""The list for image reconstruction: every track that can be used, with its path in front of the object and behind it."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.errors import InputError
from pphysml.io.ragged import Ragged, length, ragged
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.imaging.finished_list import finished_list
from pphysml.tasks.track.imaging.projections import find_projections
from pphysml.tasks.track.imaging.wepl_list import WEPL_FIELDS, wepl_list
from pphysml.tasks.track.output.columns import output_columns


def configured(**options):
    return TrackConfig.model_validate({"apply": {"filters": {"min_hits": 1}, **options}})


@pytest.fixture
def columns(toy):
    """Columns of tracks, with WEPL wherever there is a second hit; ranges of tracks this short say little."""
    rng = np.random.default_rng(11)
    examples = toy.random_frames(rng)
    previous = toy.random_links(rng, examples, np.full(len(examples["layer"].flat), -1))
    order = np.lexsort((examples["layer"].flat, examples["particle"].flat, np.repeat(np.arange(6), examples["layer"].counts)))
    frame, particle = np.repeat(np.arange(6), examples["layer"].counts)[order], examples["particle"].flat[order]
    same = (np.diff(frame) == 0) & (np.diff(particle) == 0) & (particle[1:] >= 0)
    previous.previous[order[1:][same]] = order[:-1][same]
    found = output_columns(examples, previous, configured()) | {name: examples[name] for name in ("file", "entry")}
    found["wepl"] = Ragged(rng.normal(100, 3, len(found["wepl"].flat)).astype(np.float32), found["wepl"].offsets)
    found["flags"] = Ragged(found["flags"].flat & ~np.uint8(2 | 4 | 32), found["flags"].offsets)
    return found


def test_it_has_a_row_for_every_track_that_can_be_used(columns, tmp_path) -> None:
    listed = finished_list(wepl_list(columns, configured()), tmp_path, configured()).rows
    assert set(listed) == {f.name for f in WEPL_FIELDS} | {"file", "entry"}
    for f in WEPL_FIELDS:
        assert np.asarray(listed[f.name]).dtype == np.dtype(f.dtype), f.name
    usable = (columns["flags"].flat & 9 == 0) & (columns["n_hits_of_track"].flat > 1)
    assert length(listed) == usable.sum() > 10
    for i in range(length(listed)):
        row, track = int(np.flatnonzero(columns["frame"] == listed["frame"][i])[0]), listed["track"][i]
        hits = np.flatnonzero(columns["hit_track_index"][row] == track)
        first, second = hits[:2]
        x, y, z = (ragged(columns, f"hit_{k}")[row].astype(float) for k in "xyz")
        assert (listed["x"][i], listed["z"][i]) == (x[first], z[first])
        assert listed["tx"][i] == pytest.approx((x[second] - x[first]) / (z[second] - z[first]), rel=1e-4)
        step = np.array([x[second] - x[first], y[second] - y[first], z[second] - z[first]])
        assert [listed[f"d{axis}"][i] for axis in "xyz"] == pytest.approx(step / np.linalg.norm(step), rel=1e-4, abs=1e-6)
        assert listed["wepl"][i] == columns["wepl"][row][track]


def vectors(listed, prefix):
    return np.stack([listed[f"{prefix}{axis}"] for axis in "xyz"], -1)


def test_without_a_plane_there_are_no_positions_in_front_and_the_beam_runs_along_z(columns) -> None:
    listed = wepl_list(columns, configured())
    assert np.isnan(vectors(listed, "upstream_")).all()
    np.testing.assert_array_equal(vectors(listed, "upstream_d"), np.tile([0, 0, 1], (length(listed), 1)))


def test_a_scanned_beam_comes_from_its_sources(columns) -> None:
    n = length(columns)
    columns |= {"spot_x": np.arange(n, dtype=np.float32), "spot_y": np.full(n, -20, np.float32), "spot_given": np.ones(n, bool)}
    options = {"z": -300.0, "spot_z": -100.0, "source_distance": [2000.0, 1500.0]}
    listed = wepl_list(columns, configured(upstream=options))
    place, direction = vectors(listed, "upstream_").astype(float), vectors(listed, "upstream_d").astype(float)
    np.testing.assert_allclose(np.linalg.norm(direction, axis=1), 1, rtol=1e-6)
    assert (place[:, 2] == -300).all() and (direction[:, 2] > 0).all()
    # Along its direction each proton comes from the sources, and crosses the plane of the spots in its spot.
    for k, distance in enumerate((2000, 1500)):
        slope = direction[:, k] / direction[:, 2]
        np.testing.assert_allclose(place[:, k] + slope * (-100 - distance + 300), 0, atol=1e-4)
        np.testing.assert_allclose(place[:, k] + slope * 200, listed[("spot_x", "spot_y")[k]], atol=1e-4)


def test_slopes_of_the_file_are_taken_and_a_stated_spot_where_the_file_has_none(columns) -> None:
    n = length(columns)
    columns |= {"spot_tx": np.full(n, 0.01, np.float32), "spot_ty": np.full(n, -0.02, np.float32)}
    listed = wepl_list(columns, configured(upstream={"z": -50.0, "spot_z": 0.0, "spot": [3.0, 4.0]}))
    np.testing.assert_allclose(vectors(listed, "upstream_"), np.tile([2.5, 5.0, -50.0], (length(listed), 1)), rtol=1e-6)
    np.testing.assert_allclose(vectors(listed, "upstream_d")[:, :2] / vectors(listed, "upstream_d")[:, 2:], np.tile([0.01, -0.02], (length(listed), 1)), rtol=1e-5)


def test_angles_are_counted_from_the_direction_in_front(columns, tmp_path) -> None:
    n = length(columns)
    many = {name: np.tile(np.asarray(column), 40) for name, column in wepl_list(columns, configured()).items()}
    rng = np.random.default_rng(4)
    side = np.where(rng.random(len(many["x"])) < 0.1, 0.3, 0.0)
    many |= {"tx": rng.normal(0, 0.01, len(side)) + side, "ty": rng.normal(0, 0.01, len(side)), "wepl": rng.normal(100, 3, len(side))}
    straight = finished_list(many, tmp_path, configured()).rows["outlier"]
    slope = np.stack([side, 0 * side, 1 + 0 * side], -1) / np.hypot(1, side)[:, None]
    known = finished_list(many | {f"upstream_d{axis}": slope[:, k] for k, axis in enumerate("xyz")}, tmp_path, configured()).rows["outlier"]
    assert n and (straight[side > 0] & 2).all() and (known[side > 0] & 2).mean() < 0.05


def test_rotation_angles_are_those_of_the_file_or_stated(columns) -> None:
    n = length(columns)
    assert np.isnan(wepl_list(columns, configured())["rotation_angle"]).all()
    columns |= {"run": np.arange(n) % 2, "rotation_angle": np.full(n, 7, np.float32)}
    assert (wepl_list(columns, configured())["rotation_angle"] == 7).all()
    listed = wepl_list(columns, configured(rotation_angles={0: 12.5, 1: 270}))
    np.testing.assert_array_equal(listed["rotation_angle"], np.where(listed["run"] == 0, 12.5, 270))
    with pytest.raises(InputError, match="run 1, for which"):
        wepl_list(columns, configured(rotation_angles={0: 12.5}))


def names(file, run, angle, stated=False):
    rows = {"file": np.array(file), "run": np.array(run), "rotation_angle": np.array(angle, dtype=np.float32)}
    return find_projections(rows, stated)


def test_projections_are_runs_of_a_file_or_stated_angles() -> None:
    nan = np.nan
    assert names([0, 0, 0], [3, 12, 3], [nan] * 3).names == ["run0003", "run0012"]
    # GATE's angle stays 0 where a macro turns the object: it joins nothing, and is no angle.
    zero = names([0, 1, 1], [0, 0, 0], [0, 0, 0])
    assert zero.names == ["file000_run0000", "file001_run0000"] and np.isnan(zero.angles).all()
    turned = names([0, 0], [1, 0], [12.5, 0])
    assert turned.names == ["run0000_rotation000deg", "run0001_rotation012.5deg"] and turned.of_row.tolist() == [1, 0]
    stated = names([0, 1, 1], [0, 1, 2], [10, 10, 350], stated=True)
    assert stated.names == ["rotation010deg", "rotation350deg"] and [rows.tolist() for _, _, rows in stated] == [[0, 1], [2]]
