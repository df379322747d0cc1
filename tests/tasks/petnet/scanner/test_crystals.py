"""Which crystal a single is of: by ids, and by its position where its file has none of them."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.petnet.scanner.crystals import CrystalIndex, scanner_crystals
from pphysml.tasks.petnet.scanner.scanner import load_scanner


@pytest.fixture
def singles():
    """Singles in the middle of 50 crystals, two in each, of which the second 50 have no ids."""
    scanner = load_scanner("safir")
    crystal = np.tile(np.arange(0, 2000, 40), 2)
    x, y, z = scanner.centre(crystal).T
    lacking = np.arange(100) >= 50
    offsets = np.array([0, 100])
    ids = {name: Ragged(np.where(lacking, -1, values), offsets) for name, values in scanner.ids_of(crystal).items()}
    return scanner, crystal, {**ids, **{name: Ragged(v, offsets) for name, v in (("x", x), ("y", y), ("z", z))}}


def test_the_scanner_knows_crystals_of_singles_with_and_without_ids(singles) -> None:
    scanner, crystal, examples = singles
    np.testing.assert_array_equal(scanner_crystals(examples, scanner), crystal)


def test_without_a_scanner_each_place_is_a_crystal_of_its_own(singles) -> None:
    _, _, examples = singles
    index = CrystalIndex(None)
    numbers = index.add(examples)
    assert len(index) == 100 and len(np.unique(numbers[50:])) == 50, "all singles without ids would be of one crystal"
