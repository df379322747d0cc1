"""Layouts that `petnet` reads, and the trees that it writes, in the names and types of GATE."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from ...io.schema import Field, Layout, Lookalike


def _single(name: str, dtype: str, help: str, *aliases: str, **others: Any) -> Field:
    return Field(name, "hit", dtype, help, aliases=aliases, **others)


def _carried(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """Return the fields of singles, all of which their pairs get, with what stands for them where only some files have them."""
    fillings = {"int32": -1.0, "float32": math.nan}
    return tuple(f if f.required else replace(f, filling=fillings.get(f.dtype)) for f in fields)


IDS = ("system", "gantry", "rsector", "module", "submodule", "crystal", "layer")

RUN = _single("run", "int32", "Number of the run.", "runID")
TIME = _single("time", "float64", "Time since the start of the acquisition.", "time", unit="s", required=True, spacing=True)
ENERGY = _single("energy", "float32", "Energy.", "energy", unit="MeV", required=True)
POSITION = tuple(
    _single(axis, "float32", help, f"globalPos{axis.upper()}", unit="mm", required=True)
    for axis, help in (("x", "Position."), ("y", "Position."), ("z", "Position along the axis of the scanner."))
)
VOLUMES = tuple(_single(f"{name}_id", "int32", f"Number of the {name}.", f"{name}ID") for name in IDS)

SOURCE = tuple(
    _single(f"source_{axis}", "float32", "Where the source decayed.", f"sourcePos{axis.upper()}", unit="mm", truth=True) for axis in "xyz"
)
TRUTH = (
    _single("event", "int32", "Number of the decay, negative for noise; with file and run it names an event.", "eventID", truth=True, wide=True),
    _single("source_id", "int32", "Number of the source.", "sourceID", truth=True),
    *SOURCE,
)
SCATTERS = tuple(
    _single(name, "int32", help, alias, truth=True) for name, alias, help in (
        ("compton_phantom", "comptonPhantom", "Compton scatters in sensitive volumes of the phantom."),
        ("compton_crystal", "comptonCrystal", "Compton scatters in the crystals."),
        ("rayleigh_phantom", "RayleighPhantom", "Rayleigh scatters in sensitive volumes of the phantom."),
        ("rayleigh_crystal", "RayleighCrystal", "Rayleigh scatters in the crystals."),
    )
)
PHOTON = _single("photon_id", "int32", "Which photon of the annihilation, 1 or 2; 0 for none of them.", "photonID", truth=True)
GANTRY = (
    _single("axial_pos", "float32", "Position of the bed or the scanner.", "axialPos", unit="mm"),
    _single("rotation_angle", "float32", "Angle of the scanner.", "rotationAngle", unit="deg"),
)

GATE9_SINGLES = Layout(
    name="gate9-singles",
    help="GATE 9's tree of singles, one entry per single; any branch but time, energy and position may be missing.",
    trees=("Singles", "singles", "LESingles", "HESingles"),
    native_names=True,
    left_out=("comptVolName", "RayleighVolName"),
    needed_truth=("event",),
    fields=_carried((RUN, *TRUTH, TIME, ENERGY, *POSITION, *VOLUMES, *SCATTERS, PHOTON, *GANTRY)),
)

GATE9_HITS = Layout(
    name="gate9-hits",
    help="GATE 9's tree of hits in crystals, one entry per step, event by event; apply.digitizer makes singles of them.",
    trees=("Hits", "hits"),
    native_names=True,
    needed_truth=("event",),
    fields=(
        RUN, replace(TRUTH[0], required=True), *TRUTH[1:], TIME,
        _single("edep", "float32", "Energy deposited.", "edep", unit="MeV", required=True, minimum=0.0),
        *(replace(f, aliases=(f"pos{f.name.upper()}",)) for f in POSITION), *VOLUMES,
        *(_single(name, "int32", help, alias, truth=True) for name, alias, help in (
            ("n_phantom_compton", "nPhantomCompton", "Compton scatters in sensitive volumes of the phantom so far."),
            ("n_crystal_compton", "nCrystalCompton", "Compton scatters in the crystals so far."),
            ("n_phantom_rayleigh", "nPhantomRayleigh", "Rayleigh scatters in sensitive volumes of the phantom so far."),
            ("n_crystal_rayleigh", "nCrystalRayleigh", "Rayleigh scatters in the crystals so far."),
        )),
        PHOTON, *GANTRY,
    ),
)

GATE10 = (
    _single("run", "int32", "Number of the run.", "RunID"),
    *(_single(f"source_{axis}", "float32", "Where the event began.", f"EventPosition_{axis.upper()}", unit="mm", truth=True) for axis in "xyz"),
    _single("time", "float64", "Time since the start of the acquisition.", "GlobalTime", unit="s", required=True, spacing=True, alias_units={"GlobalTime": "ns"}),
    *(_single(f.name, "float32", f.help, f"PostPosition_{f.name.upper()}", unit="mm", required=True) for f in POSITION),
)
EVENT10 = _single("event", "int32", "Number of the event; with file and run it names one.", "EventID", truth=True, wide=True)
ENERGY10 = _single("energy", "float32", "Energy.", "TotalEnergyDeposit", unit="MeV", required=True)
VOLUME10 = _single("volume", "text", "Name of the volume with the copy numbers of all around it; see apply.volume_levels.", "PreStepUniqueVolumeID")

GATE10_SINGLES = Layout(
    name="gate10-singles",
    help="GATE 10's tree of singles, one entry per single; what is written has the names of GATE 9.",
    trees=GATE9_SINGLES.trees,
    needed_truth=("event",),
    fields=_carried((EVENT10, *GATE10, ENERGY10, VOLUME10, *VOLUMES)),
)

GATE10_HITS = Layout(
    name="gate10-hits",
    help="GATE 10's tree of hits, told from singles by its name, one entry per hit, event by event; apply.digitizer makes singles of them.",
    trees=("Hits", "hits"),
    needed_truth=("event",),
    fields=(
        replace(EVENT10, required=True), *GATE10, replace(ENERGY10, name="edep", help="Energy deposited.", minimum=0.0),
        replace(VOLUME10, required=True), *VOLUMES,
    ),
)


PETSYS_SINGLES = Layout(
    name="petsys-singles",
    help="Singles that PETsys' convert_raw_to_singles writes with --writeRoot, one entry per single: time in ps, places from the channel map, and energies as keV, which its energy calibration gives.",
    trees=("data",),
    to_canonical="pphysml.tasks.petnet.reading.petsys:to_canonical",
    fields=(
        replace(TIME, alias_units={"time": "ps"}), replace(ENERGY, alias_units={"energy": "keV"}),
        *(replace(f, aliases=(), help=f"{f.help.removesuffix('.')}, of the channel.") for f in POSITION),
        _single("channel", "int64", "Number of the channel.", "channelID", required=True),
        _single("group_hit", "int32", "Number of the hit of one photon, of groups.", "mh_j"),
    ),
)


def _end(f: Field, number: int, *gate10: str) -> Field:
    """Return what a coincidence has of one of its singles, in the names of GATE 9 or 10."""
    aliases = tuple(f"{name}{number}" for name in (*f.aliases, *gate10))
    units = {f"{name}{number}": unit for name, unit in f.alias_units.items()}
    return replace(f, name=f"{f.name}_{number}", aliases=aliases, alias_units=units)


OF_ENDS = (
    (TRUTH[0], ("EventID",)), (TRUTH[1], ()), (replace(TIME, alias_units={"GlobalTime": "ns"}, spacing=False), ("GlobalTime",)),
    (ENERGY, ("TotalEnergyDeposit",)), *((f, (f"PostPosition_{f.name.upper()}",)) for f in POSITION), *((f, ()) for f in SCATTERS), (PHOTON, ()),
)
"""What is read of the singles of a coincidence, and what GATE 10 calls it."""

COINCIDENCES = Layout(
    name="gate-coincidences",
    help="Coincidences of GATE 9 or GATE 10, or of this program, one entry per pair; `evaluate` says what can be said of pairs.",
    trees=("Coincidences", "coincidences"),
    judged="holds coincidences, and no singles to be paired; give the tree of singles, as FILE:Singles, or say with `pphysml evaluate petnet` what these pairs are",
    needed_truth=("event_1", "event_2"),
    lookalikes=(Lookalike((frozenset({"channelID1", "channelID2"}),), "x_1", "holds coincidences of PETsys, and no singles to be paired; write these with convert_raw_to_singles --writeRoot"),),
    fields=(replace(RUN, aliases=("runID", "RunID1")), *(_end(f, number, *gate10) for number in (1, 2) for f, gate10 in OF_ENDS)),
)

LAYOUTS = (GATE9_SINGLES, GATE10_SINGLES, GATE9_HITS, GATE10_HITS, PETSYS_SINGLES, COINCIDENCES)

TWICE = (*TRUTH, TIME, ENERGY, *POSITION, *VOLUMES, *SCATTERS, PHOTON)
"""What a coincidence has of each of its singles."""


def gate_name(f: Field) -> str:
    """Return the name that GATE 9 gives a column of singles."""
    return f.aliases[0] if f.aliases else f.name


def _of_pair(name: str, dtype: str, help: str, unit: str = "", **others: Any) -> Field:
    return Field(name, "pair", dtype, help, unit=unit, **others)


def _both(f: Field) -> tuple[Field, Field]:
    name = gate_name(f)
    first, second = (
        _of_pair(f"{name}{number}", f.dtype, f"{f.help.removesuffix('.')}, {word} single.", f.unit, truth=f.truth, wide=f.wide)
        for number, word in ((1, "first"), (2, "second"))
    )
    return first, second


OUTPUT_FIELDS = (
    _of_pair("runID", "int32", "Number of the run."),
    _of_pair("axialPos", "float32", "Position of the bed or the scanner.", "mm"),
    _of_pair("rotationAngle", "float32", "Angle of the scanner.", "deg"),
    *(single for number in (0, 1) for single in (_both(f)[number] for f in TWICE)),
    _of_pair("sinogramTheta", "float32", "Angle of the line in the transaxial plane.", "rad"),
    _of_pair("sinogramS", "float32", "Distance of the line from the axis.", "mm"),
    _of_pair("score", "float32", "Probability that both singles stem from one annihilation, scattered or not; 1 if the engine does not tell."),
    _of_pair("multiplicity", "int32", "Singles in the window of the coincidence."),
    _of_pair("file1", "int32", "Number of the input file of the first single."),
    _of_pair("entry1", "int64", "Its entry there."),
    _of_pair("file2", "int32", "Number of the input file of the second single."),
    _of_pair("entry2", "int64", "Its entry there."),
)

RANDOM_RATE = _of_pair("randomRate", "float32", "Rate of all random pairs in the window in its line of response, by the rates of the singles of both crystals at its time, before any is chosen.", "1/s")
"""What a pair has besides if it is asked for."""
