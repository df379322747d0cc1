"""The ranges of a training's frames, against loops over hits made by hand, and what lies outside of them."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged, concatenate
from pphysml.tasks.track.models.domain import describe, fit_domain, outside

SPACING = (4.0, 5.0)
"""Distance of the layers behind the fourth, mm, in either frame."""

LAYERS = ([0, 1, 2, 3, 4, 5, 7], [0, 3, 4, 4, 5, 6, 8, 9, 9])
DEDX = ([1.0, 2.0, 4.0, 1.0, 2.0, 4.0, 8.0], [3.0] * 9)


def frames(spacing=SPACING, dedx=DEDX, layers=LAYERS, lengths=(0.04, 0.2), sensors=(0.025, 0.05)):
    """Two frames and an empty one between; the front layers are further apart, and play no role."""
    rows = [layers[0], [], layers[1]]
    z = [[50.0 * min(k, 3) + spacing[i // 2] * max(k - 3, 0) for k in row] for i, row in enumerate(rows)]
    water = [[[200.0 * lengths[i // 2] * (k + more) for k in row] for i, row in enumerate(rows)] for more in (1, 2)]
    gaps = [[lengths[i // 2] if k > 3 else 0.001 for k in row] for i, row in enumerate(rows)]
    values = {"layer": rows, "z": z, "dedx": [dedx[0], [], dedx[1]], "depth": water[0], "next_depth": water[1], "gap_lengths": gaps}
    counts = [len(row) for row in rows]
    hits = {name: Ragged.from_counts(np.concatenate([np.array(v, dtype=np.float32) for v in of]).astype(np.int16 if name == "layer" else np.float32),
                                     np.array(counts)) for name, of in values.items()}
    return hits | {"sensor_thickness": np.array([sensors[0], np.nan, sensors[1]])}


def test_ranges_are_those_of_the_frames():
    hits, layers, distance, loss, lengths, water, sensors = describe(frames())
    assert hits.tolist() == [7, 9]
    assert layers.tolist() == [8, 10]  # numbered from 0
    assert distance == pytest.approx(SPACING)
    assert loss == pytest.approx([(2 * 4 * 2 * 4 * 8) ** (1 / 7), 3.0])
    assert lengths == pytest.approx([0.04, 0.2]) and water == pytest.approx([8.0, 40.0]) and sensors == pytest.approx([0.025, 0.05])


def test_frames_like_those_of_the_training_are_inside_and_others_named():
    trained = fit_domain([frames()])
    assert list(outside(frames(), trained)) == []
    assert list(outside(frames(spacing=(4.0 / 1.19, 5.0 * 1.19)), trained)) == []
    [sentence] = outside(frames(spacing=(4.0, 6.1)), trained)
    assert sentence == "distance of the layers in mm: 6.1, in the training at most 5"
    [sentence] = outside(frames(spacing=(3.3, 5.0)), trained)
    assert sentence == "distance of the layers in mm: 3.3, in the training at least 4"
    shallow = [0, 1, 2, 3, 4, 5, 6]
    assert list(outside(frames(layers=(shallow, shallow), dedx=(DEDX[0], DEDX[0])), trained)) == []  # fewer are no harm
    assert list(outside(frames(), {})) == []


def test_materials_outside_of_the_training_are_named():
    trained = fit_domain([frames()])
    assert [s.split(":")[0] for s in outside(frames(lengths=(0.04, 1.0)), trained)] == [
        "radiation lengths between layers", "water-equivalent length between layers in mm"]
    assert [s.split(":")[0] for s in outside(frames(sensors=(0.025, 0.5)), trained)] == ["thickness of the sensors in mm"]


def test_materials_that_are_not_known_cannot_be_compared():
    hidden, shown = frames(lengths=(np.nan, np.nan)), frames()
    for trained in ([shown], [shown, hidden]):
        for found in (hidden, frames(lengths=(0.04, np.nan))):
            assert list(outside(found, fit_domain(trained))) == ["the materials of the calorimeter are not known, and cannot be compared with those of the training"]
        assert list(outside(shown, fit_domain(trained))) == []
    # To a training without any they are as its own.
    assert list(outside(hidden, fit_domain([hidden]))) == [] == list(outside(shown, fit_domain([hidden])))


def test_ranges_of_older_weights_know_four_quantities():
    trained = {"domain": fit_domain([frames()])["domain"][:4]}
    assert list(outside(frames(lengths=(0.04, 1.0), sensors=(0.5, 0.5)), trained)) == []
    assert list(outside(frames(lengths=(np.nan, np.nan)), trained)) == []
    assert len(list(outside(frames(spacing=(4.0, 6.1)), trained))) == 1


def test_ranges_of_parts_are_those_of_all_frames_together():
    parts = [frames(), frames(spacing=(3.0, 9.0), lengths=(np.nan, np.nan)), frames(sensors=(0.1, 0.5))]
    together = fit_domain([concatenate(parts)])["domain"]
    np.testing.assert_array_equal(fit_domain(parts)["domain"], together)
    unknown = fit_domain([frames(lengths=(np.nan, np.nan))])["domain"]
    assert np.isnan(unknown[4:6]).all() and np.isfinite(unknown[[0, 1, 2, 3, 6]]).all()
