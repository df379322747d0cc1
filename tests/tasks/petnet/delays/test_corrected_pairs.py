"""Delays of crystals that the engine `likelihood` measures and corrects, on a ring whose crystals have them."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged, concatenate, length, slice_rows
from pphysml.registry import get_task
from pphysml.tasks.petnet.classical.engine import ClassicalEngine
from pphysml.tasks.petnet.coincidences.pairs import Pairs
from pphysml.tasks.petnet.config import PetConfig
from pphysml.tasks.petnet.delays.correction import with_corrected_times
from pphysml.tasks.petnet.delays.object_lines import flight, line_classes, middle_of
from pphysml.tasks.petnet.delays.survey import DelaySurvey, corrected_by_others, measured
from pphysml.tasks.petnet.judging.options import options_of
from pphysml.tasks.petnet.judging.targets import find_targets, judge
from pphysml.tasks.petnet.judging.truth import truth_of
from pphysml.tasks.petnet.likelihood.line_kernel import LIGHT
from pphysml.tasks.petnet.models.pairs.likelihood_engine import LikelihoodEngine
from pphysml.tasks.petnet.reading.assemble import assemble
from pphysml.tasks.petnet.reading.slices import slice_times
from pphysml.tasks.petnet.scanner.scanner import load_scanner
from pphysml.tasks.petnet.simulation.simulate import PetSimulation
from pphysml.verbs.engine_choice import EngineChoice, choose

SPREAD = 300.0
DECAYS = 400_000


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    """A scanner of 192 crystals, nearly as large as SAFIR-I."""
    path = tmp_path_factory.mktemp("ring") / "ring.yaml"
    path.write_text("name: wide\nradius: 61.6\nrsectors: 24\ncrystals: [2, 4]\ncrystal_pitch: [8.0, 13.5]\ncrystal_size: [7.9, 13.4, 13.0]\n")
    return str(path)


def config(ring, calibrate=True, **apply):
    return PetConfig.model_validate({"data": {"scanner": ring, "window": 600, "max_delay": 1500},
                                     "apply": {"slice_singles": 1024, "calibrate_delays": calibrate, **apply}})


def measurement(ring, seed, options, **simulation):
    simulated = PetConfig.model_validate({"simulation": {"scanner": ring, "activity": 500.0, "readout": "crystal", **simulation}})
    block = PetSimulation(simulated, seed).block(0, DECAYS)
    rows = length(block)
    parts, carry = [], None
    for chunk in ({**block, "file": np.zeros(rows, dtype=np.int32), "entry": np.arange(rows)}, None):
        made, carry = assemble(chunk, carry, options)
        parts.append(made)
    assert carry is None
    return concatenate([part for part in parts if part])


@pytest.fixture(scope="module")
def delayed(ring):
    """Slices to learn from, and others of the same crystals."""
    options = config(ring, offset=10_000)
    return [measurement(ring, seed, options, delay_spread=SPREAD) for seed in (1, 2)]


@pytest.fixture(scope="module")
def exact(ring):
    options = config(ring, offset=10_000)
    return [measurement(ring, seed, options) for seed in (1, 2)]


def found(options, surveyed, examples):
    engine = LikelihoodEngine(options, None, None)
    engine.survey(surveyed)
    return Pairs.of(engine(examples)), engine


def counts(options, examples, pairs):
    """Return F1, its error, and how many prompt and delayed pairs are random."""
    truth, judging = truth_of(examples, options_of(options)), options_of(options)
    targets, prompt = find_targets(truth, judging), ~pairs.delayed
    verdict = judge(truth, targets, pairs.first[prompt], pairs.second[prompt], judging)
    f1 = 2 * verdict.found.sum() / (prompt.sum() + len(targets))
    same = truth.key[pairs.first] == truth.key[pairs.second]
    return f1, np.sqrt(f1 * (1 - f1) / len(targets)), (~same & prompt).sum(), pairs.delayed.sum()


@pytest.fixture(scope="module")
def calibrated(ring, delayed):
    options = config(ring, offset=10_000)
    pairs, engine = found(options, *delayed)
    return pairs, engine, counts(options, delayed[1], pairs)


def test_the_pairs_are_those_without_delays(ring, delayed, exact, calibrated):
    plain = config(ring, False, offset=10_000)
    f1, error, *_ = calibrated[2]
    best = counts(plain, exact[1], found(plain, *exact)[0])[0]
    pairs, engine = found(plain, *delayed)
    worse = counts(plain, delayed[1], pairs)[0]
    assert abs(f1 - best) < 4 * np.sqrt(2) * error < 0.03
    assert f1 > worse + 0.08
    assert "apply.calibrate_delays=true" in engine.warnings[0]


def true_delays(scanner):
    return np.random.default_rng(0).normal(0.0, 1.0, scanner.n_crystals) * SPREAD


def test_room_that_is_too_small_is_told(ring, delayed, calibrated):
    assert "max_delay" not in calibrated[1].warnings[0]
    narrow = PetConfig.model_validate({**config(ring).model_dump(), "data": {**config(ring).data.model_dump(), "max_delay": 300}})
    said = found(narrow, *delayed)[1].warnings[0]
    advised = float(said.split("data.max_delay=")[1].split("ps instead of 300ps")[0])
    assert 0.7 < advised / np.ptp(true_delays(load_scanner(ring))) < 1.5


def test_what_was_measured_is_true_and_said(ring, delayed, calibrated):
    _, engine, _ = calibrated
    scanner = load_scanner(ring)
    true = true_delays(scanner)
    crystal = scanner.locate(*(delayed[0][axis].flat for axis in "xyz"))
    error = np.zeros(scanner.n_crystals)
    error[crystal] = engine.delays.fit.delay[engine.delays.index.of(delayed[0])] - true[crystal]
    error -= error.mean()
    expected = engine.delays.fit.error.mean()
    assert expected < SPREAD / 10
    assert 0.7 * expected < error.std() < 1.5 * expected
    assert "delays of 192 crystals were measured and corrected" in engine.warnings[0]
    # Slices are learnt from as they look when others correct them.
    sharp = engine.config.simulation.coincidence_resolution / 2.355
    assert sharp < engine.learnt[0].mixture.sigma < np.hypot(sharp, 2 * error.std()) + 5


def test_delayed_pairs_count_the_randoms(calibrated):
    _, _, (_, _, randoms, delayed) = calibrated
    assert delayed > 200
    assert abs(delayed - randoms) < 4 * np.sqrt(delayed + randoms)


def test_pairs_are_numbered_as_in_the_input(delayed, calibrated):
    pairs, engine, _ = calibrated
    time, prompt = delayed[1]["time"].flat, ~pairs.delayed
    lag = time[pairs.second] - time[pairs.first]
    assert (lag >= 0).all() and lag[prompt].max() > 700e-12
    corrected = lag * 1e12 - np.subtract(*(engine.delays.fit.delay[engine.delays.index.of(delayed[1])][index] for index in (pairs.second, pairs.first)))
    assert np.abs(corrected[prompt]).max() < 602
    assert np.abs(corrected[pairs.delayed] - 10_300).max() < 302
    for chosen in (prompt, pairs.delayed):
        assert np.array_equal(np.lexsort((pairs.second[chosen], pairs.first[chosen])), np.arange(chosen.sum()))


def test_how_much_comes_at_a_time_changes_nothing(ring, delayed, calibrated):
    engine = LikelihoodEngine(config(ring, offset=10_000), None, None)
    surveyed, examples = delayed
    for start in range(0, length(surveyed), 7):
        engine.survey(slice_rows(surveyed, start, min(length(surveyed), start + 7)))
    singles, seen = 0, []
    for start in range(0, length(examples), 11):
        part = slice_rows(examples, start, min(length(examples), start + 11))
        pairs = Pairs.of(engine(part))
        seen.append(np.stack([pairs.delayed, pairs.first + singles, pairs.second + singles], axis=1))
        singles += len(part["time"].flat)
    pairs = calibrated[0]
    every = np.concatenate(seen)
    # With lent singles slices overlap, so that singles of parts are counted as those of the whole.
    assert np.array_equal(every[np.lexsort((every[:, 2], every[:, 1], every[:, 0]))], np.stack([pairs.delayed, pairs.first, pairs.second], axis=1))


def test_data_without_delays_lose_nothing(ring, exact):
    both = [config(ring, calibrate, offset=10_000) for calibrate in (False, True)]
    plain, calibrated = (counts(options, exact[1], found(options, *exact)[0])[0] for options in both)
    assert abs(calibrated - plain) < 0.002


def test_an_object_off_the_axis_is_no_delay(ring):
    options = config(ring)
    examples = measurement(ring, 3, options, phantom_offset=[15.0, 10.0])
    scanner = load_scanner(ring)
    with_flight = DelaySurvey(scanner, options.reach, flight=True)
    with_flight.add(examples)
    fits = [measured(examples, scanner, options.reach).fit, with_flight.delays().fit]
    # Delays of a cosine of 18 mm over the speed of light, or none.
    assert fits[0].delay.std() < 10
    assert fits[1].delay.std() == pytest.approx(np.hypot(15, 10) / LIGHT / np.sqrt(2), rel=0.25)
    assert fits[0].sigma == pytest.approx(fits[1].sigma, rel=0.05)


def some_slices(start=0.0, lent=20, n=200):
    rng = np.random.default_rng(5)
    times = [np.sort(rng.integers(0, 10**6, n - lent)), np.sort(rng.integers(10**6 + 5000, 2 * 10**6, lent))]
    time = start + np.tile(np.concatenate(times), 2) * 1e-12
    rows = np.array([0, n, 2 * n])
    columns = {"energy": np.full(2 * n, 0.511), "x": rng.normal(size=2 * n), "y": rng.normal(size=2 * n), "z": np.zeros(2 * n), "crystal_id": rng.integers(0, 8, 2 * n)}
    return {"n_owned": np.full(2, n - lent, np.int32), "time": Ragged(time, rows), **{name: Ragged(column, rows) for name, column in columns.items()}}


@pytest.mark.parametrize("start", [0.0, 10.0, 3600.0])
def test_times_are_corrected_whenever_the_measurement_began(start):
    examples = some_slices(start)
    survey = DelaySurvey(None, 2500.0)
    survey.add(examples)
    delays = survey.delays()
    delays.fit.delay[:] = np.linspace(-1200, 1200, 8)
    slices, order = delays.corrected(examples)
    expected = slice_times(examples) - np.rint(delays.fit.delay).astype(int)[delays.index.of(examples)]
    lag = np.diff(slices["time"].flat * 1e12) - np.diff(expected[order])
    assert np.abs(lag).max() < 1e-3
    assert np.array_equal(slices["energy"].offsets, examples["energy"].offsets) and np.array_equal(slices["x"].flat, examples["x"].flat[order])
    for k in range(2):
        assert sorted(order[200 * k : 200 * k + 180]) == list(range(200 * k, 200 * k + 180))
        assert (np.diff(slices["time"].flat[200 * k : 200 * k + 180]) >= 0).all()


def test_each_slice_is_corrected_by_others_in_its_place(ring, delayed):
    surveyed = slice_rows(delayed[0], 0, 20)
    scanner = load_scanner(ring)
    delays = measured(surveyed, scanner, 2100.0)
    slices = corrected_by_others(surveyed, scanner, 2100.0, delays)
    for name in ("n_owned", "energy"):
        values = [np.sort(columns[name].flat) if name == "energy" else columns[name] for columns in (slices, surveyed)]
        assert np.array_equal(*values)
    assert np.array_equal(slices["time"].offsets, surveyed["time"].offsets)
    few = slice_rows(surveyed, 0, 3)
    assert np.array_equal(corrected_by_others(few, scanner, 2100.0, delays)["time"].flat, delays.corrected(few)[0]["time"].flat)


def test_without_delays_pairs_come_as_they_are():
    pairs = Pairs(np.array([3, 1]), np.array([5, 2]), np.ones(2), np.ones(2, int), np.zeros(2, bool))
    assert with_corrected_times(None, {}, lambda slices: pairs) is pairs


def lines_through(point, n, rng):
    """Return the two ends, on a circle, of lines through a point, mm."""
    angle = rng.uniform(0, np.pi, n)
    u = np.column_stack([np.cos(angle), np.sin(angle)])
    along = u @ point
    half = np.sqrt(60.0**2 - point @ point + along**2)
    z = rng.uniform(-20, 20, (2, n))
    return [np.column_stack([point + (sign * half - along)[:, None] * u, z[k]]) for k, sign in enumerate((1, -1))]


def test_the_middle_of_an_object_is_found_among_randoms_and_tells_the_flight():
    rng, point = np.random.default_rng(6), np.array([15.0, -8.0])
    angle = rng.uniform(0, 2 * np.pi, (2, 40_000))
    randoms = [np.column_stack([60 * np.cos(a), 60 * np.sin(a), np.zeros(40_000)]) for a in angle]
    p, q = (np.concatenate(parts) for parts in zip(lines_through(point, 10_000, rng), randoms, strict=True))
    weight = np.concatenate([np.ones(30_000), -np.ones(20_000)])
    assert np.allclose(middle_of(p, q, weight), point, atol=1.5)
    assert not middle_of(*randoms, weight[:40_000] * np.where(np.arange(40_000) % 2, 1, -1)).any()
    p, q = lines_through(point, 500, rng)
    # The line passes the point where z is between the ends' as the ways in x and y are.
    ways = [np.hypot(*(end[:, :2] - point).T) for end in (p, q)]
    z = p[:, 2] + (q[:, 2] - p[:, 2]) * ways[0] / (ways[0] + ways[1])
    source = np.column_stack([np.tile(point, (500, 1)), z])
    expected = (np.linalg.norm(q - source, axis=1) - np.linalg.norm(p - source, axis=1)) / LIGHT
    assert np.allclose(flight(p, q, point), expected, atol=1e-6)
    assert np.array_equal(line_classes(p, q), line_classes(q, p))


def test_a_spiking_network_says_that_it_calibrates_nothing():
    engine = choose(get_task("petnet"), EngineChoice(engine="snn", overrides=["apply.calibrate_delays=true"], device="cpu")).engine
    assert any("apply.calibrate_delays has no effect" in sentence for sentence in engine.warnings)


def in_steps(examples):
    """Singles at whole steps of 1/64 mm, which a shift of whole mm leaves as they are."""
    return examples | {name: Ragged(np.rint(examples[name].flat * 64) / np.float32(64), examples[name].offsets) for name in "xyz"}


SHIFT = (50.0, 300.0, -40.0)


def along_x(examples):
    """The same scanner along x, around a point off the origin: what was z is x there."""
    columns = {name: examples[of] for name, of in zip("xyz", "zxy", strict=True)}
    return examples | {name: Ragged(columns[name].flat + np.float32(shift), columns[name].offsets) for name, shift in zip("xyz", SHIFT, strict=True)}


def test_delays_of_a_scanner_off_the_origin_and_along_x_are_the_same(ring, delayed):
    examples = delayed[0]
    plain, other = (DelaySurvey(None, config(ring).reach) for _ in range(2))
    plain.add(examples)
    other.add(along_x(examples))
    one, again = plain.delays().fit, other.delays().fit
    # Lines on the border of two classes may be taken to either.
    difference = np.abs(one.delay - again.delay)
    assert difference.mean() < 0.4 * one.error.mean() and difference.max() < one.error.mean()


CUTS = {"fov_radius": 25.0, "fov_length": 30.0, "max_axial_distance": 30.0, "min_transaxial_distance": 100.0}


@pytest.mark.parametrize("step", [10**9, 11])
def test_cuts_on_places_choose_the_same_pairs_to_measure_delays_wherever_the_scanner_stands(ring, delayed, step):
    found = []
    for examples, place in ((in_steps(delayed[0]), {"axis": "z", "centre": (0.0, 0.0, 0.0)}), (along_x(in_steps(delayed[0])), {"axis": "x", "centre": SHIFT})):
        options = config(ring, offset=10_000, classical=CUTS, **place)
        engine = ClassicalEngine(options, None, None)
        for start in range(0, length(examples), step):
            engine.survey(slice_rows(examples, start, min(length(examples), start + step)))
        found.append((Pairs.of(engine(examples)), engine.delays.fit))
    (pairs, fit), (again, other) = found
    assert fit.known.sum() > 90
    assert np.array_equal(fit.delay, other.delay) and np.array_equal(fit.error, other.error)
    assert len(pairs.first) > 2000 and np.array_equal(pairs.first, again.first) and np.array_equal(pairs.second, again.second)


def test_delays_are_measured_with_cuts_where_the_scanner_is_found_to_stand(ring, delayed):
    found = []
    for examples in (delayed[0], along_x(delayed[0])):
        engine = ClassicalEngine(config(ring, offset=10_000, classical=CUTS), None, None)
        engine.survey(examples)
        engine(slice_rows(examples, 0, 1))
        found.append(engine.delays.fit)
    one, again = found
    # The middle that is found differs by a little, and so do the pairs at the edges of the cuts.
    assert (one.known == again.known).mean() > 0.95
    both = one.known & again.known
    assert np.abs(one.delay - again.delay)[both].mean() < one.error[both].mean() < SPREAD / 10
