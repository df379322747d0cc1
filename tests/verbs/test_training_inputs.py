"""What a run folder keeps of where its data came from."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pphysml.errors import ConfigError, ModelError
from pphysml.verbs.inputs import Inputs
from pphysml.verbs.named_files import with_placed_files
from pphysml.verbs.resumed_run import task_of_run
from pphysml.verbs.training_inputs import TrainingInputs


def test_what_is_kept_comes_back(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.root", "b.root", "v.root"):
        (tmp_path / name).touch()
    given = TrainingInputs(Inputs(["a.root:t", "b.root:u"], "t", "raw", {"px": "X:MeV"}, (), 7, "skip"), ["v.root"], "run")
    kept = json.loads(json.dumps(given.to_json(None)))
    assert kept.pop("folder") == str(tmp_path), "also where data are simulated: a configuration may name files"
    named = replace(given, inputs=replace(given.inputs, files=["a.root", "b.root:u"]), identities=None)
    assert TrainingInputs.from_json(kept) == named == TrainingInputs.from_json({**kept, "folder": str(tmp_path)})
    monkeypatch.chdir(tmp_path.parent)
    there = TrainingInputs.from_json({**kept, "folder": str(tmp_path)})
    assert there.inputs.files == [str(tmp_path / "a.root"), str(tmp_path / "b.root:u")] and there.validation == [str(tmp_path / "v.root")]


def test_files_of_a_configuration_are_named_from_where_it_was_made(tmp_path, monkeypatch) -> None:
    (tmp_path / "mine.yaml").touch()
    values = {"geometry": "mine.yaml", "further": {"mine.yaml": [1.0]}, "known": "dtc", "other": ["missing.yaml", None, 3]}
    monkeypatch.chdir(tmp_path)
    assert with_placed_files(values, str(tmp_path)) == values
    monkeypatch.chdir(tmp_path.parent)
    there = str(tmp_path / "mine.yaml")
    assert with_placed_files(values, str(tmp_path)) == {**values, "geometry": there, "further": {there: [1.0]}}


def test_a_folder_of_version_0_2_has_no_layout() -> None:
    kept = {"inputs": ["a.root"], "validation": [], "max_entries": None, "mapping": {}, "tree": None, "on_bad_file": "fail", "init_from": None}
    assert TrainingInputs.from_json(kept) == TrainingInputs(Inputs(["a.root"]), [], identities=None)


def test_a_run_says_its_task_and_an_old_one_is_given_it(tmp_path) -> None:
    with pytest.raises(ModelError, match="is not a run folder"):
        task_of_run(tmp_path, "lcag")
    (tmp_path / "config.yaml").write_text("{}")
    (tmp_path / "inputs.json").write_text('{"task": "lcag"}')
    assert task_of_run(tmp_path, None) == task_of_run(tmp_path, "lcag") == "lcag"
    with pytest.raises(ConfigError, match="is a training of 'lcag', not of 'track'"):
        task_of_run(tmp_path, "track")
    (tmp_path / "inputs.json").write_text("{}")
    assert task_of_run(tmp_path, "track") == "track"
    with pytest.raises(ConfigError, match=r"name it, as in pphysml train TASK --resume"):
        task_of_run(tmp_path, None)
