"""Which calorimeter the hits lie in, where it stands, and along which axis the beam runs; with what makes that sure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .....errors import InputError
from .....io.ragged import Array, Columns, take
from ...geometries.geometry import Geometry, known_geometries, load_geometry
from ...geometries.volume_ids import layers_by_ids
from .axes import OPPOSITE, USUAL, turned_positions
from .calorimeter import Calorimeter
from .layers import TOLERANCE, Layers, learn_layers, learn_numbered, numbered_layers
from .placements import FEWEST_LAYERS, Placement, placements
from .seen import Seen, seen_layers

LEAST_INSIDE = 0.9
"""Share of the hits that must lie in the layers of what is taken."""

AGREEING = 0.95
"""Share of the hits whose numbers must be those of their layers."""

FALL_SHARE, FALL_ERRORS = 1.25, 5.0
"""Times as many hits, and by how many standard errors, as there must be in front where their number falls along the beam."""

DEAD_IN_FRONT = 3
"""Layers in front that may all be dead where nothing but distances speaks for a calorimeter."""

ALIKE = 0.005
"""Share of the hits by which one placement must explain more than another one to be better."""

DISTANCES, NUMBERS, IDS, HOME, FALL = ("the distances of its layers", "the layer numbers of the file", "volume ids", "absolute z", "the fall of the number of hits")


@dataclass(frozen=True)
class Sample:
    """Some hits by which a calorimeter is recognised.

    Attributes:
        positions: x, y and z in the file, mm, (H, 3).
        rows: columns of the same hits, of which `local_z`, `event` and the numbers of volumes are taken.
        number: layer of each hit as the file has it, (H,), or None.
        branch: what errors call z.
    """

    positions: Array
    rows: Columns
    number: Array | None = None
    branch: str = "z"

    def z(self, axis: str) -> Array:
        """Return the positions along a beam that runs along an axis."""
        return turned_positions(self.positions, axis)[:, 2]

    @property
    def particle(self) -> Array | None:
        """Number of the event of each hit, (H,), of which a layer may have many steps; None if that is not known."""
        return np.asarray(self.rows["event"]) if "event" in self.rows else None

    def seen(self, axis: str) -> tuple[Seen, Array | None]:
        """Return the layers that are seen, and the numbers that the file gives them.

        Raises:
            InputError: positions do not rise with the numbers.
        """
        if self.number is not None:
            number, seen = learn_numbered(self.number, self.z(axis))
            return seen, number
        # Positions inside a sensor are those of its own frame, however it stands.
        local = self.rows.get("local_z")
        return seen_layers(self.z(axis), None if local is None else np.asarray(local)), None

    def only(self, chosen: Array) -> Sample:
        """Return the hits of a mask."""
        return Sample(self.positions[chosen], take(self.rows, chosen), None if self.number is None else self.number[chosen], self.branch)


def recognise(sample: Sample, given: Geometry | None = None, stated: str | None = None) -> Calorimeter:
    """Return the calorimeter that some hits show.

    Args:
        given: the calorimeter, which stands where its description says.
        stated: axis along which the beam runs.

    Raises:
        InputError: hits lie in no calorimeter, not in the given one, or their number rises along the beam.
    """
    if given is not None:
        return _given(sample, given, stated)
    geometries = [load_geometry(name) for name in known_geometries()]
    axes = (USUAL, OPPOSITE) if stated is None else (stated,)
    try:
        found, reason = _recognised(sample, geometries, axes, stated)
        return found or _learnt(sample, stated, reason or _front_unknown(sample, geometries, axes, stated))
    except InputError as error:
        across = None if stated else _across(sample, geometries, error)
        if across is None:
            raise
        return across


def _given(sample: Sample, geometry: Geometry, stated: str | None) -> Calorimeter:
    axis, layers = stated or USUAL, Layers.of(geometry)
    if len(layers.front):
        sample = _behind(sample, layers, axis)
    z = sample.z(axis)
    number = layers.number(z) if sample.number is None else layers.checked(sample.number, z)
    inside = number >= 0
    if inside.mean() < LEAST_INSIDE:
        raise InputError(f"{_elsewhere(sample, geometry, stated, inside, layers)}: give another --geometry", branch=sample.branch)
    _refuse_rising(np.bincount(number[inside]), layers, stated, sample.branch)
    offset = float(np.median(z[inside] - layers.z[number[inside]]))
    return Calorimeter(layers.without_dead(z, sample.particle), axis, z, stated=stated is not None, given=True, shift=offset)


def _behind(sample: Sample, layers: Layers, axis: str) -> Sample:
    """Return the hits that are in no plane of the front tracker.

    Raises:
        InputError: there are none.
    """
    z = sample.z(axis)
    behind = layers.numbered(np.zeros(len(z), dtype=np.int16), z) == 0
    if not behind.any():
        raise InputError(f"all {len(z)} hits lie in the planes of the front tracker, and none behind the object", branch=sample.branch)
    return sample.only(behind)


def _elsewhere(sample: Sample, geometry: Geometry, stated: str | None, inside: Array, layers: Layers) -> str:
    """Return where hits lie that are not in the layers of the geometry."""
    pool = [p for axis in ((USUAL, OPPOSITE) if stated is None else (stated,)) for p in _pool(sample, [geometry], axis)]
    words = f"{1 - inside.mean():.0%} of {len(inside)} hits lie in none of the layers of the geometry {geometry.name!r}"
    if pool:
        best = max(pool, key=lambda p: (p.hits, -p.front))
        turn = "" if best.axis == (stated or USUAL) else f" of a beam along {best.axis} (--beam-axis {best.axis})"
        return f"{words}; they lie in them if these are shifted by {best.shift:.6g} mm along z{turn}"
    z = sample.z(stated or USUAL)
    in_front = _in_front(sample, layers.z[0] - layers.reach, stated or USUAL)
    if in_front and inside.any():
        return f"{words}: in front of these, some lie {in_front}"
    first = int(np.argmin(inside))
    nearest = int(layers.nearest(z[first]))
    return f"{words}, as z = {z[first]:.6g} mm; the nearest is layer {nearest} at {layers.z[nearest]:.6g} mm"


def _in_front(sample: Sample, begins: float, axis: str) -> str:
    """Return where layers of hits lie in front of a calorimeter, and what to do then; nothing if there is none.

    Args:
        begins: where the calorimeter does, mm.
    """
    z = sample.z(axis)
    if sample.number is not None or not (z < begins).any():
        return ""
    seen = seen_layers(z[z < begins])
    listed = ", ".join(f"{place:.6g}" for place in seen.z[seen.strong][:FEWEST_LAYERS])
    return f"at {listed} mm; sensors in front of the object are described in the geometry by front_tracker: {{layers: [{listed}]}}" if listed else ""


def _pool(sample: Sample, geometries: Sequence[Geometry], axis: str) -> list[Placement]:
    """Return the placements for a beam along an axis that explain nearly all hits."""
    try:
        seen, number = sample.seen(axis)
    except InputError:
        return []
    found = placements(seen, geometries, axis)
    if number is not None:
        found = [p for p in found if np.array_equal(p.layer, number)]
    return [p for p in found if p.explained >= LEAST_INSIDE]


def _recognised(sample: Sample, geometries: Sequence[Geometry], axes: Sequence[str], stated: str | None) -> tuple[Calorimeter | None, str]:
    """Return the known calorimeter that hits lie in; or None, and why it is not clear which."""
    pool = [p for axis in axes for p in _pool(sample, geometries, axis)]
    if not pool:
        return None, ""
    most = max(p.hits for p in pool)
    alike = [p for p in pool if p.hits > most - max(1.0, ALIKE * len(sample.positions))]
    ids = [p for p in alike if _ids_agree(sample, p)]
    best = [p for p in alike if p.front <= DEAD_IN_FRONT or p.at_home or p in ids]
    if not best:
        return None, ""
    numbered = sample.number is not None
    evidence = {DISTANCES: best if len(best) == 1 and not numbered else [], NUMBERS: best if numbered else [],
                IDS: ids, HOME: [p for p in best if p.at_home]}
    chosen = _all_of([places for places in evidence.values() if places], best)
    if len(chosen) > 1:
        evidence[FALL] = [p for p in chosen if _falls(sample, p.axis)]
        chosen = evidence[FALL] or chosen
    if len(chosen) != 1:
        return None, _undecided(chosen or best, evidence)
    found = chosen[0]
    layers = Layers.of(found.geometry, 0.0 if found.at_home else found.shift)
    z = sample.z(found.axis)
    _refuse_rising(found_hits(layers, z), layers, stated, sample.branch)
    return Calorimeter(layers.without_dead(z, sample.particle), found.axis, z, stated=stated is not None, placement=found,
                       evidence=tuple(name for name, places in evidence.items() if found in places)), ""


def _front_unknown(sample: Sample, geometries: Sequence[Geometry], axes: Sequence[str], stated: str | None) -> str:
    """Return that a known calorimeter lies behind hits that its geometry says nothing of; nothing if none does."""
    for axis in axes:
        z = sample.z(axis)
        seen = seen_layers(z)
        widest = int(np.argmax(np.diff(seen.z, append=seen.z[-1])))
        behind = sample.only(z > seen.z[widest] + seen.spread[widest] / 2 + TOLERANCE)
        found = _recognised(behind, geometries, (axis,), stated)[0] if len(behind.positions) else None
        if found is not None and found.layers.geometry is not None and sample.number is None:
            where = _in_front(sample, found.layers.z[0] - found.layers.reach, axis)
            name = found.layers.geometry.name
            return f"the calorimeter is {name}, but its geometry knows none of the hits in front of it {where} (in a copy of {name}.yaml, given with --geometry); else they are the first layers, and materials are not taken"
    return ""


def _all_of(parts: Sequence[list[Placement]], every: list[Placement]) -> list[Placement]:
    """Return the placements that are in all parts."""
    return [p for p in every if all(p in part for part in parts)]


def _ids_agree(sample: Sample, placement: Placement) -> bool:
    """Return whether the volume ids, numbered in one of the geometry's ways, are those of the layers."""
    layer = Layers.of(placement.geometry, placement.shift).number(sample.z(placement.axis))
    inside = layer >= 0
    for rules in placement.geometry.volume_ids:
        number = layers_by_ids({**sample.rows, "z": layer}, rules)
        if number is not None and (number[inside] == layer[inside]).mean() >= AGREEING and len(np.unique(number[inside])) >= FEWEST_LAYERS:
            return True
    return False


