"""Layouts that `track` reads, and the tree that it writes."""

from __future__ import annotations

from typing import Any

from ...io.schema import Field, Layout, Lookalike

FIELD = {"minimum": -10_000.0, "maximum": 10_000.0}
"""Positions across the beam that a calorimeter can have, mm."""

IDS = (
    Field("run", "event", "int64", "Run number.", aliases=("runID", "RunID"), carried=True),
    Field("event", "event", "int64", "Number of the particle of the beam.", aliases=("eventID", "EventID"), truth=True, carried=True),
)


def _row(name: str, dtype: str, help: str, *aliases: str, **others: Any) -> Field:
    return Field(name, "hit", dtype, help, aliases=aliases, **others)


def _ends(axis: str) -> tuple[str, ...]:
    """Return what GATE 7 to 9, and GATE 10, call the position of a step's end, and of its beginning."""
    return f"pos{axis}", f"Position_{axis}", f"PostPosition_{axis}", f"PrePosition_{axis}"


HITS_OF_GATE = ("store the hits of the sensors: GATE 7 to 9 in the tree Hits (/gate/output/root/setRootHitFlag 1), GATE 10 by a "
                "DigitizerHitsCollectionActor with TotalEnergyDeposit, PostPosition, GlobalTime, RunID, EventID, TrackID, ParentID and PDGCode")


def _lookalike(holds: str, *branches: set[str]) -> Lookalike:
    return Lookalike(tuple(map(frozenset, branches)), "edep", f"{holds}; {HITS_OF_GATE}")


LOOKALIKES = (
    _lookalike("holds coincidences, pairs of what was summed in two detectors, and no hits", {"energy1", "energy2"}, {"TotalEnergyDeposit1", "TotalEnergyDeposit2"}),
    _lookalike("holds particles that cross a surface (a phase space), but not the energy that each of them left in a sensor, without which there is no hit (if it has another name, give that with --map edep=BRANCH)",
               {"Ekine"}, {"KineticEnergy"}, {"PreKineticEnergy"}, {"PostKineticEnergy"}),
    _lookalike("holds singles, of which one is what all particles of an event left in a detector, and no hits", {"globalPosX", "energy"}),
)
"""Trees of GATE beside that of the hits."""

GATE = Layout(
    name="gate-hits",
    help="GATE's tree of hits, one entry per step in a sensor.",
    trees=("Hits", "hits"),
    native_names=True,
    needed_truth=("event", "track_id", "parent_id"),
    lookalikes=LOOKALIKES,
    fields=(
        *IDS,
        _row("x", "float32", "Position where the step ends, or begins if the file has that alone.", *_ends("X"), unit="mm", required=True, **FIELD),
        _row("y", "float32", "The same.", *_ends("Y"), unit="mm", required=True, **FIELD),
        _row("z", "float32", "The same along the beam.", *_ends("Z"), unit="mm", required=True),
        _row("edep", "float32", "Energy deposited in the sensor.", "edep", "TotalEnergyDeposit", unit="MeV", required=True, minimum=0.0),
        _row("time", "float64", "Time since the start of the run.", "time", "GlobalTime", "PreGlobalTime", unit="s",
             alias_units={"GlobalTime": "ns", "PreGlobalTime": "ns"}),
        _row("local_z", "float32", "Position inside the sensor, by which its thickness is known.", "localPosZ", "PrePositionLocal_Z", unit="mm"),
        _row("spot_x", "float32", "Position of the beam spot.", "spotPosX", "spotX", unit="mm"),
        _row("spot_y", "float32", "Position of the beam spot.", "spotPosY", "spotY", unit="mm"),
        _row("spot_tx", "float32", "Slope dx/dz of the pencil beam.", "spotTX"),
        _row("spot_ty", "float32", "Slope dy/dz of the pencil beam.", "spotTY"),
        _row("rotation_angle", "float32", "Rotation of the object.", "rotationAngle", unit="deg"),
        _row("beam_energy", "float32", "Kinetic energy of the beam in front of the phantom; 0 or less where it is not known.", "sourceEnergy", "EventKineticEnergy", unit="MeV"),
        _row("beam_pdg", "int32", "PDG id of the particles of the beam: 2212 or 1000020040.", "sourcePDG"),
        _row("phantom", "float32", "Water-equivalent thickness in front of the calorimeter, where it is known: what WEPL is compared with.", unit="mm", minimum=0.0),
        _row("base_id", "int32", "GATE's number of the outermost volume.", "baseID"),
        _row("level1_id", "int32", "GATE's number of the volume inside it.", "level1ID"),
        _row("level2_id", "int32", "The same, one level further in.", "level2ID"),
        _row("level3_id", "int32", "The same, one level further in.", "level3ID"),
        Field("volume_id", "label", "int32", "GATE's numbers of all volumes from the world inwards.", counter="n_volumes", aliases=("volumeID",)),
        _row("track_id", "int32", "Number of the particle in its event, 1 for the one of the beam.", "trackID", "TrackID", truth=True),
        _row("parent_id", "int32", "Number of its parent, 0 for the particle of the beam.", "parentID", "ParentID", truth=True),
        _row("pdg", "int32", "PDG id.", "PDGEncoding", "PDGCode", truth=True),
        _row("stop_depth", "float32", "Water-equivalent depth behind the phantom at which the particle of the beam stops, if it does so by energy loss; negative if not.", unit="mm", truth=True),
    ),
)


