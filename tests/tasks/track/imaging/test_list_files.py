"""Lists for reconstruction programs, read back by readers that are written from the documentation of these alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import uproot

from pphysml.errors import ConfigError, InputError
from pphysml.io.writer import Writer
from pphysml.registry import get_task
from pphysml.tasks.track.imaging.pct_pairs import pct_header
from pphysml.tasks.track.imaging.projections import rotation_name
from pphysml.tasks.track.schema import GATE
from pphysml.tasks.track.simulation.simulate import TrackSimulation
from pphysml.verbs.apply import apply
from pphysml.verbs.engine_choice import EngineChoice
from pphysml.verbs.inputs import Inputs

TASK = get_task("track")
FEW = ("apply.protons_per_frame=20", "apply.beam=proton:230MeV", "apply.outliers.min_protons=20", "apply.upstream.z=-250",
       "apply.upstream.spot_z=-150", "apply.upstream.source_distance=[1800, 2200]")


def read_pairs(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Read a list of PCT as `pct_format.md` and MetaIO's documentation say: a header of `key = value`, whose last names the file of numbers."""
    header = dict(line.split(" = ", 1) for line in path.read_text().splitlines())
    assert (header["ObjectType"], header["NDims"], header["ElementType"], header["BinaryDataByteOrderMSB"], header["CompressedData"]) == (
        "Image", "2", "MET_FLOAT", "False", "False")
    assert list(header)[-1] == "ElementDataFile"
    vectors, n = map(int, header["DimSize"].split())
    channels = int(header["ElementNumberOfChannels"])
    numbers = np.frombuffer((path.parent / header["ElementDataFile"]).read_bytes(), dtype="<f4")
    # The first index of an ITK image runs fastest.
    flat = numbers.reshape(n, vectors * channels)
    quantities = [f"{side}{what}{axis}" for side in ("Upstream", "Downstream") for what in ("Position", "Direction") for axis in "UVW"]
    return header, {name: flat[:, int(header[name])] for name in [*quantities, "UpstreamEnergy", "DownstreamEnergy", "TrackID", "WEPL"]}


@pytest.fixture(scope="module")
def hits(tmp_path_factory) -> Path:
    """Protons of two runs, of two spots each."""
    path = tmp_path_factory.mktemp("imaging") / "hits.root"
    rows = TrackSimulation(TASK.config_class().model_validate({"simulation": {"phantoms": [200.0], "noise": 0.0}}), 3).block(0, 160)
    event = np.asarray(rows["event"])
    spot = np.where(event % 80 < 40, -10.0, 10.0)
    rows |= {"run": (event >= 80).astype(np.int64), "spot_x": spot, "spot_y": np.full(len(event), 4.0), "x": rows["x"] + spot, "y": rows["y"] + 4}
    names = {f.name: f.aliases[0] if f.aliases else f.name for f in GATE.fields}
    with Writer(path, "Hits", [replace(f, name=names[f.name]) for f in GATE.fields], metadata={}) as writer:
        writer.extend({names[name]: column for name, column in rows.items()})
    return path


def listed(hits, output, *options, force=False, dry_run=False):
    return apply(TASK, Inputs([str(hits)]), EngineChoice(engine="perfect", overrides=(*FEW, *options)), output=output, force=force, dry_run=dry_run)


def kept_rows(output, **wanted):
    rows = uproot.open(output)["wepl"].arrays(library="np")
    kept = rows["outlier"] == 0
    for name, value in wanted.items():
        kept &= rows[name] == value
    assert 20 < kept.sum() < len(kept)
    return {name: values[kept] for name, values in rows.items()}


def without_spots(hits, path) -> Path:
    with uproot.open(hits) as file, uproot.recreate(path) as copy:
        columns = {name: values for name, values in file["Hits"].arrays(library="np").items() if not name.startswith("spot")}
        copy.mktree("Hits", {name: values.dtype for name, values in columns.items()})
        copy["Hits"].extend(columns)
    return path


def same(found, expected) -> None:
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected.astype(np.float32))


