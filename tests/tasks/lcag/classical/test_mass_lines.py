"""Lines of masses in true trees: those that the events were made of."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.errors import ConfigError, InputError
from pphysml.io.ragged import slice_rows
from pphysml.model_file import ModelFile
from pphysml.tasks.lcag.classical.engines import MasslineEngine
from pphysml.tasks.lcag.classical.mass_engine import kept_lines, stored_lines
from pphysml.tasks.lcag.classical.mass_lines import MassLines, find_mass_lines
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation

MASSES = [90.0, 80.0, 70.0, 50.0, 25.0, 20.0, 10.0]


def configured(simulation=None, data=None, **massline):
    return LcagConfig.model_validate({"simulation": {"topology_file": "paper", **(simulation or {})}, "data": data or {},
                                      "apply": {"massline": massline}, "model": {"clades": False}})


def events(config, n=2000, seed=5):
    return assemble(LcagSimulation(config, seed).block(0, n), None, config)[0]


def model(config, simulated, **prepared):
    header = {"task": "lcag", "config": config.model_dump(mode="json"), "training_data": {"simulated": simulated}}
    return ModelFile(header, {}, prepared)


def test_exact_masses_are_found_and_only_these():
    config = configured()
    lines = find_mass_lines(events(config), config.data.rules)
    assert lines.masses == pytest.approx(sorted(MASSES), abs=1e-6)
    assert lines.root == pytest.approx(100.0, abs=1e-6)


@pytest.mark.parametrize("forest", [False, True])
@pytest.mark.parametrize("smearing", [0.003, 0.01])
def test_smeared_masses_are_found_with_their_resolution(smearing, forest):
    several = {"trees_per_event": 2, "background_leaves": 0.2, "root_momentum": 50.0} if forest else {}
    config = configured({"smearing": smearing, **several}, {"forest": forest})
    lines = find_mass_lines(events(config), config.data.rules)
    assert lines.masses == pytest.approx(sorted(MASSES), rel=0.3 * smearing)
    assert lines.root == pytest.approx(100.0, rel=0.3 * smearing)
    assert lines.width == pytest.approx(smearing, rel=0.25)


def test_events_of_no_truth_that_counts_have_no_lines():
    config = configured()
    assert find_mass_lines(slice_rows(events(config), 0, 3), config.data.rules) is None


def test_masses_are_those_given_else_those_of_the_training_else_those_of_its_simulation():
    other = find_mass_lines(events(configured({"root_mass": 60.0, "intermediate_masses": [40.0, 30.0, 15.0], "topology_file": None})),
                            configured().data.rules)
    of_files = model(configured(), False, **kept_lines(other))
    stored = MasslineEngine(configured(), of_files, None).lines
    assert stored.root == pytest.approx(60.0) and stored.masses == pytest.approx([15.0, 30.0, 40.0])
    simulated = MasslineEngine(configured(), model(configured(), True), None).lines
    assert simulated.root == 100.0 and simulated.masses.tolist() == sorted(MASSES)
    given = MasslineEngine(configured(masses=["30 GeV", "15000 MeV"], root_mass=60), of_files, None).lines
    assert given.root == 60.0 and given.masses.tolist() == [15.0, 30.0]
    assert stored_lines(model(configured(), False)) is None
    with pytest.raises(ConfigError, match="knows no masses"):
        MasslineEngine(configured(), model(configured(), False), None)(events(configured(), 10))


def test_masses_of_other_data_are_noticed_and_replaced_by_those_of_events_with_truth():
    config = configured({"root_mass": 60.0, "intermediate_masses": [40.0, 30.0, 15.0], "topology_file": None, "n_topologies": 40, "max_leaves": 6})
    examples = events(config, 400)
    engine = MasslineEngine(configured(), model(configured(), True), None)
    assert engine.wants_truth(examples) and not engine.wants_truth(events(configured(), 50))
    assert engine(examples)["perfect"].mean() < 0.5
    assert "of 400 events none can fit" in engine.warnings[0]
    again = MasslineEngine(configured(), model(configured(), True), None)
    again.fit(examples)
    assert again(examples)["perfect"].mean() > 0.99
    assert not again.warnings and "60 GeV" in again.facts()["masses"]
    with pytest.raises(InputError, match="show no mass of a root"):
        again.fit(slice_rows(examples, 0, 2))


def test_an_event_without_intermediate_masses_is_one_node():
    config, alone = configured(), MassLines(np.zeros(0), 100.0, 1e-3)
    found = MasslineEngine(config, model(config, False, **kept_lines(alone)), None)(events(config, 20))
    assert np.max(found["lcag"].flat) == 1


def test_masses_above_the_root_are_refused_where_they_are_given():
    with pytest.raises(ConfigError, match=r"apply\.massline\.masses: 200 GeV is above the mass of the root, 100 GeV"):
        MasslineEngine(configured(masses=[30.0, 200.0], root_mass=100.0), None, None)(events(configured(), 5))
    with_root = MasslineEngine(configured(masses=[30.0, 100.5], root_mass=100.0), None, None).lines
    assert with_root.masses.tolist() == [30.0]
