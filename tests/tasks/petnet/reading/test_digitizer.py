"""Hits to singles: against GATE's loops, and independently of how many hits come at a time."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from pphysml.errors import ConfigError, InputError
from pphysml.io.ragged import Columns, concatenate, length, slice_rows
from pphysml.tasks.petnet.config.digitizer import DigitizerConfig
from pphysml.tasks.petnet.reading.digitizer import FWHM, Digitizer
from pphysml.tasks.petnet.scanner.config import ScannerConfig
from pphysml.tasks.petnet.scanner.scanner import Scanner

sys.path.append(str(Path(__file__).parent))
from hits_by_hand import in_chunks, pulses_by_loop, random_hits

IDS = ("rsector_id", "module_id", "submodule_id", "crystal_id", "layer_id")
SCANNER = Scanner.of(ScannerConfig(name="small", radius=60.0, rsectors=2, submodules=[2, 1], crystals=[3, 2],
                                   crystal_pitch=[4.0, 4.0], crystal_size=[4.0, 4.0, 20.0]))


def singles(hits: Columns, config: DigitizerConfig | None = None, scanner: Scanner | None = None, size: int | None = None) -> Columns:
    digitizer = Digitizer(config or DigitizerConfig(), scanner)
    chunks = in_chunks(hits, size or max(length(hits), 1))
    parts = [part for chunk in [*chunks, None] if (part := digitizer.add(chunk))]
    return concatenate(parts)


def by_entry(columns: Columns) -> Columns:
    order = np.argsort(np.asarray(columns["entry"]))
    return {name: np.asarray(column)[order] for name, column in columns.items()}


def test_adder_is_gates_loop() -> None:
    hits = random_hits(300)
    read, expected = by_entry(singles(hits)), pulses_by_loop(hits, IDS)
    renamed = {"n_phantom_compton": "compton_phantom", "n_crystal_compton": "compton_crystal", "n_phantom_rayleigh": "rayleigh_phantom"}
    assert length(read) == len(expected) and set(renamed.values()) < set(read)
    for name in ("entry", "file", "run", "event", "source_id", "time", "photon_id", *IDS, *renamed):
        np.testing.assert_array_equal(read[renamed.get(name, name)], [pulse[name] for pulse in expected], err_msg=name)
    for name in ("x", "y", "z", "energy"):
        np.testing.assert_allclose(read[name], [pulse[name] for pulse in expected], rtol=2e-6, atol=1e-4, err_msg=name)


def test_types_are_those_of_singles() -> None:
    read = singles(random_hits(20), DigitizerConfig(energy_resolution=0.1, time_resolution=100.0))
    assert read["time"].dtype == np.float64
    assert {read[name].dtype for name in ("energy", "x", "y", "z")} == {np.dtype(np.float32)}
    assert {read[name].dtype for name in ("run", "event", "photon_id", "compton_phantom", *IDS)} == {np.dtype(np.int32)}


@pytest.mark.parametrize("readout", ["none", "rsector", "submodule", "crystal"])
def test_no_energy_is_lost(readout) -> None:
    hits = random_hits(500)
    read = singles(hits, DigitizerConfig(readout=readout))
    deposited, measured = (np.bincount(columns["file"] * 250 + columns["event"], columns[name]) for columns, name in ((hits, "edep"), (read, "energy")))
    np.testing.assert_allclose(measured, deposited, rtol=1e-6)


def test_winner_takes_the_energy_of_its_readout() -> None:
    hits = random_hits(300, seed=4)
    read = by_entry(singles(hits, DigitizerConfig(readout="submodule")))
    blocks: dict[tuple, list[dict]] = {}
    for pulse in pulses_by_loop(hits, IDS):
        blocks.setdefault(tuple(pulse[name] for name in ("file", "run", "event", *IDS[:3])), []).append(pulse)
    assert max(map(len, blocks.values())) > 3
    winners = sorted(({**max(pulses, key=lambda p: p["energy"]), "sum": sum(p["energy"] for p in pulses)} for pulses in blocks.values()),
                     key=lambda p: p["entry"])
    for name in ("entry", "crystal_id", "time"):
        np.testing.assert_array_equal(read[name], [winner[name] for winner in winners], err_msg=name)
    np.testing.assert_array_equal(read["compton_phantom"], [winner["n_phantom_compton"] for winner in winners])
    np.testing.assert_allclose(read["energy"], [winner["sum"] for winner in winners], rtol=1e-6)


def one_event(crystals, energies, **others) -> Columns:
    n = len(crystals)
    ids = {name: np.zeros(n, np.int32) for name in ("run", "event", *IDS)}
    zeros = {name: np.zeros(n, np.float32) for name in "xyz"}
    return {**ids, **zeros, "time": np.arange(n) * 1e-9, "edep": np.array(energies, np.float32), "entry": np.arange(n),
            "crystal_id": np.array(crystals, np.int32), **others}


@pytest.mark.parametrize(("crystals", "energies", "centre"), [
    ([0, 2], [0.1, 0.1], 1),  # the one between them, although nothing was left there
    ([0, 2], [0.1, 0.4], 2), ([0, 5], [0.3, 0.2], 1), ([4], [0.3], 4), ([0, 1, 2, 3, 4, 5], [0.1] * 6, 4),
])
def test_centroid_of_the_numbers_of_crystals(crystals, energies, centre) -> None:
    """Numbers count three crystals across first; the mean of place + 1/2 is cut to a whole number."""
    config = DigitizerConfig(readout="submodule", readout_policy="centroid")
    read = singles(one_event(crystals, energies), config, SCANNER)
    assert list(read["crystal_id"]) == [centre]
    assert read["time"][0] == pytest.approx(1e-9 * (len(crystals) - 1) / 2)
    expected = SCANNER.centre(SCANNER.crystal_of({name: read[name] for name in IDS}))[0]
    np.testing.assert_allclose([read[name][0] for name in "xyz"], expected, rtol=1e-6)


def test_centroid_lies_in_the_crystals_hit() -> None:
    hits = random_hits(300, seed=8)
    read = singles(hits, DigitizerConfig(readout="submodule", readout_policy="centroid"), SCANNER)
    crystal = SCANNER.locate(read["x"], read["y"], read["z"])
    np.testing.assert_array_equal(crystal, SCANNER.crystal_of({name: read[name] for name in IDS}))
    assert (crystal >= 0).all() and len(np.unique(crystal)) == SCANNER.n_crystals


def test_crystals_without_layers_have_the_number_minus_one() -> None:
    config = DigitizerConfig(readout="submodule", readout_policy="centroid")
    hits = one_event([0, 2], [0.1, 0.1])
    bare = singles({**hits, "layer_id": np.full(2, -1, np.int32)}, config, SCANNER)
    assert list(bare["crystal_id"]) == [1] and list(bare["layer_id"]) == [-1]
    assert [bare[name][0] for name in "xyz"] == [singles(hits, config, SCANNER)[name][0] for name in "xyz"]


def test_centroid_needs_a_scanner_that_fits() -> None:
    with pytest.raises(ConfigError, match="scanner"):
        Digitizer(DigitizerConfig(readout="submodule", readout_policy="centroid"))
    with pytest.raises(ConfigError, match="readout submodule"):
        Digitizer(DigitizerConfig(readout="rsector", readout_policy="centroid"), SCANNER)
    with pytest.raises(InputError, match="not those of the scanner 'small'"):
        singles(one_event([3], [0.1], rsector_id=np.array([2])), DigitizerConfig(readout="submodule", readout_policy="centroid"), SCANNER)


@pytest.mark.parametrize("energy", [0.1, 0.511])
def test_resolutions_are_what_they_are_called(energy) -> None:
    n = 40_000
    hits = one_event(np.zeros(n), np.full(n, energy), event=np.arange(n), time=np.zeros(n))
    read = singles(hits, DigitizerConfig(energy_resolution=0.15, reference_energy=511.0, time_resolution=250.0))
    expected = 0.15 * np.sqrt(0.511 * energy) / FWHM
    # Five standard errors of a width are 5 / sqrt(2 n).
    assert np.std(read["energy"]) == pytest.approx(expected, rel=5 / np.sqrt(2 * n))
    assert np.mean(read["energy"]) == pytest.approx(energy, abs=5 * expected / np.sqrt(n))
    assert FWHM * np.std(read["time"]) == pytest.approx(250e-12, rel=5 / np.sqrt(2 * n))
    assert abs(np.corrcoef(read["energy"], read["time"])[0, 1]) < 5 / np.sqrt(n)
    in_order = np.asarray(by_entry(read)["energy"])
    assert abs(np.corrcoef(in_order[1:], in_order[:-1])[0, 1]) < 5 / np.sqrt(n)
    below = np.mean(np.asarray(read["energy"]) < energy + expected)
    assert below == pytest.approx(0.8413, abs=0.01)


FULL = DigitizerConfig(readout="submodule", energy_resolution=0.12, time_resolution=200.0)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_chunks_do_not_change_the_singles(size) -> None:
    hits = random_hits(80, seed=2)
    whole, pieces = by_entry(singles(hits, FULL)), by_entry(singles(hits, FULL, size=size))
    assert set(whole) == set(pieces)
    for name in whole:
        np.testing.assert_array_equal(pieces[name], whole[name], err_msg=name)


def test_resolutions_depend_on_seed_file_run_event_and_volume_alone() -> None:
    hits = random_hits(60, seed=3)
    whole = by_entry(singles(hits, FULL))
    later = slice_rows(hits, int(np.searchsorted(hits["file"], 1)), length(hits))
    some, n = by_entry(singles(later, FULL)), 0
    n = length(some)
    np.testing.assert_array_equal(some["energy"], np.asarray(whole["energy"])[-n:])
    other = by_entry(singles(hits, FULL.model_copy(update={"seed": 2})))
    assert (np.asarray(other["energy"]) != whole["energy"]).mean() > 0.99


def test_every_chunk_of_singles_is_sorted_by_time() -> None:
    digitizer = Digitizer(FULL)
    for chunk in [*in_chunks(random_hits(200), 150), None]:
        part = digitizer.add(chunk)
        assert (np.diff(np.asarray(part["time"])) >= 0).all()


def test_an_event_waits_for_its_last_hit() -> None:
    digitizer = Digitizer(DigitizerConfig())
    hits = one_event([1, 1, 1, 2], [0.1, 0.2, 0.05, 0.3], event=np.array([5, 5, 5, 6], np.int32))
    assert digitizer.add(slice_rows(hits, 0, 2)) == {}
    assert digitizer.add(slice_rows(hits, 2, 3)) == {}
    first, last = digitizer.add(slice_rows(hits, 3, 4)), digitizer.add(None)
    np.testing.assert_allclose([first["energy"][0], last["energy"][0]], [0.35, 0.3], rtol=1e-6)
    assert length(first) == length(last) == 1 and digitizer.add(None) == {}


def test_nothing_one_hit_and_no_energy() -> None:
    assert singles({"time": np.zeros(0)}) == {} and Digitizer(DigitizerConfig()).add(None) == {}
    one = singles(one_event([3], [0.2]))
    assert length(one) == 1 and one["energy"][0] == np.float32(0.2) and one["crystal_id"][0] == 3
    none = singles(one_event([3, 4], [0.0, 0.0]))
    assert length(none) == 0 and "crystal_id" in none
    late = singles(one_event([3, 3], [0.0, 0.2]))
    assert list(late["entry"]) == [1] and late["time"][0] == 1e-9  # what leaves no energy has no time


def test_volumes_must_be_told_apart() -> None:
    hits = one_event([1, 2], [0.1, 0.2])
    bare = {name: column for name, column in hits.items() if name not in IDS}
    with pytest.raises(InputError, match="no number of a volume"):
        singles(bare)
    assert length(singles({**bare, "volume_key": np.array([5, 6])})) == 2
    with pytest.raises(InputError, match="'module_id'"):
        singles({name: column for name, column in hits.items() if name != "module_id"}, DigitizerConfig(readout="submodule"))
    outside = {**hits, "submodule_id": np.array([0, -1], np.int32)}
    with pytest.raises(InputError, match="'submodule_id', entry 1: is negative"):
        singles(outside, DigitizerConfig(readout="crystal"))
    assert length(singles(outside, DigitizerConfig(readout="module"))) == 1
