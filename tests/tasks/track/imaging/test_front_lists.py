"""A simulated front tracker from the file to the lists: where protons come from, and what says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import uproot
import yaml

from pphysml.io.metadata import read_metadata
from pphysml.io.writer import Writer
from pphysml.registry import get_task
from pphysml.tasks.track.geometries.geometry import load_geometry
from pphysml.tasks.track.schema import GATE
from pphysml.tasks.track.simulation.simulate import TrackSimulation
from pphysml.verbs.apply import apply
from pphysml.verbs.engine_choice import EngineChoice
from pphysml.verbs.evaluate import evaluate
from pphysml.verbs.inputs import Inputs

TASK = get_task("track")
PLANES = [-260.0, -210.0]


@pytest.fixture(scope="module")
def geometry(tmp_path_factory) -> Path:
    source = Path(__file__).parents[4] / "pphysml/tasks/track/geometries/dtc.yaml"
    path = tmp_path_factory.mktemp("geometry") / "front.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(source.read_text()), "name": "front", "front_tracker": {"layers": PLANES}}))
    return path


@pytest.fixture(scope="module")
def hits(tmp_path_factory, geometry) -> Path:
    path = tmp_path_factory.mktemp("front") / "hits.root"
    rows = TrackSimulation(TASK.config_class(), 5, load_geometry(str(geometry))).block(0, 240)
    names = {f.name: f.aliases[0] if f.aliases else f.name for f in GATE.fields}
    fields = [replace(f, name=names[f.name]) for f in GATE.fields if f.name not in ("spot_x", "spot_y")]
    with Writer(path, "Hits", fields, metadata={}) as writer:
        writer.extend({names[name]: values for name, values in rows.items() if name not in ("spot_x", "spot_y")})
    return path


def chosen(geometry, *options):
    few = ("apply.protons_per_frame=5", "apply.outliers.min_protons=20", f"apply.geometry={geometry}", *options)
    return EngineChoice(engine="perfect", overrides=list(few))


def applied(hits, geometry, output, *options):
    summary = apply(TASK, Inputs([str(hits)]), chosen(geometry, *options), output=output)
    with uproot.open(output) as file:
        return summary, file["wepl"].arrays(library="np"), {name: file["tracks"][name].array(library="np") for name in ("front_x0", "front_tx", "front_proton", "hit_proton", "track_hits", "n_hits_of_track")}


def test_protons_come_from_where_the_planes_saw_them(hits, geometry, tmp_path):
    summary, rows, tracks = applied(hits, geometry, tmp_path / "out.root", "apply.upstream.z=-200", "apply.list_format=rtk")
    seen = rows["upstream_from"] == 2
    assert seen.mean() > 0.9 and set(rows["upstream_from"][~seen]) <= {0} and not [name for name in rows if name.startswith("front")]
    assert np.isnan(rows["upstream_x"][~seen]).all() and np.isfinite(rows["upstream_x"][seen]).all()
    # The proton itself is at -210 mm where the file has it; 10 mm further on its slope of a mrad changes little.
    with uproot.open(hits) as file:
        steps = file["Hits"].arrays(["eventID", "posX", "posZ", "trackID"], library="np")
    last = steps["posX"][(np.abs(steps["posZ"] + 210) < 1) & (steps["trackID"] == 1)]
    nearest = np.abs(last[:, None] - rows["upstream_x"][seen]).min(0)
    assert nearest.max() < 0.2
    own = [p[h[np.cumsum(n) - n]] for p, h, n in zip(tracks["hit_proton"], tracks["track_hits"], tracks["n_hits_of_track"], strict=True)]
    assert np.mean(np.concatenate(own) == np.concatenate(tracks["front_proton"])) > 0.8
    deflection = rows["tx"] - rows["upstream_dx"] / rows["upstream_dz"]
    assert np.std(rows["upstream_dx"][seen]) < 0.004 < 0.01 < np.median(np.abs(deflection[seen]))
    facts = read_metadata(tmp_path / "out.root")["facts"]
    assert facts["in_front"] == {"of the front tracker": int(seen.sum()), "of the beam spot": 0, "not known": int((~seen).sum())}
    assert "planes at -260, -210 mm" in facts["front_tracker"] and "have theirs in the front tracker" in facts["tracks_in_front"]
    assert summary["in_front"] == facts["in_front"]
    # WEPL leaves out what lies in front of the phantom; the list, what is not known.
    assert abs(np.median(rows["wepl"]) - 100) < 1.0
    numbers = np.fromfile(tmp_path / "out_run0000.raw", "<f4").reshape(-1, 15)
    kept = seen & (rows["outlier"] == 0)
    np.testing.assert_array_equal(numbers[:, 0], rows["upstream_x"][kept])
    np.testing.assert_array_equal(numbers[:, 6:9], np.stack([rows[f"upstream_d{axis}"][kept] for axis in "xyz"], 1))


def test_others_keep_the_stated_spot(hits, geometry, tmp_path):
    _, rows, _ = applied(hits, geometry, tmp_path / "out.root", "apply.upstream.spot=[3, 4]", "apply.upstream.z=-200", "apply.upstream.spot_z=-210", "apply.list_format=dtc-toolkit")
    seen = rows["upstream_from"] == 2
    assert set(rows["upstream_from"]) == {1, 2} and (rows["upstream_x"][~seen] == 3).all() and (rows["upstream_y"][~seen] == 4).all()
    with uproot.open(tmp_path / "out_run0000.root") as file:
        listed = file["WEPLData"].arrays(library="np")
    kept = rows["outlier"] == 0
    slope = rows["upstream_dx"] / rows["upstream_dz"]
    np.testing.assert_allclose(listed["spotX"], np.where(seen, rows["upstream_x"] - 10 * slope, 3)[kept], atol=1e-5)


def test_evaluating_says_how_many_are_matched_to_their_own(hits, geometry):
    few, many = ({m.name: m for m in evaluate(TASK, Inputs([str(hits)]), chosen(geometry, f"apply.protons_per_frame={n}"))["perfect"].metrics} for n in (2, 100))
    assert few["front_purity"].value > 0.97 and few["front_efficiency"].value > 0.9
    assert many["front_efficiency"].value < few["front_efficiency"].value and 0.4 < many["front_purity"].value < 0.9
    assert abs(few["perfect_wepl_bias_peak"].value) < 1
