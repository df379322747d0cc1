"""Protons to frames, against a loop over protons."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.errors import InputError
from pphysml.io.ragged import Ragged, concatenate, length, slice_rows
from pphysml.tasks.track.reading import frames as rooms
from pphysml.tasks.track.reading.frames import Framing


def protons(n=600, spots=1, files=1, seed=0, **others):
    """Return protons with one or two hits; each frame's protons can be told by `hit_entry`."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 3, n)
    total = int(counts.sum())
    spot = rng.integers(0, spots, n).astype(np.float32)
    columns = {
        "file": np.sort(rng.integers(0, files, n)), "run": np.zeros(n, int), "event": 3 * np.arange(n), "entry": 10 * np.arange(n),
        "spot_x": spot, "spot_y": -spot, "noise": np.zeros(n, dtype=bool),
        "layer": Ragged.from_counts(rng.integers(0, 5, total).astype(np.int16), counts),
        "hit_entry": Ragged.from_counts(np.repeat(np.arange(n), counts), counts),
        "particle": Ragged.from_counts(np.zeros(total, np.int32), counts),
        "time": Ragged.from_counts(np.repeat(0.01 * np.arange(n), counts), counts),
    }
    return {**columns, **others}


def members(frames):
    """Return the numbers of the protons of each frame."""
    if not frames:
        return []
    return [tuple(np.unique(frames["hit_entry"][i])) for i in range(length(frames))]


def run(data, step, *arguments, **options):
    framing, parts = Framing(*arguments, **options), []
    for start in range(0, length(data), step):
        parts.append(framing.add(slice_rows(data, start, min(start + step, length(data)))))
    parts.append(framing.add({}, last=True))
    return concatenate([p for p in parts if p])


def by_hand(data, size):
    """Fill one frame per (file, spot); one leaves when it is full, the rest when their file ends."""
    waiting, done = {}, []
    for i in range(length(data)):
        ended = [key for key in waiting if key[0] < data["file"][i]]
        done += sorted(waiting.pop(key) for key in ended)
        frame = waiting.setdefault((data["file"][i], data["spot_x"][i]), [])
        frame.append(i)
        if len(frame) == size:
            done.append(waiting.pop((data["file"][i], data["spot_x"][i])))
    return [tuple(f) for f in done + sorted(waiting.values())]


@pytest.mark.parametrize("spots, files", [(1, 1), (4, 1), (1, 3), (5, 3)])
def test_frames_equal_a_loop_over_protons(spots, files):
    data = protons(spots=spots, files=files)
    assert members(run(data, 600, [7])) == by_hand(data, 7)


@pytest.mark.parametrize("step", [2, 13, 250])
@pytest.mark.parametrize("sizes", [[7], [5, 10, 20]])
@pytest.mark.parametrize("patience", [10_000, 30])
def test_frames_do_not_depend_on_how_many_protons_come_at_a_time(step, sizes, patience, monkeypatch):
    monkeypatch.setattr(rooms, "PATIENCE", patience)
    data = protons(spots=20, files=3)
    whole, parts = run(data, 600, sizes), run(data, step, sizes)
    assert members(whole) == members(parts)
    assert all(np.array_equal(whole[name], parts[name]) for name in ("frame", "entry", "n_protons", "spot_x", "file"))
    assert np.array_equal(whole["proton"].flat, parts["proton"].flat)


def test_every_proton_is_in_one_frame_and_frames_hold_one_spot():
    data = protons(spots=5, files=3)
    found = members(run(data, 100, [7]))
    assert sorted(np.concatenate(found)) == list(range(600))
    assert all(len(set(data["spot_x"][list(f)])) == len(set(data["file"][list(f)])) == 1 for f in found)


def test_incomplete_frames_are_dropped_if_asked_for():
    kept, dropped = (run(protons(spots=3), 600, [7], keep_last=keep) for keep in (True, False))
    assert set(dropped["n_protons"]) == {7}
    assert members(dropped) == [f for f in members(kept) if len(f) == 7]


