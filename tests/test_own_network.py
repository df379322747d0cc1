"""Code of a user's network: run when the user names its file, and only then."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pphysml.config import build
from pphysml.errors import ConfigError, ModelError
from pphysml.model_file import ModelFile, load_model, save_model
from pphysml.nn.own_output import checked, refuse_not_finite
from pphysml.own_network import Code, OwnNetwork, Recorded
from pphysml.tasks.lcag.config import LcagConfig

GOOD = """
from pathlib import Path
from torch import nn

Path({mark!r}).touch()


class Mine(nn.Linear):
    def __init__(self, config):
        super().__init__(config, 2)

    def forward(self, x):
        return 1 / 0


class Other:
    pass


class Rigid(nn.Identity):
    pass
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(GOOD.format(mark=str(tmp_path / "was_run")))
    return path


def own(path: Path, name: str = "Mine") -> OwnNetwork:
    return OwnNetwork(f"{path}:{name}", Code())


def test_the_class_is_made_with_the_configuration(file):
    network = own(file).make(3)
    assert isinstance(network, nn.Linear) and network.in_features == 3
    assert (file.parent / "was_run").exists()


def test_a_configuration_alone_runs_nothing(file):
    values = {"model": {"name": f"{file}:Mine", "clades": False}}
    with pytest.raises(ConfigError, match="--model-code"):
        build(LcagConfig, values, "a header")
    config = build(LcagConfig, values, "the command line", Code())
    assert config.own_network == f"{file}:Mine" and config.model_dump(mode="json")["model"]["name"] == f"{file}:Mine"
    assert type(config.model_dump(mode="json")["model"]["name"]) is str
    assert not (file.parent / "was_run").exists()


def weights_of(path: Path, name: str, record: dict | None) -> Path:
    config = {**LcagConfig().model_dump(mode="json"), "model": {"name": name, "clades": False}}
    save_model(path, ModelFile({"task": "lcag", "config": config, **({"model_code": record} if record else {})}, {}))
    return path


def test_a_strangers_weights_run_no_code(file, tmp_path):
    """Neither with a file that lies there, nor with a record of it; only the user's own word counts."""
    record = {"name": f"{file}:Mine", "sha256": own(file).recorded.sha256}
    for name, kept in (("a", None), ("b", record)):
        model = load_model(weights_of(tmp_path / name, f"{file}:Mine", kept))
        with pytest.raises(ModelError, match=rf"{name}: the model's configuration: .*--model-code"):
            model.configuration(LcagConfig)
    assert not (tmp_path / "was_run").exists()


def test_code_is_that_of_the_training(file, tmp_path):
    kept = {"name": "elsewhere/mine.py:Mine", "sha256": own(file).recorded.sha256}
    path = weights_of(tmp_path / "model", "elsewhere/mine.py:Mine", kept)
    assert load_model(path, code=file).configuration(LcagConfig).own_network.path == file
    other = tmp_path / "other.py"
    other.write_text(file.read_text() + "\n")
    with pytest.raises(ModelError, match="SHA-256"):
        load_model(path, code=other)
    with pytest.raises(ConfigError, match=r"nothing\.py.*cannot be read"):
        load_model(path, code=tmp_path / "nothing.py")
    with pytest.raises(ConfigError, match="leave it out"):
        load_model(weights_of(tmp_path / "ours", "transformer", None), code=file)
    with pytest.raises(ModelError, match="--model-code"):
        Recorded(**kept).allows(None)


