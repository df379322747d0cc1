"""One command per task: reconstruct ROOT files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import click

from .options import (
    combined,
    common_options,
    config_options,
    device_option,
    distinct,
    dry_run_option,
    force_option,
    input_files,
    model_code_option,
    model_option,
    output_option,
    reading_options,
    strict_option,
)
from .output import finish
from .progress import make_progress
from .task_flags import taken, task_flags
from .verb_command import VerbCommand

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
    @model_code_option
    @click.option("--engine", metavar="NAME", help=f"Method; default: {task.default_engine}.")
    @click.option("--keep", multiple=True, callback=distinct, metavar="BRANCH", help="Carry an input branch over to the output; repeatable.")
    @task_flags(task.flags("apply"))
    @combined(
        config_options, device_option, reading_options, strict_option, force_option, dry_run_option,
        common_options,
    )
    def run(
        inputs: Sequence[str], output: Path | None, model: str | None, model_code: Path | None, engine: str | None, source: Sequence[str],
        overrides: Sequence[str], device: str, tree: str | None, layout: str | None, mapping: Mapping[str, str],
        keep: Sequence[str], max_entries: int | None, on_bad_file: str, as_json: bool, quiet: bool, **others: Any
    ) -> int:
        from pphysml.verbs.apply import apply
        from pphysml.verbs.engine_choice import EngineChoice
        from pphysml.verbs.inputs import Inputs

        choice = EngineChoice(model, engine, source, taken(task.flags("apply"), others, overrides), device, model_code)
        files = Inputs(inputs, tree, layout, mapping, keep, max_entries, on_bad_file)
        where = output or default_output(inputs[0], name)
        with make_progress(quiet) as progress:
            summary = apply(task, files, choice, output=where, progress=progress, **others)
        return finish(summary, as_json)

    engines = ", ".join(task.engines)
    trees = " and ".join(f"a tree {tree!r}" for tree in (task.output_tree, *task.further_tree_names))
    text = HELP.format(summary=task.summary, trees=trees, engines=engines, name=name)
    return click.command(name, cls=VerbCommand, help=text, short_help=task.summary)(run)


def default_output(first: str, task: str) -> Path:
    """Return `events.lcag.root` for `/data/events.root:tree`, in the working folder."""
    from pphysml.io.sources import split_tree

    stem = PurePosixPath(split_tree(first)[0]).stem
    stem = re.sub(r"[*?[\]{}]+", "", stem) or "output"
    return Path(f"{stem}.{task}.root")
