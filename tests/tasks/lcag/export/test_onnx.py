"""The network in ONNX and the decoder in NumPy say what the package says."""

from __future__ import annotations

import errno
import importlib.util
import itertools
import json
import os
import subprocess
import sys
from functools import lru_cache
from types import ModuleType, SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import uproot

from pphysml.config import load
from pphysml.contract import Export
from pphysml.errors import OutputError
from pphysml.io.ragged import Ragged, take
from pphysml.model_file import ModelFile
from pphysml.nn.spectrum import LearnedSpectra
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.decode import decode_exact, log_partition
from pphysml.tasks.lcag.export import numpy_decoder, onnx_export
from pphysml.tasks.lcag.models.batches import collate
from pphysml.tasks.lcag.models.build import build_network
from pphysml.tasks.lcag.models.calibration import Calibration, weighted
from pphysml.tasks.lcag.models.inputs import Output
from pphysml.tasks.lcag.models.network_engine import NetworkEngine
from pphysml.tasks.lcag.models.scores import of_output
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation
from pphysml.tasks.lcag.task import Lcag
from pphysml.verbs.export import export

SMALL = ("model.width=16", "model.pair_width=8", "model.clade_width=12", "model.blocks=1", "model.heads=2")
MODELS = {
    "forest": ("detector", (*SMALL, "data.features=[x, y]", "data.hypotheses=[211, 321]", "simulation.n_topologies=30", "simulation.background_leaves=0.05")),
    "pairs": ("quick", (*SMALL, "data.pair_features=[near, doca, vertex_rho]", "data.track_points=[x, y, z]")),
    "nri": ("nri", (*SMALL, "model.inputs=four-vectors")),
    "paper-nri": ("paper-nri", SMALL[:1]),
    "paper-transformer": ("paper-transformer", (SMALL[0], SMALL[-1])),
}


@lru_cache
def exported(name):
    """Return an untrained model, its engine, the ONNX session and the decoder written beside it."""
    preset, settings = MODELS[name]
    config = load(LcagConfig, "pphysml.tasks.lcag.presets", preset, settings)
    torch.manual_seed(1)
    prepared = {"feature_mean": np.float32([1, 2]), "feature_scale": np.float32([2, 3])} if config.data.features else {}
    if config.data.pair_features:
        prepared |= {"pair_feature_mean": np.float32([1, 2, 3]), "pair_feature_scale": np.float32([2, 3, 4])}
    network = build_network(config, prepared)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.0 if config.model.is_paper else 1.5)
    model = ModelFile({"task": "lcag", "config": config.model_dump(mode="json")},
                      {key: value.numpy() for key, value in network.state_dict().items()}, prepared,
                      {"temperature": np.array(1.4), "pair_weight": np.array(0.6), "slope": np.array(1.2), "offset": np.array(-0.3)}, "5eed")
    content, source = onnx_export.to_onnx(model)
    return SimpleNamespace(config=config, engine=NetworkEngine(config, model, "cpu"), content=content,
                           session=onnxruntime.InferenceSession(content), decoder=module(source))


def module(source):
    """Return the module that a source text makes."""
    found = ModuleType("exported_decoder")
    sys.modules[found.__name__] = found  # where named tuples look their annotations up
    exec(compile(source, "decoder.py", "exec"), found.__dict__)
    return found


def events(config, count):
    """Return examples of up to twelve leaves, with features at random."""
    columns, _ = assemble(LcagSimulation(config, 3).block(0, count), None, config.model_copy(
        update={"data": config.data.model_copy(update={"features": [], "pair_features": [], "hypotheses": []})}))
    columns = {"p4": take(columns, columns["p4"].counts <= numpy_decoder.MAX_LEAVES)["p4"]}
    if config.data.features:
        rng, p4 = np.random.default_rng(2), columns["p4"]
        columns["features"] = type(p4)(rng.normal(size=(len(p4.flat), 2)).astype(np.float32), p4.offsets)
    if config.data.pair_features:
        rng, counts = np.random.default_rng(2), columns["p4"].counts
        halves = [rng.normal(size=(n, n, 3)).astype(np.float32) for n in counts]
        columns["pair_features"] = type(columns["p4"]).from_rows([(h + h.swapaxes(0, 1)).reshape(-1, 3) for h in halves])
    return columns


def further(batch):
    """Return the features of leaves and of pairs of leaves, as NumPy has them."""
    return [None if (found := batch.get(name)) is None else found.numpy() for name in ("features", "pair_features")]


def random_scores(rng, n, events=12, levels=8, clades=True, leaves=False, trees=False):
    def draw(wanted, *shape):
        return rng.normal(0, 3, shape).astype(np.float32) if wanted else None

    pairs = draw(True, events, n, n, levels)
    return numpy_decoder.Scores(pairs + pairs.swapaxes(1, 2), draw(clades, events, 1 << n, levels),
                                draw(leaves, events, n, 2), draw(trees, events, 1 << n))


