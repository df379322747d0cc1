"""File entries to examples."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....io.ragged import Columns, Ragged, ragged
from ..config import LcagConfig
from .hypotheses import given_hypotheses
from .large_events import refuse_large
from .leaf_momenta import leaf_momenta
from .pair_features import pair_features
from .signal_side import take_out
from .truth import truth_columns

IDS = ("file", "entry", "experiment", "run", "event", "candidate", "production", "topology", "weight")


def assemble(chunk: Columns | None, carry: Any, config: LcagConfig) -> tuple[Columns, Any]:
    """Make one example of every entry: `p4`, the ids, `features`, `pair_features` and the truth `lcag` if there.

    Where events may hold several trees, the truth `background` says which leaves are in none.
    Leaves of a given signal side are taken out.

    Raises:
        InputError: too many leaves, leaves without energies, or truth or a signal side that cannot be used; names the entry.
    """
    if chunk is None:
        return {}, None
    leaves = ragged(chunk, "px")
    refuse_large(chunk, leaves.counts, config.data.max_leaves)
    examples: Columns = {name: column for name, column in chunk.items() if name in IDS or name.startswith("keep:")}
    examples["p4"] = p4 = Ragged(leaf_momenta(chunk, config.data), leaves.offsets)
    if config.apply.match is not None:
        examples |= _for_templates(chunk, config)
    if config.data.features:
        flat = [ragged(chunk, name).flat for name in config.data.features]
        examples["features"] = Ragged(np.stack(flat, -1).astype(np.float32), leaves.offsets)
    if config.data.pair_features:
        examples["pair_features"] = pair_features(chunk, p4, config.data)
    examples |= truth_columns(chunk, leaves.counts, config.data)
    if config.apply.signal_side in chunk:
        examples = take_out(examples, chunk, config.apply.signal_side, config.data.rules)
    return examples, None


def _for_templates(chunk: Columns, config: LcagConfig) -> Columns:
    """Return `charge` and `assumed`, the hypotheses of the input, of all leaves, where they are known."""
    given = given_hypotheses(chunk, config.data)
    known: Columns = {} if given is None else {"assumed": given.ids}
    return {**known, "charge": ragged(chunk, "charge")} if "charge" in chunk else known
