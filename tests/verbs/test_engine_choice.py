"""Which configuration holds where no engine is made."""

from __future__ import annotations

import pytest

from pphysml.config import build
from pphysml.errors import ConfigError
from pphysml.model_file import read_header
from pphysml.registry import get_task
from pphysml.verbs.config import configuration
from pphysml.verbs.engine_choice import EngineChoice, choose, find_model, shipped_configuration


def test_without_a_preset_the_configuration_is_that_of_the_shipped_weights():
    task = get_task("lcag")
    trained = read_header(find_model(task, None))["config"]
    trained["data"]["forest"] = True
    config = shipped_configuration(task, None, ["data.forest=true"])
    assert config == build(task.config_class, trained, "the header")
    assert config != configuration(task, None, ["data.forest=true"])
    assert shipped_configuration(task, "quick", []) == configuration(task, "quick")


def test_presets_and_files_change_how_a_model_is_applied_and_nothing_else(tmp_path):
    task = get_task("lcag")
    file, further = tmp_path / "mine.yaml", tmp_path / "further.yaml"
    # What is as in the model, and what applying does not need, may stand beside it, as in a whole configuration.
    file.write_text("apply: {decode: argmax, batch_size: 7}\ndata: {forest: false}\ntraining: {steps: 1}")
    further.write_text("apply: {batch_size: 9}")
    config = choose(task, EngineChoice(source=[str(file), str(further)], overrides=["apply.search_rounds=2"], device="cpu")).config
    assert (config.apply.decode, config.apply.batch_size, config.apply.search_rounds) == ("argmax", 9, 2)
    trained = read_header(find_model(task, None))["config"]
    assert config.model_dump(mode="json") | {"apply": None} == build(task.config_class, trained, "").model_dump(mode="json") | {"apply": None}
    # Of an engine that is no network they are the whole configuration.
    assert choose(task, EngineChoice(engine="massline", source="detector", device="cpu")).config.data.forest


@pytest.mark.parametrize(("source", "words"), [
    ("data: {forest: true}", "has data.forest=True, but the model was made with False"),
    ("model: {width: 12}", "has model.width=12"), ("apply: {decod: argmax}", "Did you mean 'apply.decode'"),
    (None, "the weights of that preset are --model detector"), ("simulation: {n_topologies: 5}\nmodel: {frame: input}", r"others must be trained.*--model RUN"),
])
def test_what_contradicts_the_model_is_refused(tmp_path, source, words):
    file = tmp_path / "mine.yaml"
    file.write_text(source or "")
    with pytest.raises(ConfigError, match=words):
        choose(get_task("lcag"), EngineChoice(source=str(file) if source else "detector", device="cpu"))


def test_engines_that_need_weights_are_those_named_or_else_the_default_one():
    for name in ("lcag", "petnet"):
        task = get_task(name)
        expected = set(task.networks) if task.networks else {task.default_engine}
        assert {engine for engine in task.engines if task.needs_weights(engine)} == expected
    assert get_task("petnet").networks and not get_task("lcag").networks


def test_a_model_states_nothing_of_how_it_is_applied(tmp_path):
    task, file = get_task("track"), tmp_path / "mine.yaml"
    file.write_text("apply: {batch_size: 4, block_size: 5000}")  # the first is as in the model
    for engine in ("network", "follower"):
        choice = EngineChoice(engine=engine, overrides=["apply.protons_per_frame=100", "apply.follower.tune=false"], device="cpu")
        assert choose(task, choice).config.apply.model_fields_set == {"protons_per_frame", "follower"}
        assert choose(task, EngineChoice(engine=engine, device="cpu")).config.apply.model_fields_set == set()
        assert choose(task, EngineChoice(engine=engine, source=str(file), device="cpu")).config.apply.model_fields_set == {"block_size"}
    assert shipped_configuration(task, None, ["apply.sort=full"]).apply.model_fields_set == {"sort"}
