"""`pphysml import`: data of other programs as ROOT files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from .options import (
    combined,
    common_options,
    force_option,
    format_option,
    input_files,
    output_option,
    task_argument,
)
from .output import finish
from .progress import make_progress
from .verb_command import VerbCommand


@click.command("import", cls=VerbCommand, short_help="Write data of other programs as ROOT files.")
@task_argument
@input_files(required=True)
@output_option("ROOT file to write.")
@format_option(required=False)
@combined(force_option, common_options)
def command(
    task: str, inputs: Sequence[str], output: Path, format_name: str | None, force: bool, as_json: bool, quiet: bool
) -> int:
    """Write files of another format as a ROOT file that TASK reads; --format is needed where TASK knows several.

    \b
    Example:
      pphysml import lcag known/leaves_test.*.npy -o known-test.root
      pphysml evaluate lcag known-test.root
      pphysml import track water_100_10k.npz -o hits.root
    """
    from pphysml.registry import get_task
    from pphysml.verbs.import_ import import_files

    with make_progress(quiet) as progress:
        summary = import_files(get_task(task), inputs, output, format=format_name, force=force, progress=progress)
    return finish(summary, as_json)
