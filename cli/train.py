"""`pphysml train`: train a task's network into a run folder."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from .options import (
    TaskName,
    combined,
    common_options,
    config_options,
    device_option,
    distinct,
    dry_run_option,
    force_option,
    input_files,
    model_code_option,
    output_option,
    reading_options,
    refuse_set,
    seed_option,
)
from .output import finish
from .progress import make_progress
from .task_flags import TaskVerb, given_flags, taken


@click.command(cls=TaskVerb, verb="train", short_help="Train a task's network.")
@click.argument("task", type=TaskName(), metavar="TASK", required=False)
@input_files(required=False)
@output_option("Run folder; default: runs/TASK-TIME.", required=False, folder=True)
@click.option("--validation", multiple=True, callback=distinct, metavar="FILE", help="Validate with these files instead of a share of the input; repeatable.")
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Go on with a stopped run, exactly where it was.")
@model_code_option
@click.option("--init-from", metavar="RUN|FILE", help="Start from these weights.")
@click.option("--devices", type=click.IntRange(1), default=1, show_default=True, help="Processes, one device each.")
@combined(config_options, seed_option, device_option, reading_options, force_option, dry_run_option, common_options)
def command(
    task: str | None, inputs: Sequence[str], output: Path | None, resume: Path | None, model_code: Path | None,
    source: Sequence[str], overrides: Sequence[str], seed: int | None, dry_run: bool, validation: Sequence[str], init_from: str | None,
    tree: str | None, layout: str | None, mapping: Mapping[str, str], max_entries: int | None, on_bad_file: str,
    as_json: bool, quiet: bool, **others: Any,
) -> int:
    """Train a network of TASK; without files, on events simulated on the fly.

    The run folder holds the complete configuration, metrics.csv, checkpoints and the weights
    (model.safetensors). A training that a scheduler stops saves its state and exits with 75;
    --resume takes it up, and needs no TASK. `pphysml train TASK --help` shows the flags of a task, too.

    \b
    Example:
      pphysml train lcag --preset quick --set training.steps=500 -o runs/first
      pphysml lcag events.root --model runs/first -o trees.root
      pphysml train track hits.root --preset quick -o runs/tracks
      pphysml train --resume runs/tracks
    """
    from pphysml.registry import get_task

    flags = get_task(task).flags("train") if task is not None else {}
    if resume is not None:
        _refuse_with_resume({**given_flags(flags, others),
            "files": inputs, "--validation": validation, "--output": output,
            "--config": source, "--set": overrides, "--seed": seed is not None,
            "--init-from": init_from, "--map": mapping, "--tree": tree, "--layout": layout,
            "--max-entries": max_entries, "--on-bad-file": on_bad_file != "fail", "--dry-run": dry_run, "--force": others["force"],
        })
    elif model_code is not None:
        raise click.UsageError("--model-code is for --resume; a new training names its network's file with --set model.name=FILE.py:CLASS.",
                               click.get_current_context())
    elif task is None:
        raise click.UsageError("TASK is missing: it may be left out with --resume only.", click.get_current_context())
    elif not inputs:
        _refuse_without_files({
            "--validation": validation, "--map": mapping, "--tree": tree, "--layout": layout, "--max-entries": max_entries,
            "--on-bad-file": on_bad_file != "fail",
        })
    if seed is not None:
        refuse_set("--seed", "training.seed", overrides)
    from pphysml.verbs.config import configuration
    from pphysml.verbs.inputs import Inputs
    from pphysml.verbs.resumed_run import task_of_run
    from pphysml.verbs.train import plan, train
    from pphysml.verbs.training_inputs import TrainingInputs

    chosen = get_task(task_of_run(resume, task) if resume is not None else str(task))
    changes = [*taken(flags, others, overrides), *([f"training.seed={seed}"] if seed is not None else [])]
    config = None  # a resumed run has its own
    if resume is None:
        config = configuration(chosen, source, changes)
    given = TrainingInputs(Inputs(inputs, tree, layout, mapping, (), max_entries, on_bad_file), validation, init_from)
    run = resume or output or default_run(chosen.name)
    with make_progress(quiet) as progress:
        summary = plan(chosen, config, given, output=run, progress=progress, **others) if dry_run else train(
            chosen, config, given, output=run, resume=resume, code=model_code, progress=progress, **others)
    return finish(summary, as_json)


def default_run(task: str) -> Path:
    """Return a name for the run folder that all processes of one training agree on."""
    step = os.environ.get("SLURM_STEP_ID")
    stamp = time.strftime("%Y%m%d-%H%M%S")
    if step is not None:
        stamp = f"{os.environ['SLURM_JOB_ID']}.{step}"
    # Processes that this one starts inherit the environment, and must not read the clock again.
    return Path(os.environ.setdefault("PPHYSML_RUN", f"runs/{task}-{stamp}"))


def _refuse_without_files(given: dict[str, Any]) -> None:
    named = [name for name, value in given.items() if value]
    if named:
        raise click.UsageError(f"Without files, the training simulates its data; {', '.join(named)} would have no effect.", click.get_current_context())


def _refuse_with_resume(given: dict[str, Any]) -> None:
    named = [name for name, value in given.items() if value]
    if named:
        raise click.UsageError(
            f"--resume takes everything from the run folder; it cannot be combined with {', '.join(named)}.",
            click.get_current_context(),
        )
