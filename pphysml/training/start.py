"""How everything that trains begins: data, learner, network, order of the examples, devices and processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from ..contract import Learner
from ..errors import ConfigError, ModelError, shortened
from ..io.ragged import Array, Columns, length, take
from ..model_file import is_ours, load_model
from ..nn.network_weights import load, mismatch
from ..own_network import is_own
from ..progress import Progress, Silent
from .checkpoint import TrainingState, load_state
from .config import TrainingConfig
from .data import Data, Readers, Trainable, data_of
from .gradients import NETWORK, Gradients, make_gradients
from .loop import Loop
from .order import BatchOrder
from .run_folder import RunFolder
from .seeds import FIRST_WEIGHTS, step_seed
from .sources import ExampleSource, first_blocks
from .stream import Batches, stream


@dataclass(frozen=True)
class Start:
    """Where a training is before its next step, the same on every process.

    Attributes:
        prepared: what was fitted before training.
        state: of a checkpoint, or that of the beginning.
        from_weights: whether the network has given weights.
    """

    config: Any
    data: Data
    learner: Learner
    prepared: dict[str, Array]
    network: nn.Module
    state: TrainingState
    from_weights: bool

    def batches(self, fabric: Fabric) -> AbstractContextManager[Batches]:
        """Return this process's examples of the next batch and of all that follow."""
        order = make_order(self.config.training, self.data.training)
        return closing(stream(self.data.training, order, self.learner.lengths, self.state.step,
                              fabric.global_rank, fabric.world_size))

    def validation(self, fabric: Fabric) -> Columns:
        """Return this process's validation examples."""
        every = self.data.validation
        return take(every, np.arange(fabric.global_rank, length(every), fabric.world_size))

    def gradients(self, fabric: Fabric) -> Gradients:
        """Return what does the steps, with the optimisers as they were."""
        gradients = make_gradients(fabric, self.learner, self.network, self.config.training)
        with _fitting("the checkpoint's optimiser"):
            gradients.load_state({NETWORK: self.state.optimizer, **self.state.further_optimizers})
        return gradients

    def loop(self, fabric: Fabric, folder: RunFolder, progress: Progress | None) -> Loop:
        """Return the loop that trains from here; rank 0 alone shows progress."""
        shown = Silent() if fabric.global_rank or progress is None else progress
        return Loop(self.gradients(fabric), folder, self.state, shown, self.data.validation)


def begin(task: Trainable, config: Any, readers: Readers | None = None, *,
          init_from: str | None = None, checkpoint: Path | None = None) -> Start:
    """Return where a training begins.

    Args:
        config: the task's configuration.
        readers: open files; None simulates.
        init_from: run folder or weights file whose weights are the start.
        checkpoint: of a training that goes on.

    Raises:
        ConfigError, InputError, ModelError: as their names say.
    """
    if config.training.steps == 0 and not init_from:
        raise ConfigError("training.steps=0 takes given weights as they are: name them with --init-from.")
    data = data_of(task, config, readers)
    learner = task.learner(config)
    with readers.training.naming_places() if readers is not None else nullcontext():
        prepared = learner.prepare(first_blocks(data.training, learner.prepare_examples))
    torch.manual_seed(step_seed(config.training.seed, FIRST_WEIGHTS, 0))
    network = learner.build(prepared)
    state = TrainingState(0, {}, {}, {})
    if checkpoint is not None:
        state = load_state(checkpoint)
        _refuse_other(checkpoint, network, state, own=config.own_network is not None)
        with _fitting(str(checkpoint)):
            network.load_state_dict(state.model)
    elif init_from:
        start_from(network, init_from, task, config)
    return Start(config, data, learner, prepared, network, state, bool(init_from))