def _falls(sample: Sample, axis: str) -> bool:
    return _fall(sample.seen(axis)[0].hits) > 0


def _fall(hits: Array) -> int:
    """Return 1 where the numbers of hits of layers clearly fall from the first to the last third of them, -1 where they rise, else 0."""
    third = len(hits) // 3
    front, back = float(hits[:third].sum()), float(hits[len(hits) - third :].sum())
    if max(front, back) < FALL_SHARE * min(front, back) or abs(front - back) < FALL_ERRORS * np.sqrt(front + back + 1):
        return 0
    return 1 if front > back else -1


def found_hits(layers: Layers, z: Array) -> Array:
    """Return the number of hits of each layer, (L,)."""
    number = layers.number(z)
    return np.bincount(number[number >= 0], minlength=len(layers.z))


def _refuse_rising(hits: Array, layers: Layers, stated: str | None, branch: str) -> None:
    """Refuse layers whose hits become more along the beam, as they do along no beam of protons."""
    full = np.flatnonzero(hits)
    if stated is None and len(full) and _fall(hits[full]) < 0:
        raise InputError(f"layers have {hits[full[0]]} hits at {layers.z[full[0]]:.6g} mm and more and more towards {layers.z[full[-1]]:.6g} mm, "
                         "as if the beam ran the other way; state its direction with --beam-axis (as -z)", branch=branch)


