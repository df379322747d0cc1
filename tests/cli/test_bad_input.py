"""Input that is wrong, odd or empty: one clear sentence, the right exit code, no output left."""

from __future__ import annotations

import json
import os
import pickle
import resource
import shutil

import awkward as ak
import numpy as np
import pytest
import uproot
from safetensors import safe_open
from safetensors.numpy import save

from pphysml.config import load
from pphysml.io.ragged import Ragged
from pphysml.model_file import load_model
from pphysml.registry import get_task
from pphysml.tasks.lcag.trees.matrices import parent_to_matrix
from pphysml.verbs.engine_choice import shipped_models
from pphysml.verbs.simulate import simulate


def write(path, columns, tree="events", ntuple=False):
    types = {k: v.type if isinstance(v, ak.Array) else v.dtype for k, v in columns.items()}
    with uproot.recreate(path) as file:
        target = file.mkrntuple(tree, columns) if ntuple else file.mktree(tree, types)
        if not ntuple and len(columns["px"]):
            target.extend(columns)
    return path


@pytest.fixture(scope="module")
def leaves(tmp_path_factory):
    """Forty simulated events as awkward columns, and the file they come from."""
    task = get_task("lcag")
    path = tmp_path_factory.mktemp("leaves") / "events.root"
    simulate(task, load(task.config_class, task.presets, "paper"), path, 40, seed=3)
    arrays = uproot.open(path)["events"].arrays()
    return {k: arrays[k] for k in ("px", "py", "pz", "e", "event")}, path


def read(path):
    return uproot.open(path)["lcag"].arrays()


def trees_only(path):
    arrays = read(path)
    return ak.to_list(arrays[["lcag", "parent"]])


@pytest.mark.parametrize("ntuple", [False, True])
def test_a_missing_branch_is_named_with_what_is_near(pphysml, leaves, tmp_path, ntuple):
    columns = {("trk_px" if k == "px" else k): v for k, v in leaves[0].items()}
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        if ntuple:
            file.mkrntuple("events", columns)
        else:
            file.mktree("events", {k: v.type for k, v in columns.items()}).extend(columns)
    done = pphysml("lcag", path, "-o", tmp_path / "out.root")
    assert done.code == 3 and str(path) in done.err and "'px'" in done.err and "trk_px" in done.err
    assert not (tmp_path / "out.root").exists()
    mapped = pphysml("lcag", path, "--map", "px=trk_px", "-o", tmp_path / "out.root")
    assert mapped.code == 0 and len(read(tmp_path / "out.root")) == 40


@pytest.mark.parametrize(("content", "words"), [(b"hello", "not a readable ROOT or HDF5 file"), (b"", "cut short")])
def test_a_file_that_is_no_root_file(pphysml, tmp_path, content, words):
    (tmp_path / "a.root").write_bytes(content)
    done = pphysml("lcag", tmp_path / "a.root", "-o", tmp_path / "out.root")
    assert done.code == 3 and words in done.err and not (tmp_path / "out.root").exists()


