"""`pphysml validate`: every problem of input files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from .options import (
    combined,
    config_options,
    debug_option,
    input_files,
    json_option,
    map_option,
    task_argument,
    threads_option,
    tree_option,
)
from .output import print_json


@click.command(short_help="List every problem of input files.")
@task_argument
@input_files(required=True)
@click.option("--truth", "need_truth", is_flag=True, help="Also require the truth that training and evaluating need.")
@combined(config_options, tree_option, map_option, threads_option, json_option, debug_option)
def command(
    task: str, inputs: Sequence[str], need_truth: bool, source: str | None, overrides: Sequence[str],
    tree: str | None, mapping: Mapping[str, str], as_json: bool,
) -> int:
    """Read the files whole and list what TASK could not use, one line each; exit with 3 if so.

    Checked are trees, branches, types, lengths, values that are not finite or out of range, damaged
    baskets, and, where these are right, what else TASK refuses: truth that is no decay tree, for
    example. With a configuration, the further branches that it names are checked too.

    \b
    Example:
      pphysml validate lcag data/*.root --truth
    """
    from pphysml.config import load
    from pphysml.io.sources import resolve
    from pphysml.io.validation import Check, validate
    from pphysml.registry import get_task

    chosen = get_task(task)
    config: Any = load(chosen.config_class, chosen.presets, source, overrides)
    extra = {**config.data.extra_branches(), **config.apply.extra_branches()}
    assemble = chosen.load("assemble")
    problems = validate(
        resolve(inputs, tree), chosen.load("layouts"), mapping=mapping, extra=extra, need_truth=need_truth,
        check=Check(lambda chunk, carry: assemble(chunk, carry, config), across=chosen.output != "entry"),
    )
    if as_json:
        print_json(problems)
    else:
        click.echo("\n".join(f"{p.severity}: {p.sentence()}" for p in problems) or "No problem found.")
    return 3 if any(problem.severity == "error" for problem in problems) else 0
