"""Train a task's network: from files or a simulation to a run folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import nn

from ..config import Config, build, entries_at_a_time
from ..contract import Learner
from ..errors import ConfigError, InputError, Interrupted, ModelError, Stopped
from ..io.ragged import Array, Columns, length, take
from ..io.reader import Reader
from ..io.sources import resolve
from ..lazy import load_attribute
from ..model_file import ModelFile, first_mismatch, is_ours, load_model, save_model
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


@dataclass(frozen=True)
class Data:
    """Training examples, validation examples, and a description of both for the weights file."""

    training: ExampleSource
    validation: Columns
    description: dict[str, Any]
    skipped: list[tuple[str, str]]


def train(
    task: Task,
    config: Any,
    *,
    output: Path,
    inputs: Sequence[str] = (),
    validation: Sequence[str] = (),
    resume: Path | None = None,
    init_from: str | None = None,
    devices: int = 1,
    device: str = "auto",
    max_entries: int | None = None,
    mapping: Mapping[str, str] | None = None,
    tree: str | None = None,
    on_bad_file: str = "fail",
    force: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train and return a summary; the run folder holds everything.

    Args:
        config: the task's configuration; ignored with `resume`, which takes the run's own.
        inputs: files as for `io.sources.resolve`; none means simulated on the fly.
        validation: files for validation instead of a share of the inputs.
        resume: run folder to go on with.
        init_from: run folder or weights file whose weights are the start.
        devices: processes.

    Raises:
        Stopped, Interrupted: a signal came; the state is saved.
        ConfigError, InputError, ModelError, OutputError: as their names say.
    """
    folder = RunFolder(resume or output)
    choice = _choice(inputs, validation, max_entries, mapping, tree, on_bad_file, init_from)
    if resume is not None:
        config, choice = _resumed(task, folder)
    else:
        folder.check_free(force)
    if config.training.steps == 0 and not choice["init_from"]:
        raise ConfigError("training.steps=0 takes given weights as they are: name them with --init-from.")
    fabric = launch(device, devices)
    data = open_data(task, config, choice)
    learner: Learner = task.load("learner")(config)
    prepared = learner.prepare([first_examples(data.training, learner.prepare_examples)])
    network, state = _begin(task, config, learner, prepared, folder, choice, resume is not None)
    if fabric.global_rank == 0 and resume is None:
        folder.create(config, choice, force)
    fabric.barrier()
    loop = make_loop(fabric, learner, network, config.training, folder, state, progress)
    signal = _run(loop, data, make_order(config.training, data.training), learner, bool(choice["init_from"]))
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


def _begin(task: Task, config: Any, learner: Learner, prepared: dict[str, Array], folder: RunFolder,
           choice: Mapping[str, Any], resumed: bool) -> tuple[nn.Module, TrainingState]:
    """Return the network and the state to go on from: the checkpoint's, given weights, or random ones."""
    torch.manual_seed(step_seed(config.training.seed, -1, 0))
    network = learner.build(prepared)
    if resumed:
        state = load_state(folder.checkpoint)
        network.load_state_dict(state.model)
        return network, state
    if choice["init_from"]:
        start_from(network, choice["init_from"], task, config)
    return network, TrainingState(0, {}, {}, {})


def plan(task: Task, config: Any, *, inputs: Sequence[str] = (), validation: Sequence[str] = (),
         mapping: Mapping[str, str] | None = None, tree: str | None = None,
         max_entries: int | None = None, on_bad_file: str = "fail", **_: Any) -> dict[str, Any]:
    """Return what a training would do, after trying one batch of it."""
    choice = _choice(inputs, validation, max_entries, mapping, tree, on_bad_file)
    data = open_data(task, config, choice)
    learner: Learner = task.load("learner")(config)
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


