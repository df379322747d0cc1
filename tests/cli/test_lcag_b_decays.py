"""A B decay in MeV, with names of its own and masses of the PDG: training, what it prints, and the references beside it."""

from __future__ import annotations

import contextlib
import io
import json

import pytest

from .b_decays import MAP, write_decays
from .conftest import run

NETWORK = [f"--set={item}" for item in (
    "model.width=16", "model.pair_width=8", "model.blocks=1", "model.clade_width=8", "model.finest_scale=0.002",
    "training.steps=60", "training.batch_size=64", "training.learning_rate=0.01", "training.warmup_steps=10",
    "training.average=0.9", "training.validate_every=60", "training.validation_events=250")]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("decays")
    return [write_decays(folder / f"{name}.root", n, n, 0.005) for name, n in (("seen", 600), ("unseen", 250))]


@pytest.fixture(scope="module")
def trained(files, tmp_path_factory):
    """A run folder, the value that the training printed at its end, and what it said."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    out, said = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
        run("train", "lcag", files[0], "--validation", files[1], *MAP, "--preset", "quick", *NETWORK, "--threads", 1, "--json", "-o", folder)
    return folder, json.loads(out.getvalue())["perfect"], said.getvalue()


def shares(ended):
    """Return the share of perfect trees by engine, events alike."""
    assert ended.code == 0, ended.err
    found = {engine: {m["name"]: m["value"] for m in result["metrics"]} for engine, result in json.loads(ended.out).items()}
    return {engine: metrics["perfect_lcag_event_mean"] for engine, metrics in found.items()}


def test_a_training_prints_what_applying_finds_in_the_same_events(files, trained, pphysml):
    folder, printed, said = trained
    found = shares(pphysml("evaluate", "lcag", files[1], *MAP, "--model", folder, "--json"))
    assert printed == pytest.approx(found["network"], abs=1e-12)
    assert 0.05 < printed < 0.99
    last = [line for line in said.splitlines() if "perfect" in line][-1]
    assert f"perfect {printed:.4f}" in last


MASSES = "[134.9768 MeV, 497.611 MeV, 1.86484, 1.86966, 2.00686, 2.01027, 3.0969, 3.686097]"
GIVEN = [f"--set=apply.massline.{key}" for key in (f"masses={MASSES}", "root_mass=5279.41 MeV", "width=0.005")]


def test_the_massline_takes_the_masses_of_the_training_or_those_given(files, trained, pphysml):
    folder = trained[0]
    stored = shares(pphysml("evaluate", "lcag", files[1], *MAP, "--model", folder, "--engine", "massline", "--json"))
    given = shares(pphysml("evaluate", "lcag", files[1], *MAP, "--model", folder, "--engine", "massline", *GIVEN, "--json"))
    assert given["massline"] > 0.75
    assert stored["massline"] == pytest.approx(given["massline"], abs=0.06)


def test_without_masses_that_fit_a_part_is_set_aside_on_which_no_engine_is_judged(files, pphysml):
    ended = pphysml("evaluate", "lcag", files[0], *MAP, "--engine", "massline", "--engine", "lookup", "--json")
    assert shares(ended)["massline"] > 0.75
    results = json.loads(ended.out)
    counts = {m["n"] for result in results.values() for m in result["metrics"] if m["name"] == "perfect_lcag_event_mean"}
    assert len(counts) == 1 and 430 < (left := counts.pop()) < 530
    for result in results.values():
        assert any(f"fitted to {600 - left} examples of a part of the input" in note for note in result["notes"])
    assert any("that the table of the engine lookup lists" in note for note in results["lookup"]["notes"])


def test_applying_says_that_no_event_fits_the_masses(files, pphysml, tmp_path):
    ended = pphysml("lcag", files[1], *MAP, "--engine", "massline", "-o", tmp_path / "out.root")
    assert ended.code == 0 and "none can fit the masses of the engine massline (root 100 GeV" in ended.err
