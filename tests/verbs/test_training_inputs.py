"""What a run folder keeps of where its data came from."""

from __future__ import annotations

import json

import pytest

from pphysml.errors import ConfigError, ModelError
from pphysml.verbs.inputs import Inputs
from pphysml.verbs.train import TrainingInputs, task_of_run


def test_what_is_kept_comes_back() -> None:
    given = TrainingInputs(Inputs(["a.root", "b.root"], "t", "raw", {"px": "X:MeV"}, (), 7, "skip"), ["v.root"], "run")
    assert TrainingInputs.from_json(json.loads(json.dumps(given.to_json()))) == given


def test_a_folder_of_version_0_2_has_no_layout() -> None:
    kept = {"inputs": ["a.root"], "validation": [], "max_entries": None, "mapping": {}, "tree": None, "on_bad_file": "fail", "init_from": None}
    assert TrainingInputs.from_json(kept) == TrainingInputs(Inputs(["a.root"]), [])
    assert TrainingInputs(Inputs(["a.root"])).to_json() == kept


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
