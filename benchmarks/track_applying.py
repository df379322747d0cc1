"""CPU seconds per frame of `pphysml track`, ROOT to ROOT, after start-up, and where they go; prints JSON.

    python benchmarks/track_applying.py [--model RUN] [--frames 40] [--protons 100] [--phantom 100] [--engine network follower]

A frame costs the difference of runs over 2N and N frames, divided by N, so that start-up cancels. One thread.
The parts are timed in the longer run, by name of the function that does them; `other` is what is left.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import uproot

from pphysml.config import load
from pphysml.registry import get_task
from pphysml.verbs.apply import apply
from pphysml.verbs.engine_choice import EngineChoice
from pphysml.verbs.inputs import Inputs
from pphysml.verbs.simulate import simulate

PARTS = {
    "reading": ["pphysml.io.reader:Reader.read", "pphysml.tasks.track.reading.assemble:_assemble"],
    "graph": ["pphysml.tasks.track.models.network_links:collate"],
    "assignment": ["pphysml.tasks.track.models.network_links:links_of", "pphysml.tasks.track.models.network_links:join"],
    "network": ["pphysml.tasks.track.models.network_links:score", "pphysml.tasks.track.models.network_links:gains",
                "pphysml.tasks.track.models.network_links:link_probabilities"],
    "follower": ["pphysml.tasks.track.classical.references:follow_tracks"],
    "tracks and WEPL": ["pphysml.tasks.track.output.link_engine:output_columns"],
    "writing": ["pphysml.io.writer:Writer.extend", "pphysml.io.writer:Writer.__exit__"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="run folder or weights file; default: the shipped weights")
    parser.add_argument("--engine", nargs="+", default=["network", "follower"])
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--protons", type=int, default=100)
    parser.add_argument("--phantom", type=float, default=100.0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        files = [_simulated(Path(folder), n * arguments.frames, arguments) for n in (1, 2)]
        report = [_measured(engine, files, arguments) for engine in arguments.engine]
    json.dump({"protons": arguments.protons, "phantom_mm": arguments.phantom, "engines": report}, sys.stdout, indent=1)
    print()


def _simulated(folder: Path, frames: int, arguments: argparse.Namespace) -> Path:
    """Write enough protons for so many frames; some of them end in the phantom."""
    task, path = get_task("track"), folder / f"{frames}.root"
    config = load(task.config_class, task.presets, None, [f"simulation.phantoms=[{arguments.phantom}]"])
    simulate(task, config, path, frames * arguments.protons)
    return path


def _measured(engine: str, files: list[Path], arguments: argparse.Namespace) -> dict[str, Any]:
    model = arguments.model if engine == "network" else None
    spent, written, parts = [], [], Parts()
    # The long file comes first too: several chunks need compiled code that one does not.
    for number, path in enumerate([files[1], *files]):
        with parts.timed() if number == 2 else ExitStack():
            cpu = time.process_time()
            summary = apply(get_task("track"), Inputs([str(path)]), EngineChoice(model=model, engine=engine, device="cpu", overrides=[f"apply.protons_per_frame={arguments.protons}"]), output=path.with_suffix(".out.root"), force=True)
            spent.append(time.process_time() - cpu)
        written.append(summary["written"])
    per_frame = (spent[2] - spent[1]) / (written[2] - written[1])
    split = {name: seconds / written[2] for name, seconds in parts.seconds.items()}
    with uproot.open(files[1].with_suffix(".out.root")) as file:
        hits = float(file["tracks/n_hits"].array(library="np").mean())
    return {"engine": engine, "frames": written[2], "seconds_per_frame": per_frame, "hits_per_frame": hits,
            "split": {**split, "other": spent[2] / written[2] - sum(split.values())}}


class Parts:
    """CPU seconds spent in the functions of each part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Time the functions of PARTS inside the block."""
        with ExitStack() as stack:
            for part, places in PARTS.items():
                for place in places:
                    module, _, name = place.partition(":")
                    owner: Any = import_module(module)
                    *outer, name = name.split(".")
                    for attribute in outer:
                        owner = getattr(owner, attribute)
                    stack.enter_context(patch.object(owner, name, self._timing(part, getattr(owner, name))))
            yield

    def _timing(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            began = time.thread_time()
            try:
                return function(*arguments, **options)
            finally:
                self.seconds[part] = self.seconds.get(part, 0.0) + time.thread_time() - began

        return called


if __name__ == "__main__":
    main()
