import itertools
import random
from collections import Counter

import numpy as np
import pytest

from pphysml.errors import ConfigError
from pphysml.tasks.lcag.config.simulation import SimulationConfig
from pphysml.tasks.lcag.simulation.topologies import (
    Topology,
    draw_tree,
    known_topologies,
    read_topologies,
    to_yaml,
    unknown_topologies,
)
from pphysml.tasks.lcag.simulation.topology import count_leaves

PAPER = SimulationConfig()


def drawn(config: SimulationConfig, n: int, seed: int) -> list[Topology]:
    rng = random.Random(seed)
    trees = (draw_tree(config, rng) for _ in itertools.count())
    return [Topology.from_tree(t) for t in itertools.islice(filter(None, trees), n)]


def test_shipped_list_is_what_the_seed_draws():
    shipped = [t.canonical for t in read_topologies("paper")]
    assert len(set(shipped)) == 200
    assert shipped == [t.canonical for t in known_topologies(PAPER)]


def test_generator_makes_the_published_trees():
    """4000 trees: 2 to 18 leaves, 73 % of up to 10; depths as counted with an independent replica."""
    trees = drawn(PAPER, 4000, 1)
    leaves, depths = Counter(t.n_leaves for t in trees), Counter(t.depth for t in trees)
    assert min(leaves) == 2
    assert 15 <= max(leaves) <= 19
    assert sum(t.n_leaves <= 10 for t in trees) / 4000 == pytest.approx(0.73, abs=0.025)
    for depth, n in {2: 217, 3: 415, 4: 1218, 5: 1371, 6: 648, 7: 118}.items():
        assert abs(depths[depth] - n) < 4 * np.sqrt(2 * n)
    assert max(depths) <= 8


def test_about_266_draws_give_200_topologies_of_up_to_ten_leaves():
    seen: set[str] = set()
    rng = random.Random(2)
    draws = 0
    while len(seen) < 200:
        tree = draw_tree(PAPER, rng)
        draws += 1
        if tree and count_leaves(tree) <= 10:
            seen.add(Topology.from_tree(tree).canonical)
    assert 245 < draws < 300


def test_without_the_quirk_trees_are_larger():
    trees = drawn(SimulationConfig(subtract_cumulative_mass=False), 1000, 3)
    assert 28 <= max(t.n_leaves for t in trees) <= 38


@pytest.mark.parametrize("changes", [
    {}, {"subtract_cumulative_mass": False}, {"max_depth": 4}, {"min_children": 3},
    {"intermediate_weight": 3.0, "max_children": 3},
])
def test_every_node_has_phase_space_and_allowed_children(changes):
    config = SimulationConfig(**changes)
    for topology in drawn(config, 300, 4):
        assert topology.depth <= config.max_depth
        for node, children in enumerate(topology.children):
            if node < topology.n_leaves:
                assert not children
                assert topology.masses[node] in config.leaf_masses
                continue
            assert config.min_children <= len(children) <= config.max_children
            assert topology.masses[list(children)].sum() < topology.masses[node]
            assert max(children) < node


def test_no_intermediates_makes_flat_trees():
    assert {t.depth for t in drawn(SimulationConfig(intermediate_weight=0.0), 50, 5)} == {2}


def test_unknown_topologies_share_none_with_the_known():
    known, unknown = known_topologies(PAPER), unknown_topologies(PAPER)
    assert len({t.canonical for t in unknown}) == 200
    assert not {t.canonical for t in known} & {t.canonical for t in unknown}
    listed = PAPER.model_copy(update={"topology_file": "paper", "max_leaves": 6})
    assert not {t.canonical for t in known} & {t.canonical for t in unknown_topologies(listed)}


def test_known_topologies_of_few_leaves_stay_known():
    few = {t.canonical for t in known_topologies(PAPER.model_copy(update={"max_leaves": 6}))}
    assert {t.canonical for t in known_topologies(PAPER) if t.n_leaves <= 6} <= few


def test_another_seed_draws_other_topologies():
    other = known_topologies(PAPER.model_copy(update={"topology_seed": 1}))
    assert {t.canonical for t in other} != {t.canonical for t in known_topologies(PAPER)}


def test_canonical_form_ignores_the_order_of_children():
    topology = Topology.from_text("100(3 40(1 5 2(0.5 1)) 40(5 4 3))")
    assert topology.canonical == "100(40(5 2(1 0.5) 1) 40(5 4 3) 3)"
    assert Topology.from_text(topology.canonical).canonical == topology.canonical
    same, other = "100(3 40(3 4 5) 40(1 5 2(1 .5)))", "100(40(5 3) 40(5 4 2(1 0.5) 1) 3)"
    assert Topology.from_text(same).canonical == topology.canonical
    assert Topology.from_text(other).canonical != topology.canonical


def test_matrix_follows_the_definition():
    topology = Topology.from_text("100(50(10(3 2) 5) 12 20(2 1))")
    assert topology.depth == 4
    parents = topology.parent

    def ancestors(node: int) -> list[int]:
        return [node] if parents[node] < 0 else [node, *ancestors(parents[node])]

    def height(node: int) -> int:
        return max((1 + height(c) for c in topology.children[node]), default=0)

    for i, j in itertools.product(range(topology.n_leaves), repeat=2):
        common = next(a for a in ancestors(i) if a in ancestors(j))
        assert topology.lcag[i, j] == height(common)
    assert topology.lcag.max() == 3


def test_file_of_own_topologies(tmp_path):
    path = tmp_path / "mine.yaml"
    texts = ["5.279(0.494 3.097(0.106 0.106))", "5.279(1.865(0.494 0.140) 0.140)",
             "5.279(0.494 0.140)"]
    path.write_text(to_yaml([Topology.from_text(t) for t in texts], "B decays"))
    config = SimulationConfig(topology_file=str(path), min_leaves=3)
    assert [t.n_leaves for t in known_topologies(config)] == [3, 3]


@pytest.mark.parametrize("text, why", [
    ("100", "two to 8 generations"), ("100(5)", "two or more"), ("10(5 5)", "lighter together"),
    ("100(5 x)", "'x'"), ("100(5 -1)", "'-1'"), ("100(5 1", "one mass"), ("100(5 1))", "closed"),
    ("(5 1)", "follow a mass"), ("100(5 1)(2 3)", "follow a mass"), ("100(5 1) 3", "one mass"),
    ("9(8(7(6(5(4(3(2(.1 .1) .1) .1) .1) .1) .1) .1) .1)", "two to 8 generations"),
])
def test_bad_topologies_are_refused(text, why):
    with pytest.raises(ConfigError, match=why):
        Topology.from_text(text)


def test_bad_sources_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'paper'"):
        read_topologies("papr")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_topologies(str(tmp_path / "none.yaml"))
    empty = tmp_path / "empty.yaml"
    empty.write_text("topology: []")
    with pytest.raises(ConfigError, match="list `topologies`"):
        read_topologies(str(empty))
    with pytest.raises(ConfigError, match="no topology of 11 to 12"):
        known_topologies(SimulationConfig(topology_file="paper", min_leaves=11, max_leaves=12))


def test_impossible_requests_are_refused():
    with pytest.raises(ConfigError, match="different topologies"):
        known_topologies(SimulationConfig(max_leaves=2, n_topologies=500))
    with pytest.raises(ConfigError, match="twice the smallest"):
        known_topologies(SimulationConfig(intermediate_masses=[1.5]))
