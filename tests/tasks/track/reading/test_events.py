"""Hits in any order, and several jobs in one tree: every proton stays one, whichever rows are beside it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from pphysml.errors import InputError
from pphysml.io.external_sort import ExternalSort
from pphysml.io.ragged import concatenate, length, slice_rows, take
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.reading import events, jobs, sorted_steps
from pphysml.tasks.track.reading.assemble import assemble, assemble_training
from pphysml.tasks.track.reading.calorimeters import search as rooms

from .gate_files import PITCH, assembled, equal, gate_rows


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(rooms, "LEARNING", 500)
    monkeypatch.setattr(events, "LOOKED_AT", 15)
    monkeypatch.setattr(sorted_steps, "ExternalSort", partial(ExternalSort, run=700, block=300))


def job(seed, n=60, **others):
    """Return the steps of a job as a sort leaves them; of some protons only secondaries were seen."""
    rows = gate_rows(n, seed=seed)
    secondaries = np.unique(rows["event"][rows["track_id"] > 1])
    unseen = (rows["track_id"] == 1) & np.isin(rows["event"], secondaries[3::8])
    return numbered(in_order({**take(rows, ~unseen), **{name: values(take(rows, ~unseen)) for name, values in others.items()}}))


@pytest.fixture
def geometry(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(f"name: mine\nlayers: [{{first_z: 0.0, pitch: {PITCH}, count: 20, wet: 8.2, radiation_lengths: 0.04}}]\nbeam: {{energy: 230.0}}\n")
    return str(path)


def in_order(rows):
    return take(rows, np.lexsort([rows[name] for name in ("z", "time", "track_id", "event", "run", "file")]))


def numbered(*parts):
    """Return the rows of parts in one file, as `hadd` merges their trees."""
    rows = concatenate(parts)
    return {**rows, "entry": np.arange(length(rows))}


def frames(rows, step=None, make=assemble, warnings=None, smallest=0, sort=False, **apply):
    config = TrackConfig.model_validate({"data": {"hits": "particles", "min_cluster_size": smallest, "protons_per_frame": [10]}, "apply": {"protons_per_frame": 10, "sort": "full" if sort else "none", **apply}})
    carry, found, n = None, [], length(rows)
    for start in range(0, n, step or n):
        examples, carry = make(slice_rows(rows, start, min(start + (step or n), n)), carry, config)
        found.append(examples)
    while carry is not None:
        before = carry
        examples, carry = make(None, carry, config)
        found.append(examples)
    if warnings is not None:
        warnings += [sentence for sentence in before.warnings("file {}".format) if "jobs" in sentence]
    return concatenate([part for part in found if part])


def pointing(examples, entries, **others):
    """Return examples whose entries point into another order of the rows."""
    entries = np.asarray(entries)
    hits = examples["hit_entry"]
    return {**examples, "hit_entry": type(hits)(entries[hits.flat], hits.offsets), "entry": entries[examples["entry"]], **others}


def without_entry(examples):
    return {name: column for name, column in examples.items() if name != "entry"}


@pytest.mark.parametrize("step", [None, 7, 300])
@pytest.mark.parametrize("sort", [False, True])
def test_jobs_with_the_same_numbers_are_those_of_files_of_their_own(step, sort, geometry) -> None:
    parts = [job(seed, n) for seed, n in ((1, 30), (2, 60), (3, 45))]
    begins = np.cumsum([0, *map(length, parts)])
    warnings: list[str] = []
    options = {"sort": sort, "geometry": geometry, "protons_per_frame": 8}
    found = frames(numbered(*parts), step, warnings=warnings, **options)
    assert (np.diff(found["job"]) >= 0).all()
    for number, rows in enumerate(parts):
        alone = frames(rows, **options)
        those = take(found, found["job"] == number)
        shifted = pointing(alone, np.arange(length(rows)) + begins[number], job=np.full(length(alone), number, np.int32), frame=those["frame"])
        assert equal(those, shifted)
    assert warnings == [f"file 0 holds 3 jobs with the same numbers of events, which begin at the entries 0 and {begins[1]} and {begins[2]}: "
                        "their events are kept apart, and frames are of one job (branch `job`)"]


def test_jobs_of_several_runs_and_files_are_found() -> None:
    def runs(seed):
        return [{**job(seed + run, 20), "run": np.full(length(job(seed + run, 20)), run)} for run in (0, 1)]

    first, second = numbered(*runs(1), *runs(5)), numbered(*runs(9))
    found = frames(concatenate([first, {**second, "file": np.ones(length(second), np.int32)}]), 200)
    assert sorted(set(zip(found["file"], found["job"], found["run"], strict=True))) == [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (1, 0, 0), (1, 0, 1)]
    assert (found["n_protons"] == 10).all() and length(found) == 12


@pytest.mark.parametrize("lacking", [("track_id", "parent_id", "pdg"), ("track_id",), ("time",)])
def test_jobs_are_found_by_place_or_time(lacking) -> None:
    later = {"time": lambda rows: rows["time"] + 1e-6}
    in_one_place = {"x": lambda rows: 0 * rows["x"], "y": lambda rows: 0 * rows["y"]}
    two = [job(1), job(2)] if "time" in lacking else [job(1, **in_one_place), job(2, **in_one_place, **later)]
    rows = {name: column for name, column in numbered(*two).items() if name not in lacking}
    assert frames(rows, 100)["job"].tolist() == [0] * 6 + [1] * 6


def test_jobs_of_a_beam_along_x_are_found_and_broken_events_are_none(geometry) -> None:
    def turned(rows):
        return {**rows, "x": rows["z"], "y": rows["y"], "z": -rows["x"]}

    rows = numbered(job(1), job(2))
    expected = frames(rows, 100, geometry=geometry, beam_axis="+z")
    assert equal(frames(turned(rows), 100, geometry=geometry, beam_axis="+x"), expected) and set(expected["job"]) == {0, 1}
    thin = {**turned(job(1)), "time": np.zeros(length(job(1)))}
    thin |= {name: 0.02 * thin[name] for name in ("y", "z")}
    with pytest.raises(InputError, match="goes on behind other events"):
        frames(numbered(split(thin)), 100, geometry=geometry, beam_axis="+x")


def threads(rows, n=4, events=5):
    """Return rows as threads write them: each has every n-th event, and they take turns, some events at a time."""
    event = np.unique(rows["event"], return_inverse=True)[1]
    return take(rows, np.lexsort([np.arange(length(rows)), event % n, event // (n * events)]))


def test_events_in_any_order_of_their_own_are_one_job() -> None:
    rows = numbered(threads(job(1, 120)))
    assert (np.diff(rows["event"]) < 0).sum() > 10
    warnings: list[str] = []
    found = frames(rows, 100, warnings=warnings)
    assert (found["n_protons"] == 10).all() and (found["job"] == 0).all() and warnings == []
    assert np.array_equal(np.sort(np.unique(rows["event"][found["hit_entry"].flat])), np.unique(rows["event"]))
    two = frames(numbered(threads(job(1, 120)), threads(job(2, 120))), 100)
    assert two["job"].tolist() == [0] * 12 + [1] * 12


def split(rows):
    """Return rows in which the second half of an event comes behind those of another thread."""
    at = np.flatnonzero(rows["event"] == 41)
    order = np.arange(length(rows), dtype=float)
    order[at[len(at) // 2 :]] += 400
    return take(rows, np.argsort(order, kind="stable"))


SCATTERED = {
    "shuffled": lambda rows: take(rows, np.random.default_rng(0).permutation(length(rows))),
    "split": split,
    "layers": lambda rows: take(rows, np.argsort(rows["level1_id"], kind="stable")),
    "threads": threads,
}


@pytest.mark.parametrize("step", [7, 300])
@pytest.mark.parametrize("way", SCATTERED)
@pytest.mark.parametrize("make", [assemble, assemble_training])
def test_sorted_first_rows_in_any_order_are_those_of_a_sorted_file(way, step, make) -> None:
    first, second = job(1, 60), numbered({**job(2, 50), "file": np.ones(length(job(2, 50)), np.int32)})
    first = numbered({**first, "run": (first["event"] > 60).astype(np.int64)})
    expected = frames(concatenate([first, second]), make=make)
    scattered = [SCATTERED[way](rows) for rows in (first, second)]
    given = concatenate([numbered(rows) for rows in scattered])
    warnings: list[str] = []
    found = frames(given, step, make, warnings, sort=True)
    for number, rows in enumerate(scattered):
        assert equal(pointing(take(found, found["file"] == number), rows["entry"]), take(expected, expected["file"] == number))
    assert warnings == []
    if way != "threads":
        with pytest.raises(InputError, match=r"^input file 0, branch 'event', entry \d+: event \d+ goes on behind other events, .* with --sort"):
            frames(given, step, make)


@pytest.mark.parametrize("events_known", [True, False])
def test_frames_of_a_readout_time_are_those_of_a_file_in_the_order_of_time(events_known, geometry) -> None:
    rows = job(1, 80)
    names = ("event", "track_id", "parent_id", "pdg", "stop_depth")
    # Events come in another order than their numbers, and not one by one.
    rows["time"] = 1e-6 * np.random.default_rng(3).permutation(200)[rows["event"]] + 1e-9 * rows["level1_id"]
    start = np.full(200, np.inf)
    np.minimum.at(start, rows["event"], rows["time"])
    by_time = [rows["z"], rows["time"], rows["track_id"], start[rows["event"]]] if events_known else [rows["time"]]
    rows = {name: column for name, column in rows.items() if events_known or name not in names}
    in_time = numbered(take(rows, np.lexsort(by_time)))
    shuffled = take(in_time, np.random.default_rng(1).permutation(length(rows)))
    expected = frames(in_time, frame_time=2e-5, geometry=geometry)
    found = frames(numbered(shuffled), 300, frame_time=2e-5, sort=True, geometry=geometry)
    assert len(expected["frame"]) > 5 and (np.diff(expected["frame"]) > 0).all()
    found = pointing(found, shuffled["entry"])
    if events_known:
        assert equal(without_entry(found), without_entry(expected))
    else:
        assert all(np.array_equal(np.sort(found["hit_entry"][i]), np.sort(expected["hit_entry"][i])) for i in range(length(expected)))


def test_a_first_step_that_is_no_hit_does_not_stop_the_sorting_by_time() -> None:
    rows = job(1, 40)
    late, early = rows["event"] == 11, rows["event"] == 13
    rows["time"][late], rows["time"][early] = 0.011 + 2e-9, 0.011 - 2e-9
    first = late & (rows["track_id"] == 1) & (rows["level1_id"] == 0)
    rows["time"][first], rows["edep"][first] = 0.011 - 5e-9, 1e-9
    found = frames(rows, smallest=2, frame_time=1e-3, sort=True)
    assert found["n_protons"].sum() == frames(rows, smallest=2)["n_protons"].sum()
    of_frame = dict(zip(found["frame"].tolist(), ({int(e) for e in rows["event"][entries]} for entries in found["hit_entry"]), strict=True))
    assert of_frame[10] == {13} and of_frame[11] == {11}


def merged_by(*keys):
    """Return two jobs whose rows were sorted, as the wrong advice was."""
    rows = numbered(job(1, 150, time=lambda rows: rows["time"] + 1e-7), job(2, 150))
    return numbered(take(rows, np.lexsort([rows[key] for key in reversed(keys)])))


@pytest.mark.parametrize("lacking", [(), ("time",), ("track_id",)])
@pytest.mark.parametrize("rows", [merged_by("event"), merged_by("event", "time")], ids=["event", "time in the event"])
def test_jobs_that_lie_in_one_another_are_refused(rows, lacking) -> None:
    rows = {name: column for name, column in rows.items() if name not in lacking}
    for step, sort in ((None, False), (50, False), (None, True)):
        with pytest.raises(InputError, match=r"^input file 0, branch 'event', entry \d+: event \d+ has two particles of the beam.*one by one"):
            frames(rows, step, sort=sort)


def test_jobs_of_a_beam_without_width_are_refused_where_they_lie_in_one_another() -> None:
    def deflected(rows):
        return 1e-3 * rows["x"] + rows["level1_id"] * np.random.default_rng(len(rows["x"])).normal(0, 1, 400)[rows["event"]]

    rows = numbered(*(job(seed, 150, x=deflected, y=lambda rows: 1e-3 * rows["y"], time=lambda rows: 0 * rows["time"]) for seed in (1, 2)))
    with pytest.raises(InputError, match=r"--sort"):
        frames(rows, 200)
    with pytest.raises(InputError, match=r"two particles of the beam.*one by one"):
        frames(rows, 200, sort=True)


def test_shuffled_jobs_are_refused() -> None:
    two = numbered(*(SCATTERED["shuffled"](job(seed, 150)) for seed in (1, 2)))
    for rows in (two, numbered(SCATTERED["shuffled"](two)), merged_by("time")):
        with pytest.raises(InputError, match=r"two particles of the beam"):
            frames(rows, 200, sort=True)
        with pytest.raises(InputError, match=r"--sort|take turns|two particles of the beam"):
            frames(rows, 200)


@pytest.mark.parametrize("rates", [(2, 3), (1, 12), (12, 1)])
@pytest.mark.parametrize("n", [14, 120])
def test_jobs_that_take_turns_in_time_are_refused(rates, n) -> None:
    # Event e of each comes at e times its own interval.
    two = [job(seed, n, time=lambda rows, rate=rate, seed=seed: rows["event"] / rate + 0.01 * seed + 1e-9 * rows["level1_id"]) for seed, rate in zip((1, 2), rates, strict=True)]
    rows = numbered(*two)
    start = np.floor(rows["time"] * 1e4)
    rows = numbered(take(rows, np.lexsort([rows["track_id"], start])))
    with pytest.raises(InputError, match=r"comes again with others: .* take turns; give their files one by one"):
        frames(rows, 200)
    with pytest.raises(InputError, match="two particles of the beam"):
        frames(rows, 200, sort=True)


def test_scattered_rows_are_never_taken_for_a_job(monkeypatch) -> None:
    monkeypatch.setattr(jobs, "LARGEST_SHARE", 1.0)
    rows = numbered(*map(SCATTERED["shuffled"], (job(1, 400), job(2, 400, time=lambda rows: rows["time"] + 1e-6))))
    assert set(frames(rows, 300, sort=True)["job"]) == {0}


def test_a_job_that_was_merged_twice_is_refused() -> None:
    rows = numbered(job(1), job(1))
    with pytest.raises(InputError, match=r"event 1 comes again with the same rows; files were merged that share some"):
        frames(rows, 50)
    with pytest.raises(InputError, match="repeats entry"):
        frames(rows, 50, sort=True)


def test_a_scatter_backwards_is_no_second_particle() -> None:
    rows = job(1, 150)
    back = np.flatnonzero((rows["event"] == 3) & (rows["track_id"] == 1))
    rows["z"][back[-1]], rows["x"][back[-1]] = rows["z"][back[0]], rows["x"][back[0]] + 3
    rows["local_z"][back[-1]], rows["level1_id"][back[-1]] = rows["local_z"][back[0]], 0
    assert frames(rows)["n_protons"].sum() == 150


@pytest.mark.parametrize("judged", [200, 1000])
@pytest.mark.parametrize("n_back", [3, 5])
def test_second_particles_are_judged_after_as_many_events_whatever_the_chunks(n_back, judged, monkeypatch) -> None:
    monkeypatch.setattr(jobs, "JUDGED", judged)
    monkeypatch.setattr(jobs, "LARGEST_SHARE", 0.02)
    rows = job(1, 300)
    for event in np.unique(rows["event"][rows["track_id"] == 1])[20 : 20 + n_back]:
        back = np.flatnonzero((rows["event"] == event) & (rows["track_id"] == 1))
        rows["z"][back[-1]], rows["x"][back[-1]] = rows["z"][back[0]], rows["x"][back[0]] + 3
        rows["local_z"][back[-1]], rows["level1_id"][back[-1]] = rows["local_z"][back[0]], 0
    for step in (None, length(rows) * 2 // 5, 300):
        if n_back == 5 and judged == 200:
            with pytest.raises(InputError, match="two particles of the beam"):
                frames(rows, step)
        else:
            assert frames(rows, step)["n_protons"].sum() == 300


def test_the_sorting_of_a_sorted_file_changes_nothing() -> None:
    rows = job(1)
    assert equal(frames(rows, sort=True), frames(rows)) and equal(frames(rows), assembled(assemble, rows, protons_per_frame=10, min_cluster_size=0, hits="particles"))
