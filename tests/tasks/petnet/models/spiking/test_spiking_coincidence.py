"""Coincidence neurons: the same as ticking ones, what fires and what is inhibited, and that delays are learnt."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from pphysml.errors import InputError, ModelError
from pphysml.io.ragged import Ragged, take
from pphysml.model_file import ModelFile
from pphysml.tasks.petnet.coincidences.pairs import Pairs
from pphysml.tasks.petnet.learner import pet_learner
from pphysml.tasks.petnet.models.pairs.pairs_engine import PairsEngine
from pphysml.tasks.petnet.models.spiking.coincidence import CoincidenceNetwork
from pphysml.tasks.petnet.models.spiking.coincidence_input import crystal_pairs, inputs_of
from pphysml.tasks.petnet.models.spiking.engines import snn_engine
from pphysml.tasks.petnet.models.spiking.line_classes import LineClasses

from .ring_examples import config, decays, ring, slices

TAU = 20.0


def network(lines, seed=0):
    """A network with whole delays in ps and other parameters at random."""
    rng = np.random.default_rng(seed)
    made = CoincidenceNetwork(lines.scanner.n_crystals, lines.steps, lines.rings, TAU, 1.0, 10.0)
    with torch.no_grad():
        made.delay.copy_(torch.from_numpy(rng.integers(0, 40, len(made.delay)) / TAU))
        made.step_window.copy_(torch.from_numpy(rng.normal(1.0, 1.0, lines.steps)))
        made.ring_window.copy_(torch.from_numpy(rng.normal(0.0, 0.5, lines.rings)))
    return made


def engine(options, made, **parts):
    """The engine of a network's weights."""
    weights = {name: value.detach().numpy() for name, value in made.state_dict().items()}
    return snn_engine(options.model_copy(update=parts), ModelFile({"task": "petnet"}, weights), "cpu")


def pairs_of(options, made, examples):
    return Pairs.of(engine(options, made)(examples))


