"""The calorimeter that is taken for an input, in words: which one, how sure that is, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .....io.ragged import Array
from .axes import TURNS, USUAL
from .layers import Layers
from .placements import AT_HOME, Placement


@dataclass(frozen=True)
class Calorimeter:
    """What is taken for an input.

    Attributes:
        layers: in the frame of the beam.
        axis: along which the beam runs in the file.
        z: positions of the hits by which it was recognised, along the beam, mm.
        stated: whether the user has stated the axis.
        given: whether the user has given the geometry.
        placement: of a known geometry that was recognised.
        evidence: what makes that sure.
        reason: why no known geometry was taken, if some fit.
        shift: of hits against the layers of a given geometry, mm.
    """

    layers: Layers
    axis: str
    z: Array
    stated: bool = False
    given: bool = False
    placement: Placement | None = None
    evidence: tuple[str, ...] = ()
    reason: str = ""
    shift: float = 0.0

    def facts(self) -> dict[str, Any]:
        """Return what was taken, for a person."""
        turn = "" if self.axis == USUAL else f"; positions are given in the frame of the beam, {_turn(self.axis)}"
        return {"calorimeter": self._named() + self.layers.dead_text, "beam_axis": f"{self.axis}{', as stated' if self.stated else ''}{turn}",
                **self.layers.front_facts}

    def warnings(self) -> Iterator[str]:
        """Yield what a person should see at once."""
        name = "" if self.layers.geometry is None else self.layers.geometry.name
        if self.reason:
            yield self.reason
        if not self.stated and self.axis != USUAL:
            yield f"the layers are those of {name} for a beam along {self.axis}, which is taken; positions are given in the frame of the beam, {_turn(self.axis)}"
        if abs(self._shift) > AT_HOME:
            where = "hits lie" if self.given else f"{name} stands"
            yield f"{where} {abs(self._shift):.4g} mm {'behind' if self._shift > 0 else 'in front of'} the positions that the geometry gives"

    @property
    def _shift(self) -> float:
        return self.shift if self.placement is None else self.placement.shift

    def _named(self) -> str:
        name = "" if self.layers.geometry is None else self.layers.geometry.name
        inside = float((self.layers.number(self.z) >= 0).mean())
        if self.placement is not None:
            covered = self.placement.covered
            at = "" if self.placement.at_home else f", shifted by {self.placement.shift:.4g} mm"
            return (f"{name}{at}, recognised by {_listed(self.evidence)} with a score of {inside * covered:.2f} "
                    f"({inside:.1%} of the hits in its layers, {covered:.0%} of the layers with hits)")
        share = f"{inside:.1%} of the hits in its layers"
        return f"{name}, as given ({share})" if self.given else f"layers learnt from the hits, of materials that are not known ({share})"


def _listed(words: Sequence[str]) -> str:
    """Return words as a sentence lists them."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _turn(axis: str) -> str:
    """Return a rotation in words, as (x, y, z) -> (-x, y, -z)."""
    parts = [f"{'-' if sign < 0 else ''}{'xyz'[source]}" for source, sign in TURNS[axis]]
    return f"(x, y, z) -> ({', '.join(parts)})"
