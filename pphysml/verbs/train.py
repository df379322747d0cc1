"""Train a task's network: from files or a simulation to a run folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import nn

from ..config import Config, build
from ..contract import Learner
from ..errors import ConfigError, InputError, Interrupted, ModelError, Stopped
from ..io.ragged import Array, Columns, length, take
from ..io.reader import Reader
from ..model_file import ModelFile, is_ours, load_model, save_model
from ..nn.network_weights import load, mismatch
from ..progress import Progress
from ..task import Task
from ..training.checkpoint import TrainingState, load_state
from ..training.config import TrainingConfig
from ..training.loop import Loop, step_seed
from ..training.order import BatchOrder
from ..training.run_folder import RunFolder
from ..training.signals import StopFlag
from ..training.sources import (
    TRAINING,
    VALIDATION,
    AssembledSource,
    ExampleSource,
    FileSource,
    SimulatedSource,
    first_examples,
)
from ..training.start import launch, make_loop
from ..training.stream import stream
from .inputs import Inputs


@dataclass(frozen=True)
class TrainingInputs:
    """Where a training begins: the part of a run folder that is not configuration.

    Attributes:
        inputs: none means simulated on the fly.
        validation: files for validation instead of a share of the inputs.
        init_from: run folder or weights file whose weights are the start.
    """

    inputs: Inputs = field(default_factory=Inputs)
    validation: Sequence[str] = ()
    init_from: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what a run folder keeps."""
        given = self.inputs
        layout = {} if given.layout is None else {"layout": given.layout}
        return {
            "inputs": list(given.files), "validation": list(self.validation), "max_entries": given.max_entries,
            "mapping": dict(given.mapping), "tree": given.tree, "on_bad_file": given.on_bad_file,
            "init_from": self.init_from, **layout,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> TrainingInputs:
        """Return what a run folder has kept."""
        inputs = Inputs(kept["inputs"], kept["tree"], kept.get("layout"), kept["mapping"],
                        max_entries=kept["max_entries"], on_bad_file=kept["on_bad_file"])
        return cls(inputs, kept["validation"], kept["init_from"])


@dataclass(frozen=True)
class Data:
    """Training examples, validation examples, and a description of both for the weights file."""

    training: ExampleSource
    validation: Columns
    description: dict[str, Any]
    skipped: list[tuple[str, str]]


def train(
    task: Task[Any],
    config: Any,
    given: TrainingInputs | None = None,
    *,
    output: Path,
    resume: Path | None = None,
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
        devices: processes.

    Raises:
        Stopped, Interrupted: a signal came; the state is saved.
        ConfigError, InputError, ModelError, OutputError: as their names say.
    """
    folder = RunFolder(resume or output)
    given = given or TrainingInputs()
    if resume is not None:
        config, given = _resumed(task, folder)
    else:
        folder.check_free(force)
    if config.training.steps == 0 and not given.init_from:
        raise ConfigError("training.steps=0 takes given weights as they are: name them with --init-from.")
    fabric = launch(device, devices)
    data = open_data(task, config, given)
    learner = task.learner(config)
    prepared = learner.prepare([first_examples(data.training, learner.prepare_examples)])
    network, state = _begin(task, config, learner, prepared, folder, given, resume is not None)
    if fabric.global_rank == 0 and resume is None:
        folder.create(config, given.to_json(), force)
    fabric.barrier()
    loop = make_loop(fabric, learner, network, config.training, folder, state, progress)
    signal = _run(loop, data, make_order(config.training, data.training), learner, bool(given.init_from))
    if signal:
        _stop(signal, folder, state.step, fabric.global_rank)
    if fabric.global_rank == 0:
        _finish(task, config, learner, loop, data, prepared, folder)
    fabric.barrier()
    if fabric.global_rank:
        raise SystemExit(0)
    return {"run": str(folder.path), "steps": state.step, learner.monitor: state.best,
            "parameters": sum(p.numel() for p in network.parameters()), "skipped": data.skipped, "model": str(folder.model)}


def _run(loop: Loop, data: Data, order: BatchOrder, learner: Learner, from_weights: bool) -> int:
    """Train on this process's share of every batch; return the signal that stopped it, 0 if none did."""
    rank, world = loop.fabric.global_rank, loop.fabric.world_size
    share = take(data.validation, np.arange(rank, length(data.validation), world))
    with StopFlag() as flag, closing(stream(data.training, order, learner.lengths, loop.state.step, rank, world)) as batches:
        return loop.run(batches, share, flag, from_weights)


def _begin(task: Task[Any], config: Any, learner: Learner, prepared: dict[str, Array], folder: RunFolder,
           given: TrainingInputs, resumed: bool) -> tuple[nn.Module, TrainingState]:
    """Return the network and the state to go on from: the checkpoint's, given weights, or random ones."""
    torch.manual_seed(step_seed(config.training.seed, -1, 0))
    network = learner.build(prepared)
    if resumed:
        state = load_state(folder.checkpoint)
        network.load_state_dict(state.model)
        return network, state
    if given.init_from:
        start_from(network, given.init_from, task, config)
    return network, TrainingState(0, {}, {}, {})


def plan(task: Task[Any], config: Any, given: TrainingInputs | None = None) -> dict[str, Any]:
    """Return what a training would do, after trying one batch of it."""
    data = open_data(task, config, given or TrainingInputs())
    learner = task.learner(config)
    examples = first_examples(data.training, config.training.batch_size)
    network = learner.build(learner.prepare([examples]))
    with torch.no_grad():
        terms = learner.losses(network, learner.collate(examples))
    counts = data.training.counts
    parameters = sum(p.numel() for p in network.parameters())
    return {
        "training_examples": "endless" if counts is None else sum(counts),
        "validation_examples": length(data.validation),
        "steps": config.training.steps,
        "batch_size": config.training.batch_size,
        "parameters": parameters,
        "state_megabytes": round(parameters * 4 * 5 / 1e6, 1),
        "loss": {name: float(term.total) / max(float(term.count), 1e-12) for name, term in terms.items()},
        "skipped": data.skipped,
    }


def open_data(task: Task[Any], config: Any, given: TrainingInputs) -> Data:
    """Open files, or the simulation if there are none.

    Raises:
        InputError: no example is left to train on, or the truth is missing.
    """
    options: TrainingConfig = config.training
    assemble, inputs = task.assemble_training, given.inputs
    if not inputs.files:
        training: ExampleSource = SimulatedSource(
            task.simulation(config, options.seed), assemble, config, options.simulated_events, options.block_size)
        # Another seed, so that validation events are never among those trained on.
        held_out = SimulatedSource(
            task.simulation(config, options.seed + 1_000_003), assemble, config, options.validation_events, options.block_size)
        description: dict[str, Any] = {"simulated": True, "seed": options.seed}
        return Data(training, first_examples(held_out, options.validation_events), description, [])
    reader = inputs.open_for_training(task, config)
    own = not given.validation
    fraction = options.validation_fraction if own else 0.0
    source = _source(task, reader, config, TRAINING if own else None, fraction)
    held = (_source(task, reader, config, VALIDATION, fraction) if own else
            _source(task, replace(inputs, files=given.validation).open_for_training(task, config), config))
    for part, name in ((source, "train on"), (held, "validate with")):
        if part.counts is not None and not sum(part.counts):
            named = ", ".join(inputs.files)
            raise InputError(f"{named}: {reader.n_entries} entries leave no example to {name}; "
                             "give more, or other files with --validation.")
    files = [{"path": s.path, "tree": s.tree} for s in reader.sources]
    description = {"simulated": False, "files": files, "validation_fraction": fraction}
    return Data(source, first_examples(held, options.validation_events), description, list(reader.skipped))


def _source(task: Task[Any], reader: Reader, config: Any, part: str | None = None, fraction: float = 0.0) -> ExampleSource:
    """Return the examples of files: streamed where blocks stand for themselves, else kept in memory."""
    if task.spans_entries:
        return AssembledSource(reader, task.assemble_training, config, part, fraction)
    return FileSource(reader, task.assemble_training, config, part, fraction, objects=task.has_objects)


def make_order(config: TrainingConfig, source: ExampleSource) -> BatchOrder:
    """Return the global order of a source's examples."""
    return BatchOrder(
        source.counts, seed=config.seed, batch_size=config.batch_size, window_blocks=config.window_blocks,
        bucket_batches=config.bucket_batches, endless_count=config.block_size,
    )


def start_from(network: nn.Module, source: str, task: Task[Any], config: Any) -> None:
    """Copy weights into a network of the same shape: of a run folder or weights file, ours or one that the task knows."""
    if Path(source).is_file() and not is_ours(Path(source)) and task.start_from_foreign(network, Path(source)):
        return
    model = load_model(Path(source), task.name)
    problem = mismatch(network, model.network)
    if problem:
        theirs, ours = model.header["config"]["model"], config.model.model_dump(mode="json")
        other = [f"model.{name}={theirs[name]}" for name in ours if name in theirs and theirs[name] != ours[name]]
        hint = f" It has {', '.join(other)}: set these, or take its preset." if other else ""
        raise ModelError(f"{source}: its network has another shape than the configured one ({problem}).{hint}")
    load(network, model.network)


def _resumed(task: Task[Any], folder: RunFolder) -> tuple[Config, TrainingInputs]:
    folder.check()
    values = yaml.safe_load(folder.config.read_text())
    config = build(task.config_class, values, str(folder.config))
    return config, TrainingInputs.from_json(json.loads(folder.inputs.read_text()))


def _stop(signal: int, folder: RunFolder, step: int, rank: int) -> None:
    if rank:
        # The launcher takes any other exit code of a helper process for a crash.
        os._exit(0)
    resume = f"saved at step {step}; go on with --resume {folder.path}"
    if signal == 2:
        raise Interrupted(f"Interrupted; {resume}.")
    raise Stopped(f"Stopped by signal {signal}; {resume}.")


def _finish(task: Task[Any], config: Config, learner: Learner, loop: Loop, data: Data,
            prepared: dict[str, Array], folder: RunFolder) -> None:
    best = loop.state.best_average or loop.average.weights
    with loop.averaged(best), torch.no_grad():
        finished = learner.finish(loop.network, data.validation)
    header = {
        "task": task.name,
        "config": config.model_dump(mode="json"),
        "step": loop.state.best_step or loop.state.step,
        "validation": {learner.monitor: loop.state.best, "events": length(data.validation)},
        "training_data": data.description,
    }
    network = {name: value.detach().cpu().numpy() for name, value in best.items()}
    save_model(folder.model, ModelFile(header, network, prepared, finished))
    from ..evaluation.training_curves import write_training_curves

    write_training_curves(folder.metrics, folder.plots)


