"""Singles that are wrong, odd or too many for `petnet`: one clear sentence, or the sensible answer; no output is left."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent))
from petnet_files import hits_of, read, selected, write

SORT = ("--engine", "classical", "-q")


def singles(n=2000, seed=1, rate=1e8, begin=0.0, energy=(0.35, 0.65)):
    """Return singles of a ring, at random times of a rate in 1/s and of energies in a range in MeV."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    return {
        "runID": np.zeros(n, np.int32), "eventID": np.arange(n, dtype=np.int32), "time": begin + np.cumsum(rng.exponential(1 / rate, n)),
        "energy": rng.uniform(*energy, n).astype(np.float32), "globalPosX": (68 * np.cos(angle)).astype(np.float32),
        "globalPosY": (68 * np.sin(angle)).astype(np.float32), "globalPosZ": rng.uniform(-25, 25, n).astype(np.float32),
    }


def changed(name, entry, value, **others):
    columns = singles(**others)
    columns[name][entry] = value
    return columns


@pytest.fixture
def refused(pphysml, tmp_path):
    """Check that a file is refused in one sentence with these words, also by `validate`, and that nothing is left."""
    def check(path, *words, options=(), also=True, named=True):
        before = sorted(tmp_path.iterdir())
        done = pphysml("petnet", path, *SORT, "-o", tmp_path / "out.root", *options)
        assert done.code == 3 and len(done.err.splitlines()) == 1, done.err
        for word in (*words, *([Path(path).name] if named else [])):
            assert word in done.err, done.err
        assert sorted(tmp_path.iterdir()) == before
        if also:
            settings = [option for option in options if option in ("--set", "--map") or "=" in option]
            valid = pphysml("validate", "petnet", path, *settings)
            assert valid.code == 3 and words[0] in valid.out, valid.out

    return check


@pytest.fixture
def sorted_pairs(pphysml, tmp_path):
    """Return the coincidences of a file, and check what is said."""
    def make(path, *options, warned=None):
        done = pphysml("petnet", path, *SORT, "-o", tmp_path / "pairs.root", "--force", *options)
        assert done.code == 0, done.err
        assert ("warnings" in done.out) == (warned is not None), done.out
        assert (warned or "") in done.out, done.out
        return read(tmp_path / "pairs.root")

    return make


def test_an_unsorted_file_is_sorted_in_full(refused, sorted_pairs, tmp_path):
    rows = singles()
    order = np.random.default_rng(2).permutation(2000)
    path = write(tmp_path / "shuffled.root", selected(rows, order))
    refused(path, "--sort full", "'time'", "entry", options=("--set", "apply.sort_buffer=100", "--set", "apply.block_size=500"), also=False)
    full = sorted_pairs(path, "--sort", "full", "--set", "apply.block_size=500")
    plain = sorted_pairs(write(tmp_path / "sorted.root", rows))
    assert len(plain["time1"]) > 20
    for name in ("time1", "time2", "energy2", "eventID1", "multiplicity"):
        np.testing.assert_array_equal(full[name], plain[name])


def test_equal_times_are_a_pair(sorted_pairs, tmp_path):
    rows = selected(singles(200, rate=1e6, energy=(0.45, 0.55)), np.repeat(np.arange(200), 2))
    found = sorted_pairs(write(tmp_path / "twice.root", rows))
    np.testing.assert_array_equal(found["time1"], found["time2"])
    np.testing.assert_array_equal(found["entry1"], 2 * np.arange(200))
    np.testing.assert_array_equal(found["entry2"], 2 * np.arange(200) + 1)