def test_a_truncated_file(pphysml, leaves, tmp_path):
    content = leaves[1].read_bytes()
    (tmp_path / "a.root").write_bytes(content[: len(content) // 2])
    done = pphysml("lcag", tmp_path / "a.root", "-o", tmp_path / "out.root")
    assert done.code == 3 and "cut short" in done.err


def test_no_file_and_a_wrong_tree(pphysml, leaves, tmp_path):
    missing = pphysml("lcag", leaves[1].parent / "event.root", "-o", tmp_path / "out.root")
    assert missing.code == 3 and "events.root" in missing.err
    tree = pphysml("lcag", leaves[1], "--tree", "evens", "-o", tmp_path / "out.root")
    assert tree.code == 3 and "'events'" in tree.err


def test_a_value_that_is_not_finite_is_placed(pphysml, leaves, tmp_path):
    columns = dict(leaves[0])
    momenta = ak.to_list(columns["px"])
    momenta[7][1] = float("nan")
    columns["px"] = ak.Array(momenta)
    path = write(tmp_path / "a.root", columns)
    done = pphysml("lcag", path, "-o", tmp_path / "out.root")
    assert done.code == 3
    assert all(word in done.err for word in (str(path), "'px'", "entry 7"))
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("n", [0, 1])
def test_few_entries(pphysml, leaves, tmp_path, n):
    path = write(tmp_path / "a.root", {k: v[:n] for k, v in leaves[0].items()})
    assert pphysml("lcag", path, "-o", tmp_path / "out.root").code == 0
    assert uproot.open(tmp_path / "out.root")["lcag"].num_entries == n


def test_events_of_no_and_one_leaf_have_a_row(pphysml, tmp_path):
    p = ak.values_astype(ak.Array([[], [1], [1, -1]]), "float64")
    columns = {"px": p, "py": p, "pz": p, "e": ak.values_astype(ak.Array([[], [3], [50, 50]]), "float64")}
    assert pphysml("lcag", write(tmp_path / "a.root", columns), "-o", tmp_path / "out.root").code == 0
    found = read(tmp_path / "out.root")
    assert found["lcag"].tolist() == [[], [0], [0, 1, 1, 0]]
    assert found["parent"].tolist() == [[], [-1], [2, 2, -1]]
    assert found["n_leaves"].tolist() == [0, 1, 2]


def test_more_leaves_than_the_model_saw_take_the_search(pphysml, tmp_path):
    p = np.random.default_rng(0).normal(size=(3, 2, 14)) * 3
    e = np.sqrt((p**2).sum(0) + 1)
    columns = {k: ak.from_regular(ak.Array(v)) for k, v in zip(("px", "py", "pz", "e"), (*p, e), strict=True)}
    done = pphysml("lcag", write(tmp_path / "a.root", columns), "-o", tmp_path / "out.root")
    assert done.code == 0 and "number of leaves" in done.err
    found = read(tmp_path / "out.root")
    assert found["exact"].tolist() == [False, False] and found["tree_prob"].tolist() == [-1, -1]
    assert all(row.count(-1) == 1 for row in found["parent"].tolist())


def test_energies_in_another_unit_are_noticed_and_can_be_mapped(pphysml, leaves, tmp_path):
    columns = {k: v * 1000 if k != "event" else v for k, v in leaves[0].items()}
    path, out = write(tmp_path / "a.root", columns), tmp_path / "out.root"
    done = pphysml("lcag", path, "-o", out)
    assert done.code == 0 and "are the units right?" in done.err
    assert pphysml("lcag", path, "-o", tmp_path / "strict.root", "--strict").code == 3
    assert not (tmp_path / "strict.root").exists()
    maps = [f"--map={k}={k}:MeV" for k in ("px", "py", "pz", "e")]
    mapped = pphysml("lcag", path, "-o", out, "--force", *maps)
    assert mapped.code == 0 and "units" not in mapped.err
    assert pphysml("lcag", leaves[1], "-o", tmp_path / "plain.root").code == 0
    assert trees_only(out) == trees_only(tmp_path / "plain.root")


class Harmful:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (self.path,))


@pytest.mark.parametrize("content", [None, b"garbage, no weights"])
def test_weights_that_are_none(pphysml, leaves, tmp_path, content):
    harm = str(tmp_path / "harm")
    (tmp_path / "model.pt").write_bytes(content or pickle.dumps(Harmful(harm)))
    done = pphysml("lcag", leaves[1], "-o", tmp_path / "out.root", "--model", tmp_path / "model.pt")
    assert done.code == 4 and "model.pt" in done.err
    assert not os.path.exists(harm) and not (tmp_path / "out.root").exists()


@pytest.fixture(scope="module")
def weights():
    """Header and tensors of a shipped model."""
    path = next(iter(shipped_models(get_task("lcag")).values()))
    with safe_open(path, framework="np") as stream:
        tensors = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118 - not a mapping
        return json.loads(stream.metadata()["pphysml"]), tensors


def model(weights, path, header=None, text=None, **tensors):
    """Write the weights with some of the header or some tensors changed, or with other header text."""
    changed = text if text is not None else json.dumps({**weights[0], **(header or {})})
    path.write_bytes(save({**weights[1], **tensors}, metadata={"pphysml": changed}))
    return path


@pytest.mark.parametrize(("header", "text", "words"), [
    ({"task": "tagging"}, None, "of 'tagging', not of 'lcag'"),
    ({"format_version": 99}, None, "has format 99"),
    ({"format_version": None}, None, "header is damaged"),
    (None, "{no", "header is damaged"),
    (None, "[1]", "header is damaged"),
    (None, '{"format_version": 1, "task": "lcag"}', "header is damaged"),
    ({"config": {"model": {"widht": 3}}}, None, "'model.width'"),
])
def test_weights_with_a_wrong_header(pphysml, leaves, weights, tmp_path, header, text, words):
    path = model(weights, tmp_path / "m.safetensors", header, text)
    done = pphysml("lcag", leaves[1], "-o", tmp_path / "out.root", "--model", path)
    assert done.code == 4 and words in done.err and str(path) in done.err and len(done.err.splitlines()) == 1


def test_weights_that_are_not_finite_or_cut_short(pphysml, leaves, weights, tmp_path):
    name, values = next((k, v) for k, v in weights[1].items() if k.startswith("network.") and v.size > 1)
    path = model(weights, tmp_path / "m.safetensors", **{name: np.full_like(values, np.nan)})
    done = pphysml("lcag", leaves[1], "-o", tmp_path / "out.root", "--model", path)
    assert done.code == 4 and "not finite" in done.err
    path.write_bytes(path.read_bytes()[:-50])
    done = pphysml("lcag", leaves[1], "-o", tmp_path / "out.root", "--model", path)
    assert done.code == 4 and "not a readable safetensors file" in done.err


def test_a_damaged_basket_is_placed_and_can_be_skipped(pphysml, leaves, tmp_path):
    path, out = tmp_path / "a.root", tmp_path / "out.root"
    shutil.copy(leaves[1], path)
    with uproot.open(path) as file:
        branch = file["events"]["px"]
        start = int(branch.member("fBasketSeek")[0])
        stop = start + int(branch.member("fBasketBytes")[0])
    content = bytearray(path.read_bytes())
    content[start + 100 : stop - 10] = bytes(b ^ 0xFF for b in content[start + 100 : stop - 10])
    path.write_bytes(content)
    done = pphysml("lcag", path, "-o", out)
    assert done.code == 3 and "'px'" in done.err and "entries 0 to 39 are damaged" in done.err
    assert list(tmp_path.iterdir()) == [path]
    assert pphysml("lcag", path, leaves[1], "-o", out, "--on-bad-file", "skip").code == 3
    assert len(read(out)) == 40


def test_a_training_leaves_a_file_with_bad_entries_out_as_a_whole(pphysml, leaves, tmp_path):
    """Its blocks come in another order, so that it cannot end at the first bad one."""
    momenta = leaves[0]["px"].to_list()
    momenta[37][1] = float("nan")
    parent = uproot.open(leaves[1])["events/parent"].array()
    bad = write(tmp_path / "bad.root", {**leaves[0], "px": ak.Array(momenta), "parent": parent})
    settings = ("--preset", "quick", "--device", "cpu", "--threads", 1, "--set", "training.steps=2", "--set", "training.batch_size=8")
    for run, files, code in (("both", (bad, leaves[1], "--on-bad-file", "skip"), 3), ("good", (leaves[1],), 0)):
        done = pphysml("train", "lcag", *files, "--validation", leaves[1], *settings, "-o", tmp_path / run)
        assert done.code == code and ("entry 37: value nan is not finite. The whole file is left out." in done.err) == (run == "both")
    both, good = (load_model(tmp_path / run).network for run in ("both", "good"))
    assert all(np.array_equal(both[name], good[name]) for name in good)


def test_a_full_disk_leaves_nothing(pphysml, leaves, tmp_path):
    assert pphysml("lcag", leaves[1], "-o", tmp_path / "out.root").code == 0  # what is compiled is cached by now
    (tmp_path / "out.root").unlink()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        done = pphysml("lcag", leaves[1], "-o", tmp_path / "out.root")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert done.code == 5 and "out.root" in done.err
    assert list(tmp_path.iterdir()) == []


def test_chunks_and_batches_do_not_change_the_result(pphysml, leaves, weights, tmp_path):
    config = json.loads(json.dumps(weights[0]["config"]))
    config["training"]["block_size"] = 7
    path = model(weights, tmp_path / "m.safetensors", {"config": config})
    for name, options in (("small", ["--set", "apply.batch_size=3"]), ("whole", [])):
        chosen = ["--model", path] if name == "small" else []
        assert pphysml("lcag", leaves[1], "-o", tmp_path / f"{name}.root", *chosen, *options).code == 0
    small, whole = read(tmp_path / "small.root"), read(tmp_path / "whole.root")
    assert ak.to_list(small[["entry", "event", "lcag", "parent"]]) == ak.to_list(whole[["entry", "event", "lcag", "parent"]])
    assert np.allclose(small["score"], whole["score"], rtol=1e-4, atol=1e-4)


def test_the_root_holds_all_momentum_and_perfect_means_equal_to_the_truth(pphysml, leaves, tmp_path):
    assert pphysml("lcag", leaves[1], "-o", tmp_path / "out.root").code == 0
    found, given = read(tmp_path / "out.root"), uproot.open(leaves[1])["events"].arrays()
    for name in ("px", "py", "pz", "e"):
        assert np.allclose(found[f"node_{name}"][:, -1], ak.sum(given[name], axis=1), atol=1e-9)
    parent = Ragged.from_counts(ak.to_numpy(ak.flatten(given["parent"])), ak.to_numpy(ak.num(given["parent"])))
    truth, _ = parent_to_matrix(parent, ak.to_numpy(ak.num(given["px"])))
    expected = ak.unflatten(truth.flat, truth.counts).tolist()
    equal = [a == b for a, b in zip(found["lcag"].tolist(), expected, strict=True)]
    assert found["perfect"].tolist() == equal and any(equal)


def test_a_mistyped_option_is_answered_with_the_nearest(pphysml, leaves, tmp_path):
    done = pphysml("lcag", leaves[1], "-o", tmp_path / "out.root", "--set", "apply.decod=argmax")
    assert done.code == 2 and "'apply.decode'" in done.err


def test_nothing_is_overwritten_unasked(pphysml, leaves, tmp_path):
    out = tmp_path / "out.root"
    out.write_text("precious")
    assert pphysml("lcag", leaves[1], "-o", out).code == 2
    assert out.read_text() == "precious"
    assert pphysml("lcag", leaves[1], "-o", leaves[1], "--force").code == 2
    assert pphysml("lcag", leaves[1], "-o", out, "--force").code == 0


def test_several_inputs_make_one_output_in_order(pphysml, leaves, tmp_path):
    first = write(tmp_path / "b.root", {k: v[:25] for k, v in leaves[0].items()})
    second = write(tmp_path / "a.root", {k: v[25:] for k, v in leaves[0].items()}, ntuple=True)
    assert pphysml("lcag", first, second, "-o", tmp_path / "out.root", "--keep", "e").code == 0
    assert pphysml("lcag", leaves[1], "-o", tmp_path / "whole.root").code == 0
    found, whole = read(tmp_path / "out.root"), read(tmp_path / "whole.root")
    assert found["file"].tolist() == [0] * 25 + [1] * 15
    assert found["entry"].tolist() == [*range(25), *range(15)]
    assert found["event"].tolist() == whole["event"].tolist()
    assert found["lcag"].tolist() == whole["lcag"].tolist()
    assert found["e"].tolist() == leaves[0]["e"].tolist()


def test_argmax_gives_nodes_only_where_it_is_a_tree(pphysml, leaves, tmp_path):
    assert pphysml("lcag", leaves[1], "-o", tmp_path / "out.root", "--set", "apply.decode=argmax").code == 0
    found = read(tmp_path / "out.root")
    assert 0 < np.sum(found["raw_valid"]) < 40
    assert (ak.num(found["parent"]) > 0).tolist() == found["raw_valid"].tolist()


def test_no_truth_means_no_evaluation(pphysml, leaves, tmp_path):
    path = write(tmp_path / "a.root", leaves[0])
    done = pphysml("evaluate", "lcag", path)
    assert done.code == 3 and "parent" in done.err and "truth" in done.err
