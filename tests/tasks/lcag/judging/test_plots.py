"""Figures show the numbers they were given."""

import io
import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from pphysml.errors import InputError
from pphysml.evaluation.drawing import drawn
from pphysml.evaluation.style import BLUE, ORANGE, RED
from pphysml.tasks.lcag.judging import plots
from pphysml.tasks.lcag.judging.event_outcomes import Events, NodeMasses
from pphysml.tasks.lcag.judging.tree_plots import tree_positions
from pphysml.tasks.lcag.simulation.topology import Topology

TREES = [
    "100(1 2)",
    "100(90(5 2 1) 3)",
    "100(3 50(20(5 2) 10(1 1)) 25(10(5 1) 2 3))",
    "100(90(80(70(50(25(20(5 2) 1) 3) 1) 2) 1) 3)",
]


def events(n=500):
    rng = np.random.default_rng(0)
    leaves = rng.integers(2, 9, n)
    wrong = (rng.random(n) < leaves / 12).astype(int)
    height = np.minimum(leaves - 1, rng.integers(1, 5, n))
    others = {"tree_prob": rng.random(n), "margin": np.where(leaves == 2, np.inf, rng.exponential(5, n))}
    return Events(leaves, height, wrong, wrong + (rng.random(n) < 0.3), wrong == 0, np.ones(n, bool), others)


def rendered(figure):
    stream = io.BytesIO()
    figure.savefig(stream, format="svg")
    return stream.getvalue()


def test_points_are_the_shares():
    sample = events()
    (axes,) = plots.perfect_by_leaves(sample).axes
    lines = {line.get_color(): line for line in axes.get_lines()}
    for colour, right in ((BLUE, sample.perfect), (ORANGE, sample.perfect_raw)):
        expected = [right[sample.n == n].mean() for n in range(2, 9)]
        np.testing.assert_allclose(lines[colour].get_ydata(), expected)
        np.testing.assert_allclose(lines[colour].get_xdata(), np.arange(2, 9), atol=0.1)


def test_heat_map_counts_sum_to_events():
    sample = events()
    axes = plots.heat_map(sample).axes[0]
    texts = [(t.get_position(), t.get_text()) for t in axes.texts]
    numbers = {(round(x), round(y)): int(text) for (x, y), text in texts if "." not in text}
    shares = {(round(x), round(y)): float(text) for (x, y), text in texts if "." in text}
    assert sum(numbers.values()) == 500
    assert numbers.keys() == shares.keys() == set(zip(sample.n.tolist(), sample.height.tolist(), strict=True))
    for (n, height), share in shares.items():
        chosen = (sample.n == n) & (sample.height == height)
        assert numbers[n, height] == chosen.sum()
        assert share == pytest.approx(100 * sample.perfect[chosen].mean(), abs=0.051)


def test_margin_histograms_hold_every_finite_margin():
    sample = events()
    margin = sample.others["margin"]
    (axes,) = plots.margin_distribution(margin, sample.perfect).axes
    _, labels = axes.get_legend_handles_labels()
    finite = np.isfinite(margin)
    expected = [(finite & sample.perfect).sum(), (finite & ~sample.perfect).sum()]
    assert [int(label.split("(")[1][:-1]) for label in labels] == expected
    for patch, total in zip(axes.patches[-2:], expected, strict=True):
        assert patch.get_xy()[1:-1:2, 1].sum() == total


def test_mass_spectrum_peaks_where_the_masses_are():
    truth = np.repeat([10.0, 25.0, 100.0], [300, 100, 50])
    (axes,) = plots.mass_spectrum(NodeMasses(truth, truth[::2], np.ones(225, bool))).axes
    outline = axes.patches[1].get_xy()
    high = outline[outline[:, 1] > 10]
    distance = np.abs(high[:, :1] - [10, 25, 100])
    assert distance.min(1).max() < 0.52  # one bin
    assert distance.min(0).max() < 0.52
    assert outline[:, 1].max() == 150


def test_reliability_lies_on_the_diagonal_for_true_probabilities():
    p = np.linspace(0, 1, 20_000)
    right = np.random.default_rng(1).random(20_000) < p
    axes = plots.reliability_curve(p, right).axes[0]
    x, y = next(line for line in axes.get_lines() if len(line.get_xdata()) == 15).get_data()
    np.testing.assert_allclose(x, y, atol=0.05)
    assert "20000 events" in axes.texts[0].get_text()


def test_all_figures_can_be_drawn_and_none_without_events():
    masses = NodeMasses(np.array([10.0, 100.0]), np.array([10.0, 99.0]), np.array([True, False]))
    found = drawn(lambda: plots.figures(events(), masses))
    assert len(found) == 5
    assert all(rendered(figure).startswith(b"<?xml") and figure.get_label() for figure in found.values())
    none = np.zeros(0, dtype=int)
    assert plots.figures(Events(none, none, none, none, none.astype(bool), none.astype(bool), {}), None) == {}
    one = np.array([2])
    single = Events(one, one - 1, one, one, one == 0, one > 0, {"margin": np.array([0.0]), "tree_prob": np.array([1.0])})
    assert all(rendered(figure) for figure in drawn(lambda: plots.figures(single, None)).values())


