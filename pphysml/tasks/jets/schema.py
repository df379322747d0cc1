"""Layouts of jets, under the names of the experiments; all become columns `jet_*`, one value per jet of an entry."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from ...io.schema import Field, Layout, Objects
from .particle_schema import (
    FLAGS,
    GENERATED,
    LINKS,
    MADE_OF,
    MATCHING,
    PARTICLES,
    PILEUP_ID,
    PUPPI,
    TRACKS,
    candidate_fields,
    generated_fields,
)

COUNTER = "jet"

PREFIX = "pphysml_"
"""Of what is written of jets, since the output is a friend of a file with many other branches."""

EVENT = (
    Field("run", "event", "int64", "Number of the run.", carried=True, aliases=("runNumber", "RunNum", "EventInfoAuxDyn.runNumber", "EventInfoAuxDyn:runNumber")),
    Field("lumi", "event", "int64", "Number of the luminosity block.", carried=True, aliases=("luminosityBlock", "lumiBlock", "LumiBlockNum", "EventInfoAuxDyn.lumiBlock", "EventInfoAuxDyn:lumiBlock")),
    Field("event", "event", "int64", "Number of the event.", carried=True, aliases=("eventNumber", "EvtNum", "EventInfoAuxDyn.eventNumber", "EventInfoAuxDyn:eventNumber")),
    Field("weight", "event", "float64", "Weight of the event; see data.weight.", weight=True, aliases=("genWeight", "mcEventWeight", "Weight", "event_weight")),
)


def _jet(name: str, dtype: str, help: str, unit: str = "", **others: Any) -> Field:
    return Field(f"jet_{name}", "particle", dtype, help, unit, COUNTER, **others)


CANONICAL = "pphysml.tasks.jets.reading.canonical:canonical"

ENERGY = _jet("energy", "float32", "Energy, from which the mass follows.", "GeV")
KINEMATICS = (
    _jet("pt", "float32", "Transverse momentum; jets that are called otherwise are read with --collection PREFIX.", "GeV", required=True, minimum=0),
    _jet("eta", "float32", "Pseudorapidity.", required=True),
    _jet("phi", "float32", "Azimuth.", "rad"),
    _jet("mass", "float32", "Mass of all that is in the jet.", "GeV", required=True),
)
SUBSTRUCTURE = tuple(replace(field, missing=math.nan) if field.dtype == "float32" else field for field in (
    _jet("softdrop_mass", "float32", "Mass after soft drop or trimming; below 0 where there is no second prong, which is taken for 0.", "GeV"),
    _jet("tau1", "float32", "1-subjettiness."),
    _jet("tau2", "float32", "2-subjettiness."),
    _jet("tau3", "float32", "3-subjettiness."),
    _jet("tau4", "float32", "4-subjettiness."),
    _jet("c2", "float32", "Ratio C2 of energy correlators."),
    _jet("d2", "float32", "Ratio D2 of energy correlators."),
    _jet("n2", "float32", "Ratio N2 of energy correlators."),
    _jet("n3", "float32", "Ratio N3 of energy correlators."),
    _jet("nconstituents", "int32", "Number of constituents."),
    _jet("ptd", "float32", "Dispersion of the constituents' transverse momenta, sqrt(sum pT^2) / sum pT."),
    _jet("width", "float32", "Mean distance of the constituents from the axis, weighted with pT."),
))
"""What may not have been computed for a jet, which NaN says of it."""

TRUTH = (
    _jet("label", "int32", "Number of the class; as simulated, 0 for background and 1 for signal.", truth=True),
    _jet("resonance_mass", "float32", "Mass of the resonance that a signal jet is of; -1 for background.", "GeV", truth=True),
    _jet("hadron_flavour", "int32", "Flavour by hadrons inside: 5 b, 4 c, 0 light; of ATLAS also 15 tau.", truth=True),
    _jet("parton_flavour", "int32", "PDG id of the parton that it is matched to.", truth=True),
    _jet("b_hadrons", "int32", "Number of b hadrons inside.", truth=True),
    _jet("c_hadrons", "int32", "Number of c hadrons inside.", truth=True),
    _jet("truth_label", "int32", "Label of large-radius jets of ATLAS (enum LargeRJetTruthLabel of Athena): all inside 1 top, 2 W, 3 Z to bb, 4 Z to cc, 5 Z to qq, 6 W of a top; 7 other part of a top, 8 of W or Z; 9 no jet of the truth; 10 quark or gluon; 11 H to bb, 12 H to cc, 13 other part of H, 14 to 16 H and 17 to 19 Z to two tau (e, mu, hadronic).", truth=True),
)
CLASSES_OF_JETCLASS = ("QCD", "Hbb", "Hcc", "Hgg", "H4q", "Hqql", "Zqq", "Wqq", "Tbqq", "Tbl")
"""arXiv:2202.03772, one branch `label_NAME` each."""

ONE_HOT = tuple(Field(f"label_{name}", "particle", "int32", f"Whether the jet is of the class {name}.", counter=COUNTER, truth=True) for name in CLASSES_OF_JETCLASS)

def _named(fields: tuple[Field, ...], aliases: Mapping[str, tuple[str, ...]], unit: str = "GeV", optional: tuple[str, ...] = ()) -> tuple[Field, ...]:
    """Return the fields that have other names in a layout, under these names alone.

    Args:
        aliases: name without `jet_` -> names of branches.
        unit: of energies in the files.
        optional: fields that a layout has by computing them.
    """
    found = []
    for field in fields:
        names = aliases.get(field.name.removeprefix("jet_"))
        if names is None and field.name.removeprefix("jet_") not in optional:
            continue
        units = dict.fromkeys(names or (), unit) if field.unit == "GeV" else {}
        found.append(replace(field, aliases=names or (), alias_units=units, required=field.required and names is not None))
    return tuple(found)


ALL = (*KINEMATICS, *SUBSTRUCTURE, *TRUTH)

OWN = Layout(
    "jets", "Jets of this program's simulation, or of others under the same names: entries are events.", (*EVENT, *ALL, *PARTICLES), trees=("jets",),
    to_canonical=CANONICAL, objects=Objects("jet_", "", "njet"))


def _nano(name: str, help: str, prefix: str, more: Mapping[str, tuple[str, ...]], constituents: tuple[Field, ...], marks: tuple[Field, ...] = ()) -> Layout:
    aliases = {"pt": ("pt",), "eta": ("eta",), "phi": ("phi",), "mass": ("mass",), "nconstituents": ("nConstituents",), "hadron_flavour": ("hadronFlavour",), **more}
    with_prefix = {field: tuple(f"{prefix}{alias}" for alias in names) for field, names in aliases.items()}
    return Layout(name, help, (*EVENT, *_named(ALL, with_prefix), *constituents, *GENERATED), trees=("Events",), to_canonical=CANONICAL,
                  objects=Objects(prefix, prefix, f"n{prefix.removesuffix('_')}"), marks=marks)


def _pfnano(name: str, help: str, prefix: str, more: Mapping[str, tuple[str, ...]], further: tuple[Field, ...] = ()) -> Layout:
    links = _links(prefix.removesuffix("_"), "PFCands", ("pFCandsIdx", "candIdx"))
    return _nano(name, help, prefix, more, (*links, *candidate_fields("PFCands"), *further), tuple(replace(f, required=True) for f in (*links, PUPPI)))


def _links(prefix: str, candidate: str, numbers: tuple[str, ...]) -> tuple[Field, ...]:
    """Return the fields of the link table of jets and candidates."""
    return tuple(replace(f, aliases=tuple(f"{prefix}{candidate}_{name}" for name in names)) for f, names in zip(LINKS, (("jetIdx",), numbers), strict=True))


LARGE_RADIUS = {"softdrop_mass": ("msoftdrop",), "tau1": ("tau1",), "tau2": ("tau2",), "tau3": ("tau3",), "tau4": ("tau4",), "n2": ("n2b1",), "n3": ("n3b1",),
                "b_hadrons": ("nBHadrons",), "c_hadrons": ("nCHadrons",)}
SMALL_RADIUS = {"parton_flavour": ("partonFlavour",)}

WEIGHTED = tuple(f for f in candidate_fields("PFCand") if f.name != PUPPI.name)
"""Candidates of NanoAOD from version 15 on, whose momenta are weighted already."""

NANO_FATJET = _nano("nanoaod-fatjet", "Large-radius jets of CMS NanoAOD.", "FatJet_", LARGE_RADIUS, (*_links("FatJet", "PFCand", ("pfCandIdx",)), *WEIGHTED))
NANO_JET = _nano("nanoaod-jet", "Small-radius jets of CMS NanoAOD.", "Jet_", SMALL_RADIUS, (*_links("Jet", "PFCand", ("pfCandIdx",)), *WEIGHTED))
PFNANO_FATJET = _pfnano("pfnano-fatjet", "Large-radius jets of CMS PFNano, with constituents by PUPPI weights.", "FatJet_", LARGE_RADIUS)
PFNANO_JET = _pfnano("pfnano-jet", "Small-radius jets of CMS PFNano, with constituents, by PUPPI weights where jets are of PUPPI.", "Jet_", SMALL_RADIUS, (PILEUP_ID,))


def _physlite(name: str, help: str, container: str, more: Mapping[str, tuple[str, ...]]) -> Layout:
    aliases = {"pt": ("pt",), "eta": ("eta",), "phi": ("phi",), "mass": ("m",), **more}
    with_prefix = {field: tuple(f"{container}AuxDyn{mark}{alias}" for mark in ".:" for alias in names) for field, names in aliases.items()}
    return Layout(name, help, (*EVENT, *_named(ALL, with_prefix, "MeV")), trees=("CollectionTree", "EventData"), to_canonical=CANONICAL,
                  objects=Objects(f"{container}AuxDyn", f"{container}_", f"n{container}"))


PHYSLITE_LARGE = _physlite("physlite-largeR", "Large-radius jets of ATLAS DAOD_PHYSLITE.", "AnalysisLargeRJets", {
    "tau1": ("Tau1_wta",), "tau2": ("Tau2_wta",), "tau3": ("Tau3_wta",), "c2": ("C2",), "d2": ("D2",), "b_hadrons": ("GhostBHadronsFinalCount",),
    "c_hadrons": ("GhostCHadronsFinalCount",), "truth_label": ("R10TruthLabel_R22v1", "R10TruthLabel_R21Precision_2022v1", "R10TruthLabel_R21Precision")})
PHYSLITE_JETS = _physlite("physlite-jets", "Small-radius jets of ATLAS DAOD_PHYSLITE.", "AnalysisJets", {
    "hadron_flavour": ("HadronConeExclTruthLabelID",), "parton_flavour": ("PartonTruthLabelID",)})

JETCLASS = Layout(
    "jetclass", "JetClass (arXiv:2202.03772): an entry is a jet.",
    (*EVENT, *(replace(f, counter="", kind="event") for f in (
        *_named(ALL, {name: (f"jet_{name}",) for name in ("pt", "eta", "phi", "tau1", "tau2", "tau3", "tau4")}),
        replace(ENERGY, required=True), *_named(ALL, {"softdrop_mass": ("jet_sdmass",), "nconstituents": ("jet_nparticles",)}), *ONE_HOT)),
     *(f for f in PARTICLES if f.name not in ("part_pdg", "part_jet")), *FLAGS, *TRACKS),
    trees=("tree",), to_canonical=CANONICAL, objects=Objects())

FTAG_H5 = Layout(
    "ftag-h5", "HDF5 files of ATLAS flavour tagging: an entry is a jet of the dataset `jets`; needs `pip install pphysml[h5]`.",
    (*EVENT, *(replace(f, counter="", kind="event", required=f.name in ("jet_pt", "jet_eta")) for f in _named((*ALL, ENERGY), {
        "pt": ("pt", "pt_btagJes"), "eta": ("eta", "eta_btagJes"), "phi": ("phi",), "mass": ("mass",), "energy": ("energy",), "hadron_flavour": ("HadronConeExclTruthLabelID",),
        "parton_flavour": ("PartonTruthLabelID",), "b_hadrons": ("GhostBHadronsFinalCount",), "c_hadrons": ("GhostCHadronsFinalCount",),
        "truth_label": ("R10TruthLabel_R22v1", "R10TruthLabel_R21Precision_2022v1", "R10TruthLabel_R21Precision")}, "MeV"))),
    trees=("jets",), to_canonical=CANONICAL, objects=Objects(), missing=float("nan"), file_kind="HDF5")
"""What was not computed is NaN in these files. Tracks and other lists of jets are the branches DATASET.COLUMN, as tracks.d0."""

FLAT = Layout(
    "flat", "Ntuples in which an entry is a jet; --map names what is called otherwise.",
    (*EVENT, *(replace(f, counter="", kind="event") for f in _named(ALL, {
        "pt": ("jet_pt", "pt", "fj_pt", "fatjet_pt"), "eta": ("jet_eta", "eta", "fj_eta", "fatjet_eta"), "phi": ("jet_phi", "phi", "fj_phi", "fatjet_phi"),
        "mass": ("jet_mass", "mass", "m", "fj_mass", "fatjet_mass"), "softdrop_mass": ("jet_softdrop_mass", "msoftdrop", "sdmass", "jet_sdmass", "fj_sdmass"),
        **{f"tau{n}": (f"jet_tau{n}", f"tau{n}", f"fj_tau{n}") for n in (1, 2, 3, 4)}, **{name: (f"jet_{name}", name) for name in ("c2", "d2", "n2", "n3", "ptd", "width")},
        "nconstituents": ("jet_nconstituents", "nconstituents", "jet_nparticles"), "label": ("jet_label", "label"),
        "resonance_mass": ("jet_resonance_mass", "resonance_mass"), "hadron_flavour": ("jet_hadron_flavour", "hadron_flavour", "flavour_label"), "parton_flavour": ("jet_parton_flavour",)}))),
    to_canonical=CANONICAL, objects=Objects())

LAYOUTS = (OWN, PFNANO_FATJET, NANO_FATJET, PHYSLITE_LARGE, JETCLASS, PFNANO_JET, NANO_JET, PHYSLITE_JETS, FTAG_H5, FLAT)
"""Of a file that fits several, as NanoAOD, the first is taken: large-radius jets."""


def named_first(layouts: tuple[Layout, ...], names: Collection[str]) -> list[Layout]:
    """Return the layouts with those in front of whose jets a branch is among names, as Jet_btagDeepFlavB is of small-radius jets."""
    def is_named(layout: Layout) -> bool:
        prefix = layout.objects.branches if layout.objects is not None else ""
        return bool(prefix) and any(name.startswith(prefix) for name in names)

    return sorted(layouts, key=lambda layout: not is_named(layout))


def collection(prefix: str) -> Layout:
    """Return the layout of jets whose branches begin with a prefix, as `ScoutingFatJet`, or `JetsAK8` of TreeMaker."""
    bare = prefix.removesuffix("_")
    parts = {"pt": "fPt", "eta": "fEta", "phi": "fPhi", "energy": "fE"}
    names = {"pt": ("pt",), "eta": ("eta",), "phi": ("phi",), "mass": ("mass",), "energy": ("energy",), "nconstituents": ("nConstituents", "multiplicity"),
             "hadron_flavour": ("hadronFlavour",), "parton_flavour": ("partonFlavour",), "softdrop_mass": ("msoftdrop", "softDropMass"),
             **{f"tau{n}": (f"tau{n}", f"NsubjettinessTau{n}") for n in (1, 2, 3, 4)}, "n2": ("n2b1", "ecfN2b1"), "n3": ("n3b1", "ecfN3b1"),
             "b_hadrons": ("nBHadrons", "NumBhadrons"), "c_hadrons": ("nCHadrons", "NumChadrons")}
    aliases = {field: (*(f"{bare}_{name}" for name in given), *((f"{bare}/{bare}.fCoordinates.{parts[field]}",) if field in parts else ())) for field, given in names.items()}
    fields = [replace(f, required=f.name in ("jet_pt", "jet_eta")) for f in _named((*ALL, ENERGY), aliases)]
    return Layout("collection", f"Jets whose branches begin with {bare}.", (*EVENT, *fields, *generated_fields("GenPart", "GenParticles")), to_canonical=CANONICAL, objects=Objects(f"{bare}_", f"{bare}_", f"n{bare}"))


def collections_of(branches: Collection[str]) -> list[str]:
    """Return the prefixes of jets by which `collection` reads a tree with these branches."""
    stems = [branch.removesuffix("_pt") for branch in branches if branch.endswith("_pt")]
    stems += [branch.partition("/")[0] for branch in branches if branch.endswith(".fCoordinates.fPt")]
    counters = {f"n{stem}" for stem in stems}
    return [stem for stem in dict.fromkeys(stems) if "jet" in stem.lower() and "." not in stem and stem not in counters and not collection(stem).lacking(branches)]


ALWAYS = ("jet_pt", "jet_eta", "jet_phi", "jet_mass", "jet_energy", "jet_softdrop_mass", "jet_resonance_mass")


TRUTH_HINT = "; say for the layout {name} which jets are of which class: by a preset for such files, by branches, as --set data.classes='{{background: nBHadrons == 0, signal: nBHadrons > 1}}', by files with --label, or by --map"


def with_needed(layout: Layout, names: Collection[str]) -> Layout:
    """Return a layout with the columns of jets and particles that are always read, or that expressions take, or of which these are made; those that it lacks may be named with --map."""
    wanted = {*ALWAYS, *names, *(column for name in names for column in MADE_OF.get(name, ()))}
    if any(name.startswith("part_") for name in names):
        wanted.add("part_jet")
    if layout.marks and "jet_nconstituents" in names:
        wanted |= {field.name for field in LINKS}  # PFNano may lack the number

    def needed(field: Field) -> bool:
        of_event = field.kind not in ("particle", "node") and not field.name.startswith(("jet_", "label_"))
        return of_event or field.required or field.name in wanted

    there = {field.name for field in layout.fields}
    lists = layout.objects is not None and bool(layout.objects.counter)
    further = [replace(field, required=False, counter=COUNTER if lists else "", kind="particle" if lists else "event")
               for field in ALL if field.name not in there and needed(field)]
    return replace(layout, fields=(*filter(needed, layout.fields), *further), truth_hint=TRUTH_HINT.format(name=layout.name))


VARIABLES = tuple(f.name for f in (*KINEMATICS, *SUBSTRUCTURE))
"""Columns of every jet that expressions may take, where the file has them; further names are branches of the file."""

KNOWN = frozenset((*VARIABLES, *MATCHING, ENERGY.name, *(f.name for f in (*TRUTH, *ONE_HOT, *PARTICLES, *FLAGS, *TRACKS, *EVENT))))
