"""Files damaged by chance, through every verb that reads: refused in a sentence, or what the undamaged file gives."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "damaged_files.py"


@pytest.fixture(scope="module")
def script():
    spec = spec_from_file_location("damaged_files", SCRIPT)
    module = module_from_spec(spec)
    sys.modules["damaged_files"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", ["flip", "zeros", "cut", "insert"])
def test_each_kind_of_damage_is_one(script, kind) -> None:
    content = bytes(range(1, 256)) * 20
    made = [script.damaged(content, kind, np.random.default_rng(seed)) for seed in range(20)]
    assert made[3] == script.damaged(content, kind, np.random.default_rng(3)) and all(found != content for found in made)
    lengths = {np.sign(len(found) - len(content)) for found in made}
    assert lengths == {{"cut": -1, "insert": 1}.get(kind, 0)}
    if kind == "flip":
        assert all(bin(int.from_bytes(found) ^ int.from_bytes(content)).count("1") == 1 for found in made)


def test_damaged_files_give_no_other_numbers_and_no_bug(script, monkeypatch) -> None:
    monkeypatch.setattr(script, "SIMULATED", {"track": script.SIMULATED["track"]})
    monkeypatch.setattr(script, "FORMS", {"uncompressed": None})
    found = script.measured(12, seed=3, samples=False)
    assert found["bad"] == []
    assert min(found["total"].get(outcome, 0) for outcome in ("same", "refused")) > 0, "drawn damage must be both met and missed"
