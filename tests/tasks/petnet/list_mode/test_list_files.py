"""Lists of pairs, read back by readers that are written from the descriptions of their formats, and share nothing with the writers."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import uproot

from pphysml.errors import ConfigError, InputError
from pphysml.registry import get_task
from pphysml.tasks.petnet.coincidences.pairs import DELAYED
from pphysml.tasks.petnet.config import PetConfig
from pphysml.tasks.petnet.list_mode.castor import scanner_header
from pphysml.tasks.petnet.list_mode.lines import crystals, line_lists
from pphysml.tasks.petnet.list_mode.look_up_table import look_up_table
from pphysml.tasks.petnet.list_mode.yrt_pet import scanner_properties
from pphysml.tasks.petnet.scanner.config import ScannerConfig
from pphysml.tasks.petnet.scanner.scanner import Scanner, load_scanner
from pphysml.verbs.apply import apply
from pphysml.verbs.engine_choice import EngineChoice
from pphysml.verbs.inputs import Inputs
from pphysml.verbs.simulate import simulate

NESTED = ScannerConfig(name="nested", radius=272.0, rsectors=16, modules=[2, 2], submodules=[2, 3], crystals=[5, 4], layers=2, crystal_pitch=[5.0, 6.0],
                       submodule_pitch=[26.0, 25.0], module_pitch=[53.0, 77.0], crystal_size=[4.8, 5.9, 20.0])
NAMES = ("rsectorID", "moduleID", "submoduleID", "crystalID", "layerID")


def changed(singles, path, **columns):
    with uproot.open(singles)["Singles"] as tree:
        rows = tree.arrays(library="np")
    rows |= {name: change(rows[name]) for name, change in columns.items()}
    with uproot.recreate(path) as file:
        file.mktree("Singles", {name: values.dtype for name, values in rows.items()}).extend(rows)
    return path


@pytest.fixture(scope="module")
def singles(tmp_path_factory):
    path = tmp_path_factory.mktemp("lists") / "singles.root"
    simulate(get_task("petnet"), PetConfig.model_validate({"simulation": {"activity": 100.0}}), path, 300_000, seed=4)
    # Not from the beginning on, as later files of an acquisition.
    return changed(path, path.with_name("later.root"), time=lambda time: time + 12.3456)


def listed(singles, folder, *overrides, engine="classical", force=False, scanner="safir"):
    """Write an output with what is beside it; return its pairs."""
    output = folder / "out.root"
    summary = apply(get_task("petnet"), Inputs([str(singles)]), EngineChoice(engine=engine, overrides=[f"apply.scanner={scanner}", *overrides]), output=output, force=force)
    with uproot.open(output) as file:
        return {name: file[name].arrays(library="np") for name in ("Coincidences", "delay") if f"{name};1" in file}, summary


def castor_value(path, key, kind):
    """Return what CASToR reads: of the first line in which the key is found, what is between the first colon and a comment."""
    line = next(line for line in path.read_text().splitlines() if key in line.split("#")[0])
    values = [kind(value.strip()) for value in line.split("#")[0].split(":", 1)[1].split(",")]
    return values if len(values) > 1 else values[0]


def castor_events(header):
    """Return time, difference of arrival times, crystals and random rate of each event: fields as `Data filename` and the flags say, one by one."""
    assert castor_value(header, "Data mode", str) == "list-mode" and castor_value(header, "Data type", str) == "PET"
    fields = ["time", *(name for name, key in (("randoms", "Random correction flag"), ("tof", "TOF information flag")) if castor_value(header, key, int)), "first", "second"]
    one = struct.Struct("<" + "".join("f" if name in ("randoms", "tof") else "I" for name in fields))
    data = (header.parent / castor_value(header, "Data filename", str)).read_bytes()
    assert len(data) == one.size * castor_value(header, "Number of events", int)
    events = dict(zip(fields, np.array(list(one.iter_unpack(data))).reshape(-1, len(fields)).T, strict=True))
    return [events.get(name, np.zeros(len(events["time"]))).astype(int if name in ("time", "first", "second") else float) for name in ("time", "tof", "first", "second", "randoms")]


def castor_crystal(ids, scanner):
    """Return CASToR's number of a crystal: layer by layer, ring by ring, and in a ring by rsector, module, submodule and crystal."""
    sector, module, submodule, crystal, layer = ids
    (m, m_z), (s, s_z), (c, c_z) = scanner.modules, scanner.submodules, scanner.crystals
    ring = module // m * s_z * c_z + submodule // s * c_z + crystal // c
    place = ((sector * m + module % m) * s + submodule % s) * c + crystal % c
    around, rings = scanner.rsectors * m * s * c, m_z * s_z * c_z
    return (np.maximum(layer, 0) * rings + ring) * around + place


