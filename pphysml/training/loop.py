"""The training loop: one page, any task, any number of processes, exact resume."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..io.ragged import Array, Columns, slice_rows
from ..progress import Progress
from .checkpoint import TrainingState, save_state
from .gradients import NETWORK, Gradients
from .optimisation import Average, learning_rate
from .processes import from_first, largest, summed
from .run_folder import MetricsFile, RunFolder
from .signals import StopFlag
from .window_means import WindowMeans

FITTED_TO = 500
"""Validation examples to which is fitted, while training goes on, what is fitted again to all of them at its end."""


class Loop:
    """Trains one network.

    Every step is a function of (seed, step) and the weights: batches come from the global order,
    dropout from a generator seeded by them. So a training that was stopped and resumed ends with
    the weights of one that was not, and W processes with those of one, to floating-point order.

    Args:
        gradients: does the steps of the network, on its devices.
        folder: where rank 0 writes.
        state: where to begin.
        progress: display.
        held_out: the validation examples of all processes.
    """

    def __init__(self, gradients: Gradients, folder: RunFolder, state: TrainingState, progress: Progress,
                 held_out: Columns) -> None:
        self.gradients = gradients
        self.fabric = gradients.fabric
        self.learner = gradients.learner
        self.network = gradients.network
        self.config = gradients.config
        self.folder = folder
        self.state = state
        self.progress = progress
        self.held_out = held_out
        own = self.network.state_dict()
        self.average = Average(state.average or own, self.config.average, own)
        self.metrics: MetricsFile | None = None
        self.window = WindowMeans(self.fabric, state.window)
        self._saved_at = -1

    def run(self, batches: Iterator[Columns], validation: Columns, flag: StopFlag, from_weights: bool = False) -> int:
        """Train to the last step, or until asked to stop.

        Args:
            batches: this process's examples of batch `state.step` and on.
            validation: this process's validation examples.
            from_weights: whether the training starts from given weights; they are validated first, and kept if none are better.

        Returns:
            The number of the signal that stopped it, or 0.

        Raises:
            ConfigError: the loss is not finite; the network would stay useless.
        """
        config, state = self.config, self.state
        self.progress.start("training", config.steps - state.step, "step")
        if self.fabric.global_rank == 0:
            self.metrics = MetricsFile(self.folder.metrics, state.step)
        if self._impatient():
            return 0
        if from_weights and state.step == 0:
            self.validate(validation)
        started, reported = time.monotonic(), state.step
        while state.step < config.steps:
            loss, terms = self.step(next(batches))
            self.window.add({"loss": loss, **terms})
            state.step += 1
            shown: dict[str, float] = {}
            if state.step % config.log_every == 0 or state.step == config.steps:
                shown = self.window.take()
                rate = (state.step - reported) / max(1e-9, time.monotonic() - started)
                started, reported = time.monotonic(), state.step
                self._report({**shown, "learning_rate": learning_rate(state.step - 1, config), "steps_per_second": rate})
                refuse_divergence(shown["loss"], state.step)
            self.progress.advance(1, **shown)
            if (state.step % config.validate_every == 0 or state.step == config.steps) and self.validate(validation):
                self.progress.log(f"no improvement for {config.patience} validations; stopped")
                break
            stop = largest(self.fabric, flag.received)
            if stop or state.step % config.checkpoint_every == 0:
                self.save()
            if stop:
                return stop
        self.save()
        return 0

    def step(self, examples: Columns) -> tuple[Tensor, dict[str, Tensor]]:
        """Do one step; return this process's share of the loss and of its terms."""
        loss, terms = self.gradients(examples, self.state.step)
        self.average.update(self.network.state_dict().items(), self.state.step)
        return loss, terms

    def validate(self, examples: Columns) -> bool:
        """Judge what applying the averaged weights would find, keep them if they are the best; return whether to stop."""
        state = self.state
        with self.averaged():
            values = self._judged(examples, self._fitted(slice_rows(self.held_out, 0, FITTED_TO)))
        self._report({f"validation_{name}": value for name, value in values.items()})
        self._say(f"step {state.step}", values)
        if values[self.learner.monitor] > state.best:
            state.best, state.best_step, state.waited = values[self.learner.monitor], state.step, 0
            state.best_average = {k: v.clone() for k, v in self.average.weights.items()}
        else:
            state.waited += 1
        return self._impatient()

    def conclude(self, examples: Columns) -> tuple[dict[str, Array], float]:
        """Fit to all validation examples what is stored with the best weights, and judge these as they are applied.

        Args:
            examples: this process's validation examples.

        Returns:
            What was fitted, and the value of the learner's monitor.
        """
        state = self.state
        with self.averaged(state.best_average or None):
            fitted = self._fitted(self.held_out)
            if not fitted:
                return fitted, state.best
            values = self._judged(examples, fitted)
        self._say(f"the weights of step {state.best_step or state.step}, with all that was fitted for them", values)
        return fitted, values[self.learner.monitor]

    def averaged(self, weights: dict[str, Tensor] | None = None) -> AbstractContextManager[None]:
        """Lend the network other weights (the average by default) for a while."""
        return _Lend(self.network, weights or self.average.weights)

    def save(self) -> None:
        """Write the checkpoint, from rank 0, while the others wait."""
        if self._saved_at != self.state.step:
            self.state.window = self.window.kept()
            if self.fabric.global_rank == 0:
                self.write(self.folder.checkpoint)
        self._saved_at = self.state.step
        self.fabric.barrier()

    def write(self, path: Path) -> None:
        """Write a checkpoint of this process's state."""
        self.state.model = self.network.state_dict()
        states = self.gradients.state()
        self.state.optimizer = states.pop(NETWORK)
        self.state.further_optimizers = states
        self.state.average = self.average.weights
        save_state(path, self.state)

    def _fitted(self, examples: Columns) -> dict[str, Array]:
        with torch.no_grad():
            return from_first(self.fabric, lambda: self.learner.finish(self.network, examples))

    def _judged(self, examples: Columns, fitted: dict[str, Array]) -> dict[str, float]:
        """Return the metrics of all processes' examples, in the arithmetic of applying."""
        with torch.no_grad():
            terms = self.learner.validate(self.network, examples, fitted)
        sums = summed(self.fabric, torch.tensor([[float(t.total), float(t.count)] for t in terms.values()], dtype=torch.float64))
        return {name: float(total / max(count, 1e-12)) for name, (total, count) in zip(terms, sums.tolist(), strict=True)}

    def _say(self, what: str, values: dict[str, float]) -> None:
        self.progress.log(f"{what}: " + ", ".join(f"{k} {v:.4f}" for k, v in values.items()))

    def _impatient(self) -> bool:
        return bool(self.config.patience) and self.state.waited >= self.config.patience

    def _report(self, values: dict[str, float]) -> None:
        if self.metrics is not None:
            self.metrics.add({"step": self.state.step, **values})


class _Lend:
    """Exchange a module's weights inside a `with` block."""

    def __init__(self, network: nn.Module, weights: dict[str, Tensor]) -> None:
        self.network = network
        self.weights = weights
        self.own: dict[str, Tensor] = {}

    def __enter__(self) -> None:
        self.own = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.network.load_state_dict(self.weights)
        self.network.eval()

    def __exit__(self, *error: object) -> None:
        self.network.load_state_dict(self.own)


def refuse_divergence(loss: float, step: int) -> None:
    """Refuse a loss that is not finite.

    Raises:
        ConfigError: it is not.
    """
    if not math.isfinite(loss):
        raise ConfigError(
            f"The loss is {loss} at step {step}: the training diverged; "
            "try a smaller training.learning_rate, and clip gradients with training.gradient_clip."
        )
