import numpy as np
import pytest
from pydantic import ValidationError

from pphysml.errors import ConfigError
from pphysml.tasks.petnet.config.simulation import SimulationConfig, ToyConfig
from pphysml.tasks.petnet.scanner.scanner import load_scanner
from pphysml.tasks.petnet.simulation.simulate import PetSimulation
from pphysml.tasks.petnet.simulation.toy import ToySimulation
from pphysml.tasks.petnet.simulation.toy_ids import toy_ids

IDS = ("rsector_id", "module_id", "submodule_id", "crystal_id", "layer_id")


def toy(seed=1, **options):
    return ToySimulation(ToyConfig(**options), seed)


def bins(block):
    return np.rint(block["time"] / 1e-9).astype(np.int64)


def crystals(source, block):
    return source.scanner.crystal_of({name: block[name] for name in IDS})


def published_sorter(block, width):
    """Return the pairs of arXiv:2504.06730: groups of exactly two, each hit at most `width` bins behind the one before."""
    starts = np.flatnonzero(np.r_[True, np.diff(bins(block)) > width])
    two = starts[np.diff(np.r_[starts, len(block["time"])]) == 2]
    return two, two + 1


def f1(block, first, second):
    right = (block["event"][first] == block["event"][second]).sum()
    true = (np.unique(block["event"], return_counts=True)[1] == 2).sum()
    return 2 * right / (len(first) + true)


def detected_pairs(block):
    rows = np.lexsort((block["photon_id"], block["event"]))
    event = block["event"][rows]
    twice = np.flatnonzero(event[1:] == event[:-1])
    return rows[twice], rows[twice + 1]


@pytest.fixture(scope="module")
def block():
    return toy().block(0, 200_000)


@pytest.mark.parametrize(("options", "expected"), [({}, 0.8757), ({"activity": 20, "efficiency": 0.141}, 0.7622)])
def test_published_sorter_has_the_f1_of_an_independent_regeneration(options, expected):
    """Of 4000 samples, with an error of 0.006 and 0.008."""
    block = toy(**options).block(0, 400_000)
    assert f1(block, *published_sorter(block, 8)) == pytest.approx(expected, abs=0.012)


def test_first_sample_by_hand():
    """Ten decays, of which each photon is seen or not; the delays of the public seed."""
    source = toy(efficiency=1.0)
    sample = source.block(0, 10)
    assert sorted(sample["event"]) == sorted([*range(10), *range(10)])
    published = np.random.RandomState(0).binomial(20, 0.5, 240)
    assert np.sort(source.delays).tolist() == np.sort(published).tolist()
    number = toy_ids(np.array([0]), np.array([0]), 8, published=False)[0]
    assert number == 64 + 14 - 8
    assert source.delays[0] == published[number]


def test_both_photons_come_from_one_bin(block):
    source = toy()
    decay = bins(block) + source.delays[crystals(source, block)]
    first, second = detected_pairs(block)
    assert (decay[first] == decay[second]).all()
    within = decay - block["run"].astype(np.int64) * source.duration
    assert within.min() == source.delays.max()
    assert within.max() == 999


def test_no_pair_crosses_samples(block):
    run, time = block["run"], bins(block)
    assert (np.diff(time) >= 0).all()
    assert (np.diff(run) >= 0).all()
    assert np.diff(time)[np.diff(run) > 0].min() > 1000
    assert (np.unique(block["event"] // 10) == np.unique(run)).all()


def test_photons_are_seen_independently(block):
    n = 200_000
    _, counts = np.unique(block["event"], return_counts=True)
    assert (counts == 2).sum() / n == pytest.approx(0.04, abs=4 * np.sqrt(0.04 / n))
    assert (counts == 1).sum() / n == pytest.approx(0.32, abs=4 * np.sqrt(0.32 / n))


def test_partners_are_opposite(block):
    source = toy()
    first, second = detected_pairs(block)
    _, ring, place = source.scanner.places(crystals(source, block))
    offset = (place[second] - place[first] - 15 + 15) % 30 - 15
    assert set(np.unique(offset)) == {-2, -1, 0, 1}
    mirrored = ring[second] + ring[first] - 8
    assert mirrored.min() >= -2
    assert mirrored.max() <= 1
    assert ring[second].max() == 6
    assert np.bincount(place[first], minlength=30).min() > 0.7 * len(first) / 30


def test_block_depends_on_seed_and_index_alone():
    one, other = toy(), toy()
    other.block(0, 50)
    first, again = one.block(2, 500), other.block(2, 500)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(toy(seed=2).block(2, 500)["time"], first["time"])
    assert (toy(seed=2).delays == one.delays).all()
    assert first["event"].min() >= 1000
    assert first["event"].max() < 1500
    assert first["run"].min() >= 100
    assert first["run"].max() < 150


def test_fluctuating_activity():
    block = toy(fluctuating=True, efficiency=1.0).block(0, 50_000)
    decays = np.bincount(block["run"], minlength=5000) / 2
    assert decays.mean() == 10
    assert decays.var() == pytest.approx(10, rel=0.1)


def test_jitter():
    source = toy(jitter=2.0, efficiency=1.0)
    block = source.block(0, 20_000)
    first, second = detected_pairs(block)
    decay = block["time"] / 1e-9 + source.delays[crystals(source, block)]
    assert (decay[first] - decay[second]).std() == pytest.approx(2 * np.sqrt(2), rel=0.03)


@pytest.mark.parametrize(("scanner", "distinct"), [("toy-240", 30), ("toy-2880", 360)])
def test_public_formula_repeats_numbers(scanner, distinct):
    """360 numbers for 2880 crystals; what was meant is a permutation."""
    sizes = load_scanner(scanner)
    ring, place = np.divmod(np.arange(sizes.n_crystals), sizes.crystals_per_ring)
    meant, published = (toy_ids(place, ring, sizes.n_rings, p) for p in (False, True))
    assert (np.sort(meant) == np.arange(sizes.n_crystals)).all()
    assert len(np.unique(published)) == distinct
    source = toy(scanner=scanner, published_ids=True, efficiency=1.0)
    seen = np.unique(crystals(source, source.block(0, 60_000)))
    assert len(seen) == distinct


def test_numbers_of_the_public_table():
    """The drawing in the public program: 30 crystals around, 16 rings; number against the azimuth."""
    place, ring = np.array([14, 7, 6, 0, 6, 14, 14, 29]), np.array([0, 0, 0, 0, 1, 7, 8, 0])
    assert toy_ids(place, ring, 16, published=False).tolist() == [0, 7, 64, 70, 71, 56, 120, 240]


def test_entry_point_and_refusals():
    options = SimulationConfig(kind="toy", toy=ToyConfig(scanner="toy-2880", spread=3))
    assert len(PetSimulation(options, 1).block(0, 100)["time"]) > 10
    with pytest.raises(ConfigError, match="multiple of 8 rings"):
        toy(spread=8)
    with pytest.raises(ConfigError, match="multiple of 8 rings"):
        toy(scanner="safir", spread=24)
    with pytest.raises(ValidationError, match="delay_mean"):
        ToyConfig(delay_mean=30)
    with pytest.raises(ValidationError, match="measurement_time"):
        ToyConfig(measurement_time=20)
