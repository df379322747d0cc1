"""Deposits to clusters: against a search over a whole grid, at the limits of the law, and what is kept of the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import label
from scipy.spatial import cKDTree

from pphysml.io.ragged import Ragged, slice_rows
from pphysml.tasks.track.reading.clusters.cluster_kernel import REACH, Pitch, join_deposits
from pphysml.tasks.track.reading.clusters.clusters import merge_deposits
from pphysml.tasks.track.reading.clusters.hits import cluster_size

PITCH = Pitch(0.02938, 0.02707)
THICKNESS = 0.025


def area(edep):
    return 4.2267 * (np.asarray(edep) / THICKNESS) ** 0.65


def joined(x, y, edep, sensor=None):
    """Return first deposit and pixels of each deposit's cluster."""
    sensor = np.zeros(len(x), int) if sensor is None else sensor
    order = np.lexsort((x, sensor))
    starts = np.append(np.flatnonzero(np.diff(sensor[order], prepend=-1)), len(x))
    return join_deposits(x, y, np.sqrt(area(edep) * PITCH.x * PITCH.y / np.pi), order, starts, PITCH)


def on_one_grid(x, y, edep):
    """Return the same of one sensor, with every deposit's signal on one grid of all its pixels."""
    low = np.array([np.floor(x.min() / PITCH.x), np.floor(y.min() / PITCH.y)]).astype(int) - 40
    shape = np.array([np.floor(x.max() / PITCH.x), np.floor(y.max() / PITCH.y)]).astype(int) + 41 - low
    gx, gy = ((low[k] + np.arange(shape[k]) + 0.5) * PITCH[k] for k in range(2))
    signal = np.zeros(shape)
    for i in range(len(x)):
        distance = np.hypot(gx[:, None] - x[i], gy[None] - y[i])
        threshold_energy = THICKNESS * (np.pi * distance**2 / (PITCH.x * PITCH.y) / 4.2267) ** (1 / 0.65)
        radius = np.sqrt(area(edep[i]) * PITCH.x * PITCH.y / np.pi)
        signal += np.where(distance < REACH * radius, edep[i] / threshold_energy, 0)
    fired, _ = label(signal >= 1, np.ones((3, 3)))
    first, pixels, of_label = np.arange(len(x)), np.zeros(len(x), int), {}
    for i in range(len(x)):
        c, r = int(np.floor(x[i] / PITCH.x)) - low[0], int(np.floor(y[i] / PITCH.y)) - low[1]
        own = fired[c, r]
        if not own:
            around = signal[c - 1 : c + 2, r - 1 : r + 2]
            own = fired[c - 1 : c + 2, r - 1 : r + 2].flat[np.argmax(around)]
        if own:
            first[i] = of_label.setdefault(own, i)
    for number, i in of_label.items():
        pixels[i] = (fired == number).sum() if (first == i).sum() > 1 else 0
    return first, pixels


@pytest.mark.parametrize("width", [0.1, 0.25, 0.5])
def test_clusters_are_those_of_a_grid_of_the_whole_sensor(width):
    rng = np.random.default_rng(int(100 * width))
    for _ in range(6):
        x, y = rng.normal(0, width, (2, 40))
        edep = THICKNESS * rng.lognormal(0, 1, 40)
        (first, pixels), (whole_first, whole_pixels) = joined(x, y, edep), on_one_grid(x, y, edep)
        assert np.array_equal(first, whole_first) and len(np.unique(first)) < 40
        # Signals from beyond the near deposits are below some percent of the threshold.
        assert np.abs(pixels - whole_pixels).max() <= 2 and abs(pixels.sum() - whole_pixels.sum()) <= 0.01 * pixels.sum()


@pytest.mark.parametrize("shares", [(1.0,), (0.5, 0.5), (0.2, 0.8), (0.1, 0.3, 0.6)])
@pytest.mark.parametrize("dedx", [1.0, 4.0, 12.0])
def test_deposits_at_one_place_fire_as_many_pixels_as_their_sum(shares, dedx):
    rng = np.random.default_rng(3)
    n = 400
    edep = np.tile(dedx * THICKNESS * np.array(shares), n)
    sensor = np.repeat(np.arange(n), len(shares))
    x, y = (np.repeat(rng.uniform(0, p, n), len(shares)) for p in PITCH)
    first, pixels = joined(x, y, edep, sensor)
    if len(shares) == 1:
        assert (pixels == 0).all() and (first == np.arange(n)).all()
        return
    assert np.array_equal(first, np.repeat(np.arange(0, n * len(shares), len(shares)), len(shares)))
    assert pixels[:: len(shares)].mean() == pytest.approx(area(dedx * THICKNESS), rel=0.02)


