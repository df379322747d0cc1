"""The fitted range: exact for sharp energy losses, calibrated for real ones, better than counting layers."""

from __future__ import annotations

import os
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from pphysml.io.ragged import Ragged, concatenate
from pphysml.io.reader import Reader
from pphysml.io.sources import resolve
from pphysml.physics.range_energy import particle_energy, particle_range
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.geometries.geometry import Geometry, GeometryConfig
from pphysml.tasks.track.output.columns import output_columns
from pphysml.tasks.track.ranges.energy_loss import BINS, LossTable, loss_table, mean_loss
from pphysml.tasks.track.ranges.range_kernel import LOWEST, SPREAD, STEP, stop_posteriors
from pphysml.tasks.track.ranges.wepl import PARTICLES, beam_straggling, fit_ranges
from pphysml.tasks.track.reading.assemble import assemble, frames_of
from pphysml.tasks.track.reading.beams import Beams
from pphysml.tasks.track.reading.calorimeters.layers import Layers
from pphysml.tasks.track.reading.examples import finished
from pphysml.tasks.track.schema import LAYOUTS
from pphysml.tasks.track.simulation.simulate import TrackSimulation
from pphysml.tasks.track.tracks.links import Links, frame_of_hit
from pphysml.tasks.track.tracks.tracks import find_tracks

PROTON = PARTICLES["proton"]
BEAM_RANGE = particle_range(230.0)


def calorimeter(**others) -> Geometry:
    """Return layers like those of the published geometry."""
    layers = [{"first_z": 0.0, "pitch": 52.4, "count": 2, "wet": [1.8, 2.34], "radiation_lengths": 0.004},
              {"first_z": 108.4, "pitch": 5.5, "count": 40, "wet": 8.2, "radiation_lengths": 0.042}]
    return Geometry.of(GeometryConfig.model_validate({"layers": layers, "beam": {"energy": 230.0}, **others}))


def drawn(table: LossTable, residual, rng):
    """Return energy losses drawn from a table, keV/um."""
    place = np.rint(residual / STEP).astype(int)
    cumulative = np.cumsum(np.exp(table.log_density.astype(float)), 1)
    rows = table.row[place]
    level = rng.random(len(place)) * cumulative[rows, -1]
    bins = np.array([np.searchsorted(cumulative[r], u) for r, u in zip(rows, level, strict=True)])
    return np.exp(table.log_mean[place] + LOWEST + SPREAD * (bins + rng.random(len(bins)) - 0.5))


def straight(geometry: Geometry, stop, losses, slope=0.0, last=None):
    """Return a frame of tracks that stop at these depths, its tracks, and the particle of each.

    Args:
        losses: function of the residual ranges at all hits.
        last: last layer with a hit, where that is not the last one in front of the stop.
    """
    last = np.searchsorted(geometry.depth, stop) - 1 if last is None else last
    layer, number = np.nonzero(np.arange(len(geometry.z))[:, None] <= last)
    place = np.full((len(geometry.z), len(stop)), -1)
    place[layer, number] = np.arange(len(layer))
    previous = np.where(layer > 0, place[layer - 1, number], -1)
    hits = {"layer": layer, "x": 3.0 * number + slope * geometry.z[layer], "y": 0.0 * layer, "z": geometry.z[layer],
            "dedx": losses(np.asarray(stop)[number] - geometry.depth[layer])}
    frame = {name: Ragged.from_counts(values, np.array([len(layer)])) for name, values in hits.items()}
    frame["edep"] = frame["dedx"]
    frame = {**finished(frame, Layers.of(geometry), Beams(described=geometry.beam)), **frame}
    return frame, find_tracks(frame, Links(previous, np.ones(len(layer))))


def fitted(geometry, stop, losses, **others):
    frame, tracks = straight(geometry, stop, losses, **others)
    return fit_ranges(frame, tracks)


def straggling(**beam):
    """Return the width of the range of a beam, mm."""
    return beam_straggling(Beams(described=calorimeter(beam=beam).beam).columns({"frame": np.zeros(1)}))


