"""A result that is suspiciously small says why it may be so."""

import pytest
import uproot

from pphysml.registry import get_task
from pphysml.tasks.petnet.config import PetConfig
from pphysml.tasks.petnet.simulation.simulate import PetSimulation
from pphysml.verbs.apply import apply
from pphysml.verbs.engine_choice import EngineChoice
from pphysml.verbs.inputs import Inputs


@pytest.mark.parametrize(("factor", "few"), [(1.0, False), (1e6, True)], ids=["seconds", "microseconds"])
@pytest.mark.parametrize("engine", ["likelihood", "classical"])
def test_times_in_another_unit_are_suspected_where_there_are_few_pairs(tmp_path, factor, few, engine):
    block = PetSimulation(PetConfig.model_validate({"simulation": {"activity": 20.0}}), 1).block(0, 40_000)
    path = tmp_path / "singles.root"
    with uproot.recreate(path) as file:
        file["Singles"] = {"time": factor * block["time"], "energy": block["energy"], **{f"globalPos{axis.upper()}": block[axis] for axis in "xyz"}}
    said = apply(get_task("petnet"), Inputs([str(path)]), EngineChoice(engine=engine), output=tmp_path / "out.root")["warnings"]
    assert any("fewer than one in 500: their times may be in another unit" in sentence for sentence in said) == few
