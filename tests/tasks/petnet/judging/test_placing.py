"""Scanners off the origin or along another axis are judged as the same ones there."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.evaluation.report import to_dict
from pphysml.io.ragged import Ragged, slice_rows
from pphysml.tasks.petnet.judging.metrics import PetEvaluator

CENTRE = (300.0, -40.0, 120.0)


def moved(sample, axis, centre=CENTRE):
    """Return singles of the same scanner along another axis, its middle elsewhere."""
    local = [sample[name] for name in "xyz"]
    turned = [local[(i + 2 - "xyz".index(axis)) % 3] for i in range(3)]
    return sample | {name: Ragged((of.flat + np.float32(shift)).astype(np.float32), of.offsets) for name, of, shift in zip("xyz", turned, centre, strict=True)}


def evaluator(config, examples, pairs):
    found = PetEvaluator(config)
    found.update(examples, pairs)
    return found


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_where_a_ring_stands_changes_no_metric(toy, sample, axis):
    pairs = toy.sorter(sample)
    usual = evaluator(toy.configured(), sample, pairs)
    expected = {metric.name: metric for metric in usual.result().metrics}
    assert expected["image_distortion"].value > 0 and expected["necr"].value > 0
    for there in (toy.configured(axis=axis, centre=CENTRE), toy.configured()):
        judge = evaluator(there, moved(sample, axis), pairs)
        result = judge.result()
        for metric in result.metrics:
            known = expected[metric.name]
            # The middle is found to a tenth of a millimetre; the error of the difference is far below that of each.
            size = known.high - known.low
            assert metric.value == pytest.approx(known.value, abs=0.15 * size, rel=1e-6), metric.name
        assert any(f"axis {axis}" in note for note in result.notes)
        a, b = (of.kept.lines("prompts") for of in (usual, judge))
        assert np.abs(a.p - b.p).max() < 0.5 and np.abs(a.q - b.q).max() < 0.5


def test_blocks_of_the_input_do_not_matter_to_where_it_stands(toy, sample, monkeypatch):
    """The scanner is found in the first singles, however they come, and what waits for it is not lost."""
    monkeypatch.setattr("pphysml.tasks.petnet.reading.placement.ENOUGH", 3000)
    there, found = moved(sample, "x"), []
    n = len(there["n_owned"])
    for step in (n, n // 3, 100):
        judge = PetEvaluator(toy.configured())
        for start in range(0, n, step):
            part = slice_rows(there, start, min(start + step, n))
            judge.update(part, toy.sorter(part))
        found.append(to_dict(judge.result()))
    assert found[0] == found[1] == found[2]
