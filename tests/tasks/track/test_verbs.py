"""Applying, evaluating and validating frames that are made of many entries of a file."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import uproot

from pphysml import named_yaml
from pphysml.errors import InputError
from pphysml.evaluation.peak import gaussian_peak
from pphysml.io.metadata import read_metadata
from pphysml.io.ragged import concatenate, length, slice_rows, take
from pphysml.io.reader import Reader
from pphysml.io.refusals import Check
from pphysml.io.sources import Source
from pphysml.io.validation import validate
from pphysml.io.writer import Writer
from pphysml.model_file import ModelFile
from pphysml.registry import get_task
from pphysml.tasks.track.imaging.wepl_list import UNUSABLE, WEPL_FIELDS
from pphysml.tasks.track.judging.metrics import CALIBRATION, NO_TRUTH
from pphysml.tasks.track.output.input_warnings import NO_MATERIALS
from pphysml.tasks.track.reading.assemble import assemble
from pphysml.tasks.track.schema import FRAMES, GATE, LAYOUTS
from pphysml.training.event_split import example_hash
from pphysml.training.sources import AssembledSource
from pphysml.verbs import contestants
from pphysml.verbs import evaluate as evaluating
from pphysml.verbs.apply import apply
from pphysml.verbs.engine_choice import EngineChoice
from pphysml.verbs.evaluate import evaluate
from pphysml.verbs.inputs import Inputs
from pphysml.verbs.simulate import simulate

from .reading.gate_files import gate_rows

TASK = get_task("track")
FEW = ("apply.protons_per_frame=20", "apply.block_size=500")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("track") / "steps.root"
    simulate(TASK, TASK.config_class(), path, 60, block_size=60)
    return path


@pytest.fixture
def write(tmp_path):
    def file(rows, name="rows.root") -> Path:
        names = {f.name: f.aliases[0] if f.aliases else f.name for f in GATE.fields}
        fields = [replace(f, name=names[f.name]) for f in GATE.fields]
        with Writer(tmp_path / name, "Hits", fields, metadata={}) as writer:
            writer.extend({names[k]: v for k, v in rows.items() if k not in ("file", "entry")})
        return tmp_path / name

    return file


def tree(path, name):
    with uproot.open(path) as file:
        return file[name].arrays(library="np")


def test_the_list_for_imaging_has_one_row_per_usable_track(simulated, tmp_path) -> None:
    summary = apply(TASK, Inputs([str(simulated)]), EngineChoice(engine="perfect", overrides=FEW), output=tmp_path / "out.root")
    tracks, rows = (tree(tmp_path / "out.root", name) for name in ("tracks", "wepl"))
    assert summary["written"] == len(tracks["frame"]) == 3 and summary["warnings"] == []
    assert summary["further_trees"] == {"wepl": len(rows["wepl"])}
    assert {f.name for f in WEPL_FIELDS} | {"file", "entry"} == set(rows)
    expected = [
        (frame, entry, track, wepl[track], x[track], z[hits[starts[track]]])
        for frame, entry, wepl, flags, size, x, z, hits in zip(*(tracks[n] for n in (
            "frame", "entry", "wepl", "flags", "n_hits_of_track", "x0", "hit_z", "track_hits")), strict=True)
        for starts in [np.cumsum(size) - size]
        for track in range(len(size))
        if np.isfinite(wepl[track]) and not flags[track] & UNUSABLE and size[track] > 1
    ]
    found = list(zip(*(rows[name] for name in ("frame", "entry", "track", "wepl", "x", "z")), strict=True))
    assert found == expected and len(found) > 20
    config = TASK.config_class()
    check = Check(lambda chunk, carry: assemble(chunk, carry, config), across=True)
    assert validate([Source(str(tmp_path / "out.root"))], LAYOUTS, check=check) == []


@pytest.mark.parametrize("geometry, calorimeter", [(None, "dtc"), ("mine.yaml", "mine")])
def test_summary_metadata_and_report_say_the_same_of_the_calorimeter(simulated, tmp_path, geometry, calorimeter) -> None:
    known = Path(named_yaml.__file__).parent / "tasks/track/geometries/dtc.yaml"
    (tmp_path / "mine.yaml").write_text(known.read_text().replace("name: dtc", "name: mine"))
    overrides = (*FEW, *([f"apply.geometry={tmp_path / geometry}"] if geometry else []))
    choice, inputs = EngineChoice(engine="straight", overrides=overrides), Inputs([str(simulated)])
    summary = apply(TASK, inputs, choice, output=tmp_path / "out.root")
    facts = read_metadata(str(tmp_path / "out.root"))["facts"]
    assert facts and facts.items() <= summary.items() and summary["calorimeter"].startswith(calorimeter)
    assert apply(TASK, inputs, choice, output=tmp_path / "other.root", dry_run=True)["calorimeter"] == summary["calorimeter"]
    results = evaluate(TASK, inputs, choice, engines=["straight", "perfect"], output=tmp_path / "report")
    assert all(f"calorimeter: {summary['calorimeter']}." in result.notes for result in results.values())
    assert (tmp_path / "report/report.html").read_text().count(summary["calorimeter"]) >= 2


def test_a_beam_estimated_from_a_run_without_phantom_gives_wepl_and_is_said_everywhere(simulated, tmp_path) -> None:
    air = TASK.config_class().model_validate({"simulation": {"phantoms": [0.0]}})
    simulate(TASK, air, tmp_path / "air.root", 300, block_size=300)
    choice = EngineChoice(engine="perfect", overrides=(*FEW, f"apply.beam={tmp_path / 'air.root'}"))
    summary = apply(TASK, Inputs([str(simulated)]), choice, output=tmp_path / "out.root")
    assert summary["beam"].startswith(("proton 230 +- ", "proton 229.", "proton 230.")) and "air.root that stop last" in summary["beam"]
    assert read_metadata(str(tmp_path / "out.root"))["facts"]["beam"] == summary["beam"] and summary["warnings"] == []
    rows, tracks = (tree(tmp_path / "out.root", name) for name in ("wepl", "tracks"))
    assert np.median(rows["wepl"]) == pytest.approx(100, abs=1.5) and tracks["beam_energy"] == pytest.approx(230, abs=0.5)
    results = evaluate(TASK, Inputs([str(simulated)]), choice, engines=["perfect"])
    assert f"beam: {summary['beam']}." in results["perfect"].notes
    bias = {m.name: m.value for m in results["perfect"].metrics}
    assert bias["wepl_bias"] == pytest.approx(bias["perfect_wepl_bias"], abs=0.3) and abs(bias["wepl_bias_peak"]) < 1.5


def test_a_beam_that_cannot_be_estimated_leaves_ranges_and_says_why(simulated, tmp_path) -> None:
    choice = EngineChoice(engine="perfect", overrides=(*FEW, "apply.beam=estimate"))
    summary = apply(TASK, Inputs([str(simulated)]), choice, output=tmp_path / "out.root")
    (said,) = summary["warnings"]
    assert "cannot be estimated, and no WEPL is given: there are" in said and summary["beam"] == "not known, since it could not be estimated"
    tracks = tree(tmp_path / "out.root", "tracks")
    assert summary["further_trees"] == {"wepl": 0} and not np.isfinite(np.concatenate(tracks["wepl"])).any()
    assert np.isfinite(np.concatenate(tracks["range"])).all() and not tracks["beam_energy"].any()
    for dry_run in (False, True):
        choice = EngineChoice(engine="perfect", overrides=(*FEW, "apply.beam=nowhere.root"))
        with pytest.raises(InputError, match=r"nowhere\.root"):
            apply(TASK, Inputs([str(simulated)]), choice, output=tmp_path / "o.root", dry_run=dry_run)


def test_unknown_materials_are_said_and_leave_an_empty_list(write, tmp_path) -> None:
    path = write(gate_rows(30, positions=4.1 * np.arange(20)))
    summary = apply(TASK, Inputs([str(path)]), EngineChoice(engine="straight", overrides=FEW), output=tmp_path / "out.root")
    assert summary["warnings"] == [NO_MATERIALS] and summary["further_trees"] == {"wepl": 0} and summary["written"] == 2
    assert {f.name for f in WEPL_FIELDS} <= set(tree(tmp_path / "out.root", "wepl"))
    assert read_metadata(str(tmp_path / "out.root"))["further_trees"]["wepl"]["n_entries"] == 0
    results = evaluate(TASK, Inputs([str(path)]), EngineChoice(overrides=FEW), engines=["straight"])
    assert f"Warning: {NO_MATERIALS}." in results["straight"].notes


def test_a_failed_run_leaves_neither_tree(write, tmp_path, monkeypatch) -> None:
    path = write(gate_rows(60))
    monkeypatch.setattr("pphysml.tasks.track.imaging.wepl_list._first_hits", lambda columns: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        apply(TASK, Inputs([str(path)]), EngineChoice(engine="straight", overrides=FEW), output=tmp_path / "out.root")
    assert [p.name for p in tmp_path.iterdir()] == ["rows.root"]


def test_progress_counts_entries_to_the_last(write, tmp_path) -> None:
    from pphysml.progress import Silent

    class Counter(Silent):
        done, total = 0, None

        def start(self, label, total, unit):
            self.total = total

        def advance(self, n, **values):
            self.done += n

    counter, rows = Counter(), gate_rows(60)
    apply(TASK, Inputs([str(write(rows))]), EngineChoice(engine="straight", overrides=FEW), output=tmp_path / "out.root", progress=counter)
    assert counter.done == counter.total == length(rows)


def test_a_file_of_gate_10_gives_the_frames_of_the_same_steps_of_gate_9(write, tmp_path) -> None:
    rows = gate_rows(60)
    ten = {"RunID": rows["run"], "EventID": rows["event"], "TrackID": rows["track_id"], "ParentID": rows["parent_id"], "PDGCode": rows["pdg"],
           "GlobalTime": 1e9 * rows["time"], "TotalEnergyDeposit": rows["edep"], **{f"PostPosition_{c.upper()}": rows[c] for c in "xyz"}}
    with uproot.recreate(tmp_path / "ten.root") as file:
        file.mktree("Hits", {name: values.dtype for name, values in ten.items()}).extend(ten)
    nine = write({name: values for name, values in rows.items() if name not in ("local_z", "level1_id", "stop_depth")})
    outputs = []
    for name, path in (("nine", nine), ("ten", tmp_path / "ten.root")):
        apply(TASK, Inputs([str(path)]), EngineChoice(engine="straight", overrides=("apply.frame_time=0.02",)), output=tmp_path / f"{name}-tracks.root")
        outputs.append(tree(tmp_path / f"{name}-tracks.root", "tracks"))
    assert len(outputs[0]["frame"]) > 3
    np.testing.assert_array_equal(outputs[0]["frame"], outputs[1]["frame"])
    for hits in zip(outputs[0]["hit_entry"], outputs[1]["hit_entry"], strict=True):
        np.testing.assert_array_equal(*hits)


def test_a_report_links_a_frame_of_each_engine(simulated, tmp_path, monkeypatch) -> None:
    # Other figures take their time.
    monkeypatch.setattr("pphysml.tasks.track.judging.plots.figures", lambda *_: {})
    monkeypatch.setattr(evaluating, "write_figures", lambda *_: None)
    results = evaluate(TASK, Inputs([str(simulated)]), EngineChoice(overrides=FEW), engines=["perfect", "straight"], output=tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    for engine, result in results.items():
        frame = (tmp_path / "report" / f"{engine}-frame.html").read_text()
        assert frame == result.pages["Frame"] and f'href="{engine}-frame.html"' in page
        data = json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', frame, re.DOTALL)[1])
        assert len(data["hits"]["x"]) > 100 and "A frame" in result.figures
    one = evaluate(TASK, Inputs([str(simulated)]), EngineChoice(overrides=FEW), engines=["perfect"], output=tmp_path / "one")
    assert (tmp_path / "one" / "frame.html").read_text() == one["perfect"].pages["Frame"]


def test_errors_name_the_file_in_which_an_entry_cannot_be_used(write, tmp_path) -> None:
    rows = gate_rows(60)
    bad = take(rows, np.r_[0:length(rows), 40:45])
    paths = [str(write(rows, "good.root")), str(write(bad, "bad.root"))]
    message = rf"^{re.escape(paths[1])}, tree '\w+', branch 'eventID', entry {length(rows)}: event \d+ goes on behind other events"
    with pytest.raises(InputError, match=message):
        apply(TASK, Inputs(paths), EngineChoice(engine="straight", overrides=FEW), output=tmp_path / "out.root")
    config = TASK.config_class()
    config.apply.protons_per_frame = 20
    with pytest.raises(InputError, match=message):
        AssembledSource(Reader([Source(p) for p in paths], LAYOUTS), assemble, config)


@pytest.mark.parametrize("block", [100, 20_000])
def test_validation_follows_a_file_to_its_end(write, block, monkeypatch) -> None:
    """Events that are complete, layers that are learnt and the last frame are known at the end only."""
    monkeypatch.setattr("pphysml.io.validation.BLOCK", block)
    config = TASK.config_class()
    check = Check(lambda chunk, carry: assemble(chunk, carry, config), across=True)
    rows = gate_rows(60, positions=4.1 * np.arange(20))
    good = write(rows, "good.root")
    assert validate([Source(str(good))] * 2, LAYOUTS, check=check) == []
    bad = write(take(rows, np.r_[0:length(rows), 40:45]), "bad.root")
    problem, = validate([Source(str(good)), Source(str(bad))], LAYOUTS, check=check)
    assert (problem.severity, problem.branch, problem.entry) == ("error", "eventID", length(rows))
    assert re.match(r"event \d+ goes on behind other events", problem.message)
    assert problem.sentence().count("bad.root") == 1
    apart = write({**slice_rows(rows, 0, 300), "z": np.linspace(0, 100, 300)}, "continuous.root")
    assert [p.path for p in validate([Source(str(apart))], LAYOUTS, check=check)] == [str(apart)]


def test_values_that_cannot_be_read_end_what_is_made_of_many_entries(write, monkeypatch) -> None:
    monkeypatch.setattr("pphysml.io.validation.BLOCK", 100)
    rows = gate_rows(60)
    rows["edep"][150] = np.nan
    config = TASK.config_class()
    check = Check(lambda chunk, carry: assemble(chunk, carry, config), across=True)
    problems = validate([Source(str(write(rows)))], LAYOUTS, check=check)
    assert [(p.branch, p.entry) for p in problems] == [("edep", 150)]


def test_frames_of_the_training_are_counted_as_frames(write, monkeypatch) -> None:
    path = write(gate_rows(120))
    config = TASK.config_class()
    config.apply.protons_per_frame = 5
    reader = Reader([Source(str(path))], LAYOUTS)
    training, every = (AssembledSource(reader, assemble, config, part, 0.4) for part in ("training", None))
    n, total = sum(training.counts), sum(every.counts)
    assert 0 < n < total

    def trained(*args, **options):
        chosen = choose(*args, **options)
        header = {"training_data": {"simulated": False, "files": [{"path": f"/elsewhere/{path.name}"}], "validation_fraction": 0.4}}
        return type(chosen)(chosen.engine, chosen.name, chosen.config, ModelFile({"task": "track", "config": {}, **header}, {}, hash="h"), path, chosen.make)

    choose = contestants.choose
    monkeypatch.setattr(contestants, "choose", trained)
    monkeypatch.setattr("pphysml.verbs.examples.domain_warnings", lambda *_: [])
    notes = evaluate(TASK, Inputs([str(path)]), EngineChoice(overrides=["apply.protons_per_frame=5"]), engines=["straight"])["straight"].notes
    assert f"Warning: {n} of {total} examples are among those that the model was trained on." in notes
    first = np.concatenate([np.asarray(part["entry"]) for part in every.parts])
    assert n == (example_hash(path.name, first) >= 0.4).sum()


def test_evaluating_real_frames_needs_no_truth_and_writes_the_calibration_by_a_known_phantom(tmp_path) -> None:
    config = TASK.config_class()
    simulate(TASK, config, tmp_path / "steps.root", 200, block_size=200)
    reader = Reader([Source(str(tmp_path / "steps.root"))], LAYOUTS)
    frames = read_frames(reader, config)
    columns = {"frame": frames["frame"], "beam_energy": frames["beam_energy"], **{f"hit_{name}": frames[name] for name in ("x", "y", "z", "edep", "layer")}}
    with Writer(tmp_path / "real.root", "frames", [f for f in FRAMES.fields if f.name in columns], metadata={}) as writer:
        writer.extend(columns)
    choice = EngineChoice(engine="follower", overrides=("apply.phantom=100",))
    results = evaluate(TASK, Inputs([str(tmp_path / "real.root")]), choice, engines=["follower"], output=tmp_path / "report")
    assert NO_TRUTH in results["follower"].notes
    assert {m.name for m in results["follower"].metrics} == {"usable_tracks", "wepl_spectrum_peak", "wepl_spectrum_width"}
    calibrated = tmp_path / "report" / CALIBRATION
    summary = apply(TASK, Inputs([str(tmp_path / "real.root")]), EngineChoice(engine="follower", overrides=(f"apply.wepl_calibration={calibrated}",)),
                    output=tmp_path / "out.root")
    assert str(calibrated) in summary["wepl_calibration"] and read_metadata(str(tmp_path / "out.root"))["facts"]["wepl_calibration"] == summary["wepl_calibration"]
    peak = gaussian_peak(tree(tmp_path / "out.root", "wepl")["wepl"])
    assert peak.middle == pytest.approx(100, abs=0.3)
    with pytest.raises(InputError, match="the input has no truth"):
        evaluate(TASK, Inputs([str(tmp_path / "real.root")]), choice, engines=["perfect"])


def test_a_part_of_the_truth_is_refused_in_an_evaluation(write) -> None:
    path = write({name: column for name, column in gate_rows(30).items() if name not in ("track_id", "parent_id")})
    with pytest.raises(InputError, match="only a part of the truth"):
        evaluate(TASK, Inputs([str(path)]), EngineChoice(overrides=FEW), engines=["straight"])


def test_numbers_of_events_alone_are_no_truth(write) -> None:
    truth = ("track_id", "parent_id", "pdg", "stop_depth")
    path = write({name: column for name, column in gate_rows(30).items() if name not in truth})
    results = evaluate(TASK, Inputs([str(path)]), EngineChoice(overrides=FEW), engines=["straight"])
    assert NO_TRUTH in results["straight"].notes
    with pytest.raises(InputError, match=r"has no truth \(none of track_id, parent_id, pdg, stop_depth\)"):
        Reader([Source(str(path))], LAYOUTS, need_truth=True)


def read_frames(reader, config):
    parts, carry = [], None
    for chunk in [*map(reader.read, reader.blocks), None]:
        frames, carry = assemble(chunk, carry, config)
        parts += [frames] if frames else []
    return concatenate(parts)
