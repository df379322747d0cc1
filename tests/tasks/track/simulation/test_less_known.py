"""Training frames from which is taken what a readout does not know."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.reading.clusters.hits import cluster_size
from pphysml.tasks.track.reading.examples import MATERIALS
from pphysml.tasks.track.simulation.simulate import TrackSimulation


def blocks(n=24, **simulation):
    config = TrackConfig.model_validate({"simulation": simulation, "data": {"protons_per_frame": [10]}})
    made = TrackSimulation(config, 3)
    return [made.examples(index, 1) for index in range(n)]


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_share_of_the_blocks_hides_its_materials_and_nothing_else(share):
    known, less = blocks(), blocks(hidden_materials=share)
    hidden = []
    for one, other in zip(known, less, strict=True):
        unknown = {name: np.isnan(other[name].flat) for name in MATERIALS}
        hidden.append(bool(unknown["depth"].all()))
        for name in one:
            if name in MATERIALS:
                assert unknown[name].all() == hidden[-1] == unknown[name].any()
            else:
                values = [c.flat if hasattr(c, "flat") and hasattr(c, "offsets") else np.asarray(c) for c in (one[name], other[name])]
                np.testing.assert_array_equal(*values)
    assert abs(np.mean(hidden) - share) < 0.25 and (0 < np.mean(hidden) < 1) == (0 < share < 1)


def test_counted_pixels_leave_energies_that_make_the_same_clusters():
    for frame, known in zip(blocks(3, counted_pixels=1.0), blocks(3), strict=True):
        thickness = float(frame["sensor_thickness"][0])
        assert (cluster_size(frame["edep"].flat.astype(float), thickness) == frame["cluster_size"].flat).all()
        assert frame["dedx"].flat == pytest.approx(frame["edep"].flat / thickness)
        ratio = frame["edep"].flat / known["edep"].flat
        assert 0.5 < np.median(ratio) < 1.5 and not np.allclose(ratio, 1)
