"""`pphysml simulate`: simulated ROOT data of a task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from .options import (
    combined,
    common_options,
    config_options,
    force_option,
    output_option,
    seed_option,
    task_argument,
)
from .output import finish
from .progress import make_progress
from .task_flags import TaskVerb, taken


@click.command(cls=TaskVerb, verb="simulate", short_help="Write simulated ROOT data.")
@task_argument
@output_option("ROOT file to write.")
@click.option("-n", "--events", "n_events", type=click.IntRange(1), required=True, help="Number of events, of particles of the beam, or of decays.")
@combined(config_options, seed_option, force_option, common_options)
def command(
    task: str, output: Path, n_events: int, source: Sequence[str], overrides: Sequence[str],
    seed: int | None, force: bool, as_json: bool, quiet: bool, **others: Any,
) -> int:
    """Write simulated data of TASK, with the truth, in the layout that the task reads; `pphysml simulate TASK --help` shows the flags of a task, too.

    The events are others than those that training draws by itself with the same seed.

    \b
    Example:
      pphysml simulate lcag --preset quick -n 2000 --seed 7 -o events.root
      pphysml simulate track --preset mixed -n 100000 -o hits.root
      pphysml simulate petnet --preset mouse-500 -n 1000000 -o singles.root
    """
    from pphysml.registry import get_task
    from pphysml.verbs.config import configuration
    from pphysml.verbs.simulate import simulate

    chosen = get_task(task)
    config = configuration(chosen, source, taken(chosen.flags("simulate"), others, overrides))
    with make_progress(quiet) as progress:
        summary = simulate(
            chosen, config, output, n_events, seed=1 if seed is None else seed, force=force,
            progress=progress,
        )
    return finish(summary, as_json)
