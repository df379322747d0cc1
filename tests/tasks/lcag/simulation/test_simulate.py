from collections import Counter

import numpy as np
import pytest
from scipy.stats import kstest

from pphysml.errors import ConfigError
from pphysml.io.ragged import Columns, Ragged
from pphysml.physics.four_vectors import boost, mass
from pphysml.physics.phase_space import n_body_decay
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.config.simulation import SimulationConfig
from pphysml.tasks.lcag.simulation.decay_kernel import decay_tree, tabulate
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation
from pphysml.tasks.lcag.simulation.topologies import known_topologies
from pphysml.tasks.lcag.simulation.topology import Topology

MOMENTUM = ("px", "py", "pz", "e")


def simulate(seed: int = 1, index: int = 0, n: int = 2000, **changes) -> Columns:
    return LcagSimulation(SimulationConfig(**changes), seed).block(index, n)


def four_momenta(block: Columns) -> Ragged:
    return Ragged(np.stack([block[c].flat for c in MOMENTUM], -1), block["px"].offsets)


def same(a: Columns, b: Columns) -> bool:
    def values(column):
        return (column.flat, column.offsets) if isinstance(column, Ragged) else (column,)

    return list(a) == list(b) and all(
        np.array_equal(x, y) for name in a
        for x, y in zip(values(a[name]), values(b[name]), strict=True))


def nodes(leaves: np.ndarray, parent: np.ndarray) -> np.ndarray:
    """Four-momenta of all nodes: each the sum of its children's."""
    p4 = np.zeros((len(parent), 4))
    p4[: len(leaves)] = leaves
    for node, p in enumerate(parent[:-1]):
        p4[p] += p4[node]
    return p4


def matrix(parent: np.ndarray, n: int) -> np.ndarray:
    """LCAG by its definition: climb from both leaves, count the height of where they meet."""
    def path(node):
        return [node] if parent[node] < 0 else [node, *path(parent[node])]

    def height(node):
        return max((1 + height(c) for c in np.flatnonzero(parent == node)), default=0)

    meet = [[next(a for a in path(i) if a in path(j)) for j in range(n)] for i in range(n)]
    return np.array([[height(a) for a in row] for row in meet], dtype=np.uint8).reshape(n, n)


def test_columns_are_those_of_the_layout():
    block = simulate(n=500)
    types = {"run": "int64", "event": "int64", "px": "float64", "py": "float64", "pz": "float64",
             "e": "float64", "parent": "int32", "lcag": "uint8", "topology": "int32"}
    found = {n: (c.flat if isinstance(c, Ragged) else c).dtype.name for n, c in block.items()}
    assert found == types
    assert all(len(column) == 500 for column in block.values())
    assert np.array_equal(block["lcag"].counts, block["px"].counts ** 2)


@pytest.mark.parametrize("changes", [{}, {"unweight": True}, {"subtract_cumulative_mass": False}])
def test_every_node_keeps_four_momentum_and_mass(changes):
    simulation = LcagSimulation(SimulationConfig(**changes), 2)
    block = simulation.block(3, 1000)
    p4 = four_momenta(block)
    for event in range(1000):
        topology = simulation.topologies[block["topology"][event]]
        parent = block["parent"][event]
        found = nodes(p4[event], parent)
        assert found[-1] == pytest.approx([0, 0, 0, 100], abs=1e-6)
        n = topology.n_leaves
        assert mass(found[n:]) == pytest.approx(topology.masses[n:], abs=1e-6)
        for node, children in enumerate(topology.children):
            below = np.sort(mass(found[parent == node]))
            assert below == pytest.approx(np.sort(topology.masses[list(children)]), abs=1e-6)


def test_matrix_is_that_of_the_parents():
    block = simulate(n=200)
    for event in range(200):
        n = block["px"].counts[event]
        found = block["lcag"][event].reshape(n, n)
        assert np.array_equal(found, matrix(block["parent"][event], n))


def test_leaves_are_shuffled_evenly_or_not_at_all(tmp_path):
    path = tmp_path / "one.yaml"
    path.write_text("topologies: ['100(50(3 2 1) 12 5)']")
    block = simulate(n=10_000, topology_file=str(path))
    places = np.argsort(np.round(mass(four_momenta(block).flat)).reshape(-1, 5), -1)
    orders = Counter(map(tuple, places))
    assert len(orders) == 120
    assert max(abs(n - 10_000 / 120) for n in orders.values()) < 5 * np.sqrt(10_000 / 120)
    block = simulate(n=10, topology_file=str(path), shuffle_leaves=False)
    masses = mass(four_momenta(block).flat).reshape(-1, 5)
    assert masses == pytest.approx(np.tile(known(path).masses[:5], (10, 1)), abs=1e-6)


