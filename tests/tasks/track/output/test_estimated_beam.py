"""The run without phantom that a beam is estimated from."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.tasks.track.output.estimated_beam import frames_of_run, run_without_phantom
from pphysml.tasks.track.task import Track
from pphysml.verbs.simulate import simulate


@pytest.mark.parametrize("order", ["none", "full"])
def test_all_protons_of_the_run_are_looked_at_whatever_the_order_of_its_hits(tmp_path, order) -> None:
    config = Track().config_class.model_validate({"simulation": {"phantoms": [0.0]}, "apply": {"protons_per_frame": 40, "sort": order, "block_size": 1000}})
    simulate(Track(), config, tmp_path / "air.root", 100, block_size=100)
    sizes = [size for frames in frames_of_run(run_without_phantom(str(tmp_path / "air.root"), config), config) for size in np.asarray(frames["n_protons"])]
    assert sizes[:2] == [40, 40] and 10 < sizes[2] <= 20