def random_spikes(scanner, seed, duration, dead):
    """Singles at random, each crystal blind for a while after one: (time, crystal)."""
    rng = np.random.default_rng(seed)
    found = []
    for c in range(scanner.n_crystals):
        t = np.cumsum(dead + rng.integers(0, 2 * dead, duration // dead)) - rng.integers(0, dead)
        found += [(when, c) for when in t[t < duration].tolist()]
    return sorted(found)


def ticking(made, lines, spikes, duration):
    """Membranes after the second of two inputs, and what fires, of one neuron per pair of crystals; tick after tick."""
    neurons = np.array(list(combinations(range(lines.scanner.n_crystals), 2)))
    weight = torch.sigmoid(made.window(*map(torch.from_numpy, lines.of(*neurons.T)))).detach().numpy()
    delays = np.rint(made.delay.detach().numpy() * TAU).astype(int)
    decay = np.exp(-1 / made.tau.item())
    arriving = {}
    for when, crystal in spikes:
        arriving.setdefault(when + delays[crystal], []).append(crystal)
    membrane = np.zeros(len(neurons))
    seen, fired = {}, set()
    for tick in range(duration + delays.max() + 1):
        membrane *= decay
        for crystal in arriving.get(tick, []):
            touched = (neurons == crystal).any(axis=1)
            membrane[touched] += weight[touched]
            for k in np.flatnonzero(touched):
                seen[(*neurons[k].tolist(), tick)] = membrane[k]
        for k in np.flatnonzero(membrane > 1):
            fired.add((*neurons[k].tolist(), tick))
        membrane[membrane > 1] = 0
    return seen, fired


def test_events_alone_give_what_a_clock_gives():
    scanner = ring()
    lines = LineClasses(scanner)
    made = network(lines).double()
    spikes = random_spikes(scanner, 1, duration=16000, dead=600)
    seen, fired = ticking(made, lines, spikes, 16000)
    examples = slices(scanner, [[(t, c, 0, 1) for t, c in spikes]])
    pairs, crystal = crystal_pairs(examples, lines, reach=300.0)
    membrane = made.membrane(*inputs_of(pairs, crystal, lines, TAU)).detach().numpy()
    a, b = np.sort(np.stack([crystal[pairs.first], crystal[pairs.second]]), axis=0)
    times = np.array([t for t, _ in spikes]) + np.rint(made.delay.detach().numpy() * TAU).astype(int)[crystal]
    later = np.maximum(times[pairs.first], times[pairs.second])
    keys = list(zip(a.tolist(), b.tolist(), later.tolist(), strict=True))
    np.testing.assert_allclose(membrane, [seen[key] for key in keys], atol=1e-6)
    assert {key for key, m in zip(keys, membrane, strict=True) if m > 1} == fired
    assert len(fired) > 30 and len(fired) < len(keys) / 2


def test_a_neuron_fires_within_its_window_and_never_at_one_spike():
    made = network(LineClasses(ring()), seed=3).double()
    rng = np.random.default_rng(0)
    first, second, step, rings = (torch.from_numpy(rng.integers(0, n, 4000)) for n in (24, 24, 7, 3))
    dt = torch.from_numpy(rng.normal(0, 3, 4000))
    late = (dt + made.delay[second] - made.delay[first]).abs() * TAU
    membrane = made.membrane(dt, first, second, step, rings)
    assert torch.equal(membrane > 1, late < made.window(step, rings) * made.tau)
    assert torch.equal(made(dt, first, second, step, rings) > 0, membrane > 1)
    assert made.membrane(dt + 1e4, first, second, step, rings).max() < 1


def test_gradients_of_delays_and_windows_are_exact():
    made = network(LineClasses(ring()), seed=4).double()
    rng = np.random.default_rng(1)
    first, second = (torch.from_numpy(c) for c in (np.arange(0, 12), np.arange(12, 24)))
    step, rings, dt = torch.from_numpy(rng.integers(0, 7, 12)), torch.from_numpy(rng.integers(0, 3, 12)), torch.from_numpy(rng.normal(0, 3, 12))
    names, parameters = zip(*made.named_parameters(), strict=True)

    def logits(*values):
        return torch.func.functional_call(made, dict(zip(names, values, strict=True)), (dt, first, second, step, rings))

    assert torch.autograd.gradcheck(logits, tuple(p.detach().requires_grad_() for p in parameters), fast_mode=True)


def test_classes_are_those_of_turns_and_mirrors():
    lines, n = LineClasses(ring()), 12
    a, b = (c.ravel() for c in np.meshgrid(np.arange(24), np.arange(24)))

    def number(a, b):
        step, rings = lines.of(a, b)
        return step * lines.rings + rings

    classes = number(a, b)
    assert np.array_equal(np.unique(classes), np.arange(lines.steps * lines.rings))
    assert np.array_equal(classes, number(b, a))
    for move in (lambda place: place + 5, lambda place: -place):
        moved = [c // n * n + move(c % n) % n for c in (a, b)]
        assert np.array_equal(classes, number(*moved))
    # Nothing else is equal: as many pairs in a class as there are turns and mirrors.
    assert np.bincount(classes).max() <= 4 * n


def test_a_pair_without_rivals_is_taken_if_its_neuron_fires_and_no_single_is_in_two(tmp_path):
    scanner = ring()
    options, made = config(tmp_path, "coincidence", {"tau": TAU}), network(LineClasses(scanner), seed=5)
    examples = decays(scanner, np.random.default_rng(2), 40, 12, 3000, np.zeros(24))
    found = pairs_of(options, made, examples)
    ends = np.concatenate([found.first, found.second])
    assert len(np.unique(ends)) == len(ends) > 20
    pairs, crystal = crystal_pairs(examples, LineClasses(scanner), 200.0)
    degree = np.bincount(np.concatenate([pairs.first, pairs.second]), minlength=len(crystal))
    alone = (degree[pairs.first] == 1) & (degree[pairs.second] == 1)
    fires = made.membrane(*inputs_of(pairs, crystal, LineClasses(scanner), TAU)).detach().numpy() > 1
    taken = np.isin(pairs.first * len(crystal) + pairs.second, found.first * len(crystal) + found.second)
    assert np.array_equal(taken[alone], fires[alone]) and 5 < fires[alone].sum() < alone.sum()
    same = np.isin(found.first, pairs.first[alone])
    assert (found.multiplicity[same] == 2).all() and (found.multiplicity >= 2).all()


def test_pairs_do_not_depend_on_the_time_and_on_other_slices(tmp_path):
    scanner = ring()
    options, made = config(tmp_path, "coincidence", {"tau": TAU}), network(LineClasses(scanner), seed=6)
    examples = decays(scanner, np.random.default_rng(3), 20, 12, 3000, np.zeros(24))
    whole = pairs_of(options, made, examples)
    later = {**examples, "time": Ragged(examples["time"].flat + 2.0**-20, examples["time"].offsets)}
    assert np.array_equal(pairs_of(options, made, later).first, whole.first)
    alone = [pairs_of(options, made, take(examples, np.array([k]))) for k in range(20)]
    starts = examples["time"].offsets[:-1]
    for name in ("first", "second"):
        assert np.array_equal(np.concatenate([getattr(p, name) + s for p, s in zip(alone, starts, strict=True)]), getattr(whole, name))
    assert np.array_equal(np.concatenate([p.score for p in alone]), whole.score)


@pytest.mark.parametrize("least", [0.05, 0.7])
def test_validation_judges_the_pairs_that_applying_takes(tmp_path, least):
    scanner = ring()
    options = config(tmp_path, "coincidence", {"tau": TAU})
    options = options.model_copy(update={"apply": options.apply.model_copy(update={"min_score": least, "window": 150.0})})
    made, examples = network(LineClasses(scanner), seed=6), decays(scanner, np.random.default_rng(3), 20, 12, 3000, np.zeros(24))
    taken, terms = pairs_of(options, made, examples), pet_learner(options).validate(made, examples)
    true = terms["recall"].count
    assert terms["f1"].count == len(taken.first) + true and true > 20
    n = len(examples["time"].flat)
    rows = np.repeat(np.arange(20), examples["time"].counts)
    same = (rows[taken.first] == rows[taken.second]) & (examples["event"].flat[taken.first] == examples["event"].flat[taken.second])
    assert terms["recall"].total == same.sum() and len(np.unique(np.concatenate([taken.first, taken.second]))) == 2 * len(taken.first) <= n


def test_delays_and_lines_are_learnt(tmp_path):
    scanner, rng = ring(), np.random.default_rng(4)
    delays = rng.integers(0, 60, 24)
    options = config(tmp_path, "coincidence", {"tau": 30})
    learner = pet_learner(options)
    made = learner.build({})
    held_out = decays(scanner, rng, 100, 20, 5000, delays)
    before = learner.validate(made, held_out)["f1"]
    optimizer = torch.optim.Adam(made.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 120)
    batches = [learner.collate(decays(scanner, rng, 20, 20, 5000, delays)) for _ in range(12)]
    for step in range(120):
        term = learner.losses(made, batches[step % 12])["matching"]
        optimizer.zero_grad()
        (term.total / term.count).backward()
        optimizer.step()
        schedule.step()
    after = learner.validate(made, held_out)["f1"]
    # Pairs join opposite crystals only: each set of connected ones has a mean of its own.
    groups = np.arange(24) % 6
    error = made.delays.detach().numpy() - delays
    error -= (np.bincount(groups, error) / 4)[groups]
    assert error.std() < 4 < 15 < delays.std()
    assert after.total / after.count > 0.97 > 0.8 > before.total / before.count
    # Only lines to the opposite place are left.
    windows = made.window(torch.arange(7)[:, None], torch.arange(3)).detach()
    assert windows[6].min() > 0.5 > 0 > windows[1:6].max()


def test_as_many_delayed_pairs_as_random_ones(tmp_path):
    scanner, rng = ring(), np.random.default_rng(5)
    options = config(tmp_path, "coincidence", {"tau": TAU})
    made = network(LineClasses(scanner), seed=7)
    # One long slice of singles that have nothing to do with each other, half of them lent.
    times = np.sort(rng.integers(0, 20_000_000, 100_000))
    examples = slices(scanner, [[(t, c, k, 1) for k, (t, c) in enumerate(zip(times, rng.integers(0, 24, len(times)), strict=True))]])
    examples["n_owned"] = np.array([50_000], np.int32)
    apply = options.apply.model_copy(update={"offset": 10_000.0})
    found = Pairs.of(engine(options, made, apply=apply)(examples))
    prompt, delayed = (~found.delayed).sum(), found.delayed.sum()
    assert prompt > 1000 and abs(delayed - prompt) < 5 * np.sqrt(prompt + delayed)
    late = examples["time"].flat[found.second] - examples["time"].flat[found.first]
    assert (np.abs(late[found.delayed] - 1e-8) < 201e-12).all() and (late[~found.delayed] < 201e-12).all()


def test_weights_of_another_network_or_scanner_are_refused(tmp_path):
    options, made = config(tmp_path, "coincidence"), network(LineClasses(ring()))
    with pytest.raises(ModelError, match="toy-240"):
        engine(options, made, apply=options.apply.model_copy(update={"scanner": "toy-240"}))
    with pytest.raises(ModelError, match="engine pairs"):
        engine(options, made, model=options.model.model_copy(update={"name": "pairs"}))
    with pytest.raises(ModelError, match="engine snn"):
        PairsEngine(options, ModelFile({"task": "petnet"}, {}), "cpu")


def test_singles_of_another_scanner_are_refused_and_lost_ones_told(tmp_path):
    options, made = config(tmp_path, "coincidence", {"tau": TAU}), network(LineClasses(ring()))
    examples = decays(ring(), np.random.default_rng(6), 5, 10, 3000, np.zeros(24))
    ran = engine(options, made)
    ran(examples)
    assert ran.warnings == []
    examples["rsector_id"].flat[:3] = 99
    ran(examples)
    assert ran.warnings == ["3 singles are in no crystal of the scanner 'small', and in no pair"]
    for axis in "xy":
        examples[axis].flat[:] *= 2
    with pytest.raises(InputError, match="'small'"):
        ran(examples)