def _hit(name: str, dtype: str, help: str, **others: Any) -> Field:
    return Field(name, "hit", dtype, help, counter="n_hits", **others)


def _of_spot(name: str, what: str, unit: str = "") -> Field:
    return Field(name, "label", "float32", f"{what} of each beam spot of the frame; only where there may be several.", unit=unit, counter="n_spots")


SPOTS = (_of_spot("spots_x", "Position", "mm"), _of_spot("spots_y", "Position", "mm"), _of_spot("spots_tx", "Slope dx/dz"), _of_spot("spots_ty", "Slope dy/dz"))

FRAMES = Layout(
    name="frames",
    help="One entry per readout frame with its hits, as of a real detector.",
    trees=("frames",),
    padding=("hit_x", "hit_y", "hit_z", "hit_edep"),
    needed_truth=("hit_event", "hit_track", "hit_parent"),
    fields=(
        Field("frame", "event", "int64", "Number of the frame.", filling=-1),
        Field("run", "event", "int64", "Run number.", carried=True),
        Field("spot_x", "event", "float32", "Position of the beam spot.", unit="mm"),
        Field("spot_y", "event", "float32", "Position of the beam spot.", unit="mm"),
        Field("spot_tx", "event", "float32", "Slope dx/dz of the pencil beam."),
        Field("spot_ty", "event", "float32", "Slope dy/dz of the pencil beam."),
        *SPOTS,
        Field("rotation_angle", "event", "float32", "Rotation of the object.", unit="deg"),
        Field("beam_energy", "event", "float32", "Kinetic energy of the beam in front of the phantom; 0 or less where it is not known.", unit="MeV"),
        Field("beam_pdg", "event", "int32", "PDG id of the particles of the beam: 2212 or 1000020040."),
        Field("phantom", "event", "float32", "Water-equivalent thickness in front of the calorimeter, where it is known: what WEPL is compared with.", unit="mm", minimum=0.0),
        Field("n_hits", "event", "int64", "Number of hits, where their branches are arrays of a fixed size.", counts="n_hits", aliases=("n", "nhits"), minimum=0),
        _hit("hit_x", "float32", "Position.", unit="mm", required=True, **FIELD),
        _hit("hit_y", "float32", "Position.", unit="mm", required=True, **FIELD),
        _hit("hit_z", "float32", "Position along the beam; without it the geometry must be given.", unit="mm"),
        _hit("hit_layer", "int32", "Number of the layer along the beam, from 0; without it layers are learned from hit_z.", minimum=0),
        _hit("hit_edep", "float32", "Energy deposited; without it, it follows from the cluster's size.", unit="MeV", minimum=0.0),
        _hit("hit_cluster_size", "int32", "Number of pixels.", aliases=("hit_csize",), minimum=0),
        _hit("hit_time", "float64", "Time.", unit="s"),
        _hit("hit_event", "int64", "Number of the particle of the beam.", truth=True),
        _hit("hit_track", "int32", "Number of the particle in its event.", truth=True),
        _hit("hit_parent", "int32", "Number of its parent, 0 for the particle of the beam.", truth=True),
        _hit("hit_pdg", "int32", "PDG id.", truth=True),
    ),
)

PIXELS = Layout(
    name="pixels",
    help="One entry per fired pixel of a real readout; those of a frame follow one another. Column 0 begins at the sensor's edge at -width/2 in x, row 0 at -height/2 in y.",
    trees=("pixels",),
    fields=(
        _row("frame", "int64", "Number of the readout frame.", required=True),
        _row("layer", "int32", "Number of the layer along the beam, from 0.", required=True, minimum=0),
        _row("column", "int32", "Number of the pixel in x, from 0.", required=True, minimum=0),
        _row("row", "int32", "Number of the pixel in y, from 0.", required=True, minimum=0),
        _row("time", "float64", "Time.", unit="s"),
        IDS[0],
        *(GATE.field(name) for name in ("spot_x", "spot_y", "spot_tx", "spot_ty", "rotation_angle", "beam_energy", "beam_pdg", "phantom")),
    ),
)

LAYOUTS = (GATE, FRAMES, PIXELS)


def _track(name: str, dtype: str, help: str, unit: str = "") -> Field:
    return Field(name, "particle", dtype, help, unit=unit, counter="n_tracks")


