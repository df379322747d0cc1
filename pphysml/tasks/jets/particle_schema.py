"""Constituents of jets, link tables that lead to them, and generated particles, from which other columns are made."""

from __future__ import annotations

from dataclasses import replace

from ...io.schema import Field

MOST_ENERGY = 1e9
"""No constituent has more, GeV; products of two such numbers are still finite in 32 bits."""

LIMITS: dict[str, tuple[float | None, float]] = {**dict.fromkeys(("px", "py", "pz"), (-MOST_ENERGY, MOST_ENERGY)), **dict.fromkeys(("energy", "pt"), (0.0, MOST_ENERGY)), "mass": (None, MOST_ENERGY)}


def _field(prefix: str, name: str, dtype: str, help: str, unit: str) -> Field:
    least, most = LIMITS.get(name, (None, None))
    return Field(f"{prefix}_{name}", "node", dtype, help, unit, prefix, minimum=least, maximum=most)


PARTICLES = tuple(
    _field("part", name, dtype, help, unit) for name, dtype, help, unit in (
        ("px", "float32", "Momentum of a constituent.", "GeV"), ("py", "float32", "Momentum.", "GeV"), ("pz", "float32", "Momentum.", "GeV"),
        ("energy", "float32", "Energy.", "GeV"), ("charge", "float32", "Charge.", ""), ("pdg", "int32", "PDG id.", ""),
        ("jet", "int32", "Number of the jet in its entry.", "")))
TRACKS = tuple(
    Field(f"part_{name}", "node", "float32", help, "mm", "part", aliases=(f"part_{alias}",)) for name, alias, help in (
        ("d0", "d0val", "Transverse impact parameter of the track; 0 without one."), ("d0_error", "d0err", "Its error; 0 without track."),
        ("dz", "dzval", "Longitudinal impact parameter of the track; 0 without one."), ("dz_error", "dzerr", "Its error; 0 without track.")))

KINDS = ("ChargedHadron", "NeutralHadron", "Photon", "Electron", "Muon")
FLAGS = tuple(Field(f"part_is{kind}", "node", "float32", f"1 where the constituent is a {kind}, else 0; where files have none, by PDG id and charge.", "", "part") for kind in KINDS)

MOMENTA = ("part_px", "part_py", "part_pz", "part_energy")
WITH_TYPES = ("part_charge", *(f.name for f in FLAGS))
PARTICLE_SETS = {"kin": (), "kinpid": WITH_TYPES, "full": (*WITH_TYPES, *(f.name for f in TRACKS))}
"""What a network takes of constituents besides their momenta."""

LINKS = (
    Field("link_jet", "node", "int32", "Number of the jet of which a link is; -1 where it is not stored.", counter="link"),
    Field("link_candidate", "node", "int32", "Number of the candidate to which it leads; -1 where it is not stored.", counter="link"))

PUPPI = Field("candidate_weight", "node", "float32", "PUPPI weight, arXiv:1407.6013.", counter="candidate", aliases=("PFCands_puppiWeight",), minimum=0)
CANDIDATES = (
    *(_field("candidate", name, dtype, help, unit) for name, dtype, help, unit in (
        ("pt", "float32", "Transverse momentum of a particle-flow candidate.", "GeV"), ("eta", "float32", "Pseudorapidity.", ""), ("phi", "float32", "Azimuth.", "rad"),
        ("mass", "float32", "Mass.", "GeV"), ("charge", "float32", "Charge.", ""), ("pdg", "int32", "PDG id.", ""),
        ("d0", "float32", "Transverse impact parameter.", "mm"), ("d0_error", "float32", "Its error; below 0 without a track.", "mm"),
        ("dz", "float32", "Longitudinal impact parameter.", "mm"), ("dz_error", "float32", "Its error; below 0 without a track.", "mm"))),
    PUPPI)
NAMES_OF_CMS = {"pdg": "pdgId", "d0_error": "d0Err", "dz_error": "dzErr", "weight": "puppiWeight"}

PILEUP_ID = Field("pileup_id", "particle", "int32", "Which jets are no pileup: only jets have it from which charged pileup alone was taken, so that their constituents count in full.",
                  counter="jet", aliases=("Jet_puId",), filling=-1)


def candidate_fields(prefix: str) -> tuple[Field, ...]:
    """Return the fields of candidates whose branches begin so; CMS has lengths in cm."""
    found = []
    for field in CANDIDATES:
        bare = field.name.removeprefix("candidate_")
        branch = f"{prefix}_{NAMES_OF_CMS.get(bare, bare)}"
        found.append(replace(field, aliases=(branch,), alias_units={branch: "cm"} if field.unit == "mm" else {}))
    return tuple(found)


def generated_fields(*prefixes: str) -> tuple[Field, ...]:
    """Return the fields of generated particles: NanoAOD begins their branches with GenPart, TreeMaker with GenParticles."""
    names = {"eta": ("eta", "fCoordinates.fEta"), "phi": ("phi", "fCoordinates.fPhi"), "pdg": ("pdgId", "PdgId"), "mother": ("genPartIdxMother", "ParentIdx")}
    helps = {"eta": "Pseudorapidity of a generated particle.", "phi": "Azimuth.", "pdg": "PDG id.", "mother": "Number of the particle it comes from in the event; -1 without one."}
    return tuple(
        Field(f"generated_{name}", "node", "float32" if name in ("eta", "phi") else "int32", helps[name], "rad" if name == "phi" else "", "generated", truth=True,
              aliases=tuple(f"{prefix}/{prefix}.{alias}" if alias.startswith("f") else f"{prefix}_{alias}" for prefix in prefixes for alias in aliases))
        for name, aliases in names.items())


GENERATED = generated_fields("GenPart")

MATCHING = ("gen_top", "gen_W", "gen_Z", "gen_H", "gen_nearest")
"""Distances of jets to what decayed; see `reading.generator_matching`."""

MOMENTUM = ("candidate_pt", "candidate_eta", "candidate_phi", "candidate_mass", PUPPI.name, PILEUP_ID.name)
OF_CANDIDATES = {
    **{f"part_{name}": MOMENTUM for name in ("px", "py", "pz", "energy")}, "part_charge": ("candidate_charge", "candidate_pdg"), "part_pdg": ("candidate_pdg",), "part_jet": ("candidate_pt",),
    **{f"part_{name}": (f"candidate_{name}", f"candidate_{name.removesuffix('_error')}_error") for name in ("d0", "d0_error", "dz", "dz_error")}}
BY_LINKS = {name: (*columns, *(f.name for f in LINKS)) for name, columns in OF_CANDIDATES.items()}
MADE_OF = {
    **BY_LINKS, **{f.name: ("part_pdg", "part_charge", *BY_LINKS["part_pdg"], *BY_LINKS["part_charge"]) for f in FLAGS},
    **dict.fromkeys(MATCHING, tuple(f.name for f in GENERATED))}
"""Columns that are wanted -> what they are made of in files that have link tables, no flags, or generated particles."""
