"""The two innermost loops of the decoder, written for vector registers.

Both run over all splits of a set of leaves in two, and do the same for every height: one lane per
height. LLVM makes one vector instruction of eight lanes only if it is told so (numba switches off
the pass that would find out, at a loss of a factor of three), hence the vectors in LLVM's own
language here. Processors without such registers get the same results from scalar instructions.

A split of S is an ordered pair (B, R): the block B holds the lowest leaf of S, R is the rest.
Arrays have the layout (2**n, 2, LANES), C-contiguous:

- `blocks[B]` = (exact, lower): B is one block of the node above it, of height exactly one below
  that node, or lower;
- `rests[R]` = (any, some): R is partitioned in blocks, any, or at least one of them exact.

Of S's partitions in two or more blocks, `any` is therefore (exact or lower) x any, and `some` is
exact x any or lower x some, without counting one partition twice.

Numba's cache does not notice changes of functions called from another file: after a change here,
remove `__pycache__` of this folder.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

LANES = 8
EXACT, LOWER = 0, 1
ANY, SOME = 0, 1
ONE = np.uint64(1)
INT32 = ir.VectorType(ir.IntType(32), LANES)
BIAS, MANTISSA_BITS = 127, 23
MIN_EXPONENT = -126.0


class _Rows:
    """Reads and writes rows of LANES values of one array of the layout above."""

    def __init__(self, context: Any, builder: Any, kind: Any, array: Any) -> None:
        self.builder = builder
        scalar = context.get_data_type(kind.dtype)
        self.vector = ir.VectorType(scalar, LANES)
        self.size = context.get_abi_sizeof(scalar)
        data = context.make_array(kind)(context, builder, array).data
        self.data = builder.bitcast(data, self.vector.as_pointer())

    def _address(self, subset: Any, which: int) -> Any:
        row = self.builder.add(self.builder.shl(subset, subset.type(1)), subset.type(which))
        return self.builder.gep(self.data, [row])

    def load(self, subset: Any, which: int) -> Any:
        return self.builder.load(self._address(subset, which), align=self.size)

    def store(self, value: Any, subset: Any, which: int) -> None:
        self.builder.store(value, self._address(subset, which), align=self.size)

    def constant(self, value: float) -> Any:
        return ir.Constant(self.vector, [value] * LANES)


def _maximum(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _over_splits(builder: Any, subset: Any, others: Any, start: list[Any], step: Any) -> list[Any]:
    """Emit the loop over R, the non-empty subsets of `others`; `start` are the accumulators."""
    before = builder.block
    loop, after = builder.append_basic_block("splits"), builder.append_basic_block("after")
    builder.branch(loop)
    builder.position_at_end(loop)
    rest = builder.phi(others.type)
    rest.add_incoming(others, before)
    sums = [builder.phi(value.type) for value in start]
    for phi, value in zip(sums, start, strict=True):
        phi.add_incoming(value, before)
    updated: list[Any] = step(builder.xor(subset, rest), rest, sums)
    following = builder.and_(builder.sub(rest, rest.type(1)), others)
    rest.add_incoming(following, builder.block)
    for phi, value in zip(sums, updated, strict=True):
        phi.add_incoming(value, builder.block)
    more = builder.icmp_unsigned("!=", following, following.type(0))
    builder.cbranch(more, loop, after)
    builder.position_at_end(after)
    return updated


@intrinsic
def max_splits(typing: Any, blocks: Any, rests: Any, subset: Any, others: Any) -> Any:
    """Set `rests[subset]` to the maxima over its partitions in two or more blocks.

    Args:
        blocks, rests: see above, complete for all smaller subsets.
        subset: S as uint64 bitmask.
        others: S without its lowest leaf, not zero.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _Rows(context, builder, signature.args[0], arguments[0])
        rest = _Rows(context, builder, signature.args[1], arguments[1])
        s, remaining = arguments[2], arguments[3]

        def step(b: Any, r: Any, best: list[Any]) -> list[Any]:
            exact, lower = block.load(b, 0), block.load(b, 1)
            anything, some = rest.load(r, 0), rest.load(r, 1)
            terms = (builder.fadd(exact, anything), builder.fadd(lower, anything), builder.fadd(lower, some))
            return [_maximum(builder, new, old) for new, old in zip(terms, best, strict=True)]

        lowest = [rest.constant(float("-inf"))] * 3
        exact_any, lower_any, lower_some = _over_splits(builder, s, remaining, lowest, step)
        rest.store(_maximum(builder, exact_any, lower_any), s, 0)
        rest.store(_maximum(builder, exact_any, lower_some), s, 1)
        return context.get_dummy_value()

    return types.void(blocks, rests, types.uint64, types.uint64), emit


