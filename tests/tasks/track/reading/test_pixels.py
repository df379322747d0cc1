"""Fired pixels to frames: clusters come back, dead and hot pixels do what their file says, chunks change nothing."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy.ndimage import label

from pphysml.errors import ConfigError, InputError
from pphysml.io.external_sort import ExternalSort
from pphysml.io.ragged import Ragged, length, take
from pphysml.tasks.track.geometries.geometry import Geometry, GeometryConfig
from pphysml.tasks.track.reading.assemble import assemble
from pphysml.tasks.track.reading.beams import Beams
from pphysml.tasks.track.reading.calorimeters.layers import Layers
from pphysml.tasks.track.reading.clusters.hits import cluster_energy
from pphysml.tasks.track.reading.clusters.pixel_mask import (
    PixelMask,
    PixelRegion,
    load_mask,
    pixel_number,
)
from pphysml.tasks.track.reading.pixels import PixelFrames

from .gate_files import assembled, equal

COLUMNS, ROWS, LAYERS = 300, 200, 5
PITCH = 0.03, 0.025
GEOMETRY = Geometry.of(GeometryConfig(
    name="small", layers=[{"first_z": 2.0, "pitch": 5.0, "count": LAYERS, "wet": 8.0, "radiation_lengths": 0.04}], beam={"energy": 100.0},
    sensor={"size": [COLUMNS * PITCH[0], ROWS * PITCH[1]], "pixel": list(PITCH)}))


NO_MASK = PixelMask()


def read(pixels, mask=NO_MASK, smallest=1, step=None, sort=False):
    """Return the frames of pixels, (N, 4) of frame, layer, column and row, that come `step` at a time."""
    rows = dict(zip(("frame", "layer", "column", "row"), np.asarray(pixels).T, strict=True)) if not isinstance(pixels, dict) else pixels
    rows = {"file": np.zeros(length(rows), np.int32), "entry": np.arange(length(rows)), **rows}
    return assembled(lambda chunk, carry, config: _add(chunk, carry or PixelFrames(Layers.of(GEOMETRY), Beams(), smallest, mask, sort)), rows, step)


def _add(chunk, carry):
    return carry.add(chunk), None if carry.done else carry


def discs(seed=0, frames=6, gap=25):
    """Return pixels of clusters that are far apart, and frame, layer, x, y and size of each."""
    rng = np.random.default_rng(seed)
    pixels, clusters = [], []
    for frame in range(frames):
        for layer in range(LAYERS):
            for place in rng.permutation((COLUMNS // gap) * (ROWS // gap))[:6]:
                column, row = (np.array(divmod(place, ROWS // gap)) + rng.uniform(0.3, 0.7, 2)) * gap
                c, r = np.meshgrid(int(column) + np.arange(-5, 6), int(row) + np.arange(-5, 6), indexing="ij")
                inside = np.hypot(c - column, r - row) < rng.uniform(0.8, 4)
                c, r = c[inside], r[inside]
                pixels += [np.stack([np.full(len(c), frame), np.full(len(c), layer), c, r], 1)]
                clusters.append((frame, layer, (c.mean() + 0.5) * PITCH[0] - COLUMNS * PITCH[0] / 2, (r.mean() + 0.5) * PITCH[1] - ROWS * PITCH[1] / 2, len(c)))
    return np.concatenate(pixels), np.array(clusters)


def flat(found):
    """Return frame, layer, x, y and size of each cluster, in the order of the frames."""
    frame = np.repeat(found["frame"], found["x"].counts)
    return np.stack([frame, *(found[name].flat for name in ("layer", "x", "y", "cluster_size"))], 1)


def ordered(clusters):
    return clusters[np.lexsort(np.round(clusters, 4).T[::-1])]


@pytest.mark.parametrize("shuffled", [False, True])
def test_clusters_come_back_with_position_size_and_energy(shuffled):
    pixels, clusters = discs()
    if shuffled:
        pixels = pixels[np.lexsort((np.random.default_rng(1).random(len(pixels)), pixels[:, 0]))]
    found = read(pixels)
    assert np.allclose(ordered(flat(found)), ordered(clusters), atol=1e-5)
    assert np.allclose(found["edep"].flat, cluster_energy(found["cluster_size"].flat, 0.025))
    assert np.array_equal(found["z"].flat, np.float32(2.0 + 5.0 * found["layer"].flat))
    assert np.array_equal(np.unique(pixels[found["hit_entry"].flat, :2], axis=0), np.unique(clusters[:, :2], axis=0))


def test_the_first_pixel_is_in_the_corner_of_the_sensor():
    found = read([(7, 0, 0, 0), (7, 0, COLUMNS - 1, ROWS - 1)])
    half = COLUMNS * PITCH[0] / 2 - PITCH[0] / 2, ROWS * PITCH[1] / 2 - PITCH[1] / 2
    assert np.allclose(np.stack([found["x"].flat, found["y"].flat], 1), [(-half[0], -half[1]), half], atol=1e-5)
    assert found["frame"].tolist() == [7]


@pytest.mark.parametrize("share", [0.02, 0.2, 0.4])
def test_random_pixels_are_joined_as_on_a_grid(share):
    rng = np.random.default_rng(int(100 * share))
    fired = rng.random((3, 2, 40, 30)) < share
    pixels = np.argwhere(fired)
    found = read(pixels[np.lexsort((rng.random(len(pixels)), pixels[:, 0]))])
    sizes = sorted((f, s, n) for f in range(3) for s in range(2) for n in np.bincount(label(fired[f, s], np.ones((3, 3)))[0].ravel())[1:])
    assert sorted(map(tuple, flat(found)[:, [0, 1, 4]])) == sizes


@pytest.mark.parametrize("step", [1, 13, 200])
def test_frames_of_pixels_do_not_depend_on_the_size_of_chunks(step):
    pixels, _ = discs(2)
    columns = dict(zip(("frame", "layer", "column", "row"), pixels.T, strict=True)) | {"time": np.linspace(0, 1, len(pixels)), "spot_x": np.float32(pixels[:, 0])}
    found = read(columns)
    assert equal(found, read(columns, step=step)) and found["spot_x"].tolist() == list(range(6))
    assert np.array_equal(found["time"].flat, columns["time"][found["hit_entry"].flat])


def test_hot_pixels_are_left_out_before_pixels_are_joined(tmp_path):
    bar = [(0, 1, c, 50) for c in range(20, 31)]
    mask = written(tmp_path, "1,25,50,hot", "1-3,100-110,*,hot")
    found = read([*bar, (0, 1, 105, 3), (0, 0, 105, 3), (0, 2, 111, 3)], mask)
    assert sorted(map(tuple, flat(found)[:, [1, 4]].astype(int))) == [(0, 1), (1, 5), (1, 5), (2, 1)]


def test_a_dead_column_is_bridged_but_not_counted(tmp_path):
    block = [(0, 0, c, r) for c in range(20, 25) for r in range(40, 44)]
    alive = [p for p in block if p[2] != 22]
    mask = written(tmp_path, "*,22,*,dead")
    assert flat(read(alive))[:, 4].tolist() == [8, 8]
    whole, bridged = flat(read(block)), flat(read(alive, mask))
    assert bridged[:, 4].tolist() == [16] and np.allclose(bridged[:, :4], whole[:, :4])
    assert np.array_equal(flat(read(block, mask)), bridged), "what a dead pixel says is not believed"
    # Dead pixels join their neighbours, not one another: what is far apart along the column stays apart.
    assert flat(read([(0, 0, 21, 40), (0, 0, 23, 43)], mask))[:, 4].tolist() == [1, 1]
    assert flat(read([(0, 0, 21, 40), (0, 0, 23, 42)], mask))[:, 4].tolist() == [2]
    assert flat(read([(0, 0, 21, 40), (1, 0, 23, 42)], mask))[:, 4].tolist() == [1, 1]
    assert flat(read([(0, 0, 21, 40), (0, 1, 23, 42)], mask))[:, 4].tolist() == [1, 1]


def written(folder, *lines, size=(LAYERS, COLUMNS, ROWS)):
    path = folder / "mask.csv"
    path.write_text("\n".join(("# Detector of the tests", "layer,column,row,kind", "", *lines)))
    return load_mask(str(path), size)


def test_a_mask_holds_the_pixels_of_its_blocks(tmp_path):
    rng = np.random.default_rng(3)
    blocks = [np.sort(rng.integers(0, 30, (3, 2)), axis=1) for _ in range(12)]
    mask = written(tmp_path, *(",".join(f"{low}-{high}" for low, high in block) + ",dead" for block in blocks), "3,*,*,dead", "4 , 7, 2 ,hot",
                   size=(40, 40, 40))
    layer, column, row = (axis.ravel() for axis in np.meshgrid(*[np.arange(-1, 33)] * 3))
    layer = np.abs(layer)
    inside = [np.all([(low <= v) & (v <= high) for v, (low, high) in zip((layer, column, row), block, strict=True)], axis=0) for block in blocks]
    wanted = np.any(inside, axis=0) | ((layer == 3) & (column >= 0) & (row >= 0))
    assert np.array_equal(mask.dead.holds(layer, column, row), wanted)
    assert np.array_equal(mask.hot.holds(layer, column, row), (layer == 4) & (column == 7) & (row == 2))


@pytest.mark.parametrize("line, intervals", [("*,*,20,dead", LAYERS * COLUMNS), ("*,30-31,*,dead", LAYERS), ("*,*,*,dead", LAYERS), ("*,*,0-199,dead", LAYERS)])
def test_a_mask_of_all_numbers_is_no_larger_than_the_sensors(tmp_path, line, intervals):
    mask = written(tmp_path, line)
    assert len(mask.dead.first) == intervals
    column = np.arange(COLUMNS)
    of_row = mask.dead.holds(np.full(COLUMNS, LAYERS - 1), column, np.full(COLUMNS, 20))
    assert np.array_equal(of_row, (column // 2 == 15) | ("30" not in line))


@pytest.mark.parametrize("text, said", [
    ("", "line 1: must be 'layer,column,row,kind'"),
    ("layer,row,column,kind\n1,2,3,hot", "line 1: must be"),
    ("layer,column,row,kind\n1,2,3", "line 2: has 3 values"),
    ("layer,column,row,kind\n\n1,2,3,dad", "line 3: kind 'dad' is neither.*Did you mean 'dead'"),
    ("layer,column,row,kind\n1,2,3,hot\n1,x,3,hot", "line 3: column 'x' is no number"),
    ("layer,column,row,kind\n1,9-5,3,hot", "line 2: column '9-5' must rise"),
    ("layer,column,row,kind\n200,5,3,hot", "line 2: layer '200' is beyond 199, the last of the geometry"),
    ("layer,column,row,kind\n1,5,3-600,hot", "line 2: row '3-600' is beyond 599"),
])
def test_a_mask_that_cannot_be_read_is_named_with_its_line(tmp_path, text, said):
    path = tmp_path / "mask.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=f"^{path}, {said}"):
        load_mask(str(path), (200, 300, 600))


def test_a_mask_as_spreadsheets_write_it_is_read(tmp_path):
    path = tmp_path / "mask.csv"
    path.write_bytes(b"\xef\xbb\xbflayer,column,row,kind\r\n2,3,4,dead\r\n")
    assert load_mask(str(path), (5, 5, 5)).dead.holds(np.array([2, 2]), np.array([3, 4]), np.array([4, 4])).tolist() == [True, False]


def test_a_mask_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"there\.csv: the map of pixels cannot be read"):
        load_mask(str(tmp_path / "there.csv"), (1, 1, 1))


@pytest.mark.parametrize("bad, said", [
    ((0, LAYERS, 0, 0), rf"^input file 0, branch 'layer', entry 2: layer {LAYERS} is beyond {LAYERS - 1}, .*--geometry"),
    ((0, 0, COLUMNS, 0), rf"branch 'column', entry 2: column {COLUMNS} is beyond {COLUMNS - 1}"),
    ((0, 0, 0, ROWS), rf"branch 'row', entry 2: row {ROWS} is beyond {ROWS - 1}"),
])
def test_pixels_beyond_the_sensor_are_named(bad, said):
    with pytest.raises(InputError, match=said):
        read([(0, 0, 1, 1), (0, 0, 1, 2), bad])


def test_a_frame_whose_pixels_are_apart_is_refused():
    with pytest.raises(InputError, match="branch 'frame', entry 2: frame 0 goes on behind other frames"):
        read([(0, 0, 1, 1), (1, 0, 1, 1), (0, 0, 1, 1), (2, 0, 1, 1)], step=1)


def in_order(pixels):
    return pixels[np.lexsort(pixels.T[::-1])]


def test_sorted_first_pixels_in_any_order_make_the_same_frames(monkeypatch):
    monkeypatch.setattr("pphysml.tasks.track.reading.pixels.ExternalSort", partial(ExternalSort, run=300, block=100))
    pixels = in_order(discs(4)[0])
    expected = read(pixels)
    for order in (np.random.default_rng(2).permutation(len(pixels)), np.argsort(pixels[:, 1], kind="stable")):
        found = read(pixels[order], step=70, sort=True)
        hits = found["hit_entry"]
        assert equal({**found, "hit_entry": Ragged(order[hits.flat], hits.offsets), "entry": order[found["entry"]]}, expected)
        with pytest.raises(InputError, match=r"goes on behind other frames, but .* --sort .*one by one"):
            read(pixels[order], step=70)


def test_sorted_first_shuffled_pixels_of_few_frames_are_one_job():
    # Frames rise five times in a row by chance, and two of their pixels are in the layers of those before.
    pixels = np.concatenate([discs(seed, 6)[0] for seed in range(6)])
    pixels = np.unique(pixels, axis=0)
    shuffled = pixels[np.random.default_rng(6).permutation(len(pixels))]
    for step in (None, 70):
        found = read(shuffled, step=step, sort=True)
        assert found["job"].tolist() == [0] * 6 and found["x"].counts.tolist() == read(pixels)["x"].counts.tolist()


def test_runs_of_the_same_frames_in_one_tree_stay_apart():
    one, other = in_order(discs(4)[0]), in_order(discs(5)[0])
    for sort in (False, True):
        found = read(np.concatenate([one, other]), sort=sort)
        assert found["job"].tolist() == [0] * 6 + [1] * 6 and found["frame"].tolist() == [*range(6)] * 2
        for job, pixels, begins in ((0, one, 0), (1, other, len(one))):
            those, alone = take(found, found["job"] == job), read(pixels)
            assert np.array_equal(those["hit_entry"].flat - begins, alone["hit_entry"].flat) and np.array_equal(those["x"].flat, alone["x"].flat)


def test_frames_without_clusters_stay_and_pixels_that_are_there_twice_count_once():
    found = read([(0, 0, 1, 1), (0, 0, 1, 2), (0, 0, 1, 1), (1, 0, 5, 5), (2, 0, 1, 1), (2, 0, 2, 2)], smallest=2)
    assert found["frame"].tolist() == [0, 1, 2] and found["x"].counts.tolist() == [1, 0, 1]
    assert found["cluster_size"].flat.tolist() == [2, 2]


def test_pixels_need_a_geometry_and_hits_no_mask(tmp_path):
    pixels, _ = discs(3, 1)
    rows = dict(zip(("frame", "layer", "column", "row"), pixels.T, strict=True))
    with pytest.raises(ConfigError, match="--geometry"):
        assembled(assemble, rows)
    found = assembled(assemble, rows, geometry="dtc", min_cluster_size=1)
    assert found["x"].flat.min() > -270.8 / 2 and found["x"].flat.max() < -270.8 / 2 + COLUMNS * 0.02938
    (tmp_path / "mask.csv").write_text("layer,column,row,kind\n*,*,*,hot\n")
    assert (assembled(assemble, rows, geometry="dtc", pixel_mask=str(tmp_path / "mask.csv"))["x"].counts == 0).all()
    steps = {name: np.zeros(3) for name in ("x", "y", "z", "edep", "event")}
    with pytest.raises(ConfigError, match="--pixel-mask"):
        assembled(assemble, steps, geometry="dtc", pixel_mask="mask.csv")


@pytest.mark.parametrize("step, sort", [(None, False), (7, False), (100, True)])
def test_the_sensor_behind_a_dead_layer_is_the_next_one(step, sort, monkeypatch) -> None:
    monkeypatch.setattr("pphysml.tasks.track.reading.pixels.LEARNING", 100)
    pixels, _ = discs()
    hot = np.stack([np.arange(200) % 6, np.full(200, 2), np.full(200, 7), np.full(200, 9)], 1)
    pixels = np.concatenate([pixels[pixels[:, 1] != 2], hot])
    pixels = pixels[np.argsort(pixels[:, 0], kind="stable")]
    mask = PixelMask(hot=PixelRegion(*(np.array([pixel_number(2, 7, 9)]) for _ in range(2))))
    found = read(pixels, mask, step=step, sort=sort)
    depth, after = found["depth"].flat, found["next_depth"].flat
    assert (after[found["layer"].flat == 1] == GEOMETRY.depth[3]).all() and (after[depth < GEOMETRY.depth[1]] == GEOMETRY.depth[1]).all()
    assert equal(found, read(pixels, mask, sort=sort))
