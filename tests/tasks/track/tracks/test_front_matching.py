"""Front tracks: hits of planes put together, and matched to the tracks behind the object."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.track.tracks import front_matching
from pphysml.tasks.track.tracks.front_matching import BackTracks, Scatter, match_front
from pphysml.tasks.track.tracks.front_tracks import FrontTracks, find_front_tracks, near_pairs

PLANES = [-300.0, -250.0, -200.0]
PLANE, PIXEL = 0.002, 0.008


def frames_of_hits(seed=0, frames=4, n=30, planes=3, slope=0.0, missed=0.05):
    """Return examples with hits in front, some missing, and the place of each proton's last hit, slope and frame."""
    rng = np.random.default_rng(seed)
    parts, tracks = [], []
    for frame in range(frames):
        x, t = rng.normal(0, 6, (n, 2)), slope + rng.normal(0, 0.001, (n, 2))
        seen = rng.random((n, planes)) > missed
        rows = [(frame, k, *(x[p] + t[p] * (PLANES[k] - PLANES[0])), PLANES[k], p) for p in range(n) for k in range(planes) if seen[p, k]]
        parts += [rows[i] for i in rng.permutation(len(rows))]
        tracks += [(frame, p, *(x[p] + t[p] * (PLANES[planes - 1] - PLANES[0])), *t[p]) for p in range(n) if seen[p].all()]
    values = np.array(parts)
    counts = np.bincount(values[:, 0].astype(int), minlength=frames)
    names = {"front_plane": np.int16, "front_x": np.float64, "front_y": np.float64, "front_z": np.float64, "front_proton": np.int32}
    examples = {name: Ragged.from_counts(values[:, k + 1].astype(kind), counts) for k, (name, kind) in enumerate(names.items())}
    examples |= {f"spot_t{axis}": np.full(frames, slope) for axis in "xy"}
    return examples, np.array(tracks)


@pytest.mark.parametrize(("planes", "slope"), [(2, 0.0), (3, 0.0), (2, 0.1)])
def test_hits_of_one_proton_are_a_front_track(planes, slope):
    examples, true = frames_of_hits(planes=planes, slope=slope)
    found = find_front_tracks(examples)
    assert (np.diff(found.frame) >= 0).all()
    place = {(frame, proton): row for frame, proton, row in zip(found.frame, found.proton, range(len(found.frame)), strict=True)}
    rows = [place.get((frame, proton), -1) for frame, proton in true[:, :2]]
    right = np.array([row >= 0 and np.allclose(found.place[row, :2], t[2:4]) and np.allclose(found.slope[row], t[4:], atol=1e-9) for row, t in zip(rows, true, strict=True)])
    assert right.mean() > 0.98
    assert set(found.step) == {50.0}


def test_a_beam_aslant_shows_its_slope():
    examples, _ = frames_of_hits(planes=2, slope=0.1, missed=0.01)
    said = find_front_tracks(examples)
    found = find_front_tracks({name: column for name, column in examples.items() if not name.startswith("spot")})
    both = {*map(tuple, found.place)} & {*map(tuple, said.place)}
    assert len(both) > 0.97 * len(said.frame) > 97 and len(found.frame) < 1.03 * len(said.frame)
    # A hit too few moves the median, but no more hits are linked that way.
    straight, _ = frames_of_hits(planes=2, n=4, frames=50)
    unsaid = find_front_tracks({name: column for name, column in straight.items() if not name.startswith("spot")})
    np.testing.assert_array_equal(unsaid.place, find_front_tracks(straight).place)


def test_pairs_of_one_frame_are_near():
    rng = np.random.default_rng(1)
    frame, other = np.sort(rng.integers(0, 5, 60)), np.sort(rng.integers(0, 5, 70))
    x, y = rng.normal(0, 3, 60), rng.normal(0, 3, 70)
    expected = np.nonzero((frame[:, None] == other) & (np.abs(x[:, None] - y) <= 1.0))
    i, j = near_pairs(frame, x, other, y, 1.0)
    assert sorted(zip(i, j, strict=True)) == sorted(zip(*expected, strict=True)) and len(i) > 50


