"""How often the mass hypotheses of leaves are right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ....evaluation.result import Metric
from ....evaluation.uncertainty import clustered_fraction, wilson
from ....io.ragged import Array, Columns, ragged


def compare_hypotheses(examples: Columns, predictions: Columns, pdg_ids: Sequence[int]) -> Array:
    """Return leaves, leaves with the right hypothesis, and whether the matrix is right too, (3, events)."""
    truth, found = ragged(examples, "hypothesis"), ragged(predictions, "mass_hypothesis")
    right = np.array([0, *pdg_ids])[truth.flat] == found.flat
    n = truth.counts
    counts = np.diff(np.concatenate([[0], np.cumsum(right)])[truth.offsets])
    return np.stack([n, counts, np.asarray(predictions["perfect"]) & (counts == n)])


def hypothesis_metrics(parts: Sequence[Array]) -> Iterator[Metric]:
    """Yield the shares of right leaves, of events with all leaves right, and with all right."""
    if not parts or not (whole := np.concatenate(parts, 1)).size:
        return
    n, right, perfect = whole[:, whole[0] > 0]
    each = clustered_fraction(right, n)
    yield Metric("hypothesis_accuracy", float(each.value), float(each.low), float(each.high), int(n.sum()),
                 "Leaves with the right mass hypothesis, or rightly none, over all leaves; events count as independent.")
    for name, passed, words in (
        ("perfect_hypotheses", right == n, "all of whose leaves have the right mass hypothesis"),
        ("perfect_event", perfect > 0, "with a perfect tree and the right mass hypotheses of all leaves"),
    ):
        share = wilson(int(passed.sum()), len(passed))
        yield Metric(name, float(share.value), float(share.low), float(share.high), len(passed), f"Share of events {words}.")
