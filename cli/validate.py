"""`pphysml validate`: every problem of input files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from pphysml.printable import printable, readable

from .options import (
    combined,
    config_options,
    debug_option,
    input_files,
    json_option,
    layout_option,
    map_option,
    task_argument,
    threads_option,
    tree_option,
)
from .output import print_json, show
from .task_flags import TaskVerb, taken


@click.command(cls=TaskVerb, verb="validate", short_help="List every problem of input files.")
@task_argument
@input_files(required=True)
@click.option("--truth", "need_truth", is_flag=True, help="Also require the truth that training and evaluating need.")
@combined(config_options, tree_option, layout_option, map_option, threads_option, json_option, debug_option)
def command(
    task: str, inputs: Sequence[str], need_truth: bool, source: Sequence[str], overrides: Sequence[str],
    tree: str | None, layout: str | None, mapping: Mapping[str, str], as_json: bool, **others: Any,
) -> int:
    """Read the files whole and list what TASK could not use, one line each; exit with 3 if so.

    Checked are trees, branches, types, lengths, values that are not finite or out of range, damaged
    baskets, and, where these are right, what else TASK refuses: truth that is no decay tree, for
    example. With a configuration, the further branches that it names are checked too.
    `pphysml validate TASK --help` shows the flags of a task, too.

    \b
    Example:
      pphysml validate lcag data/*.root --truth
    """
    from pphysml.registry import get_task
    from pphysml.verbs.config import configuration
    from pphysml.verbs.inputs import Inputs
    from pphysml.verbs.validate import validate

    chosen = get_task(task)
    config = configuration(chosen, source, taken(chosen.flags("validate"), others, overrides))
    problems = validate(chosen, Inputs(inputs, tree, layout, mapping), config, need_truth)
    if as_json:
        print_json(problems)
    else:
        show("\n".join(printable(readable(f"{p.severity}: {p.sentence()}")) for p in problems) or "No problem found.")
    return 3 if any(problem.severity == "error" for problem in problems) else 0
