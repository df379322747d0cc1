"""Number of threads, set before anything that computes is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def default_threads(environment: Mapping[str, str]) -> int:
    """Return the threads that the user, the scheduler or the CPU affinity grants, in this order."""
    for name in ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"):
        value = environment.get(name, "")
        if value.isdigit() and int(value) > 0:
            return int(value)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_threads(count: int | None) -> None:
    """Use `count` threads for linear algebra and networks; None takes the default."""
    threads = default_threads(os.environ) if count is None else count
    os.environ.update(dict.fromkeys(_VARIABLES, str(threads)))
    if "torch" in sys.modules:  # too late for the environment
        sys.modules["torch"].set_num_threads(threads)
