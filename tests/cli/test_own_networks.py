"""Networks of a user's own, as the README has them: trained, applied, evaluated, resumed, exported."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pphysml.model_file import load_model
from pphysml.training.loop import Loop

README = Path(__file__).parents[2] / "README.md"
LCAG = ["--preset", "quick", "--set", "model.clades=false", "--set", "training.simulated_events=300"]
SHORT = ["--set", "training.steps=6", "--set", "training.batch_size=16", "--set", "training.block_size=300",
         "--set", "training.validation_events=30", "--set", "training.validate_every=3", "--set", "training.checkpoint_every=2"]
TRACK = ["--preset", "quick", "--set", "training.simulated_events=80", "--set", "data.protons_per_frame=[10]"]
PETNET = ["--preset", "published-snn", "--set", "training.simulated_events=60", "--set", "model.published.bin_time=2000"]
EXAMPLES = {"lcag": ("pairs.py:Pairs", LCAG), "track": ("links.py:Links", TRACK), "petnet": ("spikes.py:Spikes", PETNET)}
ENGINE = {"petnet": ["--engine", "snn"]}
WRONG = {
    "lcag": ("super().forward(*inputs)[:1]", "logits of classes for ordered pairs of leaves"),
    "track": ("super().forward(*inputs)[:1]", "one logit for each candidate link"),
    "petnet": ("inputs[0][:1]", "to return spikes as one tensor"),
}
"""What is returned instead, and what is said."""


def example(name: str) -> str:
    """Return the file that the README shows under this name."""
    return re.search(rf"```python\n(# {re.escape(name)}.*?)```", README.read_text(), re.DOTALL).group(1)


@pytest.fixture(params=EXAMPLES)
def own(request, tmp_path, monkeypatch, pphysml):
    """Return task, name of the network, options of its training and a file of events, in a folder that holds the network's file."""
    monkeypatch.chdir(tmp_path)
    name, options = EXAMPLES[request.param]
    file = Path(name.partition(":")[0])
    file.write_text(example(file.name))
    preset = options[: options.index("--set")]
    assert pphysml("simulate", request.param, *preset, "-n", 60, "-o", "events.root").code == 0
    return request.param, name, [*options, *SHORT]


def trained(pphysml, task, name, options, folder="run"):
    return pphysml("train", task, *options, "--set", f"model.name={name}", "-o", folder)


def test_a_network_of_ones_own_is_used_like_any_other(pphysml, own):
    task, name, options = own
    file = name.partition(":")[0]
    done = trained(pphysml, task, name, options)
    assert done.code == 0, done.err
    engine = ENGINE.get(task, [])
    for verb in ([task, "events.root", *engine, "-o", "out.root"], ["evaluate", task, "events.root", *engine],
                 ["export", task, "--format", "safetensors", "-o", "out.safetensors"]):
        done = pphysml(*verb, "--model", "run", "--model-code", file)
        assert done.code == 0, done.err
    assert load_model(Path("out.safetensors")).header["model_code"]["name"] == name


def test_it_is_applied_only_with_its_code(pphysml, own):
    task, name, options = own
    assert trained(pphysml, task, name, options).code == 0
    Path("other.py").write_text(Path(name.partition(":")[0]).read_text() + "\n")
    engine = ENGINE.get(task, [])
    for verb in ([task, "events.root", *engine, "-o", "out.root"], ["evaluate", task, "events.root", *engine]):
        without = pphysml(*verb, "--model", "run")
        assert without.code == 4 and "give its file with --model-code FILE" in without.err
        other = pphysml(*verb, "--model", "run", "--model-code", "other.py")
        assert other.code == 4 and "SHA-256" in other.err
    assert not Path("out.root").exists()


def test_it_is_resumed_with_its_code(pphysml, own, monkeypatch):
    """A training that ends at its fifth step, resumed from the checkpoint after four, has the weights of a whole one."""
    task, name, options = own
    assert trained(pphysml, task, name, options).code == 0
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "step", broken(Loop.step))
        assert trained(pphysml, task, name, options, "short").code == 1
    without = pphysml("train", task, "--resume", "short")
    assert without.code == 4 and "--model-code" in without.err
    assert pphysml("train", task, "--resume", "short", "--model-code", name.partition(":")[0]).code == 0
    whole, resumed = (load_model(Path(run)).network for run in ("run", "short"))
    assert whole.keys() == resumed.keys() and all(np.array_equal(resumed[key], value) for key, value in whole.items())


def broken(step):
    def breaks(self, examples):
        if self.state.step == 4:
            raise RuntimeError("killed")
        return step(self, examples)

    return breaks


