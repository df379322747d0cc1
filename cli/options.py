"""Options that several verbs share, so that they are called and explained alike everywhere."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from pphysml.errors import PphysmlError, did_you_mean
from pphysml.registry import get_task, task_names

from .runtime import use_threads

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]

TASK = "pphysml.task"
"""Key of the task's name among what a context of click carries, where it is an argument."""


@dataclass
class Session:
    """What holds for the whole run of the program."""

    debug: bool = False
    quiet: bool = False


class TaskName(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4 only
    """The name of a task."""

    name = "task"

    def convert(self, value: Any, param: Any, ctx: click.Context | None) -> str:
        """Check the name without importing the task."""
        known = task_names()
        if value not in known:
            self.fail(f"There is no task {value!r}.{did_you_mean(str(value), known)}", param, ctx)
        return str(value)


class Device(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4 only
    """`auto`, `cpu`, `cuda` or `cuda:INDEX`."""

    name = "device"

    def convert(self, value: Any, param: Any, ctx: click.Context | None) -> str:
        """Check the spelling; whether the device is there is seen when it is used."""
        kind, colon, index = str(value).partition(":")
        numbered = kind == "cuda" and index.isdigit()
        if kind not in ("auto", "cpu", "cuda") or (colon and not numbered):
            self.fail(f"{value!r} is none of auto, cpu, cuda, cuda:0, cuda:1, ...", param, ctx)
        return str(value)


class ModelOption(click.Option):
    """An option whose help names the weights that are shipped for the task of the command."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the option and its help."""
        record, task, names = super().get_help_record(ctx), task_of(ctx), ""
        with suppress(PphysmlError):  # a task that cannot be loaded is refused where it is used
            names = ", ".join(get_task(task).weights) if task is not None else ""
        return (record[0], f"{record[1]} Shipped: {names}.") if record is not None and names else record


def task_of(ctx: click.Context) -> str | None:
    """Return the task that a command is for, as far as it is known before the values of options are."""
    name = ctx.meta.get(TASK, ctx.info_name)
    return name if name in task_names() else None


class OutputPath(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4 only
    """Where something is written; an empty name, or the name of a folder for a file, is a mistake of a script.

    Args:
        folder: whether it may be a folder.
    """

    name = "path"

    def __init__(self, folder: bool) -> None:
        self.folder = folder

    def convert(self, value: Any, param: Any, ctx: click.Context | None) -> Path:
        """Check what the name says by itself."""
        if not str(value) or "\0" in str(value):
            self.fail("the name is empty, or can be none.", param, ctx)
        if not self.folder and str(value).endswith(("/", "/.", "/..")):
            self.fail(f"{value!r} is a folder; name the file in it.", param, ctx)
        return Path(value)


def _debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Session).debug = True


def _quiet(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    ctx.ensure_object(Session).quiet = value
    return value


def _threads(ctx: click.Context, param: click.Parameter, value: int | None) -> None:
    if not ctx.resilient_parsing:
        use_threads(value)


def _mapping(ctx: click.Context, param: click.Parameter, value: Sequence[str]) -> dict[str, str]:
    mapping: dict[str, str] = {}
    for item in value:
        name, equals, branch = item.partition("=")
        if not (name and equals and branch):
            raise click.BadParameter(f"{item!r} must be name=branch or name=branch:unit.", ctx, param)
        if name in mapping:
            raise click.UsageError(f"--map {name} is given twice, as {mapping[name]} and {branch}; give it once.", ctx)
        mapping[name] = branch
    return mapping


def distinct(ctx: click.Context, param: click.Parameter, value: Sequence[str]) -> Sequence[str]:
    """Refuse a value that is given twice."""
    twice = next((item for item in value if value.count(item) > 1), None)
    if twice is not None:
        raise click.UsageError(f"{param.opts[0]} {twice} is given twice; give it once.", ctx)
    return value


debug_option: Decorator = click.option(
    "--debug", is_flag=True, is_eager=True, expose_value=False, callback=_debug,
    help="Show the traceback of an error.",
)
task_argument: Decorator = click.argument("task", type=TaskName(), metavar="TASK")
seed_option: Decorator = click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of everything random."
)
device_option: Decorator = click.option(
    "--device", type=Device(), default="auto", show_default=True,
    help="auto, cpu, cuda or cuda:INDEX; auto takes a GPU if there is one.",
)
threads_option: Decorator = click.option(
    "--threads", type=click.IntRange(1), expose_value=False, callback=_threads,
    help="CPU threads; default: what the scheduler or the CPU affinity grants.",
)
force_option: Decorator = click.option("--force", is_flag=True, help="Overwrite existing output.")
dry_run_option: Decorator = click.option(
    "--dry-run", is_flag=True, help="Check everything and say what would be done; write nothing."
)
json_option: Decorator = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON instead of a table."
)
quiet_option: Decorator = click.option("-q", "--quiet", is_flag=True, callback=_quiet, help="Show no progress.")
tree_option: Decorator = click.option(
    "--tree", metavar="NAME", help="Tree to read; default: the one that fits the task."
)
map_option: Decorator = click.option(
    "--map", "mapping", multiple=True, callback=_mapping, metavar="NAME=BRANCH[:UNIT]",
    help="Read a field from a branch of another name or unit; repeatable. Also data.map in a configuration; kept with a model that is trained.",
)
layout_option: Decorator = click.option(
    "--layout", metavar="NAME", help="Layout of the files, where several fit; default: the first that does, see `pphysml inspect`.",
)
max_entries_option: Decorator = click.option(
    "--max-entries", type=click.IntRange(1), metavar="N", help="Read only the first N entries."
)
bad_file_option: Decorator = click.option(
    "--on-bad-file", type=click.Choice(["fail", "skip"]), default="fail", show_default=True,
    help="Stop at a file that cannot be read, or go on without it and exit with 3.",
)
config_option: Decorator = click.option(
    "-c", "--config", "--preset", "source", multiple=True, metavar="PRESET|FILE",
    help="Named preset or YAML file; of several, a later one changes the options that it names. `pphysml config TASK list` names the presets.",
)
set_option: Decorator = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE",
    help="Change one option, after every -c; repeatable. `pphysml config TASK schema` lists them.",
)
strict_option: Decorator = click.option(
    "--strict", is_flag=True, help="Refuse data outside the ranges that the model was made for."
)
model_code_option: Decorator = click.option(
    "--model-code", type=click.Path(path_type=Path), metavar="FILE",
    help="Python file of the model's network, where that is one of your own (model.name=FILE.py:CLASS); its code is run.",
)
model_option: Decorator = click.option(
    "--model", cls=ModelOption, metavar="RUN|FILE|NAME", help="Run folder, weights file or name of shipped weights; default: those shipped."
)
models_option: Decorator = click.option(
    "--model", "models", cls=ModelOption, multiple=True, metavar="RUN|FILE|NAME",
    help="Run folder, weights file or name of shipped weights; default: those shipped. Repeatable, compared on the same events.",
)


