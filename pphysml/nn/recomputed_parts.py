"""A function of many rows, part by part, that keeps nothing of its inner values for the gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

Part = TypeVar("Part")


def by_parts(function: Callable[..., Tensor], parts: Sequence[Part], *tensors: Tensor) -> Tensor:
    """Return `function(part, *tensors)` of all parts, one behind the other.

    Inner values are computed again for the gradient, one part at a time (T. Chen et al.,
    arXiv:1604.06174). Unlike with torch's checkpoints nothing at all is left of a part, so that its
    memory serves the next; small remains would break it up.

    Args:
        function: of a part and the tensors to differentiate by; it must depend on all of them.
        parts: constants.
    """
    result: Tensor = _ByParts.apply(function, parts, *tensors)  # type: ignore[no-untyped-call]
    return result


class _ByParts(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, function: Callable[..., Tensor], parts: Sequence[Any], *tensors: Tensor) -> Tensor:
        ctx.save_for_backward(*tensors)
        ctx.function, ctx.parts = function, parts
        values = [function(part, *tensors) for part in parts]
        ctx.counts = [len(value) for value in values]
        return torch.cat(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        # With gradients on, second derivatives are asked for; they need the tensors as they are.
        again = torch.is_grad_enabled()
        totals: list[Tensor] = []
        for part, seed in zip(ctx.parts, torch.split(gradient, ctx.counts), strict=True):
            with torch.enable_grad():
                tensors = ctx.saved_tensors if again else [t.detach().requires_grad_() for t in ctx.saved_tensors]
                found = torch.autograd.grad(ctx.function(part, *tensors), tensors, seed, create_graph=again)
            totals = [a + b if again else a.add_(b) for a, b in zip(totals, found, strict=True)] if totals else [f.clone() for f in found]
        return None, None, *totals
