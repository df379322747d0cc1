"""Training through a linear assignment: losses of the relaxations, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Generator, Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from .assignment import BipartiteGraph
from .assignment_sinkhorn import sinkhorn, sinkhorn_loss
from .assignment_surrogates import BlackBox, Identity, Perturbed, projected, solve

Relaxation = Literal["none", "blackbox", "identity", "spo+", "fenchel-young", "imle", "sinkhorn"]


@dataclass(frozen=True)
class AssignmentOptions:
    """How the assignment takes part in the training.

    Attributes:
        relaxation: `none` is the cross entropy of each edge alone.
        strength: of the perturbation in `blackbox` and `imle`.
        convention: `published` takes the strength times the gradient as it arrives; `scale-free` the
            gradient over its largest element, so that the strength is in units of the logits.
        temperature: scale of the noise (`fenchel-young`, `imle`) or of the entropy (`sinkhorn`), in units of the logits.
        samples: noisy assignments for each gradient (`fenchel-young`, `imle`).
        iterations: of `sinkhorn`.

    Raises:
        ValueError: an unknown name, or a number that is not positive.
    """

    relaxation: Relaxation = "none"
    strength: float = 25.0
    convention: Literal["published", "scale-free"] = "scale-free"
    temperature: float = 1.0
    samples: int = 2
    iterations: int = 20

    def __post_init__(self) -> None:
        if self.relaxation not in get_args(Relaxation):
            raise ValueError(f"unknown relaxation {self.relaxation!r}; known: {', '.join(get_args(Relaxation))}")
        if self.convention not in ("published", "scale-free"):
            raise ValueError(f"unknown convention {self.convention!r}; known: published, scale-free")
        if min(self.strength, self.temperature, self.samples, self.iterations) <= 0:
            raise ValueError("strength, temperature, samples and iterations must be positive")


def relaxed_assignment(
    logits: Tensor, graph: BipartiteGraph, options: AssignmentOptions, left_free: Tensor | None = None,
    right_free: Tensor | None = None, generator: Generator | None = None,
) -> Tensor:
    """Return the assignment that the logits ask for, (E,), with the gradient of the relaxation.

    `blackbox` and `identity` give 0 and 1, `imle` and `fenchel-young` the mean over noisy ones,
    `sinkhorn` shares. `none` and `spo+` are losses only: here they give 0 and 1 without a gradient.

    Args:
        logits: (E,), of the edges.
        left_free, right_free: (L,) and (R,), logits of leaving a node without a link; one alone: the
            other counts as 0. None: as many links as can be, see `solve_assignment`; for `sinkhorn`
            zeros, since shares of a matching with most edges do not add up to 1 at every node.
        generator: of the noise of `imle` and `fenchel-young`.

    Raises:
        ValueError: a logit is not a number; noise without a generator.
    """
    margin, may_be_free = _margin(logits, graph, left_free, right_free)
    relaxation, answer = options.relaxation, None
    if relaxation == "sinkhorn":
        answer = sinkhorn(margin, graph, options.temperature, options.iterations).edge.exp()
    elif relaxation == "fenchel-young":
        noise = _normal(margin, options, generator)
        answer = Perturbed.apply(margin, noise, graph, may_be_free, options.temperature)  # type: ignore[no-untyped-call]
    elif relaxation == "identity":
        answer = Identity.apply(projected(margin, may_be_free), graph, may_be_free)  # type: ignore[no-untyped-call]
    elif relaxation in ("blackbox", "imle"):
        noise = _logistic(margin, options, generator) if relaxation == "imle" else torch.zeros_like(margin)[None]
        scale_free = options.convention == "scale-free"
        answer = BlackBox.apply(margin, noise, graph, may_be_free, options.strength, scale_free)  # type: ignore[no-untyped-call]
    return solve(margin, graph, may_be_free) if answer is None else answer


def assignment_loss(
    logits: Tensor, graph: BipartiteGraph, truth: Tensor, options: AssignmentOptions, left_free: Tensor | None = None,
    right_free: Tensor | None = None, weight: Tensor | None = None, generator: Generator | None = None,
) -> Tensor:
    r"""Return the loss of the relaxation, a scalar, 0 without edges.

    It is a mean over edges (or a sum with weights) of: the Hamming distance :math:`a(1-y)+(1-a)y` for
    `blackbox`, `identity` and `imle`; of the losses `spo_plus`, `fenchel_young` and `sinkhorn_loss`; of
    the cross entropy of the logits, less those of free nodes (`none`).

    Args:
        truth: (E,), 1 for true links, at most one at each node, and 0.
        weight: (E,), of each edge in the sum; None is 1/E.
        logits, left_free, right_free, generator: see `relaxed_assignment`, errors as well.
    """
    margin, may_be_free = _margin(logits, graph, left_free, right_free)
    truth = truth.to(margin)
    if options.relaxation == "none":
        terms = binary_cross_entropy_with_logits(margin, truth, reduction="none")
    elif options.relaxation == "spo+":
        terms = spo_plus(margin, graph, truth, may_be_free)
    elif options.relaxation == "fenchel-young":
        noise = options.temperature * _normal(margin, options, generator)
        terms = fenchel_young(margin, graph, truth, may_be_free, noise)
    elif options.relaxation == "sinkhorn":
        terms = sinkhorn_loss(margin, graph, truth, options.temperature, options.iterations)
    else:
        chosen = relaxed_assignment(logits, graph, options, left_free, right_free, generator)
        terms = chosen * (1 - truth) + (1 - chosen) * truth
    return terms.sum() / max(len(terms), 1) if weight is None else (weight * terms).sum()


def spo_plus(margin: Tensor, graph: BipartiteGraph, truth: Tensor, may_be_free: bool) -> Tensor:
    r"""Return the terms of the SPO+ loss, (E,).

    With predicted costs :math:`\hat c = -m` and true costs :math:`c = 1 - 2y`, under which the regret of
    an assignment is its Hamming distance to the truth, the sum is
    :math:`\max_a (c - 2\hat c)^T a + 2\hat c^T a^*(c) - c^T a^*(c)`: convex, and at least the regret. Its
    gradient in m is :math:`2(\hat a - a^*)`. Reference: A. Elmachtoub, P. Grigas, "Smart 'predict, then
    optimize'", arXiv:1710.08005, definition 3.
    """
    true_cost = 1 - 2 * truth
    score = true_cost + 2 * margin
    return score * (solve(score, graph, may_be_free) - _target(graph, truth, may_be_free))


def fenchel_young(margin: Tensor, graph: BipartiteGraph, truth: Tensor, may_be_free: bool, noise: Tensor) -> Tensor:
    r"""Return the terms of the perturbed Fenchel-Young loss without its constant, (E,).

    The sum is :math:`\mathrm{E} \max_a (m + \sigma z)^T a - m^T y`, its gradient
    :math:`\mathrm{E}[a(m + \sigma z)] - y`. Reference: Q. Berthet et al., arXiv:2002.08676, section 4.

    Args:
        noise: sigma z, (M, E), over which the mean is taken.
    """
    noisy = margin + noise
    return (noisy * solve(noisy, graph, may_be_free)).mean(0) - margin * _target(graph, truth, may_be_free)


def _target(graph: BipartiteGraph, truth: Tensor, may_be_free: bool) -> Tensor:
    """Return the assignment closest to the truth: where most edges are taken, the truth may not be one."""
    return truth if may_be_free else solve(2 * truth - 1, graph, may_be_free)


def _margin(logits: Tensor, graph: BipartiteGraph, left_free: Tensor | None, right_free: Tensor | None) -> tuple[Tensor, bool]:
    """Return how far each edge's logit lies above those of its two nodes free, and whether they may be."""
    for free, nodes in ((left_free, graph.left), (right_free, graph.right)):
        if free is not None:
            logits = logits - free[torch.as_tensor(nodes, device=logits.device)]
    return logits, left_free is not None or right_free is not None


def _generator(generator: Generator | None) -> Generator:
    if generator is None:
        raise ValueError("a relaxation with noise needs a generator, so that a training can be repeated")
    return generator


def _normal(margin: Tensor, options: AssignmentOptions, generator: Generator | None) -> Tensor:
    """Return standard normal noise, (M, E)."""
    source = _generator(generator)
    shape = options.samples, len(margin)
    return torch.randn(shape, generator=source, device=source.device, dtype=margin.dtype).to(margin.device)


def _logistic(margin: Tensor, options: AssignmentOptions, generator: Generator | None) -> Tensor:
    """Return logistic noise of the temperature, (M, E): the difference of Gumbel noises of an edge chosen and not."""
    source = _generator(generator)
    shape = options.samples, len(margin)
    uniform = torch.rand(shape, generator=source, device=source.device, dtype=torch.float64).clamp(1e-15, 1 - 1e-15)
    return options.temperature * torch.logit(uniform).to(margin)