def scattered(seed=0, frames=3, n=40, middle=-120.0, wepl=100.0, slopes=0.0, spread=6.0):
    """Return tracks in front at -200 mm and behind at 0, of an object of water whose middle is at a position, in shuffled order, and the match of each."""
    rng = np.random.default_rng(seed)
    frame, total = np.repeat(np.arange(frames), n), frames * n
    front = FrontTracks(frame, np.c_[rng.normal(0, spread, (total, 2)), np.full(total, -200.0)], rng.normal(0, slopes, (total, 2)), np.full(total, 50.0), None)
    full = np.full(total, 1.0)
    back = BackTracks(frame, np.zeros((total, 3)), np.zeros((total, 2)), 0.001 * full, wepl * full, 3 * full, 180.0 * full, full, full)
    scatter = Scatter.of(back, PLANE * full)
    turn, shift = rng.normal(0, 1, (2, total, 2))
    measured = front.slope + scatter.front[:, None] * rng.normal(0, 1, (total, 2))
    slope = measured + scatter.angle[:, None] * turn
    at_middle = front.place[:, :2] + measured * (middle + 200) + (scatter.angle * scatter.length / np.sqrt(12))[:, None] * shift
    seen = slope + 0.001 * rng.normal(0, 1, (total, 2))
    back = replace(back, place=np.c_[at_middle + slope * (0 - middle), np.zeros(total)], slope=seen)
    order = np.concatenate([k * n + rng.permutation(n) for k in range(frames)])
    return front, take(back, order), order


def take(back, rows):
    return BackTracks(**{f.name: getattr(back, f.name)[rows] for f in fields(back)})


def matched(front, back):
    return match_front(front, back, np.full(len(back.frame), PLANE), PIXEL)


@pytest.mark.parametrize("middle", [-150.0, -100.0, -60.0])
def test_tracks_are_matched_wherever_the_object_is(middle):
    front, back, true = scattered(middle=middle)
    nearest = np.array([np.flatnonzero(front.frame == f)[np.argmin(((front.place[front.frame == f, :2] + 200 * front.slope[front.frame == f] - p[:2]) ** 2).sum(1))]
                        for f, p in zip(back.frame, back.place, strict=True)])
    found = matched(front, back)
    assert (found == true).mean() > max(0.8, 0.2 + (nearest == true).mean())
    assert (front.frame[found[found >= 0]] == back.frame[found >= 0]).all()
    assert len(np.unique(found[found >= 0])) == (found >= 0).sum()


def test_chi2_is_that_of_four_degrees_of_freedom(monkeypatch):
    front, back, _ = scattered(n=100, frames=40, slopes=0.003, spread=3000.0)
    shares = []
    for limit in (3.357, 7.779):
        monkeypatch.setattr(front_matching, "LARGEST_CHI2", limit)
        shares.append((matched(front, back) >= 0).mean())
    assert shares == pytest.approx([0.5, 0.9], abs=0.05)


def test_frames_do_not_depend_on_each_other_nor_on_the_order_of_tracks(monkeypatch):
    front, back, _ = scattered()
    whole = matched(front, back)
    monkeypatch.setattr(front_matching, "MOST_PAIRS", 1)
    np.testing.assert_array_equal(matched(front, back), whole)
    one = np.flatnonzero(back.frame == 1)
    own = np.flatnonzero(front.frame == 1)
    alone = matched(replace(front, **{name: getattr(front, name)[own] for name in ("frame", "place", "slope", "step")}), take(back, one[::-1]))
    np.testing.assert_array_equal(np.where(alone >= 0, own[alone], -1), whole[one][::-1])


def test_what_fits_nowhere_stays_alone():
    front, back, true = scattered(n=20)
    place, slope = back.place.copy(), back.slope.copy()
    place[0, 0], slope[1], slope[2] = 80.0, 0.5, np.nan
    found = matched(front, replace(back, place=place, slope=slope))
    assert (found[:3] == -1).all() and (found[3:] == true[3:]).mean() > 0.8
    few = replace(front, **{name: getattr(front, name)[:0] for name in ("frame", "place", "slope", "step")})
    assert (matched(few, back) == -1).all() and len(matched(front, take(back, np.zeros(0, int)))) == 0


def test_without_a_beam_a_usual_thickness_is_taken():
    front, back, true = scattered()
    assert (matched(front, replace(back, wepl=np.full(len(true), np.nan), wepl_error=np.full(len(true), np.nan))) == true).mean() > 0.8


def test_more_water_scatters_more_and_helium_less():
    _, back, _ = scattered(n=1, frames=2)
    thin, thick = (Scatter.of(replace(back, wepl=np.full(2, w)), np.full(2, PLANE)).angle[0] for w in (50.0, 200.0))
    helium = Scatter.of(replace(back, energy=4 * back.energy, mass_ratio=np.full(2, 3.9726), charge=np.full(2, 2.0)), np.full(2, PLANE))
    assert thick > 1.7 * thin and helium.angle[0] == pytest.approx(Scatter.of(back, np.full(2, PLANE)).angle[0] / 2, rel=0.02)
