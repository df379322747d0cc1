"""What a run folder keeps of where its data came from."""

from __future__ import annotations

import json

from pphysml.verbs.inputs import Inputs
from pphysml.verbs.train import TrainingInputs


def test_what_is_kept_comes_back() -> None:
    given = TrainingInputs(Inputs(["a.root", "b.root"], "t", "raw", {"px": "X:MeV"}, (), 7, "skip"), ["v.root"], "run")
    assert TrainingInputs.from_json(json.loads(json.dumps(given.to_json()))) == given


def test_a_folder_of_version_0_2_has_no_layout() -> None:
    kept = {"inputs": ["a.root"], "validation": [], "max_entries": None, "mapping": {}, "tree": None, "on_bad_file": "fail", "init_from": None}
    assert TrainingInputs.from_json(kept) == TrainingInputs(Inputs(["a.root"]), [])
    assert TrainingInputs(Inputs(["a.root"])).to_json() == kept