def crossings(figure):
    """Pairs of drawn segments that meet in the inside of both."""
    segments = []
    for line in figure.axes[-1].get_lines():
        xy = np.column_stack(line.get_data())
        segments += [(a, b) for a, b in itertools.pairwise(xy) if not np.array_equal(a, b)]
    count = 0
    for (a, b), (c, d) in itertools.combinations(segments, 2):
        flat, steep = ((a, b), (c, d)) if a[1] == b[1] else ((c, d), (a, b))
        if flat[0][1] != flat[1][1] or steep[0][0] != steep[1][0]:
            continue
        x, y = steep[0][0], flat[0][1]
        xs, ys = sorted((flat[0][0], flat[1][0])), sorted((steep[0][1], steep[1][1]))
        count += xs[0] < x < xs[1] and ys[0] < y < ys[1]
    return count


@pytest.mark.parametrize("text", TREES)
def test_tree_has_no_crossings_and_shows_every_mass(text):
    tree = Topology.from_text(text)
    figure = plots.tree_figure(tree.parent, tree.heights, tree.masses)
    assert crossings(figure) == 0
    shown = [t.get_text().split("\n")[-1] for t in figure.axes[0].texts]
    assert sorted(map(float, shown)) == sorted(tree.masses)
    assert rendered(figure)


@pytest.mark.parametrize("text", TREES)
@pytest.mark.parametrize("with_masses", [True, False])
def test_a_tree_lies_inside_its_axes(text, with_masses):
    tree = Topology.from_text(text)
    (axes,) = plots.tree_figure(tree.parent, tree.heights, tree.masses if with_masses else None).axes
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    drawn_at = np.array([t.get_position() for t in axes.texts] + [p for line in axes.get_lines() for p in zip(*line.get_data(), strict=True)])
    assert (drawn_at > [left, low]).all() and (drawn_at < [right, high]).all()
    assert drawn_at.max(0).tolist() == [tree.n_leaves - 1, tree.heights.max()]


def test_crossings_are_seen_by_this_test():
    tree = Topology.from_text(TREES[2])
    figure = plots.tree_figure(tree.parent, tree.heights)
    axes = figure.axes[0]
    axes.plot([-0.5, tree.n_leaves], [0.5, 0.5])
    assert crossings(figure) == tree.n_leaves


@pytest.mark.parametrize("text", TREES)
def test_leaves_below_a_node_are_neighbours(text):
    tree = Topology.from_text(text)
    x = tree_positions(tree.parent)
    assert sorted(x[: tree.n_leaves]) == list(range(tree.n_leaves))
    for node, below in enumerate(tree.leaves_below):
        mine = x[: tree.n_leaves][below]
        assert np.ptp(mine) == len(mine) - 1
        assert mine.min() <= x[node] <= mine.max()


def test_what_is_no_tree_is_refused():
    with pytest.raises(InputError, match="2 nodes have parent -1"):
        plots.tree_figure([-1, -1], [0, 0])
    with pytest.raises(InputError, match=r"Node 1 .* does not lead up"):
        plots.tree_figure([3, 2, 1, -1], [0, 0, 1, 1])


def frames(axes):
    return sum(p.get_edgecolor() == to_rgba(RED) for p in axes.patches)


def test_matrix_marks_wrong_elements():
    truth = Topology.from_text(TREES[1]).lcag
    matrix = truth.copy()
    matrix[0, 1] = matrix[1, 0] = 5
    figure = plots.matrix_figure(matrix, truth)
    assert frames(figure.axes[0]) == 2
    assert frames(plots.matrix_figure(matrix).axes[0]) == 0
    shown = {tuple(int(v) for v in t.get_position()[::-1]): int(t.get_text()) for t in figure.axes[0].texts}
    assert shown == {(i, j): matrix[i, j] for i in range(4) for j in range(4) if i != j}


def test_gallery_orders_the_matrix_by_the_tree():
    tree = Topology.from_text(TREES[2])
    labels = [f"l{i}" for i in range(tree.n_leaves)]
    figure = plots.gallery(tree.lcag, tree.parent, tree.heights, tree.masses, labels, truth=tree.lcag)
    matrix, drawing = figure.axes
    names = [t.get_text() for t in matrix.get_xticklabels()]
    x = {t.get_text().split("\n")[0]: t.get_position()[0] for t in drawing.texts if "\n" in t.get_text()}
    assert names == sorted(x, key=x.__getitem__)
    for t in matrix.texts:
        j, i = map(int, t.get_position())
        assert int(t.get_text()) == tree.lcag[labels.index(names[i]), labels.index(names[j])]
    assert frames(matrix) == 0
    assert rendered(figure)
