"""The domain of validity notices other units and other sizes, and accepts its own data."""

from __future__ import annotations

import numpy as np

from pphysml.io.ragged import Ragged
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.models.domain import fit_domain, outside
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation


def events(seed, **options):
    config = LcagConfig(simulation=options)
    return assemble(LcagSimulation(config, seed).block(0, 2000), None, config)[0]


def test_separate_events_of_the_same_kind_are_inside():
    assert outside(events(2), fit_domain(events(1))) == []


def test_mega_electron_volts_are_noticed_with_their_numbers():
    examples = events(2)
    scaled = {**examples, "p4": Ragged(examples["p4"].flat * 1000, examples["p4"].offsets)}
    sentences = outside(scaled, fit_domain(events(1)))
    assert any("event mass" in s and "1e+05" in s for s in sentences)
    assert any("leaf energy" in s for s in sentences)


def test_larger_events_are_noticed():
    larger = events(2, min_leaves=11, max_leaves=14)
    assert any("number of leaves" in s for s in outside(larger, fit_domain(events(1))))


def test_empty_events_are_not_judged():
    none = Ragged.from_counts(np.zeros((0, 4)), np.zeros(3, dtype=np.int64))
    assert outside({"p4": none}, fit_domain(events(1))) == []


def moving(n, masses, seed=1):
    """Events of leaves of these masses that move fast, so that little of an energy is mass; and of one mass of the event."""
    rng = np.random.default_rng(seed)
    momenta = rng.normal(0, 0.02, (n, len(masses), 3)) + rng.uniform(20, 100, (n, 1, 1)) * np.array([0, 0.6, 0.8])
    energy = np.sqrt((momenta**2).sum(-1) + np.asarray(masses) ** 2)
    p4 = np.concatenate([momenta, energy[..., None]], -1).reshape(-1, 4)
    return {"p4": Ragged.from_counts(p4, np.full(n, len(masses)))}


def test_numbers_of_single_precision_are_inside_what_doubles_of_the_same_events_span():
    for masses in ([0.0, 0.0], [0.13957, 0.13957, 0.13957], [5.27934]):
        examples = moving(500, masses)
        ranges = fit_domain(examples)
        single = {"p4": Ragged(examples["p4"].flat.astype(np.float32).astype(np.float64), examples["p4"].offsets)}
        assert outside(examples, ranges) == [] and outside(single, ranges) == [], masses
        # In MeV as floats, converted when read.
        mev = {"p4": Ragged((examples["p4"].flat * 1000).astype(np.float32).astype(np.float64) * 1e-3, examples["p4"].offsets)}
        assert outside(mev, ranges) == []


def test_the_rounding_hides_no_other_mass():
    pions, kaons = moving(500, [0.13957] * 3), moving(500, [0.493677] * 3)
    assert any("leaf mass" in sentence for sentence in outside(kaons, fit_domain(pions)))
