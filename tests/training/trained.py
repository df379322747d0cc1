"""A training of a small network of the tests, from a state on."""

from __future__ import annotations

from typing import Any

import torch

from pphysml.contract import Learner
from pphysml.training.checkpoint import TrainingState
from pphysml.training.config import TaskConfig
from pphysml.training.data import Data
from pphysml.training.loop import Loop
from pphysml.training.run_folder import RunFolder
from pphysml.training.signals import StopFlag
from pphysml.training.start import Start, launch

HELD_OUT = 3
"""Block of the source that is validated with."""


def trained(folder: RunFolder, learner: Learner, source: Any, options: dict[str, Any], state: TrainingState | None = None,
            processes: int = 1) -> tuple[Loop, int]:
    """Return the loop and the signal that stopped it, 0 if none did."""
    config = TaskConfig(training={"window_blocks": 2, "bucket_batches": 3, **options})
    fabric = launch("cpu", processes)
    torch.manual_seed(config.training.seed)
    network = learner.build({})
    if state is not None:
        network.load_state_dict(state.model)
    start = Start(config, Data(source, source.read(HELD_OUT), {}), learner, {}, network, state or TrainingState(0, {}, {}, {}), False)
    folder.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    loop = start.loop(fabric, folder, None)
    if state is None:
        loop.write(folder.checkpoint)
    with StopFlag() as flag, start.batches(fabric) as batches:
        return loop, loop.run(batches, start.validation(fabric), flag)
