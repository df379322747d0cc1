"""Crystals and electronics of the second, independent simulation, and its files; see petnet_toy_scanners.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import uproot
from petnet_toy_photons import (
    Array,
    Photons,
    compton_cosine,
    decay_places,
    decay_times,
    displacement,
    emitted,
    through_water,
)
from petnet_toy_settings import Detector, Setting

LIGHT = 299.792458
"""mm/ns"""

THRESHOLD = 0.3
"""Energy of the singles that are written, MeV."""

AT_A_TIME = 250_000
"""Decays."""

LUTETIUM_MEAN, LUTETIUM_WIDTH = 0.42, 0.14
"""Energy that a crystal's own beta decay leaves with its gammas, crudely normal, MeV."""

AXES = {"x": (2, 0, 1), "y": (1, 2, 0), "z": (0, 1, 2)}
"""Coordinates of the scanner that become x, y and z."""


@dataclass
class Singles:
    """Singles in order of time; each attribute but `place` (n, 3) has one value for each.

    Attributes:
        tick: time in steps of the clock, int64; `begin`: time of the file's start since that of the measurement, s.
        place: of the crystal in the frame of the scanner, mm; `source`: of the decay, too.
        energy: MeV; `decay`: its number, which is the event; `scatters`: in water.
        sector, module, crystal: numbers; `file`: 0 or 1; `run`: 0 or 1.
    """

    tick: Array
    place: Array
    source: Array
    energy: Array
    decay: Array
    scatters: Array
    sector: Array
    module: Array
    crystal: Array
    file: Array
    run: Array
    begin: Array

    def take(self, rows: Array) -> Singles:
        return Singles(**{name: values[rows] for name, values in vars(self).items()})

    def __len__(self) -> int:
        return len(self.tick)


@dataclass
class Hits:
    """Photons that crystals absorb: rows of the photons, path there, and the crystals."""

    rows: Array
    path: Array
    column: Array
    ring: Array
    panel: Array


def simulate(setting: Setting, seed: int) -> Singles:
    """Return the singles of a measurement."""
    rng = np.random.default_rng([seed, 180_018])
    time = decay_times(setting, rng)
    own = np.sort(rng.random(rng.poisson(setting.detector.lutetium * setting.seconds))) * setting.seconds
    # Events are numbered in order of time, whatever decays.
    number = np.argsort(np.argsort(np.concatenate([time, own]), kind="stable"), kind="stable")
    blocks = [*measured_blocks(setting, time, rng), own_radioactivity(setting, own, len(time), rng)]
    joined = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    joined["decay"] = number[joined["decay"]]
    return digitised(setting, joined, rng)


def measured_blocks(setting: Setting, time: Array, rng: np.random.Generator) -> Iterator[dict[str, Array]]:
    for start in range(0, len(time), AT_A_TIME):
        part = time[start : start + AT_A_TIME]
        place, shift = decay_places(setting.sources, len(part), rng), displacement(setting, part)
        photons = through_water(emitted(place, np.arange(len(part)), rng), setting.water, rng)
        photons.place += shift[photons.decay]
        hits = absorbed(photons, setting.detector, rng)
        seen = photons.take(hits.rows)
        yield {"time": part[seen.decay] + (seen.path + hits.path) / LIGHT * 1e-9, "energy": deposited(seen.energy, setting.detector, rng),
               "source": (place + shift)[seen.decay], "decay": start + seen.decay, "scatters": seen.scatters,
               "column": hits.column, "ring": hits.ring, "panel": hits.panel, "late": part[seen.decay] > setting.seconds / 2}


def columns_of(detector: Detector) -> int:
    """Return the number of crystals around a ring or across a panel."""
    n = 2 * np.pi * detector.radius / detector.pitch if not detector.panels else detector.width / detector.pitch
    return detector.module * max(1, round(n / detector.module))


def rings_of(detector: Detector) -> int:
    return detector.module * max(1, round(detector.length / detector.pitch / detector.module))


