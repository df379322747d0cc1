"""Four-momenta of leaves: the same events in every form that is read give the same four-momenta."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot

from pphysml.errors import ConfigError, InputError
from pphysml.io.ragged import Ragged
from pphysml.io.reader import Reader
from pphysml.io.sources import resolve
from pphysml.registry import get_task
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.reading.assemble import assemble

LAYOUTS = get_task("lcag").layouts()
NAMES = {"e-": 11, "mu-": 13, "pi+": 211, "K+": 321, "p+": 2212}
MASSES = {11: 0.51099895e-3, 13: 0.1056583755, 211: 0.13957039, 321: 0.493677, 2212: 0.93827208943, 22: 0.0}
"""GeV, PDG."""

COUNTS = np.tile([3, 1, 5, 0, 4], 8)


@pytest.fixture(scope="module")
def events():
    """Columns of the same leaves in every form, flat; a third of them photons, which no detector identifies."""
    rng = np.random.default_rng(7)
    n = COUNTS.sum()
    ids = rng.choice(list(MASSES), n)
    p3 = rng.normal(size=(n, 3)) * rng.choice([0.05, 1.0, 20.0], n)[:, None]
    mass = np.array([MASSES[k] for k in ids])
    momentum = np.linalg.norm(p3, axis=1)
    columns = {"px": p3[:, 0], "py": p3[:, 1], "pz": p3[:, 2], "e": np.sqrt(momentum**2 + mass**2), "mass": mass,
               "pt": np.hypot(p3[:, 0], p3[:, 1]), "eta": np.arctanh(p3[:, 2] / momentum), "phi": np.arctan2(p3[:, 1], p3[:, 0]),
               "assumed_pdg": ids * rng.choice([-1, 1], n), "charge": np.where(ids == 22, 0, rng.choice([-1, 1], n))}
    for name, number in NAMES.items():
        looks = np.where(ids == number, rng.uniform(0.6, 1.0, n), rng.uniform(0.0, 0.5, n))
        columns[f"pid {name}"] = np.where(ids == 22, np.nan, looks)
    return columns


PID = {name: f"pid {name}" for name in NAMES}


def write(path, columns, dtype="float64"):
    rows = {name: ak.unflatten(values if values.dtype.kind == "i" else values.astype(dtype), COUNTS) for name, values in columns.items()}
    with uproot.recreate(path) as file:
        file.mktree("events", {name: c.type.content for name, c in rows.items()}).extend(rows)
    return path


def read(path, mapping=None, **data):
    config = LcagConfig(data=data)
    (chunk,) = Reader(resolve([str(path)]), LAYOUTS, mapping=mapping, extra=config.data.extra_branches())
    return assemble(chunk, None, config)[0]["p4"]


FORMS = {
    "px py pz": ("px", "py", "pz"),
    "pt eta phi": ("pt", "eta", "phi"),
}
ENERGIES = {
    "e": (("e",), {}),
    "mass": (("mass",), {}),
    "PDG ids": (("assumed_pdg",), {}),
    "PID": (tuple(PID.values()), {"pid": PID}),
    "PID and charge": ((*PID.values(), "charge"), {"pid": PID}),
    "e and mass": (("e", "mass"), {}),
}


@pytest.mark.parametrize("energies", ENERGIES)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_four_momenta(form, energies, events, tmp_path):
    (names, data), mapping = ENERGIES[energies], {"mass": "mass"} if energies == "e and mass" else {}
    p4 = read(write(tmp_path / "a.root", {name: events[name] for name in (*FORMS[form], *names)}), mapping, **data)
    expected = np.stack([events[name] for name in ("px", "py", "pz", "e")], -1)
    np.testing.assert_array_equal(p4.counts, COUNTS)
    np.testing.assert_allclose(p4.flat, expected, rtol=1e-12, atol=1e-12)


def test_one_particle_for_all_and_by_charge(events, tmp_path):
    path = write(tmp_path / "a.root", {name: events[name] for name in ("px", "py", "pz")})
    square = events["px"] ** 2 + events["py"] ** 2 + events["pz"] ** 2
    np.testing.assert_allclose(read(path, particle="K-").flat[:, 3], np.sqrt(square + MASSES[321] ** 2), rtol=1e-14)
    path = write(tmp_path / "b.root", {name: events[name] for name in ("px", "py", "pz", "charge")})
    expected = np.sqrt(square + np.where(events["charge"] != 0, 0.14, 0.0) ** 2)
    np.testing.assert_allclose(read(path, charged_mass=0.14).flat[:, 3], expected, rtol=1e-14)


def test_units_hold_for_masses_and_angles(events, tmp_path):
    columns = {"pt": 1e3 * events["pt"], "eta": events["eta"], "azimuth": np.degrees(events["phi"]), "mass": 1e3 * events["mass"]}
    mapping = {"pt": "pt:MeV", "phi": "azimuth:deg", "mass": "mass:MeV"}
    p4 = read(write(tmp_path / "a.root", columns), mapping)
    np.testing.assert_allclose(p4.flat, np.stack([events[name] for name in ("px", "py", "pz", "e")], -1), rtol=1e-12, atol=1e-12)


def test_rounding_to_single_precision_is_no_contradiction(events, tmp_path):
    """Energies of fast light leaves fall below their momenta, and ROOT calls their masses negative."""
    single = {name: events[name].astype(np.float32).astype(np.float64) for name in ("px", "py", "pz", "e")}
    square = single["e"] ** 2 - single["px"] ** 2 - single["py"] ** 2 - single["pz"] ** 2
    assert (square < 0).any()
    columns = {**single, "mass": events["mass"], "root_mass": np.sign(square) * np.sqrt(np.abs(square)), "rounded": np.round(events["mass"], 4)}
    path = write(tmp_path / "a.root", columns, "float32")
    for name in ("mass", "root_mass", "rounded"):
        np.testing.assert_allclose(read(path, {"mass": name}).flat[:, 3], events["e"], rtol=1e-6)
    path = write(tmp_path / "b.root", {"px": events["px"], "py": events["py"], "pz": events["pz"], "mass": columns["root_mass"]}, "float32")
    np.testing.assert_allclose(read(path).flat[:, 3], events["e"], rtol=1e-5)


@pytest.mark.parametrize(("change", "words"), [
    ({"mass": 1.2}, ["branch 'mass', entry 0", "contradicts the energy", "MASSES"]),
    ({"mass": -999.0}, ["branch 'mass', entry 0", "-999 GeV is below 0"]),
])
def test_masses_that_cannot_be_are_refused(change, words, events, tmp_path):
    columns = {name: events[name].copy() for name in ("px", "py", "pz", "e", "mass")}
    for name, value in change.items():
        columns[name][1] = value
    path = write(tmp_path / "a.root", columns)
    with pytest.raises(InputError) as caught:
        read(path, {"mass": "mass"})
    assert all(word in str(caught.value) for word in words if word != "MASSES")
    # Without a name a branch of that name is something else.
    assert len(read(path).flat) == COUNTS.sum()


def test_particles_that_there_are_not_are_refused(events, tmp_path):
    columns = {name: events[name].copy() for name in ("px", "py", "pz", "assumed_pdg")}
    columns["assumed_pdg"][5] = 987654
    with pytest.raises(InputError, match=r"branch 'assumed_pdg', entry 2: 987654 is the PDG id of no particle"):
        read(write(tmp_path / "a.root", columns))
    for data in ({"particle": "pion"}, {"pid": {"Kaon+": "k"}}):
        with pytest.raises(ConfigError, match="no particle"):
            LcagConfig(data=data)
    with pytest.raises(ValueError, match="twice"):
        LcagConfig(data={"pid": {"K+": "a", "K-": "b"}})


def test_files_without_any_energy_say_what_helps(events, tmp_path):
    with pytest.raises(InputError, match=r"no energy: .*--map e=BRANCH or --map mass=BRANCH.*assumed_pdg.*data\.pid.*data\.particle"):
        read(write(tmp_path / "a.root", {name: events[name] for name in ("pt", "eta", "phi")}))


def leaf(charge=None, **looks):
    """Return the mass that one leaf at rest gets by its identification branches."""
    names = {"pi": "pi+", "K": "K+", "g": "gamma"}
    chunk = {name: Ragged.from_rows([[0.0]]) for name in ("px", "py", "pz")}
    chunk |= {f"pid:{names[k]}": Ragged.from_rows([[value]]) for k, value in looks.items()}
    if charge is not None:
        chunk["charge"] = Ragged.from_rows([[charge]])
    data = {"pid": {names[k]: k for k in looks}, "neutral_mass": 0.25}
    return assemble(chunk, None, LcagConfig(data=data))[0]["p4"].flat[0, 3]


def test_the_largest_counts_and_of_equal_ones_the_first():
    lowest = -(2.0**127)  # what NaN is read as
    assert leaf(pi=0.2, K=0.7) == pytest.approx(MASSES[321])
    assert leaf(pi=-7.0, K=-9.0) == pytest.approx(MASSES[211])
    assert leaf(pi=0.5, K=0.5) == pytest.approx(MASSES[211]) and leaf(K=0.5, pi=0.5) == pytest.approx(MASSES[321])
    assert leaf(pi=lowest, K=-9.0) == pytest.approx(MASSES[321])
    assert leaf(pi=lowest, K=lowest) == 0.25
    assert leaf(charge=0, pi=0.9, g=0.1) == 0.0 and leaf(charge=-1, pi=0.1, g=0.9) == pytest.approx(MASSES[211])
    assert leaf(charge=0, pi=0.9, K=0.1) == 0.25


def test_a_branch_may_be_a_feature_too(events, tmp_path):
    columns = {name: events[name] for name in ("px", "py", "pz", *PID.values())}
    kept = np.nan_to_num(columns["pid pi+"])
    path = write(tmp_path / "a.root", {**columns, "pid pi+": kept})
    config = LcagConfig(data={"pid": PID, "features": ["pid pi+"]})
    (chunk,) = Reader(resolve([str(path)]), LAYOUTS, extra=config.data.extra_branches())
    examples, _ = assemble(chunk, None, config)
    np.testing.assert_array_equal(examples["features"].flat[:, 0], kept.astype(np.float32))


def test_the_shipped_network_finds_the_same_trees_in_every_form(pphysml, tmp_path):
    simulated = tmp_path / "events.root"
    assert pphysml("simulate", "lcag", "-n", 60, "--set", "simulation.max_leaves=6", "-q", "-o", simulated).code == 0
    columns = uproot.open(simulated)["events"].arrays(["px", "py", "pz", "e"], library="np")
    x, y, z, e = (np.concatenate(columns[name]) for name in ("px", "py", "pz", "e"))
    counts = [len(row) for row in columns["px"]]
    square = e**2 - x**2 - y**2 - z**2
    other = {"trk_pt": np.hypot(x, y), "trk_eta": np.arcsinh(z / np.hypot(x, y)), "trk_phi": np.arctan2(y, x), "trk_m": np.sqrt(square)}
    rows = {name: ak.unflatten(values, counts) for name, values in other.items()}
    with uproot.recreate(tmp_path / "other.root") as file:
        file.mktree("tracks", {name: c.type.content for name, c in rows.items()}).extend(rows)
    names = [f"--map={name}=trk_{name if name != 'mass' else 'm'}" for name in ("pt", "eta", "phi", "mass")]
    for path, arguments in ((simulated, ()), (tmp_path / "other.root", names)):
        done = pphysml("lcag", path, *arguments, "-q", "-o", tmp_path / f"out-{path.name}")
        assert done.code == 0, done.err
    first, second = (uproot.open(tmp_path / f"out-{name}.root")["lcag"].arrays() for name in ("events", "other"))
    for name in ("lcag", "parent", "node_level", "exact"):
        assert ak.all(first[name] == second[name])
    for name in ("node_e", "node_mass", "prob", "tree_prob"):
        np.testing.assert_allclose(ak.flatten(first[name], None), ak.flatten(second[name], None), rtol=1e-5, atol=1e-5)
    assert pphysml("validate", "lcag", tmp_path / "other.root", *names).code == 0