def test_far_deposits_are_two_clusters_and_in_between_one_that_grows():
    rng = np.random.default_rng(4)
    n, edep = 300, np.tile([2.0, 3.0], 300) * THICKNESS
    sizes, shares = [], []
    for distance in (0.0, 0.04, 0.08, 0.1, 0.3):
        x = np.repeat(rng.uniform(0, PITCH.x, n), 2) + np.tile([0, distance], n)
        first, pixels = joined(x, np.repeat(rng.uniform(0, PITCH.y, n), 2), edep, np.repeat(np.arange(n), 2))
        one = first[1::2] == first[::2]
        shares.append(one.mean())
        sizes.append(pixels[::2][one].mean() if one.any() else np.nan)
    assert shares[:3] == [1, 1, 1] and shares[-1] == 0
    assert np.all(np.diff(sizes[:4]) > 0) and sizes[3] < 1.3 * area(edep[:2]).sum()


@pytest.mark.parametrize("column, belongs", [(102, True), (103, False)])
def test_a_small_deposit_belongs_to_a_cluster_that_its_pixel_touches(column, belongs):
    # The large one fires its own pixel, 100, and those around it.
    edep = THICKNESS * np.array([3, 0.02])
    assert 1.5 < np.sqrt(area(edep[0]) / np.pi) < 2 and area(edep[1]) < 0.5
    first, pixels = joined(np.array([100.5, column + 0.9]) * PITCH.x, np.full(2, 50.5) * PITCH.y, edep)
    assert list(first) == ([0, 0] if belongs else [0, 1])
    assert list(pixels) == ([9, 0] if belongs else [0, 0])


def test_clusters_do_not_depend_on_the_order_of_deposits():
    rng = np.random.default_rng(6)
    x, y, edep = *rng.normal(0, 0.3, (2, 200)), THICKNESS * rng.lognormal(0, 1, 200)
    sensor, order = rng.integers(0, 3, 200), rng.permutation(200)
    first, pixels = joined(x, y, edep, sensor)
    again, more = joined(x[order], y[order], edep[order], sensor[order])
    def groups(f):
        return np.unique([f == f[i] for i in range(len(f))], axis=0)

    assert np.array_equal(groups(first), groups(again[np.argsort(order)]))
    assert sorted(pixels) == sorted(more)


