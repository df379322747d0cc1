"""Interrupt the program at drawn moments of its work, and see what is left; prints JSON.

    python benchmarks/interruptions.py [--moments 100] [--seed 1] [--imported] [--works train apply ...]

With `--imported`, every run is forked from one process that has imported all: quicker, with more moments in the work
itself, and none in the start and the end of the interpreter. A moment is a share of the wall time of a whole run, from the start of the process on, drawn evenly; the signal is drawn too,
KILL half of the time, else TERM, INT or HUP. After each, of what the run should have made:

- `incomplete`: files under a final name that cannot be read, or a folder that lacks one of its files;
- `left`: temporary files after TERM, INT or HUP;
- `unended`: exit codes other than those that the program states, or a traceback;
- `lost`: neither can the same command be given again, nor the training be resumed; or their output differs from that of a
  whole run;
- `stays`: temporary files of a killed run that are still there after the next one.

All five must be 0. `done` counts runs that were complete before the signal came, `before` those where it came before the
program's first line, while Python itself started: the system ends them, and nothing is there yet.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import uproot

from pphysml.model_file import load_model
from pphysml.training.checkpoint import load_state

SMALL = [f"--set={item}" for item in (
    "model.width=16", "model.pair_width=8", "model.blocks=1", "model.heads=2", "model.clade_width=8", "training.steps=30",
    "training.batch_size=32", "training.block_size=500", "training.validation_events=60", "training.validate_every=10",
    "training.checkpoint_every=5", "training.log_every=2", "training.simulated_events=1000")]

WORKS = {
    "train": ["train", "lcag", "--preset", "quick", *SMALL, "--threads", "1", "-o", "run"],
    "apply": ["petnet", "singles.root", "--engine", "classical", "--scanner", "safir", "--set", "apply.block_size=2000", "-o", "out.root"],
    "simulate": ["simulate", "lcag", "--preset", "quick", "-n", "20000", "-o", "out.root"],
    "evaluate": ["evaluate", "petnet", "singles.root", "--engine", "classical", "--scanner", "safir", "-o", "out"],
    "export": ["export", "track", "hits.root", "--format", "pyg", "-o", "out"],
}
"""Commands, in a folder with the inputs."""

OFTEN = {"train": 7, "apply": 5, "simulate": 5, "evaluate": 1, "export": 2}
"""How often each is drawn, relative to the others."""

Run = Callable[..., tuple[int, str]]

ENDED = {signal.SIGINT: {0, 130}, signal.SIGTERM: {0, 143, 75}, signal.SIGHUP: {0, 129, 75}, signal.SIGKILL: {0, -9}}
"""Exit codes after each signal; a run may be complete before."""


@dataclass
class Whole:
    """A run that nothing interrupts: how long it takes, and what it makes."""

    seconds: float
    result: Any


def call(arguments: list[str], folder: Path, number: signal.Signals | None = None, after: float = 0.0) -> tuple[int, str]:
    """Run the program, send it a signal after some seconds, and return its exit code and what it says on stderr."""
    program = "from pphysml_cli.entry import entry; entry()"  # as the installed script has it
    process = subprocess.Popen([sys.executable, "-c", program, *arguments, "-q"], cwd=folder, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if number is not None:
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
    _, said = process.communicate()
    return process.returncode, said


def call_imported(arguments: list[str], folder: Path, number: signal.Signals | None = None, after: float = 0.0) -> tuple[int, str]:
    """As `call`, in a fork of this process."""
    with tempfile.TemporaryFile("w+") as said:
        process = os.fork()
        if not process:
            _become([*arguments, "-q"], folder, said.fileno())
        if number is not None:
            time.sleep(after)
            os.kill(process, number)
        _, status = os.waitpid(process, 0)
        said.seek(0)
        return os.waitstatus_to_exitcode(status), said.read()


def _become(arguments: list[str], folder: Path, stderr: int) -> None:
    """Run the program in this process, and end it."""
    from pphysml_cli.entry import entry

    code: Any = 1
    try:
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        os.dup2(stderr, 2)
        sys.argv = ["pphysml", *arguments]
        entry()
    except SystemExit as error:
        code = error.code
    finally:
        os._exit(code)


def import_all() -> None:
    """Import what the commands import, and compile what they compile."""
    import lightning_fabric  # noqa: F401
    import matplotlib.pyplot
    import torch

    import pphysml.evaluation.report
    import pphysml.verbs.apply
    import pphysml.verbs.evaluate
    import pphysml.verbs.export_data
    import pphysml.verbs.simulate
    import pphysml.verbs.train  # noqa: F401
    from pphysml.registry import get_task

    torch.set_num_threads(1)
    matplotlib.use("Agg")
    for name in ("lcag", "petnet", "track"):
        get_task(name)


def result_of(work: str, folder: Path) -> Any:
    """Return what a run has made, None if nothing, and raise an error if it is not complete."""
    output = folder / WORKS[work][-1]
    if not output.exists():
        return None
    if work == "train":
        load_state(output / "checkpoints" / "last.pt")
        for name in ("config.yaml", "inputs.json", "environment.json"):
            assert (output / name).read_text()
        model = output / "model.safetensors"
        return {name: value.tobytes() for name, value in load_model(output).network.items()} if model.exists() else None
    if work in ("evaluate", "export"):
        return sorted((str(path.relative_to(output)), path.stat().st_size > 0) for path in output.rglob("*") if path.is_file())
    if work == "apply":
        assert output.with_suffix(".hroot").read_text()
    with uproot.open(output) as file:
        trees = {name: tree.arrays() for name, tree in file.items() if hasattr(tree, "arrays")}
    return {name: repr(arrays.tolist()) for name, arrays in trees.items()}


def temporary(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.name.endswith((".tmp", ".old")) or path.name.startswith("pphysml-numba-")]


def interrupted(run: Run, work: str, number: signal.Signals, share: float, whole: Whole, inputs: Path, folder: Path) -> dict[str, Any]:
    """Interrupt a run in a new folder, begin or resume it again, and report what was found."""
    shutil.copytree(inputs, folder)
    code, said = run(WORKS[work], folder, number, share * whole.seconds)
    report: dict[str, Any] = {"work": work, "signal": number.name, "share": round(share, 4), "exit_code": code, "said": said.strip().splitlines()}
    report["before"] = code == -number and number != signal.SIGKILL and not said
    report["unended"] = (code not in ENDED[number] and not report["before"]) or "Traceback" in said
    try:
        made = result_of(work, folder)
        report["incomplete"] = made is not None and work != "train" and made != whole.result
    except Exception as error:
        made, report["incomplete"] = None, repr(error)
    report["done"] = code == 0
    report["left"] = temporary(folder) if number != signal.SIGKILL else []
    again = ["train", "lcag", "--resume", "run", "--threads", "1"] if (folder / "run").exists() else WORKS[work]
    if made is not None:
        again = [*again, "--force"] if "--resume" not in again else again
    code, said = run(again, folder)
    report["lost"] = said if code or result_of(work, folder) != whole.result else False
    report["stays"] = temporary(folder)
    shutil.rmtree(folder)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--imported", action="store_true")
    parser.add_argument("--works", nargs="+", choices=[*WORKS], default=[*WORKS])
    options = parser.parse_args()
    run: Run = call_imported if options.imported else call
    if options.imported:
        import_all()
    rng = np.random.default_rng(options.seed)
    data = Path(__file__).parents[1] / "data"
    with tempfile.TemporaryDirectory() as name:
        inputs, folder = Path(name) / "inputs", Path(name) / "work"
        inputs.mkdir()
        shutil.copy(data / "petnet_singles.root", inputs / "singles.root")
        shutil.copy(data / "track_hits.root", inputs / "hits.root")
        os.environ["TMPDIR"] = str(folder)
        wholes = {}
        for work in options.works:
            shutil.copytree(inputs, folder)
            began = time.monotonic()
            code, said = run(WORKS[work], folder)
            assert code == 0, said
            wholes[work] = Whole(time.monotonic() - began, result_of(work, folder))
            shutil.rmtree(folder)
        reports, shares = [], np.array([OFTEN[work] for work in options.works])
        for _ in range(options.moments):
            work = str(rng.choice(options.works, p=shares / sum(shares)))
            number = signal.Signals(int(rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP], p=[0.5, 0.2, 0.15, 0.15])))
            reports.append(interrupted(run, work, number, float(rng.uniform()), wholes[work], inputs, folder))
            print(json.dumps(reports[-1]), file=sys.stderr, flush=True)
    found = ("done", "before", "incomplete", "left", "unended", "lost", "stays")
    json.dump({
        "moments": options.moments, "imported": options.imported, "by_work_and_signal": Counter(f"{r['work']} {r['signal']}" for r in reports),
        "seconds_of_a_whole_run": {work: round(whole.seconds, 1) for work, whole in wholes.items()},
        **{key: sum(bool(r[key]) for r in reports) for key in found},
        "failures": [r for r in reports if any(r[key] for key in found[2:])],
        "shares": [[r["work"], r["signal"], r["share"], r["exit_code"]] for r in reports],
    }, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
