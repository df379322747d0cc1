"""Classes of pairs against slow plain Python, and what an input can tell."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.errors import InputError
from pphysml.tasks.petnet.judging.classes import Knowledge, PairClass, pair_classes
from pphysml.tasks.petnet.judging.options import Options
from pphysml.tasks.petnet.judging.truth import truth_of


def slowly(a, b, background, photons):
    """Return the class of two singles, one rule after the other."""
    if a["event"] < 0 or b["event"] < 0:
        return PairClass.NOISE
    if any(a[name] != b[name] for name in ("single_file", "run", "event")):
        return PairClass.RANDOM
    if a["source_id"] in background or b["source_id"] in background:
        return PairClass.BACKGROUND
    if photons and not (a["photon_id"] and b["photon_id"]):
        return PairClass.BACKGROUND
    if photons and a["photon_id"] == b["photon_id"]:
        return PairClass.SAME_PHOTON
    scattered = any(single[name] > 0 for single in (a, b) for name in ("compton_phantom", "rayleigh_phantom"))
    return PairClass.SCATTERED if scattered else PairClass.TRUE


def random_singles(rng, n):
    ranges = {"single_file": (0, 2), "run": (5, 7), "event": (-2, 4), "source_id": (0, 3), "photon_id": (0, 3),
              "compton_phantom": (0, 2), "rayleigh_phantom": (0, 2)}
    return [{name: int(rng.integers(*bounds)) for name, bounds in ranges.items()} for _ in range(n)]


@pytest.mark.parametrize("photons", [True, False])
def test_all_pairs_of_random_singles(toy, photons):
    rng = np.random.default_rng(3)
    rows = [random_singles(rng, 40) for _ in range(8)]
    options = Options(background=(2,))
    examples = toy.slices(*rows, without=() if photons else ("photon_id",))
    truth = truth_of(examples, options)
    singles = [single for row in rows for single in row]
    first, second = np.triu_indices(len(singles), 1)
    found = pair_classes(truth, first, second)
    assert found.tolist() == [slowly(singles[i], singles[j], (2,), photons) for i, j in zip(first, second, strict=True)]
    assert len(np.unique(found)) == (6 if photons else 5)
    np.testing.assert_array_equal(pair_classes(truth, second, first), found)


def test_two_photons_of_no_annihilation_are_background(toy):
    row = [{"event": 3, "photon_id": photon} for photon in (0, 0, 1)]
    truth = truth_of(toy.slices(row), Options())
    assert pair_classes(truth, np.array([0, 0]), np.array([1, 2])).tolist() == [PairClass.BACKGROUND] * 2


def test_the_largest_event_numbers_are_kept_apart(toy):
    last = 2**31 - 1
    row = [{"event": last, "run": run, "single_file": file} for run in (0, last) for file in (0, 1)] + [{"event": last - 1}]
    truth = truth_of(toy.slices(row), Options())
    assert len(np.unique(truth.key)) == 5 and (truth.key >= 0).all()


def test_what_an_input_cannot_tell_is_said(toy):
    def notes(examples):
        known = Knowledge()
        known.add(examples, truth_of(examples, Options()))
        return " ".join(known.notes)

    told = {"event": 1, "photon_id": 1, "compton_phantom": 1}
    assert notes(toy.slices([told])) == ""
    assert "0 everywhere" in notes(toy.slices([{**told, "compton_phantom": 0}]))
    assert "does not tell scatterings" in notes(toy.slices([told], without=("compton_phantom", "rayleigh_phantom")))
    assert "does not tell which photon" in notes(toy.slices([told], without=("photon_id",)))
    assert "there are no true pairs" in notes(toy.slices([{**told, "photon_id": 0}]))


def test_a_scattering_in_a_later_chunk_counts_for_the_whole_input(toy):
    known = Knowledge()
    for scattered in (0, 1):
        examples = toy.slices([{"event": 1, "photon_id": 1, "compton_phantom": scattered}])
        known.add(examples, truth_of(examples, Options()))
    assert known.any_scattered and not known.notes


def test_without_truth(toy):
    with pytest.raises(InputError, match="eventID"):
        truth_of(toy.slices([{}], without=("event",)), Options())


def test_clusters_do_not_depend_on_slices(toy):
    """A gap longer than the window ends a cluster; singles outside the energy window do not bridge it."""
    row = [{"time": t * 1e-12, "energy": e} for t, e in ((0, 0.2), (100, 0.5), (550, 0.5), (1060, 0.2), (1070, 0.5), (1500, 0.5))]
    options = Options(window=500e-12, energy=(0.391, 0.601))
    truth = truth_of(toy.slices(row), options)
    assert truth.cluster.tolist() == [0, 0, 0, 0, 1, 1] and truth.n_used.tolist() == [2, 2]
    np.testing.assert_allclose(truth.start, [100e-12, 1070e-12])
    apart = truth_of(toy.slices(row[:4], row[4:]), options)
    assert apart.cluster.tolist() == truth.cluster.tolist()
    empty = truth_of(toy.slices([{"energy": 0.2}], []), options)
    assert empty.cluster.tolist() == [0] and empty.n_used.tolist() == [0]
