"""Simulated particles behind a phantom, in blocks and frames that depend on (seed, index) only."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator, SeedSequence, default_rng

from ....contract import Simulation
from ....errors import ConfigError
from ....io.ragged import Array, Columns, concatenate, take
from ....physics.range_energy import HELIUM_MASS_RATIO, particle_range
from ..config import TrackConfig
from ..config.simulation import SimulationConfig
from ..geometries.geometry import Geometry, load_geometry
from .drawn_geometry import drawn_geometry, refuse_impossible_ranges
from .less_known import with_counted_pixels, without_front, without_materials
from .particle_kernel import Beam
from .rows_kernel import (
    ROW_EDEP,
    ROW_EVENT,
    ROW_LAYER,
    ROW_LOCAL_Z,
    ROW_PARENT,
    ROW_PDG,
    ROW_TRACK,
    ROW_X,
    ROW_Y,
)
from .sensors import sensors_of
from .simulated_frames import simulated_frames
from .simulation_kernel import run_beam
from .slabs import slabs_of

INTERVAL = 2e-4
"""Time between two particles of the beam, s."""

TRACKERS = 2
"""Layers in front that GATE 9.2 numbers as trackers, apart from those of the calorimeter."""

FRONT_VOLUME = 2
"""Number of the volume of a front tracker, beside those of the trackers and of the calorimeter."""

NOISE_LOSS = 0.5
"""Median energy loss that a noise hit looks like, keV/um; lognormal of width 0.7."""


class TrackSimulation(Simulation):
    """Endless particles of one beam spot, through a phantom into a calorimeter.

    Particles, noise and what sensors miss have random numbers of their own: with the same seed, data
    with and without noise hold the same particles.

    Args:
        geometry: in the place of the one that the configuration names.

    Raises:
        ConfigError: the ranges of drawn calorimeters have none, the geometry has no materials, or the beam does not leave the thickest phantom.
    """

    def __init__(self, config: TrackConfig | SimulationConfig, seed: int, geometry: Geometry | None = None) -> None:
        self.config = config if isinstance(config, TrackConfig) else TrackConfig(simulation=config)
        self.options = self.config.simulation
        self.seed = seed
        self.geometry = geometry or load_geometry(self.options.geometry)
        front = self.geometry.front
        self.places = self.geometry.z if front is None else np.concatenate([self.geometry.z, front.z])
        self.phantoms = self.options.phantoms or [self.geometry.phantom.thickness]
        self.beam = _beam(self.geometry)
        _refuse_impossible(self.geometry, self.beam, max(self.phantoms))
        self.slabs = {phantom: slabs_of(self.geometry, phantom) for phantom in self.phantoms}
        if geometry is None and self.options.drawn_geometries.share > 0:
            refuse_impossible_ranges(self.options.drawn_geometries)
        self.others = [self._other(load_geometry(name), phantoms) for name, phantoms in self.options.further_geometries.items()]

    def block(self, index: int, n: int) -> Columns:
        """Return the rows of `n` particles of the beam as columns of the layout `gate-hits`.

        Event numbers are index * n + 0...n-1. With several phantoms, all particles of a block cross one
        of them, and blocks take turns.
        """
        phantom = self.phantoms[index % len(self.phantoms)]
        rows = self.rows(SeedSequence([self.seed, index]), n, phantom)
        event = index * n + np.asarray(rows["event"])
        return rows | {"event": event, "time": event * INTERVAL}

    def examples(self, index: int, n: int) -> Columns:
        """Return `n` frames, each behind a phantom of its own, with one of `data.protons_per_frame`.

        With further geometries, blocks take turns with them; a share of the blocks has drawn ones.
        """
        share = self.options.drawn_geometries.share
        drawn = int(share * (index + 1)) - int(share * index)
        if drawn:
            geometry, _ = drawn_geometry(self.seed, index, self.options.drawn_geometries)
            return self._other(geometry, []).frames(index, n)
        turn = (index - int(share * index)) % (1 + len(self.others))
        return (self.others[turn - 1] if turn else self).frames(index, n)

    def frames(self, index: int, n: int) -> Columns:
        """Return the frames of `examples` in this calorimeter, without hits in front, of which networks see none."""
        seed = SeedSequence([self.seed, index, 1])
        frames = without_front(simulated_frames(self.rows, self.geometry, self.config, self.phantoms, seed, n))
        if not frames:
            return frames
        number = index * n + np.arange(n, dtype=np.int64)
        return self._less_known(frames, index) | {"frame": number, "entry": number}

    def _less_known(self, frames: Columns, index: int) -> Columns:
        """Take from some blocks what a readout would not know."""
        hide, count = default_rng(SeedSequence([self.seed, index, 3])).random(2)
        if count < self.options.counted_pixels:
            frames = with_counted_pixels(frames)
        return without_materials(frames) if hide < self.options.hidden_materials else frames

    def _other(self, geometry: Geometry, phantoms: list[float]) -> TrackSimulation:
        options = self.options.model_copy(update={"phantoms": phantoms, "further_geometries": {}})
        return TrackSimulation(self.config.model_copy(update={"simulation": options}), self.seed, geometry)

    def rows(self, seed: SeedSequence, n: int, phantom: float) -> Columns:
        """Return the rows of n particles, with events from 0, behind `phantom` mm of water."""
        particles, detector, noise = map(default_rng, seed.spawn(3))
        values, stops = run_beam(particles, n, self.beam, self.slabs[phantom], sensors_of(self.geometry), self.options.inelastic)
        values = values[detector.random(len(values)) >= self.options.inefficiency]
        if self.options.resolution > 0:
            values[:, (ROW_X, ROW_Y)] += detector.normal(0, self.options.resolution, (len(values), 2))
        rows = self._columns(values, stops)
        rows = self._with_noise(rows, noise) if self.options.noise > 0 else rows
        return rows | {"phantom": np.full(len(rows["event"]), phantom, dtype=np.float32)}

    def _columns(self, values: Array, stops: Array) -> Columns:
        event, layer = values[:, ROW_EVENT].astype(np.int64), values[:, ROW_LAYER].astype(np.int32)
        in_front = layer - len(self.geometry.z)
        calorimeter = (layer >= TRACKERS) & (in_front < 0)
        return {
            "run": np.zeros(len(values), dtype=np.int64),
            "event": event,
            "x": values[:, ROW_X],
            "y": values[:, ROW_Y],
            "z": self.places[layer] + values[:, ROW_LOCAL_Z],
            "edep": values[:, ROW_EDEP],
            "time": event * INTERVAL,
            "local_z": values[:, ROW_LOCAL_Z],
            "spot_x": np.zeros(len(values)),
            "spot_y": np.zeros(len(values)),
            "beam_energy": np.full(len(values), self.beam.energy, dtype=np.float32),
            "beam_pdg": np.full(len(values), self.beam.pdg, dtype=np.int32),
            "base_id": np.where(in_front >= 0, FRONT_VOLUME, calorimeter).astype(np.int32),
            "level1_id": np.where(in_front >= 0, in_front, np.where(calorimeter, 0, layer)).astype(np.int32),
            "level2_id": np.where(calorimeter, layer - TRACKERS, -1).astype(np.int32),
            "track_id": values[:, ROW_TRACK].astype(np.int32),
            "parent_id": values[:, ROW_PARENT].astype(np.int32),
            "pdg": values[:, ROW_PDG].astype(np.int32),
            "stop_depth": stops[event].astype(np.float32),
        }

    def _with_noise(self, rows: Columns, rng: Generator) -> Columns:
        """Add noise hits, of track 0, to the events that have hits, behind the rows of each."""
        events = np.unique(np.asarray(rows["event"]))
        layers = len(self.places)
        counts = rng.poisson(self.options.noise / 100 * layers, len(events))
        total, sensor = int(counts.sum()), self.geometry.sensor
        values = np.zeros((total, 9))
        values[:, ROW_EVENT] = np.repeat(events, counts)
        values[:, ROW_X] = rng.uniform(-0.5, 0.5, total) * sensor.size[0]
        values[:, ROW_Y] = rng.uniform(-0.5, 0.5, total) * sensor.size[1]
        values[:, ROW_LAYER] = rng.integers(0, layers, total)
        values[:, ROW_EDEP] = sensor.thickness * NOISE_LOSS * rng.lognormal(0, 0.7, total)
        values[:, ROW_PARENT] = -1
        stops = np.full(int(events[-1]) + 1 if len(events) else 0, -1.0)
        joined = concatenate([rows, self._columns(values, stops)])
        return take(joined, np.argsort(np.asarray(joined["event"]), kind="stable"))


def _refuse_impossible(geometry: Geometry, beam: Beam, phantom: float) -> None:
    if not np.isfinite(geometry.wet + geometry.radiation_lengths).all():
        raise ConfigError(f"Geometry {geometry.name!r} says nothing of materials (wet, radiation_lengths), which a simulation needs.")
    reach = float(particle_range(beam.energy, beam.mass_ratio, beam.charge))
    if phantom >= reach:
        raise ConfigError(f"simulation.phantoms: {phantom:g} mm of water stop the beam of geometry {geometry.name!r}, which reaches {reach:.0f} mm.")


def _beam(geometry: Geometry) -> Beam:
    beam = geometry.beam
    mass_ratio, charge, pdg = (1.0, 1.0, 2212) if beam.particle == "proton" else (HELIUM_MASS_RATIO, 2.0, 1000020040)
    return Beam(beam.energy, beam.energy_spread, beam.sigma, beam.divergence, mass_ratio, charge, pdg)

