"""Attention within blocks of jets of similar length."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .dropout import drawn
from .packing import Block


def attended(padded: Tensor, bias: list[Tensor], blocks: list[Block], dropout: float = 0.0) -> Tensor:
    r"""Return :math:`\mathrm{softmax}(QK^T/\sqrt{d} + U)V` of each head (arXiv:2202.03772, equation 4), (slots, width).

    Args:
        padded: queries, keys and values in the places of constituents, (slots, 3 width).
        bias: in every block, (jets, heads, n, n), -inf for keys where there is no constituent.
        blocks: of jets.
        dropout: share of the attention that is left out.
    """
    found: Tensor = _Attended.apply(padded, blocks, dropout, *bias)  # type: ignore[no-untyped-call]
    return found


class _Attended(torch.autograd.Function):
    """Written by hand, since the graph that torch makes of it copies more than it computes."""

    @staticmethod
    def forward(ctx: Any, padded: Tensor, blocks: list[Block], dropout: float, *bias: Tensor) -> Tensor:
        heads, width = bias[0].shape[1], padded.shape[1] // 3
        found, saved, ctx.scale = padded.new_empty(len(padded), width), [], 1.0
        for block, pair in zip(blocks, bias, strict=True):
            query, key, value = _heads_first(padded[block.slots], block, 3, heads).to(pair.dtype)
            weight = torch.baddbmm(pair.flatten(0, 1), query, key.transpose(1, 2), alpha=1 / math.sqrt(width // heads)).softmax(-1)
            kept, ctx.scale = drawn(weight, dropout) if dropout else (None, 1.0)
            _put(found[block.slots], block, (_left(weight, kept) @ value).mul_(ctx.scale)[None], heads)
            saved += [query, key, value, weight, kept]
        ctx.save_for_backward(*saved)
        ctx.blocks, ctx.heads = blocks, heads
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        found, of_bias = gradient.new_empty(len(gradient), 3 * gradient.shape[1]), []
        saved = ctx.saved_tensors
        for number, block in enumerate(ctx.blocks):
            query, key, value, weight, kept = saved[5 * number : 5 * number + 5]
            given = _heads_first(gradient[block.slots], block, 1, ctx.heads)[0].to(value.dtype) * ctx.scale
            of_value = _left(weight, kept).transpose(1, 2) @ given
            of_weight = _left(given @ value.transpose(1, 2), kept)
            of_score = torch.ops.aten._softmax_backward_data(of_weight, weight, -1, weight.dtype)
            of_bias.append(of_score.view(block.shape[0], ctx.heads, block.shape[1], block.shape[1]))
            of_query, of_key = (of_score @ key, of_score.transpose(1, 2) @ query)
            scale = 1 / math.sqrt(query.shape[-1])
            _put(found[block.slots], block, torch.stack([of_query.mul_(scale), of_key.mul_(scale), of_value]), ctx.heads)
        return found, None, None, *of_bias


def _left(weight: Tensor, kept: Tensor | None) -> Tensor:
    """Return what dropout leaves; the few numbers made of it are scaled instead of the many in it."""
    return weight if kept is None else weight * kept


def _heads_first(rows: Tensor, block: Block, parts: int, heads: int) -> Tensor:
    """Return rows of a block (slots, parts width) as (parts, jets heads, n, width / heads)."""
    jets, n = block.shape
    by_head = rows.view(jets, n, parts, heads, rows.shape[1] // (parts * heads)).permute(2, 0, 3, 1, 4)
    return by_head.flatten(1, 2)


def _put(rows: Tensor, block: Block, by_head: Tensor, heads: int) -> None:
    """Put into rows what `_heads_first` would make of them."""
    jets, n = block.shape
    parts, width = len(by_head), by_head.shape[-1]
    rows.view(jets, n, parts, heads, width).copy_(by_head.view(parts, jets, heads, n, width).permute(1, 3, 0, 2, 4))
