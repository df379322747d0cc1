"""`pphysml export`: weights, or the examples of files, in the formats of other programs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from .options import (
    combined,
    common_options,
    config_options,
    force_option,
    format_option,
    input_files,
    model_code_option,
    model_option,
    output_option,
    reading_options,
    task_argument,
)
from .output import finish
from .progress import make_progress
from .task_flags import TaskVerb, taken

OF_BOTH = ("task", "output", "format_name", "force", "as_json", "quiet")
"""Options that formats of weights and of data take; every other option is for one kind only."""


@click.command(cls=TaskVerb, verb="export", short_help="Convert weights or data for other programs.")
@task_argument
@input_files(required=False)
@model_option
@model_code_option
@output_option("File to write; of a format of data, folder.", folder=True)
@format_option(required=True)
@combined(config_options, reading_options, force_option, common_options)
def command(
    task: str, inputs: Sequence[str], model: str | None, model_code: Path | None, output: Path, format_name: str, source: Sequence[str],
    overrides: Sequence[str], tree: str | None, layout: str | None, mapping: Mapping[str, str], max_entries: int | None,
    on_bad_file: str, force: bool, as_json: bool, quiet: bool, **others: Any,
) -> int:
    """Convert the weights of TASK, or the examples of FILEs, for other programs.

    Formats of weights take --model and no files: safetensors, the weights file by itself; of lcag
    onnx; of petnet snntorch, nir, nir-exact. Formats of data take files, and the options of reading and of the
    configuration, by default that of the shipped weights: of track pyg, graphs of hits and candidate
    links for PyTorch Geometric. `pphysml export TASK --help` shows the flags of a task, too.

    \b
    Example:
      pphysml export lcag --model runs/first --format onnx -o lcag.onnx
      pphysml export track run.root --format pyg -o graphs

    Beside lcag.onnx lies lcag_decoder.py then, which turns what the network says into
    trees; in the folder graphs lie graphs-00000.safetensors, graphs-00001.safetensors, ...

    The formats snntorch, nir and nir-exact hold the published spiking network of petnet. A
    program that reads nir must subtract the threshold one step after a spike: snntorch's
    importer sets membranes to zero at once, and finds other spikes until reset_mechanism,
    state_function and reset_delay of its neurons are set. What to do is printed
    after the export, is in the file, and in the README.
    """
    from pphysml.registry import get_task
    from pphysml.verbs.export import check_format, export
    from pphysml.verbs.export_data import export_data
    from pphysml.verbs.inputs import Inputs

    chosen = get_task(task)
    check_format(chosen, format_name)
    overrides = taken(chosen.flags("export"), others, overrides)
    if format_name not in chosen.data_exports:
        _refuse_others(f"The format {format_name!r} is of weights", (*OF_BOTH, "model", "model_code"))
        return finish(export(chosen, model=model, output=output, format=format_name, code=model_code, force=force), as_json)
    _refuse(f"The format {format_name!r} is of data", {"model", "model_code"})
    if not inputs:
        raise click.UsageError(f"The format {format_name!r} is of data, but no input file was given.", click.get_current_context())
    files = Inputs(inputs, tree, layout, mapping, (), max_entries, on_bad_file)
    with make_progress(quiet) as progress:
        summary = export_data(chosen, files, format=format_name, output=output, source=source,
                              overrides=overrides, force=force, progress=progress)
    return finish(summary, as_json)


def _refuse_others(reason: str, accepted: Collection[str]) -> None:
    context = click.get_current_context()
    _refuse(reason, {p.name for p in context.command.get_params(context) if p.expose_value and p.name} - {*accepted})


def _refuse(reason: str, names: Collection[str]) -> None:
    """Refuse parameters of these names that were given on the command line.

    Raises:
        click.UsageError: one was given.
    """
    context = click.get_current_context()
    for parameter in context.command.get_params(context):
        if parameter.name in names and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE:
            shown = "files" if isinstance(parameter, click.Argument) else parameter.opts[-1]
            raise click.UsageError(f"{reason}: it takes no {shown}.", context)
