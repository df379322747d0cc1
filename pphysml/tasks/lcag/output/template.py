"""A template: the decay that events are searched for, as arrays for `template_matching`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....errors import ConfigError, shortened
from ....physics.particle_masses import particle_charge, particle_mass, particle_number
from ..trees.decay_strings import ANY, Decay, parse_decay, read_decay


@dataclass(frozen=True)
class Template:
    """The different subtrees of a decay; equal ones are one.

    Attributes:
        low, high: mass in GeV that a node must have, float64 (subtrees,); the last is the whole.
        charge: sum of the charges of a node's leaves, float64 (subtrees,); NaN for any.
        particle: absolute PDG id of a leaf that is named as a particle, else 0, int64 (subtrees,).
        children: of all subtrees, one after the other; a number per child, int64.
        child_at: where each subtree's children begin, int64 (subtrees + 1,); none for a leaf.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    charge: NDArray[np.float64]
    particle: NDArray[np.int64]
    children: NDArray[np.int64]
    child_at: NDArray[np.int64]


def read_template(source: str, tolerance: float, window: float | None = None) -> Template:
    """Return the template of a decay string, or of a YAML file by its name; see `trees.decay_strings`.

    A label is the name of a particle, which has a mass and a charge, a mass in GeV, or `*`.

    Args:
        tolerance: largest difference of a leaf's mass, GeV.
        window: the same for the other nodes; None lets them have any mass.

    Raises:
        ConfigError: no decay of two or more leaves, or an unknown particle.
    """
    in_file = source.endswith((".yaml", ".yml"))
    decay = read_decay(source) if in_file else parse_decay(source)
    if not decay.children:
        raise ConfigError(f"{shortened(source)!r} is one particle; a template needs a decay, as in A -> B C or (B C).")
    try:
        return _number(decay, tolerance, math.inf if window is None else window)
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}" if in_file else str(error)) from None


def _number(decay: Decay, tolerance: float, window: float) -> Template:
    """Number the different subtrees, children first (Aho, Hopcroft, Ullman, 1974, example 3.2)."""
    # No charge is None here, as NaN does not equal itself.
    numbers: dict[tuple[float, float, float | None, int, tuple[int, ...]], int] = {}

    def number(part: Decay) -> int:
        children = tuple(sorted(map(number, part.children)))
        particle = 0 if children else _particle(part.label)
        return numbers.setdefault((*_demands(part.label, window if children else tolerance), particle, children), len(numbers))

    number(decay)
    low, high, charge, particle, children = zip(*numbers, strict=True)
    child_at = np.cumsum([0, *map(len, children)], dtype=np.int64)
    charges = np.array([math.nan if q is None else q for q in charge])
    return Template(np.array(low), np.array(high), charges, np.array(particle, dtype=np.int64),
                    np.array(sum(children, ()), dtype=np.int64), child_at)


def _particle(label: str) -> int:
    """Return the absolute PDG id of a label that is the name of a particle; 0 for a mass, and for any particle."""
    if label == ANY:
        return 0
    try:
        float(label)
    except ValueError:
        return abs(particle_number(label))
    return 0


def _demands(label: str, width: float) -> tuple[float, float, float | None]:
    """Return the smallest and largest mass, and the charge, that a label stands for."""
    if label == ANY:
        return -math.inf, math.inf, None
    try:
        mass, charge = float(label), None
    except ValueError:
        mass, charge = particle_mass(label), particle_charge(label)
    if not 0.0 <= mass < math.inf:
        raise ConfigError(f"{label!r} is not a mass in GeV.")
    return mass - width, mass + width, charge