def table_of(path, n):
    numbers = np.frombuffer(path.read_bytes() if isinstance(path, Path) else path, "<f4").astype(float)
    assert len(numbers) == 6 * n
    return numbers.reshape(n, 6)


def ends(pairs, number):
    return [pairs[f"{name}{number}"] for name in NAMES], np.stack([pairs[f"globalPos{axis}{number}"] for axis in "XYZ"], axis=1)


def in_their_crystals(table, crystal, at, size):
    """Return whether positions are inside crystals of a size (transaxial, axial, depth) that look along their directions."""
    centre, out = table[crystal, :3], table[crystal, 3:]
    away = at - centre
    deep, along = (away * out).sum(1), away[:, 2]
    across = away[:, 1] * out[:, 0] - away[:, 0] * out[:, 1]
    return (np.abs(np.stack([across, along, deep])) <= np.array(size)[:, None] / 2 + 0.02).all()


def position_by_times(pairs, late, turned):
    """Return where annihilations are by times, and where they were, along the line from its middle, mm.

    Away from the first crystal, but where lines are turned: the first is the one that was seen first.
    """
    (_, one), (_, other) = ends(pairs, 1), ends(pairs, 2)
    direction = (other - one) / np.linalg.norm(other - one, axis=1, keepdims=True)
    source = np.stack([pairs[f"sourcePos{axis}1"] for axis in "XYZ"], axis=1)
    true = (pairs["eventID1"] == pairs["eventID2"]) & (pairs["comptonPhantom1"] + pairs["comptonPhantom2"] == 0)
    sign = np.where(turned, -1, 1)[true]
    return sign * 0.299792458 / 2 * late[true], sign * ((source - (one + other) / 2) * direction).sum(1)[true]


@pytest.mark.parametrize("tof", [None, "250ps"])
def test_castor_reads_the_pairs(singles, tmp_path, tof):
    trees, _ = listed(singles, tmp_path, "apply.list_format=castor", "apply.offset=20ns", *([f"apply.tof={tof}"] if tof else []))
    pairs = trees["Coincidences"]
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".Cdf", ".Cdf", ".Cdh", ".Cdh", ".hroot", ".hroot", ".hscan", ".lut", ".root"]
    header = tmp_path / "out.Cdh"
    ms, dt, first, second, _ = castor_events(header)
    assert len(ms) > 2000 and len(trees["delay"]["time1"]) > 20
    np.testing.assert_array_equal(ms, np.floor(pairs["time1"] * 1000))
    assert 12345 <= ms.min() < ms.max() - 1
    start, duration = (castor_value(header, key, float) for key in ("Start time (s)", "Duration (s)"))
    assert start * 1000 <= ms.min() and ms.max() <= 1000 * (start + duration)
    late = castor_events(tmp_path / "out.delay.Cdh")
    np.testing.assert_array_equal(late[0], np.floor(trees["delay"]["time1"] * 1000))
    np.testing.assert_array_equal(late[3], castor_crystal(ends(trees["delay"], 2)[0], load_scanner("safir")))
    if tof:
        delay = 1e12 * (trees["delay"]["time2"] - trees["delay"]["time1"]) - 20_000
        np.testing.assert_allclose(late[1], -delay, atol=1e-2)
        assert np.abs(late[1]).max() <= 501 and late[1].std() > 100
    for key in ("Start time (s)", "Duration (s)", "Scanner name"):
        assert castor_value(tmp_path / "out.delay.Cdh", key, str) == castor_value(header, key, str)
    scanner = castor_value(header, "Scanner name", str)
    hscan = tmp_path / f"{scanner}.hscan"
    assert castor_value(hscan, "scanner name", str) == scanner and castor_value(hscan, "modality", str) == "PET"
    n = castor_value(hscan, "number of elements", int)
    table, size = table_of(tmp_path / f"{scanner}.lut", n), [castor_value(hscan, f"crystals size {side}", float) for side in ("trans", "axial", "depth")]
    for number, crystal in ((1, first), (2, second)):
        ids, at = ends(pairs, number)
        np.testing.assert_array_equal(crystal, castor_crystal(ids, load_scanner("safir")))
        assert in_their_crystals(table, crystal, at, size)
    if tof:
        np.testing.assert_array_equal(dt, (1e12 * (pairs["time1"] - pairs["time2"])).astype(np.float32).astype(float))
        assert castor_value(header, "TOF resolution (ps)", float) == 250
        assert castor_value(header, "List TOF measurement range (ps)", float) == 1000 >= 2 * np.abs(dt).max() - 1
        # CASToR's projectors put the middle of the line off by c dt / 2, away from the first crystal.
        by_times, true = position_by_times(pairs, dt, first > second)
        assert np.polyfit(true, by_times, 1)[0] == pytest.approx(1, abs=5 * by_times.std() / true.std() / np.sqrt(len(true)))


