"""How one step gets its gradients: by backpropagation, or in a game of a network against its adversary."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ..contract import Adversary, Batch, Learner, Term
from ..io.ragged import Columns
from .config import TrainingConfig
from .optimisation import learning_rate, make_optimizer
from .processes import summed
from .seeds import step_seed

Losses = tuple[Tensor, dict[str, Tensor]]
"""This process's share of the loss and of the mean of each of its terms, without gradients."""


class Gradients(ABC):
    """Does the steps of one network.

    A step is a function of (seed, step), the batch and the weights, whatever came before.

    Args:
        fabric: devices and processes.
        learner, network: what is trained.
        config: options.

    Attributes:
        optimizers: by the name under which a checkpoint keeps their state.
    """

    def __init__(self, fabric: Fabric, learner: Learner, network: nn.Module, config: TrainingConfig) -> None:
        self.fabric = fabric
        self.learner = learner
        self.network = network
        self.config = config
        made = self._make_optimizers()
        self.model, *optimizers = fabric.setup(network, *made.values())
        self.optimizers: dict[str, torch.optim.Optimizer] = dict(zip(made, optimizers, strict=True))

    def __call__(self, examples: Columns, step: int) -> Losses:
        """Do the step of this number with this process's examples of its batch."""
        torch.manual_seed(step_seed(self.config.seed, step, self.fabric.global_rank))
        self.model.train()
        batch = self.fabric.to_device(self.learner.collate(examples))
        loss, terms = self._step(batch, step)
        return loss.detach(), {name: mean.detach() for name, mean in terms.items()}

    def precision(self) -> AbstractContextManager[None]:
        """Return the context of the configured arithmetic."""
        return torch.autocast(self.fabric.device.type, torch.bfloat16, enabled=self.config.precision == "bfloat16")

    def state(self) -> dict[str, dict[str, Any]]:
        """Return the state of every optimiser."""
        return {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()}

    def load_state(self, state: Mapping[str, dict[str, Any]]) -> None:
        """Take the states of a checkpoint; an optimiser without one begins anew."""
        for name, optimizer in self.optimizers.items():
            if state.get(name):
                optimizer.load_state_dict(state[name])

    @abstractmethod
    def _make_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Return the optimisers by name."""

    @abstractmethod
    def _step(self, batch: Batch, step: int) -> Losses:
        """Do one step."""

    def _means(self, batch: Batch) -> tuple[dict[str, Term], dict[str, Tensor]]:
        """Return the terms of the loss, and this process's share of the mean of each over all processes."""
        terms = self.learner.losses(self.model, batch)
        counts = summed(self.fabric, torch.stack([_tensor(t.count) for t in terms.values()]).detach().double())
        return terms, {
            name: term.total / count.clamp_min(1e-12).to(term.total.dtype)
            for (name, term), count in zip(terms.items(), counts, strict=True)
        }

    def _update(self, name: str, parameters: Iterable[Tensor], rate: float) -> None:
        """Move parameters along their gradients, which are clipped, and forget these."""
        optimizer = self.optimizers[name]
        for group in optimizer.param_groups:
            group["lr"] = rate
        if self.config.gradient_clip:
            torch.nn.utils.clip_grad_norm_(parameters, self.config.gradient_clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


NETWORK, ADVERSARY = "network", "adversary"


class Backpropagation(Gradients):
    """The gradient of the weighted sum of all terms."""

    def _make_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {NETWORK: make_optimizer(self.network.parameters(), self.config)}

    def _step(self, batch: Batch, step: int) -> Losses:
        with self.precision():
            terms, means = self._means(batch)
            loss = _sum(terms[name].weight * mean for name, mean in means.items() if step >= terms[name].alone)
        # Fabric averages gradients over processes; the global mean needs their sum.
        self.fabric.backward(loss * self.fabric.world_size)
        self._update(NETWORK, self.network.parameters(), learning_rate(step, self.config))
        return loss, means


class Game(Gradients):
    """The network and its adversary in turns, on the same batch; see `contract.Adversary`.

    The steps of the training are those of the network, which waits during the adversary's head start; what one
    player keeps of the batches it sees, such as means of a normalisation, the other's turns leave as it is.
    Gradients are summed over processes here: those of one player alone are what DDP does not expect.
    """

    def __init__(self, fabric: Fabric, learner: Learner, network: nn.Module, config: TrainingConfig,
                 adversary: Adversary) -> None:
        self.adversary = adversary
        theirs = {id(p) for p in adversary.part.parameters()}
        moving = [p for p in network.parameters() if p.requires_grad]
        self.players = {NETWORK: [p for p in moving if id(p) not in theirs],
                        ADVERSARY: [p for p in moving if id(p) in theirs]}
        for name, parameters in self.players.items():
            if not parameters:
                raise ValueError(f"The {name} of a game has no parameters to train.")
        buffers = {id(b) for b in adversary.part.buffers()}
        self.buffers = {NETWORK: [b for b in network.buffers() if id(b) not in buffers],
                        ADVERSARY: list(adversary.part.buffers())}
        super().__init__(fabric, learner, network, config)

    def _make_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {name: make_optimizer(parameters, self.config) for name, parameters in self.players.items()}

    def _step(self, batch: Batch, step: int) -> Losses:
        rate, first = learning_rate(step, self.config), self.adversary.alone
        waits = first <= step < first + self.adversary.head_start
        for _ in range(self.adversary.steps if step >= first else 0):
            loss, means = self._turn(ADVERSARY, batch, rate * self.adversary.learning_rate / self.config.learning_rate, step)
        return (loss, means) if waits else self._turn(NETWORK, batch, rate, step)

    def _turn(self, player: str, batch: Batch, rate: float, step: int) -> Losses:
        """Move one player; return the loss of the network as it was before, and all terms."""
        others = self.buffers[ADVERSARY if player == NETWORK else NETWORK]
        kept = [buffer.clone() for buffer in others]
        with self.fabric.no_backward_sync(self.model):
            with self.precision():
                terms, means = self._means(batch)
                signs = {name: -1 if term.of_adversary else 1 for name, term in terms.items()}
                loss = _sum(signs[name] * term.weight * means[name] for name, term in terms.items()
                            if step >= (self.adversary.alone if term.of_adversary else term.alone))
                own = loss
                if player == ADVERSARY:
                    own = _sum(means[name] for name, term in terms.items() if term.of_adversary)
            parameters = self.players[player]
            gradients = torch.autograd.grad(own, parameters, allow_unused=True)
        with torch.no_grad():
            for buffer, before in zip(others, kept, strict=True):
                buffer.copy_(before)
        self._give(parameters, gradients)
        self._update(player, parameters, rate)
        return loss, means

    def _give(self, parameters: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> None:
        """Set the gradients, summed over processes; a parameter without one on any process has none."""
        found = summed(self.fabric, torch.tensor([float(g is not None) for g in gradients])).tolist()
        for kind in dict.fromkeys(p.dtype for p in parameters):
            mine = [(p, g) for p, g, n in zip(parameters, gradients, found, strict=True) if n and p.dtype == kind]
            if not mine:
                continue
            flat = [(torch.zeros_like(p) if g is None else g).flatten() for p, g in mine]
            total = summed(self.fabric, torch.cat(flat))
            for (parameter, _), gradient in zip(mine, torch.split(total, [p.numel() for p, _ in mine]), strict=True):
                parameter.grad = gradient.view_as(parameter)


def make_gradients(fabric: Fabric, learner: Learner, network: nn.Module, config: TrainingConfig) -> Gradients:
    """Return how a learner's network gets its gradients."""
    adversary = learner.adversary(network)
    if adversary is None:
        return Backpropagation(fabric, learner, network, config)
    return Game(fabric, learner, network, config, adversary)


def _tensor(value: float | Tensor) -> Tensor:
    return value if isinstance(value, Tensor) else torch.tensor(value)


def _sum(values: Iterable[Tensor]) -> Tensor:
    terms = list(values)
    if not terms:
        raise ValueError("Each player of a game needs a term of the loss: see contract.Term.of_adversary.")
    return torch.stack(terms).sum()
