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
