"""Export of the network to ONNX: from the values of `model.inputs` to probabilities and scores."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim

from ....errors import ConfigError, OutputError
from ....io.ragged import Array
from ....model_file import ModelFile
from ....nn.network_weights import with_weights
from ....nn.onnx_files import file_of, need_packages, quiet
from ..config import JetsConfig
from ..models.build import build_network
from ..models.discriminants import log_ratios
from ..models.inputs import FARTHEST

INPUT, MASS = "inputs", "resonance_mass"
OUTPUTS = ("probabilities", "discriminants")
TOLERANCE = 1e-4
"""Largest difference of a probability or of a logarithm between both networks."""

TRIED = 50


class Exported(nn.Module):
    """A network with what is done before it, as `models.inputs.inputs_of` does, and after it.

    Args:
        network: (n, inputs) -> logarithms of probabilities (n, classes).
        config: of the task; `prepared`: what was fitted before training.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, network: nn.Module, config: JetsConfig, prepared: Mapping[str, Array]) -> None:
        super().__init__()
        self.network = network
        self.options = config.data
        self.cut = config.model.name != "score"
        self.register_buffer("mean", torch.from_numpy(np.asarray(prepared["input_mean"], np.float32)))
        self.register_buffer("scale", torch.from_numpy(np.asarray(prepared["input_scale"], np.float32)))
        self.log_mass = [float(x) for x in prepared["log_mass"]] if config.model.parametrise else None

    def forward(self, inputs: Tensor, resonance_mass: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return probabilities (n, classes) and logarithms of ratios (n, signals) of values of `model.inputs`, (n, inputs), and masses in GeV, (n,)."""
        standard = (inputs - self.mean) / self.scale
        standard = torch.where(torch.isfinite(standard), standard, 0.0)
        if self.cut:
            standard = standard.clamp(-FARTHEST, FARTHEST)
        if self.log_mass is not None and resonance_mass is not None:
            centre, spread = self.log_mass
            standard = torch.cat([standard, ((torch.log(resonance_mass) - centre) / spread)[:, None]], 1)
        logits = self.network(standard)
        return torch.softmax(logits, 1), log_ratios(logits, self.options)


def to_onnx(model: ModelFile) -> tuple[bytes]:
    """Return the network in ONNX, for any number of jets.

    Its property `pphysml` names the expressions whose values are the inputs, and the classes.

    Raises:
        ConfigError: a package is missing, or the model is one of trees or of constituents.
        OutputError: the exported network does not say the same.
    """
    need_packages()
    config = model.configuration(JetsConfig)
    if config.model.name == "trees":
        raise ConfigError("Boosted trees are not exported to ONNX; the weights file holds them as arrays `trees.*`.")
    if config.model.takes_constituents:
        raise ConfigError(f"A network of constituents, as {config.model.name} is, is not exported to ONNX; --format safetensors gives its weights.")
    network = with_weights(lambda: build_network(config, model.prepared), model).eval()
    exported = Exported(network, config, model.prepared).eval()
    settings = {"model": model.hash, "inputs": config.model.inputs, "classes": list(config.data.classes), "signals": config.data.signals, "parametrised": config.model.parametrise}
    feed = _jets(model.prepared, config, 3, seed=0)
    jets = Dim("jets")
    with quiet(), torch.no_grad():
        program = torch.onnx.export(exported, (), kwargs=feed, dynamo=True, verbose=False, input_names=list(feed), output_names=list(OUTPUTS), dynamic_shapes={name: {0: jets} for name in feed})
    content = file_of(program, json.dumps(settings))
    _compare(exported, content, _jets(model.prepared, config, TRIED, seed=1))
    return (content,)


def _jets(prepared: Mapping[str, Array], config: JetsConfig, n: int, seed: int) -> dict[str, Tensor]:
    """Return inputs such as the training's, one of them not a number."""
    rng = np.random.default_rng(seed)
    values = prepared["input_mean"] + prepared["input_scale"] * rng.normal(size=(n, len(prepared["input_mean"])))
    values[0, 0] = np.nan
    feed = {INPUT: torch.from_numpy(values.astype(np.float32))}
    if config.model.parametrise:
        feed[MASS] = torch.from_numpy(rng.choice(prepared["masses"], n).astype(np.float32))
    return feed


def _compare(network: nn.Module, content: bytes, feed: dict[str, Tensor]) -> None:
    """Raise OutputError unless ONNX Runtime gives what torch gives."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    found = session.run(list(OUTPUTS), {name: values.numpy() for name, values in feed.items()})
    with torch.no_grad():
        wanted = network(**feed)
    for name, ours, theirs in zip(OUTPUTS, wanted, found, strict=True):
        difference = float(np.abs(ours.numpy() - theirs).max())
        if not difference <= TOLERANCE * max(1.0, float(np.abs(theirs).max())):
            raise OutputError(f"The exported network's {name} differ from torch's by {difference:.2g}; nothing was written.")
