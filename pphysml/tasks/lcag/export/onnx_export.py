"""Export of the network to ONNX, with a decoder in NumPy beside it."""

from __future__ import annotations

import contextlib
import inspect
import json
from importlib import resources
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim

from ....errors import OutputError
from ....io.ragged import Array
from ....model_file import ModelFile
from ....nn.onnx_files import file_of, need_packages, quiet
from ....nn.spectrum import LearnedSpectra
from ....physics.closest_approach import closest_approach
from ..config import VERTEXING, LcagConfig
from ..models.inputs import Output
from ..models.network import LcagNetwork, PairIndex
from ..models.network_engine import NetworkEngine
from ..reading.pair_features import vertexing
from . import numpy_decoder

DECODER = "numpy_decoder.py"
INPUTS = ("p4", "n_leaves", "pair_first", "pair_second", "pair_table", "set_members")
SIZES = ((3, 5), (1, 1), (4, 2), (2, 3), (5, 8), (2, 10))
"""Events and leaves of the batches on which both networks are compared; the first is exported with."""
ABSOLUTE, RELATIVE = 1e-4, 1e-5
"""Largest difference of a logit, and relative to the largest; those of excluded sets are in the hundreds."""


def to_onnx(model: ModelFile) -> tuple[bytes, bytes]:
    """Return the network in ONNX, for any number of events and leaves, and the decoder's Python file.

    The network takes what `numpy_decoder.inputs` makes, and returns the logits of `Output`.

    Raises:
        ConfigError: a package is missing.
        OutputError: the exported network does not say the same.
    """
    need_packages()
    config = model.configuration(LcagConfig)
    engine = NetworkEngine(config, model, "cpu")
    for module in engine.network.modules():
        if isinstance(module, LearnedSpectra):
            module.fix()
    features = {"features": config.data.features, "pair_features": config.data.pair_features}
    settings = {
        "model": model.hash, "inputs": [*INPUTS, *(name for name, listed in features.items() if listed)], **features,
        "hypotheses": config.data.hypotheses, **engine.rules._asdict(), **engine.calibration._asdict(),
    }
    batches = [_events(model, np.random.default_rng(seed), *size) for seed, size in enumerate(SIZES)]
    feeds = [{name: made[name] for name in settings["inputs"]} for made in batches]
    exported = Exported(engine.network).eval()
    own = config.own_network
    with contextlib.nullcontext() if own is None else own.reporting("the export to ONNX"):
        content = _convert(exported, feeds[0], json.dumps(settings))
    _compare(exported, content, feeds)
    source = resources.files(__package__).joinpath(DECODER).read_text(encoding="utf-8")
    if not set(VERTEXING).isdisjoint(config.data.pair_features):
        source += "".join(f"\n\n{inspect.getsource(function)}" for function in (vertexing, closest_approach))
    return content, with_settings(source, settings).encode()


class Exported(nn.Module):
    """A network whose indices of pairs and sets are inputs, so that no shape is computed in it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        assert isinstance(network, LcagNetwork)
        self.network = network

    def forward(
        self, p4: Tensor, n_leaves: Tensor, pair_first: Tensor, pair_second: Tensor, pair_table: Tensor,
        set_members: Tensor, features: Tensor | None = None, pair_features: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the logits by the names of `Output`; the inputs are those of `numpy_decoder.inputs`."""
        index = PairIndex.given(n_leaves, pair_first, pair_second, pair_table)
        said = self.network.score(p4, n_leaves, features, index, set_members, pair_features)
        return {name: logits for name, logits in said._asdict().items() if logits is not None}


def with_settings(source: str, settings: dict[str, Any]) -> str:
    """Return the decoder's source with the settings of a network."""
    mark = "SETTINGS: dict[str, Any] = json.loads("
    lines = [f"{mark}{json.dumps(settings)!r})\n" if line.startswith(mark) else line for line in source.splitlines(True)]
    return "".join(lines)


def _convert(network: nn.Module, feed: dict[str, Array], settings: str) -> bytes:
    batch, leaves, pairs, sets = Dim("batch"), Dim("leaves"), Dim("pairs"), Dim("sets")
    shapes = {
        "p4": {0: batch, 1: leaves}, "n_leaves": {0: batch}, "pair_first": {0: pairs}, "pair_second": {0: pairs},
        "pair_table": {0: leaves, 1: leaves}, "set_members": {0: sets, 1: leaves}, "features": {0: batch, 1: leaves},
        "pair_features": {0: batch, 1: leaves, 2: leaves},
    }
    given = {name: torch.from_numpy(value) for name, value in feed.items()}
    with quiet(), torch.no_grad():
        names = [name for name in Output._fields if name in network(**given)]
        program = torch.onnx.export(
            network, (), kwargs=given, dynamo=True, verbose=False, input_names=list(feed), output_names=names,
            dynamic_shapes={name: shapes[name] for name in feed})
    return file_of(program, settings)


def _compare(network: nn.Module, content: bytes, feeds: list[dict[str, Array]]) -> None:
    """Raise OutputError unless ONNX Runtime gives the logits that torch gives."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    for feed in feeds:
        with torch.no_grad():
            expected = network(**{name: torch.from_numpy(value) for name, value in feed.items()})
        for name, found in zip(names, session.run(None, feed), strict=True):
            wanted = expected[name].numpy()
            difference = np.abs(found - wanted).max() if found.shape == wanted.shape else np.nan
            if not difference <= max(ABSOLUTE, RELATIVE * np.abs(wanted).max()):
                raise OutputError(
                    f"The exported network's logits {name!r} of {len(wanted)} events with {feed['p4'].shape[1]} leaves "
                    f"differ from torch's by {difference:.2g}; nothing was written.")


def _events(model: ModelFile, rng: np.random.Generator, events: int, n: int) -> dict[str, Array]:
    """Return inputs for random events in the model's domain, the first of n leaves, the others of up to n."""
    def draw(name: str, otherwise: tuple[float, float]) -> Array:
        low, high = model.prepared.get(f"domain.{name} [GeV]", otherwise)
        values: Array = rng.uniform(low, high, (events, n))
        return values

    mass = draw("leaf mass", (0.0, 1.0))
    energy = np.maximum(draw("leaf energy", (0.1, 5.0)), 1.01 * mass + 0.1)
    direction = rng.normal(size=(events, n, 3))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    p4 = np.concatenate([direction * np.sqrt(energy**2 - mass**2)[..., None], energy[..., None]], -1)
    n_leaves = np.append(n, rng.integers(1, n + 1, events - 1))
    p4 *= (np.arange(n) < n_leaves[:, None])[..., None]

    def typical(kind: str, *shape: int) -> Array:
        mean, scale = (model.prepared.get(f"{kind}_{name}", np.zeros(0)) for name in ("mean", "scale"))
        values: Array = mean + scale * rng.normal(size=(events, *shape, len(mean)))
        return values

    of_pairs = typical("pair_feature", n, n)
    return numpy_decoder.all_inputs(p4, n_leaves, typical("feature", n), of_pairs + of_pairs.swapaxes(1, 2))