def refuse_set(name: str, key: str, overrides: Sequence[str]) -> None:
    """Refuse an option beside the `--set` of what it sets.

    Raises:
        click.UsageError: both are given.
    """
    if any(item.partition("=")[0] == key for item in overrides):
        raise click.UsageError(f"{name} and --set {key} are given, which are the same; give one of them.", click.get_current_context())


def output_option(help: str, *, required: bool = True, folder: bool = False) -> Decorator:
    """Declare `-o/--output`, a file or a folder; where it is optional, the help says what happens without it."""
    return click.option(
        "-o", "--output", required=required, type=OutputPath(folder), metavar="PATH",
        help=help,
    )


def format_option(required: bool) -> Decorator:
    """Declare `--format`, given as `format_name`."""
    return click.option(
        "--format", "format_name", required=required, metavar="NAME",
        help="Format; a wrong name is answered with those that the task offers.",
    )


def input_files(required: bool) -> Decorator:
    """Take files as arguments and by `-i/--input`; the command receives both as `inputs`."""

    def decorate(function: Command) -> Command:
        @click.argument("files", nargs=-1, metavar="[FILE]...")
        @click.option(
            "-i", "--input", "more_files", multiple=True, metavar="FILE",
            help="Input, as FILE: ROOT file, file.root:tree, list, or glob in quotes, whose files are taken in natural order "
                 "(run_2 before run_10; those named by the shell as it names them); repeatable.",
        )
        @functools.wraps(function)
        def merged(files: Sequence[str], more_files: Sequence[str], **others: Any) -> Any:
            inputs = (*files, *more_files)
            if required and not inputs:
                raise click.UsageError("No input file was given.", click.get_current_context())
            return function(inputs=inputs, **others)

        return merged

    return decorate


def combined(*decorators: Decorator) -> Decorator:
    """Apply several option decorators; the help lists them in the given order."""

    def decorate(function: Command) -> Command:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


reading_options = combined(
    tree_option, layout_option, map_option, max_entries_option, bad_file_option
)
config_options = combined(config_option, set_option)
common_options = combined(threads_option, json_option, quiet_option, debug_option)
