"""Simulate, look, validate: what a user does in the first minute."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import uproot


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from pphysml_cli.main import main

    path = tmp_path_factory.mktemp("simulated") / "events.root"
    assert main(["simulate", "lcag", "-n", "60", "--seed", "5", "-q", "-o", str(path)]) == 0
    return path


def test_simulated_events_are_reproducible_and_depend_on_the_seed(events, pphysml, tmp_path) -> None:
    def momenta(seed: int) -> np.ndarray:
        path = tmp_path / f"{seed}-{len(list(tmp_path.iterdir()))}.root"
        assert pphysml("simulate", "lcag", "-n", 60, "--seed", seed, "-o", path).code == 0
        return uproot.open(path)["events/px"].array(library="np")

    first = uproot.open(events)["events/px"].array(library="np")
    again, other = momenta(5), momenta(6)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(np.concatenate(first), np.concatenate(other))


def test_simulated_files_hold_no_event_of_a_training_with_the_same_seed(events) -> None:
    from pphysml.registry import get_task

    task = get_task("lcag")
    drawn = task.simulation(task.config_class(), 5).block(0, 60)
    written = np.concatenate(uproot.open(events)["events/px"].array(library="np"))
    assert not np.isin(written, drawn["px"].flat).any()


def test_events_are_numbered_through_blocks(tmp_path) -> None:
    from pphysml.registry import get_task
    from pphysml.verbs.simulate import simulate

    task = get_task("lcag")
    path = tmp_path / "e.root"
    summary = simulate(task, task.config_class(), path, 25, block_size=10)
    assert summary["events"] == 25
    assert uproot.open(path)["events/event"].array(library="np").tolist() == list(range(25))


def test_energy_and_momentum_are_those_of_the_particle_at_rest(events) -> None:
    tree = uproot.open(events)["events"]
    total = {name: np.array([row.sum() for row in tree[name].array(library="np")]) for name in ("px", "py", "pz", "e")}
    assert np.allclose(total["e"], 100.0, atol=1e-6)
    for name in ("px", "py", "pz"):
        assert np.allclose(total[name], 0.0, atol=1e-6)


def test_a_simulated_file_validates_and_is_recognised(events, pphysml) -> None:
    valid = pphysml("validate", "lcag", events, "--truth", "--json")
    assert (valid.code, json.loads(valid.out)) == (0, [])
    assert pphysml("validate", "lcag", events).out == "No problem found.\n"
    facts = json.loads(pphysml("inspect", events, "--json").out)
    assert facts[0]["tasks"]["lcag"]["leaves"] == []
    shown = pphysml("inspect", events)
    assert shown.code == 0 and shown.err == "" and "lcag" in shown.out and "px" in shown.out


def test_nothing_is_overwritten_without_force(events, pphysml) -> None:
    before = events.read_bytes()
    refused = pphysml("simulate", "lcag", "-n", 5, "-o", events)
    assert refused.code in (2, 5) and str(events) in refused.err and "--force" in refused.err
    assert events.read_bytes() == before


def test_force_overwrites(pphysml, tmp_path) -> None:
    path = tmp_path / "e.root"
    for n in (5, 6):
        assert pphysml("simulate", "lcag", "-n", n, "-o", path, "--force").code == 0
    assert uproot.open(path)["events"].num_entries == 6


def test_progress_goes_to_stderr_and_json_alone_to_stdout(pphysml, tmp_path) -> None:
    ended = pphysml("simulate", "lcag", "-n", 30, "-o", tmp_path / "e.root", "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["events"] == 30
    assert "30 of 30 events" in ended.err
    assert pphysml("simulate", "lcag", "-n", 30, "-o", tmp_path / "f.root", "-q").err == ""


def test_a_file_with_wrong_values_is_reported_with_branch_and_entry(pphysml, tmp_path) -> None:
    path = tmp_path / "bad.root"
    with uproot.recreate(path) as file:
        tree = file.mktree("events", {name: "float64" for name in ("px", "py", "pz", "e")})
        tree.extend({name: np.ones(4) for name in ("px", "py", "pz", "e")})
    ended = pphysml("validate", "lcag", path)
    assert ended.code == 3
    assert all(line.startswith(("error: ", "warning: ")) and str(path) in line for line in ended.out.splitlines())


def test_a_missing_file_is_an_input_error(pphysml, tmp_path) -> None:
    for arguments in (["validate", "lcag"], ["inspect"]):
        ended = pphysml(*arguments, tmp_path / "none.root")
        assert ended.code == 3 and "none.root" in ended.out + ended.err and "Traceback" not in ended.err


def test_an_unwritable_output_is_an_output_error(pphysml, tmp_path) -> None:
    ended = pphysml("simulate", "lcag", "-n", 5, "-o", tmp_path / "none" / "e.root")
    assert ended.code == 5 and len(ended.err.splitlines()) == 1


def test_the_shown_configuration_gives_itself_back(pphysml, tmp_path) -> None:
    shown = pphysml("config", "lcag", "show", "--set", "training.steps=17")
    path = tmp_path / "mine.yaml"
    path.write_text(shown.out)
    assert "steps: 17" in shown.out
    assert pphysml("config", "lcag", "-c", path).out == shown.out


def test_every_preset_is_listed_and_loads(pphysml) -> None:
    names = json.loads(pphysml("config", "lcag", "list", "--json").out)
    assert names == pphysml("config", "lcag", "list").out.split()
    assert "quick" in names
    for name in names:
        assert pphysml("config", "lcag", "--preset", name, "--json").code == 0


def test_the_schema_lists_every_option_of_the_configuration(pphysml) -> None:
    def keys(values: dict, prefix: str = "") -> set[str]:
        return {key for name, value in values.items() for key in (
            keys(value, f"{prefix}{name}.") if isinstance(value, dict) and value else {prefix + name})}

    lines = pphysml("config", "lcag", "schema").out.splitlines()
    defaults = json.loads(pphysml("config", "lcag", "--json").out)
    assert {line.split()[0] for line in lines if line[0] != " "} == keys(defaults)
    assert "properties" in json.loads(pphysml("config", "lcag", "schema", "--json").out)


def test_info_names_versions_devices_and_tasks(pphysml) -> None:
    facts = json.loads(pphysml("info", "--json").out)
    assert facts["versions"]["torch"] and "not installed" not in facts["versions"].values()
    assert facts["devices"][0]["device"] == "cpu"
    assert facts["tasks"][0]["task"] == "lcag"
    shown = pphysml("info")
    assert shown.code == 0 and facts["models"] and "(none)" not in shown.out
