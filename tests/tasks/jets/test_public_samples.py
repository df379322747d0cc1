"""The benchmark of public samples: files of the top-tagging set in our layout, and the figures that papers state."""

from __future__ import annotations

import pickle
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import h5py
import numpy as np
import pytest
import uproot
from sklearn.metrics import roc_auc_score

from pphysml.registry import get_task
from pphysml.verbs.config import configuration
from pphysml.verbs.inputs import Inputs

SLOTS = 200


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "benchmarks"))
    monkeypatch.delitem(sys.modules, "jets_public", raising=False)
    return import_module("jets_public")


def written(path: Path, vectors: np.ndarray, label: np.ndarray, columns: np.ndarray) -> Path:
    """Write jets as pandas does in its table format, with the columns in this order."""
    names = [*(f"{name}_{k}" for k in range(SLOTS) for name in ("E", "PX", "PY", "PZ")), "truthE", "truthPX", "truthPY", "truthPZ"]
    values = np.concatenate([vectors.reshape(len(label), -1), np.full((len(label), 4), 7)], 1)
    rows = np.zeros(len(label), [("index", "<i8"), ("values_block_0", "<f4", (len(names),)), ("values_block_1", "<i8", (2,))])
    rows["values_block_0"], rows["values_block_1"] = values[:, columns], np.stack([np.full(len(label), 2), label], 1)
    with h5py.File(path, "w") as file:
        table = file.create_dataset("table/table", data=rows, chunks=True, compression="gzip")
        table.attrs["values_block_0_kind"] = np.bytes_(pickle.dumps([names[k] for k in columns], 0))
        table.attrs["values_block_1_kind"] = np.bytes_(pickle.dumps(["ttv", "is_signal_new"], 0))
    return path


@pytest.mark.parametrize("mixed", [False, True])
def test_top_tagging_files_keep_their_constituents(tmp_path: Path, benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch, mixed: bool) -> None:
    monkeypatch.setattr(sys.modules["jets_top_tagging"], "AT_A_TIME", 7)
    rng, n = np.random.default_rng(3), 20
    counts, label = rng.integers(1, SLOTS + 1, n), rng.integers(0, 2, n)
    momenta = rng.normal(size=(n, SLOTS, 3)) * (np.arange(SLOTS) < counts[:, None])[..., None]
    vectors = np.concatenate([1.01 * np.linalg.norm(momenta, axis=2, keepdims=True), momenta], 2).astype(np.float32)
    columns = rng.permutation(4 * SLOTS + 4) if mixed else np.arange(4 * SLOTS + 4)
    source = written(tmp_path / "test.h5", vectors, label, columns)
    [path] = benchmark.readable([str(source)], tmp_path)
    with uproot.open(path) as file:
        found = file["jets"].arrays()
    assert found.part_energy.to_list() == [jet[:count].tolist() for jet, count in zip(vectors[..., 0], counts, strict=True)]
    assert found.part_pz.to_list() == [jet[:count].tolist() for jet, count in zip(vectors[..., 3], counts, strict=True)]
    e, px, py, pz = vectors.astype(float).sum(1).T
    momentum = np.sqrt(px**2 + py**2 + pz**2)
    np.testing.assert_allclose(np.ravel(found.jet_eta), np.arctanh(pz / momentum), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.ravel(found.jet_pt) * np.exp(1j * np.ravel(found.jet_phi)), px + 1j * py, rtol=1e-5)
    np.testing.assert_allclose(np.ravel(found.jet_mass), np.sqrt(e**2 - momentum**2), rtol=1e-5)
    jets = get_task("jets")
    config = configuration(jets, benchmark.SAMPLES["top-tagging"][0], ["model.particle_inputs=[kin]"])
    chunks = [jets.assemble(chunk, None, config)[0] for chunk in Inputs([path]).open(jets, config, need_truth=True)]
    np.testing.assert_array_equal(np.concatenate([np.asarray(part["class"]) for part in chunks]), label)


def probabilities(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    label = rng.integers(0, 10, n)
    values = np.exp(rng.normal(size=(n, 10)) + 1.5 * np.eye(10)[label])
    return values / values.sum(1, keepdims=True), label


def test_auc_is_that_of_the_papers(benchmark: ModuleType) -> None:
    p, label = probabilities(3000)
    found = benchmark.macro_auc(p, label)
    assert found.value == pytest.approx(roc_auc_score(label, p, multi_class="ovo", average="macro"), abs=1e-12)
    others = [roc_auc_score(label[rows], p[rows], multi_class="ovo") for rows in np.array_split(np.arange(3000), 15)]
    assert (found.high - found.low) / 2 == pytest.approx(np.std(others, ddof=1) / np.sqrt(15), rel=0.5)


def test_rejections_are_of_one_class_against_qcd_at_its_working_point(benchmark: ModuleType) -> None:
    p, label = probabilities(40_000)
    lines = benchmark.table("jetclass", "run", p, label).splitlines()
    head, own = ([cell.strip() for cell in lines[k].strip("| ").split("|")] for k in (0, 2))
    shown = dict(zip(head, own, strict=True))
    assert float(shown["accuracy"].split()[0]) == pytest.approx((p.argmax(1) == label).mean(), abs=1e-4)
    for name, k, efficiency in (("Hbb", 1, 50), ("Hqql", 5, 99), ("Tbl", 9, 99.5)):
        ratio = p[:, k] / (p[:, k] + p[:, 0])
        cut = np.quantile(ratio[label == k], 1 - efficiency / 100)
        expected = 1 / (ratio[label == 0] > cut).mean()
        assert float(shown[f"rejection, {efficiency:g} % of {name}"].split()[0]) == pytest.approx(expected, rel=0.03, abs=0.6)
