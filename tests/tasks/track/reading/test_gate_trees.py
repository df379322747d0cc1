"""Trees that GATE 9 and 10 write: hits are read whatever else is beside them, what is no hits is refused with its reason."""

from __future__ import annotations

import numpy as np
import pytest
import uproot

from pphysml.errors import InputError
from pphysml.io.inspection import inspect
from pphysml.io.ragged import concatenate, length
from pphysml.io.reader import Reader
from pphysml.io.sources import resolve
from pphysml.io.validation import validate
from pphysml.tasks.track.reading.assemble import assemble
from pphysml.tasks.track.schema import LAYOUTS

from .gate_files import assembled, equal, gate_rows

ROWS = gate_rows(30)
N = length(ROWS)
ROWS["beam_energy"] = np.full(N, 230.0)

NUMBERS = {"EventID": "event", "RunID": "run", "TrackID": "track_id", "ParentID": "parent_id", "PDGCode": "pdg"}
OTHER_NUMBERS = ("ThreadID", "CurrentStepNumber", "TrackCreatorModelIndex", "TrackVolumeCopyNo", "PreStepVolumeCopyNo", "PostStepVolumeCopyNo",
                 "TrackVolumeInstanceID", "UnscatteredPrimaryFlag")
OTHER_REALS = ("KineticEnergy", "PreKineticEnergy", "PostKineticEnergy", "TrackVertexKineticEnergy", "LocalTime",
               "TimeFromBeginOfEvent", "TrackProperTime", "Weight", "StepLength", "TrackLength")
TEXTS = ("ParticleName", "ParentParticleName", "ParticleType", "ProcessDefinedStep", "TrackCreatorProcess", "TrackVolumeName", "PreStepUniqueVolumeID",
         "PostStepUniqueVolumeID", "HitUniqueVolumeID")
OTHER_VECTORS = ("EventPosition", "EventDirection", "TrackVertexPosition", "Direction", "PreDirection", "PostDirection", "PreDirectionLocal")


def gate10(places):
    """Return all that a DigitizerHitsCollectionActor of GATE 10 writes of steps in the order of the rows, with their ends and their beginnings under these names."""
    columns = {name: ROWS[column].astype(np.int32) for name, column in NUMBERS.items()}
    columns |= {name: np.arange(N, dtype=np.int32) % 5 for name in OTHER_NUMBERS}
    columns |= {name: np.linspace(0, 1, N) for name in OTHER_REALS}
    columns |= {name: np.array([f"{name}-{i % 3}_0" for i in range(N)]) for name in TEXTS}
    columns |= {f"{name}_{axis}": np.linspace(-1, 1, N) for name in OTHER_VECTORS for axis in "XYZ"}
    columns |= {f"{name}_{axis}": ROWS[axis.lower()] + shift for name, shift in places.items() for axis in "XYZ"}
    return {**columns, "PrePositionLocal_Z": ROWS["local_z"], "TotalEnergyDeposit": ROWS["edep"], "GlobalTime": 1e9 * ROWS["time"],
            "PreGlobalTime": 1e9 * ROWS["time"] - 0.001, "EventKineticEnergy": ROWS["beam_energy"]}


def written(path, **trees):
    with uproot.recreate(path) as file:
        for name, columns in trees.items():
            file.mktree(name, {k: "string" if v.dtype.kind == "U" else v.dtype for k, v in columns.items()})
            file[name].extend({k: v.tolist() if v.dtype.kind == "U" else v for k, v in columns.items()})
    return str(path)


def read(path):
    reader = Reader(resolve([path], None), LAYOUTS)
    return reader, concatenate(list(reader))


@pytest.mark.parametrize("places", [
    {"PostPosition": 0.0}, {"Position": 0.0}, {"PrePosition": 0.0}, {"PrePosition": 0.01, "PostPosition": 0.0},
    {"PostPosition": 0.01, "PrePosition": 0.02, "Position": 0.0},
])
def test_hits_of_gate_10_are_those_of_gate_9(places, tmp_path) -> None:
    reader, columns = read(written(tmp_path / "hits.root", Hits=gate10(places)))
    assert reader.layout.name == "gate-hits" and reader.warnings == []
    for name, values in columns.items():
        expected = ROWS[name].astype(values.dtype)
        assert np.allclose(values, expected, rtol=1e-14, atol=0) if name == "time" else np.array_equal(values, expected), name
    as_gate9 = {name: ROWS[name].astype(values.dtype) for name, values in columns.items()}
    found, expected = (assembled(assemble, rows, protons_per_frame=10) for rows in ({**columns, "time": as_gate9["time"]}, as_gate9))
    assert equal(found, expected) and found["n_protons"].tolist() == [10, 10, 10]


