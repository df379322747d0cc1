"""Models that are damaged or made to harm, drawn by seed: refused in one sentence, or without any effect; no code is run."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import pickle
import random
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save

from pphysml.model_file import CHECKSUM, HEADER, load_model, save_model
from pphysml.registry import get_task
from pphysml.verbs.engine_choice import shipped_models

sys.path.append(str(Path(__file__).parent))
from hostile import Judge, at, content, equal, leaves, strange

CASES = {"lcag": ("paper", "lcag_leaves", 3), "track": ("mixed", "track_hits", 2000), "petnet": ("pairs", "petnet_singles", 4000), "jets": ("toy", "jets_sample", 300)}
"""Shipped model, sample, and how many entries of it."""
ENGINE = {"petnet": ["--engine", "pairs"]}
SAMPLES = Path(__file__).parents[2] / "data"
NUMBER = 30
"""Cases of each kind and task."""


class Harmful:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


@pytest.fixture(scope="module", params=CASES)
def clean(request, tmp_path_factory):
    """Task, command, header and tensors of a model, its content with a checksum, and what it makes of the events."""
    from pphysml_cli.main import main

    task, (preset, sample, entries) = request.param, CASES[request.param]
    folder = tmp_path_factory.mktemp("clean")
    # As it is written today, with a checksum.
    save_model(folder / "model.safetensors", load_model(shipped_models(get_task(task))[preset]))
    command = [task, SAMPLES / f"{sample}.root", "--max-entries", entries, *ENGINE.get(task, []), "-q", "--force"]
    assert main([*map(str, command), "--model", str(folder / "model.safetensors"), "-o", str(folder / "out.root")]) == 0
    with safe_open(folder / "model.safetensors", framework="np") as stream:
        tensors = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118 - not a mapping
        header = json.loads(stream.metadata()[HEADER])
    return task, command, header, tensors, (folder / "model.safetensors").read_bytes(), content(folder / "out.root")


def old(header: Any, tensors: dict[str, Any], text: str | None = None) -> bytes:
    """Return a file as it was written before there were checksums."""
    return save(tensors, metadata={HEADER: json.dumps(header) if text is None else text})


def other_tensors(rng: random.Random, header: dict[str, Any], tensors: dict[str, Any]) -> bytes:
    """Change one array: its type, shape, values or name; or leave it out, or add one."""
    names = [name for name in tensors if not name.startswith("prepared.lookup")]
    name = rng.choice([n for n in names if n.startswith("network")] + [n for n in names if not n.startswith("network")] * 8 + [n for n in tensors if n not in names])
    value, changed = np.array(tensors[name]), dict(tensors)
    kinds = [np.float16, np.float32, np.float64, np.int8, np.int32, np.int64, np.uint8, np.uint64, np.bool_]
    flat = value.reshape(-1)
    drawn = rng.randrange(7)
    if drawn == 0:
        changed[name] = value.astype(rng.choice([k for k in kinds if np.dtype(k) != value.dtype]))
    elif drawn == 1:
        shapes = [flat[:0], flat[None], value[..., None], flat[:-1], np.resize(value, (2, *value.shape)), np.resize(value, (0, 7))]
        changed[name] = np.array(rng.choice([s for s in shapes if s.shape != value.shape]))
    elif drawn == 2 and value.dtype.kind == "f" and value.size:
        flat = flat.copy()
        flat[rng.randrange(len(flat))] = rng.choice([np.nan, np.inf, -np.inf])
        changed[name] = flat.reshape(value.shape)
    elif drawn == 3:
        del changed[name]
    elif drawn == 4:
        changed[rng.choice(["network.extra", "other.x", "", "network", "prepared.x", "x" * 3000, "../x"])] = rng.choice([value, np.zeros(0)])
    elif drawn == 5:
        changed[name + "x"] = changed.pop(name)
    else:
        return old(header, changed).replace(b'"dtype":"F32"', b'"dtype":"' + rng.choice([b"BF16", b"I32", b"F8_E4M3", b"F99", b"U32"]) + b'"', rng.choice([1, -1]))
    return old(header, changed)


def other_header(rng: random.Random, header: dict[str, Any], tensors: dict[str, Any]) -> bytes:
    """Change one value of the header to one of another type, take it out, or put a stranger in."""
    values = copy.deepcopy(header)
    place = rng.choice(leaves(values))
    above, key = at(values, place[:-1]), place[-1]
    drawn = rng.randrange(5)
    if drawn < 3:
        above[key] = strange(rng, above[key])
    elif drawn == 3 and len(place) == 1:
        del above[key]
    elif isinstance(above, dict) and len(place) > 1 and place[0] == "config":
        above[rng.choice(["", "x", "__class__", "x" * 3000])] = above[key]
    else:
        values["config"] = rng.choice([{}, {"model": {}}, {"model": values["config"]["model"]}, {k: {} for k in values["config"]}, [], None, "x"])
    return old(values, tensors)


def damaged(rng: random.Random, whole: bytes) -> bytes:
    """Flip, clear, cut or insert bytes of a file that has a checksum."""
    # As many in the header as in the arrays.
    start, end = rng.choice([(0, 8 + struct.unpack("<Q", whole[:8])[0]), (0, len(whole))])
    place, length = rng.randrange(start, end), rng.choice([1, 1, 4, 50])
    drawn = rng.randrange(4)
    if drawn == 0:
        return whole[:place] + bytes([whole[place] ^ (1 << rng.randrange(8))]) + whole[place + 1 :]
    if drawn == 1:
        return whole[:place] + bytes(length) + whole[place + length :]
    return whole[:place] + (rng.randbytes(length) + whole[place:] if drawn == 2 else b"")


def hollow(header: dict[str, Any], tensors: dict[str, Any], canary: Path) -> dict[str, bytes]:
    """Return files that are none, by what they are."""
    def framed(text: bytes, announced: int | None = None) -> bytes:
        return struct.pack("<Q", len(text) if announced is None else announced) + text

    whole = old(header, tensors)
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    own = copy.deepcopy(header)
    own["config"]["model"]["name"] = f"{canary.parent}/code.py:Mine"
    (canary.parent / "code.py").write_text(f"open({str(canary)!r}, 'w')\nclass Mine: pass\n")
    big = copy.deepcopy(header)
    big["config"]["model"] |= {name: 2**13 for name, value in big["config"]["model"].items() if type(value) is int}
    bigger = copy.deepcopy(header)
    bigger["config"]["model"] |= {name: 2**40 for name, value in bigger["config"]["model"].items() if type(value) is int}
    return {
        "empty": b"", "short": b"\x00", "text": b"garbage, no weights", "huge": framed(b"{}", 2**63), "negative": framed(b"{}", 2**64 - 1),
        "100 MB announced": framed(b"{}", 10**8), "no JSON": framed(b"{no"), "a list": framed(b"[]"), "deep": framed(deep.encode()),
        "not UTF-8": framed(b'{"\xff": 1}'), "nothing": framed(b"{}"), "a pickle": pickle.dumps(Harmful(canary)), "a zip": b"PK\x03\x04" + b"\x00" * 100,
        "deep JSON": old(header, tensors, deep), "deep lists": old(header, tensors, "[" * 10**6), "number": old(header, tensors, "1"), "quotes": old(header, tensors, '"' * 1001),
        "long number": old(header, tensors, '{"format_version": ' + "9" * 5000 + "}"), "keys twice": old(header, tensors, '{"task": "lcag", "task": "track"}'),
        "newer": old({**header, "format_version": 10**30}, tensors), "other task": old({**header, "task": "x" * 10_000}, tensors),
        "metadata of numbers": framed(b'{"__metadata__": {"pphysml": 1}}'), "metadata of lists": framed(b'{"__metadata__": []}'),
        "overlapping": framed(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}') + bytes(4),
        "offsets": framed(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}') + bytes(4), "shapes": framed(b'{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}') + bytes(4),
        "negative shape": framed(b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}') + bytes(4), "no arrays": old(header, {}), "no metadata": save(tensors),
        "code": old(own, tensors), "code with a record": old({**own, "model_code": {"name": own["config"]["model"]["name"], "sha256": hashlib.sha256((canary.parent / "code.py").read_bytes()).hexdigest()}}, tensors),
        "record of another type": old({**header, "model_code": [1]}, tensors), "larger": old(big, tensors), "largest": old(bigger, tensors), "after the end": whole + b"x",
    }


def run(pphysml, clean, judge, path, tmp_path):
    """Apply a model, and return what is wrong with how that ended."""
    _, command, *_, expected = clean
    output = tmp_path / "out.root"
    done = pphysml(*command, "--model", path, "-o", output)
    faults = judge.faults(done, output, (str(path), "x" * 50, "There is no geometry", "There is no scanner"), lambda: equal(content(output), expected))
    output.unlink(missing_ok=True)
    return [f"{fault}: {done.err[:300]}" for fault in faults]


@pytest.mark.parametrize("kind", ["arrays", "headers", "bytes"])
def test_models_drawn_by_seed(pphysml, clean, tmp_path, kind):
    task, _, header, tensors, whole, _ = clean
    judge, wrong = Judge(tmp_path / "canary"), []
    path = tmp_path / "model.safetensors"
    for seed in range(NUMBER):
        rng = random.Random(f"{task} {kind} {seed}")
        made = damaged(rng, whole) if kind == "bytes" else {"arrays": other_tensors, "headers": other_header}[kind](rng, header, tensors)
        path.write_bytes(made)
        wrong += [(seed, fault) for fault in run(pphysml, clean, judge, path, tmp_path)]
    assert not wrong, "\n".join(map(str, wrong))
    assert judge.refused > 0.6 * NUMBER


def test_files_that_are_no_models(pphysml, clean, tmp_path):
    _, _, header, tensors, *_ = clean
    judge, wrong = Judge(tmp_path / "canary"), []
    for name, made in hollow(header, tensors, judge.canary).items():
        path = tmp_path / "model.safetensors"
        path.write_bytes(made)
        wrong += [(name, fault) for fault in run(pphysml, clean, judge, path, tmp_path)]
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder", "none", "x" * 5000, "a\x00b", "\x1b[2J", "../" * 500, "/dev/zero", "", "."):
        path = Path(name) if name.startswith("/") else tmp_path / name
        wrong += [(name[:20], fault) for fault in run(pphysml, clean, judge, path, tmp_path) if "nothing is named" not in fault]
    assert not wrong, "\n".join(map(str, wrong))


def test_a_checksum_is_compared_and_old_files_have_none(clean, tmp_path):
    _, _, header, tensors, whole, _ = clean
    path = tmp_path / "model.safetensors"
    path.write_bytes(old(header, tensors))
    assert load_model(path).header == header
    with safe_open(path, framework="np") as stream:
        assert CHECKSUM not in stream.metadata()
    path.write_bytes(whole)
    assert load_model(path).header == header


@pytest.mark.parametrize("said", [None, {}, {"simulated": False}, {"simulated": False, "files": []}, {"simulated": "no"}, {"simulated": False, "files": [{}], "validation_fraction": 0.1},
                                  {"simulated": False, "files": [{"path": "a"}], "validation_fraction": 7}, [], 3])
def test_evaluating_needs_to_know_the_training_data(pphysml, tmp_path, said):
    """Of which the header says nothing, or something else."""
    path = shipped_models(get_task("lcag"))["paper"]
    with safe_open(path, framework="np") as stream:
        tensors = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118 - not a mapping
        header = json.loads(stream.metadata()[HEADER])
    (tmp_path / "model.safetensors").write_bytes(old({**header, "training_data": said}, tensors))
    done = pphysml("evaluate", "lcag", SAMPLES / "lcag_leaves.root", "--max-entries", 3, "--engine", "lookup", "--model", tmp_path / "model.safetensors", "-q")
    lines = done.err.splitlines()
    assert done.code == 4 and "header" in lines[-1] and str(tmp_path) in lines[-1] and "bug" not in done.err, done.err


@pytest.mark.parametrize("change", [
    lambda header, tensors: header["config"].update(model={"widht": 3}), lambda header, tensors: header.update(config={}),
    lambda header, tensors: header["config"]["data"].update(features=["charge"]), lambda header, tensors: tensors.pop(next(name for name in tensors if name.startswith("network."))),
])
def test_what_could_not_be_applied_is_not_exported(pphysml, tmp_path, change):
    with safe_open(shipped_models(get_task("lcag"))["paper"], framework="np") as stream:
        tensors = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118 - not a mapping
        header = json.loads(stream.metadata()[HEADER])
    change(header, tensors)
    (tmp_path / "model.safetensors").write_bytes(old(header, tensors))
    done = pphysml("export", "lcag", "--format", "safetensors", "--model", tmp_path / "model.safetensors", "-o", tmp_path / "out.safetensors")
    assert done.code == 4 and "bug" not in done.err and not (tmp_path / "out.safetensors").exists(), done.err