@pytest.mark.parametrize("name", ["time", "energy", "globalPosX"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_placed(refused, tmp_path, name, value):
    refused(write(tmp_path / "nan.root", changed(name, 37, value)), "not finite", f"'{name}'", "entry 37")


def test_a_negative_energy_is_left_out_and_said(sorted_pairs, pphysml, tmp_path):
    path = write(tmp_path / "negative.root", changed("energy", [37, 40], -0.01))
    warned = f"2 singles have a negative energy and were left out, the first in entry 37 of {path}"
    wide = ("--set", "data.energy_window=null")
    found = sorted_pairs(path, *wide, warned=warned)
    assert {37, 40}.isdisjoint([*found["entry1"], *found["entry2"]])
    sorted_pairs(path, "--set", "apply.block_size=3", warned=warned)
    valid = pphysml("validate", "petnet", path)
    assert valid.code == 0 and "warning" in valid.out and "negative energy" in valid.out


def test_energies_in_another_unit(refused, sorted_pairs, pphysml, tmp_path):
    rows = singles()
    path, plain = write(tmp_path / "kev.root", {**rows, "energy": 1000 * rows["energy"]}), sorted_pairs(write(tmp_path / "mev.root", rows))
    said = "were taken as keV, since no photon of a PET has as many MeV as their middle, 5"
    for found in (sorted_pairs(path, "--map", "energy=energy:keV"), sorted_pairs(path, warned=said), sorted_pairs(path, "--set", "apply.block_size=7", warned=said)):
        for name in ("entry1", "entry2"):
            np.testing.assert_array_equal(found[name], plain[name])
        np.testing.assert_allclose(found["energy1"], plain["energy1"], rtol=1e-6)
    assert said in pphysml("validate", "petnet", path).out
    # Of two files, each has its own unit.
    both = sorted_pairs(tmp_path / "mev.root", path, warned=said)
    assert np.count_nonzero(both["file1"] == 1) == np.count_nonzero(both["file1"] == 0) == len(plain["entry1"])
    for unit, factor in (("eV", 1e6), ("GeV", 1e-3)):
        refused(write(tmp_path / f"{unit}.root", {**rows, "energy": factor * rows["energy"]}), f"--map energy=BRANCH:{unit}", "in the middle", "'energy'")


def test_deposits_in_kev(sorted_pairs, tmp_path):
    one = singles(4000)
    hits = hits_of({**one, **{name: np.zeros(4000, np.int32) for name in ("sourceID", "moduleID", "submoduleID", "crystalID", "layerID", "comptonPhantom", "RayleighPhantom")},
                    "rsectorID": np.arange(4000, dtype=np.int32) % 12})
    plain = sorted_pairs(write(tmp_path / "mev.root", hits, tree="Hits"), warned="holds hits")
    found = sorted_pairs(write(tmp_path / "kev.root", {**hits, "edep": 1000 * hits["edep"]}, tree="Hits"), warned="taken as keV")
    assert len(plain["time1"]) > 20
    np.testing.assert_array_equal(found["time2"], plain["time2"])


def test_one_single_and_none(sorted_pairs, pphysml, tmp_path):
    assert len(sorted_pairs(write(tmp_path / "one.root", singles(1, energy=(0.5, 0.52))))["time1"]) == 0
    empty = write(tmp_path / "empty.root", singles(0))
    assert len(sorted_pairs(empty, warned="the input has no entry")["time1"]) == 0
    assert pphysml("validate", "petnet", empty).code == 0


def test_a_file_of_another_camera_has_nothing_in_the_energy_window(sorted_pairs, pphysml, tmp_path):
    path = write(tmp_path / "spect.root", singles(energy=(0.13, 0.15)))
    warned = "none of the 2000 singles lies in the energy window of 391 to 601 keV: they have 14"
    for block in (1, 300, 5000):
        found = sorted_pairs(path, "--set", f"apply.block_size={block}", warned=warned)
    assert len(found["time1"]) == 0
    valid = pphysml("validate", "petnet", path)
    assert valid.code == 0 and "--energy-window LOW:HIGH" in valid.out
    assert len(sorted_pairs(path, "--energy-window", "126:154")["time1"]) > 20


def test_sectors_need_ids_or_a_scanner(refused, sorted_pairs, tmp_path):
    path = write(tmp_path / "bare.root", singles())
    before = sorted(tmp_path.iterdir())
    cut = ("--set", "apply.classical.min_sector_difference=2")
    refused(path, "--map rsector_id=BRANCH", "--scanner", options=cut, also=False, named=False)
    assert sorted(tmp_path.iterdir()) == before
    assert len(sorted_pairs(path, *cut, "--scanner", "safir", warned="lie in no crystal")["time1"]) > 10


def test_a_window_longer_than_the_file(refused, sorted_pairs, tmp_path):
    path = write(tmp_path / "short.root", singles(200))
    found = sorted_pairs(path, "--window", "1ms")
    assert len(found["time1"]) == 1 and found["multiplicity"][0] == ((singles(200)["energy"] >= np.float32(0.391)) & (singles(200)["energy"] <= np.float32(0.601))).sum()
    refused(write(tmp_path / "long.root", singles(4000)), "more than 2000 singles", "--window", options=("--window", "1ms"), also=False, named=False)


def test_times_that_are_too_coarse_for_the_window(refused, sorted_pairs, tmp_path):
    path = write(tmp_path / "late.root", singles(begin=1e8, rate=1e6))
    refused(path, "too coarse for a window of 500 ps", "'time'", "entry 0")
    assert len(sorted_pairs(path, "--window", "200ns")["time1"]) > 100
    plain, near = sorted_pairs(write(tmp_path / "a.root", singles())), sorted_pairs(write(tmp_path / "b.root", singles(begin=1e4)))
    assert abs(len(plain["time1"]) - len(near["time1"])) <= 2


def test_times_as_floats_are_fine_while_they_are_early(refused, sorted_pairs, tmp_path):
    early, late = ({**singles(begin=begin), "time": singles(begin=begin)["time"].astype(np.float32)} for begin in (0.0, 1.0))
    # 2 ps at 20 us, and 119 ns at 1 s.
    plain, found = sorted_pairs(write(tmp_path / "plain.root", singles())), sorted_pairs(write(tmp_path / "early.root", early))
    assert abs(len(found["time1"]) - len(plain["time1"])) <= 2
    path = write(tmp_path / "late.root", late)
    refused(path, "32-bit float", "fine to 1.19e+05 ps only", "window of 500 ps", "'time'", "entry 0", "write it as a double")
    nanoseconds = write(tmp_path / "ns.root", {**late, "time": (1e9 * singles(begin=1.0)["time"]).astype(np.float32)})
    refused(nanoseconds, "32-bit float", "fine to 6.4e+04 ps only", options=("--map", "time=time:ns"))
    assert len(sorted_pairs(path, "--window", "2us", warned="the window of 2000000 ps cuts")["time1"]) > 5


def test_times_on_a_grid_are_said_if_the_window_has_few_of_its_steps(sorted_pairs, pphysml, tmp_path):
    path = write(tmp_path / "grid.root", {**singles(5000), "time": np.round(singles(5000)["time"] / 1e-9) * 1e-9})
    warned = "the times of singles lie on a grid with steps of 1000 ps, too coarse for a window of 500 ps"
    for block in (7, 5000):
        sorted_pairs(path, "--set", f"apply.block_size={block}", warned=warned)
    sorted_pairs(path, "--window", "8ns")
    valid = pphysml("validate", "petnet", path)
    assert valid.code == 0 and warned in valid.out


def test_singles_of_another_scanner_are_refused_before_they_are_read(pphysml, tmp_path, monkeypatch):
    path = write(tmp_path / "safir.root", singles() | {"rsectorID": np.zeros(2000, np.int32)})
    monkeypatch.setattr("pphysml.verbs.examples.LOOKED_AT", 100)
    # What is behind the first look is damaged, which would be said first if it were read.
    broken = write(tmp_path / "broken.root", changed("time", 1900, np.nan))
    for file in (path, broken):
        for verb in (("petnet", "-o", tmp_path / "out"), ("petnet", "--dry-run", "-o", tmp_path / "out"), ("evaluate", "petnet")):
            done = pphysml(*verb, file, "--engine", "snn")
            assert done.code == 3 and "do not lie in the crystals of the scanner 'toy-240'" in done.err, done.err
            assert "entry/s" not in done.err and not (tmp_path / "out").exists()


def test_files_that_are_no_trees_of_singles(refused, sorted_pairs, tmp_path, pphysml):
    rows = singles()
    whole = write(tmp_path / "whole.root", rows)
    content = whole.read_bytes()
    (tmp_path / "cut.root").write_bytes(content[: len(content) // 2])
    refused(tmp_path / "cut.root", "cut short")
    (tmp_path / "notes.root").write_text("These are no singles.\n")
    refused(tmp_path / "notes.root", "not a readable ROOT or HDF5 file")
    assert pphysml("inspect", tmp_path / "notes.root").code == 3
    names = {"time": "t", "energy": "e", "globalPosX": "u", "globalPosY": "v", "globalPosZ": "w"}
    other = write(tmp_path / "other.root", {names.get(name, name): values for name, values in rows.items()}, tree="mine")
    refused(other, "there is no branch 'time'", "--map")
    without = write(tmp_path / "without.root", {name: values for name, values in rows.items() if name != "globalPosX"})
    refused(without, "there is no branch 'globalPosX' or 'x'", "--map x=BRANCH")
    told = pphysml("inspect", other, "--all").out
    assert "task petnet, layout gate9-singles: lacks time, energy, x, y, z (see --map)" in told
    mapped = sorted_pairs(other, *(part for name, branch in {"time": "t", "energy": "e", "x": "u", "y": "v", "z": "w"}.items() for part in ("--map", f"{name}={branch}")))
    np.testing.assert_array_equal(mapped["entry2"], sorted_pairs(whole)["entry2"])


def test_hits_are_told_from_singles(pphysml, tmp_path, refused):
    rows = singles(100) | {name: np.zeros(100, np.int32) for name in ("sourceID", "rsectorID", "moduleID", "submoduleID", "crystalID", "layerID", "comptonPhantom", "RayleighPhantom")}
    hits = hits_of(rows)
    path = write(tmp_path / "hits.root", hits, tree="Hits")
    told = pphysml("inspect", path, "--all").out
    assert "task petnet, layout gate9-hits: can be read" in told and "layout gate9-singles: lacks energy" in told
    assert pphysml("validate", "petnet", path).code == 0
    bare = {name: values for name, values in hits.items() if not name.endswith("ID") or name in ("eventID", "runID")}
    refused(write(tmp_path / "bare.root", bare, tree="Hits"), "no number of a volume")
    negative = {**hits, "edep": hits["edep"].copy()}
    negative["edep"][5] = -1
    refused(write(tmp_path / "negative.root", negative, tree="Hits"), "below 0 MeV", "'edep'", "entry 5")


@pytest.mark.parametrize(("options", "words"), [
    (("--energy-window", "601:391"), "601 must be below 391"), (("--energy-window", "391"), "LOW:HIGH"), (("--window", "5 apples"), "no number with a unit"),
    (("--policy", "takeAll"), "takeAllGoods"), (("--scanner", "safr"), "safir"), (("--delayed", "600ps"), "error: the configuration: the delayed window must lie outside the prompt one: apply.offset (--delayed) must be at least twice the window"),
    (("--set", "apply.digitizer.readout=ring"), "readout"), (("--set", "apply.volume_levels=[detector]"), "rsector"),
])
def test_options_that_make_no_sense(pphysml, tmp_path, options, words):
    path = write(tmp_path / "singles.root", singles(10))
    done = pphysml("petnet", path, *SORT, *options, "-o", tmp_path / "out.root")
    assert done.code == 2 and words in done.err, done.err
    assert list(tmp_path.iterdir()) == [path]


def test_lists_of_values_cannot_be_kept(pphysml, tmp_path):
    import awkward as ak
    import uproot

    rows = singles(10)
    with uproot.recreate(tmp_path / "lists.root") as file:
        file.mktree("Singles", {**{k: v.dtype for k, v in rows.items()}, "waveform": "var * float32"}).extend({**rows, "waveform": ak.Array([[1.0, 2.0]] * 10)})
    done = pphysml("petnet", tmp_path / "lists.root", *SORT, "--keep", "waveform", "-o", tmp_path / "out.root")
    assert done.code == 2 and "--keep waveform" in done.err and not (tmp_path / "out.root").exists()


def test_a_header_is_not_overwritten(pphysml, tmp_path):
    path = write(tmp_path / "singles.root", singles())
    (tmp_path / "out.hroot").write_text("mine")
    done = pphysml("petnet", path, *SORT, "--scanner", "safir", "-o", tmp_path / "out.root")
    assert done.code == 2 and "out.hroot" in done.err and "--force" in done.err and not (tmp_path / "out.root").exists()
