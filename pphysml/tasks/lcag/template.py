"""A template: the decay that events are searched for, as arrays for `template_matching`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigError
from ...physics.particle_masses import particle_mass
from .decay_strings import ANY, Decay, parse_decay, read_decay


@dataclass(frozen=True)
class Template:
    """The different subtrees of a decay; equal ones are one.

    Attributes:
        low, high: mass in GeV that a node must have, float64 (subtrees,); the last is the whole.
        children: of all subtrees, one after the other; a number per child, int64.
        child_at: where each subtree's children begin, int64 (subtrees + 1,); none for a leaf.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    children: NDArray[np.int64]
    child_at: NDArray[np.int64]


def read_template(source: str, tolerance: float, window: float | None = None) -> Template:
    """Return the template of a decay string, or of a YAML file by its name; see `decay_strings`.

    A label is the name of a particle, a mass in GeV, or `*`. Particles of equal mass are equal: a
    template says nothing of charges.

    Args:
        tolerance: largest difference of a leaf's mass, GeV.
        window: the same for the other nodes; None lets them have any mass.

    Raises:
        ConfigError: no decay of two or more leaves, or an unknown particle.
    """
    decay = read_decay(source) if source.endswith((".yaml", ".yml")) else parse_decay(source)
    if not decay.children:
        raise ConfigError(f"{source!r} is one particle; a template needs a decay, as in A -> B C or (B C).")
    return _number(decay, tolerance, math.inf if window is None else window)


def _number(decay: Decay, tolerance: float, window: float) -> Template:
    """Number the different subtrees, children first (Aho, Hopcroft, Ullman, 1974, example 3.2)."""
    numbers: dict[tuple[float, float, tuple[int, ...]], int] = {}

    def number(part: Decay) -> int:
        children = tuple(sorted(map(number, part.children)))
        low, high = _range(part.label, window if children else tolerance)
        return numbers.setdefault((low, high, children), len(numbers))

    number(decay)
    low, high, children = zip(*numbers, strict=True)
    child_at = np.cumsum([0, *map(len, children)], dtype=np.int64)
    return Template(np.array(low), np.array(high), np.array(sum(children, ()), dtype=np.int64), child_at)


def _range(label: str, width: float) -> tuple[float, float]:
    if label == ANY:
        return -math.inf, math.inf
    try:
        mass = float(label)
    except ValueError:
        mass = particle_mass(label)
    if not 0.0 <= mass < math.inf:
        raise ConfigError(f"{label!r} is not a mass in GeV.")
    return mass - width, mass + width