def open_data(task: Task, config: Any, choice: Mapping[str, Any]) -> Data:
    """Open files, or the simulation if there are none.

    Raises:
        InputError: no example is left to train on, or the truth is missing.
    """
    options: TrainingConfig = config.training
    assemble = task.load("assemble_training" if task.assemble_training else "assemble")
    if not choice["inputs"]:
        simulation = task.load("simulation")
        training: ExampleSource = SimulatedSource(simulation(config, options.seed), assemble, config, options.simulated_events, options.block_size)
        # Another seed, so that validation events are never among those trained on.
        held_out = SimulatedSource(simulation(config, options.seed + 1_000_003), assemble, config, options.validation_events, options.block_size)
        return Data(training, first_examples(held_out, options.validation_events), {"simulated": True, "seed": options.seed}, [])
    reader = _reader(task, config, choice, choice["inputs"])
    own = not choice["validation"]
    fraction = options.validation_fraction if own else 0.0
    from_files = FileSource if task.output == "entry" else AssembledSource
    source: ExampleSource = from_files(reader, assemble, config, TRAINING if own else None, fraction)
    if own:
        held: ExampleSource = from_files(reader, assemble, config, VALIDATION, fraction)
    else:
        held = from_files(_reader(task, config, choice, choice["validation"]), assemble, config)
    for part, name in ((source, "train on"), (held, "validate with")):
        if part.counts is not None and not sum(part.counts):
            named = ", ".join(choice["inputs"])
            raise InputError(f"{named}: {reader.n_entries} entries leave no example to {name}; give more, or other files with --validation.")
    files = [{"path": s.path, "tree": s.tree} for s in reader.sources]
    description = {"simulated": False, "files": files, "validation_fraction": fraction}
    return Data(source, first_examples(held, options.validation_events), description, list(reader.skipped))


def make_order(config: TrainingConfig, source: ExampleSource) -> BatchOrder:
    """Return the global order of a source's examples."""
    return BatchOrder(
        source.counts, seed=config.seed, batch_size=config.batch_size, window_blocks=config.window_blocks,
        bucket_batches=config.bucket_batches, endless_count=config.block_size,
    )


def start_from(network: nn.Module, source: str, task: Task, config: Any) -> None:
    """Copy the weights of a run folder or weights file, ours or one the task knows, into a network of the same shape."""
    if task.foreign_weights and Path(source).is_file() and not is_ours(Path(source)):
        load_attribute(task.foreign_weights)(network, Path(source))
        return
    model = load_model(Path(source), task.name)
    weights = {k: torch.from_numpy(v) for k, v in model.network.items()}
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        theirs, ours = model.header["config"]["model"], config.model.model_dump(mode="json")
        other = [f"model.{name}={theirs[name]}" for name in ours if name in theirs and theirs[name] != ours[name]]
        hint = f" It has {', '.join(other)}: set these, or take its preset." if other else ""
        raise ModelError(f"{source}: its network has another shape than the configured one ({first_mismatch(error)}).{hint}") from None


def _reader(task: Task, config: Any, choice: Mapping[str, Any], files: Sequence[str]) -> Reader:
    data, mapping = config.data, dict(choice["mapping"])
    if getattr(data, "weight", None):
        mapping["weight"] = data.weight
    return Reader(
        resolve(files, choice["tree"]), task.load("layouts"), mapping=mapping,
        block_size=entries_at_a_time(config), extra=data.extra_branches(), max_entries=choice["max_entries"],
        on_bad_file=choice["on_bad_file"], need_truth=True,
    )


def _choice(inputs: Sequence[str], validation: Sequence[str], max_entries: int | None, mapping: Mapping[str, str] | None,
            tree: str | None, on_bad_file: str, init_from: str | None = None) -> dict[str, Any]:
    """Return what a run folder keeps of where its data came from."""
    return {"inputs": list(inputs), "validation": list(validation), "max_entries": max_entries,
            "mapping": dict(mapping or {}), "tree": tree, "on_bad_file": on_bad_file, "init_from": init_from}


def _resumed(task: Task, folder: RunFolder) -> tuple[Config, dict[str, Any]]:
    folder.check()
    values = yaml.safe_load(folder.config.read_text())
    config = build(task.config_class, values, str(folder.config))
    return config, json.loads(folder.inputs.read_text())


def _stop(signal: int, folder: RunFolder, step: int, rank: int) -> None:
    if rank:
        # The launcher takes any other exit code of a helper process for a crash.
        os._exit(0)
    resume = f"saved at step {step}; go on with --resume {folder.path}"
    if signal == 2:
        raise Interrupted(f"Interrupted; {resume}.")
    raise Stopped(f"Stopped by signal {signal}; {resume}.")


def _finish(task: Task, config: Config, learner: Learner, loop: Loop, data: Data,
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