def test_pairs_for_rtk_are_the_protons_of_the_tree_without_outliers(hits, tmp_path) -> None:
    output = tmp_path / "tracks.root"
    summary = listed(hits, output, "apply.list_format=rtk")
    assert {p.name for p in tmp_path.iterdir()} == {"tracks.root", *(f"tracks_run{run:04d}.{end}" for run in (0, 1) for end in ("mhd", "raw"))}
    assert sorted(summary["list_files"]) == sorted(str(p) for p in tmp_path.iterdir() if p != output)
    every = uproot.open(output)["wepl"].arrays(library="np")
    assert summary["outliers"]["outliers"] == (every["outlier"] > 0).sum() > 0
    for run in (0, 1):
        header, found = read_pairs(tmp_path / f"tracks_run{run:04d}.mhd")
        rows = kept_rows(output, run=run)
        for axis, name in zip("UVW", "xyz", strict=True):
            same(found[f"UpstreamPosition{axis}"], rows[f"upstream_{name}"])
            same(found[f"DownstreamPosition{axis}"], rows[name])
            same(found[f"UpstreamDirection{axis}"], rows[f"upstream_d{name}"])
            same(found[f"DownstreamDirection{axis}"], rows[f"d{name}"])
        same(found["WEPL"], rows["wepl"])
        # Legacy readers take the second energy for the WEPL where the first is 0; PCT's --primaries takes tracks 1.
        same(found["DownstreamEnergy"], rows["wepl"])
        assert (found["UpstreamEnergy"] == 0).all() and (found["TrackID"] == 1).all() and "RotationAngle" not in header
        # What the reconstruction refuses.
        assert (found["UpstreamPositionW"] < found["DownstreamPositionW"]).all()
        for side in ("Upstream", "Downstream"):
            direction = np.stack([found[f"{side}Direction{axis}"] for axis in "UVW"])
            assert (direction[2] > 0).all()
            np.testing.assert_allclose(np.linalg.norm(direction, axis=0), 1, rtol=1e-6)
        # The spots are 10 mm off the axis at -150 mm, and 100 mm in front of that a share of 100/1800 nearer to it.
        np.testing.assert_allclose(np.abs(found["UpstreamPositionU"]), 10 * (1 - 100 / 1800), rtol=1e-6)


def test_the_layout_is_that_of_files_without_keys(hits, tmp_path) -> None:
    listed(hits, tmp_path / "tracks.root", "apply.list_format=rtk", "apply.isocentre=[1, 2, -150]")
    numbers = np.fromfile(tmp_path / "tracks_run0000.raw", dtype="<f4").reshape(-1, 5, 3)
    rows = kept_rows(tmp_path / "tracks.root", run=0)
    expected = [[rows["x"] - 1, rows["y"] - 2, rows["z"] + 150], [rows["dx"], rows["dy"], rows["dz"]], [0 * rows["wepl"], rows["wepl"], 0 * rows["wepl"] + 1]]
    np.testing.assert_array_equal(numbers[:, [1, 3, 4]], np.moveaxis(np.array(expected, dtype=np.float32), 2, 0))


def test_one_list_for_each_rotation_that_is_stated(hits, tmp_path) -> None:
    listed(hits, tmp_path / "a.root", "apply.list_format=rtk", "apply.rotation_angles={0: 12.5, 1: 270}")
    for run, angle in ((0, 12.5), (1, 270)):
        header, found = read_pairs(tmp_path / f"a_{rotation_name(angle)}.mhd")
        assert float(header["RotationAngle"]) == angle
        same(found["WEPL"], kept_rows(tmp_path / "a.root", run=run, rotation_angle=angle)["wepl"])
    listed(hits, tmp_path / "b.root", "apply.list_format=rtk", "apply.rotation_angles={0: 90, 1: 90}")
    assert [p.name for p in tmp_path.glob("b*mhd")] == ["b_rotation090deg.mhd"]
    same(read_pairs(tmp_path / "b_rotation090deg.mhd")[1]["WEPL"], kept_rows(tmp_path / "b.root")["wepl"])


def test_the_tree_of_the_toolkit_is_the_list_too(hits, tmp_path) -> None:
    output = tmp_path / "tracks.root"
    listed(hits, output, "apply.list_format=dtc-toolkit")
    for run in (0, 1):
        with uproot.open(tmp_path / f"tracks_run{run:04d}.root") as file:
            assert file.classnames() == {"WEPLData;1": "TTree"}
            tree = file["WEPLData"]
            assert {branch.name: branch.typename for branch in tree.branches} == dict.fromkeys(("spotX", "spotY", "WEPL", "X2x", "X2y", "P2x", "P2y"), "float")
            found = tree.arrays(library="np")
        rows = kept_rows(output, run=run)
        # Positions at the first sensor, and the step to the second over its length along the beam.
        for branch, name in {"spotX": "spot_x", "spotY": "spot_y", "WEPL": "wepl", "X2x": "x", "X2y": "y", "P2x": "tx", "P2y": "ty"}.items():
            same(found[branch], rows[name])
        np.testing.assert_allclose(found["P2x"], rows["dx"] / rows["dz"], rtol=1e-5, atol=1e-7)


def test_nothing_is_overwritten_and_older_lists_are_named(hits, tmp_path) -> None:
    old = [tmp_path / "tracks_run0007.mhd", tmp_path / "tracks_run0000.raw"]
    header = pct_header(3, "tracks_run0007.raw", np.nan)
    for path in old:
        path.write_text(header)
    with pytest.raises(ConfigError, match="exists already"):
        listed(hits, tmp_path / "tracks.root", "apply.list_format=rtk")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in old)
    summary = listed(hits, tmp_path / "tracks.root", "apply.list_format=rtk", force=True)
    assert old[0].read_text() == header and old[1].read_bytes() != header.encode()
    assert [str(old[0]) in sentence for sentence in summary["warnings"]] == [True]


