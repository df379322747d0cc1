"""Draw faults by seed in the package's source, run the tests that belong to each, and list those that survive; JSON.

    python benchmarks/faults.py [--faults 60] [--seed 1] [--jobs 1] [--results faults.json] [--again]

Every room gets as many. Results are written as they come, and a second call goes on where the first ended;
--again runs those that had survived once more, with the tests and the source of now. A fault is found by a failing
test that passes without it, or by a test that takes more than SECONDS of CPU time.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import Queue
from threading import Lock
from time import monotonic
from typing import Any

from fault_sites import Site, sites, with_fault
from fault_tests import STAGES, Tests

ROOT = Path(__file__).parents[1]

TASK_ROOMS = {
    "lcag": ("trees decode", "models", "simulation reading output export", "classical judging config"),
    "track": ("tracks ranges geometries", "models", "simulation reading output export display", "classical judging config"),
    "petnet": ("coincidences delays likelihood scanner", "models", "simulation reading output", "classical judging config"),
}
ROOMS = {
    "ground": ["errors", "lazy", "progress", "compiled_cache", "atomic_files", "named_yaml", "registry"],
    "physics": ["physics"], "evaluation": ["evaluation"], "io": ["io"], "nn": ["nn"], "training": ["training"],
    "contract": ["config", "contract", "model_file", "own_network", "task"], "program": ["verbs", "../cli"],
    **{f"{task} {rooms}": [f"tasks/{task}/{room}" for room in rooms.split()] for task, groups in TASK_ROOMS.items() for rooms in groups},
}
"""Files and folders of the package that get equally many faults."""

SECONDS = 75
"""CPU time of one test after which its loop is taken for endless."""

PATIENCE = 900
"""Wall time of one stage of tests, s, for those that wait for ever."""

Fault = dict[str, Any]

UNTRIED: Fault = {"outcome": "survived", "stages": 0}


def files_of(room: str) -> list[Path]:
    """Return the files of a room that compute something."""
    found = []
    for name in ROOMS[room]:
        path = (ROOT / "pphysml" / name).resolve()
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    return [path for path in found if sites(path.read_text())]


def draw(seed: int, faults: int) -> list[Fault]:
    """Draw the same number of faults in every room, at least three; of each another file, while there are."""
    drawn = []
    for room in ROOMS:
        rng, files = random.Random(f"{seed} {room}"), files_of(room)
        rng.shuffle(files)
        for k in range(max(3, faults // len(ROOMS))):
            path = files[k % len(files)]
            drawn.append({"room": room, **fault_in(path, rng)})
    return drawn


def fault_in(path: Path, rng: random.Random) -> Fault:
    """Draw a fault of a file: its kind first, then its place."""
    source = path.read_text()
    places = [s for s in sites(source) if s.in_function or s.kind in ("sign", "factor")]
    kind = rng.choice(sorted({s.kind for s in places}))
    site = rng.choice([s for s in places if s.kind == kind])
    before, after = (_lines(text, site, source) for text in (source, with_fault(source, site)))
    return {"file": str(path.relative_to(ROOT)), "line": site.line, "kind": kind, "in_function": site.in_function, "before": before, "after": after}


def _lines(text: str, site: Site, source: str) -> str:
    """Return the lines of a place in the source, or in the faulty text, which may have fewer."""
    following = len(source.splitlines()) - site.end_line
    lines = text.splitlines()
    return "\n".join(lines[site.line - 1 : len(lines) - following])


class Copy:
    """A copy of the repository in which one fault at a time is made."""

    def __init__(self, folder: Path) -> None:
        self.root, self.cache, self.spoilt = folder / "repository", folder / "compiled", folder / "spoilt"
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
        for name in listed.stdout.splitlines():
            if (ROOT / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.root / name)
        (self.root / "pphysml_cli").symlink_to("cli")
        self.cache.mkdir()
        self.tests = Tests(self.root)
        self.flawed: dict[str, bool] = {}

    def judge(self, fault: Fault, level: int) -> Fault:
        """Return the outcome of one stage of a fault's tests: the test that found it, and the seconds that took."""
        path, started = self.root / fault["file"], monotonic()
        stages = self.tests.stages(fault["file"])
        faulty = placed(path.read_text(), fault)
        if faulty is None or not stages[level]:
            return {"outcome": "gone" if faulty is None else "survived", "by": None, "seconds": 0}
        test = self._failing(stages[level], fault, faulty)
        while test is not None and self._fails_anyway(test):
            test = self._failing(stages[level], fault, faulty)
        return {"outcome": "killed" if test else "survived", "by": test, "seconds": round(monotonic() - started)}

    def _fails_anyway(self, test: str) -> bool:
        """Return whether a test fails without a fault too; then it is left out from now on."""
        if test not in self.flawed:
            self.flawed[test] = "::" in test and self._run([test], self.cache) is not None
        return self.flawed[test]

    def _failing(self, tests: list[str], fault: Fault, faulty: str) -> str | None:
        """Run tests on the faulty source until one fails; return it, or none."""
        path = self.root / fault["file"]
        source, state = path.read_text(), path.stat()
        try:
            path.write_text(faulty)
            return self._run(tests, self._cache_without(fault))
        finally:
            path.write_text(source)
            os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
            self._keep_compiled(fault)

    def _run(self, tests: list[str], cache: Path) -> str | None:
        """Run tests until one fails; return it, or none."""
        at = self.root / "current_test"
        at.write_text("")
        left_out = [f"--deselect={test}" for test, flawed in self.flawed.items() if flawed]
        environment = {**os.environ, "PYTHONPATH": f"{self.root}{os.pathsep}{self.root / 'benchmarks'}", "PYTHONDONTWRITEBYTECODE": "1",
                       "NUMBA_CACHE_DIR": str(cache), "FAULTS_CURRENT_TEST": str(at)}
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "faults", "-p", "no:cacheprovider", *left_out, *tests], cwd=self.root,
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            code = -1
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        # 5: all that there were are left out.
        return None if code in (0, 5) else at.read_text() or "reading the tests"

    def _cache_without(self, fault: Fault) -> Path:
        """Return a folder of compiled code without that of a fault; numba looks at the age of a function's own file only."""
        if fault["in_function"] and "numba" not in (self.root / fault["file"]).read_text():
            return self.cache
        if not self.spoilt.exists():
            old = self._old(fault)
            shutil.copytree(self.cache, self.spoilt, ignore=lambda _, names: [n for n in names if n.startswith(old)])
        return self.spoilt

    def _keep_compiled(self, fault: Fault) -> None:
        """Keep what was compiled meanwhile of files that do not see the fault."""
        if self.spoilt.exists():
            old = self._old(fault)
            shutil.copytree(self.spoilt, self.cache, ignore=lambda _, names: [n for n in names if n.startswith(old)], dirs_exist_ok=True)
            shutil.rmtree(self.spoilt)

    def _old(self, fault: Fault) -> tuple[str, ...]:
        return tuple(f"{stem}." for stem in self.tests.importers(fault["file"]))


