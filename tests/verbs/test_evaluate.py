"""What an evaluation writes beside its report."""

from __future__ import annotations

from pathlib import Path

import pytest

from pphysml.evaluation.result import Evaluation
from pphysml.verbs.evaluate import _write


@pytest.mark.parametrize("engines, names", [
    (["network"], ["found.yaml"]), (["network", "follower"], ["found-follower.yaml", "found-network.yaml"]),
])
def test_files_of_an_evaluation_are_written_by_engine_where_there_are_several(engines: list[str], names: list[str], tmp_path: Path) -> None:
    _write(tmp_path, {name: Evaluation(files={"found.yaml": f"of: {name}\n"}) for name in engines}, "title", {})
    assert sorted(path.name for path in tmp_path.glob("*.yaml")) == names
    for name, engine in zip(names, sorted(engines), strict=True):
        assert (tmp_path / name).read_text() == f"of: {engine}\n"