@intrinsic
def sum_splits(
    typing: Any, blocks: Any, block_exponents: Any, rests: Any, rest_exponents: Any, subset: Any, others: Any
) -> Any:
    """Set `rests[subset]`, `rest_exponents[subset]` to the sums over partitions in two or more blocks.

    Values are mantissa * 2**exponent, both float32, mantissas in [1, 2), so that weights hundreds
    of orders of magnitude apart can be added without a logarithm. `rest_exponents[subset]` must
    hold the largest exponents, from `max_splits` of the exponents; terms 2**126 times smaller
    than these count no more.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        tables = [_Rows(context, builder, signature.args[k], arguments[k]) for k in range(4)]
        block, block_exponent, rest, rest_exponent = tables
        s, remaining = arguments[4], arguments[5]
        largest = [rest_exponent.load(s, 0), rest_exponent.load(s, 1)]

        def add(total: Any, value: Any, exponent: Any, which: int) -> Any:
            shift = _maximum(builder, builder.fsub(exponent, largest[which]), rest.constant(MIN_EXPONENT))
            bits = builder.shl(builder.add(builder.fptosi(shift, INT32), _ints(BIAS)), _ints(MANTISSA_BITS))
            return builder.fadd(total, builder.fmul(value, builder.bitcast(bits, rest.vector)))

        def step(b: Any, r: Any, sums: list[Any]) -> list[Any]:
            exact, lower = block.load(b, 0), block.load(b, 1)
            exact_e, lower_e = block_exponent.load(b, 0), block_exponent.load(b, 1)
            anything, some = rest.load(r, 0), rest.load(r, 1)
            any_e, some_e = rest_exponent.load(r, 0), rest_exponent.load(r, 1)
            value, exponent = builder.fmul(exact, anything), builder.fadd(exact_e, any_e)
            of_any = add(sums[0], value, exponent, 0)
            of_some = add(sums[1], value, exponent, 1)
            of_any = add(of_any, builder.fmul(lower, anything), builder.fadd(lower_e, any_e), 0)
            of_some = add(of_some, builder.fmul(lower, some), builder.fadd(lower_e, some_e), 1)
            return [of_any, of_some]

        sums = _over_splits(builder, s, remaining, [rest.constant(0.0)] * 2, step)
        for which, total in enumerate(sums):
            bits = builder.bitcast(total, INT32)
            exponent = builder.sub(builder.lshr(bits, _ints(MANTISSA_BITS)), _ints(BIAS))
            mantissa = builder.or_(
                builder.and_(bits, _ints((1 << MANTISSA_BITS) - 1)), _ints(BIAS << MANTISSA_BITS))
            rest.store(builder.bitcast(mantissa, rest.vector), s, which)
            exponent = builder.sitofp(exponent, rest_exponent.vector)
            rest_exponent.store(builder.fadd(largest[which], exponent), s, which)
        return context.get_dummy_value()

    arrays = (blocks, block_exponents, rests, rest_exponents)
    return types.void(*arrays, types.uint64, types.uint64), emit


def _ints(value: int) -> Any:
    return ir.Constant(INT32, [value] * LANES)
