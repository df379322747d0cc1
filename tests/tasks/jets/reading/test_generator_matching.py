"""Jets matched to generated top quarks and bosons: events made by hand, whose distances are known."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from pphysml.config import build, load
from pphysml.errors import InputError
from pphysml.io.ragged import Array, Columns, concatenate
from pphysml.registry import get_task
from pphysml.tasks.jets.config import JetsConfig
from pphysml.tasks.jets.reading.assemble import assemble, assemble_training
from pphysml.verbs.inputs import Inputs

Particle = tuple[int, float, float, int]
"""PDG id, pseudorapidity, azimuth, number of the mother."""

Event = tuple[list[tuple[float, float]], list[Particle]]
"""Axes of the jets, and generated particles."""

MATCHING = ("gen_top", "gen_W", "gen_Z", "gen_H", "gen_nearest")
HADRONIC_TOP: list[Particle] = [
    (2, 0.0, 0.0, -1), (6, 3.0, 3.0, 0), (6, 0.1, 0.0, 1), (21, 4.0, 0.0, 2), (24, 0.2, 0.0, 2), (5, -0.3, 0.0, 2), (24, 0.2, 0.1, 4), (2, 0.0, 0.4, 6), (-1, 0.0, -0.2, 6), (2, 0.0, 2.5, 7)]
"""A first copy elsewhere, a gluon that the last one radiated, and a later copy of a quark: none of them counts. The radius is 0.4."""


def write(path: Path, events: list[Event], generated: bool = True) -> Path:
    n_jets, n_particles = ([len(event[k]) for event in events] for k in (0, 1))
    jets = np.array([axis for event in events for axis in event[0]], np.float32).reshape(-1, 2)
    particles = np.array([particle for event in events for particle in event[1]], np.float32).reshape(-1, 4)
    lists = {"FatJet_pt": jets[:, 0] * 0 + 500, "FatJet_mass": jets[:, 0] * 0 + 100, "FatJet_eta": jets[:, 0], "FatJet_phi": jets[:, 1]}
    columns = {name: ak.unflatten(values, n_jets) for name, values in lists.items()}
    for k, (name, dtype) in enumerate((("pdgId", "int32"), ("eta", "float32"), ("phi", "float32"), ("genPartIdxMother", "int16"))):
        if generated:
            columns[f"GenPart_{name}"] = ak.unflatten(particles[:, k].astype(dtype), n_particles)
    with uproot.recreate(path) as file:
        file["Events"] = {"event": np.arange(len(events)), **columns}
    return path


def matched(path: Path, block: int = 2) -> Columns:
    config = build(JetsConfig, {"data": {"variables": {f"{name}_": name for name in MATCHING}}, "model": {"inputs": ["jet_pt"]}, "training": {"block_size": block}}, "test")
    with (reader := Inputs([str(path)]).open(get_task("jets"), config)).naming_places():
        return concatenate([assemble(chunk, None, config)[0] for chunk in reader])


def distances(path: Path, block: int = 2) -> Array:
    """Return the columns of MATCHING, (jets, 5)."""
    examples = matched(path, block)
    return np.stack([np.asarray(examples[name]) for name in MATCHING], 1)


NONE = np.inf
W = [(24, 0.0, 0.0, -1), (1, 0.3, 0.0, 0), (-2, -0.5, 0.0, 0)]
CASES: dict[str, tuple[list[Particle], tuple[float, ...]]] = {
    "top": (HADRONIC_TOP, (0.4, 0.4, NONE, NONE, 0.2)),
    "leptonic top": ([(6, 0.0, 0.0, -1), (24, 0.0, 0.0, 0), (5, 0.6, 0.0, 0), (-11, 0.0, 0.3, 1), (12, 0.0, 0.1, 1)], (NONE, NONE, NONE, NONE, 0.3)),
    "top without a W": ([(-6, 0.0, 0.0, -1), (-5, 0.0, 0.2, 0), (3, 0.0, -0.7, 0), (-4, 0.1, 0.0, 0)], (0.7, NONE, NONE, NONE, 0.1)),
    "W": (W, (NONE, 0.5, NONE, NONE, 0.3)),
    "two W": ([*W, (-24, 0.0, 0.0, -1), (3, 0.0, 0.4, 3), (-4, 0.0, -0.1, 3)], (NONE, 0.4, NONE, NONE, 0.1)),
    "the boson farther off than its quarks": ([(23, 0.0, 0.9, -1), (5, 0.2, 0.0, 0), (-5, 0.1, 0.0, 0)], (NONE, NONE, 0.9, NONE, 0.1)),
    "the last copy farther off than the first": ([(23, 0.0, 0.0, -1), (23, 0.0, 0.9, 0), (5, 0.2, 0.0, 1), (-5, 0.1, 0.0, 1)], (NONE, NONE, 0.9, NONE, 0.1)),
    "an electron and a quark at the first copy": ([*HADRONIC_TOP, (11, 0.05, 0.0, 1), (3, 1.0, 0.0, 1)], (0.4, 0.4, NONE, NONE, 0.2)),
    "a quark of a top not kept": ([(6, 0.0, 0.0, -1), (24, 0.0, 0.0, 0), (5, 0.1, 0.0, 0), (2, 0.2, 0.0, 1)], (NONE, NONE, NONE, NONE, 0.1)),
    "Z to tau": ([(23, 0.0, 0.0, -1), (15, 0.1, 0.0, 0), (-15, 0.2, 0.0, 0)], (NONE, NONE, NONE, NONE, 0.1)),
    "Z to neutrinos": ([(23, 0.0, 0.0, -1), (12, 0.1, 0.0, 0), (-12, 0.2, 0.0, 0)], (NONE,) * 5),
    "H to gluons": ([(25, 0.0, 0.0, -1), (21, 0.1, 0.0, 0), (21, 0.2, 0.0, 0)], (NONE, NONE, NONE, 0.2, 0.1)),
    "H to photons": ([(25, 0.0, 0.0, -1), (22, 0.1, 0.0, 0), (22, 0.2, 0.0, 0)], (NONE, NONE, NONE, NONE, 0.1)),
    "H to four quarks": ([(25, 0.0, 0.0, -1), (24, 0.0, 0.0, 0), (-24, 0.0, 0.0, 0), (1, 0.1, 0.0, 1), (-2, 0.2, 0.0, 1), (3, 0.0, 0.3, 2), (-4, 0.0, 0.6, 2)], (NONE, 0.2, NONE, 0.6, 0.1)),
    "H to quarks and leptons": ([(25, 0.0, 0.0, -1), (23, 0.0, 0.0, 0), (23, 0.0, 0.0, 0), (1, 0.1, 0.0, 1), (-1, 0.2, 0.0, 1), (11, 0.0, 0.3, 2), (-11, 0.0, 0.6, 2)], (NONE, NONE, 0.2, NONE, 0.1)),
    "only one quark kept": ([(24, 0.0, 0.0, -1), (1, 0.3, 0.0, 0)], (NONE, NONE, NONE, NONE, 0.3)),
    "quarks and gluons": ([(21, 0.0, 0.0, -1), (1, 0.0, 0.0, 0), (-1, 0.0, 0.0, 0)], (NONE,) * 5),
    "no particles": ([], (NONE,) * 5),
}


@pytest.mark.parametrize("case", CASES)
def test_decays_are_matched_by_the_radius_that_holds_them(case: str, tmp_path: Path) -> None:
    particles, expected = CASES[case]
    np.testing.assert_allclose(distances(write(tmp_path / "one.root", [([(0.0, 0.0)], particles)]))[0], expected, rtol=1e-6)


@pytest.mark.parametrize("block", [1, 4, 100])
def test_jets_are_matched_within_their_event(block: int, tmp_path: Path) -> None:
    """All cases in one file, in events with 0 to 3 jets elsewhere, give what each gives alone; the order of particles is no matter."""
    rng = np.random.default_rng(2)
    events, expected = [], []
    for number, (particles, values) in enumerate(CASES.values()):
        order = rng.permutation(len(particles))
        place = np.argsort(order)
        shuffled = [(pdg, eta, phi, int(place[mother]) if mother >= 0 else -1) for pdg, eta, phi, mother in (particles[k] for k in order)]
        n = number % 4
        events.append(([(0.0, 0.0)] * n, shuffled))
        expected += [values] * n
    np.testing.assert_allclose(distances(write(tmp_path / "all.root", events), block), np.array(expected), rtol=1e-6)


def test_distances_follow_jet_and_decay_round_the_beam(tmp_path: Path) -> None:
    """Turned in azimuth across +-pi, and read with a jet opposite, nothing changes."""
    turned: list[Particle] = [(pdg, eta, float((phi + 3.1 + np.pi) % (2 * np.pi) - np.pi), mother) for pdg, eta, phi, mother in HADRONIC_TOP]
    found = distances(write(tmp_path / "turned.root", [([(0.0, 3.1), (0.0, 0.0)], turned)]))
    np.testing.assert_allclose(found[0], CASES["top"][1], rtol=1e-5)
    assert found[1, 0] > 2.7


@pytest.mark.parametrize(("particles", "message"), [([(24, 0.0, 0.0, -1), (1, 0.0, 0.0, 2)], "has the number 2"), ([(24, 0.0, 0.0, 2), (1, 0.0, 0.0, 0), (6, 0.0, 0.0, 0)], "circle")])
def test_mothers_that_cannot_be_are_refused_by_their_entry(particles: list[Particle], message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "bad.root", [([(0.0, 0.0)], HADRONIC_TOP), ([(0.0, 0.0)], particles)])
    with pytest.raises(InputError, match=message) as caught:
        matched(path)
    assert caught.value.entry == 1 and caught.value.branch == "GenPart_genPartIdxMother"


def test_the_preset_takes_whole_tops_and_jets_without_any_decay(tmp_path: Path) -> None:
    config = load(JetsConfig, get_task("jets").presets, "nano-top")
    events: list[Event] = [([(0.0, 0.0), (0.0, 0.7), (0.0, -2.5)], HADRONIC_TOP), ([(0.0, 0.0)], CASES["leptonic top"][0]), ([(1.0, 1.0)], [])]
    reader = Inputs([str(write(tmp_path / "tops.root", events))]).open(get_task("jets"), config, need_truth=True)
    examples, _ = assemble(next(iter(reader)), None, config)
    np.testing.assert_array_equal(examples["class"], [1, -1, 0, -1, 0])


def test_data_without_generated_particles_have_no_classes(tmp_path: Path) -> None:
    config = build(JetsConfig, {"data": {"classes": {"qcd": "gen_nearest >= 0.8", "top": "gen_top < 0.8"}}, "model": {"inputs": ["jet_pt"]}}, "test")
    path = write(tmp_path / "data.root", [([(0.0, 0.0)], [])], generated=False)
    chunk = next(iter(Inputs([str(path)]).open(get_task("jets"), config)))
    assert "class_known" not in assemble(chunk, None, config)[0]
    with pytest.raises(InputError, match="gen_nearest"):
        assemble_training(chunk, None, config)
