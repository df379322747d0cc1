"""What image and tables do not tell of a measurement: a small network learns it from the pairs, without truth.

Pairs in the window are true ones and randoms, pairs at other times are randoms alone. A network that tells
the ones from the others learns the logarithm f of the ratio of true pairs to randoms, if its output is
log(1 + exp f) and a constant (M. U. Gutmann, A. Hyvarinen, J. Mach. Learn. Res. 13 (2012) 307). It begins with the f of the
tables, and is stopped when pairs that it has not seen are told apart no better. Each half of the pairs has a network of its
own, so that what it tells of the other half shows how sure it may be; both together know more than one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, silu, softplus

from ....io.ragged import Array
from .ends import LARGEST, Ends
from .line_kernel import LIGHT
from .region import Region
from .tables_fit import CrossFit

WIDTH = 48
FEWEST = 15_000
"""Pairs below which halves of them are too few to show what tables of all of them miss."""

BATCH = 4096
LEARNING_RATE = 1e-2
WEIGHT_DECAY = 1e-4

PAIRS_PER_STEP = 240
STEPS = (100, 400)
"""Steps for each so many pairs, within these limits."""

CHECKED_EVERY = 50
HELD_OUT = 10
"""One of so many pairs tells when to stop."""


Weights = tuple[Array, ...]
"""Matrix and offset of each layer."""


def refined(seen: Callable[[Ends], Array], prompts: Ends, randoms: Ends, before: CrossFit, n_random: float) -> tuple[tuple[Weights, ...], CrossFit]:
    """Return two networks that correct the tables' logarithm of the ratio, and what each makes of the half that it has not seen.

    There are none, and `before` comes back, if there are too few pairs.

    Args:
        seen: what the network sees of pairs, see `line_features`.
        prompts: pairs in the window; randoms: pairs that are none; n_random: how many of these a window holds.
        before: logarithms of their ratio, as tables of other pairs tell them.
    """
    if min(len(prompts), len(randoms)) < FEWEST:
        return (), before
    features = [seen(ends) for ends in (prompts, randoms)]
    after = CrossFit(*(values.copy() for values in before))
    networks = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for number in (0, 1):
            own, told = (np.concatenate([part[number::2] for part in of]) for of in (features, before))
            networks.append(_learnt(own, told, len(features[0][number::2]), n_random / 2))
            for values, part in zip(after, features, strict=True):
                values[1 - number :: 2] += correction(networks[-1:], part[1 - number :: 2])
    return tuple(networks), after


def line_features(ends: Ends, region: Region, image_log_ratio: Array) -> Array:
    """Return what the network sees of pairs, float32 (n, 17); the same if the two singles are exchanged.

    The image's logarithm of the ratio, the time difference, the line's distance from the axis and its point
    nearest to it, the place by time of flight, middle, slope and direction of the line, both energies; and the
    line's distance from the middle of the activity, and how far along it the time of flight is from there.
    """
    grid = region.grid
    radius, half, centre = region.scanner_radius, max((grid.z_high - grid.z_low) / 2, 1e-6), (grid.z_high + grid.z_low) / 2
    d, middle = ends.p - ends.q, (ends.p + ends.q) / 2
    length = np.maximum(np.sqrt((d**2).sum(1)), 1e-6)
    u = d / length[:, None]
    across = np.maximum(np.hypot(u[:, 0], u[:, 1]), 1e-6)
    place = middle + u * np.clip(LIGHT * ends.dt / 2, -length / 2, length / 2)[:, None]
    nearest = middle - u * ((middle[:, :2] * u[:, :2]).sum(1) / across**2)[:, None]
    energy = np.sort((ends.energy - 0.511) / 0.1, axis=1)
    cos, sin = u[:, 0] / across, u[:, 1] / across
    aside = middle[:, :2] - region.centre
    along = LIGHT * ends.dt / 2 * across + aside[:, 0] * cos + aside[:, 1] * sin
    return np.column_stack([
        np.clip(image_log_ratio, -LARGEST, LARGEST) / 4, 3 * np.abs(ends.dt) / region.window,
        4 * np.hypot(nearest[:, 0], nearest[:, 1]) / radius, 4 * nearest[:, 0] / radius, 4 * nearest[:, 1] / radius,
        2 * place[:, 0] / radius, 2 * place[:, 1] / radius, 2 * np.hypot(place[:, 0], place[:, 1]) / radius,
        (place[:, 2] - centre) / half, (middle[:, 2] - centre) / half, np.abs(d[:, 2]) / half,
        energy[:, 0], energy[:, 1], cos**2 - sin**2, 2 * cos * sin,
        4 * np.abs(aside[:, 0] * sin - aside[:, 1] * cos) / radius, 3 * np.abs(along) / radius,
    ]).astype(np.float32)


def correction(networks: Sequence[Weights], features: Array) -> Array:
    """Return what networks add to the logarithm of the ratio in the mean, float64 (n,)."""
    state = torch.from_numpy(features)
    with torch.no_grad():
        found = sum(_forward([torch.from_numpy(w) for w in weights], state) for weights in networks)
    assert isinstance(found, Tensor)
    values: Array = found.numpy().astype(np.float64)
    return values / len(networks)


def _forward(weights: Sequence[Tensor], state: Tensor) -> Tensor:
    layers = list(zip(weights[::2], weights[1::2], strict=True))
    for number, (matrix, offset) in enumerate(layers):
        state = torch.addmm(offset, state, matrix.T)
        if number < len(layers) - 1:
            state = silu(state)
    return state[:, 0]


def _initial(inputs: int) -> list[Tensor]:
    layers = [nn.Linear(inputs, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 1)]
    nn.init.zeros_(layers[-1].weight)
    nn.init.zeros_(layers[-1].bias)
    return [p for layer in layers for p in (layer.weight, layer.bias)]


def _learnt(values: Array, log_ratio: Array, n_prompts: int, n_random: float) -> Weights:
    """Return the weights that tell the held-out pairs apart best; the first pairs are the prompt ones."""
    features, before = torch.from_numpy(values), torch.from_numpy(log_ratio.astype(np.float32))
    is_prompt = torch.arange(len(features)) < n_prompts
    constant = float(np.log(n_random / (len(features) - n_prompts)))
    order = torch.randperm(len(features))
    held_out, learning = order[: len(order) // HELD_OUT], order[len(order) // HELD_OUT :]
    weights = _initial(features.shape[1])

    def loss(rows: Tensor) -> Tensor:
        logit = softplus(before[rows] + _forward(weights, features[rows])) + constant
        return binary_cross_entropy_with_logits(logit, is_prompt[rows].float())

    def check() -> float:
        with torch.no_grad():
            return float(loss(held_out))

    best, kept = check(), [w.detach().clone() for w in weights]
    optimizer = torch.optim.AdamW(weights, LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    steps = int(np.clip(n_prompts / PAIRS_PER_STEP, *STEPS))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        loss(learning[torch.randint(len(learning), (BATCH,))]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        if (step % CHECKED_EVERY == 0 or step == steps) and (found := check()) < best:
            best, kept = found, [w.detach().clone() for w in weights]
    return tuple(w.numpy() for w in kept)
