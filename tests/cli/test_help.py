"""Help: complete, with an example everywhere, and without anything heavy."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from pphysml.registry import task_names
from pphysml_cli.main import VERBS, pphysml

COMMANDS = [*VERBS, *task_names()]
HEAVY = ("torch", "numpy", "scipy", "numba", "uproot", "awkward", "pydantic", "yaml", "matplotlib",
         "lightning_fabric", "safetensors", "rich")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_an_example_of_itself(name: str, pphysml) -> None:
    shown = pphysml(name, "--help")
    assert shown.code == 0 and shown.err == ""
    _, found, example = shown.out.partition("Example:")
    assert found and f"pphysml {name} " in example
    assert "--debug" in shown.out and "-h, --help" in shown.out
    assert pphysml(name, "-h").out == shown.out


def test_the_list_of_commands_names_all(pphysml) -> None:
    shown = pphysml("--help")
    listed = {line.split()[0] for line in shown.out.splitlines() if line.startswith("  ") and line.split()}
    assert listed >= set(COMMANDS)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom pphysml_cli.main import main\n"
        f"for name in {COMMANDS!r}:\n    assert main([name, '--help']) == 0\n"
        "assert main(['--help']) == 0\n"
        f"print('HEAVY', *(m for m in {HEAVY!r} if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY"


def test_shared_options_mean_the_same_everywhere() -> None:
    context = click.Context(pphysml)
    meaning: dict[str, tuple[str | None, object]] = {}
    for name in COMMANDS:
        command = pphysml.get_command(context, name)
        for parameter in command.params:
            # What is written differs between commands, and evaluating compares several engines and models.
            if not isinstance(parameter, click.Option) or parameter.name in ("output", "engine", "engines", "model", "models"):
                continue
            for spelling in parameter.opts:
                said = (parameter.help, parameter.multiple)
                assert meaning.setdefault(spelling, said) == said, f"{name} {spelling}"


def test_every_option_has_help() -> None:
    context = click.Context(pphysml)
    silent = [f"{name} {p.opts[0]}" for name in COMMANDS for p in pphysml.get_command(context, name).params
              if isinstance(p, click.Option) and not p.help]
    assert not silent


@pytest.mark.parametrize(("words", "names"), [
    (["lcag"], "paper, detector"), (["petnet"], "pairs, toy-snn, published-snn"), (["evaluate", "track"], "mixed"), (["jets"], "toy"), (["export", "lcag"], "paper, detector"),
])
def test_the_names_of_shipped_weights_are_in_the_help(words, names, pphysml) -> None:
    shown = " ".join(pphysml(*words, "--help").out.split()).replace("- ", "-")
    assert f"Shipped: {names}" in shown
