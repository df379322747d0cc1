"""Constituents of jets by a link table, as CMS PFNano has it: each link is of a jet, and leads to a candidate of the event."""

from __future__ import annotations

import numpy as np

from ....io.problems import refuse
from ....io.ragged import Array, Column, Columns, Ragged, ragged
from ..particle_schema import LINKS, MOST_ENERGY, PARTICLES, PILEUP_ID, PUPPI, TRACKS

LEFT_OUT = "links_left_out"
"""Column with the number of links of each entry that lead to no stored particle, or are of no stored jet."""

DTYPES = {f.name: f.dtype for f in (*PARTICLES, *TRACKS)}


def with_constituents(columns: Columns) -> Columns:
    """Return columns with `part_*` in the place of links and candidates, where these are.

    Momenta are those of the candidates times their PUPPI weights (arXiv:1407.6013), as jets are made of them; of jets with
    a pileup id, from which charged pileup alone was taken (CHS), the candidates count in full. Links with the index -1 are
    left out and counted in `links_left_out`. Their numbers are `jet_nconstituents`, where the file does not say it.

    Raises:
        InputError: a link is of a jet, or leads to a candidate, that is not there; or a candidate cannot have its energy.
    """
    jet, candidate = (columns.get(f.name) for f in LINKS)
    others: Columns = {name: column for name, column in columns.items() if not name.startswith(("link_", "candidate_")) and name != PILEUP_ID.name}
    if not isinstance(jet, Ragged) or not isinstance(candidate, Ragged):
        return others
    entry = np.repeat(np.arange(len(jet)), jet.counts)
    _refuse_strays(columns, entry)
    stored = (jet.flat >= 0) & (candidate.flat >= 0)
    counts = np.bincount(entry[stored], minlength=len(jet))
    found = _particles(columns, entry[stored], candidate.flat[stored])
    found["part_jet"] = jet.flat[stored]
    _refuse_energies(columns, found, entry[stored])
    parts: Columns = {name: Ragged.from_counts(values.astype(DTYPES[name]), counts) for name, values in found.items()}
    return {**_numbers(columns, entry[stored], jet.flat[stored]), **others, **parts, LEFT_OUT: jet.counts - counts}


def _numbers(columns: Columns, entry: Array, jet: Array) -> Columns:
    """Return how many links each jet has, where there are jets; files of PFNano of Run 2 do not say it."""
    pt = columns.get("jet_pt")
    if not isinstance(pt, Ragged):
        return {}
    return {"jet_nconstituents": Ragged(np.bincount(pt.offsets[entry] + jet, minlength=len(pt.flat)).astype(np.int32), pt.offsets)}


def _refuse_strays(columns: Columns, entry: Array) -> None:
    """Refuse entries with links of jets, or to candidates, that there are not."""
    lists = {name: next((c for n, c in columns.items() if n.startswith(begins) and isinstance(c, Ragged)), None) for name, begins in (("link_jet", "jet_"), ("link_candidate", "candidate_"))}
    for name, listed in lists.items():
        link, what = ragged(columns, name), name.removeprefix("link_")
        most = np.full(len(link), np.iinfo(np.int32).max) if listed is None else listed.counts
        stray = (link.flat < -1) | (link.flat >= most[entry])

        def reason(row: int, link: Ragged = link, stray: Array = stray, most: Array = most, what: str = what) -> str:
            return f"has the number {link.first_of(stray, row)} of a {what}, of which the entry has {most[row]}; only -1 may stand for none"

        refuse(columns, link.rows_with(stray), name, reason, rule=what)


def _particles(columns: Columns, entry: Array, number: Array) -> dict[str, Array]:
    """Return the values of the linked candidates under the names of constituents, as far as they are there."""
    found: dict[str, Array] = {}

    def linked(name: str) -> Array:
        column = ragged(columns, f"candidate_{name}")
        return column.flat[column.offsets[:-1][entry] + number]

    if all(f"candidate_{name}" in columns for name in ("pt", "eta", "phi", "mass")):
        pt, eta, phi, mass = (linked(name).astype(np.float64) for name in ("pt", "eta", "phi", "mass"))
        weighted = PUPPI.name in columns and _of_puppi(columns.get(PILEUP_ID.name))
        found.update(_momenta(pt, eta, phi, mass, linked("weight") if weighted else np.ones(len(number))))
    found.update({f"part_{name}": linked(name) for name in ("charge", "pdg") if f"candidate_{name}" in columns})
    if "part_pdg" in found:
        found.setdefault("part_charge", _charge(found["part_pdg"]))
    for name in ("d0", "d0_error", "dz", "dz_error"):
        error = f"{name.removesuffix('_error')}_error"
        if f"candidate_{name}" in columns and f"candidate_{error}" in columns:
            found[f"part_{name}"] = np.where(linked(error) < 0, 0, linked(name))
    return found


def _refuse_energies(columns: Columns, found: dict[str, Array], entry: Array) -> None:
    """Refuse entries with candidates whose pseudorapidities give them energies that there are not."""
    bad = np.zeros(len(ragged(columns, LINKS[0].name)), bool)
    bad[entry[~(found.get("part_energy", np.zeros(len(entry))) <= MOST_ENERGY)]] = True
    refuse(columns, bad, "candidate_eta", lambda _: f"gives a candidate more energy than {MOST_ENERGY:g} GeV: is it a pseudorapidity?")


def _charge(pdg: Array) -> Array:
    """Return the charges of particle-flow candidates: hadrons (211), electrons (11) and muons (13) have one."""
    leptons = np.isin(np.abs(pdg), (11, 13))
    return np.where(leptons, -np.sign(pdg), np.where(np.abs(pdg) == 211, np.sign(pdg), 0))


def _of_puppi(pileup_id: Column | None) -> bool:
    """Return whether jets are of PUPPI: of a file without pileup ids, read with others, the column has one filled-in value per entry."""
    return not isinstance(pileup_id, Ragged)


def _momenta(pt: Array, eta: Array, phi: Array, mass: Array, weight: Array) -> dict[str, Array]:
    """Return weighted four-momenta, GeV, (n,) each."""
    # What has no transverse momentum may have any pseudorapidity, and what is in no jet any energy.
    eta = np.where(pt * weight > 0, eta, 0)
    with np.errstate(over="ignore"):
        pz, energy = pt * np.sinh(eta), np.hypot(pt * np.cosh(eta), mass)
    return {"part_px": weight * pt * np.cos(phi), "part_py": weight * pt * np.sin(phi), "part_pz": weight * pz, "part_energy": weight * energy}
