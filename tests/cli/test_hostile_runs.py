"""Run folders that are damaged or made to harm, drawn by seed and resumed: refused in one sentence, or the same weights at the end."""

from __future__ import annotations

import copy
import io
import json
import os
import pickle
import random
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from pphysml.errors import ModelError
from pphysml.model_file import load_model
from pphysml.training.checkpoint import FORMAT_VERSION, load_state

sys.path.append(str(Path(__file__).parent))
from hostile import Judge, at, leaves, strange

NUMBER = 12
"""Cases of each file."""
SMALL = ["--preset", "quick", "--threads", 1, "-q", *(f"--set={item}" for item in (
    "model.width=8", "model.pair_width=4", "model.blocks=1", "model.heads=2", "model.clade_width=4", "training.batch_size=16",
    "training.block_size=200", "training.validation_events=20", "training.steps=2", "training.log_every=1"))]


class Harmful:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two steps, with its data beside it."""
    from pphysml_cli.main import main

    folder = tmp_path_factory.mktemp("runs")
    assert main(["simulate", "lcag", "--preset", "quick", "-n", "60", "-q", "-o", str(folder / "a.root")]) == 0
    assert main(["train", "lcag", str(folder / "a.root"), *map(str, SMALL), "-o", str(folder / "run")]) == 0
    return folder / "run"


def changed(rng: random.Random, values: Any) -> Any:
    """Change one value to one of another type."""
    values = copy.deepcopy(values)
    place = rng.choice(leaves(values))
    above = at(values, place[:-1])
    above[place[-1]] = strange(rng, above[place[-1]])
    return values


def other_config(rng: random.Random, run: Path, canary: Path) -> bytes:
    text = (run / "config.yaml").read_text()
    attacks = [f"x: !!python/object/apply:os.mkdir ['{canary}']", "[" * 10_000, "a: &a [*a]", "\x00", "training: 3", "training:\n  steps: 3"]
    if rng.random() < 0.3:
        return f"{text}\n{rng.choice(attacks)}\n".encode()
    return yaml.safe_dump(changed(rng, yaml.safe_load(text))).encode()


def other_inputs(rng: random.Random, run: Path, canary: Path) -> bytes:
    text = (run / "inputs.json").read_text()
    if rng.random() < 0.2:
        return rng.choice([b"", b"[]", b"1", b"{}", b"[" * 100_000, text.encode()[:-20], b"\xff" + text.encode(), b'{"task": "track"}', b"9" * 10_000])
    return json.dumps(changed(rng, json.loads(text))).encode()


def other_state(rng: random.Random, run: Path, canary: Path) -> bytes:
    """Change the state of a training, as a checkpoint without a checksum, or its bytes."""
    path = run / "checkpoints" / "last.pt"
    whole, state = path.read_bytes(), dict(load_state(path).__dict__)
    place, drawn = rng.randrange(len(whole)), rng.randrange(7)
    if drawn == 0:
        return rng.choice([whole[:place], whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :], whole + b"x", pickle.dumps(Harmful(canary)), b""])
    part = rng.choice(["model", "average", "best_average"])
    tensors = dict(state[part])
    name = rng.choice(sorted(tensors))
    if drawn == 1:
        tensors[name] = tensors[name].to(rng.choice([torch.float64, torch.int64, torch.bfloat16, torch.bool]))
    elif drawn == 2:
        tensors[name] = rng.choice([tensors[name][None], torch.zeros(0), torch.zeros(3, 3, 3)])
    elif drawn == 3:
        tensors[name] = torch.full_like(tensors[name], rng.choice([float("nan"), float("inf")]))
    elif drawn == 4:
        del tensors[name]
    elif drawn == 5:
        tensors["more"] = torch.zeros(1)
    else:
        key = rng.choice(["step", "best", "best_step", "waited", "optimizer", "model", "further_optimizers"])
        state[key] = rng.choice([None, "x", [], -1, 10**30, {}, {"a": 1}, float("nan"), Harmful(canary)])
    stream = io.BytesIO()
    torch.save({"format_version": FORMAT_VERSION, **{**state, **({part: tensors} if drawn < 6 else {})}}, stream)
    return stream.getvalue()


def other_rows(rng: random.Random, run: Path, canary: Path) -> bytes:
    text = (run / "metrics.csv").read_text()
    place = rng.randrange(len(text))
    return rng.choice([b"", b"\xff\xfe", b"step\nx\n", b"a,b\n1,2\n", b'step\n"', text.encode() + b"1" * 200_000 + b",\n", b"step,step\n1,2\n", b"step\n" + b"9" * 5000 + b"\n",
                       text.replace("1", "-1").encode(), text[:place].encode() + b"\x00" + text[place:].encode()])


FILES = {"config.yaml": other_config, "inputs.json": other_inputs, "checkpoints/last.pt": other_state, "metrics.csv": other_rows}


@pytest.mark.parametrize("name", FILES)
def test_runs_drawn_by_seed(pphysml, run, tmp_path, name):
    judge, wrong = Judge(tmp_path / "canary"), []
    clean = load_model(run).network
    folder = tmp_path / "run"
    for seed in range(NUMBER):
        shutil.copytree(run, folder)
        (folder / "model.safetensors").unlink()
        (folder / name).write_bytes(FILES[name](random.Random(f"{name} {seed}"), run, judge.canary))
        done = pphysml("train", "--resume", folder, "-q", "--threads", 1)
        faults = judge.faults(done, folder / "model.safetensors", (str(folder), "--resume", "a.root", "the checkpoint"), lambda: same(folder, clean))
        wrong += [(seed, fault, done.err[:300]) for fault in faults]
        shutil.rmtree(folder)
    assert not wrong, "\n".join(map(str, wrong))
    assert judge.refused > 0.5 * NUMBER


def same(folder: Path, clean: dict[str, Any]) -> bool:
    """Return whether a training that was resumed has ended with the weights that it had."""
    try:
        found = load_model(folder).network
    except ModelError:
        return False
    return found.keys() == clean.keys() and all(np.array_equal(found[name], value) for name, value in clean.items())
