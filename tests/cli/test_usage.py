"""Wrong usage: exit code 2, one line that names the nearest thing, nothing on stdout."""

from __future__ import annotations

import json

import click
import pytest


@pytest.mark.parametrize(("arguments", "nearest"), [
    (["trian", "lcag"], "'train'"),
    (["LCGA"], "'lcag'"),
    (["config", "lcga"], "'lcag'"),
    (["train", "lcag", "--sed", "3"], "'--seed'"),
    (["config", "lcag", "--set", "training.stpes=3"], "'training.steps'"),
    (["config", "lcag", "--set", "trainin.steps=3"], "'training.steps'"),
    (["simulate", "lcag", "-n", "1", "-o", "x.root", "--set", "simulation.root_mas=3"], "'simulation.root_mass'"),
    (["lcag", "x.root", "-o", "y.root", "--engine", "masline"], "'massline'"),
])
def test_a_mistyped_name_is_answered_with_the_nearest(arguments, nearest, pphysml, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = pphysml(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.startswith("pphysml: error: ") and nearest in ended.err
    assert len(ended.err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [
    ["simulate", "lcag", "-n", "0", "-o", "x.root"],
    ["simulate", "lcag", "-n", "5"],
    ["lcag", "-o", "x.root"],
    ["lcag", "x.root", "--device", "gpu"],
    ["lcag", "x.root", "--device", "cuda:x"],
    ["lcag", "x.root", "--map", "px"],
    ["lcag", "x.root", "--on-bad-file", "ignore"],
    ["config", "lcag", "--set", "training.steps"],
    ["config", "lcag", "--set", "training.steps=-1"],
    ["config", "lcag", "--preset", "there-is-none"],
    ["config", "lcag", "-c", "there-is-none.yaml"],
    ["export", "lcag", "--format", "none", "-o", "x"],
])
def test_wrong_usage_exits_with_two(arguments, pphysml) -> None:
    ended = pphysml(*arguments)
    assert ended.code == 2, ended
    assert ended.out == "" and ended.err.startswith("pphysml: error: ")
    assert "Traceback" not in ended.err


ONCE = {  # options that mean one thing, with one value each
    "output": "x", "model": "a", "model_code": "a.py", "engine": "e", "device": "cpu", "threads": "1", "tree": "t", "layout": "l",
    "max_entries": "3", "on_bad_file": "skip", "seed": "3", "n_events": "3", "format_name": "f", "resume": "r", "init_from": "w", "devices": "1",
}
SEVERAL = {"more_files", "validation", "mapping", "overrides", "source", "engines", "models", "keep"}


def every_option():
    """Each command and each of its options, those of the tasks in the verbs too."""
    from pphysml_cli.main import pphysml as group
    from pphysml_cli.options import TASK

    for words in [*([verb] for verb in group.list_commands(None)), *([verb, task] for verb in ("evaluate", "validate", "export") for task in ("lcag", "track", "petnet"))]:
        command = group.get_command(None, words[0])
        context = click.Context(command, help_option_names=["-h", "--help"])
        if words[1:]:
            context.meta[TASK] = words[1]
        for parameter in command.get_params(context):
            if isinstance(parameter, click.Option) and not parameter.is_flag:
                yield words, parameter


def test_an_option_that_means_one_thing_is_given_once(pphysml) -> None:
    seen = set()
    for words, parameter in every_option():
        if parameter.multiple:
            assert parameter.name in SEVERAL, (words, parameter.opts)
            continue
        value = ONCE.get(parameter.name, "v")
        ended = pphysml(*words, parameter.opts[0], value, "any.root", f"{parameter.opts[-1]}={value}" if len(parameter.opts) > 1 else parameter.opts[0], value)
        assert ended.code == 2 and f"{' or '.join(parameter.opts)} is given 2 times" in ended.err, (words, ended)
        assert len(ended.err.splitlines()) == 1 and ended.out == ""
        seen.add(parameter.name)
    assert seen >= {*ONCE, "apply_match", "apply_window", "apply_geometry"}


def test_what_may_be_repeated_is_and_a_flag_is_the_same_twice(pphysml) -> None:
    ended = pphysml("config", "lcag", "-c", "paper", "--preset", "quick", "--set", "training.steps=3", "--set", "training.seed=4", "--json", "--json")
    shown = json.loads(ended.out)
    quick, paper = (json.loads(pphysml("config", "lcag", "-c", name, "--json").out) for name in ("quick", "paper"))
    assert ended.code == 0 and (shown["training"]["steps"], shown["training"]["seed"]) == (3, 4)
    assert shown["simulation"]["n_topologies"] == quick["simulation"]["n_topologies"] != paper["simulation"]["n_topologies"]


@pytest.mark.parametrize("given", [["events.root"], ["--set", "training.steps=3"], ["--seed", "0"], ["-o", "x"]])
def test_resuming_takes_nothing_else(given, pphysml) -> None:
    ended = pphysml("train", "lcag", "--resume", "run", *given)
    assert ended.code == 2 and "cannot be combined" in ended.err


def test_no_arguments_show_the_help_on_stderr(pphysml) -> None:
    ended = pphysml()
    assert ended.code == 2 and ended.out == "" and "Commands:" in ended.err


def test_the_version_goes_to_stdout(pphysml) -> None:
    from pphysml import __version__

    ended = pphysml("--version")
    assert (ended.code, ended.out) == (0, f"pphysml {__version__}\n")


@pytest.mark.parametrize("arguments", [["--debug", "config", "lcag", "--set", "a=1"], ["config", "lcag", "--set", "a=1", "--debug"]])
def test_debug_before_and_after_the_verb_shows_the_traceback(arguments, pphysml) -> None:
    assert "Traceback" in pphysml(*arguments).err
    assert "Traceback" not in pphysml(*(a for a in arguments if a != "--debug")).err


@pytest.mark.parametrize("width", [60, 100])
@pytest.mark.parametrize("task", ["lcag", "track", "petnet"])
def test_the_schema_is_as_wide_as_the_terminal(pphysml, monkeypatch, task, width) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = pphysml("config", task, "schema").out.splitlines()
    words = [max(map(len, line.split())) for line in lines]
    assert all(len(line) <= max(width, 8 + word) for line, word in zip(lines, words, strict=True))
    assert sum(len(line) > width / 2 for line in lines) > len(lines) / 4


def test_an_error_is_wrapped_in_a_terminal_only(pphysml, monkeypatch) -> None:
    arguments = ("config", "petnet", "--set", "apply.classical.policy=QQQ")
    whole = pphysml(*arguments).err
    assert len(whole.splitlines()) == 1 and "takeWinnerOfGoods" in whole and "RemoveMultiples" in whole and "..." not in whole
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    lines = pphysml(*arguments).err.splitlines()
    assert len(lines) > 3 and max(map(len, lines)) <= 60 and " ".join(line.strip() for line in lines) == whole.strip()
