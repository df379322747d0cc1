"""Train a task's network: from files or a simulation to a run folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import Interrupted, Stopped
from ..interruption import held_back, resumable
from ..io.ragged import Array, length, slice_rows
from ..model_file import ModelFile, save_model
from ..own_network import Recorded
from ..progress import Progress, Silent
from ..task import Task
from ..training.loop import Loop, refuse_divergence
from ..training.optimisation import Average
from ..training.run_folder import RunFolder
from ..training.run_lock import locked
from ..training.signals import StopFlag
from ..training.start import Start, begin, devices_of, launch
from .examples import warn
from .resumed_run import how_to_go_on, resumed_run
from .training_inputs import TrainingInputs


def train(
    task: Task[Any],
    config: Any,
    given: TrainingInputs | None = None,
    *,
    output: Path,
    resume: Path | None = None,
    code: Path | None = None,
    devices: int = 1,
    device: str = "auto",
    force: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train and return a summary; the run folder holds everything.

    Args:
        config: the task's configuration; ignored with `resume`, which takes the run's own.
        given: files and weights to start from; by default there are none.
        resume: run folder to go on with.
        code: file of the network of a run that is resumed, where that is one of the user's own.
        devices: processes.

    Raises:
        Stopped, Interrupted: a signal came; the state is saved.
        ConfigError, InputError, ModelError, OutputError: as their names say.
    """
    folder = RunFolder(resume or output)
    given = given or TrainingInputs()
    if resume is not None:
        config, given = resumed_run(task, folder, code)
    else:
        folder.check_free(force)
        config, given = _with_map(config, given), replace(given, code=_code_of(config))
    on = how_to_go_on(folder, config)
    fabric = launch(device, devices, all_used=config.own_network is None)
    first = fabric.global_rank == 0
    with ExitStack() as stack:
        stack.enter_context(_reporting(config))
        if resume is not None:
            stack.enter_context(resumable(on))
            locks = not first or stack.enter_context(locked(folder.path, folder.lock))
        readers = given.open(task, config)
        start = begin(task, config, readers, init_from=given.init_from,
                      checkpoint=folder.checkpoint if resume is not None else None)
        loop = start.loop(fabric, folder, progress)
        with StopFlag() as flag:
            if resume is None:
                locks = not first or stack.enter_context(_created(
                    folder, config, {"task": task.name, **given.to_json(readers)}, loop, force))
                stack.enter_context(resumable(on))
            fabric.barrier()
            warnings = _warned(start, loop.progress, [] if locks else [
                f"{folder.path}: its file system has no locks; see to it that no other training writes there"])
            with start.batches(fabric) as batches:
                signal = loop.run(batches, start.validation(fabric), flag, start.from_weights)
        if signal:
            _stop(signal, start, on, fabric.global_rank)
        finished, reached = loop.conclude(start.validation(fabric))
        if first:
            _finish(task, start, loop, folder, finished, reached)
        fabric.barrier()
    if fabric.global_rank:
        raise SystemExit(0)
    return {"run": str(folder.path), "steps": start.state.step, start.learner.monitor: reached,
            "parameters": sum(p.numel() for p in start.network.parameters()), "skipped": start.data.skipped,
            "warnings": warnings, "model": str(folder.model)}


@contextmanager
def _created(folder: RunFolder, config: Any, kept: dict[str, Any], loop: Loop, force: bool) -> Iterator[bool]:
    """Make the run folder with its first checkpoint, and hold its lock; see `run_lock.locked`."""
    with ExitStack() as stack:
        with folder.created(config, kept, force) as new:
            loop.write(new.checkpoint)
            locks = stack.enter_context(locked(folder.path, new.lock))
        yield locks


