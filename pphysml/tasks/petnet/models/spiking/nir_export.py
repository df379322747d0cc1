"""Spiking networks in the Neuromorphic Intermediate Representation (NIR), and back.

NIR's LIF and LI follow tau dv/dt = (v_leak - v) + R I. A step of Euler of length dt is
v <- (1 - dt / tau) v + (R dt / tau) I: beta = 1 - dt / tau, and R = tau / dt leaves the weights as they are. At a
spike LIF sets v to v_reset at once, while the published neurons subtract the threshold in the next bin; no LIF
says that. Hence two styles:

- "exact": LI, then Threshold, whose spikes return to LI through Scale(-1), one step later, as edges of a cycle do.
  Every node means what it says; few backends have such a cycle.
- "lif": LIF, which backends read, with `reset: subtract` in its metadata. As a backend is free to ignore
  that, its spikes may differ.

What a backend must do is a sentence in the metadata of the graph, see `nir_importing`.

J. E. Pedersen et al., "Neuromorphic intermediate representation", Nature Communications 15 (2024) 8122.
"""

from __future__ import annotations

from itertools import pairwise
from types import ModuleType
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .....errors import ConfigError, InputError
from .accelerate import Accelerated, accelerate
from .nir_importing import EXACT, LIF
from .published import published_network

Array = NDArray[Any]
Style = Literal["exact", "lif"]

STEP = 1e-4
"""Length of a bin in seconds that snntorch takes a graph to have."""


def to_nir(network: nn.Sequential, style: Style = "exact", step: float = STEP) -> Any:
    """Return a `nir.NIRGraph`; `nir.write(path, graph)` writes it.

    Args:
        network: its layers become nodes "0", "1", ...
        style: what neurons become.
        step: length of a bin in seconds, which time constants are given in.

    Raises:
        ConfigError: the package is missing.
        InputError: a membrane does not decay (beta = 1), so that it has no time constant; or the neurons are
            others than those of the compiled kernels.
    """
    nir, found = nir_package(), accelerate(network)
    if not isinstance(found, Accelerated):
        raise InputError(f"The network has no nodes in NIR: {found.reason}.")
    layers = found.layers()
    nodes: dict[str, Any] = {"input": nir.Input(np.array([layers[0][0].shape[1]]))}
    edges, last = [], "input"
    for i, (weight, bias, beta) in enumerate(layers):
        w = weight.detach().numpy().copy()
        affine, neuron = str(2 * i), str(2 * i + 1)
        nodes[affine] = nir.Linear(w) if bias is None else nir.Affine(w, bias.detach().numpy().copy())
        neurons, inside, output = _neurons(nir, neuron, len(w), beta.item(), style, step)
        nodes |= neurons
        edges += [(last, affine), (affine, neuron), *inside]
        last = output
    nodes["output"] = nir.Output(np.array([len(w)]))
    metadata = {"step": step, "importing": EXACT if style == "exact" else LIF}
    return nir.NIRGraph(nodes, [*edges, (last, "output")], metadata=metadata)


def from_nir(graph: Any) -> nn.Sequential:
    """Return the network of a graph of either style.

    Raises:
        ConfigError: the package is missing.
        InputError: the graph is not a chain of such layers.
    """
    nir = nir_package()
    chain = [graph.nodes[name] for name in _chain(nir, graph)]
    if len(chain) % 2 or not chain:
        raise InputError("The NIR graph is not a chain of linear nodes and neurons.")
    layers = [(fc, *_decay(nir, neuron, _step(graph))) for fc, neuron in zip(chain[::2], chain[1::2], strict=True)]
    if not all(isinstance(fc, (nir.Linear, nir.Affine)) for fc, _, _ in layers):
        raise InputError("The NIR graph is not a chain of linear nodes and neurons.")
    network = published_network([layers[0][0].weight.shape[1], *(len(fc.weight) for fc, _, _ in layers)])
    state: dict[str, Tensor] = {}
    for i, (fc, beta, gain) in enumerate(layers):
        bias = getattr(fc, "bias", np.zeros(len(fc.weight)))
        state |= {f"{2 * i}.weight": torch.tensor(gain * fc.weight), f"{2 * i}.bias": torch.tensor(gain * bias),
                  f"{2 * i + 1}.beta": torch.tensor(beta)}
    network.load_state_dict(network.state_dict() | state)
    return network


