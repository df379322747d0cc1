"""Weights of the published spiking network as a file for programs in snntorch, without this package."""

from __future__ import annotations

import json
from typing import Any

from safetensors.torch import save

from .....errors import ModelError
from .....model_file import ModelFile
from ...config import PetConfig
from ...config.spiking import PublishedConfig
from ...scanner.scanner import Scanner
from .published import HINT
from .published_file import published_model
from .published_input import partners_of


def to_snntorch_file(model: ModelFile) -> tuple[bytes]:
    """Return the state of `nn.Sequential(nn.Linear, snntorch.Leaky, ...)`, and what else its user needs.

    That is JSON in the metadata, under the key `pphysml`: `sizes`, `beta` and `learn_beta` of the layers, `bin_time`
    in ps, `scanner`, `latency` in bins, and `geometry`: null, or how the further inputs are made, with a `value` for
    each hit at every one of its `partners` (crystals; -1: none).

    Raises:
        ModelError: the model is another network.
    """
    made = published_model(model)
    if made is None:
        raise ModelError("The format snntorch is for pphysml's network 'published' alone, and this one is "
                         f"{model.configuration(PetConfig).model.name!r}.")
    state = {name: value.contiguous() for name, value in made.network.state_dict().items()}
    return (save(state, {"pphysml": json.dumps(_facts(made.network, made.options, made.scanner))}),)


def _facts(network: Any, options: PublishedConfig, scanner: Scanner) -> dict[str, Any]:
    linear = network[::2]
    geometry = {"value": HINT, "partners": partners_of(scanner, options).tolist()} if options.geometry else None
    return {"format": "snntorch", "sizes": [linear[0].in_features, *(fc.out_features for fc in linear)],
            "beta": options.beta, "learn_beta": options.learn_beta, "bin_time": options.bin_time,
            "latency": options.latency, "scanner": scanner.name, "geometry": geometry}