def test_copies_of_the_name_know_the_file(file):
    found = own(file)
    for copied in (copy.copy(found), copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert copied == found and copied.content == found.content and copied.make(3).in_features == 3


def test_what_was_checked_is_what_is_run(file, tmp_path):
    """The file may change in between."""
    record = {"name": f"{file}:Mine", "sha256": own(file).recorded.sha256}
    model = load_model(weights_of(tmp_path / "model", f"{file}:Mine", record), code=file)
    file.write_text("raise SystemExit")
    assert model.configuration(LcagConfig).own_network.make(3).in_features == 3


def test_errors_of_other_parts_are_not_the_files(file):
    network = own(file)
    for error in (OSError(28, "full"), MemoryError(), KeyError("ours")):
        with pytest.raises(type(error)), network.reporting("training"):
            raise error
    with pytest.raises(ConfigError, match="training failed with RuntimeError"), network.reporting("training"):
        torch.zeros(1).backward()  # has no gradient


def test_a_folder_may_have_the_name_of_a_library(file, tmp_path):
    """As an environment called torch: what goes wrong in other packages there is not the network's fault."""
    other = tmp_path / "torch" / "other.py"
    other.parent.mkdir()
    other.write_text("def fails(): raise RuntimeError('ours')\n")
    names: dict = {}
    exec(compile(other.read_text(), str(other), "exec"), names)
    with pytest.raises(RuntimeError, match="ours"), own(file).reporting("training"):
        names["fails"]()


def test_what_is_run_is_what_the_hash_is_of(file):
    found = own(file)
    file.write_text("raise SystemExit")
    assert isinstance(found.make(3), nn.Linear)


@pytest.mark.parametrize(("text", "name", "message"), [
    ("def f(:", "Mine", r"mine\.py, line 1: is no Python"),
    ("a = 1\0", "Mine", r"mine\.py: is no Python"),
    ("raise SystemExit(0)", "Mine", r"mine\.py, line 1: running it failed with SystemExit: 0"),
    ("raise ValueError", "Mine", r"running it failed with ValueError; --debug"),
    ("import nothing_of_this_name", "Mine", r"mine\.py, line 1: running it failed with ModuleNotFoundError: .*; --debug shows where"),
    (None, "Min", r"no class 'Min'.*Did you mean 'Mine'"),
    (None, "Rigid", "no parameters to train"),
    (None, "Other", r"no class 'Other' that is a torch.nn.Module"),
])
def test_a_file_that_cannot_be_used(file, text, name, message):
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        own(file, name).make(3)


STATES = """
import torch
from torch import nn

class Mine(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.a = nn.Linear(2, 2)
        {line}
    {method}
"""


@pytest.mark.parametrize(("line", "method", "message"), [
    ("self.b = nn.LazyLinear(3)", "", r"'b\.weight' of Mine has no values before data is seen"),
    ("self.b = nn.Linear(2, 3, device='meta')", "", r"'b\.weight' of Mine has no values"),
    ("self.register_buffer('k', torch.tensor([float('nan')]))", "", "'k' of Mine is NaN before the training"),
    ("self.requires_grad_(False)", "", "no parameters to train"),
    ("self.b = nn.Linear(2, 3).bfloat16()", "", r"'b\.weight' of Mine is torch.bfloat16"),
    ("", "def get_extra_state(self): return {'a': 1}", "'_extra_state' of Mine is no tensor"),
    ("", "def state_dict(self, *args, **kwargs): raise RuntimeError('no state')", r"Mine\(config\) failed with RuntimeError: no state"),
])
def test_networks_that_cannot_be_trained_or_kept(tmp_path, line, method, message):
    path = tmp_path / "mine.py"
    path.write_text(STATES.format(line=line, method=method))
    with pytest.raises(ConfigError, match=message):
        own(path).make(3)


@pytest.mark.parametrize(("output", "message"), [
    (torch.zeros(4, requires_grad=True), None), (torch.zeros(4, requires_grad=True).double(), None),
    (torch.zeros(3, requires_grad=True), r"scores, \(4,\), not \(3,\)"), ([0.0] * 4, "not a list"),
    (torch.zeros(4), "has no gradients: see whether it detaches"), (torch.zeros(4, dtype=torch.int64), "floating-point numbers .* torch.int64"),
    (torch.zeros(4, dtype=torch.complex64), "torch.complex64"), (torch.zeros(4, device="meta"), "on the device cpu, not .* on meta"),
])
def test_outputs_that_cannot_be_used(file, output, message):
    network, like = own(file), torch.zeros(1)
    if message is None:
        assert checked(network, output, (4,), "scores", like, training=True) is output
        return
    with pytest.raises(ConfigError, match=message):
        checked(network, output, (4,), "scores", like, training=True)


def test_values_that_are_not_finite(file):
    refuse_not_finite(own(file), torch.zeros(3))
    for value in (float("nan"), float("inf")):
        with pytest.raises(ConfigError, match=r"mine\.py: Mine has returned values that are not finite"):
            refuse_not_finite(own(file), torch.tensor([0.0, value]))


def test_a_file_may_import_what_lies_beside_it(file):
    (file.parent / "helper_of_mine.py").write_text("SIZE = 2\n")
    file.write_text("from torch import nn\nfrom helper_of_mine import SIZE\n\nclass Mine(nn.Linear):\n    def __init__(self, config): super().__init__(config, SIZE)\n")
    assert own(file).make(3).out_features == 2


def test_infinite_constants_may_be_kept_with_the_weights(file, tmp_path):
    """Such as a mask; NaN, and what diverged in a network of ours, are refused."""
    record = {"name": f"{file}:Mine", "sha256": own(file).recorded.sha256}
    for values, kept, fine in (([0, -np.inf], record, True), ([0, np.nan], record, False), ([0, -np.inf], None, False)):
        path = tmp_path / "model"
        header = {"task": "lcag", "config": {}, **({"model_code": kept} if kept else {})}
        save_model(path, ModelFile(header, {"mask": np.array(values, dtype=np.float32)}))
        if fine:
            assert load_model(path).path == path
            continue
        with pytest.raises(ModelError, match="not finite"):
            load_model(path)


def test_what_fails_inside_names_the_line(file):
    with pytest.raises(ConfigError, match=r"mine\.py, line 10: Mine\(config\) failed with TypeError"):
        own(file).make("three")
    network = own(file)
    made = network.make(3)
    with pytest.raises(ConfigError, match=r"line 13: Mine.forward failed with ZeroDivisionError"), network.reporting("Mine.forward"):
        made(None)