def close(found, wanted):
    return np.allclose(found, wanted, rtol=0, atol=max(1e-4, 1e-5 * np.abs(wanted).max(initial=0)))


def keywords(scores, gap_free):
    return {"leaf_scores": scores.leaves, "tree_scores": scores.trees, "gap_free": gap_free}


PARTS = [parts for parts in itertools.product([False, True], repeat=3) if parts[1] or not parts[2]]


@pytest.mark.parametrize("gap_free", [True, False])
@pytest.mark.parametrize("parts", PARTS)
def test_the_numpy_decoder_is_the_exact_decoder(parts, gap_free):
    rng = np.random.default_rng(7)
    for n, levels in [*itertools.product(range(1, 7), (2, 4, 8)), (8, 8)]:
        scores = random_scores(rng, n, 12, levels, *parts)
        found, expected = numpy_decoder.decode(scores, gap_free), decode_exact(scores.pairs, scores.clades, **keywords(scores, gap_free))
        assert np.array_equal(found.matrix, expected.matrix)
        assert np.array_equal(found.background, expected.background)
        assert np.allclose(found.score, expected.score, rtol=1e-9)
        assert np.allclose(found.margin, expected.margin, atol=1e-6)
        total = log_partition(scores.pairs, scores.clades, 1.7, **keywords(scores, gap_free))
        assert np.allclose(numpy_decoder.log_partition(scores, 1.7, gap_free), total, atol=1e-4)


def test_events_are_decoded_alike_in_parts_and_alone(monkeypatch):
    scores = random_scores(np.random.default_rng(1), 5, 9, leaves=True, trees=True)
    whole = numpy_decoder.decode(scores, True)
    monkeypatch.setattr(numpy_decoder, "CELLS", 2**7)
    for one, other in zip(whole, numpy_decoder.decode(scores, True), strict=True):
        assert np.array_equal(one, other)


