"""The ranges of a training's frames, against loops over hits made by hand, and what lies outside of them."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.track.models.domain import describe, fit_domain, outside

SPACING = (4.0, 5.0)
"""Distance of the layers behind the fourth, mm, in either frame."""

LAYERS = ([0, 1, 2, 3, 4, 5, 7], [0, 3, 4, 4, 5, 6, 8, 9, 9])
DEDX = ([1.0, 2.0, 4.0, 1.0, 2.0, 4.0, 8.0], [3.0] * 9)


def frames(spacing=SPACING, dedx=DEDX, layers=LAYERS):
    """Two frames and an empty one between; the front layers are further apart, and play no role."""
    rows = [layers[0], [], layers[1]]
    z = [[50.0 * min(k, 3) + spacing[i // 2] * max(k - 3, 0) for k in row] for i, row in enumerate(rows)]
    values = {"layer": rows, "z": z, "dedx": [dedx[0], [], dedx[1]]}
    counts = [len(row) for row in rows]
    return {name: Ragged.from_counts(np.concatenate([np.array(v, dtype=np.float32) for v in of]).astype(np.int16 if name == "layer" else np.float32),
                                     np.array(counts)) for name, of in values.items()}


def test_ranges_are_those_of_the_frames():
    hits, layers, distance, loss = describe(frames())
    assert hits.tolist() == [7, 9]
    assert layers.tolist() == [8, 10]  # numbered from 0
    assert distance == pytest.approx(SPACING)
    assert loss == pytest.approx([(2 * 4 * 2 * 4 * 8) ** (1 / 7), 3.0])


def test_frames_like_those_of_the_training_are_inside_and_others_named():
    trained = fit_domain(frames())
    assert list(outside(frames(), trained)) == []
    assert list(outside(frames(spacing=(4.0 / 1.19, 5.0 * 1.19)), trained)) == []
    [sentence] = outside(frames(spacing=(4.0, 6.1)), trained)
    assert sentence == "distance of the layers in mm: 6.1, in the training at most 5"
    [sentence] = outside(frames(spacing=(3.3, 5.0)), trained)
    assert sentence == "distance of the layers in mm: 3.3, in the training at least 4"
    shallow = [0, 1, 2, 3, 4, 5, 6]
    assert list(outside(frames(layers=(shallow, shallow), dedx=(DEDX[0], DEDX[0])), trained)) == []  # fewer are no harm
    assert list(outside(frames(), {})) == []
