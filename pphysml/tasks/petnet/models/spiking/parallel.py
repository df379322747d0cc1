"""Compiled loops over samples, in a few threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def over_samples(call: Callable[[int, int], Result], first: int, last: int, threads: int) -> list[Result]:
    """Return `call(from, to)` for equal parts of the samples first to last, one part in each thread.

    The loops release the interpreter's lock. Threads of our own, not numba's, so that a process may be
    forked later and that several Python threads may call.
    """
    parts = max(min(threads, last - first), 1)
    edges = [first + (last - first) * i // parts for i in range(parts + 1)]
    if parts == 1:
        return [call(first, last)]
    with ThreadPoolExecutor(parts) as pool:
        return list(pool.map(call, edges[:-1], edges[1:]))
