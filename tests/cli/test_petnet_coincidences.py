"""Coincidences as input: judged as they are, and refused where singles are wanted."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent))
from petnet_files import read, write

SORT = ("--engine", "classical", "-q")
RADIUS = ("--set", "apply.judging.object_radius=14")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Simulated singles, and the pairs that a sorter makes of them."""
    from pphysml_cli.main import main

    folder = tmp_path_factory.mktemp("pairs")
    singles, pairs = folder / "singles.root", folder / "pairs.root"
    assert main(["simulate", "petnet", "--preset", "mouse-150", "-n", "60000", "--seed", "7", "-q", "-o", str(singles)]) == 0
    assert main(["petnet", str(singles), *SORT, "--delayed", "20ns", "-o", str(pairs)]) == 0
    return singles, pairs


@pytest.fixture
def judged(pphysml):
    """Return the metrics of a file by name."""
    def judge(path, *options):
        done = pphysml("evaluate", "petnet", path, *SORT, *RADIUS, "--json", *options)
        assert done.code == 0, done.err
        return {metric["name"]: metric["value"] for metric in json.loads(done.out)["classical"]["metrics"]}, done

    return judge


def gate10(pairs):
    """Return pairs in the branches of GATE 10."""
    names = {"eventID": "EventID", "time": "GlobalTime", "energy": "TotalEnergyDeposit", **{f"globalPos{axis}": f"PostPosition_{axis}" for axis in "XYZ"}}
    ends = {f"{ten}{k}": pairs[f"{nine}{k}"] * (1e9 if nine == "time" else 1) for k in (1, 2) for nine, ten in names.items()}
    return {"RunID1": pairs["runID"], "RunID2": pairs["runID"], **ends}


def test_pairs_are_what_they_are_among_the_singles(judged, files, tmp_path):
    singles, path = files
    pairs = read(path)
    given, done = judged(path)
    assert "holds coincidences, which are judged as they are" in done.err and not {"pair_f1", "pair_recall", "hit_f1"} & set(given)
    same = (pairs["eventID1"] == pairs["eventID2"]) & (pairs["eventID1"] >= 0)
    assert given["randoms_fraction"] == pytest.approx(1 - same.mean(), abs=1e-12) and 0.02 < given["randoms_fraction"] < 0.5
    of_all, _ = judged(singles)
    for name in ("randoms_fraction", "scatter_fraction", "pair_precision", "scatter_fraction_in_band"):
        assert given[name] == pytest.approx(of_all[name], rel=2e-3), name
    # The first and the last pair are not the first and the last single.
    for name in ("necr", "necr_2r"):
        assert given[name] == pytest.approx(of_all[name], rel=5e-3), name


def test_neither_program_nor_order_of_the_ends_matters(judged, files, tmp_path):
    pairs = read(files[1])
    expected, _ = judged(files[1])
    bare = {name: values for name, values in pairs.items() if not name.startswith(("photonID", "compton", "Rayleigh"))}
    swapped = {name[:-1] + {"1": "2", "2": "1"}.get(name[-1], name[-1]): values for name, values in bare.items()}
    known, _ = judged(write(tmp_path / "bare.root", bare, tree="anything"))
    assert known["randoms_fraction"] == expected["randoms_fraction"] and known["necr"] > expected["necr"]
    for columns in (swapped, gate10(pairs)):
        found, _ = judged(write(tmp_path / "other.root", columns, tree="Coincidences"))
        assert found == pytest.approx(known, rel=1e-9)


def test_a_wide_window_takes_no_pair_for_wrong(judged, files, tmp_path):
    pairs = read(files[1])
    far = {**pairs, "time2": pairs["time2"] + 1e-7, "energy1": 0.5 * pairs["energy1"]}
    assert judged(write(tmp_path / "far.root", far, tree="Coincidences"))[0]["pair_precision"] == judged(files[1])[0]["pair_precision"]


def test_applying_and_training_want_singles(pphysml, files, tmp_path):
    refused = "holds coincidences, and no singles to be paired; give the tree of singles"
    for arguments in (("petnet", files[1], "-o", tmp_path / "out.root"), ("train", "petnet", files[1], "-o", tmp_path / "run"),
                      ("petnet", files[1], "--dry-run", "-o", tmp_path / "out.root")):
        done = pphysml(*arguments)
        assert done.code == 3 and refused in done.err and str(files[1]) in done.err and len(done.err.splitlines()) == 1, done.err
    assert not list(tmp_path.iterdir())
    valid = pphysml("validate", "petnet", files[1])
    assert valid.code == 0 and "holds coincidences" in valid.out
    without = {name: values for name, values in read(files[1]).items() if not name.startswith("eventID")}
    done = pphysml("evaluate", "petnet", write(tmp_path / "real.root", without, tree="Coincidences"), *SORT)
    assert done.code == 3 and "truth" in done.err


def test_singles_are_read_where_there_are_pairs_too(pphysml, files, tmp_path):
    both = write(tmp_path / "both.root", {"Coincidences": read(files[1]), "Singles": read(files[0], "Singles")})
    assert pphysml("petnet", both, *SORT, "-o", tmp_path / "out.root").code == 0
    found, expected = read(tmp_path / "out.root"), read(files[1])
    np.testing.assert_array_equal(found["time1"], expected["time1"])
    assert pphysml("petnet", f"{both}:Coincidences", *SORT, "-o", tmp_path / "none.root").code == 3
