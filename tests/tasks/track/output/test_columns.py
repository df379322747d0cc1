"""The output columns: complete, consistent, and the same whatever frames and hits stand beside."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged, concatenate, length, slice_rows
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.geometries.geometry import BeamConfig, load_geometry
from pphysml.tasks.track.imaging.wepl_list import wepl_list
from pphysml.tasks.track.output.columns import output_columns
from pphysml.tasks.track.schema import OUTPUT_FIELDS
from pphysml.tasks.track.tracks.links import Links

IF_THE_FILE_HAS_THEM = {"front_x0", "front_y0", "front_z0", "front_tx", "front_ty", "front_proton", "hit_second_proton", "spots_x", "spots_y", "spots_tx", "spots_ty", "spot_tx", "spot_ty", "rotation_angle"}
MATERIALS = ("chi2", "range", "range_error", "energy", "wepl", "wepl_error")


@pytest.fixture
def frames(toy):
    """Frames with links and a known geometry."""
    rng = np.random.default_rng(11)
    examples = toy.random_frames(rng)
    examples = toy.in_geometry(examples, load_geometry("dtc"))
    return examples, toy.random_links(rng, examples, true_links(examples))


def true_links(examples):
    frame = np.repeat(np.arange(length(examples)), examples["layer"].counts)
    particle, layer = examples["particle"].flat, examples["layer"].flat
    order = np.lexsort((layer, particle, frame))
    before, after = order[:-1], order[1:]
    same = (frame[before] == frame[after]) & (particle[before] == particle[after]) & (particle[before] >= 0)
    previous = np.full(len(frame), -1)
    previous[after[same]] = before[same]
    return previous


def configured(**options):
    return TrackConfig.model_validate({"apply": options})


def same_columns(found, expected, rtol=0.0):
    assert set(found) == set(expected)
    for name, column in expected.items():
        a, b = ((c.flat, c.offsets) if isinstance(c, Ragged) else (np.asarray(c), None) for c in (found[name], column))
        np.testing.assert_allclose(a[0], b[0], rtol=rtol, err_msg=name)
        np.testing.assert_array_equal(a[1], b[1], err_msg=name)


def test_every_field_of_the_schema_is_written(frames) -> None:
    examples, links = frames
    columns = output_columns(examples, links, configured())
    fields = [f for f in OUTPUT_FIELDS if f.name not in IF_THE_FILE_HAS_THEM]
    assert set(columns) == {f.name for f in fields}
    assert length(columns) == length(examples)
    for f in fields:
        column = columns[f.name]
        assert isinstance(column, Ragged) == bool(f.counter), f.name
        assert (column.flat if isinstance(column, Ragged) else column).dtype == np.dtype(f.dtype), f.name
    for counter in {f.counter for f in fields if f.counter}:
        offsets = [columns[f.name].offsets for f in fields if f.counter == counter]
        assert all(np.array_equal(o, offsets[0]) for o in offsets)


def test_without_truth_there_is_none(frames) -> None:
    examples, links = frames
    blind = {k: v for k, v in examples.items() if k not in ("proton", "primary", "n_protons")}
    columns = output_columns(blind, links, configured())
    assert set(columns) == {f.name for f in OUTPUT_FIELDS if not f.truth} - IF_THE_FILE_HAS_THEM


@pytest.mark.parametrize("min_hits", [1, 3])
def test_tracks_and_hits_tell_the_same(frames, min_hits: int) -> None:
    examples, links = frames
    columns = output_columns(examples, links, configured(filters={"min_hits": min_hits}))
    layer = examples["layer"]
    for row in range(length(examples)):
        index, previous, probability = (columns[k][row] for k in ("hit_track_index", "hit_previous", "hit_link_prob"))
        sizes = columns["n_hits_of_track"][row]
        listed = np.split(columns["track_hits"][row], np.cumsum(sizes)[:-1]) if len(sizes) else []
        assert (sizes >= min_hits).all() and sum(map(len, listed)) == (index >= 0).sum()
        for track, hits in enumerate(listed):
            assert (index[hits] == track).all() and (np.diff(layer[row][hits]) > 0).all()
            np.testing.assert_array_equal(previous[hits], [-1, *hits[:-1]])
            assert columns["score"][row][track] == pytest.approx(np.prod(probability[hits]), rel=1e-5)
            flags = int(columns["flags"][row][track])
            assert bool(flags & 4) == (len(hits) < 5) and bool(flags & 8) == (layer[row][hits[0]] > 0)
            assert bool(flags & 16) == bool((np.diff(layer[row][hits]) > 1).any())
        assert (previous[index < 0] == -1).all() and (probability[previous < 0] == 1).all()


def test_a_batch_is_its_frames(frames) -> None:
    examples, links = frames
    together = output_columns(examples, links, configured())
    offsets = examples["layer"].offsets
    for row in range(length(examples)):
        low, high = offsets[row], offsets[row + 1]
        previous = links.previous[low:high]
        single = Links(np.where(previous >= 0, previous - low, -1), links.probability[low:high])
        same_columns(output_columns(slice_rows(examples, row, row + 1), single, configured()),
                     slice_rows(together, row, row + 1), rtol=1e-5)


def test_the_order_of_the_hits_in_a_layer_does_not_matter(frames) -> None:
    examples, links = frames
    rng = np.random.default_rng(1)
    layer = examples["layer"]
    frame = np.repeat(np.arange(len(layer)), layer.counts)
    order = np.lexsort((rng.random(len(frame)), layer.flat, frame))
    place = np.append(np.argsort(order), -1)
    shuffled = {k: Ragged(v.flat[order], v.offsets) if isinstance(v, Ragged) else v for k, v in examples.items()}
    moved = Links(place[links.previous[order]], links.probability[order])
    options = configured(filters={"min_hits": 1})
    a, b = output_columns(examples, links, options), output_columns(shuffled, moved, options)
    np.testing.assert_allclose(np.sort(a["chi2"].flat), np.sort(b["chi2"].flat), rtol=1e-6)
    for name in ("x0", "tx", "range", "wepl_error", "score", "flags"):
        np.testing.assert_allclose(np.sort(a[name].flat), np.sort(b[name].flat), rtol=1e-6)


def test_unknown_materials_leave_range_and_chi2_open(frames, toy) -> None:
    examples, links = frames
    unknown = {name: Ragged(np.full_like(examples[name].flat, np.nan), examples[name].offsets) for name in toy.MATERIALS}
    columns = output_columns(examples | unknown, links, configured())
    for name in MATERIALS:
        assert np.isnan(columns[name].flat).all()
    assert not (columns["flags"].flat & 2).any()
    assert np.isfinite(columns["tx"].flat).all()
    assert length(wepl_list(columns, configured())) == 0


def test_no_frames_and_frames_without_hits(frames) -> None:
    examples, links = frames
    none = Links(links.previous[:0], links.probability[:0])
    for empty in (slice_rows(examples, 0, 0), {k: Ragged.from_counts(v.flat[:0], np.zeros(6, int)) if isinstance(v, Ragged) else v for k, v in examples.items()}):
        columns = output_columns(empty, none, configured())
        assert length(columns) == length(empty) and len(columns["range"].flat) == 0
        assert length(wepl_list(columns, configured())) == 0


def test_without_a_beam_there_are_ranges_but_no_wepl(frames, toy) -> None:
    examples, links = frames
    known = output_columns(examples, links, configured())
    unknown = {name: np.full(length(examples), np.nan, np.float32) for name in ("beam_energy", "beam_range")}
    columns = output_columns(examples | unknown, links, configured())
    stops = (known["flags"].flat & 34) == 0
    np.testing.assert_allclose(columns["range"].flat[stops], known["range"].flat[stops], rtol=1e-5)
    np.testing.assert_allclose(columns["chi2"].flat[stops], known["chi2"].flat[stops], rtol=1e-3)
    assert np.isnan(columns["wepl"].flat).all() and np.isnan(columns["wepl_error"].flat).all()


def test_frames_of_several_sensors_and_beams_are_fitted_as_if_alone(frames, toy) -> None:
    examples, links = frames
    rows = [slice_rows(examples, i, i + 1) for i in range(length(examples))]
    kinds = [("dtc", "proton", 230.0), ("dtc-3mm", "proton", 250.0), ("dtc", "helium", 900.0)]
    made = []
    for i, row in enumerate(rows):
        geometry, particle, energy = kinds[i % 3]
        made.append(toy.in_geometry(row, load_geometry(geometry), BeamConfig(particle=particle, energy=energy)))
    together = output_columns(concatenate(made), links, configured())
    offsets = examples["layer"].offsets
    for i, row in enumerate(made):
        previous = links.previous[offsets[i] : offsets[i + 1]]
        single = Links(np.where(previous >= 0, previous - offsets[i], -1), links.probability[offsets[i] : offsets[i + 1]])
        same_columns(output_columns(row, single, configured()), slice_rows(together, i, i + 1), rtol=1e-5)