def test_older_lists_of_other_formats_are_named_and_files_of_the_user_are_not(hits, tmp_path) -> None:
    output = tmp_path / "tracks.root"

    def named(*options):
        warnings = listed(hits, output, *options, force=True)["warnings"]
        return {Path(sentence.partition(":")[0]).name for sentence in warnings if "is a list of an earlier output" in sentence}

    toolkit = {f"tracks_run{run:04d}.root" for run in (0, 1)}
    pairs = {f"tracks_run{run:04d}.{end}" for run in (0, 1) for end in ("mhd", "raw")}
    assert named("apply.list_format=dtc-toolkit") == set()
    # A tree of the same name that the user has from elsewhere, an image, and tracks of another run.
    for path, content in {"tracks_run0007.root": tmp_path / "tracks_run0000.root", "tracks_run0002.root": hits}.items():
        (tmp_path / path).write_bytes(content.read_bytes())
    for name in ("tracks_run0003.mhd", "tracks_run0003.raw"):
        (tmp_path / name).write_text("ObjectType = Image\nNDims = 3\n")
    assert named("apply.list_format=rtk") == toolkit
    assert named("apply.list_format=dtc-toolkit") == pairs
    assert named() == named() == toolkit | pairs
    # Without any proton in the list they are not those of this output either.
    assert named("apply.filters.min_hits=100") == toolkit | pairs
    for name in toolkit:
        (tmp_path / name).unlink()
    assert named() == pairs
    output.unlink()
    assert named() == pairs


def test_an_input_is_never_overwritten(hits, tmp_path) -> None:
    source = tmp_path / "tracks_run0000.root"
    source.write_bytes(hits.read_bytes())
    with pytest.raises(ConfigError, match="one of the inputs"):
        listed(source, tmp_path / "tracks.root", "apply.list_format=dtc-toolkit", force=True)
    assert source.read_bytes() == hits.read_bytes() and len(list(tmp_path.iterdir())) == 1


def test_a_failure_leaves_no_list(hits, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("pphysml.tasks.track.imaging.list_files.pct_header", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        listed(hits, tmp_path / "tracks.root", "apply.list_format=rtk")
    monkeypatch.undo()
    monkeypatch.setattr("pphysml.tasks.track.imaging.list_files._write_text", lambda text, path: path.write_text(text) and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        listed(hits, tmp_path / "tracks.root", "apply.list_format=rtk")
    assert not list(tmp_path.iterdir())


def test_what_is_not_known_is_refused_before_the_work(hits, tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"state where with apply\.upstream\.z"):
        apply(TASK, Inputs([str(hits)]), EngineChoice(engine="perfect", overrides=("apply.list_format=rtk",)), output=tmp_path / "a.root")
    with pytest.raises(InputError, match=r"is not behind apply\.upstream\.z"):
        listed(hits, tmp_path / "a.root", "apply.list_format=rtk", "apply.upstream.z=500", dry_run=True)
    bare = without_spots(hits, tmp_path / "bare.root")
    for format in ("rtk", "dtc-toolkit"):
        with pytest.raises(InputError, match=r"bare\.root.*'spot_x'.*apply\.upstream\.spot"):
            listed(bare, tmp_path / "a.root", f"apply.list_format={format}", dry_run=True)
    assert listed(bare, tmp_path / "a.root", "apply.list_format=rtk", "apply.upstream.spot=[-10, 4]")["list_files"]


def test_a_stated_spot_is_in_the_lists_of_both_formats(hits, tmp_path) -> None:
    bare = without_spots(hits, tmp_path / "bare.root")
    for format in ("rtk", "dtc-toolkit"):
        listed(bare, tmp_path / f"{format}.root", f"apply.list_format={format}", "apply.upstream.spot=[-10, 4]", "apply.upstream.spot_z=-250")
    pairs = read_pairs(tmp_path / "rtk_run0000.mhd")[1]
    rows = uproot.open(tmp_path / "dtc-toolkit_run0000.root")["WEPLData"].arrays(library="np")
    for found in ((pairs["UpstreamPositionU"], pairs["UpstreamPositionV"]), (rows["spotX"], rows["spotY"])):
        assert [set(values.tolist()) for values in found] == [{-10.0}, {4.0}]


def test_spots_that_share_a_readout_are_told_apart_by_position(hits, tmp_path) -> None:
    listed(hits, tmp_path / "tracks.root", "apply.frame_time=0.006")
    with uproot.open(tmp_path / "tracks.root") as file:
        frames, rows = (file[name].arrays(library="np") for name in ("tracks", "wepl"))
    mixed = [len(spots) > 1 for spots in frames["spots_x"]]
    assert any(mixed) and not all(mixed)
    several = np.isin(rows["frame"], frames["frame"][mixed]) & (rows["run"] == 0)
    spot = np.where(rows["x"] < 0, -10, 10)
    assert (rows["spot_x"][several] == spot[several]).all() and len(set(rows["spot"][several])) == 2
    alone = ~np.isin(rows["frame"], frames["frame"][mixed])
    assert alone.any() and set(rows["spot_x"][alone]) <= {-10.0, 10.0} and (rows["spot"][alone] == 0).all()
