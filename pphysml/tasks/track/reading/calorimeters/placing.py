"""The layers that the hits of an input are put into, once it is known which these are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .....errors import FileName
from .....io.ragged import Array, Columns
from ...geometries.geometry import Geometry
from .axes import USUAL
from .calorimeter import Calorimeter
from .foreign import ForeignHits
from .layers import Layers
from .recognition import Sample, recognise
from .search import Search


@dataclass(frozen=True)
class Described:
    """What is known of the calorimeter before any hit is seen.

    Attributes:
        geometry: given by the user; it stands where it says.
        axis: along which the beam runs in the file, as the user states.
        simulated: whether the hits are made with this geometry, so that nothing is to be recognised.
    """

    geometry: Geometry | None = None
    axis: str | None = None
    simulated: bool = False


class Placing:
    """Recognises the calorimeter by the first hits that show one, and numbers all hits.

    Args:
        branch: the column of their positions along the beam.
    """

    def __init__(self, described: Described, branch: str) -> None:
        self.described = described
        self.calorimeter: Calorimeter | None = None
        geometry = described.geometry
        self.layers = Layers.of(geometry) if geometry is not None and described.simulated else None
        self._search = Search()
        self._foreign = ForeignHits(branch, "that the hits show" if geometry is None else f"of the geometry {geometry.name!r}")

    @property
    def axis(self) -> str:
        """Along which the beam runs in the file."""
        return self.described.axis or USUAL if self.calorimeter is None else self.calorimeter.axis

    def waits(self, hits: int) -> bool:
        """Return whether more hits than so many are needed to recognise the calorimeter."""
        return self.layers is None and hits < self._search.wanted

    def look(self, hits: int, last: bool, sample: Callable[[int, int], Sample]) -> None:
        """Recognise the calorimeter, if it is not known.

        Args:
            hits: how many there are so far.
            last: whether none follow.
            sample: gives the hits first:stop.

        Raises:
            InputError: they show none.
        """
        if self.layers is None:
            self.calorimeter = self._search.look(hits, last, lambda first, stop: recognise(
                sample(first, stop), self.described.geometry, self.described.axis))
            self.layers = None if self.calorimeter is None else self.calorimeter.layers

    def trust(self, number: Array) -> None:
        """Take the given geometry where hits have no position along the beam; the numbers of their layers show which are dead."""
        assert self.described.geometry is not None
        self.layers = Layers.of(self.described.geometry).without_dead_of(number[: self._search.wanted])

    def count(self, outside: Array, values: Array, rows: Columns, row: Array | None = None, where: str = "z = {:.6g} mm") -> None:
        """Take which hits lie in no layer; see `ForeignHits.see`."""
        begins = self.layers.z[0] if self.layers is not None and where.startswith("z") else -np.inf
        self._foreign.see(outside, values, rows, row, where, begins)

    def end(self) -> None:
        """Judge all hits.

        Raises:
            InputError: too many lie in no layer.
        """
        self._foreign.end()

    def facts(self) -> dict[str, Any]:
        """Return which calorimeter was taken, how sure that is, and how many hits lie in none of its layers."""
        if self.layers is None:
            return {}
        return {**(self.layers if self.calorimeter is None else self.calorimeter).facts(), **self._foreign.facts()}

    def warnings(self, named: FileName) -> Iterator[str]:
        """Yield what a person should see at once."""
        if self.calorimeter is not None:
            yield from self.calorimeter.warnings()
        yield from self._foreign.warnings(named)
