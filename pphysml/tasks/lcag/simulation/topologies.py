"""Lists of decay topologies: shipped, read from a file, or drawn at random."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .... import named_yaml, plain_yaml
from ....errors import ConfigError, did_you_mean, shortened
from ..config.simulation import SimulationConfig
from .topology import Topology, Tree, count_leaves

__all__ = ["Topology", "draw_tree", "known_topologies", "read_topologies", "to_yaml",
           "unknown_topologies"]

LISTS = "pphysml.tasks.lcag.simulation.topology_lists"
FRUITLESS_DRAWS = 20_000


def known_topologies(config: SimulationConfig) -> list[Topology]:
    """Return the known topologies: of `topology_file`, or drawn from `topology_seed`.

    Those with min_leaves to max_leaves leaves, at most n_topologies, in the order of file or draw.
    The sequence of draws does not depend on these limits: what is known and has up to six leaves
    is still known where only up to six are asked for.

    Raises:
        ConfigError: unreadable file, no topology left, or too few different ones exist.
    """
    if config.topology_file is None:
        return _distinct(config, _draws(config, "known"), set())
    listed = read_topologies(config.topology_file)
    fitting = [t for t in listed if config.min_leaves <= t.n_leaves <= config.max_leaves]
    if not fitting:
        raise ConfigError(f"{config.topology_file}: no topology of {config.min_leaves} to "
                          f"{config.max_leaves} leaves.")
    return fitting[: config.n_topologies]


def unknown_topologies(config: SimulationConfig) -> list[Topology]:
    """Return n_topologies others, none of which is known or anywhere in `topology_file`.

    What is known without a file depends on n_topologies: keep it as in training.

    Raises:
        ConfigError: as `known_topologies`.
    """
    known = (known_topologies(config) if config.topology_file is None
             else read_topologies(config.topology_file))
    return _distinct(config, _draws(config, "unknown"), {t.canonical for t in known})


def read_topologies(source: str) -> list[Topology]:
    """Read a YAML file with a list `topologies` of canonical forms, or a shipped list by name.

    Raises:
        ConfigError: no such list or file, or a text that is no topology.
    """
    values = _values(source)
    texts = values.get("topologies") if isinstance(values, dict) else None
    if not isinstance(texts, list) or not texts:
        raise ConfigError(f"{source}: must hold a list `topologies`.")
    try:
        return list({t.canonical: t for t in map(Topology.from_text, map(str, texts))}.values())
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from None


def to_yaml(topologies: Iterable[Topology], comment: str) -> str:
    """Return the text that `read_topologies` reads, headed by a comment."""
    lines = [f"# {line}" for line in comment.splitlines()]
    return "\n".join([*lines, "topologies:", *(f"  - {t.canonical}" for t in topologies), ""])


def draw_tree(config: SimulationConfig, rng: random.Random) -> Tree | None:
    """Draw one decay breadth first, as the published generator does; None if it did not work out.

    A node takes children one by one, their number drawn between min_children and max_children, as
    long as a mass fits into what is left of its own: a leaf in the last generation, where no
    intermediate fits, or by chance in proportion to the numbers of masses; of these the root's
    counts as an intermediate. A tree with a node of fewer than min_children is given up.
    Source: arXiv:2208.14924 and its public code.
    """
    root: tuple[float, list[Any]] = (config.root_mass, [])
    queue = [(root, 1)]
    for (mass, children), level in queue:
        available, total = mass, 0.0
        for _ in range(_pick(range(config.min_children, config.max_children + 1), rng)):
            stable, child_mass = _draw_child(config, available, level + 1, rng)
            if child_mass is None:
                break
            child: tuple[float, list[Any]] = (child_mass, [])
            children.append(child)
            if not stable:
                queue.append((child, level + 1))
            total += child_mass
            available -= total if config.subtract_cumulative_mass else child_mass
        if len(children) < config.min_children or total >= mass:
            return None
    return root


def _draw_child(
    config: SimulationConfig, available: float, level: int, rng: random.Random
) -> tuple[bool, float | None]:
    """Return whether the next child is a leaf, and its mass, or None if nothing fits."""
    leaf, decaying = config.leaf_masses, [config.root_mass, *config.intermediate_masses]
    if available <= min(leaf):
        return True, None
    leaf_share = len(leaf) / (len(leaf) + config.intermediate_weight * len(decaying))
    stable = (level == config.max_depth or available <= min(decaying)
              or rng.random() < leaf_share)
    return stable, _pick([m for m in (leaf if stable else decaying) if m < available], rng)


def _pick(values: Sequence[Any], rng: random.Random) -> Any:
    return values[int(rng.random() * len(values))]


def _values(source: str) -> Any:
    if source in named_yaml.names(LISTS):
        return plain_yaml.parse(named_yaml.text(LISTS, source), source)
    if source.endswith((".yaml", ".yml")):
        return plain_yaml.load(source)
    raise ConfigError(f"There is no list of topologies {shortened(source)!r}.{did_you_mean(source, named_yaml.names(LISTS))}")


def _draws(config: SimulationConfig, stream: str) -> Iterator[Tree | None]:
    # Python's generator promises the same numbers in every version, numpy's does not.
    rng = random.Random(f"{config.topology_seed} {stream}")
    while True:
        yield draw_tree(config, rng)


def _distinct(
    config: SimulationConfig, draws: Iterator[Tree | None], seen: set[str]
) -> list[Topology]:
    if min(config.root_mass, *config.intermediate_masses) <= 2 * min(config.leaf_masses):
        raise ConfigError("simulation: every decaying mass must be larger than twice the smallest "
                          "of leaf_masses.")
    found: list[Topology] = []
    fruitless = 0
    while len(found) < config.n_topologies:
        tree = next(draws)
        if tree is not None and config.min_leaves <= count_leaves(tree) <= config.max_leaves:
            topology = Topology.from_tree(tree)
            if topology.canonical not in seen:
                seen.add(topology.canonical)
                found.append(topology)
                fruitless = 0
                continue
        fruitless += 1
        if fruitless == FRUITLESS_DRAWS:
            raise ConfigError(
                f"simulation: only {len(found)} of {config.n_topologies} different topologies of "
                f"{config.min_leaves} to {config.max_leaves} leaves could be found.")
    return found