def test_a_wrong_shape_is_said(pphysml, own):
    task, name, options = own
    file, _, class_name = name.partition(":")
    Path(file).write_text(Path(file).read_text() + f"""

class Wrong({class_name}):
    def forward(self, *inputs):
        return {WRONG[task][0]}
""")
    done = trained(pphysml, task, f"{file}:Wrong", options)
    assert done.code == 2 and WRONG[task][1] in done.err
    assert done.err.splitlines()[-1].startswith(f"pphysml: error: {file}")
    dry = pphysml("train", task, *options, "--set", f"model.name={file}:Wrong", "--dry-run")
    assert dry.code == 2 and dry.err.splitlines()[-1] == done.err.splitlines()[-1]


MISTAKES = {
    "NaN when it is not trained": ("return out if self.training else out / 0 * 0", "not finite"),
    "NaN": ("return out * float('nan')", "not finite"),
    "no gradient": ("return out.detach()", "see whether it detaches"),
    "leaves the program": ("import sys; sys.exit(0)", "failed with SystemExit"),
    "changes what it has used": ("h = torch.sigmoid(out); h2 = h * h; h.add_(1); return h2", "training Wrong failed with RuntimeError"),
    "grows": ("self.register_buffer('late', torch.zeros(3)); return out", "has got a part 'network.late' while it was trained"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_said_by_the_dry_run_as_by_the_run(pphysml, tmp_path, monkeypatch, mistake):
    monkeypatch.chdir(tmp_path)
    line, message = MISTAKES[mistake]
    Path("pairs.py").write_text(example("pairs.py") + f"""

class Wrong(Pairs):
    def forward(self, *inputs):
        out = super().forward(*inputs)
        {line}
""")
    arguments = ["train", "lcag", *LCAG, *SHORT, "--set", "model.name=pairs.py:Wrong"]
    dry, done = pphysml(*arguments, "--dry-run"), pphysml(*arguments, "-o", "run")
    assert dry.code == done.code == 2 and message in done.err
    assert dry.err.splitlines()[-1] == done.err.splitlines()[-1]


def test_what_is_not_the_networks_fault_is_not_reported_as_such(pphysml, tmp_path, monkeypatch):
    """A full disk and too little memory have their own exit code and sentence."""
    monkeypatch.chdir(tmp_path)
    Path("pairs.py").write_text(example("pairs.py"))
    arguments = ["train", "lcag", *LCAG, *SHORT, "--set", "model.name=pairs.py:Pairs"]
    for error, message in ((OSError(28, "No space left on device"), "No space left"), (torch.OutOfMemoryError("too large"), "memory")):
        def fails(self, examples, error=error):
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(Loop, "step", fails)
            done = pphysml(*arguments, "--force", "-o", "run")
        assert done.code == 5 and message in done.err and "pairs.py" not in done.err


def test_the_published_formats_of_lcag_export_it(pphysml, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("pairs.py").write_text(example("pairs.py"))
    assert trained(pphysml, "lcag", "pairs.py:Pairs", [*LCAG, *SHORT]).code == 0
    done = pphysml("export", "lcag", "--model", "run", "--model-code", "pairs.py", "--format", "onnx", "-o", "run.onnx")
    assert done.code == 0, done.err


def test_an_engine_that_takes_no_network_is_not_taken_for_one(pphysml, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("spikes.py").write_text(example("spikes.py"))
    assert pphysml("simulate", "petnet", "--preset", "published-snn", "-n", 20, "-o", "toy.root").code == 0
    done = pphysml("petnet", "toy.root", "--model", "toy-snn", "--model-code", "spikes.py", "-o", "out.root")
    assert done.code == 2 and "give --engine, one of pairs, snn" in done.err


def test_a_network_that_does_not_use_all_of_itself_trains_in_two_processes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("pairs.py").write_text(example("pairs.py").replace("super().__init__()\n", "super().__init__()\n        self.unused = nn.Linear(2, 2)\n"))
    command = [sys.executable, "-m", "pphysml_cli.main", "train", "lcag", *LCAG, *SHORT, "--set", "model.name=pairs.py:Pairs", "--device", "cpu", "--threads", "1", "-q"]
    for processes in (1, 2):
        done = subprocess.run([*command, "--devices", str(processes), "-o", str(processes)], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
        assert done.returncode == 0, done.stderr
    one, two = (load_model(Path(str(processes))).network for processes in (1, 2))
    for name, value in one.items():
        np.testing.assert_allclose(two[name], value, rtol=1e-4, atol=3e-5)


def test_weights_that_do_not_fit_are_refused(pphysml, own):
    task, name, options = own
    assert trained(pphysml, task, name, options).code == 0
    file, _, class_name = name.partition(":")
    Path("wider.py").write_text(Path(file).read_text() + f"""

class Wider({class_name}):
    def __init__(self, config):
        super().__init__(config)
        from torch import nn
        self.more = nn.Linear(2, 2)
""")
    done = pphysml("train", task, *options, "--set", "model.name=wider.py:Wider", "--init-from", "run", "-o", "next")
    assert done.code == 4 and "another shape" in done.err


def test_a_new_training_takes_no_model_code(pphysml, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = pphysml("train", "lcag", "--model-code", "pairs.py")
    assert done.code == 2 and "model.name=FILE.py:CLASS" in done.err
