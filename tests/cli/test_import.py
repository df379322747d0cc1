"""The published npy files, made here from our own simulation, imported and compared."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile

import awkward as ak
import numpy as np
import pytest
import uproot

from pphysml.errors import InputError
from pphysml.registry import get_task, task_names
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.reading import baumbauen
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation


def topology_arrays(count: int, events: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """(events, leaves, 4) and (events, leaves, leaves) of each of the topologies."""
    options = LcagConfig(simulation={"n_topologies": count, "max_leaves": 6})
    block = LcagSimulation(options, 8).block(0, count * events)
    found = []
    for topology in range(count):
        rows = np.flatnonzero(block["topology"] == topology)
        n = len(block["px"][rows[0]])
        leaves = np.stack([block[name].take(rows).flat.reshape(-1, n) for name in ("px", "py", "pz", "e")], -1)
        found.append((leaves, block["lcag"].take(rows).flat.reshape(-1, n, n)))
    return found


@pytest.fixture(scope="module")
def arrays():
    return topology_arrays(4, 30)


@pytest.fixture
def folder(arrays, tmp_path):
    """The four topologies as files; the numbers are not 0 to 3, and the matrices of another integer type."""
    known = tmp_path / "known"
    known.mkdir()
    for number, (leaves, lcas) in zip((2, 10, 11, 100), arrays, strict=True):
        np.save(known / f"leaves_test.{number:03}.npy", leaves)
        np.save(known / f"lcas_test.{number:03}.npy", lcas.astype(np.int64))
    return known


def read(path):
    return uproot.open(path)["events"].arrays()


def test_a_folder_becomes_the_events_of_its_topologies(arrays, folder, pphysml, tmp_path) -> None:
    done = pphysml("import", "lcag", folder, "-o", tmp_path / "known.root", "--json")
    assert done.code == 0, done.err
    summary = json.loads(done.out)
    assert (summary["entries"], summary["format"], summary["layout"]) == (120, "baumbauen-npy", "leaves")
    found = read(tmp_path / "known.root")
    assert found["event"].tolist() == list(range(120)) and set(found["run"].tolist()) == {0}
    assert found["topology"].tolist() == [number for number in (2, 10, 11, 100) for _ in range(30)]
    row = 0
    for leaves, lcas in arrays:
        for p4, matrix in zip(leaves, lcas, strict=True):
            assert [found[name][row].tolist() for name in ("px", "py", "pz", "e")] == p4.T.tolist()
            assert found["lcag"][row].tolist() == matrix.ravel().tolist()
            row += 1
    metadata = json.loads(pphysml("inspect", tmp_path / "known.root", "--json").out)[0]["metadata"]
    assert metadata["imported"] == "baumbauen-npy" and str(folder) in metadata["inputs"]


def test_what_is_imported_validates_and_is_evaluated(folder, pphysml, tmp_path) -> None:
    path = tmp_path / "known.root"
    assert pphysml("import", "lcag", folder, "-o", path, "-q").err == ""
    assert pphysml("validate", "lcag", path, "--truth").code == 0
    done = pphysml("evaluate", "lcag", path, "--engine", "massline", "--json")
    assert done.code == 0, done.err
    metrics = {m["name"]: m for m in json.loads(done.out)["massline"]["metrics"]}
    # The known masses give nearly all trees of decays that are not smeared.
    assert metrics["perfect_lcag"]["value"] > 0.85 and metrics["perfect_lcag"]["n"] == 120


def test_files_are_taken_in_the_order_given_and_stand_for_their_partners(folder, pphysml, tmp_path) -> None:
    whole, some = tmp_path / "a.root", tmp_path / "b.root"
    assert pphysml("import", "lcag", folder, "-o", whole).code == 0
    named = [folder / "lcas_test.010.npy", folder / "leaves_test.002.npy", folder / "leaves_test.010.npy"]
    assert pphysml("import", "lcag", *named, "-o", some).code == 0
    found, expected = read(some), read(whole)
    assert found["topology"].tolist() == [10] * 30 + [2] * 30
    assert found["px"][30:].tolist() == expected["px"][:30].tolist()
    assert found["event"].tolist() == list(range(60))
    globbed = pphysml("import", "lcag", f"{folder}/leaves_test.*.npy", "-o", tmp_path / "c.root")
    assert globbed.code == 0 and ak.to_list(read(tmp_path / "c.root")) == ak.to_list(expected)


def change(path, function):
    """Rewrite an npy file with changed content."""
    np.save(path, function(np.load(path)))


def set_value(index, value):
    def apply(array):
        array[index] = value
        return array
    return apply


def npz(array):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.npy", "")
    return content.getvalue()


@pytest.mark.parametrize(("name", "damage", "words"), [
    ("leaves", lambda p: p.unlink(), "leaves_test.010.npy: is not there; it is needed beside"),
    ("lcas", lambda p: p.unlink(), "lcas_test.010.npy: is not there; it is needed beside"),
    ("leaves", lambda p: change(p, lambda a: a[:, :, :3]), "must hold floating-point numbers of shape (events, leaves, 4)"),
    ("leaves", lambda p: change(p, lambda a: a.astype(int)), "leaves_test.010.npy: holds int64"),
    ("lcas", lambda p: change(p, lambda a: a[1:]), "lcas_test.010.npy: holds int64 of shape (29,"),
    ("lcas", lambda p: change(p, lambda a: a[:, 1:]), "but must hold numbers of shape (30,"),
    ("leaves", lambda p: change(p, set_value((7, 1, 2), np.nan)), "leaves_test.010.npy, event 7: a value is not finite"),
    ("leaves", lambda p: change(p, set_value((8, 0, 3), -1.0)), "leaves_test.010.npy, event 8: an energy is negative"),
    ("lcas", lambda p: change(p, set_value((9, 0, 1), 0)), "lcas_test.010.npy, event 9: the matrix is not that of a tree"),
    ("lcas", lambda p: change(p, set_value((9, 0, 0), -1)), "event 9: a value is not a whole number from 0 to 7"),
    ("lcas", lambda p: change(p, set_value((9, 0, 1), 8)), "event 9: a value is not a whole number from 0 to 7"),
    ("lcas", lambda p: p.write_bytes(p.read_bytes()[:300]), "lcas_test.010.npy: cannot be read as npy"),
    ("lcas", lambda p: p.write_bytes(b""), "lcas_test.010.npy: cannot be read as npy"),
    ("lcas", lambda p: np.save(p, np.array([{}], dtype=object)), "lcas_test.010.npy: cannot be read: it holds Python objects"),
    ("lcas", lambda p: p.write_bytes(npz(p)), "lcas_test.010.npy: is an archive"),
    ("leaves", lambda p: p.rename(p.with_name("leaves.npy")), "lcas_test.010.npy"),
    ("leaves", lambda p: [p.with_name(f"{kind}_val.010.npy").write_bytes(b"") for kind in ("leaves", "lcas")],
     "holds test, val; name the files of one"),
])
def test_what_cannot_be_imported_is_named(name, damage, words, folder, pphysml, tmp_path) -> None:
    damage(folder / f"{name}_test.010.npy")
    done = pphysml("import", "lcag", folder, "-o", tmp_path / "known.root", "-q")
    assert done.code == 3 and words in done.err and len(done.err.splitlines()) == 1, done.err
    assert [path.name for path in tmp_path.iterdir()] == ["known"]


def test_other_files_and_topologies_that_are_there_twice(folder, pphysml, tmp_path) -> None:
    def refused(*paths):
        done = pphysml("import", "lcag", *paths, "-o", tmp_path / "known.root", "-q")
        assert done.code == 3 and len(done.err.splitlines()) == 1
        return done.err

    (tmp_path / "empty").mkdir()
    assert "there is no file named leaves_SPLIT.NUMBER.npy" in refused(tmp_path / "empty")
    assert "is not named leaves_SPLIT.NUMBER.npy" in refused(tmp_path / "events.root")
    assert "leaves_test.777.npy: is not there" in refused(folder / "leaves_test.777.npy")
    unknown = folder.rename(tmp_path / "unknown")
    folder.mkdir()
    for path in unknown.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    assert "topology 2 is also in" in refused(folder, unknown)


def test_usage(folder, pphysml, tmp_path) -> None:
    out = tmp_path / "known.root"
    done = pphysml("import", "lcag", folder, "-o", out, "--format", "baumbauen-npz")
    assert done.code == 2 and "'baumbauen-npy'" in done.err
    assert pphysml("import", "lcag", "-o", out).code == 2
    assert pphysml("import", "lcag", folder, "-o", out).code == 0
    before = out.read_bytes()
    done = pphysml("import", "lcag", folder / "leaves_test.002.npy", "-o", out)
    assert done.code == 2 and "--force" in done.err and out.read_bytes() == before
    assert pphysml("import", "lcag", folder / "leaves_test.002.npy", "-o", out, "--force").code == 0
    assert uproot.open(out)["events"].num_entries == 30


def test_memory_is_bounded_by_the_chunk(arrays, tmp_path, monkeypatch) -> None:
    leaves, lcas = arrays[0]
    large = np.tile(leaves, (2000, 1, 1))
    np.save(tmp_path / "leaves_train.0.npy", large)
    np.save(tmp_path / "lcas_train.0.npy", np.tile(lcas, (2000, 1, 1)))
    monkeypatch.setattr(baumbauen, "EVENTS", 1000)
    chunks = baumbauen.read([str(tmp_path)])
    next(chunks)  # whatever is compiled is compiled now
    tracemalloc.start()
    events = 1000 + sum(len(columns["event"]) for columns in chunks)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert events == 60_000 and peak < large.nbytes / 10


@pytest.mark.parametrize("task", task_names())
def test_every_importer_is_there(task, tmp_path) -> None:
    for name in get_task(task).importers:
        with pytest.raises(InputError, match=r"none\.xyz"):
            next(get_task(task).import_files(name, [str(tmp_path / "none.xyz")]))
