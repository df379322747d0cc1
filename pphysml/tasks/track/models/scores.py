"""What a network says of links, before any is chosen."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ....contract import Batch


class LinkScores(NamedTuple):
    """What a network says of E links and H hits; a set of links has the sum of what it uses.

    Attributes:
        link: score of each link, (E,).
        start, end: score of a hit that has no link towards the beam, away from it, (H,).
        early: score of each link before any message, by which hopeless ones were left out, (E,); None if none are.
    """

    link: Tensor
    start: Tensor
    end: Tensor
    early: Tensor | None = None


def score(model: nn.Module, batch: Batch) -> LinkScores:
    """Return a network's scores; those published score links alone: hits without are at 0."""
    found: LinkScores | Tensor = model(batch)
    if isinstance(found, LinkScores):
        return found
    free = torch.zeros(len(batch["x"]), dtype=found.dtype, device=found.device)
    return LinkScores(found, free, free)