def known(path) -> Topology:
    return known_topologies(SimulationConfig(topology_file=str(path)))[0]


def test_block_depends_on_seed_and_index_only():
    simulation = LcagSimulation(LcagConfig(), 5)
    first = simulation.block(7, 300)
    simulation.block(8, 100)
    assert same(first, simulation.block(7, 300))
    assert same(first, simulate(5, 7, 300))
    for other in (simulate(5, 6, 300), simulate(6, 7, 300)):
        assert not np.array_equal(other["px"].flat[:100], first["px"].flat[:100])


def test_topologies_have_equally_many_events():
    simulation = LcagSimulation(SimulationConfig(n_topologies=30), 1)
    blocks = [simulation.block(i, 100) for i in range(6)]
    assert set(Counter(np.concatenate([b["topology"] for b in blocks]).tolist()).values()) == {20}
    events = np.concatenate([b["event"] for b in blocks])
    assert np.array_equal(np.sort(events), np.arange(600))
    order = blocks[0]["topology"]
    assert not np.array_equal(order, np.arange(100) % 30)
    assert len(simulation.block(0, 0)["event"]) == 0


def test_decays_are_those_of_the_reference():
    """Kolmogorov-Smirnov of leaf energies against the plain numpy decay, node by node."""
    topology = Topology.from_text("100(70(25(5 2 1) 10(3 3) 2) 12)")
    tables = tabulate([topology], unweight=False)
    random = np.random.default_rng(3)
    p4 = np.empty((4000, len(topology.parent), 4))
    for event in p4:
        decay_tree(random, tables, 0, event)
    expected = np.zeros_like(p4)
    expected[:, -1, 3] = 100.0
    for node in range(len(topology.parent) - 1, topology.n_leaves - 1, -1):
        children = list(topology.children[node])
        inside, _ = n_body_decay(topology.masses[node], topology.masses[children], 4000, random)
        expected[:, children] = boost(inside, expected[:, node, None])
    for leaf in range(topology.n_leaves):
        for component in (2, 3):
            ours, theirs = p4[:, leaf, component], expected[:, leaf, component]
            assert np.ptp(theirs) < 1e-9 or kstest(ours, theirs).pvalue > 1e-3


def test_unknown_topologies_are_simulated():
    config = SimulationConfig(topologies="unknown", topology_file="paper")
    listed = {t.canonical for t in known_topologies(SimulationConfig())}
    assert not listed & {t.canonical for t in LcagSimulation(config, 1).topologies}


def test_smearing_changes_the_momentum_by_its_width_and_keeps_the_mass():
    true, seen = four_momenta(simulate()).flat, four_momenta(simulate(smearing=0.01)).flat
    ratio = np.linalg.norm(seen[:, :3], axis=-1) / np.linalg.norm(true[:, :3], axis=-1)
    assert kstest(ratio - 1, "norm", (0, 0.01)).pvalue > 1e-3
    assert seen[:, :3] == pytest.approx(true[:, :3] * ratio[:, None], abs=1e-9)
    assert mass(seen) == pytest.approx(mass(true), abs=1e-6)


def test_wrong_hypotheses_change_the_energy_alone():
    true, seen = four_momenta(simulate()).flat, four_momenta(simulate(wrong_hypothesis=0.2)).flat
    assert np.array_equal(true[:, :3], seen[:, :3])
    wrong = np.abs(mass(true) - mass(seen)) > 1e-3
    assert wrong.mean() == pytest.approx(0.2, abs=4 * 0.4 / np.sqrt(len(true)))
    assert set(np.round(mass(seen), 4)) == {1.0, 2.0, 3.0, 5.0, 12.0}
    with pytest.raises(ConfigError, match="two different"):
        simulate(wrong_hypothesis=0.1, leaf_masses=[1.0])


def test_lost_leaves_keep_the_momenta_of_the_seen():
    true, seen = simulate(), simulate(lost_leaves=0.3)
    left, total = seen["px"].counts.sum(), true["px"].counts.sum()
    assert left / total == pytest.approx(0.7, abs=4 * 0.46 / np.sqrt(total))
    for event in range(200):
        assert set(seen["px"][event]) <= set(true["px"][event])
    assert seen["px"].counts.min() <= 1
    for name in MOMENTUM:
        assert np.array_equal(seen[name].offsets, seen["px"].offsets)
    assert np.array_equal(seen["lcag"].counts, seen["px"].counts ** 2)
