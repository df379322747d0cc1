"""One command per task: reconstruct ROOT files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from .options import (
    Decorator,
    combined,
    common_options,
    config_options,
    device_option,
    dry_run_option,
    force_option,
    input_files,
    model_option,
    output_option,
    reading_options,
    strict_option,
)
from .output import finish
from .progress import make_progress

if TYPE_CHECKING:
    from pphysml.task import Flag

HELP = """{summary}

Reads the ROOT files in order into one output file, with {trees}. Engines: {engines}.

\b
Example:
  pphysml {name} --input events.root -o {name}.root
"""


def make_command(name: str) -> click.Command:
    """Return the command that applies the task of that name."""
    from pphysml.registry import get_task

    task = get_task(name)

    @input_files(required=True)
    @output_option(f"ROOT file to write; default: INPUT.{name}.root in the working folder.", required=False)
    @model_option
    @click.option("--engine", metavar="NAME", help=f"Method; default: {task.default_engine}.")
    @click.option("--keep", multiple=True, metavar="BRANCH", help="Carry an input branch over to the output; repeatable.")
    @task_flags(task.flags)
    @combined(
        config_options, device_option, reading_options, strict_option, force_option, dry_run_option,
        common_options,
    )
    def run(
        inputs: Sequence[str], output: Path | None, overrides: Sequence[str], as_json: bool, quiet: bool, **others: Any
    ) -> int:
        from pphysml.verbs.apply import apply

        values = {flag.key: others.pop(parameter(flag)) for flag in task.flags.values()}
        for flag_name, flag in task.flags.items():
            if flag.instead_of and values[flag.key] is not None and values[task.flags[flag.instead_of].key] is not None:
                raise click.UsageError(f"{flag_name} and {flag.instead_of} exclude each other.")
        overrides = [*overrides, *settings(values)]
        where = output or default_output(inputs[0], name)
        with make_progress(quiet) as progress:
            summary = apply(task, inputs=inputs, output=where, overrides=overrides, progress=progress, **others)
        return finish(summary, as_json)

    engines = ", ".join(task.engines)
    trees = " and ".join(f"a tree {tree!r}" for tree in (task.output_tree, *task.further_trees))
    text = HELP.format(summary=task.summary, trees=trees, engines=engines, name=name)
    return click.command(name, help=text, short_help=task.summary)(run)


def task_flags(flags: Mapping[str, Flag]) -> Decorator:
    """Declare the flags that a task has by itself."""
    return combined(*(
        click.option(name, parameter(flag), metavar=flag.metavar, help=flag.help) for name, flag in flags.items()
    ))


def parameter(flag: Flag) -> str:
    """Return the name by which a command receives a flag's value."""
    return flag.key.replace(".", "_")


def settings(values: Mapping[str, str | None]) -> list[str]:
    """Return the values given as `--set` would have them; text stays text, whatever YAML makes of it."""
    return [f"{key}={json.dumps(value)}" for key, value in values.items() if value is not None]


def default_output(first: str, task: str) -> Path:
    """Return `events.lcag.root` for `/data/events.root:tree`, in the working folder."""
    from pphysml.io.sources import split_tree

    stem = PurePosixPath(split_tree(first)[0]).stem
    stem = re.sub(r"[*?[\]{}]+", "", stem) or "output"
    return Path(f"{stem}.{task}.root")
