"""`pphysml evaluate`: metrics with uncertainties, plots, a report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import (
    combined,
    common_options,
    config_options,
    device_option,
    force_option,
    input_files,
    model_code_option,
    models_option,
    output_option,
    reading_options,
    strict_option,
    task_argument,
)
from .output import print_json, print_table, report_skipped, show
from .progress import make_progress
from .task_flags import TaskVerb, taken

if TYPE_CHECKING:
    from pphysml.evaluation.result import Evaluation, Metric


@click.command(cls=TaskVerb, verb="evaluate", short_help="Metrics with uncertainties, plots and a report.")
@task_argument
@input_files(required=True)
@output_option("Folder for reports (HTML), plots and metrics (JSON); default: none is written.", required=False, folder=True)
@models_option
@model_code_option
@click.option("--engine", "engines", multiple=True, metavar="NAME", help="Method to evaluate; repeatable, compared on the same events.")
@combined(
    config_options, device_option, reading_options, strict_option, force_option, common_options,
)
def command(
    task: str, inputs: Sequence[str], models: Sequence[str], model_code: Path | None, engines: Sequence[str], source: Sequence[str], overrides: Sequence[str],
    device: str, tree: str | None, layout: str | None, mapping: Mapping[str, str], max_entries: int | None, on_bad_file: str,
    as_json: bool, quiet: bool, **others: Any,
) -> int:
    """Compare reconstruction with the truth in the files; `pphysml evaluate TASK --help` shows the flags of a task, too.

    Every metric is printed with its 68 % interval, its denominator and its definition.

    \b
    Example:
      pphysml evaluate lcag events.root --engine network --engine massline -o report
      pphysml evaluate track hits.root --model runs/first --model mixed --engine network --engine follower -o report
    """
    from pphysml.registry import get_task
    from pphysml.verbs.engine_choice import EngineChoice
    from pphysml.verbs.evaluate import evaluate, notes_of
    from pphysml.verbs.inputs import Inputs

    chosen = get_task(task)
    choice = EngineChoice(None, None, source, taken(chosen.flags("evaluate"), others, overrides), device, model_code)
    files = Inputs(inputs, tree, layout, mapping, (), max_entries, on_bad_file)
    with make_progress(quiet) as progress:
        results = evaluate(chosen, files, choice, engines=engines, models=models, progress=progress, **others)
    if as_json:
        print_json({engine: _as_json(result) for engine, result in results.items()})
    else:
        _print(results, notes_of(results))
    return report_skipped(next(iter(results.values())).skipped)


def _as_json(result: Evaluation) -> dict[str, Any]:
    return {"metrics": result.metrics, "tables": result.tables, "notes": result.notes}


def _print(results: Mapping[str, Evaluation], notes: Sequence[str]) -> None:
    print_table(
        {"engine": engine, **_row(metric)} for engine, result in results.items() for metric in result.metrics
    )
    definitions = {m.name: m.definition for result in results.values() for m in result.metrics}
    for name, definition in definitions.items():
        show(f"{name}: {definition}")
    for note in notes:
        show(note)


def _row(metric: Metric) -> dict[str, Any]:
    down, up = metric.value - metric.low, metric.high - metric.value
    known = math.isfinite(metric.value)
    return {
        "metric": metric.name, "value": f"{metric.value:.5g}" if known else "-",
        "68 % interval": f"-{down:.2g} +{up:.2g}" if known and math.isfinite(down + up) else "-", "n": metric.n,
    }
