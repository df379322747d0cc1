"""Peak memory of `relay` at several densities, in applying and in training, above what the imports take; prints JSON.

    python benchmarks/track_memory.py [--protons 50 100 150] [--phantom 100] [--batch 1]

Every figure comes from a process of its own, which makes its frames, runs once on one small frame, so that
compiled code is loaded, and is read from VmHWM after its counter has been reset.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from pphysml.config import load
from pphysml.io.ragged import Columns, length, slice_rows
from pphysml.registry import get_task
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.learner import TrackLearner
from pphysml.tasks.track.models.batches import collate
from pphysml.tasks.track.models.network_links import find_links
from pphysml.tasks.track.output.columns import output_columns
from pphysml.verbs.engine_choice import EngineChoice, choose


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protons", type=int, nargs="+", default=[50, 100, 150])
    parser.add_argument("--phantom", type=float, default=100.0)
    parser.add_argument("--batch", type=int, default=1, help="frames treated together")
    parser.add_argument("--mode", choices=["applying", "training"], help="measure one case in this process")
    arguments = parser.parse_args()
    if arguments.mode:
        report: Any = measured(arguments.mode, arguments.protons[0], arguments.phantom, arguments.batch)
    else:
        report = {mode: [_alone(mode, n, arguments.phantom, arguments.batch) for n in arguments.protons] for mode in ("training", "applying")}
    json.dump(report, sys.stdout, indent=1)
    print()


def _alone(mode: str, protons: int, phantom: float, batch: int) -> Any:
    command = [sys.executable, __file__, "--mode", mode, "--protons", str(protons), "--phantom", str(phantom), "--batch", str(batch)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measured(mode: str, protons: int, phantom: float, batch: int) -> dict[str, float]:
    """Return the peak of resident memory, MB, above that of the process with its imports and frames."""
    torch.set_num_threads(1)
    task = get_task("track")
    config = load(task.config_class, task.presets, "mixed", [f"simulation.phantoms=[{phantom}]", f"data.protons_per_frame=[{protons}]"])
    assert isinstance(config, TrackConfig)
    frames = task.simulation(config, 1).examples(0, batch)
    small = load(task.config_class, task.presets, "mixed", [f"simulation.phantoms=[{phantom}]", "data.protons_per_frame=[5]"])
    step = Step(config, mode)
    step(task.simulation(small, 2).examples(0, 1))
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    step(slice_rows(frames, 0, batch))
    links = len(collate(frames, config)["deep"])
    return {"protons": protons, "frames": length(frames), "links": links, "mb": round(step.peak - before, 1),
            "with_imports_mb": round(step.peak, 1)}


class Step:
    """Applies the shipped weights, or trains them further, once; random ones keep more links, as at the start of a training."""

    def __init__(self, config: TrackConfig, mode: str) -> None:
        self.config, self.mode, self.peak = config, mode, 0.0
        self.learner = TrackLearner(config)
        self.network = choose(get_task("track"), EngineChoice()).engine.network  # type: ignore[attr-defined]
        self.optimiser = torch.optim.AdamW(self.network.parameters())

    def __call__(self, examples: Columns) -> None:
        """Run, and keep the peak memory in MB."""
        if self.mode == "applying":
            output_columns(examples, find_links(self.network, examples, self.config), self.config)
        else:
            terms = self.learner.losses(self.network, self.learner.collate(examples))
            sum(term.weight * term.total / term.count for term in terms.values()).backward()
            self.optimiser.step()
        self.peak = _resident("VmHWM")


def _resident(name: str) -> float:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name)]
    return float(line.split()[1]) / 1000


if __name__ == "__main__":
    main()
