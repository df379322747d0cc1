"""What a network of the user's own has returned, and whether it can be used."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import ConfigError
from ..own_network import OwnNetwork


def checked(own: OwnNetwork, output: Any, shape: tuple[int, ...], meaning: str, like: Tensor, training: bool) -> Tensor:
    """Return the output, if it can be used.

    Args:
        shape: that it must have.
        meaning: what its values are.
        like: a tensor on the device that it must be on.
        training: whether there must be a gradient.

    Raises:
        ConfigError: it cannot be used.
    """
    fault = ""
    if not isinstance(output, Tensor) or output.shape != shape:
        fault = f"{shape}, not {_in_words(output)}"
    elif not output.is_floating_point() or output.layout is not torch.strided or output.device != like.device:
        fault = (f"dense floating-point numbers on the device {like.device}, "
                 f"not {output.layout} {output.dtype} on {output.device}")
    if fault:
        raise ConfigError(f"{own.path}: {own.class_name} must return {meaning}, {fault}.")
    assert isinstance(output, Tensor)
    refuse_no_gradient(own, output, training)
    return output


def refuse_no_gradient(own: OwnNetwork, output: Tensor, training: bool) -> None:
    """Refuse an output of a training that does not depend on the parameters.

    Raises:
        ConfigError: it has no gradient.
    """
    if training and torch.is_grad_enabled() and not output.requires_grad:
        raise ConfigError(f"{own.path}: what {own.class_name} returns has no gradients: see whether it detaches, "
                          "or runs under torch.no_grad().")


def refuse_not_finite(own: OwnNetwork, output: Tensor) -> None:
    """Refuse values of which no physics can be made.

    Raises:
        ConfigError: some are NaN or infinite.
    """
    # A graph that is exported cannot branch on values.
    if not torch.compiler.is_exporting() and not output.isfinite().all():
        raise ConfigError(f"{own.path}: {own.class_name} has returned values that are not finite.")


def _in_words(value: Any) -> str:
    return str(tuple(value.shape)) if isinstance(value, Tensor) else f"a {type(value).__name__}"
