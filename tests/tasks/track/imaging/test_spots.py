"""Tracks of several beam spots in one frame: each with the spot that it comes from."""

from __future__ import annotations

import numpy as np

from pphysml.io.ragged import Ragged
from pphysml.tasks.track.config.imaging import UpstreamConfig
from pphysml.tasks.track.imaging.spots import spots_of_tracks


def tracks(x, y, frame, given=True):
    n = len(x)
    return {"x": np.array(x, float), "y": np.array(y, float), "z": np.full(n, 100.0), "spot_x": np.zeros(n, np.float32), "spot_y": np.zeros(n, np.float32),
            "spot_given": np.full(n, given)}, np.array(frame)


def frames(spots):
    """Return the columns of frames whose spots are lists of (x, y)."""
    flat, counts = np.array([p for of in spots for p in of], np.float32), np.array([len(of) for of in spots])
    return {name: Ragged.from_counts(flat[:, k], counts) for k, name in enumerate(("spots_x", "spots_y"))}


def test_a_track_comes_from_the_nearest_spot_of_its_frame() -> None:
    listed, frame = tracks([1, 9, 11, -8, 3], [0, 0, 1, 0, 1], [0, 0, 0, 1, 1])
    found = spots_of_tracks(listed, frames([[(0, 0), (10, 0)], [(0, 0), (-10, 0), (500, 0)]]), frame, UpstreamConfig())
    assert found["spot"].tolist() == [0, 1, 1, 1, 0] and found["spot_x"].tolist() == [0, 10, 10, -10, 0]


def test_spots_of_a_source_near_by_are_sought_where_their_particles_come_to() -> None:
    # From a source 1000 mm in front of the spots, 500 mm behind which is the sensor, particles of 40 and 60 mm come to 60 and 90 mm.
    listed, frame = tracks([62, 70, 88], [0, 0, 0], [0, 0, 0])
    options = UpstreamConfig(spot_z=-400, source_distance=[1000, 1000])
    spots = frames([[(40, 0), (60, 0)]])
    assert spots_of_tracks(listed, spots, frame, options)["spot_x"].tolist() == [40, 40, 60]
    assert spots_of_tracks(listed, spots, frame, UpstreamConfig())["spot_x"].tolist() == [60, 60, 60]


def test_without_positions_tracks_that_begin_well_apart_are_of_several_spots() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(0, 2, 200), rng.normal(0, 2, 200)
    x[50:100] += 40
    listed, frame = tracks(x, y, np.repeat([0, 1], 100), given=False)
    columns = {"wepl": Ragged.from_counts(np.zeros(200), np.array([100, 100]))}
    found = spots_of_tracks(listed, columns, frame, UpstreamConfig())
    number = found["spot"][:100]
    assert len(set(number[:50])) == len(set(number[50:])) == 1 and set(number) == {0, 1} and (found["spot"][100:] == 0).all()
    for side in (slice(0, 50), slice(50, 100)):
        assert np.allclose(found["spot_x"][side], np.median(x[side]), atol=0.3) and len(set(found["spot_x"][side])) == 1
    assert (found["spot_x"][100:] == 0).all()
    # A file that gives the one spot of each frame is believed.
    given = spots_of_tracks(tracks(x, y, frame)[0], columns, frame, UpstreamConfig())
    assert set(given) == {"spot"} and not given["spot"].any()


def test_no_tracks() -> None:
    listed, frame = tracks([], [], np.zeros(0, int))
    assert len(spots_of_tracks(listed, frames([[(1, 2), (3, 4)]]), frame, UpstreamConfig())["spot"]) == 0
    empty, _ = tracks([], [], [], given=False)
    assert len(spots_of_tracks(empty | {"spot_given": np.zeros(0, bool)}, {"wepl": Ragged.from_counts(np.zeros(0), np.zeros(2, int))}, frame, UpstreamConfig())["spot"]) == 0
