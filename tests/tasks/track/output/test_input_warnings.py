"""What is told of input that looks wrong, and that nothing is told of input that is right."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest

from pphysml.io.ragged import Ragged, concatenate, take
from pphysml.tasks.track.classical.references import PerfectEngine
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.geometries.geometry import load_geometry
from pphysml.tasks.track.imaging.wepl_list import wepl_list
from pphysml.tasks.track.output.columns import output_columns
from pphysml.tasks.track.output.input_warnings import (
    NO_BEAM,
    NO_MATERIALS,
    InputWarnings,
    dead_layers,
)
from pphysml.tasks.track.output.track_flags import BEYOND, NO_PEAK
from pphysml.tasks.track.reading.assemble import assemble
from pphysml.tasks.track.reading.beam_statement import BeamStatement
from pphysml.tasks.track.reading.beams import Beams
from pphysml.tasks.track.simulation.simulate import TrackSimulation
from pphysml.tasks.track.tracks.links import Links, true_links

CONFIG = TrackConfig(simulation={"phantoms": [150.0]}, data={"protons_per_frame": [60]}, apply={"geometry": "dtc"})


@pytest.fixture(scope="module")
def frames():
    return TrackSimulation(CONFIG, 4).examples(0, 3)


def seen(frames, config=CONFIG):
    """Return the sentences, and the columns, for true links."""
    previous, input_warnings = true_links(frames, 100), InputWarnings()
    columns = output_columns(frames, Links(previous, np.ones(len(previous))), config)
    input_warnings.see(frames, columns)
    return list(input_warnings.sentences()), columns


def changed(frames, name, factor):
    return frames | {name: Ragged(frames[name].flat * np.float32(factor), frames[name].offsets)}


def test_nothing_is_said_of_what_is_right(frames):
    assert seen(frames)[0] == []


def test_energies_in_another_unit_are_doubted(frames):
    (sentence,) = seen(changed(frames, "dedx", 1000))[0]
    assert "keV/um" in sentence and "unit" in sentence


def test_a_beam_of_too_little_energy_is_doubted_and_leaves_no_wepl(frames, tmp_path):
    text = resources.files("pphysml.tasks.track.geometries").joinpath("dtc.yaml").read_text()
    path = tmp_path / "weak.yaml"
    path.write_text(text.replace("energy: 230.0", "energy: 100.0"))
    weak = frames | Beams(BeamStatement(load_geometry(str(path)).beam)).columns(frames)
    sentences, columns = seen(weak, CONFIG.model_copy(update={"apply": CONFIG.apply.model_copy(update={"geometry": str(path)})}))
    assert any(f"flag {BEYOND}" in sentence for sentence in sentences)
    ids = {name: frames[name] for name in ("file", "entry")}
    assert len(wepl_list(ids | columns, CONFIG)["wepl"]) < 0.2 * len(wepl_list(ids | seen(frames)[1], CONFIG)["wepl"])


def test_unknown_materials_are_told(frames):
    unknown = {name: np.full(3, np.nan, np.float32) for name in ("beam_energy", "beam_range")}
    assert seen(frames | unknown, TrackConfig())[0] == [NO_BEAM]
    assert seen(changed(frames | unknown, "depth", np.nan), TrackConfig())[0] == [NO_MATERIALS]


@pytest.mark.parametrize("hits, expected", [
    ([100, 0, 0, 100], [(1, 2)]), ([100, 0, 100, 100], []), ([100, 100, 0, 0], []), ([100, 0, 0, 3], []),
    ([0, 0, 0, 90, 0, 0, 90], [(0, 2), (4, 5)]), ([], []),
])
def test_dead_layers_have_neighbours_without_hits_and_hits_behind(hits, expected):
    assert dead_layers(np.array(hits, dtype=np.int64)) == expected


@pytest.fixture(scope="module")
def rows():
    """Steps of 700 protons of 230 MeV behind 150 mm, most of which end in layer 23 (`MOST`), with the layer of each."""
    simulation = TrackSimulation(CONFIG, 11)
    rows = simulation.block(0, 700)
    layer = np.argmin(np.abs(np.asarray(rows["z"])[:, None] - simulation.geometry.z), axis=1)
    return {name: column for name, column in rows.items() if name != "phantom"}, layer


MOST = 23


def judged(rows, dead, beam="proton:230MeV"):
    """Return the sentences, and by how much the median WEPL is off, for true links of what live layers see."""
    columns, layer = rows
    config = TrackConfig(apply={"beam": beam})
    columns = take(columns, np.flatnonzero(~np.isin(layer, dead)))
    columns["entry"] = np.arange(len(columns["x"]))
    first, carry = assemble(columns, None, config)
    examples = concatenate([part for part in (first, assemble(None, carry, config)[0]) if part])
    engine = PerfectEngine(config, None, None)
    found = wepl_list({name: examples[name] for name in ("file", "entry", "spot_given")} | engine(examples), config)
    return engine.warnings, float(np.median(found["wepl"])) - 150


@pytest.mark.parametrize("dead", [[], [3], [MOST - 1], [MOST + 1]])
def test_nothing_is_said_where_wepl_is_right(rows, dead):
    said, off = judged(rows, dead)
    assert said == [] and abs(off) < 0.6


def test_tracks_cross_two_dead_layers_behind_which_few_particles_come(rows):
    # A frame of 100 protons has 3 % of its hits behind these, and takes them for the end of the particles by itself.
    said, off = judged(rows, [MOST - 2, MOST - 1])
    assert len(said) == 1 and f"layers {MOST - 2} to {MOST - 1} have no hit" in said[0] and abs(off) < 0.6


def test_dead_layers_in_which_the_particles_stop_and_that_nothing_shows_are_doubted(rows):
    (sentence,), off = judged(rows, [MOST, MOST + 1])
    assert f"end in layer {MOST - 1}, where most do, have no Bragg peak (flag {NO_PEAK})" in sentence and off > 3


def test_the_peak_of_helium_is_not_judged(rows):
    sentences, _ = judged(rows, [MOST, MOST + 1], "helium:920MeV")
    assert not any("Bragg" in sentence for sentence in sentences)


def test_a_dead_layer_behind_that_in_which_most_end_is_named(frames):
    assert list(frames["dead_layers"].counts) == [0, 0, 0]
    known = frames | {"dead_layers": Ragged.from_rows([[3, MOST + 1]] * 3, np.int16)}
    assert seen(known)[0] == [f"layer {MOST + 1}, behind that in which most tracks end, is dead: their ranges and WEPL may be wrong by some mm"]
    assert seen(frames | {"dead_layers": Ragged.from_rows([[3, MOST + 2]] * 3, np.int16)})[0] == []