OUTPUT_FIELDS = (
    Field("frame", "event", "int64", "Number of the frame."),
    Field("run", "event", "int64", "Run number of its first hit."),
    Field("job", "event", "int32", "Number of the job of the simulation, where a file holds several with the same numbers of runs and events."),
    Field("spot_x", "event", "float32", "Position of the beam spot.", unit="mm"),
    Field("spot_y", "event", "float32", "Position of the beam spot.", unit="mm"),
    *SPOTS,
    Field("spot_given", "event", "bool", "Whether the file has the position of the spot; else it is 0."),
    Field("spot_tx", "event", "float32", "Slope dx/dz of the pencil beam; only if the input has it."),
    Field("spot_ty", "event", "float32", "Slope dy/dz of the pencil beam; only if the input has it."),
    Field("rotation_angle", "event", "float32", "Rotation of the object; only if the input has it.", unit="deg"),
    Field("beam_energy", "event", "float32", "Kinetic energy of the beam in front of the phantom that WEPL is computed with, as stated, given or estimated; 0 where it is not known.", unit="MeV"),
    Field("n_protons", "event", "int32", "True number of particles of the beam with hits; only if the input has truth.", truth=True),
    _hit("hit_entry", "int64", "Entry in its file of the hit's first step, of a cluster that of the particle that it counts for, or of its first pixel; of a frame read as such, the hit's number."),
    _hit("hit_layer", "int16", "Layer along the beam, from 0."),
    _hit("hit_x", "float32", "Position.", unit="mm"),
    _hit("hit_y", "float32", "Position.", unit="mm"),
    _hit("hit_z", "float32", "Position.", unit="mm"),
    _hit("hit_edep", "float32", "Energy deposited.", unit="MeV"),
    _hit("hit_track_index", "int32", "Index of the hit's track in the frame, -1 for none; of a cluster that several tracks share, that which has links with it."),
    _hit("hit_previous", "int32", "Index of the hit before it on its track, towards the beam; -1 for none."),
    _hit("hit_link_prob", "float32", "Probability of that link; 1 where there is none."),
    _hit("hit_proton", "int32", "True particle of the beam, in a cluster of several that with the largest part of the energy, numbered in the frame, -1 for noise; only if the input has truth.", truth=True),
    _hit("hit_primary", "bool", "Whether it is that particle itself; only if the input has truth.", truth=True),
    _hit("hit_second_proton", "int32", "True particle of the beam that left the next largest part of the hit itself, -1 for none; only if the input has truth, and hits are clusters.", truth=True),
    _track("n_hits_of_track", "int32", "Number of hits of each track."),
    Field("track_hits", "node", "int32", "Indices of the tracks' hits in the frame, track after track, from the beam inwards; a cluster of two particles may be a hit of two.", counter="n_track_hits"),
    _track("score", "float32", "Product of the probabilities of the track's links."),
    _track("chi2", "float32", "Sum of squared deflections over what multiple scattering makes expect (Highland), per degree of freedom; NaN where the materials are not known, and for fewer than three hits."),
    _track("x0", "float32", "Position at the first hit.", "mm"),
    _track("y0", "float32", "Position at the first hit.", "mm"),
    _track("tx", "float32", "Slope dx/dz between the first two hits; NaN for one hit."),
    _track("ty", "float32", "Slope dy/dz between the first two hits; NaN for one hit."),
    _track("front_x0", "float32", "Position in front of the object, at the last plane of the front tracker; NaN for a track that was matched to none there; these only with a front tracker.", "mm"),
    _track("front_y0", "float32", "Position in front of the object.", "mm"),
    _track("front_z0", "float32", "Position in front of the object.", "mm"),
    _track("front_tx", "float32", "Slope dx/dz between the last two planes.", ""),
    _track("front_ty", "float32", "Slope dy/dz between the last two planes.", ""),
    Field("front_proton", "particle", "int32", "True particle of the beam in front, numbered as in hit_proton, -1 for one without hits behind the object, or no match; only if the input has truth.", counter="n_tracks", truth=True),
    _track("range", "float32", "Water-equivalent depth behind the phantom at which the particle stops, fitted to the energy losses (Bragg-Kleeman); NaN where the materials are not known.", "mm"),
    _track("range_error", "float32", "Its standard error without range straggling.", "mm"),
    _track("energy", "float32", "Kinetic energy behind the phantom.", "MeV"),
    _track("wepl", "float32", "Water-equivalent path length before the calorimeter: range of the beam less the particle's path to where it stops; NaN where the beam is not known.", "mm"),
    _track("wepl_error", "float32", "Its standard error, with range straggling.", "mm"),
    _track("flags", "uint8", "Sum of: 1 kink above 0.271 rad, 2 no Bragg peak at the end, 4 fewer than five hits, 8 does not start in the first layer, 16 leaves out a layer, both without counting dead ones, 32 stops well behind the range of the beam."),
)
