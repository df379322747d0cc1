"""Jets of Pythia's events by fastjet: anti-kT, those of the resonance where there is one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator

from ....io.ragged import Array
from ....physics.four_vectors import Floats
from ..config.simulation import SimulationConfig
from .pythia_events import clustering, lowest_pt, quiet_output

NEUTRINOS = (12, 14, 16)
Z_BOSON, LARGEST_QUARK = 23, 5
RECOILED, OUTGOING = 62, 23
"""Status of a resonance before it decays, and of its products, without sign."""


class Clustered(NamedTuple):
    """Jets of several events.

    Attributes:
        momenta: px, py, pz, energy of constituents, GeV, (constituents, 4), of falling pT in a jet.
        pdg: (constituents,).
        offsets: constituents of each jet lie between two of them, (jets + 1,).
        counts: jets of each event, none of which has none.
    """

    momenta: Floats
    pdg: Array
    offsets: Array
    counts: Array


def clustered(batch: Any, mass: float, options: SimulationConfig, rng: Generator) -> Clustered:
    """Return the jets of events, in the ranges of the options; of events with a resonance those that hold it and its quarks.

    Args:
        batch: of Pythia's `nextBatch`.
        mass: of the resonance, GeV; below 0 there is none.
    """
    import awkward as ak

    particles = batch.prt
    seen, pdg = _visible(particles, options, rng)
    fastjet = clustering()
    low = lowest_pt(options, mass)
    with quiet_output():
        found = fastjet.ClusterSequence(seen, fastjet.JetDefinition(fastjet.antikt_algorithm, options.radius))
        jets, numbers = found.inclusive_jets(low), found.constituent_index(low)
    wanted = (_pt(jets) < options.pt[1]) & (abs(_rapidity(jets)) < options.rapidity)
    if mass > 0:
        wanted = wanted & _holds_resonance(jets, particles, options.radius)
    events, numbers = ak.any(wanted, axis=1), numbers[wanted]
    seen, pdg, numbers = seen[events], pdg[events], numbers[events]
    sizes, of_event = ak.flatten(ak.num(numbers, axis=2)), ak.flatten(numbers, axis=2)
    momenta = np.stack([ak.to_numpy(ak.flatten(seen[name][of_event])) for name in ("px", "py", "pz", "E")], 1)
    return _hardest(momenta, ak.to_numpy(ak.flatten(pdg[of_event])), ak.to_numpy(sizes), ak.to_numpy(ak.num(numbers)), options.max_constituents)


def _visible(particles: Any, options: SimulationConfig, rng: Generator) -> tuple[Any, Any]:
    """Return what a detector sees, as momenta of fastjet, and its PDG numbers."""
    import awkward as ak

    final = particles.status > 0
    for number in NEUTRINOS:
        final = final & (abs(particles.id) != number)
    particles = particles[final]
    p, counts = particles.p, ak.num(particles)
    error = options.energy_scale * (1 + options.resolution * ak.unflatten(rng.standard_normal(int(ak.sum(counts))), counts))
    factor = ak.where(error > 0, error, 0.0)
    x, y, z = p.px * factor, p.py * factor, p.pz * factor
    pt = np.hypot(x, y)
    near = (pt > options.min_pt) & (abs(np.arcsinh(z / ak.where(pt > 0, pt, 1.0))) < options.rapidity + 1.5 * options.radius)
    energy = np.sqrt(x**2 + y**2 + z**2 + particles.m**2)
    momenta = ak.zip({"px": x, "py": y, "pz": z, "E": energy}, with_name="Momentum4D")
    return momenta[near], particles.id[near]


def _holds_resonance(jets: Any, particles: Any, radius: float) -> Any:
    """Return which jets are nearest to the resonance, with both of its quarks inside."""
    import awkward as ak

    resonance = particles[(particles.id == Z_BOSON) & (abs(particles.status) == RECOILED)]
    mothers = particles.id[particles.mother1]
    quarks = particles[(abs(particles.id) <= LARGEST_QUARK) & (abs(particles.status) == OUTGOING) & (mothers == Z_BOSON)]
    inside = ak.all(_distance(jets, quarks.p) < radius, axis=2) & (ak.num(quarks) > 1)
    away = _distance(jets, resonance.p)[:, :, 0]
    return inside & (away == ak.fill_none(ak.min(away, axis=1), np.inf))


def _distance(jets: Any, others: Any) -> Any:
    """Return the distance in rapidity and azimuth of each jet of an event from each of others."""
    import awkward as ak

    first, second = ak.unzip(ak.cartesian([ak.zip({"y": _rapidity(one), "phi": np.arctan2(one.py, one.px)}) for one in (jets, others)], nested=True))
    turn = (first.phi - second.phi + np.pi) % (2 * np.pi) - np.pi
    return np.hypot(first.y - second.y, turn)


def _pt(momenta: Any) -> Any:
    return np.hypot(momenta.px, momenta.py)


def _rapidity(momenta: Any) -> Any:
    energy = momenta["E"] if "E" in momenta.fields else momenta["e"]
    return 0.5 * np.log((energy + momenta.pz) / (energy - momenta.pz))


def _hardest(momenta: Floats, pdg: Array, sizes: Array, counts: Array, most: int) -> Clustered:
    """Return constituents in the order of falling pT, at most so many of a jet."""
    jet = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((-np.hypot(momenta[:, 0], momenta[:, 1]), jet))
    starts = np.concatenate([[0], np.cumsum(sizes)])
    order = order[np.arange(len(order)) - starts[jet] < most]
    offsets = np.concatenate([[0], np.cumsum(np.minimum(sizes, most))])
    return Clustered(momenta[order], pdg[order], offsets, counts)