def deposits(seed=0, n_frames=8, width=0.3, truth=True):
    """Return frames of deposits near together: a proton's own particle, and others of it."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 60, n_frames)
    total = int(counts.sum())
    proton = np.concatenate([rng.integers(-1, 12, n) for n in counts])
    primary = (rng.random(total) < 0.7) & (proton >= 0)
    layer = rng.integers(0, 4, total)
    values = {"layer": layer.astype(np.int16), "x": rng.normal(0, width, total), "y": rng.normal(0, width, total), "z": 5.5 * layer + rng.normal(0, 0.01, total),
              "edep": THICKNESS * rng.lognormal(-0.5, 1, total), "hit_entry": np.arange(total), "time": rng.uniform(0, 1, total)}
    if truth:
        values |= {"proton": proton, "particle": np.where(proton < 0, -1, 3 * proton + np.where(primary, 0, rng.integers(1, 3, total))), "primary": primary,
                   "pdg": np.where(primary, 2212, 11)}
    floats = ("x", "y", "z", "edep")
    frames = {name: Ragged.from_counts(v.astype(np.float32) if name in floats else v, counts) for name, v in values.items()}
    return frames | {"frame": np.arange(n_frames), "n_protons": np.full(n_frames, 12)}


def test_clusters_hold_all_energy_in_its_centre_and_the_truth_of_the_largest_part():
    frames = deposits(width=0.15)
    found = merge_deposits(frames, THICKNESS, PITCH, 0)
    several = 0
    for f in range(len(found["frame"])):
        d, c = ({name: column[f] for name, column in columns.items() if isinstance(column, Ragged)} for columns in (frames, found))
        first, pixels = joined(d["x"].astype(float), d["y"].astype(float), d["edep"].astype(float), d["layer"].astype(int))
        starts = np.unique(first)
        assert len(c["x"]) == len(starts)
        protons = sorted({p for i in starts for p in [d["proton"][_largest(d, first, i)]] if p >= 0})
        assert found["n_protons"][f] == len(protons)
        for k, i in enumerate(sorted(starts, key=lambda i: _largest(d, first, i))):
            mine, top = np.flatnonzero(first == i), _largest(d, first, i)
            assert c["edep"][k] == pytest.approx(d["edep"][mine].sum(), rel=1e-6)
            for name in "xyz":
                assert c[name][k] == pytest.approx(np.average(d[name][mine], weights=d["edep"][mine]), abs=1e-5)
            assert c["time"][k] == d["time"][mine].min()
            assert (c["hit_entry"][k], c["pdg"][k], c["primary"][k]) == (d["hit_entry"][top], d["pdg"][top], d["primary"][top])
            assert c["proton"][k] == (protons.index(d["proton"][top]) if d["proton"][top] >= 0 else -1)
            shares = {p: d["edep"][mine][d["proton"][mine] == p].sum() for p in d["proton"][mine[d["primary"][mine]]] if p != d["proton"][top]}
            second = max(shares, key=shares.get) if shares else -1
            assert c["second_proton"][k] == (protons.index(second) if second in protons else -1)
            assert c["cluster_size"][k] == (pixels[i] if len(mine) > 1 else cluster_size(d["edep"][i], THICKNESS))
            several += len(mine) > 1 and second >= 0
    assert several > 15


def _largest(d, first, i):
    """Return the deposit that a cluster counts for."""
    mine = np.flatnonzero(first == i)
    proton, edep = d["proton"][mine], d["edep"][mine]
    shares = {(p, k if p < 0 else 0): edep[proton == p].sum() if p >= 0 else edep[k] for k, p in enumerate(proton)}
    p, k = max(shares, key=shares.get)
    own = mine[proton == p] if p >= 0 else mine[[k]]
    return max(own, key=lambda j: (d["primary"][j], d["edep"][j]))


def test_a_cluster_counts_for_its_proton_before_its_electrons_and_for_no_sum_of_noise():
    values = {"layer": [0, 0, 0, 0, 0], "x": [0.0, 0, 0.001, 0, 0], "y": [0.0] * 5, "z": [0.0] * 5, "hit_entry": range(5), "edep": [0.3, 0.4, 0.2, 0.28, 0.28],
              "proton": [0, 1, 0, -1, -1], "particle": [0, 1, 5, -1, -1], "primary": [True, True, False, False, False]}
    # Proton 0 has most together with its electron; of the electron alone there is more in the second frame.
    values["edep"] += [0.1, 0.4, 0.7, 0.0, 0.0]
    flat = {name: np.array([*list(column)[:5], *(list(column)[5:] or list(column)[:5])]) for name, column in values.items()}
    frames = {name: Ragged.from_counts(column.astype(np.float32) if name in "xyz" or name == "edep" else column, np.array([5, 5])) for name, column in flat.items()}
    found = merge_deposits(frames | {"n_protons": np.array([2, 2])}, THICKNESS, PITCH, 0)
    assert (found["hit_entry"].flat.tolist(), found["proton"].flat.tolist(), found["primary"].flat.tolist()) == ([0, 0], [0, 0], [True, True])
    # The other proton counts for no cluster, and so has no number.
    assert found["n_protons"].tolist() == [1, 1] and found["second_proton"].flat.tolist() == [-1, -1]


def test_particles_keep_together_under_new_numbers():
    frames = deposits(1)
    found = merge_deposits(frames, THICKNESS, PITCH, 3)
    for f in range(len(found["frame"])):
        at = np.searchsorted(frames["hit_entry"][f], found["hit_entry"][f])
        old, new = frames["particle"][f][at], found["particle"][f]
        assert np.array_equal(new < 0, old < 0)
        assert np.array_equal(np.unique(old[old >= 0], return_inverse=True)[1], new[new >= 0])


def test_a_frame_alone_has_the_clusters_that_it_has_among_others():
    frames = deposits(2)
    found = merge_deposits(frames, THICKNESS, PITCH, 2)
    for f in range(8):
        alone = merge_deposits(slice_rows(frames, f, f + 1), THICKNESS, PITCH, 2)
        assert all(np.array_equal(column.flat, found[name][f]) for name, column in alone.items() if isinstance(column, Ragged))


def test_deposits_far_apart_stay_as_they_are_but_small_ones_are_left_out():
    frames = deposits(3, width=200.0)
    nearest = cKDTree(np.stack([np.repeat(np.arange(8), frames["x"].counts) * 1e3, frames["layer"].flat * 1e3, frames["x"].flat, frames["y"].flat], 1)).query_pairs(1.0)
    assert not nearest
    found = merge_deposits(frames, THICKNESS, PITCH, 4)
    kept = cluster_size(frames["edep"].flat, THICKNESS) >= 4
    assert 0.2 < kept.mean() < 0.9
    for name in ("x", "y", "z", "edep", "time", "hit_entry", "layer"):
        assert np.array_equal(found[name].flat, frames[name].flat[kept]), name
    assert (found["second_proton"].flat == -1).all()


def test_without_truth_there_is_none_and_frames_without_clusters_are_left_out():
    frames = deposits(4, truth=False)
    found = merge_deposits(frames, THICKNESS, PITCH, 1)
    assert not {"proton", "second_proton", "particle"} & found.keys()
    frames["edep"].flat[frames["edep"].offsets[3] : frames["edep"].offsets[4]] = 0
    assert list(merge_deposits(frames, THICKNESS, PITCH, 1)["frame"]) == [0, 1, 2, 4, 5, 6, 7]
