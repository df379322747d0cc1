"""Steps to hits, against a dictionary of steps."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.errors import InputError
from pphysml.tasks.track.reading.clusters.hits import cluster_energy, cluster_size, merge_steps

THICKNESS = 0.0139


def steps(n_protons=30, seed=0, noise=True):
    rng = np.random.default_rng(seed)
    proton = np.sort(rng.integers(0, n_protons, 40 * n_protons))
    n = len(proton)
    track = rng.integers(0 if noise else 1, 4, n)
    return {
        "file": np.zeros(n, int), "entry": np.arange(100, 100 + n), "event": 7 * proton, "track_id": track,
        "parent_id": np.where(track == 1, 0, 1), "pdg": np.where(track == 1, 2212, 11),
        "x": rng.normal(0, 5, n), "y": rng.normal(0, 5, n), "z": rng.normal(0, 0.01, n),
        "edep": rng.exponential(0.02, n), "time": rng.uniform(0, 1, n),
    }, proton, rng.integers(0, 12, n)


def by_hand(rows, proton, layer, smallest):
    """Merge with a dictionary; noise stands alone."""
    groups = {}
    for i in range(len(layer)):
        alone = i if rows["track_id"][i] < 1 else -1
        groups.setdefault((proton[i], rows["track_id"][i], layer[i], alone), []).append(i)
    for i in sorted(groups.values()):
        edep = rows["edep"][i].sum()
        pixels = int(4.2267 * (edep * 1000 / (THICKNESS * 1000)) ** 0.65 + 0.5)
        if pixels >= smallest:
            yield (proton[i[0]], layer[i[0]], edep, rows["x"][i].mean(), rows["z"][i].mean(), rows["time"][i].min(),
                   pixels, rows["entry"][i[0]], rows["pdg"][i[0]], rows["track_id"][i[0]] == 1)


@pytest.mark.parametrize("smallest", [0, 2, 8])
def test_merging_equals_a_loop_over_steps(smallest):
    rows, proton, layer = steps()
    hits = merge_steps(rows, proton, layer, THICKNESS, smallest)
    wanted = list(by_hand(rows, proton, layer, smallest))
    names = ["layer", "edep", "x", "z", "time", "cluster_size", "hit_entry", "pdg", "primary"]
    assert np.array_equal(np.repeat(np.arange(len(hits["x"])), hits["x"].counts), [w[0] for w in wanted])
    for k, name in enumerate(names, start=1):
        assert np.allclose(hits[name].flat, [w[k] for w in wanted], rtol=1e-6, atol=1e-6), name


def test_particles_are_the_tracks_that_have_hits_left():
    rows, proton, layer = steps()
    hits = merge_steps(rows, proton, layer, THICKNESS, 6)
    track = rows["track_id"][hits["hit_entry"].flat - 100]
    owner = np.repeat(np.arange(len(hits["x"])), hits["x"].counts)
    particle = hits["particle"].flat
    assert ((particle == -1) == (track < 1)).all()
    for p in range(len(hits["x"])):
        mine = (owner == p) & (track > 0)
        present = np.unique(track[mine])
        assert np.array_equal(particle[mine], np.searchsorted(present, track[mine]))


def test_energy_is_conserved():
    rows, proton, layer = steps()
    assert merge_steps(rows, proton, layer, THICKNESS, 0)["edep"].flat.sum() == pytest.approx(rows["edep"].sum(), rel=1e-5)


@pytest.mark.parametrize("missing", ["event", "track_id"])
def test_without_truth_every_row_is_a_hit(missing):
    rows, proton, layer = steps()
    del rows[missing]
    hits = merge_steps(rows, proton, layer, THICKNESS, 0)
    assert np.array_equal(hits["hit_entry"].flat, rows["entry"])
    assert "particle" not in hits


def test_cluster_size_grows_with_energy_loss_per_length():
    assert cluster_size(np.array([0.025 * 5]), 0.025) == int(4.2267 * 5**0.65 + 0.5)
    assert cluster_size(0.010, 0.0139) == cluster_size(0.010 * 25 / 13.9, 0.025)
    assert cluster_size(0.0, 0.025) == 0


def test_energy_of_a_cluster_gives_the_cluster_back():
    pixels = np.arange(1, 200)
    assert np.array_equal(cluster_size(cluster_energy(pixels, THICKNESS), THICKNESS), pixels)


def repeat(rows, proton, layer, i, j):
    order = np.insert(np.arange(len(proton)), j, i)
    again = {name: values[order] for name, values in rows.items()}
    again["entry"] = np.arange(len(order))
    return again, proton[order], layer[order]


def test_a_step_that_is_there_twice_is_refused_also_when_others_lie_between():
    rows, proton, layer = steps(noise=False)
    first = np.flatnonzero(proton == 4)[0]
    again = repeat(rows, proton, layer, first, first + 20)
    with pytest.raises(InputError, match=f"^input file 0, branch 'x', entry {first + 20}: repeats entry {first} of input file 0"):
        merge_steps(*again, THICKNESS, 2)


def test_steps_without_energy_may_repeat():
    rows, proton, layer = steps(noise=False)
    rows["edep"][50] = 0
    once, twice = merge_steps(rows, proton, layer, THICKNESS, 2), merge_steps(*repeat(rows, proton, layer, 50, 51), THICKNESS, 2)
    assert (once["edep"].flat == twice["edep"].flat).all() and (once["cluster_size"].flat == twice["cluster_size"].flat).all()


def test_no_rows_are_no_hits():
    rows, proton, layer = steps()
    none = {name: values[:0] for name, values in rows.items()}
    assert len(merge_steps(none, proton[:0], layer[:0], THICKNESS, 2)["x"].flat) == 0
