"""What the base class of networks on graphs promises."""

from __future__ import annotations

import tempfile

import pytest
import torch

from pphysml.nn.message_passing import Maximum, MessagePassing


class Farthest(MessagePassing):
    """The largest difference of the senders from each node, twice."""

    def __init__(self, aggr):
        super().__init__(aggr=aggr)

    def message(self, x_i, x_j):
        return x_j - x_i

    def update(self, inputs):
        return 2 * inputs


@pytest.mark.parametrize("aggr", ["max", Maximum()])
def test_messages_go_from_row_0_to_row_1_and_none_is_zero(tmp_path, monkeypatch, aggr):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    x = torch.tensor([[1.0], [4.0], [9.0]])
    edges = torch.tensor([[2, 1, 0], [0, 0, 1]])
    assert Farthest(aggr).propagate(edges, x=x).tolist() == [[16.0], [-6.0], [0.0]]
    assert not list(tmp_path.iterdir())


def test_the_maximum_is_that_of_the_library_with_its_gradient():
    # From nodes of which many are equal, so that the gradient is shared, to nodes that are smaller.
    random = torch.Generator().manual_seed(0)
    edges = torch.stack([torch.randint(0, 20, (200,), generator=random), torch.randint(20, 40, (200,), generator=random)])
    values = torch.cat([torch.arange(20).remainder(4) + 1.0, torch.full((20,), 0.5)])[:, None].repeat(1, 3)
    found = []
    for aggr in ("max", Maximum()):
        x = values.clone().requires_grad_()
        largest = Farthest(aggr).propagate(edges, x=x)
        (largest * torch.arange(120.0).view(40, 3)).sum().backward()
        found.append((largest, x.grad))
    assert torch.equal(found[0][0], found[1][0]) and torch.allclose(found[0][1], found[1][1])
    assert len(found[0][1][:20].unique()) > 5
