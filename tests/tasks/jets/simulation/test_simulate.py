"""Simulated jets: what is known of them, their columns, and on what they depend."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from pphysml.io.ragged import Columns, Ragged, length
from pphysml.tasks.jets.config.simulation import SimulationConfig
from pphysml.tasks.jets.simulation.simulate import JetsSimulation
from pphysml.tasks.jets.substructure.variables import jet_variables


def block(n: int = 300, index: int = 0, seed: int = 1, **options: object) -> Columns:
    return JetsSimulation(SimulationConfig(**options), seed).block(index, n)


def flat(columns: Columns, name: str) -> np.ndarray:
    column = columns[name]
    assert isinstance(column, Ragged)
    return column.flat


@pytest.fixture(scope="module")
def many() -> dict[str, np.ndarray]:
    """Variables of jets of a resonance of 80 GeV and of none."""
    columns = block(16_000, resonance_masses=[80.0], constituents=False)
    return {name[4:]: flat(columns, name).astype(float) for name in columns if name.startswith("jet_")}


def test_masses_and_subjettiness_are_those_of_the_recipe(many: dict[str, np.ndarray]) -> None:
    """The figures of the first implementation of this recipe; the underlying event, which it does not give, is ours."""
    signal, mass, tau21 = many["label"] == 1, many["mass"], many["tau2"] / np.maximum(many["tau1"], 1e-9)
    assert np.percentile(mass[~signal], [16, 50, 84]) == pytest.approx([32, 56, 110], rel=0.13)
    assert np.percentile(mass[signal], [16, 50, 84]) == pytest.approx([82, 90, 101], rel=0.05)
    assert [np.median(tau21[~signal]), np.median(tau21[signal])] == pytest.approx([0.59, 0.25], abs=0.02)
    assert np.corrcoef(mass[~signal], tau21[~signal])[0, 1] == pytest.approx(-0.39, abs=0.05)
    for low, high, area in ((0, np.inf, 0.849), (50, 300, 0.811)):
        inside = (mass > low) & (mass < high)
        ranks, positive = rankdata(-tau21[inside]), signal[inside]
        found = (ranks[positive].mean() - (positive.sum() + 1) / 2) / (~positive).sum()
        assert found == pytest.approx(area, abs=0.015)


def test_soft_drop_finds_the_mass_of_the_resonance(many: dict[str, np.ndarray]) -> None:
    signal, groomed = many["label"] == 1, many["softdrop_mass"]
    mode = np.histogram(groomed[signal], np.arange(40, 140, 4))
    assert abs(mode[1][mode[0].argmax()] + 2 - 80) < 5
    assert (abs(groomed[signal] - 82) < 12).mean() > 0.6
    assert np.median(groomed[~signal]) < 35 < np.median(many["mass"][~signal])


@pytest.mark.parametrize("mass", [50.0, 150.0, 300.0])
def test_without_radiation_and_underlying_event_jets_have_the_mass_of_the_resonance(mass: float) -> None:
    columns = block(1000, signal=1, resonance_masses=[mass], alpha_s=1e-9, underlying=0, kick=0, hadrons=0, resolution=0)
    assert flat(columns, "jet_mass") == pytest.approx(np.full(1000, mass), rel=2e-3)
    assert set(flat(columns, "jet_nconstituents")) == {2}
    assert (flat(columns, "jet_tau2") == 0).all() and (flat(columns, "jet_tau1") > 0).all()
    assert (flat(columns, "jet_resonance_mass") == mass).all()


def test_jets_have_the_momentum_of_what_made_them() -> None:
    columns = block(2000, underlying=0, resolution=0, min_pt=1e-6, max_constituents=4000, kick=0, pt=[500.0, 500.0], resonance_masses=[80.0])
    # Angles of emissions make the vector sum a little smaller than the scalar sum.
    assert np.median(flat(columns, "jet_pt")) == pytest.approx(500, rel=0.02)
    assert (flat(columns, "jet_pt") < 501).all()


def test_blocks_depend_on_seed_and_index_only() -> None:
    simulation = JetsSimulation(SimulationConfig(jets_per_entry=1.3, weight_spread=0.2), 5)
    simulation.block(3, 20)
    first, again = simulation.block(2, 40), block(40, 2, 5, jets_per_entry=1.3, weight_spread=0.2)
    for name, column in first.items():
        other = again[name]
        if isinstance(column, Ragged):
            assert isinstance(other, Ragged) and np.array_equal(column.offsets, other.offsets) and np.array_equal(column.flat, other.flat)
        else:
            assert np.array_equal(column, other)
    assert first["event"].tolist() == list(range(80, 120))
    for index, seed in ((1, 5), (2, 6)):
        assert not np.array_equal(flat(block(40, index, seed), "jet_pt")[:20], flat(first, "jet_pt")[:20])


def test_variables_follow_from_the_constituents() -> None:
    columns = block(200, jets_per_entry=2.0)
    counts = columns["jet_pt"].counts
    assert length(columns) == 200 and (counts == 0).any() and counts.max() > 2
    jet = flat(columns, "part_jet") + np.repeat(columns["jet_pt"].offsets[:-1], columns["part_jet"].counts)
    assert (np.diff(jet) >= 0).all()
    sizes = np.bincount(jet, minlength=counts.sum())
    px, py, pz, energy = (flat(columns, f"part_{name}") for name in ("px", "py", "pz", "energy"))
    again = jet_variables(Ragged.from_counts(px, sizes), py, pz, energy, 1.0)
    for name, value in again.items():
        assert np.array_equal(value, flat(columns, f"jet_{name}")), name
    assert (np.repeat(np.arange(200), columns["part_px"].counts) == np.repeat(np.repeat(np.arange(200), counts), sizes)).all()


def test_constituents_are_particles_that_are_known() -> None:
    columns = block(500)
    pdg, charge = flat(columns, "part_pdg"), flat(columns, "part_charge")
    assert (charge == np.select([pdg == 211, pdg == -211], [1, -1], 0)).all()
    assert (abs(pdg) == 211).mean() == pytest.approx(0.65, abs=0.02) and (pdg == 22).mean() == pytest.approx(0.25, abs=0.02)
    px, py, pz, energy = (flat(columns, f"part_{name}").astype(float) for name in ("px", "py", "pz", "energy"))
    slow = energy < 5
    mass = np.sqrt(np.maximum(energy**2 - px**2 - py**2 - pz**2, 0))
    expected = np.select([abs(pdg) == 211, pdg == 130], [0.13957, 0.49761], 0)
    assert mass[slow] == pytest.approx(expected[slow], abs=5e-3)
    pt, rows = np.hypot(px, py), columns["part_px"].offsets
    assert pt.min() >= 0.5 * (1 - 1e-6)
    falling = np.diff(pt) <= 1e-4
    falling[rows[1:-1] - 1] = True
    assert falling.all()


def test_of_many_constituents_the_hardest_are_kept() -> None:
    everything, few = block(200), block(200, max_constituents=10)
    offsets, kept = everything["part_px"].offsets, few["part_px"]
    assert (kept.counts == np.minimum(np.diff(offsets), 10)).all() and kept.counts.max() == 10
    for row in range(200):
        assert np.array_equal(everything["part_px"][row][:10], kept[row])


def test_the_same_seed_has_the_same_jets_in_another_detector() -> None:
    """Constituents of another scale are those times a factor, if the threshold is scaled too; a resolution moves them a little."""
    plain, scaled = block(200, resolution=0), block(200, resolution=0, energy_scale=1.1, min_pt=0.55)
    assert flat(scaled, "part_px") == pytest.approx(1.1 * flat(plain, "part_px"), rel=1e-5)
    assert np.array_equal(flat(scaled, "part_pdg"), flat(plain, "part_pdg"))
    assert flat(scaled, "jet_tau1") == pytest.approx(flat(plain, "jet_tau1"), rel=0.01, abs=1e-4)
    smeared = block(200, resolution=0.03)
    ratio = flat(smeared, "jet_pt") / flat(plain, "jet_pt")
    assert 0.003 < ratio.std() < 0.03 and ratio.mean() == pytest.approx(1, abs=0.005)


def test_weights_are_one_in_the_mean_and_change_no_jets() -> None:
    plain, weighted = block(6000, constituents=False), block(6000, constituents=False, weight_spread=0.5, negative_weights=0.2)
    assert (plain["weight"] == 1).all()
    assert np.array_equal(flat(plain, "jet_mass"), flat(weighted, "jet_mass"))
    weight = np.asarray(weighted["weight"], dtype=float)
    assert weight.mean() == pytest.approx(1, abs=4 * weight.std() / np.sqrt(6000))
    assert (weight < 0).mean() == pytest.approx(0.2, abs=0.02)
    assert np.log(abs(weight)).std() == pytest.approx(0.5, abs=0.02)


def test_without_constituents_the_jets_are_the_same() -> None:
    full, lean = block(50), block(50, constituents=False)
    assert set(full) - set(lean) == {f"part_{name}" for name in ("px", "py", "pz", "energy", "charge", "pdg", "jet")}
    assert all(np.array_equal(flat(full, name), flat(lean, name)) for name in lean if name.startswith("jet_"))


def test_labels_are_those_of_the_truth() -> None:
    columns = block(400, jets_per_entry=1.5)
    label, mass = flat(columns, "jet_label"), flat(columns, "jet_resonance_mass")
    assert label.dtype == np.int32 and set(label) == {0, 1}
    assert (mass[label == 0] == -1).all() and set(mass[label == 1]) == {50, 80, 100, 125, 150, 200, 250, 300}


def test_blocks_without_entries_jets_and_constituents() -> None:
    assert length(block(0)) == 0
    columns = block(5, jets_per_entry=1e-9)
    assert length(columns) == 5 and len(flat(columns, "jet_pt")) == 0 == len(flat(columns, "part_px"))
    columns = block(5, min_pt=1e6)
    assert flat(columns, "jet_pt").tolist() == [0] * 5 and len(flat(columns, "part_px")) == 0
