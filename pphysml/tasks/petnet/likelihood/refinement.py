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

from ....io.ragged import Array
from .ends import LARGEST, Ends
from .line_kernel import LIGHT
from .refinement_kernel import UNITS, add_gradients, outputs
from .region import Region
from .tables_fit import CrossFit

FEWEST = 15_000
"""Pairs below which halves of them are too few to show what tables of all of them miss."""

BATCH = 2048
LEARNING_RATE = 1e-2
WEIGHT_DECAY = 1e-4
BETAS = (0.9, 0.999)

PAIRS_PER_STEP = 240
STEPS = (100, 400)
"""Steps for each so many pairs, within these limits."""

CHECKED_EVERY = 50
HELD_OUT = 10
"""One of so many pairs tells when to stop."""


Weights = tuple[Array, ...]
"""Matrix and offset of each layer, float32, as `refinement_kernel.outputs` takes them."""


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
    for number in (0, 1):
        own, told = (np.concatenate([part[number::2] for part in of]) for of in (features, before))
        networks.append(_learnt(own, told, len(features[0][number::2]), n_random / 2, np.random.default_rng(number)))
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
    rows = np.arange(len(features))
    found: Array = sum((_outputs(weights, features, rows) for weights in networks), np.zeros(len(features))) / len(networks)
    return found


def _outputs(weights: Weights, features: Array, rows: Array) -> Array:
    found = np.empty(len(rows), dtype=np.float32)
    w1, b1, w2, b2, w3, b3 = weights
    outputs(features, rows, w1, b1, w2, b2, w3, b3, found)
    return found


def _initial(inputs: int, rng: np.random.Generator) -> Weights:
    """Return random weights within 1 / sqrt(inputs of a layer), and an output of zero."""
    weights: list[Array] = []
    for n in (inputs, UNITS):
        weights += [rng.uniform(-(n**-0.5), n**-0.5, shape).astype(np.float32) for shape in ((n, UNITS), (UNITS,))]
    return (*weights, np.zeros(UNITS, dtype=np.float32), np.zeros(1, dtype=np.float32))


def _learnt(features: Array, before: Array, n_prompts: int, n_random: float, rng: np.random.Generator) -> Weights:
    """Return the weights that tell the held-out pairs apart best; the first pairs are the prompt ones."""
    before = before.astype(np.float32)
    is_prompt = np.arange(len(features)) < n_prompts
    constant = np.log(n_random / (len(features) - n_prompts))
    order = rng.permutation(len(features))
    held_out, learning = order[: len(order) // HELD_OUT], order[len(order) // HELD_OUT :]
    weights = _initial(features.shape[1], rng)

    def check() -> float:
        logit = np.logaddexp(0, before[held_out] + _outputs(weights, features, held_out)) + constant
        return float(np.logaddexp(0, np.where(is_prompt[held_out], -logit, logit)).mean())

    best, kept = check(), tuple(w.copy() for w in weights)
    steps = int(np.clip(n_prompts / PAIRS_PER_STEP, *STEPS))
    adam = _Adam(weights, steps)
    for step in range(1, steps + 1):
        rows = learning[rng.integers(0, len(learning), BATCH)]
        gradient = [np.zeros_like(w) for w in weights]
        add_gradients(features, rows, before, is_prompt, constant, *weights, *gradient)
        adam.step(gradient)
        if (step % CHECKED_EVERY == 0 or step == steps) and (found := check()) < best:
            best, kept = found, tuple(w.copy() for w in weights)
    return kept


class _Adam:
    """Changes weights in place (I. Loshchilov, F. Hutter, arXiv:1711.05101), with a rate that falls as a cosine."""

    def __init__(self, weights: Weights, steps: int) -> None:
        self.weights, self.steps, self.done = weights, steps, 0
        self.mean, self.square = ([np.zeros_like(w) for w in weights] for _ in range(2))

    def step(self, gradient: Sequence[Array]) -> None:
        """Take one step."""
        rate = LEARNING_RATE * (1 + np.cos(np.pi * self.done / self.steps)) / 2
        self.done += 1
        unbiased = [1 - beta**self.done for beta in BETAS]
        for w, g, m, v in zip(self.weights, gradient, self.mean, self.square, strict=True):
            m += (1 - BETAS[0]) * (g - m)
            v += (1 - BETAS[1]) * (g * g - v)
            w -= (rate * (m / unbiased[0] / (np.sqrt(v / unbiased[1]) + 1e-8) + WEIGHT_DECAY * w)).astype(np.float32)