def test_sharp_energy_losses_give_the_exact_range() -> None:
    table = loss_table(0.025, PROTON)
    narrow = -0.5 * ((LOWEST + SPREAD * np.arange(BINS)) / 0.03) ** 2
    sharp = np.broadcast_to(narrow.astype(np.float32), table.log_density.shape).copy()
    depth = np.cumsum(np.full(20, 8.2))
    stop = depth[-1] + np.linspace(0.6, 7.6, 15)
    following = depth[-1] + np.array([8.2, 16.4])
    losses = np.log(mean_loss((stop[:, None] - depth).ravel(), 0.025, PROTON))
    found = stop_posteriors(20 * np.arange(16), np.tile(depth, 15), losses, np.tile(following, (15, 1)), np.full(15, 330.0),
                            1e-3, table.log_mean, table.row, sharp)
    np.testing.assert_allclose(found[:, 0], stop, atol=0.05)
    assert (found[:, 1] < 0.5).all() and (found[:, 2] > found[:, 3]).all()


@pytest.mark.parametrize("thickness", [0.0139, 0.025])
def test_errors_are_those_of_the_residuals(thickness: float) -> None:
    rng = np.random.default_rng(0)
    geometry = calorimeter(sensor={"thickness": thickness})
    stop = rng.uniform(120.0, 300.0, 2500)
    fit = fitted(geometry, stop, lambda r: drawn(loss_table(thickness, PROTON), r, rng))
    residual = fit.range - stop
    assert residual.mean() == pytest.approx(0.0, abs=0.08)
    assert residual.std() < 1.35
    assert (residual / fit.range_error).std() == pytest.approx(1.0, abs=0.05)
    assert fit.no_peak.mean() < 0.01


def test_without_energy_losses_the_layers_are_counted() -> None:
    stop = np.array([128.0, 160.0, 203.0])
    geometry = calorimeter()
    fit = fitted(geometry, stop, lambda r: np.full(len(r), np.nan))
    last = np.searchsorted(geometry.depth, stop) - 1
    np.testing.assert_allclose(fit.range, geometry.depth[last] + 4.1, atol=0.05)
    np.testing.assert_allclose(fit.range_error, 8.2 / np.sqrt(12), rtol=0.02)


def test_a_track_that_ends_in_flight_has_no_bragg_peak() -> None:
    rng = np.random.default_rng(1)
    stop = rng.uniform(150.0, 300.0, 400)
    geometry = calorimeter()
    last = rng.integers(5, np.searchsorted(geometry.depth, stop) - 3)
    fit = fitted(geometry, stop, lambda r: drawn(loss_table(0.025, PROTON), r, rng), last=last)
    assert fit.no_peak.mean() > 0.95


def test_energy_and_wepl_follow_from_the_path() -> None:
    rng = np.random.default_rng(2)
    stop, slope = rng.uniform(120.0, 220.0, 400), 0.3
    slant = np.hypot(1.0, slope)
    table, geometry = loss_table(0.025, PROTON), calorimeter()
    fit = fitted(geometry, stop, lambda r: slant * drawn(table, slant * r, rng), slope=slope)
    assert (fit.range - stop).mean() == pytest.approx(0.0, abs=0.2)
    np.testing.assert_allclose(BEAM_RANGE - fit.wepl, slant * fit.range, rtol=1e-6)
    np.testing.assert_allclose(particle_range(fit.energy), slant * fit.range, rtol=1e-9)
    np.testing.assert_allclose(fit.wepl_error**2, (slant * fit.range_error) ** 2 + straggling(energy=230.0) ** 2)


def test_helium_is_fitted_with_its_own_energy_loss() -> None:
    rng = np.random.default_rng(3)
    geometry = calorimeter(beam={"particle": "helium", "energy": 917.0})
    stop = rng.uniform(150.0, 200.0, 300)
    fit = fitted(geometry, stop, lambda r: drawn(loss_table(0.025, PARTICLES["helium"]), r, rng))
    assert (fit.range - stop).mean() == pytest.approx(0.0, abs=0.15)
    np.testing.assert_allclose(fit.energy, particle_energy(fit.range, *PARTICLES["helium"]))


def test_straggling_of_a_beam_grows_with_its_energy_spread() -> None:
    wide, sharp = straggling(energy=230.0, energy_spread=2.3), straggling(energy=230.0)
    assert sharp == pytest.approx(0.12 * (BEAM_RANGE / 10) ** 0.935, rel=0.1)  # Bortfeld's approximation, his eq. 18
    np.testing.assert_allclose(wide**2 - sharp**2, (0.01 * 1.736 * BEAM_RANGE) ** 2, rtol=1e-4)


