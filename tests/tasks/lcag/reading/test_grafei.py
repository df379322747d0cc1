"""Training ntuples of graFEI, written with uproot as basf2 lays them out, read back and compared."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot

from pphysml.errors import ConfigError, InputError, TruthError
from pphysml.io.inspection import inspect
from pphysml.io.ragged import Ragged
from pphysml.io.reader import Reader
from pphysml.io.sources import resolve
from pphysml.registry import get_task
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation
from pphysml.tasks.lcag.trees.validity import is_valid_ragged

LAYOUTS = get_task("lcag").layouts()
EVENTS = 80
FOREST = {"forest": True, "classes": "stages"}
PION = 0.13957


def matrix_of_stages(parent, leaves):
    """LCAS of one tree: the class is the height above the lowest node, at most 6; brute force."""
    def chain(node):
        return [node, *chain(parent[node])] if node >= 0 else []

    def height(node):
        below = [k for k in range(len(parent)) if parent[k] == node]
        return 1 + max(map(height, below)) if below else 0

    return [[0 if i == j else min(6, height(next(k for k in chain(i)[1:] if k in chain(j)))) for j in leaves] for i in leaves]


@pytest.fixture(scope="module")
def simulated():
    """What a graFEI file holds, one dictionary per event: two trees over Monte Carlo leaves, some of them not
    reconstructed; the particles in another order, among them unmatched and secondary ones, and a clone."""
    options = LcagConfig(simulation={"trees_per_event": 2, "background_leaves": 0.2, "n_topologies": 30, "max_leaves": 6},
                         data={"forest": True})
    chunk, rng = LcagSimulation(options, 4).block(0, EVENTS), np.random.default_rng(2)
    return [make_event(rng, {name: chunk[name][row] for name in ("px", "py", "pz", "e", "parent", "component")})
            for row in range(EVENTS)]


def make_event(rng, given):
    n, parent = len(given["px"]), given["parent"].tolist()
    mc = rng.permutation(500)[:n]
    particles = rng.permutation([i for i in range(n) if rng.random() < 0.9])
    clone = particles[:1] if rng.random() < 0.3 else particles[:0]
    particles = np.concatenate([particles, clone])
    of = given["component"][particles]
    found = {"of": of + 1, "mc": mc[particles], "first": np.arange(len(particles)) < len(particles) - len(clone),
             "primary": rng.random(len(particles)) < 0.9}
    found["leaves"] = np.where(of < 0, -1, mc[particles])
    for name in ("px", "py", "pz", "e"):
        found[name] = given[name][particles]
    for k in (1, 2):
        leaves = rng.permutation(np.flatnonzero(given["component"] == k - 1)).tolist()
        found[f"LCA_leaves_{k}"], found[f"LCAS_{k}"] = mc[leaves], np.array(matrix_of_stages(parent, leaves))
    return found


def write(path, events, **changes):
    """Write the events; `changes` are further or other columns, None leaves one out."""
    rng = np.random.default_rng(9)
    n = [len(event["px"]) for event in events]
    columns = {"event": np.arange(len(n)) * 10, "__experiment__": np.full(len(n), 12), "isB": np.full(len(n), 1, np.uint8)}
    per_particle = {f"feat_{name}": [event[name] for event in events] for name in ("px", "py", "pz")}
    per_particle["feat_E"] = [event["e"] for event in events]
    per_particle["feat_charge"] = [rng.choice([-1.0, 0.0, 1.0], k) for k in n]
    per_particle["feat_dr"] = [np.where(rng.random(k) < 0.3, np.nan, rng.exponential(size=k)) for k in n]
    columns |= {name: ak.values_astype(ak.Array(rows), np.float32) for name, rows in per_particle.items()}
    columns |= {"leaves": ints(event["leaves"] for event in events), "b_index": ints(event["of"] for event in events)}
    columns["primary"] = ak.Array([event["primary"] for event in events])
    for k in (1, 2):
        columns[f"LCA_leaves_{k}"] = ints(event[f"LCA_leaves_{k}"] for event in events)
        columns[f"LCAS_{k}"] = ak.values_astype(ints(event[f"LCAS_{k}"].ravel() for event in events), np.uint8)
    columns = {name: column for name, column in (columns | changes).items() if column is not None}
    counters = {f"LCA_leaves_{k}": f"n_LCA_leaves_{k}" for k in (1, 2)} | {f"LCAS_{k}": f"n_LCA_{k}" for k in (1, 2)}
    types = {name: c.type.content if isinstance(c, ak.Array) else c.dtype for name, c in columns.items()}
    with uproot.recreate(path) as file:
        tree = file.mktree("Tree", types, counter_name=lambda name: counters.get(name, "n_particles"))
        tree.extend(columns)
    return path


def ints(rows):
    return ak.values_astype(ak.Array(list(rows)), np.int32)


def read(path, mapping=None, **data):
    config = LcagConfig(data=data)
    reader = Reader(resolve([str(path)]), LAYOUTS, mapping=mapping, extra=config.data.features)
    return assemble(reader.read(reader.blocks[0]), None, config)[0]


@pytest.fixture(scope="module")
def path(simulated, tmp_path_factory):
    return write(tmp_path_factory.mktemp("grafei") / "a.root", simulated)


def test_the_layout_is_recognised_and_others_are_not(path, tmp_path, simulated) -> None:
    lacking = inspect(str(path), {"lcag": LAYOUTS})["tasks"]["lcag"]
    assert lacking["grafei"] == []
    assert lacking["leaves"] == ["px", "py", "pz", "e"]
    with uproot.recreate(tmp_path / "b.root") as file:
        file.mktree("Tree", {name: "var * float64" for name in ("px", "py", "pz")})
    assert Reader(resolve([str(tmp_path / "b.root")]), LAYOUTS).layout.name == "momenta"


def test_matrices_components_and_momenta_are_those_of_the_particles(path, simulated) -> None:
    examples = read(path, **FOREST)
    assert examples["event"].tolist() == list(range(0, 10 * EVENTS, 10)) and set(examples["experiment"]) == {12}
    trees = 0
    for row, event in enumerate(simulated):
        n = len(event["px"])
        assert examples["p4"][row] == pytest.approx(np.stack([event[c] for c in ("px", "py", "pz", "e")], -1), rel=1e-6)
        usable = (event["of"] > 0) & event["primary"] & event["first"]
        # A clone stands where its original is no primary particle.
        for i in np.flatnonzero(~event["first"]):
            usable[i] = event["primary"][i] and event["of"][i] > 0 and not usable[event["mc"] == event["mc"][i]].any()
        assert examples["background"][row].tolist() == (~usable).tolist()
        found = examples["lcag"][row].reshape(n, n)
        for i in range(n):
            for j in range(n):
                k, expected = event["of"][i], 0
                if usable[i] and usable[j] and k == event["of"][j]:
                    of_tree = event[f"LCA_leaves_{k}"].tolist()
                    expected = event[f"LCAS_{k}"][of_tree.index(event["mc"][i])][of_tree.index(event["mc"][j])]
                assert found[i, j] == expected
        trees += len(set(event["of"][usable]))
    assert trees > EVENTS
    assert is_valid_ragged(examples["lcag"], examples["p4"].counts, LcagConfig(data=FOREST).data.rules).all()


def test_one_tree_without_a_second_matrix(simulated, tmp_path) -> None:
    # The files of a whole Y(4S) have one matrix; here, the first tree alone.
    alone = [{**event, "leaves": np.where(event["of"] == 1, event["leaves"], -1)} for event in simulated]
    missing = {"LCA_leaves_2": None, "LCAS_2": None}
    examples = read(write(tmp_path / "a.root", alone, **missing), **FOREST)
    whole = read(write(tmp_path / "b.root", alone), **FOREST)
    assert np.array_equal(examples["lcag"].flat, whole["lcag"].flat)
    assert np.array_equal(examples["background"].flat, whole["background"].flat)
    of = np.concatenate([event["of"] for event in simulated])
    assert examples["lcag"].flat.any() and examples["background"].flat[of != 1].all()


def test_masses_or_a_hypothesis_replace_energies(simulated, tmp_path) -> None:
    mass = ak.Array([np.sqrt(np.maximum(e["e"] ** 2 - e["px"] ** 2 - e["py"] ** 2 - e["pz"] ** 2, 0)) for e in simulated])
    given = read(write(tmp_path / "m.root", simulated, feat_E=None, feat_M=ak.values_astype(mass, np.float32)), **FOREST)
    e = np.concatenate([event["e"] for event in simulated])
    assert given["p4"].flat[:, 3] == pytest.approx(e, rel=1e-5)
    bare = write(tmp_path / "a.root", simulated, feat_E=None)
    guessed = read(bare, **FOREST, charged_mass=PION)
    charge = uproot.open(bare)["Tree/feat_charge"].array()
    p4 = guessed["p4"].flat
    square = p4[:, 3] ** 2 - (p4[:, :3] ** 2).sum(-1)
    assert square == pytest.approx(np.where(ak.to_numpy(ak.flatten(charge)) != 0, PION**2, 0), abs=1e-9 * 100**2)


def test_a_file_without_energies_says_what_helps(simulated, tmp_path) -> None:
    with pytest.raises(InputError, match=r"'feat_E' nor 'feat_mass'.*--map feat_E=.*data\.charged_mass=0\.13957"):
        read(write(tmp_path / "a.root", simulated, feat_E=None), **FOREST)
    bare = write(tmp_path / "b.root", simulated, feat_E=None, feat_charge=None)
    with pytest.raises(InputError, match=r"'feat_charge'.*data\.neutral_mass"):
        read(bare, **FOREST, charged_mass=PION)
    alike = read(bare, **FOREST, charged_mass=PION, neutral_mass=PION)
    assert alike["p4"].flat[:, 3].min() > PION


def test_features_that_are_not_defined_are_zero(path, simulated) -> None:
    examples = read(path, **FOREST, features=["feat_dr", "feat_charge"])
    stored = uproot.open(path)["Tree"].arrays(["feat_dr", "feat_charge"])
    expected = np.stack([ak.to_numpy(ak.flatten(stored[name])) for name in ("feat_dr", "feat_charge")], -1)
    assert np.isnan(expected).any()
    np.testing.assert_array_equal(examples["features"].flat, np.nan_to_num(expected))


def test_momenta_that_are_not_defined_are_refused(simulated, tmp_path) -> None:
    bad = ak.values_astype(ak.Array([np.where(np.arange(len(e["px"])) == 1, np.nan, e["px"]) for e in simulated]), np.float32)
    with pytest.raises(InputError, match=r"'feat_px', entry 0: value nan is not finite"):
        read(write(tmp_path / "a.root", simulated, feat_px=bad), **FOREST)


def test_mev_and_cm(path, simulated, tmp_path) -> None:
    columns = {f"feat_{c}": None for c in ("px", "py", "pz", "E")}
    columns |= {f"{c}_MeV": ak.Array([1e3 * e[c] for e in simulated]) for c in ("px", "py", "pz", "e")}
    mapping = {f"feat_{c}": f"{c}_MeV:MeV" for c in ("px", "py", "pz")} | {"feat_E": "e_MeV:MeV", "feat_dr": "feat_dr:cm"}
    converted = read(write(tmp_path / "a.root", simulated, **columns), mapping, **FOREST, features=["feat_dr"])
    plain = read(path, **FOREST, features=["feat_dr"])
    assert converted["p4"].flat == pytest.approx(plain["p4"].flat, rel=1e-6)
    assert converted["features"].flat == pytest.approx(10 * plain["features"].flat, rel=1e-6)
    with pytest.raises(ConfigError, match="'cm' cannot be converted to 'GeV'"):
        read(path, {"feat_px": "feat_px:cm"}, **FOREST)


def test_truth_that_does_not_fit_is_refused(path, simulated, tmp_path) -> None:
    with pytest.raises(InputError, match=r"LCAS.*data\.classes=stages"):
        read(path, forest=True)
    with pytest.raises(InputError, match=r"entry 0: .*zeros between leaves.*data\.forest=true"):
        read(path, classes="stages")
    for missing in ("leaves", "LCA_leaves_2"):
        with pytest.raises(InputError, match=f"without '{missing}'"):
            read(write(tmp_path / f"{missing}.root", simulated, **{missing: None}), **FOREST)
    short = [{**event, "LCAS_2": event["LCAS_2"].ravel()[: -1 if row == 5 else None]} for row, event in enumerate(simulated)]
    with pytest.raises(InputError, match=r"^input file 0, branch 'LCAS_2', entry 5: has \d+ values for the \d+ of 'LCA_leaves_2'"):
        read(write(tmp_path / "short.root", short), **FOREST)


def test_matrices_of_no_tree_are_refused_and_applying_goes_on(simulated, pphysml, tmp_path) -> None:
    row = next(k for k, event in enumerate(simulated) if len(event["LCAS_2"]) > 2)
    crooked = np.array(simulated[row]["LCAS_2"])
    crooked[0, 1] += 1
    path = write(tmp_path / "a.root", [{**event, "LCAS_2": crooked} if k == row else event for k, event in enumerate(simulated)])
    with pytest.raises(TruthError, match=rf"branch 'LCAS_2', entry {row}: is not symmetric"):
        read(path, **FOREST)
    done = pphysml("lcag", path, "--engine", "massline", "--max-entries", row + 1, "-o", tmp_path / "out.root")
    assert done.code == 0 and "branch 'LCAS_2'" in done.err


def test_a_k_short_of_a_j_psi_is_merged_with_it(simulated, tmp_path) -> None:
    """J/psi (class 1) -> K0S (class 2) pi pi, as graFEI writes it: the pions of the K0S meet in a higher class than all four."""
    lcas = np.array([[0, 2, 1, 1, 5], [2, 0, 1, 1, 5], [1, 1, 0, 1, 5], [1, 1, 1, 0, 5], [5, 5, 5, 5, 0]])
    event = {**next(e for e in simulated if len(e["px"]) >= 5), "LCA_leaves_1": np.arange(5), "LCAS_1": lcas,
             "LCA_leaves_2": np.zeros(0, int), "LCAS_2": np.zeros((0, 0), int)}
    event = {**event, "leaves": np.array([*range(5), *[-1] * (len(event["px"]) - 5)]), "primary": np.ones(len(event["px"]), bool)}
    found = read(write(tmp_path / "a.root", [event]), **FOREST)["lcag"]
    n = len(event["px"])
    np.testing.assert_array_equal(found.flat.reshape(n, n)[:5, :5], np.where(lcas == 2, 1, lcas))


def test_real_data_have_no_truth(simulated, tmp_path) -> None:
    truth = ("leaves", "primary", "b_index", "LCA_leaves_1", "LCA_leaves_2", "LCAS_1", "LCAS_2")
    path = write(tmp_path / "a.root", simulated, **dict.fromkeys(truth))
    assert "lcag" not in read(path) and len(read(path)["p4"]) == EVENTS
    with pytest.raises(InputError, match="no truth"):
        Reader(resolve([str(path)]), LAYOUTS, need_truth=True)


def test_the_ids_of_basf2_are_carried_to_the_output(pphysml, simulated, tmp_path) -> None:
    ids = {"experiment": 12, "run": 3, "event": 2**33, "candidate": 4, "production": 5}
    truth = ("leaves", "primary", "LCA_leaves_1", "LCA_leaves_2", "LCAS_1", "LCAS_2", "event")
    columns = {f"__{name}__": np.arange(EVENTS) + value for name, value in ids.items()}
    grafei = write(tmp_path / "grafei.root", simulated, **dict.fromkeys(truth), **columns)
    with uproot.recreate(tmp_path / "leaves.root") as file:
        momenta = {name: ak.Array([event[name] for event in simulated]) for name in ("px", "py", "pz", "e")}
        file.mktree("events", {n: "var * float64" for n in momenta} | {n: "int64" for n in columns}).extend(momenta | columns)
    for path in (grafei, tmp_path / "leaves.root"):
        out = tmp_path / f"out-{path.name}"
        done = pphysml("lcag", path, "--engine", "massline", "--max-entries", 5, "-o", out)
        assert done.code == 0, done.err
        found = uproot.open(out)["lcag"].arrays(list(ids))
        assert all(found[name].tolist() == list(range(value, value + 5)) for name, value in ids.items())


def test_rows_keep_their_columns_when_they_are_selected(path) -> None:
    config = LcagConfig(data=FOREST)
    reader = Reader(resolve([str(path)]), LAYOUTS, block_size=7)
    parts = [assemble(chunk, None, config)[0] for chunk in reader]
    whole = read(path, **FOREST)
    for name in ("lcag", "background", "p4"):
        joined = np.concatenate([part[name].flat for part in parts])
        np.testing.assert_array_equal(joined, whole[name].flat)
        assert isinstance(whole[name], Ragged)
