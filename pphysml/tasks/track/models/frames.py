"""A batch taken apart into its frames."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ....contract import Batch

HITS = ("x", "y", "z", "edep", "cluster_size", "spot_x", "spot_y")


def by_frame(batch: Batch) -> Iterator[Batch]:
    """Return a batch for each frame with links, of what the published networks take.

    Hits, links and triplets of a frame follow one another.
    """
    frame = batch["frame"]
    of_link = frame[batch["deep"]]
    of_triplet = of_link[batch["edge_in"]] if "edge_in" in batch else None
    for number in torch.unique(of_link):
        hit, link = _members(frame == number), _members(of_link == number)
        part = {name: batch[name][hit] for name in HITS if name in batch}
        part |= {name: batch[name][link] - hit.start for name in ("deep", "shallow")}
        if of_triplet is not None:
            triplet = _members(of_triplet == number)
            part |= {name: batch[name][triplet] - link.start for name in ("edge_in", "edge_out")}
            part["theta"] = batch["theta"][triplet]
        yield part


def _members(is_member: Tensor) -> slice:
    count = int(is_member.sum())
    first = int(is_member.byte().argmax()) if count else 0
    return slice(first, first + count)
