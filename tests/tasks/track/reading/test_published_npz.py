"""The published npz files, built from their description, imported and read back."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.errors import InputError
from pphysml.io.ragged import concatenate, length
from pphysml.io.reader import Reader
from pphysml.io.sources import resolve
from pphysml.registry import get_task
from pphysml.tasks.track.reading import published_npz as rooms
from pphysml.tasks.track.reading.assemble import assemble
from pphysml.tasks.track.reading.published_npz import columns
from pphysml.tasks.track.schema import LAYOUTS
from pphysml.verbs.import_ import import_files

from .gate_files import assembled, equal, gate_rows

NAMES = {"event": "eventID", "track_id": "trackID", "parent_id": "parentID", "x": "posX", "y": "posY", "z": "posZ", "edep": "edep"}
POSITIONS = np.concatenate([[0.2315, 52.6315], 108.3815 + 5.5 * np.arange(20)])


def volumes(layer, version):
    """Return the numbers of volumes as the versions of GATE write them."""
    if version == "9.1":
        return {"baseID": np.where(layer < 2, 0, 1), "level1ID": np.where(layer < 2, layer, layer - 2)}
    if version == "9.2":
        return {"level1ID": np.where(layer < 2, layer, 0), "level2ID": np.where(layer < 2, -1, layer - 2)}
    return {"volumeID[2]": layer // 2, "volumeID[3]": layer % 2}


def records(version, seed=0, **others):
    """Return the rows of a file, in GATE's names."""
    rows = gate_rows(positions=POSITIONS, seed=seed)
    found = {new: rows[name] for name, new in NAMES.items()} | volumes(rows["level1_id"], version) | others
    types = [(name, "f4" if values.dtype.kind == "f" else "i4") for name, values in found.items()]
    array = np.zeros(length(rows), dtype=types)
    for name, values in found.items():
        array[name] = values
    return array


def save(path, array):
    np.savez_compressed(path, array)
    return str(path)


@pytest.mark.parametrize("version", ["9.1", "9.2", "volumes"])
def test_rows_become_a_root_file_that_is_tracked_as_they_are(version, tmp_path):
    array = records(version)
    file = save(tmp_path / "test_water_100_10k.npz", array)
    root = tmp_path / "hits.root"
    summary = import_files(get_task("track"), [file], root)
    assert summary["entries"] == len(array)
    rows = concatenate(list(Reader(resolve([str(root)], None), LAYOUTS)))
    for name, published in NAMES.items():
        assert np.array_equal(rows[name], array[published]), name
    found = assembled(assemble, rows, 700, protons_per_frame=10)
    hit = found["hit_entry"].flat
    layer = np.searchsorted(POSITIONS, array["posZ"] - 1.0)
    assert np.array_equal(found["layer"].flat, layer[hit])
    assert found["n_protons"].sum() == 120


def test_spots_are_read(tmp_path):
    array = records("9.2", spotX=np.full(length(gate_rows(positions=POSITIONS)), 7.0), spotY=np.full(length(gate_rows(positions=POSITIONS)), -3.0))
    found = next(columns([save(tmp_path / "a.npz", array)]))
    assert (found["spot_x"] == 7).all() and (found["spot_y"] == -3).all()


def test_rows_of_an_event_are_put_together(tmp_path):
    array = records("9.1")
    mixed = np.argsort(array["posZ"], kind="stable")
    whole, sorted_again = (concatenate(list(columns([save(tmp_path / f"{n}.npz", a)]))) for n, a in enumerate((array, array[mixed])))
    assert np.array_equal(whole["event"], sorted_again["event"])
    assert sorted(whole["x"]) == sorted(sorted_again["x"])


def test_chunks_are_as_long_as_asked_for_and_join_to_the_whole(tmp_path, monkeypatch):
    file = save(tmp_path / "a.npz", records("volumes"))
    whole = concatenate(list(columns([file])))
    monkeypatch.setattr(rooms, "ROWS", 100)
    parts = list(columns([file]))
    assert max(map(length, parts)) == 100
    assert equal(concatenate(parts), whole)


def test_events_of_several_files_are_told_apart_by_run(tmp_path):
    files = [save(tmp_path / f"train_water_{n}_100k.npz", records("9.2", seed=n)) for n in (100, 150)]
    rows = concatenate(list(columns([str(tmp_path)])))
    assert np.array_equal(np.unique(rows["run"]), [0, 1])
    assert list(map(str, rooms.find([str(tmp_path / "*.npz")]))) == files
    rows |= {"file": np.zeros(length(rows), np.int32), "entry": np.arange(length(rows))}
    assert assembled(assemble, rows, protons_per_frame=500)["n_protons"].tolist() == [120, 120]


@pytest.mark.parametrize("content, said", [
    (np.zeros((4, 7)), "records with names"),
    (np.zeros(3, dtype=[("eventID", "i4"), ("posX", "f4")]), "no column 'posY'"),
    (np.array([(None,)], dtype=[("eventID", object)]), "cannot be read: it holds Python objects"),
])
def test_other_arrays_are_refused(content, said, tmp_path):
    with pytest.raises(InputError, match=said):
        list(columns([save(tmp_path / "a.npz", content)]))


def test_a_value_that_is_no_number_is_named(tmp_path):
    array = records("9.1")
    array["posX"][30] = np.nan
    with pytest.raises(InputError, match=r"a.npz.*'posX', entry 30: value nan is not finite"):
        list(columns([save(tmp_path / "a.npz", array)]))


def test_files_that_are_none_are_refused(tmp_path):
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 not whole")
    np.save(tmp_path / "single.npy", np.zeros(3))
    np.savez(tmp_path / "named.npz", hits=np.zeros(3))
    for name, said in (("cut.npz", "cannot be read"), ("single.npy", "single array"), ("named.npz", "no array 'arr_0'"), ("none.npz", "No file matches")):
        with pytest.raises(InputError, match=said):
            list(columns([str(tmp_path / name)]))


def test_a_folder_is_not_taken_whole_if_training_and_test_lie_in_it(tmp_path):
    for split in ("train", "test"):
        save(tmp_path / f"{split}_water_100.npz", records("9.1"))
    with pytest.raises(InputError, match="holds test, train"):
        rooms.find([str(tmp_path)])
    with pytest.raises(InputError, match="no npz file"):
        rooms.find([str(tmp_path.parent)])
