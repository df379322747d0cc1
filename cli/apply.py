"""One command per task: reconstruct ROOT files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import click

from .options import (
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

HELP = """{summary}

Reads the ROOT files in order into one output file, with a tree {tree!r}. Engines: {engines}.

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
    @combined(
        config_options, device_option, reading_options, strict_option, force_option, dry_run_option,
        common_options,
    )
    def run(inputs: Sequence[str], output: Path | None, as_json: bool, quiet: bool, **others: Any) -> int:
        from pphysml.apply import apply

        where = output or default_output(inputs[0], name)
        with make_progress(quiet) as progress:
            summary = apply(task, inputs=inputs, output=where, progress=progress, **others)
        return finish(summary, as_json)

    engines = ", ".join(task.engines)
    text = HELP.format(summary=task.summary, tree=task.output_tree, engines=engines, name=name)
    return click.command(name, help=text, short_help=task.summary)(run)


def default_output(first: str, task: str) -> Path:
    """Return `events.lcag.root` for `/data/events.root:tree`, in the working folder."""
    from pphysml.io.sources import split_tree

    stem = PurePosixPath(split_tree(first)[0]).stem
    stem = re.sub(r"[*?[\]{}]+", "", stem) or "output"
    return Path(f"{stem}.{task}.root")