def _undecided(best: Sequence[Placement], evidence: dict[str, list[Placement]]) -> str:
    """Return why it is not clear which of some placements is right."""
    names = " or ".join(sorted({p.geometry.name for p in best}))
    against = [name for name in (IDS, HOME) if evidence[name]]
    said = (f"{' and '.join(against)} contradict each other" if len(against) > 1 else "neither their distances nor absolute z nor volume ids say which")
    fronts = sorted({f"layer {p.front} first, shifted by {p.shift:.4g} mm{'' if p.axis == USUAL else f' of a beam along {p.axis}'}" for p in best})
    listed = "; ".join(fronts[:3]) + ("; ..." if len(fronts) > 3 else "")
    return (f"the layers fit {names} in {len(best)} ways ({listed}), and {said}; layers are numbered from the first one with hits, and materials are "
            "not taken: give the calorimeter as it stands with --geometry")


def _learnt(sample: Sample, stated: str | None, reason: str) -> Calorimeter:
    """Return layers of which no materials are known."""
    axis = stated or USUAL
    seen, number = sample.seen(axis)
    layers = learn_layers(seen, sample.branch) if number is None else numbered_layers(number, seen)
    z = sample.z(axis)
    inside = float((layers.number(z) >= 0).mean())
    if inside < LEAST_INSIDE:
        raise InputError(f"{1 - inside:.0%} of {len(z)} hits lie between the layers that the others show; describe the calorimeter with --geometry", branch=sample.branch)
    _refuse_rising(found_hits(layers, z), layers, stated, sample.branch)
    return Calorimeter(layers.without_dead(z, sample.particle), axis, z, stated=stated is not None, reason=reason)


def _across(sample: Sample, geometries: Sequence[Geometry], error: InputError) -> Calorimeter | None:
    """Return the calorimeter that is recognised along x or y.

    Raises:
        InputError: there are layers along x or y, but not of a calorimeter that is known.
    """
    found, _ = _recognised(sample, geometries, ("+x", "-x", "+y", "-y"), None)
    if found is not None:
        return found
    for axis in _layered(sample):
        raise InputError(f"hits lie in layers along {axis[1]}, not along z: state the direction of the beam with --beam-axis (as {axis})", branch=sample.branch) from error
    return None


def _layered(sample: Sample) -> Iterator[str]:
    """Yield the axes, with the sign of the beam as the hits become fewer, along which there are layers."""
    for axis in ("+x", "+y"):
        seen = seen_layers(sample.z(axis))
        try:
            layers = learn_layers(seen)
        except InputError:
            continue
        if sample.number is None and (layers.number(sample.z(axis)) >= 0).mean() >= LEAST_INSIDE and len(seen.z) > FEWEST_LAYERS:
            yield axis if _fall(seen.hits) >= 0 else axis.replace("+", "-")
