"""How a training begins on its devices: processes, and the loop over the network in them."""

from __future__ import annotations

import torch
from lightning_fabric import Fabric
from torch import nn

from ..contract import Learner
from ..errors import ConfigError
from ..progress import Progress, Silent
from .checkpoint import TrainingState
from .config import TrainingConfig
from .loop import Loop
from .optimisation import make_optimizer
from .run_folder import RunFolder


def launch(device: str, devices: int) -> Fabric:
    """Start the processes of a training, one device each.

    Raises:
        ConfigError: the device does not exist here.
    """
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError("--device cuda: no CUDA device is available.")
    kind, _, number = device.partition(":")
    chosen: list[int] | int = [int(number)] if number else devices
    fabric = Fabric(accelerator=kind, devices=chosen, strategy="ddp" if devices > 1 else "auto")
    fabric.launch()
    return fabric


def make_loop(fabric: Fabric, learner: Learner, network: nn.Module, config: TrainingConfig,
              folder: RunFolder, state: TrainingState, progress: Progress | None) -> Loop:
    """Return the loop that trains a network from a state on; rank 0 alone shows progress."""
    optimizer = make_optimizer(network, config)
    model, wrapped = fabric.setup(network, optimizer)
    if state.optimizer:
        optimizer.load_state_dict(state.optimizer)
    shown = Silent() if fabric.global_rank or progress is None else progress
    return Loop(fabric, learner, model, network, wrapped, config, folder, state, shown)
