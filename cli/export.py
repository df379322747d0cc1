"""`pphysml export`: weights in the formats of other programs."""

from __future__ import annotations

from pathlib import Path

import click

from .options import (
    debug_option,
    force_option,
    format_option,
    json_option,
    model_code_option,
    model_option,
    output_option,
    task_argument,
    threads_option,
)
from .output import finish


@click.command(short_help="Convert weights for other programs.")
@task_argument
@model_option
@model_code_option
@output_option("File to write.")
@format_option(required=True)
@force_option
@json_option
@threads_option
@debug_option
def command(
    task: str, model: str | None, model_code: Path | None, output: Path, format_name: str, force: bool, as_json: bool
) -> int:
    """Convert the weights of TASK.

    \b
    Example:
      pphysml export lcag --model runs/first --format onnx -o lcag.onnx

    Beside lcag.onnx lies lcag_decoder.py then, which turns what the network says into
    trees. The format safetensors is the weights file by itself.
    """
    from pphysml.registry import get_task
    from pphysml.verbs.export import export

    summary = export(get_task(task), model=model, output=output, format=format_name, code=model_code, force=force)
    return finish(summary, as_json)
