"""Simulated jets, trainings and scores that the benchmarks of `jets` share; kept in a folder, and found again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pphysml.compiled_cache import use_user_cache

use_user_cache()

from pphysml.io.ragged import Columns  # noqa: E402
from pphysml.registry import get_task  # noqa: E402
from pphysml.tasks.jets.config import JetsConfig  # noqa: E402
from pphysml.tasks.jets.judging.jets_seen import JetsSeen  # noqa: E402
from pphysml.verbs.config import configuration  # noqa: E402
from pphysml.verbs.engine_choice import EngineChoice, choose  # noqa: E402
from pphysml.verbs.inputs import Inputs  # noqa: E402
from pphysml.verbs.simulate import simulate  # noqa: E402
from pphysml.verbs.train import train  # noqa: E402
from pphysml.verbs.training_inputs import TrainingInputs  # noqa: E402

JETS = get_task("jets")

BATCH = 2048
"""Jets of a step, where a training does not say another number."""


def simulated(path: Path, jets: int, seed: int, masses: Sequence[float], signal: float = 0.25, options: Sequence[str] = ("simulation.constituents=false",)) -> Path:
    """Return a file of jets with these resonance masses, GeV, and this share of signal."""
    if not path.exists():
        own = [f"simulation.resonance_masses={list(masses)}", f"simulation.signal={signal}"]
        simulate(JETS, configuration(JETS, None, [*own, *options]), path, jets, seed=seed)
    return path


def trained(run: Path, training: Path | str, validation: Path | str, options: Sequence[str], steps: int) -> Path:
    """Return the run folder of a training that validates with, and fits maps to, all jets of the second file, or of its files."""
    if not (run / "model.safetensors").exists():
        own = [f"training.steps={steps}", f"training.batch_size={BATCH}", "training.learning_rate=0.005", "training.validation_events=10000000", f"training.validate_every={max(steps // 3, 1)}",
               "training.warmup_steps=50"]
        train(JETS, configuration(JETS, None, [*own, *options]), TrainingInputs(Inputs([str(training)]), [str(validation)]), output=run, device="cpu", force=True)
    return run


def seen(run: Path, test: Path | str, overrides: Sequence[str] = (), most: int | None = None) -> tuple[JetsSeen, JetsConfig]:
    """Return test jets with the scores of a training, and with `tau21`, and the configuration."""
    chosen = choose(JETS, EngineChoice(model=str(run), device="cpu", overrides=list(overrides)))
    parts, carry = [], None
    for chunk in Inputs([str(test)], max_entries=most).open(JETS, chosen.config, need_truth=True):
        examples, carry = JETS.assemble(chunk, carry, chosen.config)
        parts.append(JetsSeen.of(examples, _with_tau21(examples, chosen.engine(examples)), chosen.config))
    return JetsSeen.joined(parts), chosen.config


def _with_tau21(examples: Columns, columns: Columns) -> Columns:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.asarray(examples["jet_tau2"]) / np.asarray(examples["jet_tau1"])
    return {**columns, "pphysml_tau21": -np.nan_to_num(ratio, nan=1.0)}