def placed(source: str, fault: Fault) -> str | None:
    """Return the source with a fault, nearest to the line where it was drawn; none if the lines are no more."""
    before, lines = fault["before"].splitlines(), source.splitlines()
    at = [k for k in range(len(lines)) if lines[k : k + len(before)] == before]
    if not at:
        return None
    k = min(at, key=lambda k: abs(k + 1 - fault["line"]))
    lines[k : k + len(before)] = fault["after"].splitlines()
    return "\n".join(lines) + "\n"


def pytest_runtest_logstart(nodeid: str) -> None:
    """Say which test runs, for the case that it does not come back; its CPU time is limited."""
    if path := os.environ.get("FAULTS_CURRENT_TEST"):
        Path(path).write_text(nodeid)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)


def run(faults: list[Fault], key: str, jobs: int, results: Path) -> None:
    """Judge those of the faults that have no result of this name, the nearest tests of all first; write what is found."""
    chosen = [f for f in faults if key == "first" or f["first"]["outcome"] == "survived"]
    lock = Lock()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, ThreadPoolExecutor(jobs) as pool:
        copies: Queue[Copy] = Queue()
        for k in range(jobs):
            copies.put(Copy(Path(folder, str(k))))

        def judge(fault: Fault, level: int) -> None:
            copy = copies.get()
            found = copy.judge(fault, level)
            copies.put(copy)
            with lock:
                seconds = found["seconds"] + fault.get(key, {"seconds": 0})["seconds"]
                fault[key] = {**found, "seconds": seconds, "stages": level + 1}
                results.write_text(json.dumps(faults, indent=1) + "\n")
                print(level, found["outcome"], fault["file"], fault["line"], found["by"] or "", file=sys.stderr, flush=True)

        for level in range(STAGES):
            left = [f for f in chosen if f.get(key, UNTRIED)["outcome"] == "survived" and f.get(key, UNTRIED)["stages"] <= level]
            list(pool.map(partial(judge, level=level), left))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--results", type=Path, default=Path("faults.json"))
    parser.add_argument("--again", action="store_true", help="run the survivors once more")
    options = parser.parse_args()
    results: Path = options.results
    if not results.exists():
        results.write_text(json.dumps(draw(options.seed, options.faults), indent=1) + "\n")
    faults = json.loads(results.read_text())
    if options.again:
        for fault in faults:
            fault.pop("again", None)
    run(faults, "again" if options.again else "first", options.jobs, results)
    survived = {key: sum(f.get(key, f["first"])["outcome"] == "survived" for f in faults) for key in ("first", "again")}
    json.dump({"faults": len(faults), "survived": survived, "each": faults}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
