"""What is said of jets without constituents, and of those with more than are taken."""

from __future__ import annotations


def sentences(without: int, cut: int, jets: int, most: int) -> list[str]:
    """Return what is to be known of jets, sentences without full stops.

    Args:
        without: jets without constituents; `cut`: jets with more than `most`; of `jets` in all.
    """
    found = [f"{without} of {jets} jets have no constituents, and the scores of a jet of which nothing is known"] if without else []
    more = f"{cut} of {jets} jets have more than {most} constituents, of which those with the largest transverse momenta are taken; see model.most_particles"
    return found + ([more] if cut else [])