@pytest.mark.parametrize("tof", [None, "250ps"])
def test_yrt_pet_reads_the_pairs(singles, tmp_path, tof):
    trees, _ = listed(singles, tmp_path, "apply.list_format=yrt-pet", "apply.offset=20ns", *([f"apply.tof={tof}"] if tof else []))
    pairs = trees["Coincidences"]
    data = (tmp_path / "out.lmDat").read_bytes()
    events = list(struct.Struct("<3If" if tof else "<3I").iter_unpack(data))
    assert len(events) == len(pairs["time1"])
    ms, first, second = (np.array([event[k] for event in events]) for k in range(3))
    np.testing.assert_array_equal(ms, np.floor(pairs["time1"] * 1000))
    assert len((tmp_path / "out.delay.lmDat").read_bytes()) == (16 if tof else 12) * len(trees["delay"]["time1"]) > 0
    scanner = json.loads((tmp_path / "out.json").read_text())
    n = scanner["detsPerRing"] * scanner["numRings"] * scanner["numDOI"]
    table = table_of(tmp_path / scanner["detCoord"], n)
    for number, crystal in ((1, first), (2, second)):
        assert in_their_crystals(table, crystal, ends(pairs, number)[1], [scanner[f"crystal{name}"] for name in ("Size_trans", "Size_z", "Depth")])
    if tof:
        late = np.array([event[3] for event in events])
        np.testing.assert_array_equal(late, (1e12 * (pairs["time2"] - pairs["time1"])).astype(np.float32).astype(float))


@pytest.mark.parametrize("tof", [None, "250ps"])
def test_events_have_the_rate_of_random_pairs_in_their_lines(singles, tmp_path, tof):
    options = ("apply.randoms=true", "apply.offset=20ns", *([f"apply.tof={tof}"] if tof else []))
    trees, summary = listed(singles, tmp_path, "apply.list_format=castor", *options)
    with uproot.open(singles)["Singles"] as tree:
        rows = tree.arrays(["time", "energy", *NAMES], library="np")
    rows = {name: values[(rows["energy"] >= 0.391) & (rows["energy"] <= 0.601)] for name, values in rows.items()}
    scanner, duration = load_scanner("safir"), np.ptp(rows["time"])
    n = np.bincount(castor_crystal([rows[name] for name in NAMES], scanner), minlength=scanner.n_crystals)
    for name, tree in (("out.Cdh", "Coincidences"), ("out.delay.Cdh", "delay")):
        _, _, first, second, rate = castor_events(tmp_path / name)
        np.testing.assert_array_equal(rate, trees[tree]["randomRate"])
        # Times are whole picoseconds.
        np.testing.assert_allclose(rate, 1001e-12 * n[first] * n[second] / duration**2, rtol=0.15)
    assert summary["randoms_by_rates_of_singles"] == pytest.approx(1001e-12 * (n.sum() ** 2 - (n**2).sum()) / 2 / duration, rel=0.03)
    # The simulation's modules are dead for 50 ns.
    assert summary["dead_time"].split()[2:6] == ["ns", "of", "a", "module"] and float(summary["dead_time"].split()[1]) == pytest.approx(50, rel=0.03)
    (tmp_path / "yrt-pet").mkdir()
    listed(singles, tmp_path / "yrt-pet", "apply.list_format=yrt-pet", *options)
    # As YRT-PET reads them with --flag_randoms: behind the time of flight.
    events = np.array(list(struct.Struct("<3I2f" if tof else "<3If").iter_unpack((tmp_path / "yrt-pet/out.lmDat").read_bytes())))
    np.testing.assert_array_equal(events[:, -1], trees["Coincidences"]["randomRate"])


