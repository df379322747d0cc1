"""Ids made from positions, wherever the scanner is stated to stand."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.tasks.petnet.reading.missing_ids import MissingIds
from pphysml.tasks.petnet.reading.placement import stated
from pphysml.tasks.petnet.scanner.scanner import load_scanner

SHIFT = (50.0, 300.0, -40.0)


@pytest.fixture
def singles():
    """Singles in the middle of crystals of a scanner along x, off the origin, and their ids."""
    scanner = load_scanner("safir")
    crystal = np.arange(0, 2000, 7)
    places = np.roll(scanner.centre(crystal), 1, axis=1) + SHIFT
    rows = {"file": np.zeros(len(crystal), np.int32), "entry": np.arange(len(crystal)), "energy": np.full(len(crystal), 0.511)}
    return scanner, rows | dict(zip("xyz", places.astype(np.float32).T, strict=True)), scanner.ids_of(crystal)


def test_ids_are_those_of_the_crystals_in_a_scanner_that_is_stated_to_stand_elsewhere(singles) -> None:
    scanner, rows, ids = singles
    maker = MissingIds(scanner, stated("x", SHIFT))
    found = maker.add(rows)
    assert not maker.warnings(lambda file: "singles.root")
    for name, values in ids.items():
        np.testing.assert_array_equal(found[name], values)
    with_ids = MissingIds(scanner, stated("x", SHIFT))
    with_ids.add(rows | ids)
    assert not with_ids.warnings(lambda file: "singles.root")


def test_where_it_stands_can_be_stated_is_said_if_singles_lie_elsewhere(singles) -> None:
    scanner, rows, ids = singles
    for columns in (rows, rows | ids):
        maker = MissingIds(scanner)
        maker.add(columns)
        (sentence,) = maker.warnings(lambda file: "singles.root")
        assert "apply.axis" in sentence and "apply.centre" in sentence