def _refuse_other(checkpoint: Path, network: nn.Module, state: TrainingState, own: bool) -> None:
    """Refuse weights of a checkpoint that are none of the network's; in one of the user's own there may be infinite constants.

    Raises:
        ModelError: they are others, or not finite.
    """
    for part, weights in (("weights", state.model), ("averaged weights", state.average), ("best weights", state.best_average)):
        if not weights and part != "weights":
            continue
        if problem := mismatch(network, weights):
            raise ModelError(f"{checkpoint}: its {part} do not fit the network of the run's config.yaml ({problem}); has one of them been changed?")
        wrong = torch.isnan if own else lambda value: ~torch.isfinite(value)
        if name := next((name for name, value in weights.items() if value.is_floating_point() and wrong(value).any()), ""):
            raise ModelError(f"{checkpoint}: its {part} {name!r} are not finite; begin a new training, for example with --init-from.")


@contextmanager
def _fitting(what: str) -> Iterator[None]:
    """Report a state that does not fit.

    Args:
        what: does not.

    Raises:
        ModelError: it does not.
    """
    try:
        yield
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        reason = shortened(" ".join(str(error).split()))
        raise ModelError(f"{what}: does not fit the network of the run's config.yaml ({reason}); has one of them been changed?") from error


def start_from(network: nn.Module, source: str, task: Trainable, config: Any) -> None:
    """Copy weights into a network of the same shape: of a run folder or weights file, ours or one that the task knows.

    Raises:
        ModelError: there are none, or they do not fit.
    """
    if os.path.isfile(source) and not is_ours(Path(source)) and task.start_from_foreign(network, Path(source)):
        return
    model = load_model(Path(source), task.name)
    problem = mismatch(network, model.network)
    if problem:
        said, ours = model.header["config"].get("model"), config.model.model_dump(mode="json")
        theirs = said if isinstance(said, dict) else {}
        # A name that would run code is not worth a hint.
        other = [f"model.{name}={shortened(str(theirs[name]))}" for name in ours
                 if name in theirs and theirs[name] != ours[name] and not is_own(str(theirs[name]))]
        hint = f" It has {', '.join(other)}: set these, or take its preset." if other else ""
        raise ModelError(f"{source}: its network has another shape than the configured one ({problem}).{hint}")
    load(network, model.network)


def make_order(config: TrainingConfig, source: ExampleSource) -> BatchOrder:
    """Return the global order of a source's examples."""
    return BatchOrder(
        source.counts, seed=config.seed, batch_size=config.batch_size, window_blocks=config.window_blocks,
        bucket_batches=config.bucket_batches, endless_count=config.block_size,
    )


def launch(device: str, devices: int, all_used: bool = True) -> Fabric:
    """Start the processes of a training, one device each.

    Args:
        all_used: whether the loss of every step depends on all parameters.

    Raises:
        ConfigError: there are no such devices here.
    """
    fabric = devices_of(device, devices, all_used)
    fabric.launch()
    return fabric


def devices_of(device: str, devices: int, all_used: bool = True) -> Fabric:
    """Return the devices of a training, whose processes are not started yet.

    Args:
        all_used: see `launch`.

    Raises:
        ConfigError: there are no such devices here.
    """
    kind, _, number = device.partition(":")
    _refuse_missing(kind, number, device, devices)
    chosen: list[int] | int = [int(number)] if number else devices
    parallel = "ddp" if all_used else "ddp_find_unused_parameters_true"
    return Fabric(accelerator=kind, devices=chosen, strategy=parallel if devices > 1 else "auto")


def _refuse_missing(kind: str, number: str, device: str, devices: int) -> None:
    if number and devices > 1:
        raise ConfigError(f"--device {device} is one device, and --devices {devices} asks for more: give --device {kind}.")
    present = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "cuda" and not present:
        raise ConfigError(f"--device {device}: no CUDA device is available.")
    if kind == "cuda" and int(number or devices - 1) >= present:
        raise ConfigError(f"--device {device}, --devices {devices}: there are {present} CUDA devices here.")
