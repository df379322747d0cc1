"""Simulated protons and a network for them, trained for a moment: what tests of `track` start from."""

from __future__ import annotations

import pytest

SMALL = [
    f"--set={item}" for item in (
        "simulation.phantoms=[200]", "data.protons_per_frame=[10,20]", "model.width=8", "model.message_width=4", "model.rounds=1",
        "training.batch_size=4", "training.block_size=800", "training.validation_events=4", "training.validate_every=5",
        "training.checkpoint_every=4", "training.log_every=2", "training.learning_rate=0.02", "training.warmup_steps=2",
    )
]


def run(*arguments):
    """Run the program in this process, and refuse an error."""
    from pphysml_cli.main import main

    assert main([str(argument) for argument in arguments]) == 0, arguments


@pytest.fixture(scope="session")
def protons(tmp_path_factory):
    """A file of 240 protons in GATE's layout."""
    path = tmp_path_factory.mktemp("protons") / "protons.root"
    run("simulate", "track", "--set", "simulation.phantoms=[200]", "-n", 240, "--seed", 3, "-q", "-o", path)
    return path


@pytest.fixture(scope="session")
def small_track():
    """Options of a training of `track` that takes a second."""
    return list(SMALL)


@pytest.fixture(scope="session")
def track_model(protons, tmp_path_factory):
    """A run folder; its network finds about half of the links."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    run("train", "track", protons, *SMALL, "--set", "training.steps=20", "--threads", 1, "-q", "-o", folder)
    return folder