def absorbed(photons: Photons, detector: Detector, rng: np.random.Generator) -> Hits:
    """Return where photons leave energy: nowhere if they pass beside the crystals, between or through them."""
    deep = rng.exponential(1 / detector.attenuation, len(photons))
    around, panel, path, height = (on_panels if detector.panels else on_ring)(photons, detector, deep)
    n_columns, n_rings = columns_of(detector), rings_of(detector)
    column, ring = around * n_columns, (height / detector.length + 0.5) * n_rings
    inside = np.isfinite(path) & (column >= 0) & (column < n_columns) & (ring >= 0) & (ring < n_rings)
    if detector.gap:
        edge = detector.gap / 2
        inside &= np.all([np.abs(place / detector.module % 1 - 0.5) < 0.5 - edge for place in (column, ring)], axis=0)
    rows = np.flatnonzero(inside)
    return Hits(rows, path[rows], column[rows].astype(np.int32), ring[rows].astype(np.int32), panel[rows])


def on_ring(photons: Photons, detector: Detector, deep: Array) -> tuple[Array, Array, Array, Array]:
    """Return the place around the ring (0 to 1), panel 0, the path (infinite where none is hit), and z."""
    x, y, z = photons.place.T
    u, v, w = photons.direction.T
    a, b, c = u**2 + v**2 + 1e-12, x * u + y * v, x**2 + y**2 - detector.radius**2
    front = (-b + np.sqrt(np.maximum(b**2 - a * c, 0))) / a
    path = front + deep
    at_x, at_y, at_z = x + path * u, y + path * v, z + path * w
    hit = (np.hypot(at_x, at_y) < detector.radius + detector.thickness) & (np.abs(z + front * w) < detector.length / 2) & (c < 0)
    return np.arctan2(at_y, at_x) / (2 * np.pi) % 1.0, np.zeros(len(photons), np.int32), np.where(hit, path, np.inf), at_z


def on_panels(photons: Photons, detector: Detector, deep: Array) -> tuple[Array, Array, Array, Array]:
    """Return the place across the panel (0 to 1), its number, the path (infinite where none is hit), and z."""
    n = len(photons)
    across, panel, best, height = np.zeros(n), np.zeros(n, np.int32), np.full(n, np.inf), np.zeros(n)
    for k in range(detector.panels):
        normal, tangent = panel_frame(k, detector.panels)
        toward = photons.direction @ normal
        front = (detector.radius - photons.place @ normal) / np.where(toward > 1e-6, toward, np.inf)
        path = front + deep
        at = photons.place + path[:, None] * photons.direction
        entry = photons.place + front[:, None] * photons.direction
        hit = (toward > 1e-6) & (at @ normal < detector.radius + detector.thickness)
        hit &= (np.abs(entry @ tangent) < detector.width / 2) & (np.abs(entry[:, 2]) < detector.length / 2) & (path < best)
        across[hit], panel[hit] = (at @ tangent)[hit] / detector.width + 0.5, k
        best[hit], height[hit] = path[hit], at[hit, 2]
    return across, panel, best, height


def panel_frame(k: int, panels: int) -> tuple[Array, Array]:
    """Return the directions out of a panel's back and along it."""
    angle = 2 * np.pi * k / panels
    return np.array([np.cos(angle), np.sin(angle), 0.0]), np.array([-np.sin(angle), np.cos(angle), 0.0])


def crystal_places(detector: Detector, column: Array, ring: Array, panel: Array) -> Array:
    """Return the middle of crystals in the frame of the scanner, mm, (n, 3)."""
    share, z = (column + 0.5) / columns_of(detector), ((ring + 0.5) / rings_of(detector) - 0.5) * detector.length
    depth = detector.radius + detector.thickness / 2
    if not detector.panels:
        return np.column_stack([depth * np.cos(2 * np.pi * share), depth * np.sin(2 * np.pi * share), z])
    frames = [panel_frame(k, detector.panels) for k in range(detector.panels)]
    normal, tangent = (np.array(directions)[panel] for directions in zip(*frames, strict=True))
    return normal * depth + tangent * ((share - 0.5) * detector.width)[:, None] + np.column_stack([0 * z, 0 * z, z])


def deposited(energy: Array, detector: Detector, rng: np.random.Generator) -> Array:
    """Return measured energies: the whole one, or what one Compton scatter leaves; blurred."""
    kept = energy / (1 + energy / 0.511 * (1 - compton_cosine(energy, rng)))
    left = np.where(rng.random(len(energy)) < detector.full, energy, energy - kept)
    return left + rng.normal(size=len(energy)) * detector.energy_resolution / 2.355 * np.sqrt(0.511 * left)