def plan(
    task: Task[Any],
    config: Any,
    given: TrainingInputs | None = None,
    *,
    output: Path,
    devices: int = 1,
    device: str = "auto",
    force: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return what a training would do, after its first step has been tried; nothing is written.

    All is as in `train`, but for one process instead of several.

    Raises:
        ConfigError, InputError, ModelError, OutputError: as `train` would.
    """
    given = given or TrainingInputs()
    config = _with_map(config, given)
    RunFolder(output).check_free(force)
    devices_of(device, devices)
    with _reporting(config):
        start = begin(task, config, given.open(task, config), init_from=given.init_from)
        warnings = _warned(start, progress or Silent())
        loss = _first_step(start, device)
    parameters = sum(p.numel() for p in start.network.parameters())
    counts, options = start.data.training.counts, config.training
    return {
        "training_examples": "endless" if counts is None else sum(counts),
        "validation_examples": length(start.data.validation),
        "steps": options.steps,
        "batch_size": options.batch_size,
        "parameters": parameters,
        "state_megabytes": round(parameters * 4 * 5 / 1e6, 1),
        "loss": loss,
        "skipped": start.data.skipped,
        "warnings": warnings,
    }


def _with_map(config: Any, given: TrainingInputs) -> Any:
    """Return the configuration with the mapping of the inputs, which is kept with the model in this way."""
    data = config.data.model_copy(update={"map": given.inputs.mapped(config)})
    return config.model_copy(update={"data": data})


def _warned(start: Start, progress: Progress, further: Sequence[str] = ()) -> list[str]:
    """Say what there is to know of the files and of the network, and return it."""
    said: list[str] = []
    for sentence in [*further, *start.data.warnings, *start.learner.warnings(start.network)]:
        warn(sentence, said, progress)
    return said


def _first_step(start: Start, device: str) -> dict[str, float]:
    """Do the first step of a training, if there is one, and validate with a few examples; return the terms of the loss."""
    fabric = launch(device, 1)
    gradients, average = start.gradients(fabric), Average(start.network.state_dict(), start.config.training.average)
    terms: dict[str, Tensor] = {}
    if start.config.training.steps:
        with start.batches(fabric) as batches:
            loss, terms = gradients(next(batches), start.state.step)
        refuse_divergence(float(loss), start.state.step + 1)
        average.update(start.network.state_dict().items(), 1)
    with torch.no_grad():
        few = slice_rows(start.data.validation, 0, start.config.training.batch_size)
        start.learner.validate(start.network.eval(), few)
    return {name: float(mean) for name, mean in terms.items()}


def _code_of(config: Any) -> Recorded | None:
    """Return what is kept of the network's code, where that is one of the user's own."""
    own = config.own_network
    return None if own is None else own.recorded


def _reporting(config: Any) -> AbstractContextManager[None]:
    """Return a context in which errors that a network of the user's own causes are reported as those of its file."""
    own = config.own_network
    return nullcontext() if own is None else own.reporting(f"training {own.class_name}")


def _stop(signal: int, start: Start, on: str, rank: int) -> None:
    if rank:
        # The launcher takes any other exit code of a helper process for a crash.
        os._exit(0)
    saved = f"saved at step {start.state.step}; {on}"
    if signal == 2:
        raise Interrupted(f"Interrupted; {saved}.")
    raise Stopped(f"Stopped by signal {signal}; {saved}.")


def _finish(task: Task[Any], start: Start, loop: Loop, folder: RunFolder, finished: dict[str, Array], reached: float) -> None:
    """Write the best weights, with all that applying them needs, and the curves of the training."""
    best, state, monitor = loop.state.best_average or loop.average.weights, loop.state, start.learner.monitor
    header = {
        "task": task.name,
        "config": start.config.model_dump(mode="json"),
        "step": state.best_step or state.step,
        "validation": {monitor: reached, "events": length(start.data.validation)},
        "training_data": start.data.description,
    }
    code = _code_of(start.config)
    if code is not None:
        header["model_code"] = asdict(code)
    network = {name: value.detach().cpu().numpy() for name, value in best.items()}
    with held_back(last=True):
        save_model(folder.model, ModelFile(header, network, start.prepared, finished))
    from ..evaluation.training_curves import write_training_curves

    write_training_curves(folder.metrics, folder.plots)