def test_single_hits_and_tracks_to_the_last_layer() -> None:
    geometry = calorimeter()
    stop = np.array([3.0, geometry.depth[-1] + 5.0])
    fit = fitted(geometry, stop, lambda r: mean_loss(r, 0.025, PROTON))
    assert 1.8 < fit.range[0] < 4.14
    assert geometry.depth[-1] < fit.range[1] < geometry.depth[-1] + 16.4
    assert np.isfinite(fit.range_error).all()


def perfect_links(examples):
    """Return the links of each particle's hits."""
    frame, particle, layer = frame_of_hit(examples), examples["particle"].flat, examples["layer"].flat
    order = np.lexsort((layer, particle, frame))
    before, after = order[:-1], order[1:]
    same = (frame[before] == frame[after]) & (particle[before] == particle[after]) & (particle[before] >= 0) & (layer[before] < layer[after])
    previous = np.full(len(frame), -1)
    previous[after[same]] = before[same]
    return Links(previous, np.ones(len(frame), dtype=np.float32))


def reconstructed(examples, config):
    """Return the output columns of true links, the tracks, and which are of primaries and without serious flags."""
    links = perfect_links(examples)
    columns = output_columns(examples, links, config)
    tracks = find_tracks(examples, links)
    tracks = tracks.keep(tracks.hits.counts >= 2)
    primary = examples["primary"].flat[tracks.first]
    return columns, tracks, primary, primary & ((columns["flags"].flat & 11) == 0)


def test_ranges_of_simulated_protons_are_limited_by_straggling() -> None:
    config = TrackConfig.model_validate({"simulation": {"phantoms": [150.0]}})
    simulation = TrackSimulation(config, 7)
    depth = simulation.geometry.depth
    examples = frames_of(simulation.rows(np.random.SeedSequence(4), 1500, 150.0), simulation.geometry, config, 50)
    columns, tracks, primary, usable = reconstructed(examples, config)
    stop = examples["stop_depth"].flat[tracks.first]
    flagged = (columns["flags"].flat & 2) > 0
    assert flagged[primary & (stop >= 0)].mean() < 0.04
    assert flagged[primary & (stop < 0)].mean() > 0.8
    usable &= stop >= 0
    residual = (columns["range"].flat - stop)[usable]
    near = np.abs(residual) < 5
    assert near.mean() > 0.98
    assert abs(residual[near].mean()) < 0.25
    counted = np.digitize(stop[usable], depth)
    layers = (depth[counted] + depth[counted - 1]) / 2 - stop[usable]
    assert residual[near].std() < 0.6 * layers.std()
    wepl = columns["wepl"].flat[usable][near]
    assert wepl.mean() == pytest.approx(150.0, abs=0.5)
    assert wepl.std() < 1.15 * stop[usable][near].std()


REAL = Path(os.environ.get("PPHYSML_TEST_DATA", Path(__file__).parents[5] / "shared" / "data")) / "gate_dtc_hits_water250mm_part_a.root"


@pytest.mark.skipif(not REAL.exists(), reason="needs gate_dtc_hits_water250mm_part_a.root in the folder PPHYSML_TEST_DATA")
def test_protons_of_geant4_have_crossed_the_water_of_its_phantom() -> None:
    config, carry, parts = TrackConfig(apply={"beam": "proton:250MeV"}), None, []
    for chunk in chain(Reader(resolve([str(REAL)], None), LAYOUTS), [None]):
        examples, carry = assemble(chunk, carry, config)
        parts += [examples] if examples else []
    columns, _, primary, usable = reconstructed(concatenate(parts), config)
    wepl = columns["wepl"].flat[usable]
    middle = np.median(wepl)
    low, high = np.quantile(wepl, [0.16, 0.84])
    assert middle == pytest.approx(250.0, abs=2.0)
    assert (high - low) / 2 < 1.25 * straggling(energy=250.0)[0]
    assert 0.08 < 1 - usable.sum() / primary.sum() < 0.25  # about 1 % of protons per cm end in a nucleus
    assert np.nanmedian(columns["chi2"].flat[usable]) == pytest.approx(1.2, abs=0.3)
