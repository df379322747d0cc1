"""Deflections in widths of multiple scattering, and what the network is shown of materials."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pphysml.io.ragged import Ragged
from pphysml.physics.multiple_scattering import highland_angle
from pphysml.physics.range_energy import momentum_velocity
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.geometries.geometry import load_geometry
from pphysml.tasks.track.models.batches import collate
from pphysml.tasks.track.models.build import build_network
from pphysml.tasks.track.models.materials import link_scales, of_hits
from pphysml.tasks.track.simulation.simulate import TrackSimulation

CONFIG = TrackConfig(model={"materials": True}, data={"protons_per_frame": [20]})


@pytest.fixture(scope="module")
def frames():
    return TrackSimulation(CONFIG, 4).examples(0, 2)


def with_values(frames, **values):
    """Return frames in which columns of hits have these values instead."""
    return frames | {name: Ragged(np.broadcast_to(np.float32(v), frames[name].flat.shape), frames[name].offsets) for name, v in values.items()}


def test_deflections_are_in_widths_of_scattering_where_pixels_are_fine(frames):
    batch = collate(frames, CONFIG)
    fine = frames | {name: np.full(2, 1e-6, np.float32) for name in ("pitch_x", "pitch_y")}
    front, behind = link_scales(fine, batch["deep"].numpy(), batch["shallow"].numpy())
    layer, lengths = frames["layer"].flat, load_geometry("dtc").radiation_lengths
    deep, shallow = layer[batch["deep"]], layer[batch["shallow"]]
    pv = momentum_velocity(130.0)
    for scale, one, other in ((front, shallow, deep), (behind, deep, np.minimum(deep + 1, len(lengths) - 1))):
        width = np.sqrt((highland_angle(lengths[one], pv) ** 2 + highland_angle(lengths[other], pv) ** 2) / 2)
        inside = (lengths[one] == 0.0425) & (lengths[other] == 0.0425)
        assert scale[inside] * width[inside] == pytest.approx(np.full(inside.sum(), 0.01), rel=0.03)
        assert np.corrcoef(np.log(scale), np.log(width))[0, 1] < -0.98


def test_four_times_the_material_halves_deflections_and_coarse_pixels_lower_them_too(frames):
    batch = collate(frames, CONFIG)
    links = batch["deep"].numpy(), batch["shallow"].numpy()
    thin, thick = (with_values(frames, gap_lengths=x, next_gap_lengths=x) | {"pitch_x": np.full(2, 1e-6), "pitch_y": np.full(2, 1e-6)} for x in (0.1, 0.4))
    for one, other in zip(link_scales(thin, *links), link_scales(thick, *links), strict=True):
        assert other == pytest.approx(one / 2, rel=1e-5)
    coarse = thin | {"pitch_x": np.full(2, 0.5), "pitch_y": np.full(2, 0.5)}
    assert (link_scales(coarse, *links)[0] < link_scales(thin, *links)[0]).all()


def test_unknown_materials_are_the_usual_ones_and_marked(frames):
    unknown = with_values(frames, depth=np.nan, next_depth=np.nan, gap_lengths=np.nan, next_gap_lengths=np.nan, lengths=np.nan)
    features = of_hits(unknown)
    assert (features[:, [0, 1, 3]] == 0).all() and (of_hits(frames)[:, 3] == 1).all()
    usual = with_values(frames, gap_lengths=0.04, next_gap_lengths=0.04)
    links = [collate(frames, CONFIG)[name].numpy() for name in ("deep", "shallow")]
    for one, other in zip(link_scales(unknown, *links), link_scales(usual, *links), strict=True):
        assert one == pytest.approx(other, rel=1e-6)


def test_the_network_sees_materials_only_if_it_shall(frames):
    for materials in (False, True):
        config = CONFIG.model_copy(update={"model": CONFIG.model.model_copy(update={"materials": materials})})
        torch.manual_seed(1)
        network = build_network(config).eval()
        with torch.no_grad():
            one, other = (network(collate(f, config)).link for f in (frames, with_values(frames, gap_lengths=1.0)))
        assert torch.isfinite(one).all() and torch.equal(one, other) == (not materials)


def test_a_gap_of_nothing_leaves_all_scores_finite(frames):
    touching = with_values(frames, gap_lengths=0.0, next_gap_lengths=0.0)
    torch.manual_seed(1)
    with torch.no_grad():
        scores = build_network(CONFIG).eval()(collate(touching, CONFIG))
    assert all(torch.isfinite(values).all() for values in (scores.link, scores.start, scores.end))
