"""Code of a user's network: run when the user names its file, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from pphysml.config import build
from pphysml.errors import ConfigError, ModelError
from pphysml.model_file import ModelFile, load_model, save_model
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
    config = {"model": {"name": name, "clades": False}}
    save_model(path, ModelFile({"task": "lcag", "config": config, **({"model_code": record} if record else {})}, {}))
    return path


def test_a_strangers_weights_run_no_code(file, tmp_path):
    """Neither with a file that lies there, nor with a record of it; only the user's own word counts."""
    record = {"name": f"{file}:Mine", "sha256": own(file).recorded.sha256}
    for name, kept in (("a", None), ("b", record)):
        model = load_model(weights_of(tmp_path / name, f"{file}:Mine", kept))
        with pytest.raises(ConfigError, match="--model-code"):
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
    with pytest.raises(ConfigError, match="--model-code"):
        Recorded(**kept).allows(None)


def test_what_is_run_is_what_the_hash_is_of(file):
    found = own(file)
    file.write_text("raise SystemExit")
    assert isinstance(found.make(3), nn.Linear)


@pytest.mark.parametrize(("text", "name", "message"), [
    ("def f(:", "Mine", r"mine\.py, line 1: is no Python"),
    ("import nothing_of_this_name", "Mine", r"mine\.py, line 1: running it failed: ModuleNotFoundError"),
    (None, "Min", r"no class 'Min'.*Did you mean 'Mine'"),
    (None, "Rigid", "no parameters to train"),
    (None, "Other", r"no class 'Other' that is a torch.nn.Module"),
])
def test_a_file_that_cannot_be_used(file, text, name, message):
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        own(file, name).make(3)


def test_what_fails_inside_names_the_line(file):
    with pytest.raises(ConfigError, match=r"mine\.py, line 10: Mine\(config\) failed: TypeError"):
        own(file).make("three")
    network = own(file)
    made = network.make(3)
    with pytest.raises(ConfigError, match=r"line 13: Mine.forward failed: ZeroDivisionError"), network.blamed("Mine.forward"):
        made(None)
