"""What the base class of networks on graphs promises."""

from __future__ import annotations

import tempfile

import torch

from pphysml.nn.message_passing import MessagePassing


class Farthest(MessagePassing):
    """The largest difference of the senders from each node, twice."""

    def __init__(self):
        super().__init__(aggr="max")

    def message(self, x_i, x_j):
        return x_j - x_i

    def update(self, inputs):
        return 2 * inputs


def test_messages_go_from_row_0_to_row_1_and_none_is_zero(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    x = torch.tensor([[1.0], [4.0], [9.0]])
    edges = torch.tensor([[2, 1, 0], [0, 0, 1]])
    assert Farthest().propagate(edges, x=x).tolist() == [[16.0], [-6.0], [0.0]]
    assert not list(tmp_path.iterdir())