def test_scores_that_are_not_finite_are_forbidden_trees():
    scores = random_scores(np.random.default_rng(3), 5)
    scores.pairs[:, 0, 1, 1] = np.nan
    scores.clades[:, -1, 2:5] = -np.inf
    found, expected = numpy_decoder.decode(scores, True), decode_exact(scores.pairs, scores.clades)
    assert np.array_equal(found.matrix, expected.matrix)
    assert np.allclose(found.score, expected.score)
    assert not (found.matrix[:, 0, 1] == 1).any()


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_logits_become_the_same_scores(parts, n, monkeypatch):
    clades, leaves, trees = parts
    width = 6
    draw = torch.Generator().manual_seed(n)
    output = Output(
        torch.randn(4, n * (n - 1) // 2, 8, generator=draw), torch.randn(4, 1 << n, 8, generator=draw) if clades else None,
        torch.randn(4, n, generator=draw) if leaves else None,
        torch.randn(4, 1 << n, generator=draw) if trees else None)
    expected = weighted(of_output(output, np.arange(4), n), Calibration(1.0, 0.3))
    small, wide = np.triu_indices(n, 1), np.triu_indices(width, 1)
    logits = {name: value.numpy() for name, value in output._asdict().items() if value is not None}
    padded = {name: np.full((4, {"pairs": len(wide[0]), "background": width}.get(name, 1 << width), *value.shape[2:]), np.nan, np.float32)
              for name, value in logits.items()}
    for name, value in logits.items():
        where = numpy_decoder.pair_table(width)[2][small] if name == "pairs" else slice(value.shape[1])
        padded[name][:, where] = value
    monkeypatch.setitem(numpy_decoder.SETTINGS, "pair_weight", 0.3)
    for found in (numpy_decoder.scores(logits, n), numpy_decoder.scores(padded, n)):
        for name in found._fields:
            mine, theirs = getattr(found, name), getattr(expected, name)
            assert (mine is None) == (theirs is None)
            assert mine is None or np.allclose(mine, theirs, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_one_session_takes_events_of_any_size_and_number(name):
    model = exported(name)
    examples = events(model.config, 400)
    counts = examples["p4"].counts
    names = [output.name for output in model.session.get_outputs()]
    for sizes in ([1], [2], [3], [4, 7], [10], [1, 2, 6]):
        rows = np.concatenate([np.flatnonzero(counts == n)[: 2 + n % 3] for n in sizes])
        if not len(rows):
            continue
        batch = collate(take(examples, rows))
        with torch.no_grad():
            expected = model.engine.network(batch["p4"], batch["n_leaves"], batch.get("features"), None, batch.get("pair_features"))
        feed = model.decoder.inputs(batch["p4"].numpy(), batch["n_leaves"].numpy(), *further(batch))
        n = batch["p4"].shape[1]
        for output, found in zip(names, model.session.run(None, feed), strict=True):
            wanted = getattr(expected, output).numpy()
            assert found.dtype == np.float32
            if output == "pairs":  # what is between padding has no meaning
                real = feed["pair_second"][None, :] < batch["n_leaves"].numpy()[:, None]
                assert close(found[real], wanted[real[:, : wanted.shape[1]]])
            else:
                size = n if output in ("background", "hypotheses") else 1 << n
                assert close(found[:, :size], wanted)


@pytest.mark.parametrize("name", MODELS)
def test_the_graph_is_dense(name):
    graph = onnx.load_from_string(exported(name).content).graph
    found = {node.op_type for node in graph.node}
    assert "MatMul" in found or "Gemm" in found
    assert not found & {"If", "Loop", "Scan", "TopK", "NonZero", "DFT", "Unique"}
    assert not [kind for kind in found if "Scatter" in kind]


@pytest.mark.parametrize("name", ["forest", "nri", "pairs"])
def test_the_decoder_beside_the_model_gives_the_trees_of_the_engine(name):
    model = exported(name)
    examples = events(model.config, 150)
    batch = collate(examples)
    features, of_pairs = further(batch)
    found = model.decoder.reconstruct(model.session, batch["p4"].numpy(), batch["n_leaves"].numpy(), features, 40, of_pairs)
    expected = model.engine(examples)
    width = batch["p4"].shape[1]
    real = np.arange(width) < examples["p4"].counts[:, None]
    square = real[:, :, None] & real[:, None, :]
    assert np.array_equal(found.matrix[square], expected["lcag"].flat)
    assert not found.matrix[~square].any()
    assert np.array_equal(found.background[real], expected["component"].flat == -1)
    assert np.allclose(found.score, expected["score"], rtol=1e-4, atol=1e-3)
    assert np.allclose(found.margin, expected["margin"], rtol=1e-3, atol=1e-3)
    assert np.allclose(found.probability, expected["tree_prob"], atol=1e-3)
    if name == "forest":
        assert np.array_equal(found.hypothesis[real], expected["mass_hypothesis"].flat)
        assert len(np.unique(found.hypothesis[real])) > 1
    else:
        assert found.hypothesis is None


def test_what_the_decoder_cannot_do_is_refused():
    model, other = exported("forest"), exported("nri")
    p4, one = np.zeros((1, 13, 4)), np.ones(1, dtype=int)
    with pytest.raises(ValueError, match="13 leaves"):
        model.decoder.reconstruct(model.session, p4, 13 * one)
    with pytest.raises(ValueError, match="x, y"):
        model.decoder.reconstruct(model.session, p4[:, :3], 3 * one)
    pairs = exported("pairs")
    with pytest.raises(ValueError, match="pairs of leaves: near, doca, vertex_rho"):
        pairs.decoder.reconstruct(pairs.session, p4[:, :3], 3 * one)
    other.decoder.SETTINGS["model"] = "other"
    with pytest.raises(ValueError, match="other"):
        other.decoder.reconstruct(other.session, p4[:, :3], 3 * one)
    other.decoder.SETTINGS["model"] = "5eed"


def test_the_decoder_computes_the_features_of_tracks_that_assembling_does():
    model, rng = exported("pairs"), np.random.default_rng(4)
    n, p4 = np.array([4, 2, 3]), rng.normal(size=(9, 4))
    chunk = {name: Ragged.from_counts(column, n) for name, column in zip(("px", "py", "pz", "e"), p4.T ** 2, strict=True)}
    chunk |= {name: Ragged.from_counts(rng.normal(size=9), n) for name in "xyz"}
    chunk["near"] = Ragged.from_counts(np.zeros((n**2).sum()), n**2)
    batch = collate(assemble(chunk, None, model.config)[0])
    x, p = np.stack([chunk[name].padded() for name in "xyz"], -1), batch["p4"].numpy()[..., :3]
    found = model.decoder.vertexing(x[:, :, None], p[:, :, None], x[:, None], p[:, None])
    i, j = np.triu_indices(4, 1)
    real = j < n[:, None]
    for k, name in enumerate(("doca", "vertex_rho"), 1):
        assert np.allclose(found[name][:, i, j][real], batch["pair_features"].numpy()[:, i, j, k][real], atol=1e-5)
    assert not hasattr(exported("nri").decoder, "vertexing")


def test_another_network_is_not_passed_off_as_the_exported_one():
    model = exported("paper-nri")
    network = build_network(model.config, {}).eval()
    network.load_state_dict(model.engine.network.state_dict())
    feed = model.decoder.inputs(np.random.default_rng(0).normal(size=(2, 4, 4)), np.array([4, 3]))
    onnx_export._compare(onnx_export.Exported(network), model.content, [feed])
    with torch.no_grad():
        network.to_levels.bias[3] += 0.01
    with pytest.raises(OutputError, match="differ"):
        onnx_export._compare(onnx_export.Exported(network), model.content, [feed])


def test_fixed_spectra_are_those_of_the_weights():
    spectra = LearnedSpectra(3, 64, 10.0)
    at, width = torch.rand(50) * 12, torch.rand(50)
    expected = spectra(at, width)
    spectra.fix()
    assert torch.equal(spectra(at, width), expected)
    assert list(spectra.state_dict()) == ["log_weight"]


ALONE = """
import json, sys
for name in ("pphysml", "torch", "numba", "scipy", "onnx", "uproot"):
    sys.modules[name] = None
import numpy as np
before = set(sys.modules)
import lcag_decoder as decoder
known = sys.stdlib_module_names | {"numpy", "lcag_decoder"}
assert not {name.split(".")[0] for name in set(sys.modules) - before} - known
import onnxruntime
events = np.load("events.npz")
session = onnxruntime.InferenceSession("lcag.onnx")
found = decoder.reconstruct(session, events["p4"], events["n_leaves"])
np.savez("trees.npz", **{k: v for k, v in found._asdict().items() if v is not None})
"""


def test_shipped_weights_give_the_same_trees_without_the_package(pphysml, tmp_path):
    def file(name):
        return tmp_path / name

    assert pphysml("simulate", "lcag", "--preset", "paper", "-n", 60, "--seed", 11, "-o", file("e.root")).code == 0
    assert pphysml("lcag", file("e.root"), "-o", file("t.root")).code == 0
    done = pphysml("export", "lcag", "--format", "onnx", "-o", file("lcag.onnx"), "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["beside"] == [str(file("lcag_decoder.py"))]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["e.root", "lcag.onnx", "lcag_decoder.py", "t.root"]
    rows = [uproot.open(file("e.root"))["events"][k].array(library="np") for k in ("px", "py", "pz", "e")]
    n_leaves = np.array([len(row) for row in rows[0]])
    p4 = np.zeros((60, n_leaves.max(), 4))
    real = np.arange(n_leaves.max()) < n_leaves[:, None]
    p4[real] = np.stack([np.concatenate(row) for row in rows], -1)
    np.savez(file("events.npz"), p4=p4, n_leaves=n_leaves)
    subprocess.run([sys.executable, "-c", ALONE], check=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    found = np.load(file("trees.npz"))
    tree = uproot.open(file("t.root"))["lcag"]
    matrices = np.concatenate(tree["lcag"].array(library="np"))
    assert np.array_equal(found["matrix"][real[:, :, None] & real[:, None, :]], matrices)
    for name, branch in (("score", "score"), ("margin", "margin"), ("probability", "tree_prob")):
        assert np.allclose(found[name], tree[branch].array(library="np"), rtol=1e-3, atol=1e-3)


def test_missing_packages_are_named_with_the_extra(pphysml, tmp_path, monkeypatch):
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "onnxruntime" else there(name, *rest))
    done = pphysml("export", "lcag", "--format", "onnx", "-o", tmp_path / "x.onnx")
    assert done.code == 2
    assert "onnxruntime" in done.err and "pphysml[export]" in done.err
    assert not list(tmp_path.iterdir())


@pytest.fixture
def two_files():
    """A task whose format `two` writes two files at once."""
    class Two(Lcag):
        exports = {"two": Export(beside=("_decoder.py",))}
        weights_package = Lcag().weights_package

        def export(self, format, model):
            return (b"new", b"beside")

    return Two()


@pytest.mark.parametrize("there", ["m.onnx", "m_decoder.py"])
def test_existing_files_are_kept_without_force(two_files, tmp_path, there):
    (tmp_path / there).write_bytes(b"old")
    with pytest.raises(Exception, match=rf"{there}: exists"):
        export(two_files, model=None, output=tmp_path / "m.onnx", format="two")
    assert (tmp_path / there).read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1
    summary = export(two_files, model=None, output=tmp_path / "m.onnx", format="two", force=True)
    assert summary["bytes"] == 3
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"m.onnx": b"new", "m_decoder.py": b"beside"}


def test_a_full_disk_leaves_what_was_there(two_files, tmp_path, monkeypatch):
    (tmp_path / "m.onnx").write_bytes(b"old")
    synced = []

    def full(descriptor):
        synced.append(descriptor)
        if len(synced) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"m_decoder\.py: could not be written: No space"):
        export(two_files, model=None, output=tmp_path / "m.onnx", format="two", force=True)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"m.onnx": b"old"}
