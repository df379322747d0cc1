"""Weights that other programs have written, as tensors by name."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ..errors import ModelError, shortened


def read_state_dictionary(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a torch state dictionary or a safetensors file, without running code from it.

    Raises:
        ModelError: there is none, it is damaged, or holds something else.
    """
    if not os.path.isfile(path):
        raise ModelError(f"{path}: there is no such weights file.")
    try:
        _refuse_damaged(path)
        values = load_file(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True)
    except ModelError:
        raise
    except SafetensorError as error:
        raise ModelError(f"{path}: is not a readable safetensors file ({error}).") from None
    except Exception:
        # torch reports damaged files and refused pickles by many types.
        raise ModelError(f"{path}: is not a torch file of weights alone; other pickles can run code and are not read.") from None
    if isinstance(values, dict) and isinstance(values.get("state_dict"), dict):
        values = values["state_dict"]
    if not isinstance(values, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in values.items()):
        raise ModelError(f"{path}: is not a state dictionary of tensors by name.")
    return values


def _refuse_damaged(path: Path) -> None:
    """Compare the checksums in torch's files, which torch does not."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise ModelError(f"{path}: is damaged: the checksum of {shortened(damaged)!r} in it is another; copy the file again.")
