"""The links of the decoder against all assignments of a small frame, with scores that no network made."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from pphysml.config import build
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.models.link_assignment import link_probabilities
from pphysml.tasks.track.models.losses import assignment_term
from pphysml.tasks.track.models.network_links import assigned
from pphysml.tasks.track.models.scores import LinkScores

SIDE = 3
"""Hits of each of the two layers."""

DEEP, SHALLOW = (torch.tensor(side) for side in zip(*itertools.product(range(SIDE, 2 * SIDE), range(SIDE)), strict=True))


class Given(nn.Module):
    """A network whose scores are given."""

    def __init__(self, scores: LinkScores) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))
        self.scores = scores

    def forward(self, batch):
        return self.scores


def configuration(name="relay", **model):
    return build(TrackConfig, {"model": {"name": name, **model}}, "the test")


def batch_of():
    return {"deep": DEEP, "shallow": SHALLOW, "x": torch.zeros(2 * SIDE, 3), "layer": torch.arange(2 * SIDE) // SIDE,
            "frame": torch.zeros(2 * SIDE, dtype=torch.int64)}


def drawn(seed):
    """Scores of links that gain about as often as not."""
    rng = np.random.default_rng(seed)
    link, start, end = (torch.from_numpy(rng.normal(0, 1.5, n)) for n in (SIDE**2, 2 * SIDE, 2 * SIDE))
    return LinkScores(link, start, end)


def total(scores, previous):
    """The sum of what every hit of either layer chooses, by its definition."""
    by_pair = {(int(d), int(s)): float(e) for d, s, e in zip(DEEP, SHALLOW, scores.link, strict=True)}
    deep_choices = sum(by_pair[d, s] if s >= 0 else float(scores.start[d]) for d, s in previous.items())
    following = {s: d for d, s in previous.items()}
    return deep_choices + sum(by_pair[following[s], s] if s in following else float(scores.end[s]) for s in range(SIDE))


def every_assignment():
    for choice in itertools.product(range(-1, SIDE), repeat=SIDE):
        used = [s for s in choice if s >= 0]
        if len(set(used)) == len(used):
            yield dict(zip(range(SIDE, 2 * SIDE), choice, strict=True))


@pytest.mark.parametrize("seed", range(12))
def test_the_links_are_those_of_the_best_of_all_choices_of_all_hits(seed):
    scores = drawn(seed)
    best = max(every_assignment(), key=lambda previous: total(scores, previous))
    found = assigned(Given(scores), batch_of(), configuration()).previous
    assert {d: int(found[d]) for d in best} == best
    assert (found[:SIDE] == -1).all()


@pytest.mark.parametrize(("score", "is_taken"), [(0.51, True), (0.49, False)])
def test_a_link_is_worth_two_hits_without(score, is_taken):
    """Taken where 2 s is more than both scores of no link, here 0.7 and 0.3."""
    scores = LinkScores(torch.tensor([score]), torch.tensor([0.0, 0.7]), torch.tensor([0.3, 0.0]))
    batch = {**batch_of(), "deep": torch.tensor([1]), "shallow": torch.tensor([0]), "x": torch.zeros(2, 3)}
    assert assigned(Given(scores), batch, configuration()).previous.tolist() == [-1, 0 if is_taken else -1]


def test_the_probability_of_a_link_is_the_geometric_mean_of_its_two_sides():
    scores = drawn(20)
    link, start, end = (np.exp(value.numpy()) for value in scores[:3])
    of_deep = [link[k] / (start[d] + link[d == DEEP].sum()) for k, d in enumerate(DEEP)]
    of_shallow = [link[k] / (end[s] + link[s == SHALLOW].sum()) for k, s in enumerate(SHALLOW)]
    np.testing.assert_allclose(link_probabilities(scores, batch_of()).numpy(), np.sqrt(np.multiply(of_deep, of_shallow)))


@pytest.mark.parametrize(("name", "sides"), [("relay", 2), ("own", 1)])
def test_the_loss_through_the_assignment_counts_a_link_as_the_decoder_does(name, sides):
    """With `none` it is the cross entropy of the gains, per hit; its weight stands beside it."""
    scores, truth = drawn(21), torch.zeros(SIDE**2, dtype=torch.bool)
    truth[[0, 4]] = True
    options = configuration(relaxation_weight=0.7).model.model_copy(update={"name": name})
    term = assignment_term(scores, {**batch_of(), "truth": truth}, options)
    gain = sides * scores.link - scores.start[DEEP] - scores.end[SHALLOW]
    expected = softplus(torch.where(truth, -gain, gain)).sum() / (2 * SIDE)
    assert float(term.total / term.count) == pytest.approx(float(expected))
    assert term.weight == 0.7