def test_the_random_ones_of_all_candidates_are_those_of_the_rates(singles, tmp_path):
    _, summary = listed(singles, tmp_path, "apply.randoms=true", "apply.candidates=0", engine="likelihood")
    with uproot.open(tmp_path / "out.root") as file:
        pairs = file["candidates"].arrays(["eventID1", "eventID2", "randomRate", "time1", *(f"{name}{k}" for name in NAMES for k in (1, 2))], library="np")
        taken = file["Coincidences"].num_entries
    random = pairs["eventID1"] != pairs["eventID2"]
    # A module is dead behind each of its singles, which is one in 36.
    assert summary["randoms_by_rates_of_singles"] * 35 / 36 == pytest.approx(random.sum(), abs=4 * np.sqrt(random.sum()))
    assert taken < len(random) and [w for w in summary["warnings"] if w.endswith("the tree Coincidences has few, and the tree candidates all with --candidates 0")]
    # Lines with many random pairs come often: the mean rate in those found is that of the squares of all rates over that of the rates.
    with uproot.open(singles)["Singles"] as tree:
        rows = tree.arrays(["time", "energy", *NAMES], library="np")
    inside = (rows["energy"] >= 0.391) & (rows["energy"] <= 0.601)
    n = np.bincount(castor_crystal([rows[name][inside] for name in NAMES], load_scanner("safir"))) / np.ptp(rows["time"])
    assert pairs["randomRate"][random].mean() == pytest.approx(1001e-12 * ((n**2).sum() / n.sum()) ** 2, rel=0.1)


@pytest.mark.parametrize("scanner", [load_scanner("safir"), load_scanner("toy-2880"), Scanner.of(NESTED)], ids=lambda s: s.name)
def test_crystals_have_castors_order_and_places(scanner):
    n = scanner.n_crystals
    ids = [np.asarray(column) for column in scanner.ids_of(np.arange(n)).values()]
    np.testing.assert_array_equal(castor_crystal(ids, scanner), np.arange(n))
    table = table_of(look_up_table(scanner), n)
    # The order that YRT-PET asks for: around the axis, then ring by ring, then from the inner layer outwards.
    per_layer, around = n // scanner.layers, scanner.crystals_per_ring
    z, depth = table[:, 2].reshape(-1, around), (table[:, :3] * table[:, 3:]).sum(1).reshape(scanner.layers, per_layer)
    assert (z == z[:, :1]).all() and (np.diff(z[: scanner.n_rings, 0]) > 0).all() and (np.diff(depth, axis=0) > 0).all()
    turns = np.angle(np.exp(1j * np.diff(np.arctan2(*table[:around, 1::-1].T))))
    assert (turns > 0).all() and np.allclose(np.linalg.norm(table[:, 3:], axis=1), 1)
    np.testing.assert_allclose(depth, scanner.radius + (np.arange(scanner.layers)[:, None] + 0.5) * scanner.crystal_size[2] / scanner.layers * np.ones(per_layer), rtol=1e-6)
    properties = scanner_properties(scanner, "a")
    assert properties["minAngDiff"] % 2 == 0 and properties["maxRingDiff"] < properties["numRings"]


def test_a_scanner_in_layers_has_values_of_each(tmp_path):
    (tmp_path / "a.hscan").write_text("".join(f"{key}: {value}\n" for key, value in scanner_header(Scanner.of(NESTED), "a")))
    per_layer = castor_value(tmp_path / "a.hscan", "number of crystals in layer", int)
    assert castor_value(tmp_path / "a.hscan", "number of layers", int) == 2 == len(per_layer)
    assert sum(per_layer) == castor_value(tmp_path / "a.hscan", "number of elements", int) and castor_value(tmp_path / "a.hscan", "crystals size depth", float) == [10, 10]


