"""The published spiking network in the task: bins, wanted spikes, pairs of a network made by hand, export."""

from __future__ import annotations

import json

import numpy as np
import pytest
import snntorch
import torch

from pphysml.errors import ConfigError, ModelError
from pphysml.io.ragged import take
from pphysml.model_file import ModelFile, load_model, save_model
from pphysml.registry import get_task
from pphysml.tasks.petnet.coincidences.pairs import Pairs
from pphysml.tasks.petnet.learner import pet_learner
from pphysml.tasks.petnet.models.spiking.engines import snn_engine
from pphysml.tasks.petnet.models.spiking.nir_export import from_nir
from pphysml.tasks.petnet.models.spiking.published import published_network
from pphysml.tasks.petnet.models.spiking.published_input import hits_of, may_pair
from pphysml.tasks.petnet.models.spiking.published_model import PublishedModel
from pphysml.verbs.export import export

from .ring_examples import config, decays, ring, slices
from .spiking_examples import readme_code, run

PS = {"bin_time": 1.0, "latency": 0, "tolerance": 0}
REACH = 200.0


def opposite_by_hand(options, scanner, weight=0.6, beta=0.9):
    """A network with one hidden neuron per pair of opposite places, that fires if two of its crystals are hit and then lets all of them spike."""
    made = PublishedModel(options.model.published, scanner)
    place = np.arange(scanner.n_crystals) % scanner.crystals_per_ring
    member = torch.from_numpy((place % (scanner.crystals_per_ring // 2))[None] == np.arange(scanner.crystals_per_ring // 2)[:, None]).float()
    values = {"network.0.weight": weight * member, "network.2.weight": 1.5 * member.T, "network.1.beta": torch.tensor(beta), "network.3.beta": torch.tensor(0.0)}
    values |= {name: torch.zeros_like(p) for name, p in made.named_parameters() if name.endswith("bias")}
    made.load_state_dict(made.state_dict() | values)
    return made


def by_hand(folder, **parts):
    scanner = ring()
    options = config(folder, "published", {**PS, "hidden": [scanner.crystals_per_ring // 2], "beta": 0.9}, **parts)
    return options, opposite_by_hand(options, scanner)


def engine(options, made):
    return snn_engine(options, ModelFile({"task": "petnet"}, {name: value.numpy() for name, value in made.state_dict().items()}), "cpu")


def test_pairs_are_those_that_the_membrane_remembers(tmp_path):
    # w (1 + beta^n) > 1 with w = 0.6 and beta = 0.9: n up to 3 bins.
    options, made = by_hand(tmp_path)
    rows = [[(1000, 2, 0, 1), (1000 + n, 8 + 12 * (n % 2), 0, 2)] for n in range(8)] + [[(1000, 2, 0, 1), (1001, 9, 0, 2)]]
    found = Pairs.of(engine(options, made)(slices(ring(), rows)))
    assert found.first.tolist() == [0, 2, 4, 6] and found.second.tolist() == [1, 3, 5, 7]
    assert (found.multiplicity == 2).all() and (found.score == 1).all()


def test_pairs_do_not_depend_on_how_slices_are_cut(tmp_path):
    options, made = by_hand(tmp_path)
    scanner, rng = ring(), np.random.default_rng(1)
    time, event = 0, 0
    singles, parts = [], []
    for _ in range(60):
        part = []
        while len(part) < 8:
            time += int(rng.integers(450, 900))
            place = int(rng.integers(12))
            part += [(time, place, event, 1), (time + int(rng.integers(0, 5)), (place + 6) % 12 + 12, event, 2)]
            event += 1
        singles += part
        parts.append(part)
    apart, whole = (Pairs.of(engine(options, made)(slices(scanner, rows))) for rows in (parts, [singles]))
    assert np.array_equal(apart.first, whole.first) and np.array_equal(apart.second, whole.second) and len(whole.first) > 100
    examples = slices(scanner, [singles])
    hits = hits_of(examples, scanner, 1.0, 2 * REACH, 8)
    assert hits.samples == 60 and hits.last < 8 * 900
    some = Pairs.of(engine(options, made)(take(slices(scanner, parts), np.arange(30))))
    assert np.array_equal(some.first, whole.first[: len(some.first)])


def test_both_crystals_are_to_spike_with_the_second_single(tmp_path):
    options = config(tmp_path, "published", {**PS, "latency": 3})
    rows = [[(10, 1, 0, 1), (24, 7, 0, 2), (30, 5, 1, 1)], [(500, 3, 2, 2), (507, 9, 2, 1)]]
    batch = pet_learner(options).collate(slices(ring(), rows))
    wanted = sorted(zip(*(batch[f"spike_{name}"].tolist() for name in ("sample", "bin", "crystal")), strict=True))
    assert wanted == [(0, 17, 1), (0, 17, 7), (1, 10, 3), (1, 10, 9)]
    assert sorted(batch["hit_bin"].tolist()) == [0, 0, 7, 14, 20] and int(batch["steps"]) == 24 and int(batch["samples"]) == 2


def test_a_crystal_outside_the_scanner_is_no_input(tmp_path):
    options, made = by_hand(tmp_path)
    examples = slices(ring(), [[(1000, 2, 0, 1), (1001, 3, 0, 2), (1002, 8, 0, 2)]])
    for name in ("rsector_id", "crystal_id"):
        examples[name].flat[1] = 77
    found = Pairs.of(engine(options, made)(examples))
    assert found.first.tolist() == [0] and found.second.tolist() == [2]


def test_geometry_adds_inputs_and_forbids_lines():
    scanner = ring()
    options = config_of_geometry(spread=1)
    assert may_pair(scanner, options.model_copy(update={"geometry": False})) is None
    allowed = may_pair(scanner, options)
    assert np.array_equal(allowed, allowed.T)
    place = np.arange(24) % 12
    step = np.abs(place[:, None] - place)
    assert np.array_equal(allowed, np.abs(step - 6) <= 1)
    made = PublishedModel(options, scanner)
    assert [layer.in_features for layer in made.network[::2]] == [48, 240]


def config_of_geometry(**others):
    from pphysml.tasks.petnet.config import PublishedConfig

    return PublishedConfig(geometry=True, **others)


@pytest.mark.parametrize("loss", ["count", "published_timing", "van_rossum", "chamfer"])
@pytest.mark.parametrize("geometry", [False, True])
def test_a_step_of_every_loss_changes_all_layers(tmp_path, loss, geometry):
    torch.manual_seed(1)
    options = config(tmp_path, "published", {**PS, "loss": loss, "geometry": geometry, "hidden": [40], "weight_gain": 4.0})
    learner = pet_learner(options)
    made = learner.build({})
    examples = decays(ring(), np.random.default_rng(2), 20, 4, 1500, np.zeros(24))
    terms = learner.losses(made, learner.collate(examples))
    sum(t.weight * t.total / t.count for t in terms.values()).backward()
    assert terms.keys() == ({"count"} if loss == "count" else {"count", "timing"})
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in made.parameters())
    f1 = learner.validate(made, examples)["f1"]
    assert 0 <= f1.total <= f1.count


def test_training_finds_pairs(tmp_path):
    torch.manual_seed(1)
    options = config(tmp_path, "published", {**PS, "hidden": [48], "weight_gain": 3.0, "tolerance": 1, "loss_tau": 10.0})
    learner, scanner, rng = pet_learner(options), ring(), np.random.default_rng(3)
    made = learner.build({})
    held_out = decays(scanner, rng, 200, 1, 100, np.zeros(24), seen=0.8)
    before = learner.validate(made, held_out)["f1"]
    optimizer = torch.optim.Adam(made.parameters(), lr=5e-3)
    batches = [learner.collate(decays(scanner, rng, 100, 1, 100, np.zeros(24), seen=0.8)) for _ in range(10)]
    for step in range(80):
        terms = learner.losses(made, batches[step % 10])
        optimizer.zero_grad()
        sum(t.weight * t.total / t.count for t in terms.values()).backward()
        optimizer.step()
    after = learner.validate(made, held_out)["f1"]
    assert after.total / after.count > 0.8 > 0.6 > before.total / max(before.count, 1)


@pytest.fixture
def model_path(tmp_path):
    options, made = by_hand(tmp_path)
    weights = {name: value.numpy() for name, value in made.state_dict().items()}
    save_model(tmp_path / "model.safetensors", ModelFile({"task": "petnet", "config": json.loads(options.model_dump_json())}, weights))
    return tmp_path / "model.safetensors", made


@pytest.mark.parametrize("format", ["nir", "nir-exact"])
def test_nir_files_hold_the_network(model_path, tmp_path, format):
    nir = pytest.importorskip("nir")
    path, made = model_path
    export(get_task("petnet"), model=str(path), output=tmp_path / "network.nir", format=format)
    again = from_nir(nir.read(tmp_path / "network.nir"))
    hits = hits_of(decays(ring(), np.random.default_rng(4), 20, 6, 600, np.zeros(24)), ring(), 1.0, 2 * REACH, 8)
    trains = hits.trains(700, ring(), made.options)
    # A membrane without memory, beta = 0, is tau = dt.
    assert np.array_equal(run(again, trains).spikes.dense(), run(made.network, trains).spikes.dense()) and len(run(again, trains).spikes.time) > 20


def test_what_cannot_be_is_said(tmp_path):
    options, made = by_hand(tmp_path)
    with pytest.raises(ConfigError, match="delayed window"):
        engine(options.model_copy(update={"apply": options.apply.model_copy(update={"offset": 1e4})}), made)
    with pytest.raises(ConfigError, match=r"data\.scanner"):
        pet_learner(options.model_copy(update={"data": options.data.model_copy(update={"scanner": None})}))
    other = config(tmp_path, "coincidence")
    weights = {name: value.numpy() for name, value in pet_learner(other).build({}).state_dict().items()}
    save_model(tmp_path / "other.safetensors", ModelFile({"task": "petnet", "config": json.loads(other.model_dump_json())}, weights))
    with pytest.raises(ModelError, match="published"):
        export(get_task("petnet"), model=str(tmp_path / "other.safetensors"), output=tmp_path / "x.nir", format="nir")
    with pytest.raises(ModelError, match="network 'published' alone, and this one is 'coincidence'"):
        export(get_task("petnet"), model=str(tmp_path / "other.safetensors"), output=tmp_path / "x.safetensors", format="snntorch")


@pytest.mark.parametrize("geometry", [False, True])
@pytest.mark.parametrize("learn_beta", [False, True])
def test_the_readme_reads_the_network_in_snntorch_alone(tmp_path, monkeypatch, geometry, learn_beta):
    torch.manual_seed(5)
    options = config(tmp_path, "published", {**PS, "hidden": [40, 30], "weight_gain": 6.0, "beta": 0.9, "geometry": geometry, "spread": 1, "learn_beta": learn_beta})
    made = PublishedModel(options.model.published, ring())
    if learn_beta:
        torch.nn.init.constant_(made.network[1].beta, 0.7)
    weights = {name: value.numpy() for name, value in made.state_dict().items()}
    save_model(tmp_path / "model.safetensors", ModelFile({"task": "petnet", "config": json.loads(options.model_dump_json())}, weights))
    export(get_task("petnet"), model=str(tmp_path / "model.safetensors"), output=tmp_path / "network.safetensors", format="snntorch")
    hits = hits_of(decays(ring(), np.random.default_rng(4), 10, 6, 600, np.zeros(24)), ring(), 1.0, 2 * REACH, 8)
    trains = hits.trains(hits.last + 20, ring(), made.options)
    with pytest.raises(ModelError, match="an export in the format 'snntorch'"):
        load_model(tmp_path / "network.safetensors")
    code = readme_code("safe_open")
    assert "pphysml" not in code.replace('metadata()["pphysml"]', "") and len(code.splitlines()) <= 8
    monkeypatch.chdir(tmp_path)
    names = {"hits": torch.from_numpy(trains.dense())}
    exec(code, names)
    found = run(made.network, trains).spikes
    assert np.array_equal(names["spikes"].detach().numpy(), found.dense()) and len(found.time) > 100
    assert names["state"].keys() == names["network"].state_dict().keys() == made.network.state_dict().keys()
    about = names["about"]
    assert (about["beta"], about["learn_beta"], about["latency"]) == (0.9, learn_beta, 0)
    assert len(list(names["network"].parameters())) == len(list(made.network.parameters())) == (9 if learn_beta else 6)
    assert about["sizes"] == [48 if geometry else 24, 40, 30, 24] and about["bin_time"] == 1.0 and about["scanner"] == "small"
    if geometry:
        # The further inputs by the words of the README.
        dense = trains.dense()
        further = np.zeros_like(dense[..., 24:])
        for crystal, partners in enumerate(about["geometry"]["partners"]):
            for partner in partners:
                if partner >= 0:
                    further[..., partner] += np.float32(about["geometry"]["value"]) * dense[..., crystal]
        assert np.allclose(further, dense[..., 24:], rtol=1e-6) and further.any()
    else:
        assert about["geometry"] is None


def test_a_slow_network_is_warned_of(tmp_path, monkeypatch):
    made = published_network((24, 12, 24))
    made[1] = snntorch.Leaky(0.9, reset_mechanism="zero")
    monkeypatch.setattr("pphysml.tasks.petnet.models.spiking.published_model.published_network", lambda *_: made)
    options, reason = config(tmp_path, "published", {**PS, "hidden": [12]}), "layer 1 is snntorch.Leaky with another reset than by subtraction, which the compiled kernels do not compute"
    learner = pet_learner(options)
    model = learner.build({})
    assert learner.warnings(model)[0].startswith(reason)
    applied = engine(options, model)
    assert applied.warnings[0].startswith(reason) and len(applied.warnings) == 1
    examples = decays(ring(), np.random.default_rng(2), 4, 4, 300, np.zeros(24))
    assert Pairs.of(applied(examples)).first.size >= 0
    made[1] = snntorch.Leaky(0.9)
    assert engine(options, model).warnings == []


def test_the_state_of_old_weights_is_that_of_snntorch(tmp_path):
    # Names and shapes that weights files and checkpoints have had from the first on.
    old = {"0.weight": (12, 24), "0.bias": (12,), "2.weight": (24, 12), "2.bias": (24,)}
    old |= {f"{layer}.{name}": () for layer in (1, 3) for name in ("beta", "threshold", "graded_spikes_factor", "reset_mechanism_val")}
    made = PublishedModel(config(tmp_path, "published", {**PS, "hidden": [12]}).model.published, ring())
    assert {name: tuple(value.shape) for name, value in made.state_dict().items()} == {f"network.{name}": shape for name, shape in old.items()}


def test_initial_weights_are_those_of_linear_layers_in_turn(tmp_path):
    options = config(tmp_path, "published", {**PS, "hidden": [12], "weight_gain": 2.0, "bias_gain": 0.5})
    torch.manual_seed(9)
    made = PublishedModel(options.model.published, ring())
    torch.manual_seed(9)
    first, second = torch.nn.Linear(24, 12), torch.nn.Linear(12, 24)
    for one, other in ((made.network[0], first), (made.network[2], second)):
        assert torch.equal(one.weight, 2 * other.weight) and torch.equal(one.bias, 0.5 * other.bias)
