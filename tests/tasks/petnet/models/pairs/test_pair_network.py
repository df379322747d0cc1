"""The network of pairs: symmetry, labels, learning; and the engines from file to file."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import uproot

from pphysml.errors import ConfigError
from pphysml.io.ragged import Ragged, slice_rows
from pphysml.progress import Silent
from pphysml.registry import get_task
from pphysml.tasks.petnet.coincidences.candidates import candidates
from pphysml.tasks.petnet.coincidences.pairs import Pairs
from pphysml.tasks.petnet.config import PetConfig
from pphysml.tasks.petnet.models.domain import outside
from pphysml.tasks.petnet.models.pairs.features import NAMES
from pphysml.tasks.petnet.models.pairs.labels import labels_of
from pphysml.tasks.petnet.models.pairs.learner import SURVEYS, PairLearner
from pphysml.tasks.petnet.models.pairs.network import PairNetwork
from pphysml.tasks.petnet.simulation.simulate import PetSimulation
from pphysml.verbs.apply import apply
from pphysml.verbs.engine_choice import EngineChoice, choose
from pphysml.verbs.inputs import Inputs
from pphysml.verbs.simulate import simulate

SETTINGS = {
    "simulation": {"activity": 500.0}, "data": {"window": 600.0, "slice_singles": 512}, "model": {"survey_singles": 30_000},
    "training": {"steps": 20, "batch_size": 8},
}


def trained_network(seed=0):
    torch.manual_seed(seed)
    network = PairNetwork(16, 2)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3)
    return network.double()


def graph(n=40, edges=60, seed=1):
    rng = np.random.default_rng(seed)
    pairs = torch.tensor(np.array([rng.choice(n, 2, replace=False) for _ in range(edges)]))
    features, factor, unscattered = rng.normal(size=(edges, len(NAMES))), rng.normal(size=edges), rng.uniform(0.1, 0.9, size=edges)
    return torch.tensor(features), torch.tensor(factor), torch.tensor(unscattered), torch.ones(edges), pairs[:, 0], pairs[:, 1], n


def test_neither_the_order_of_pairs_nor_of_singles_nor_of_both_in_a_pair_matters():
    features, factor, share, prompt, first, second, n = graph()
    network = trained_network()
    score, unscattered = network(features, factor, share, prompt, first, second, n)
    order, renamed = torch.randperm(60), torch.randperm(n)
    again, again_unscattered = network(features[order], factor[order], share[order], prompt, renamed[second[order]], renamed[first[order]], n)
    assert torch.allclose(again, score[order])
    assert torch.allclose(again_unscattered, unscattered[order])


def test_pairs_hear_of_those_that_share_a_single_and_of_no_others():
    features, *others, first, second, n = graph(n=200, edges=40)
    network = trained_network()
    before, _ = network(features, *others, first, second, n)
    changed = features.clone()
    changed[0] += 1
    after, _ = network(changed, *others, first, second, n)
    near = {0}
    for _ in range(2):
        singles = {int(s[k]) for k in near for s in (first, second)}
        near = {k for k in range(40) if int(first[k]) in singles or int(second[k]) in singles}
    moved = set(torch.nonzero((after - before).abs() > 1e-9).flatten().tolist())
    assert 0 in moved and moved <= near


def test_others_do_not_hear_of_delayed_pairs_which_hear_of_prompt_ones():
    features, factor, share, prompt, first, second, n = graph(n=20)
    network = trained_network()
    prompt[40:] = 0
    score, _ = network(features, factor, share, prompt, first, second, n)
    alone, _ = network(features[:40], factor[:40], share[:40], prompt[:40], first[:40], second[:40], n)
    assert torch.allclose(score[:40], alone)
    for k in (40, 59):
        rows = [*range(40), k]
        one, _ = network(features[rows], factor[rows], share[rows], prompt[rows], first[rows], second[rows], n)
        assert torch.isclose(one[-1], score[k])
    changed = features.clone()
    changed[:40] += 1
    assert not torch.isclose(network(changed, factor, share, prompt, first, second, n)[0][40:], score[40:]).all()


def test_an_untrained_network_says_what_the_likelihood_says():
    features, factor, share, prompt, first, second, n = graph()
    score, unscattered = PairNetwork(16, 2).double()(features, factor, share, prompt, first, second, n)
    assert torch.equal(score, factor) and torch.allclose(torch.sigmoid(unscattered), share)


@pytest.fixture(scope="module")
def config():
    return PetConfig.model_validate(SETTINGS)


@pytest.fixture(scope="module")
def examples(config):
    return PetSimulation(config, 1).examples(0, 60)


def test_every_event_is_to_be_found_once_and_every_single_is_in_one_pair(config, examples):
    pairs = candidates(examples, 600.0)
    labels = labels_of(examples, pairs, config)
    event, photon = examples["event"].flat, examples["photon_id"].flat
    same = (event[pairs.first] == event[pairs.second]) & (photon[pairs.first] != photon[pairs.second])
    assert np.array_equal(labels.same_event, same) and labels.true.sum() > 500
    assert sorted(event[pairs.first[labels.true]]) == sorted(set(event[pairs.first[same]]))
    singles = np.concatenate([pairs.first[labels.true], pairs.second[labels.true]])
    assert len(set(singles)) == len(singles)
    scattered = (examples["compton_phantom"].flat + examples["rayleigh_phantom"].flat) > 0
    assert not (labels.unscattered & (scattered[pairs.first] | scattered[pairs.second])).any()


def test_a_batch_of_slices_is_the_sum_of_its_slices_and_training_lowers_the_loss(config, examples):
    from pphysml.io.ragged import slice_rows

    learner = PairLearner(config)
    network = learner.build(learner.prepare([examples]))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0, 0.1)
    whole = learner.losses(network, learner.collate(slice_rows(examples, 0, 6)))
    parts = [learner.losses(network, learner.collate(slice_rows(examples, k, k + 1))) for k in range(6)]
    for name in whole:
        assert np.isclose(whole[name].total.item(), sum(p[name].total.item() for p in parts), rtol=1e-4)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    losses = []
    for _ in range(15):
        term = learner.losses(network, learner.collate(examples))["matching"]
        loss = term.total / term.count
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_a_network_sees_singles_of_a_scanner_off_the_origin_as_it_does_at_the_origin(examples):
    # At whole steps of 1/64 mm, so that a shift of whole mm changes nothing.
    at = {name: Ragged(np.rint(examples[name].flat * 64) / np.float32(64), examples[name].offsets) for name in "xyz"}
    shift = (50.0, 300.0, -40.0)
    there = {name: Ragged(at[of].flat + np.float32(by), at[of].offsets) for name, of, by in zip("xyz", "zxy", shift, strict=True)}
    batches = []
    for places, stands in ((at, {}), (there, {"axis": "x", "centre": shift})):
        learner = PairLearner(PetConfig.model_validate({**SETTINGS, "apply": stands}))
        learner.prepare([examples | places])
        batches.append(learner.collate(slice_rows(examples | places, 0, 6)))
    assert batches[0].keys() == batches[1].keys() and all(torch.equal(batches[0][name], batches[1][name]) for name in batches[0])


def test_settings_have_a_mixture_each(examples):
    config = PetConfig.model_validate({**SETTINGS, "simulation": {"activity": 500.0, "further": [{"activity": 100.0}]}})
    simulation = PetSimulation(config, 1)
    parts = [simulation.examples(block, 40) for block in range(2)]
    assert [set(p["setting"].tolist()) for p in parts] == [{0}, {1}]
    # The same number of singles lasts longer at a lower activity.
    spans = [float((p["time"].flat[p["time"].offsets[1:] - 1] - p["time"].flat[p["time"].offsets[:-1]]).mean()) for p in parts]
    assert 3 < spans[1] / spans[0] < 8
    learner = PairLearner(config)
    prepared = learner.prepare(parts)
    assert set(learner.mixtures) == set(range(2 * len(SURVEYS))) and set(prepared) == {"domain"}
    assert not list(outside(parts[0], prepared)) and not list(outside(parts[1], prepared))
    slower = PetConfig.model_validate({**SETTINGS, "simulation": {"activity": 10.0}, "data": {"energy_window": (100, 601)}})
    found = list(outside(PetSimulation(slower, 2).examples(0, 5), prepared))
    assert len(found) == 2 and "singles in a nanosecond, but the model was trained on" in found[0] and "lowest energies" in found[1]


@pytest.fixture(scope="module")
def singles(tmp_path_factory, config):
    path = tmp_path_factory.mktemp("petnet") / "singles.root"
    simulate(get_task("petnet"), config, path, 120_000, seed=5)
    return path


def test_blocks_of_the_file_change_nothing_and_delayed_pairs_are_written(singles, tmp_path):
    trees = []
    for block in (7_000, 500_000):
        output = tmp_path / f"{block}.root"
        apply(get_task("petnet"), Inputs([str(singles)]), EngineChoice(engine="likelihood", overrides=[f"apply.block_size={block}", "apply.offset=20ns", "apply.survey_singles=10000", "apply.slice_singles=1000", "apply.min_score=0.5"]), output=output)
        with uproot.open(output) as file:
            trees.append({name: file[name].arrays(library="np") for name in ("Coincidences", "delay")})
    for name in ("Coincidences", "delay"):
        assert len(trees[0][name]["score"]) > 20
        for branch, values in trees[0][name].items():
            assert np.array_equal(values, trees[1][name][branch]), branch
    late = trees[0]["delay"]
    assert ((late["time2"] - late["time1"]) * 1e9 >= 20 - 1e-3).all()
    prompt = trees[0]["Coincidences"]
    same = prompt["eventID1"] == prompt["eventID2"]
    assert same.mean() > 0.7 and (prompt["score"] >= 0.5).all()
    assert prompt["score"][same].mean() > prompt["score"][~same].mean()


def test_asking_for_delayed_pairs_leaves_the_prompt_ones_alone(singles, tmp_path):
    found = []
    for offset in ("0", "20ns"):
        output = tmp_path / f"{offset}.root"
        apply(get_task("petnet"), Inputs([str(singles)]), EngineChoice(engine="likelihood", overrides=[f"apply.offset={offset}"]), output=output)
        with uproot.open(output)["Coincidences"] as tree:
            found.append(tree.arrays(["entry1", "entry2", "score"], library="np"))
    assert all(np.array_equal(found[0][name], found[1][name]) for name in found[0])


def listed(singles, output, *overrides):
    apply(get_task("petnet"), Inputs([str(singles)]), EngineChoice(engine="likelihood", overrides=["apply.survey_singles=20000", *overrides]), output=output)
    with uproot.open(output) as file:
        return {name: file[name].arrays(library="np") for name in ("Coincidences", "candidates") if f"{name};1" in file}


def test_candidates_are_all_pairs_in_the_window_and_the_output_stays_as_it_is(singles, tmp_path):
    plain, every = listed(singles, tmp_path / "plain.root"), listed(singles, tmp_path / "every.root", "apply.candidates=0", "apply.block_size=7000")
    assert set(plain) == {"Coincidences"}
    for branch, values in plain["Coincidences"].items():
        assert np.array_equal(values, every["Coincidences"][branch]), branch
    with uproot.open(singles)["Singles"] as tree:
        rows = tree.arrays(["time", "energy", "eventID"], library="np")
    entry = np.flatnonzero((rows["energy"] >= 0.391) & (rows["energy"] <= 0.601))
    time = rows["time"][entry]
    found = every["candidates"]
    pairs = {*zip(found["entry1"].tolist(), found["entry2"].tolist(), strict=True)}
    # Times are rounded to picoseconds, so that a pair at the end of the window is on either side of it.
    inner, outer = ({(int(a), int(b)) for k, a in enumerate(entry) for b in entry[k + 1 : until[k]]}
                    for until in (np.searchsorted(time, time + end, side="right") for end in (499e-12, 501e-12)))
    assert inner <= pairs <= outer and len(pairs) == len(found["entry1"]) > 1.05 * len(plain["Coincidences"]["score"])
    # Weights instead of choices: they add up to the true pairs, and those taken are among them with the same ones.
    true = rows["eventID"][found["entry1"]] == rows["eventID"][found["entry2"]]
    assert found["score"].sum() == pytest.approx(true.sum(), abs=0.02 * true.sum() + 4 * np.sqrt(true.sum()))
    score = dict(zip(zip(found["entry1"], found["entry2"], strict=True), found["score"], strict=True))
    taken = plain["Coincidences"]
    assert [score[pair] for pair in zip(taken["entry1"], taken["entry2"], strict=True)] == taken["score"].tolist()
    likely = listed(singles, tmp_path / "likely.root", "apply.candidates=0.1")["candidates"]
    for branch, values in likely.items():
        assert np.array_equal(values, found[branch][found["score"] >= np.float32(0.1)]), branch


def test_candidates_are_no_pairs_to_be_judged(singles):
    from pphysml.verbs.evaluate import evaluate

    judged = [evaluate(get_task("petnet"), Inputs([str(singles)]), EngineChoice(engine="likelihood", overrides=["apply.survey_singles=20000", *more]))["likelihood"]
              for more in ([], ["apply.candidates=0"])]
    assert [metric.value for metric in judged[0].metrics] == [metric.value for metric in judged[1].metrics]


@pytest.mark.parametrize("engine", ["classical", "snn"])
def test_engines_without_probabilities_list_no_candidates(engine):
    config = PetConfig.model_validate({"apply": {"candidates": 0.0}})
    with pytest.raises(ConfigError, match="--engine likelihood or pairs"):
        get_task("petnet").engine(engine, config, None, None)


def test_few_singles_for_the_survey_are_still_some_of_every_setting():
    config = PetConfig.model_validate({**SETTINGS, "simulation": {"activity": 500.0, "further": [{"activity": 100.0}, {"phantom": "rat"}]}, "training": {"block_size": 8}})
    simulation = PetSimulation(config, 1)
    n = PairLearner(config).prepare_examples
    assert n >= 3 * 8
    assert {int(s) for block in range(n // 8) for s in simulation.examples(block, 8)["setting"]} == {0, 1, 2}


def test_pairs_of_too_few_singles_to_learn_from_are_those_of_classical_and_that_is_said(tmp_path, config):
    path = tmp_path / "few.root"
    simulate(get_task("petnet"), config, path, 500, seed=5)
    found = {}
    for engine, overrides in (("likelihood", []), ("classical", ["apply.classical.policy=takeClosestOfGoods"])):
        output = tmp_path / f"{engine}.root"
        summary = apply(get_task("petnet"), Inputs([str(path)]), EngineChoice(engine=engine, overrides=overrides), output=output)
        with uproot.open(output) as file:
            found[engine] = file["Coincidences"].arrays(["entry1", "entry2"], library="np")
        assert any("too few true pairs to learn from" in sentence for sentence in summary["warnings"]) == (engine == "likelihood")
    assert len(found["likelihood"]["entry1"])
    for name in ("entry1", "entry2"):
        assert np.array_equal(found["likelihood"][name], found["classical"][name])


class Shown(Silent):
    """Keeps what is shown: how far each stage came, and lines."""

    def __init__(self):
        self.stages, self.lines = [], []

    def start(self, label, total, unit):
        self.stages.append([label, 0])

    def advance(self, n, **values):
        self.stages[-1][1] += n

    def log(self, message):
        self.lines.append(message)


def test_a_survey_is_shown_as_it_goes_and_its_warnings_once(tmp_path, config):
    path = tmp_path / "few.root"
    simulate(get_task("petnet"), config, path, 500, seed=5)
    shown = Shown()
    summary = apply(get_task("petnet"), Inputs([str(path)]), EngineChoice(engine="likelihood", overrides=["apply.block_size=100"]), output=tmp_path / "out.root", progress=shown)
    n = summary["entries"]
    assert shown.stages == [["petnet: likelihood, survey", n], ["petnet: likelihood", n]]
    assert summary["warnings"] and sorted(shown.lines) == sorted(f"warning: {sentence}" for sentence in summary["warnings"])


def test_some_dozens_of_true_pairs_among_as_many_randoms_are_enough_to_be_better_than_classical():
    config = PetConfig.model_validate({"simulation": {"activity": 500.0}, "data": {"window": 600.0, "slice_singles": 1024}})
    slices = PetSimulation(config, 11).examples(0, 12)
    right, taken, wanted = {}, {}, 0
    for start in range(0, 12, 2):
        part = slice_rows(slices, start, start + 2)
        pairs, n = candidates(part, 600.0), len(part["time"].flat)
        labels = labels_of(part, pairs, config)
        wanted += labels.true.sum()
        for name in ("likelihood", "classical"):
            engine = choose(get_task("petnet"), EngineChoice(engine=name, overrides=["apply.window=600ps"], device="cpu")).engine
            if engine.surveys:
                engine.survey(part)
            found = Pairs.of(engine(part))
            right[name] = right.get(name, 0) + np.isin(found.first * n + found.second, (pairs.first * n + pairs.second)[labels.same_event]).sum()
            taken[name] = taken.get(name, 0) + len(found.first)
    assert wanted < 6 * 120
    f1 = {name: 2 * right[name] / (taken[name] + wanted) for name in right}
    assert f1["likelihood"] > f1["classical"] + 0.05


def test_singles_of_no_slice_are_never_paired(config, examples):
    pairs = candidates(examples, 600.0)
    time = examples["time"]
    assert isinstance(time, Ragged)
    row = np.repeat(np.arange(len(time)), time.counts)
    assert (row[pairs.first] == row[pairs.second]).all()
    assert (np.abs(time.flat[pairs.second] - time.flat[pairs.first]) <= 600.5e-12).all()


def test_the_weights_that_ship_lose_nothing_on_an_object_they_have_not_seen():
    unseen = {"activity": 400.0, "phantom_radius": 18.0, "phantom_length": 90.0, "phantom_offset": [6.0, -9.0]}
    config = PetConfig.model_validate({"simulation": unseen, "data": {"window": 600.0, "slice_singles": 4096}})
    surveyed, others = (PetSimulation(config, seed).examples(0, 40) for seed in (1, 2))
    pairs = candidates(others, 600.0)
    targets, true = labels_of(others, pairs, config).true.sum(), labels_of(others, pairs, config).same_event

    def f1(name):
        engine = choose(get_task("petnet"), EngineChoice(engine=name, overrides=["apply.window=600ps"], device="cpu")).engine
        engine.survey(surveyed)
        taken = Pairs.of(engine(others))
        right = np.isin(taken.first * len(others["time"].flat) + taken.second, (pairs.first * len(others["time"].flat) + pairs.second)[true])
        return 2 * right.sum() / (len(taken.first) + targets)

    assert f1("likelihood") > 0.92
    assert f1("pairs") > f1("likelihood") - 0.001