def test_blocks_of_the_file_do_not_change_lists(singles, tmp_path):
    written = []
    for block in (3000, 500_000):
        (tmp_path / str(block)).mkdir()
        listed(singles, tmp_path / str(block), "apply.list_format=castor", "apply.tof=250ps", f"apply.block_size={block}")
        written.append({p.name: p.read_bytes() for p in (tmp_path / str(block)).iterdir() if p.suffix != ".root"})
    assert written[0] == written[1]


def test_the_resolution_is_learnt(singles, tmp_path):
    _, summary = listed(singles, tmp_path, "apply.list_format=castor", "apply.tof=learnt", engine="likelihood")
    assert sorted(summary["beside"]) == sorted(str(p) for p in tmp_path.iterdir() if p.suffix != ".root")
    fwhm = castor_value(tmp_path / "out.Cdh", "TOF resolution (ps)", float)
    assert fwhm == pytest.approx(np.sqrt(8 * np.log(2)) * summary["time_difference_sd_ps"], rel=1e-5) and 200 < fwhm < 320
    line = next(line for line in (tmp_path / "out.hroot").read_text().splitlines() if line.startswith("TOF timing resolution (ps)"))
    assert float(line.split(":=")[1]) == fwhm


@pytest.mark.parametrize(("format", "files"), [("castor", [".Cdf", ".Cdh", ".hscan", ".lut"]), ("yrt-pet", [".json", ".lmDat", ".lut"])])
def test_lists_without_a_pair_are_there_and_empty(singles, tmp_path, format, files):
    _, summary = listed(singles, tmp_path, f"apply.list_format={format}", "apply.classical.min_transaxial_distance=1000")
    assert sorted(p.suffix for p in tmp_path.iterdir() if p.suffix not in (".root", ".hroot")) == files
    assert "the list of prompt pairs is empty" in summary["warnings"]
    assert not (tmp_path / ("out.Cdf" if format == "castor" else "out.lmDat")).read_bytes()
    if format == "castor":
        assert castor_value(tmp_path / "out.Cdh", "Number of events", int) == 0 and castor_value(tmp_path / "out.Cdh", "Duration (s)", float) >= 0


def stir_keys(path):
    return dict(tuple(part.strip() for part in line.split(":=")) for line in path.read_text().splitlines() if ":=" in line)


def test_stir_has_time_of_flight_and_the_delayed_pairs(singles, tmp_path):
    listed(singles, tmp_path, "apply.tof=250ps", "apply.offset=20ns", "apply.window=700")
    for name, tree in (("out.hroot", "Coincidences"), ("out.delay.hroot", "delay")):
        keys = stir_keys(tmp_path / name)
        assert (keys["name of data file"], keys["name of input TChain"]) == ("out.root", tree)
        if tree == "delay":  # their times differ by the delay besides
            assert not [key for key in keys if "TOF" in key]
            continue
        bins, width = int(keys["Maximum number of (unmashed) TOF time bins"]), float(keys["Size of unmashed TOF time bins (ps)"])
        assert bins % 2 == 1 and 1400 <= bins * width < 1400 + 2 * width and float(keys["TOF timing resolution (ps)"]) == 250
    (tmp_path / "plain").mkdir()
    listed(singles, tmp_path / "plain")
    assert [p.name for p in (tmp_path / "plain").iterdir() if p.suffix == ".hroot"] == ["out.hroot"]
    assert not [key for key in stir_keys(tmp_path / "plain/out.hroot") if "TOF" in key]


@pytest.mark.parametrize(("change", "said"), [
    (lambda sector: sector + 3, "are none of the scanner 'safir'"), (lambda sector: (sector + 3) % 12, "do not lie where the scanner 'safir' has the crystal"),
], ids=["unknown", "elsewhere"])
def test_ids_that_are_not_the_scanners_have_no_header(singles, tmp_path, change, said):
    other = changed(singles, tmp_path / "other.root", rsectorID=change)
    (tmp_path / "out.hroot").write_text("older")
    _, summary = listed(other, tmp_path, force=True)
    assert [w for w in summary["warnings"] if w.startswith("no header for STIR is written, since") and said in w]
    assert [w for w in summary["warnings"] if w.endswith("out.hroot: is of an earlier output, and not of this one; delete it")]
    assert (tmp_path / "out.hroot").read_text() == "older"


