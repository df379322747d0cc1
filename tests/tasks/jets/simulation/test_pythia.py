"""Jets of Pythia: what is in them, resonances, spectra, blocks."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy.stats import ks_2samp

from pphysml.config import build
from pphysml.errors import ConfigError
from pphysml.physics.particle_masses import mass_of_number
from pphysml.tasks.jets.config.simulation import SimulationConfig
from pphysml.tasks.jets.simulation.pythia import PythiaSimulation

pytest.importorskip("pythia8mc")
ak = pytest.importorskip("awkward")
fastjet = pytest.importorskip("fastjet")

MASS = 100.0


def simulation(seed=3, **options):
    return PythiaSimulation(SimulationConfig(generator="pythia", resonance_masses=[MASS], **options), seed)


@pytest.fixture(scope="module")
def block():
    return simulation().block(0, 240)


def flat(block, name):
    return block[f"jet_{name}"].flat


def momenta(block):
    return np.stack([block[f"part_{name}"].flat.astype(float) for name in ("px", "py", "pz", "energy")], 1)


def jet_of(block):
    """Return the number of the jet of each constituent."""
    starts = block["jet_pt"].offsets[:-1]
    return np.repeat(starts, block["part_jet"].counts) + block["part_jet"].flat


def test_each_jet_is_one_that_its_constituents_make_by_themselves(block):
    p, jet = momenta(block), jet_of(block)
    events = ak.unflatten(ak.zip(dict(zip(("px", "py", "pz", "E"), p.T, strict=True)), with_name="Momentum4D"), np.bincount(jet))
    again = fastjet.ClusterSequence(events, fastjet.JetDefinition(fastjet.antikt_algorithm, 1.0)).inclusive_jets()
    assert ak.all(ak.num(again) == 1)
    np.testing.assert_allclose(ak.to_numpy(np.hypot(again.px, again.py))[:, 0], flat(block, "pt"), rtol=1e-5)


def test_jets_lie_in_the_ranges_that_are_asked_for(block):
    pt, signal = flat(block, "pt"), flat(block, "label") == 1
    assert pt.min() >= 300 and pt.max() < 900
    p = np.stack([np.bincount(jet_of(block), column) for column in momenta(block).T], 1)
    assert np.abs(np.arctanh(p[:, 2] / p[:, 3])).max() < 2
    assert 0.3 < signal.mean() < 0.6 and (block["jet_pt"].counts[np.isin(np.arange(240), np.repeat(np.arange(240), block["jet_pt"].counts)[signal])] == 1).all()


def test_resonances_have_their_mass_and_two_prongs(block):
    signal = flat(block, "label") == 1
    assert (flat(block, "resonance_mass") == np.where(signal, MASS, -1)).all()
    mass, ratio = flat(block, "softdrop_mass"), flat(block, "tau2") / flat(block, "tau1")
    assert 0.95 * MASS < np.median(mass[signal]) < 1.05 * MASS and np.median(mass[~signal]) < 0.6 * MASS
    assert np.median(ratio[signal]) < 0.45 < 0.55 < np.median(ratio[~signal])


def test_spectra_of_signal_and_background_are_alike_and_fall_as_asked(block):
    pt, signal = flat(block, "pt"), flat(block, "label") == 1
    assert ks_2samp(pt[signal], pt[~signal]).pvalue > 1e-3
    # The mean logarithm of a spectrum pT^-5 between 300 and 900 GeV is 0.236; the first tenth of the range is short of jets.
    assert abs(np.log(pt / 300).mean() - 0.25) < 0.05


def test_constituents_are_visible_particles_on_their_mass_shells(block):
    p, pdg, charge = momenta(block), block["part_pdg"].flat, block["part_charge"].flat
    assert not np.isin(np.abs(pdg), (12, 14, 16)).any() and {22, 211, -211, 130, 321} <= set(pdg.tolist())
    assert (charge[pdg == 211] == 1).all() and (charge[pdg == -211] == -1).all() and (charge[pdg == 11] == -1).all() and not charge[pdg == 22].any()
    assert np.hypot(p[:, 0], p[:, 1]).min() > 0.49
    for number in (211, 321):
        own = p[np.abs(pdg) == number]
        np.testing.assert_allclose(own[:, 3] ** 2 - (own[:, :3] ** 2).sum(1), mass_of_number(number) ** 2, atol=1e-5 * own[:, 3].max() ** 2)
    order = np.diff(np.hypot(p[:, 0], p[:, 1]))[np.diff(jet_of(block)) == 0]
    assert (order <= 0).all()


def test_blocks_depend_on_seed_and_index_alone(block):
    def pts(seed, index):
        return simulation(seed, constituents=False).block(index, 12)["jet_pt"].flat

    first = pts(5, 1)
    assert np.array_equal(first, pts(5, 1))
    assert not np.isin(pts(5, 2), first).any() and not np.isin(pts(6, 1), first).any()
    assert (block["run"] == 3).all() and np.array_equal(block["event"], np.arange(240))


def test_a_resonance_is_held_by_the_jet_with_both_quarks():
    from pphysml.tasks.jets.simulation.pythia_jets import _holds_resonance

    def momentum(y, phi, pt=100.0):
        return {"px": pt * np.cos(phi), "py": pt * np.sin(phi), "pz": pt * np.sinh(y), "e": pt * np.cosh(y)}

    def event(quarks):
        boson = {"id": 23, "status": -62, "mother1": 0, "p": momentum(0.0, 3.1)}
        return [boson, *({"id": number, "status": -23, "mother1": 0, "p": momentum(*at)} for number, at in zip((1, -1), quarks, strict=True))]

    particles = ak.Array([event([(0.5, 3.1), (-0.5, -3.1)]), event([(0.5, 3.1), (-1.1, 3.1)])])
    jets = ak.Array([[momentum(0.05, -3.1), momentum(0.3, 3.0), momentum(0.0, 0.0)]] * 2)
    assert ak.to_list(_holds_resonance(jets, particles, 1.0)) == [[True, False, False], [False, False, False]]


def test_nothing_is_printed_besides(capfd):
    simulation(constituents=False).block(0, 2)
    assert capfd.readouterr().out == ""


def test_a_package_that_is_not_there_is_named_with_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "fastjet", None)
    with pytest.raises(ConfigError, match=r"fastjet.*pip install 'pphysml\[sim\]'"):
        simulation().block(0, 1)


def test_options_of_the_toy_are_refused():
    with pytest.raises(ConfigError, match=r"simulation.kick has no effect with simulation.generator=pythia"):
        build(SimulationConfig, {"generator": "pythia", "kick": 0.4}, "the configuration")