PHASE_SPACE = {
    **{name: np.ones(50, np.float32) for name in ("Ekine", "Weight", "X", "Y", "Z", "dX", "dY", "dZ")},
    **{name: np.full(50, "proton") for name in ("ParticleName", "ProductionVolume", "CreatorProcess", "ProcessDefinedStep")},
    **{name: np.ones(50, np.int32) for name in ("TrackID", "EventID", "RunID", "PDGCode")},
}
PHASE_SPACE_10 = {
    **{name: np.ones(50) for name in ("KineticEnergy", "Weight", "GlobalTime")},
    **{f"{name}_{axis}": np.ones(50) for name in ("PrePosition", "PreDirection", "PrePositionLocal", "PreDirectionLocal", "EventPosition") for axis in "XYZ"},
    **{name: np.ones(50, np.int32) for name in ("EventID", "TrackID", "ParentID", "PDGCode")}, "ParticleName": np.full(50, "proton"),
}
SINGLES = {
    **{name: np.ones(50, np.float32) for name in ("energy", "globalPosX", "globalPosY", "globalPosZ", "sourcePosX")}, "time": np.ones(50),
    **{name: np.ones(50, np.int32) for name in ("runID", "eventID", "crystalID", "layerID")},
}
COINCIDENCES = {f"{name}{number}": values for name, values in SINGLES.items() if name != "runID" for number in (1, 2)}
COINCIDENCES_10 = {f"{name}{number}": values for name, values in gate10({"PostPosition": 0.0}).items() for number in (1, 2)}

OTHERS = {
    "PhaseSpace": (PHASE_SPACE, "phase space"), "phsp_plane": (PHASE_SPACE_10, "phase space"), "Singles": (SINGLES, "singles"),
    "Coincidences": (COINCIDENCES, "coincidences"), "coinc": (COINCIDENCES_10, "coincidences"),
}


@pytest.mark.parametrize("tree", OTHERS)
def test_trees_without_hits_are_refused_with_what_they_are_and_what_to_store(tree, tmp_path) -> None:
    columns, said = OTHERS[tree]
    path = written(tmp_path / "other.root", **{"info": {"seed": np.ones(1, np.int64)}, tree: columns})
    with pytest.raises(InputError) as refused:
        read(path)
    text = str(refused.value)
    assert text.startswith(f"{path}, tree '{tree}': holds ") and said in text and "setRootHitFlag" in text and "DigitizerHitsCollectionActor" in text
    assert text.count(". ") == 0 and "'posX'" not in text
    (problem,) = validate(resolve([path], None), LAYOUTS, need_truth=True)
    assert problem.sentence() == text
    assert inspect(path, {"track": LAYOUTS})["refusals"] == {"track": text.removeprefix(f"{path}, ").replace("': holds", "' holds")}


def test_hits_beside_a_phase_space_are_read(tmp_path) -> None:
    reader, columns = read(written(tmp_path / "both.root", PhaseSpace=PHASE_SPACE_10, Hits=gate10({"PostPosition": 0.0})))
    assert reader.sources[0].tree == "Hits" and length(columns) == N
    assert inspect(reader.path(0), {"track": LAYOUTS})["refusals"] == {}


def test_a_phase_space_with_deposits_is_read_as_it_is_named(tmp_path) -> None:
    columns = {**PHASE_SPACE, "Edep": np.full(50, 0.1, np.float32)}
    path = written(tmp_path / "steps.root", PhaseSpace=columns)
    mapping = {"x": "X", "y": "Y", "z": "Z", "edep": "Edep"}
    reader = Reader(resolve([path], None), LAYOUTS, mapping=mapping)
    assert np.array_equal(concatenate(list(reader))["edep"], columns["Edep"])
    with pytest.raises(InputError, match=r"there is no branch 'Dose'"):
        Reader(resolve([path], None), LAYOUTS, mapping={**mapping, "edep": "Dose"})
