"""Singles of PETsys, in files as its program writes them: a tree `data` with these branches and types, times in ps, energies in keV."""

from __future__ import annotations

import numpy as np
import pytest
import uproot

from pphysml.errors import InputError
from pphysml.registry import get_task
from pphysml.tasks.petnet.config import PetConfig
from pphysml.verbs.apply import apply
from pphysml.verbs.engine_choice import EngineChoice
from pphysml.verbs.inputs import Inputs
from pphysml.verbs.simulate import simulate


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    path = tmp_path_factory.mktemp("petsys") / "gate.root"
    simulate(get_task("petnet"), PetConfig.model_validate({"simulation": {"activity": 50.0}}), path, 100_000, seed=5)
    return path


def petsys_of(gate, path, **changes):
    """Write the singles of a file of GATE as those of channels, with nothing but whole picoseconds changed."""
    with uproot.open(gate)["Singles"] as tree:
        rows = tree.arrays(library="np")
    n, ids = len(rows["time"]), [rows[name].astype(np.uint32) for name in ("rsectorID", "moduleID", "crystalID")]
    data = {"step1": np.zeros(n, np.float32), "step2": np.zeros(n, np.float32), "time": np.rint(1e12 * rows["time"]).astype(np.int64),
            "channelID": ids[0] << 12 | ids[1] << 8 | ids[2], "tot": np.zeros(n, np.float32), "energy": (1000 * rows["energy"]).astype(np.float32),
            "tacID": np.zeros(n, np.uint16), "xi": np.zeros(n, np.int32), "yi": np.zeros(n, np.int32), **{axis: rows[f"globalPos{axis.upper()}"] for axis in "xyz"},
            "tqT": np.zeros(n, np.float32), "tqE": np.zeros(n, np.float32)} | {name: change(n) for name, change in changes.items()}
    index = {"step1": np.zeros(1, np.float32), "step2": np.zeros(1, np.float32), "stepBegin": np.zeros(1, np.int64), "stepEnd": np.array([n])}
    with uproot.recreate(path) as file:
        for name, columns in (("data", data), ("index", index)):
            file.mktree(name, {name: values.dtype for name, values in columns.items()}).extend(columns)
    return path


def sorted_pairs(path, output, *overrides, engine="classical", force=False, **options):
    summary = apply(get_task("petnet"), Inputs([str(path)], **options), EngineChoice(engine=engine, overrides=list(overrides)), output=output, force=force)
    with uproot.open(output)["Coincidences"] as tree:
        return tree.arrays(library="np"), summary


@pytest.mark.parametrize("scanner", [None, "safir"])
def test_pairs_are_those_of_the_same_singles_of_gate(gate, tmp_path, scanner):
    overrides = [f"apply.scanner={scanner}"] if scanner else []
    same, _ = sorted_pairs(gate, tmp_path / "gate_pairs.root", *overrides)
    found, _ = sorted_pairs(petsys_of(gate, tmp_path / "data.root"), tmp_path / "pairs.root", *overrides, keep=("channelID",))
    # Times are rounded to picoseconds, energies twice: hardly a pair is at the edge of a window.
    keys = [set(zip(pairs["entry1"].tolist(), pairs["entry2"].tolist(), strict=True)) for pairs in (same, found)]
    assert len(keys[0]) > 500 and len(keys[0] ^ keys[1]) <= 0.005 * len(keys[0])
    row = {entry: k for k, entry in enumerate(same["entry1"].tolist())}
    both = [(k, row[entry]) for k, entry in enumerate(found["entry1"].tolist()) if entry in row]
    mine, theirs = np.array(both).T
    np.testing.assert_allclose(found["time1"][mine], same["time1"][theirs], atol=1e-12)
    np.testing.assert_allclose(found["energy2"][mine], same["energy2"][theirs], rtol=1e-6)
    np.testing.assert_array_equal(found["channelID1"][mine] >> 12, same["rsectorID1"][theirs])
    if scanner:
        np.testing.assert_array_equal(found["crystalID1"][mine], same["crystalID1"][theirs])


def test_the_energy_window_is_in_the_units_of_energies_that_are_not_calibrated(gate, tmp_path):
    with uproot.open(gate)["Singles"] as tree:
        energy = 25 * tree["energy"].array(library="np")
    found = [sorted_pairs(petsys_of(gate, tmp_path / "data.root", **changes), tmp_path / "pairs.root", f"apply.energy_window=[{391 * scale},{601 * scale}]", force=True)[0]
             for scale, changes in ((1, {}), (0.025, {"energy": lambda n: energy.astype(np.float32)}))]
    assert len(found[0]["entry1"]) == pytest.approx(len(found[1]["entry1"]), abs=3) and len(found[1]["entry1"]) > 500


def test_what_is_no_singles_with_places_is_refused(gate, tmp_path):
    for name, changes, said in (
        ("places", dict.fromkeys("xyz", lambda n: np.zeros(n, np.float32)), "channel map has no places"),
        ("groups", {"mh_j": lambda n: (np.arange(n) % 7 == 6).astype(np.uint8), "mh_n": lambda n: np.ones(n, np.uint8)}, r"mh_j.*entry 6.*several hits of the same photon"),
    ):
        path = petsys_of(gate, tmp_path / f"{name}.root", **changes)
        with pytest.raises(InputError, match=said):
            sorted_pairs(path, tmp_path / "out.root")
    pairs = {f"{name}{k}": np.zeros(5, dtype) for name, dtype in (("time", "i8"), ("channelID", "u4"), ("energy", "f4"), ("x", "f4"), ("y", "f4"), ("z", "f4")) for k in (1, 2)}
    with uproot.recreate(tmp_path / "coincidences.root") as file:
        file.mktree("data", {name: values.dtype for name, values in pairs.items()}).extend(pairs)
    with pytest.raises(InputError, match="holds coincidences of PETsys"):
        sorted_pairs(tmp_path / "coincidences.root", tmp_path / "out.root")