def _neurons(nir: ModuleType, name: str, n: int, beta: float, style: Style,
             step: float) -> tuple[dict[str, Any], list[tuple[str, str]], str]:
    """Return the nodes of a layer's neurons, the edges among them, and the node that spikes come from."""
    if beta >= 1:
        raise InputError(f"Layer {name} has beta = 1: its neurons do not leak, and have no time constant.")
    # In double precision, since the distance of beta from 1 is known to few digits otherwise.
    tau, ones = np.full(n, step / (1 - beta)), np.ones(n)
    if style == "lif":
        lif = nir.LIF(tau=tau, r=tau / step, v_leak=0 * ones, v_threshold=ones, v_reset=0 * ones,
                      metadata={"reset": "subtract", "reset_delay": True})
        return {name: lif}, [], name
    fire, reset = f"{name}_fire", f"{name}_reset"
    nodes = {name: nir.LI(tau=tau, r=tau / step, v_leak=0 * ones), fire: nir.Threshold(ones), reset: nir.Scale(-ones)}
    return nodes, [(name, fire), (fire, reset), (reset, name)], fire


def _chain(nir: ModuleType, graph: Any) -> list[str]:
    """Return the linear nodes and neurons from input to output, without the nodes of the reset."""
    following: dict[str, list[str]] = {}
    for source, to in graph.edges:
        if not isinstance(graph.nodes[to], nir.Scale):
            following.setdefault(source, []).append(to)
    names = [name for name, node in graph.nodes.items() if isinstance(node, nir.Input)]
    while names and not isinstance(graph.nodes[names[-1]], nir.Output):
        after = following.get(names[-1], [])
        if len(after) != 1 or len(names) > len(graph.nodes):
            raise InputError(f"The NIR graph is not a chain at the node {names[-1]!r}.")
        names += after
    for name, after in pairwise(names):
        if isinstance(graph.nodes[name], nir.LI):
            _check_reset(nir, graph, name, after)
    return [name for name in names[1:-1] if not isinstance(graph.nodes[name], nir.Threshold)]


def _check_reset(nir: ModuleType, graph: Any, name: str, after: str) -> None:
    """Check that an integrator is followed by a threshold of 1, whose spikes are subtracted."""
    threshold = graph.nodes[after]
    resets = [node for node in (n for n, to in graph.edges if to == name) if isinstance(graph.nodes[node], nir.Scale)]
    integrator = graph.nodes[name]
    if (not isinstance(threshold, nir.Threshold) or not np.all(threshold.threshold == 1) or len(resets) != 1
            or (after, resets[0]) not in graph.edges
            or not np.allclose(graph.nodes[resets[0]].scale * integrator.r / integrator.tau * _step(graph), -1)):
        raise InputError(f"The NIR node {name!r} is not reset by subtracting its threshold.")


def _step(graph: Any) -> float:
    return float(graph.metadata.get("step", STEP))


def _decay(nir: ModuleType, node: Any, step: float) -> tuple[float, float]:
    """Return beta of neurons, and what their inputs are multiplied with."""
    if not isinstance(node, (nir.LIF, nir.LI)):
        raise InputError(f"The NIR graph has a node {type(node).__name__} where neurons are expected.")
    beta, gain = 1 - step / node.tau, node.r * step / node.tau
    if np.ptp(beta) or np.ptp(gain) or np.any(node.v_leak):
        raise InputError("The neurons of a layer differ, or leak towards another potential than 0.")
    if isinstance(node, nir.LIF) and (node.metadata.get("reset") != "subtract" or np.any(node.v_threshold != 1)):
        raise InputError("The LIF neurons are reset to a potential, or have another threshold than 1; ours subtract it.")
    return float(beta[0]), float(gain[0])


def nir_package() -> ModuleType:
    """Return the package `nir`.

    Raises:
        ConfigError: it is missing.
    """
    try:
        import nir
    except ImportError:
        raise ConfigError("The format 'nir' needs the package nir: `pip install pphysml[export]`.") from None
    found: ModuleType = nir
    return found
