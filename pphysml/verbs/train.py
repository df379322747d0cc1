"""Train a task's network: from files or a simulation to a run folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from ..config import Config, build
from ..errors import ConfigError, Interrupted, Stopped
from ..io.ragged import Array, length, slice_rows
from ..model_file import ModelFile, read_header, save_model
from ..own_network import Recorded, recorded
from ..progress import Progress, Silent
from ..task import Task
from ..training.data import Readers
from ..training.loop import Loop, refuse_divergence
from ..training.optimisation import Average
from ..training.run_folder import RunFolder
from ..training.signals import StopFlag
from ..training.start import Start, begin, devices_of, launch
from .examples import warn
from .inputs import Inputs


@dataclass(frozen=True)
class TrainingInputs:
    """Where a training begins: the part of a run folder that is not configuration.

    Attributes:
        inputs: none means simulated on the fly.
        validation: files for validation instead of a share of the inputs.
        init_from: run folder or weights file whose weights are the start.
        code: name and hash of the network's code, where that is one of the user's own.
    """

    inputs: Inputs = field(default_factory=Inputs)
    validation: Sequence[str] = ()
    init_from: str | None = None
    code: Recorded | None = None

    def open(self, task: Task[Any], config: Any) -> Readers | None:
        """Open the files; None where data is simulated.

        Raises:
            InputError, ConfigError: see `io.reader.Reader`.
        """
        if not self.inputs.files:
            return None
        training = self.inputs.open_for_training(task, config)
        if not self.validation:
            return Readers(training)
        validation = replace(self.inputs, files=self.validation).open_for_training(task, config)
        both = {(os.path.realpath(s.path), s.tree) for s in training.sources} & {(os.path.realpath(s.path), s.tree) for s in validation.sources}
        if both:
            validation.warnings.append(f"{min(both)[0]} is among the files of the training and of --validation: the network is judged on what it has seen")
        return Readers(training, validation)

    def to_json(self) -> dict[str, Any]:
        """Return what a run folder keeps."""
        given = self.inputs
        optional = {"layout": given.layout, "model_code": None if self.code is None else asdict(self.code)}
        return {
            "inputs": list(given.files), "validation": list(self.validation), "max_entries": given.max_entries,
            "mapping": dict(given.mapping), "tree": given.tree, "on_bad_file": given.on_bad_file,
            "init_from": self.init_from, **{name: value for name, value in optional.items() if value is not None},
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> TrainingInputs:
        """Return what a run folder has kept."""
        inputs = Inputs(kept["inputs"], kept["tree"], kept.get("layout"), kept["mapping"],
                        max_entries=kept["max_entries"], on_bad_file=kept["on_bad_file"])
        return cls(inputs, kept["validation"], kept["init_from"], recorded(kept))


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
        config, given = _resumed(task, folder, code)
    else:
        folder.check_free(force)
        config, given = _with_map(config, given), replace(given, code=_code_of(config))
    fabric = launch(device, devices, all_used=config.own_network is None)
    with _reporting(config):
        start = begin(task, config, given.open(task, config), init_from=given.init_from,
                      checkpoint=folder.checkpoint if resume is not None else None)
        if fabric.global_rank == 0 and resume is None:
            folder.create(config, {"task": task.name, **given.to_json()}, force)
        fabric.barrier()
        loop = start.loop(fabric, folder, progress)
        warnings = _warned(start, loop.progress)
        with StopFlag() as flag, start.batches(fabric) as batches:
            signal = loop.run(batches, start.validation(fabric), flag, start.from_weights)
        if signal:
            _stop(signal, folder, start, fabric.global_rank)
        finished, reached = loop.conclude(start.validation(fabric))
        if fabric.global_rank == 0:
            _finish(task, start, loop, folder, finished, reached)
        fabric.barrier()
    if fabric.global_rank:
        raise SystemExit(0)
    return {"run": str(folder.path), "steps": start.state.step, start.learner.monitor: reached,
            "parameters": sum(p.numel() for p in start.network.parameters()), "skipped": start.data.skipped,
            "warnings": warnings, "model": str(folder.model)}


def task_of_run(run: Path, named: str | None) -> str:
    """Return the task that a run folder trains.

    Args:
        named: the task that the user says it is, if any.

    Raises:
        ModelError: it is no run folder.
        ConfigError: it trains another task, or is of an old version that did not keep its name.
    """
    folder = RunFolder(run)
    folder.check()
    kept = json.loads(folder.inputs.read_text()).get("task")
    if kept is None and folder.model.exists():
        kept = read_header(folder.model)["task"]
    if named is not None and kept is not None and named != kept:
        raise ConfigError(f"{run}: is a training of {kept!r}, not of {named!r}; leave the name of the task out.")
    task = named or kept
    if task is None:
        raise ConfigError(f"{run}: does not say which task it trains; name it, as in pphysml train TASK --resume {run}.")
    return str(task)


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


def _warned(start: Start, progress: Progress) -> list[str]:
    """Say what there is to know of the files and of the network, and return it."""
    said: list[str] = []
    for sentence in [*start.data.warnings, *start.learner.warnings(start.network)]:
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


def _resumed(task: Task[Any], folder: RunFolder, code: Path | None) -> tuple[Config, TrainingInputs]:
    folder.check()
    values = yaml.safe_load(folder.config.read_text())
    given = TrainingInputs.from_json(json.loads(folder.inputs.read_text()))
    if given.code is None and code is not None:
        raise ConfigError(f"--model-code {code}: {folder.path} trains no network of your own; leave it out.")
    leave = None if given.code is None else given.code.allows(code)
    return build(task.config_class, values, str(folder.config), leave), given


def _code_of(config: Any) -> Recorded | None:
    """Return what is kept of the network's code, where that is one of the user's own."""
    own = config.own_network
    return None if own is None else own.recorded


def _reporting(config: Any) -> AbstractContextManager[None]:
    """Return a context in which errors that a network of the user's own causes are reported as those of its file."""
    own = config.own_network
    return nullcontext() if own is None else own.reporting(f"training {own.class_name}")


def _stop(signal: int, folder: RunFolder, start: Start, rank: int) -> None:
    if rank:
        # The launcher takes any other exit code of a helper process for a crash.
        os._exit(0)
    own = start.config.own_network
    code = "" if own is None else f" --model-code {own.path}"
    resume = f"saved at step {start.state.step}; go on with --resume {folder.path}{code}"
    if signal == 2:
        raise Interrupted(f"Interrupted; {resume}.")
    raise Stopped(f"Stopped by signal {signal}; {resume}.")


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
    save_model(folder.model, ModelFile(header, network, start.prepared, finished))
    from ..evaluation.training_curves import write_training_curves

    write_training_curves(folder.metrics, folder.plots)
