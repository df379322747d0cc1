"""Which configuration holds where no engine is made."""

from __future__ import annotations

from pphysml.config import build
from pphysml.model_file import read_header
from pphysml.registry import get_task
from pphysml.verbs.config import configuration
from pphysml.verbs.engine_choice import find_model, shipped_configuration


def test_without_a_preset_the_configuration_is_that_of_the_shipped_weights():
    task = get_task("lcag")
    trained = read_header(find_model(task, None))["config"]
    trained["data"]["forest"] = True
    config = shipped_configuration(task, None, ["data.forest=true"])
    assert config == build(task.config_class, trained, "the header")
    assert config != configuration(task, None, ["data.forest=true"])
    assert shipped_configuration(task, "quick", []) == configuration(task, "quick")
