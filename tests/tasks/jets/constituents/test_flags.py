"""Types of constituents by PDG ids and charges."""

from __future__ import annotations

import numpy as np

from pphysml.io.ragged import Columns, Ragged
from pphysml.tasks.jets.constituents.flags import with_flags
from pphysml.tasks.jets.particle_schema import FLAGS

IDS = {"ChargedHadron": [211, -211, 321, -2212], "NeutralHadron": [130, 2112, 1], "Photon": [22, 2], "Electron": [11, -11], "Muon": [13, -13]}
CHARGED = {211: 1, -211: -1, 321: 1, -2212: -1, 11: -1, -11: 1, 13: -1, -13: 1}


def test_every_constituent_is_of_one_type() -> None:
    ids = [number for numbers in IDS.values() for number in numbers]
    charges = [CHARGED.get(number, 0) for number in ids]
    chunk: Columns = {"part_pdg": Ragged.from_rows([ids, []], np.int32), "part_charge": Ragged.from_rows([charges, []], np.float32)}
    found = with_flags(chunk, {f.name for f in FLAGS})
    for kind, numbers in IDS.items():
        column = found[f"part_is{kind}"]
        assert isinstance(column, Ragged)
        np.testing.assert_array_equal(column.flat, np.isin(ids, numbers))


def test_flags_of_the_file_stay_and_others_are_made_only_where_they_are_wanted() -> None:
    chunk: Columns = {"part_pdg": Ragged.from_rows([[22, 11]], np.int32), "part_charge": Ragged.from_rows([[0, -1]], np.float32), "part_isPhoton": Ragged.from_rows([[0, 1]], np.float32)}
    found = with_flags(chunk, ["part_isPhoton", "part_isMuon"])
    assert set(found) - set(chunk) == {"part_isMuon"} and found["part_isPhoton"] is chunk["part_isPhoton"]
    assert with_flags({"part_pdg": chunk["part_pdg"]}, ["part_isMuon"]).keys() == {"part_pdg"}
