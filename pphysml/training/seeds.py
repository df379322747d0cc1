"""Seeds of the random numbers of a training's steps."""

from __future__ import annotations

import hashlib

FIRST_WEIGHTS = -1
"""The step, before all others, in which the initial weights are drawn."""


def step_seed(seed: int, step: int, rank: int) -> int:
    """Return the seed of the random numbers of one step on one process."""
    digest = hashlib.blake2b(f"{seed},{step},{rank}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