@pytest.mark.parametrize("format", ["castor", "yrt-pet"])
def test_a_pair_in_no_crystal_is_refused_and_nothing_is_left(singles, tmp_path, format):
    other = changed(singles, tmp_path / "other.root", rsectorID=lambda sector: np.where(np.arange(len(sector)) > 10_000, 12, sector).astype(np.int32))
    with pytest.raises(InputError, match=r"other.root.*rsectorID.*entry 1\d{4}.*none of the scanner 'safir'"):
        listed(other, tmp_path, f"apply.list_format={format}", "apply.block_size=3000")
    assert [p.name for p in tmp_path.iterdir()] == ["other.root"]


@pytest.mark.parametrize(("format", "name"), [
    ("castor", "out.Cdf"), ("castor", "out.delay.Cdh"), ("yrt-pet", "out.delay.lmDat"), ("castor", "out.Cdh"), ("castor", "out.hscan"), ("castor", "out.lut"), ("yrt-pet", "out.lmDat"), ("yrt-pet", "out.json"), ("yrt-pet", "out.delay.hroot"),
])
def test_nothing_is_overwritten(singles, tmp_path, format, name, monkeypatch):
    (tmp_path / name).write_text("mine")
    options = (f"apply.list_format={format}", "apply.offset=20ns")
    with monkeypatch.context() as patched:
        patched.setattr("pphysml.verbs.apply._Run.written", lambda *_: pytest.fail("work was done first"))
        with pytest.raises(ConfigError, match=f"{name}: exists already; give --force"):
            listed(singles, tmp_path, *options)
    assert [p.name for p in tmp_path.iterdir()] == [name] and (tmp_path / name).read_text() == "mine"
    listed(singles, tmp_path, *options, force=True)
    assert (tmp_path / name).read_bytes() != b"mine"


@pytest.mark.parametrize(("apply_options", "reason"), [
    ({"list_format": "castor"}, "--list-format.*give --scanner"), ({"tof": 250}, "--tof.*give --scanner"),
    ({"tof": 250, "scanner": "safir", "calibrate_delays": True}, "--tof.*calibrate_delays"), ({"tof": 0, "scanner": "safir"}, "greater than 0"),
])
def test_what_cannot_be_is_refused(apply_options, reason):
    with pytest.raises(ValueError, match=reason):
        PetConfig.model_validate({"apply": apply_options})


def test_what_engines_and_names_cannot_be_is_refused(singles, tmp_path):
    with pytest.raises(ConfigError, match="'classical' learns no resolution"):
        listed(singles, tmp_path, "apply.tof=learnt")
    for name, reason in (("a#b.root", "cannot name a file with '#'"), ("a.lut", "let it end in .root")):
        with pytest.raises(ConfigError, match=reason):
            apply(get_task("petnet"), Inputs([str(singles)]), EngineChoice(engine="classical", overrides=["apply.scanner=safir", "apply.list_format=castor"]), output=tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_crystals_of_a_further_system_are_not_those_of_the_first():
    scanner, ids = load_scanner("safir"), {f"{name}1": np.zeros(3, np.int32) for name in NAMES}
    assert crystals(ids | {"systemID1": np.array([0, 1, -1])}, scanner, 1).tolist() == [0, -1, 0]
    assert crystals(ids, scanner, 1).tolist() == [0, 0, 0]


def test_late_times_count_from_the_first_pair():
    ids = {f"{name}{k}": np.zeros(2, np.int32) for name in NAMES for k in (1, 2)}
    rows = {**ids, "time1": np.array([1e8 + 0.25, 1e8 + 7.0]), "time2": np.array([1e8 + 0.25, 1e8 + 7.0]), "kind": np.zeros(2, np.int8),
            **{f"{name}{k}": np.zeros(2, np.int64) for name in ("file", "entry") for k in (1, 2)}}
    late, delayed = line_lists(PetConfig.model_validate({"apply": {"offset": 1e5}}), load_scanner("safir")).values()
    assert late.add(rows).ms.tolist() == [250, 7000] and "count from 100000000 s" in late.warnings[0]
    after = {**rows, "time1": np.array([1e8 + 3.5, 1e8 + 4]), "kind": np.full(2, DELAYED, np.int8)}
    assert delayed.add(after).ms.tolist() == [3500, 4000] and not len(late.add(after).ms)
    with pytest.raises(InputError, match="49 days"):
        late.add({**rows, "time1": np.array([1e8, 1e8 + 5e6])})
