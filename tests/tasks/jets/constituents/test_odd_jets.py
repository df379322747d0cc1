"""What is said of constituents whose momenta are hardly those of their jets."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Columns, Ragged
from pphysml.tasks.jets.constituents.odd_jets import unlikely_momenta

COUNTS = np.resize([3, 0, 5, 2], 400)


def jets(of_momenta: float = 1.0, massless: float = 1.0) -> Columns:
    """Return jets of massless constituents, whose momenta are multiplied with the first, and energies with the second."""
    rng = np.random.default_rng(2)
    momenta = rng.normal(size=(COUNTS.sum(), 3)) + np.array([20, 0, 0])
    of = np.repeat(np.arange(len(COUNTS)), COUNTS)
    pt = np.hypot(*(np.bincount(of, momenta[:, k], len(COUNTS)) for k in (0, 1)))
    table = np.column_stack([momenta, massless * np.sqrt((momenta**2).sum(1))]) * of_momenta
    return {"jet_pt": pt, "constituents": Ragged.from_counts(table.astype(np.float32), COUNTS)}


@pytest.mark.parametrize(("factor", "said"), [(1.0, ""), (0.5, ""), (2.0, ""), (1000.0, "1e+03 times"), (0.001, "0.001 times")])
def test_constituents_in_other_units_than_their_jets_are_said(factor: float, said: str) -> None:
    found = unlikely_momenta(jets(factor))
    assert len(found) == (said != "") and all(said in sentence and "part_px=BRANCH:MeV" in sentence for sentence in found)


def test_energies_below_momenta_are_counted_if_they_are_more_than_a_few() -> None:
    (sentence,) = unlikely_momenta(jets(massless=0.9))
    assert sentence.startswith(f"{COUNTS.sum()} of the first {COUNTS.sum()} constituents")
    for share, said in ((0.005, 0), (0.05, 1)):
        examples = jets()
        flat = examples["constituents"].flat  # type: ignore[union-attr]
        flat[: round(share * len(flat)), 3] = 0
        assert len(unlikely_momenta(examples)) == said


def test_nothing_is_said_of_jets_without_constituents_or_momentum() -> None:
    none = Ragged.from_counts(np.zeros((0, 4), np.float32), np.zeros(3, np.int64))
    assert unlikely_momenta({"jet_pt": np.ones(3), "constituents": none}) == []
    assert unlikely_momenta({**jets(), "jet_pt": np.zeros(len(COUNTS))}) == []
