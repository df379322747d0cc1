"""Import of the weights published with arXiv:2407.13420: a torch state dictionary, or safetensors."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from ....errors import ModelError, shortened
from ....nn.state_dictionaries import read_state_dictionary
from ..config.model import ModelConfig
from .hit_graph import HitGraph, spot_offset
from .line_graph import LineGraph

MARK = "R1.layers."
COUNTER = "num_batches_tracked"


def load_published(network: LineGraph | HitGraph, path: Path) -> None:
    """Put published weights into a network.

    Keys are `R1.layers.*`, `O.layers.*` and `R2.layers.*`, behind any common prefix. The published
    `hit-graph` measures x and y from the pixel number of the beam spot; in a network without the
    published defects its running means are moved, so that it answers the same for a spot at 0.

    Raises:
        ModelError: not a readable file, or not the weights of this network: what is missing, left
            over, of another shape or not finite is named.
    """
    weights = _without_prefix(read_state_dictionary(path), path)
    _check(weights, network.state_dict(), path)
    if isinstance(network, HitGraph) and not network.published_defects:
        _measure_from_spot(weights)
    network.load_state_dict(weights)


def start_from_published(network: nn.Module, path: Path) -> None:
    """Put published weights into the network that is trained.

    Raises:
        ModelError: as `load_published`, or the network is another one.
    """
    if not isinstance(network, LineGraph | HitGraph):
        raise ModelError(f"{path}: was not written by pphysml, and weights of the {published_name(path)} published with arXiv:2407.13420 "
                         f"need the preset {published_name(path)}.")
    load_published(network, path)


def published_name(path: Path) -> str:
    """Return which published network a file holds the weights of, `line-graph` or `hit-graph`.

    Raises:
        ModelError: not a readable file, or neither.
    """
    weights = _without_prefix(read_state_dictionary(path), path)
    for name, network in (("line-graph", LineGraph(ModelConfig())), ("hit-graph", HitGraph(ModelConfig()))):
        first = f"{MARK}1.weight"
        if first in weights and weights[first].shape == network.state_dict()[first].shape:
            return name
    raise ModelError(f"{path}: holds weights of neither published network, line-graph nor hit-graph.")


def _without_prefix(values: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    prefix = next((key[: key.index(MARK)] for key in values if MARK in key), None)
    if prefix is None:
        raise ModelError(f"{path}: has no weights {MARK}*; it is not a network published with arXiv:2407.13420.")
    return {key.removeprefix(prefix): value for key, value in values.items() if not key.endswith(COUNTER)}


def _check(weights: dict[str, Tensor], wanted: dict[str, Tensor], path: Path) -> None:
    unlike = {key: _difference(weights[key], wanted[key]) for key in wanted if key in weights}
    problems = [f"missing: {key}" for key in wanted if key not in weights]
    problems += [f"unexpected: {shortened(key)}" for key in weights if key not in wanted]
    problems += [f"{key} {difference}" for key, difference in unlike.items() if difference]
    if problems:
        shown = "; ".join(problems[:6]) + (f"; and {len(problems) - 6} more" if len(problems) > 6 else "")
        raise ModelError(f"{path}: does not fit the network: {shown}.")


def _difference(given: Tensor, wanted: Tensor) -> str:
    """Return why a tensor cannot be in the place of another one; "" if it can."""
    if given.shape != wanted.shape:
        return f"has shape {tuple(given.shape)} in place of {tuple(wanted.shape)}"
    if (given.dtype, given.layout, given.device) != (wanted.dtype, wanted.layout, wanted.device):
        return f"is {given.layout} {given.dtype} on {given.device} in place of {wanted.dtype}"
    return "" if given.isfinite().all() else "is not finite"


def _measure_from_spot(weights: dict[str, Tensor]) -> None:
    """Move the means of x and y, which are inputs 1 and 2 of a hit, and 5 and 6 of a link's second."""
    for key, columns in (("R1.layers.0.running_mean", ((1, 5), (2, 6))), ("O.layers.0.running_mean", ((1,), (2,)))):
        moved = weights[key].clone()
        for axis, places in enumerate(columns):
            moved[list(places)] += spot_offset(axis) / 1000
        weights[key] = moved