def own_radioactivity(setting: Setting, time: Array, first_event: int, rng: np.random.Generator) -> dict[str, Array]:
    """Return singles of the crystals' own decays at some times, each an event."""
    detector, n = setting.detector, len(time)
    energy = rng.normal(LUTETIUM_MEAN, LUTETIUM_WIDTH, n)
    column, ring, panel = (rng.integers(0, most, n).astype(np.int32) for most in (columns_of(detector), rings_of(detector), max(1, detector.panels)))
    return {"time": time, "energy": energy, "source": crystal_places(detector, column, ring, panel), "decay": first_event + np.arange(n),
            "scatters": np.zeros(n, np.int32), "column": column, "ring": ring, "panel": panel, "late": time > setting.seconds / 2}


def digitised(setting: Setting, hits: dict[str, Array], rng: np.random.Generator) -> Singles:
    """Return singles with measured times in order, above the threshold, outside dead times."""
    detector = setting.detector
    hits = {name: values[hits["energy"] > THRESHOLD] for name, values in hits.items()}
    n = len(hits["time"])
    file = hits["late"].astype(np.int32) * (setting.beds == "files")
    begin = file * setting.seconds / 2
    # Away from zero, so that no measured time is negative.
    measured = hits["time"] - begin + rng.normal(0, detector.time_fwhm * 1e-12 / 2.355 / np.sqrt(2), n) + 1e-8
    tick = np.floor(measured / (detector.clock * 1e-12)).astype(np.int64)
    column, ring, panel = hits["column"], hits["ring"], hits["panel"]
    sector = panel if detector.panels else column // detector.module
    module = ring // detector.module + (column // detector.module * rings_of(detector) if detector.panels else 0)
    singles = Singles(tick, crystal_places(detector, column, ring, panel), hits["source"], hits["energy"], hits["decay"], hits["scatters"],
                      sector.astype(np.int32), module.astype(np.int32),
                      (column % detector.module + detector.module * (ring % detector.module)).astype(np.int32),
                      file, hits["late"].astype(np.int32) * (setting.beds != ""), begin)
    # The order inside a tick is by chance, as no file knows it.
    singles = singles.take(np.lexsort((rng.random(n), tick, file)))
    return singles.take(alive(singles, detector)) if detector.dead_time else singles


def alive(singles: Singles, detector: Detector) -> Array:
    """Return which singles are later than the dead time of their module after the one before."""
    order = np.lexsort((np.arange(len(singles)), singles.module, singles.sector, singles.file))
    same = np.all([np.diff(values[order]) == 0 for values in (singles.file, singles.sector, singles.module)], axis=0)
    near = np.diff(singles.tick[order]) * detector.clock < detector.dead_time * 1000
    result = np.ones(len(singles), bool)
    result[order[1:]] = ~(same & near)
    return result


def write(setting: Setting, singles: Singles, folder: Path) -> list[Path]:
    """Write GATE 9's trees of singles, one file or two, and return the paths."""
    paths = []
    for k in range(int(singles.file.max(initial=0)) + 1):
        part = singles.take(singles.file == k)
        place, source = (values[:, AXES[setting.detector.axis]] + np.array(setting.detector.centre) for values in (part.place, part.source))
        paths.append(folder / f"singles{k}.root")
        with uproot.recreate(paths[-1]) as file:
            file["Singles"] = {
                "runID": part.run, "eventID": part.decay.astype(np.int32), "sourceID": np.zeros(len(part), np.int32),
                **{f"sourcePos{axis}": source[:, i].astype(np.float32) for i, axis in enumerate("XYZ")},
                "time": part.tick * (setting.detector.clock * 1e-12), "energy": part.energy.astype(np.float32),
                **{f"globalPos{axis}": place[:, i].astype(np.float32) for i, axis in enumerate("XYZ")},
                "rsectorID": part.sector, "moduleID": part.module, "crystalID": part.crystal, "comptonPhantom": part.scatters.astype(np.int32),
            }
    return paths