def test_few_protons_wait_when_many_spots_take_their_turn(monkeypatch):
    monkeypatch.setattr(rooms, "PATIENCE", 50)
    data = protons(spots=300)
    framing = Framing([100])
    for start in range(0, 600, 10):
        framing.add(slice_rows(data, start, start + 10))
        assert framing.waiting <= 60


def test_noise_alone_is_no_proton():
    data = protons()
    data["noise"] = np.arange(600) % 3 == 0
    data["particle"] = Ragged(-np.repeat(data["noise"], data["layer"].counts).astype(np.int32), data["layer"].offsets)
    found = run(data, 50, [8])
    assert set(found["n_protons"]) == {8}
    for i in range(length(found)):
        noise = found["hit_entry"][i] % 3 == 0
        assert (found["proton"][i][noise] == -1).all() and (found["particle"][i][noise] == -1).all()
        assert set(found["proton"][i][~noise]) == set(range(8))


def test_sizes_are_drawn_by_the_first_proton_and_all_occur():
    data = protons(n=3000)
    found = run(data, 100, [5, 10, 20])["n_protons"][:-1]
    share = np.array([(found == size).mean() for size in (5, 10, 20)])
    assert np.abs(share - 1 / 3).max() < 4 * np.sqrt(2 / 9 / len(found))
    later = slice_rows(data, int(found[0]), 3000)
    assert np.array_equal(run(later, 100, [5, 10, 20])["n_protons"][:20], found[1:21])


@pytest.mark.parametrize("step", [7, 600])
def test_readout_time_collects_what_begins_in_it(step):
    data = protons()
    found = run(data, step, [100], frame_time=0.25, keep_last=False)
    assert np.array_equal(found["frame"], np.arange(24))
    assert members(found) == [tuple(range(25 * i, 25 * i + 25)) for i in range(24)]


def test_time_that_goes_back_is_refused():
    data = protons()
    data["time"].flat[data["time"].offsets[300] : data["time"].offsets[301]] = 0.1
    with pytest.raises(InputError, match=r"^input file 0, branch 'time', entry 3000: .*into the order of time with --sort"):
        run(data, 50, [100], frame_time=0.25)


def test_readout_times_that_are_too_short_to_be_counted_are_refused():
    with pytest.raises(InputError, match=r"^input file 0, branch 'time', entry 10: 0\.01 s is more than 1e\+15 times the --frame-time of 1e-300 s"):
        run(protons(), 600, [100], frame_time=1e-300)


def test_particles_are_numbered_through_the_frame():
    data = protons(n=9)
    counts = np.array([3, 1, 2] * 3)
    # The second hit of each proton that has three is of the same particle as the first.
    local = np.tile([0, 0, 1, 0, 0, 1], 3).astype(np.int32)
    for name in ("layer", "hit_entry", "time"):
        data[name] = Ragged.from_counts(np.zeros(18, data[name].flat.dtype), counts)
    data["particle"] = Ragged.from_counts(local, counts)
    found = run(data, 9, [9])
    assert np.array_equal(found["proton"].flat, np.repeat(np.arange(9), counts))
    assert np.array_equal(found["particle"].flat, np.concatenate([[0, 0, 1, 2, 3, 4] + 5 * k * np.ones(6) for k in range(3)]))


@pytest.mark.parametrize("step", [7, 600])
def test_a_readout_time_holds_the_protons_of_all_spots(step):
    data = protons(spots=3, spot_given=np.ones(600, dtype=bool))
    found = run(data, step, [100], frame_time=0.25)
    assert members(found) == [tuple(range(25 * i, 25 * i + 25)) for i in range(24)]
    for i in range(24):
        there = data["spot_x"][25 * i : 25 * i + 25]
        assert found["spots_x"][i].tolist() == np.unique(there).tolist() == (-found["spots_y"][i]).tolist()
        assert found["spot_x"][i] == there[0]
    assert "spots_x" not in run({**data, "spot_given": np.zeros(600, dtype=bool)}, step, [100], frame_time=0.25)
