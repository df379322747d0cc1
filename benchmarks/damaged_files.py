"""Damage files at random and count what comes of it: wrong numbers with exit 0, and errors that are none of the user's; prints JSON.

Damage is drawn by seed: a flipped bit, a stretch of zeros, a cut, inserted bytes, in the samples in
`data/` and in simulated files of every task, in both formats of our files, compressed and not. Each
damaged file goes through every verb that reads. What a verb gives with exit 0 is compared with what
it gives of the undamaged file: all columns of the output, metrics, loss, tensors.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

from pphysml.io.checksums import WholeBranch
from pphysml.io.root_files import RootFile
from pphysml.io.writer import Writer
from pphysml_cli.main import main as pphysml

DATA = Path(__file__).parents[1] / "data"
SAMPLES = {"lcag": "lcag_leaves.root", "track": "track_hits.root", "petnet": "petnet_singles.root"}
SIMULATED = {
    "lcag": ("--preset", "quick", "-n", "150"),
    "track": ("--set", "simulation.phantoms=[200]", "-n", "60"),
    "petnet": ("--preset", "mouse-500", "-n", "60000"),
}
ENGINES = {"lcag": "massline", "track": "straight", "petnet": "classical"}
FRAMES = ("--protons-per-frame", "20")
APPLIED: dict[str, tuple[str, ...]] = {"lcag": (), "track": FRAMES, "petnet": ()}
TRAINING = {
    "lcag": ("--preset", "quick", "--set", "model.width=8", "--set", "model.blocks=1", "--set", "training.batch_size=8", "--set", "training.validation_fraction=0.4"),
    "track": ("--set", "data.protons_per_frame=[10,20]", "--set", "model.width=8", "--set", "model.rounds=1", "--set", "training.batch_size=2", "--set", "training.validation_fraction=0.4"),
    "petnet": ("--preset", "pairs", "--set", "training.batch_size=2", "--set", "data.slice_singles=300", "--set", "training.validation_fraction=0.4"),
}
FORMS = {"zstd": uproot.ZSTD(5), "uncompressed": None}
KINDS = ("flip", "zeros", "cut", "insert")
LONGEST = 300
"""Seconds after which a verb is taken to hang."""


@dataclass(frozen=True)
class Undamaged:
    """One file that is damaged many times, and what the verbs give of it."""

    task: str
    name: str
    path: Path
    results: dict[str, Any]


def first_format(source: Path, target: Path, compression: Any) -> None:
    """Write one of our files again as the first format had it: one checksum per branch, and trees without a title."""
    with RootFile.open(str(source)) as file, uproot.recreate(target, compression=compression) as written:
        metadata = json.loads(str(file.directory["pphysml"]))
        further = metadata.get("further_trees", {})
        facts = {}
        for name in [metadata["tree"], *further]:
            tree = file.directory[name]
            branches = {b.name: b for b in tree.branches}
            counters = {n: b.member("fLeaves")[0].member("fLeafCount").member("fName") for n, b in branches.items()
                        if b.member("fLeaves")[0].member("fLeafCount") is not None}
            arrays = {n: b.array() for n, b in branches.items() if n not in counters.values()}
            types = {n: ak.type(a).content if n in counters else np.dtype((a.to_numpy().dtype, a.to_numpy().shape[1:])) for n, a in arrays.items()}
            written.mktree(name, types, counter_name=lambda n, counters=counters: counters[n])
            for start in range(0, tree.num_entries, 20_000):
                written[name].extend({n: a[start : start + 20_000] for n, a in arrays.items()})
            sums = {n: WholeBranch() for n in branches}
            for n, found in sums.items():
                found.update(file.tree(name).read(n, 0, tree.num_entries))
            facts[name] = {"n_entries": tree.num_entries, "checksums": {n: found.hexdigest() for n, found in sums.items()}}
        main = facts.pop(metadata["tree"])
        kept = {k: v for k, v in metadata.items() if k not in ("types", "stretch", "metadata_checksum")}
        written["pphysml"] = json.dumps({**kept, **main, "format_version": 1, **({"further_trees": facts} if facts else {})})


def damaged(content: bytes, kind: str, random: np.random.Generator) -> bytes:
    """Return a file's bytes with one damage."""
    changed = bytearray(content)
    place = int(random.integers(len(content)))
    if kind == "flip":
        changed[place] ^= 1 << int(random.integers(8))
    elif kind == "zeros":
        last = min(len(changed), place + int(2 ** random.uniform(0, 11)))
        changed[place:last] = bytes(last - place)
    elif kind == "cut":
        del changed[place:]
    else:
        changed[place:place] = random.bytes(int(2 ** random.uniform(0, 6)))
    return bytes(changed)


def verbs(task: str, file: Path, most: int | None, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield every verb that reads a file, and how it is called; `most` entries are read where that can be said."""
    few = [] if most is None else ["--max-entries", str(most)]
    yield "inspect", ["inspect", str(file), "--json"]
    yield "validate", ["validate", task, str(file), "--json"]
    yield "apply", [task, str(file), "--engine", ENGINES[task], *APPLIED[task], *few, "-o", str(folder / "out.root"), "--force", "-q", "--json"]
    yield "evaluate", ["evaluate", task, str(file), "--engine", ENGINES[task], *APPLIED[task], *few, "-q", "--json"]
    # A network of pairs learns the activity first, for which a part has too few singles.
    yield "train", ["train", task, str(file), *TRAINING[task], "--set", "training.steps=1", "--set", "training.validation_events=8",
                    *(few if task != "petnet" else []), "-o", str(folder / "run"), "--dry-run", "-q", "--json"]
    if task == "track":
        yield "export", ["export", task, str(file), "--format", "pyg", *FRAMES, *few, "-o", str(folder / "graphs"), "--force", "-q", "--json"]


def run(arguments: Sequence[str]) -> tuple[int, str, str]:
    """Run the program in this process; return exit code, stdout and stderr. A verb that hangs has the code -1."""
    out, err = io.StringIO(), io.StringIO()

    def hang(*_: Any) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, hang)
    signal.alarm(LONGEST)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = pphysml(list(arguments))
    except TimeoutError:
        code = -1
    except BaseException:
        code = 1
        err.write(traceback.format_exc())
    finally:
        signal.alarm(0)
    return code, out.getvalue(), err.getvalue()


def numbers(verb: str, out: str, folder: Path) -> Any:
    """Return what a verb gave, without the names of files and times."""
    said = json.loads(out)
    if verb == "inspect":
        return [(t["name"], t["entries"], [(b["name"], b["type"]) for b in t["branches"]]) for t in said[0]["trees"]]
    if verb == "validate":
        return None
    if verb == "train":
        return {name: value for name, value in said.items() if name != "warnings"}
    if verb == "evaluate":
        return json.dumps([{k: v for k, v in r.items() if k in ("metrics", "tables")} for r in said.values()])
    if verb == "export":
        from safetensors.numpy import load_file

        return {path.name: {n: (a.dtype.str, a.shape, a.tobytes()) for n, a in load_file(path).items()} for path in sorted((folder / "graphs").iterdir())}
    with uproot.open(folder / "out.root") as file:
        trees = [name for name, kind in file.classnames(cycle=False).items() if kind == "TTree"]
        return {(t, b): ak.to_list(file[t][b].array()) for t in trees for b in file[t].keys()}  # noqa: SIM118


def equal(first: Any, second: Any) -> bool:
    """Compare what a verb gave; not a number equals itself."""
    return repr(first) == repr(second)


def undamaged_files(folder: Path, samples: bool = True) -> Iterator[tuple[str, str, Path]]:
    """Make the files; yield task, name and path of each."""
    for task, name in SAMPLES.items() if samples else ():
        yield task, f"{task} sample", DATA / name
    for task, options in SIMULATED.items():
        for form, compression in FORMS.items():
            path, old = folder / f"{task}-{form}.root", folder / f"{task}-{form}-old.root"
            defaults = Writer.__init__.__kwdefaults__
            before, defaults["compression"] = defaults["compression"], ("zstd", 5) if compression else None
            code, _, err = run(["simulate", task, *options, "--seed", "5", "-q", "-o", str(path)])
            defaults["compression"] = before
            assert code == 0, err
            first_format(path, old, compression)
            yield task, f"{task} {form}", path
            yield task, f"{task} {form} old", old


def prepared(task: str, name: str, path: Path, folder: Path) -> Undamaged:
    """Return a file with what the verbs give of it, of all entries and of some."""
    results = {}
    for most in (None, partial(path)):
        for verb, call in verbs(task, path, most, folder):
            code, out, err = run(call)
            assert code == 0, (call, err)
            results[verb, most] = numbers(verb, out, folder)
    return Undamaged(task, name, path, results)


def partial(path: Path) -> int:
    """Return a number of entries at which reading a part ends."""
    with uproot.open(path) as file:
        tree = next(file[name] for name, kind in file.classnames().items() if kind == "TTree")
        return max(1, tree.num_entries // 3 * 2)


def try_all(file: Undamaged, kind: str, random: np.random.Generator, folder: Path) -> Iterator[tuple[str, str]]:
    """Damage a file once, and yield verb and outcome: refused, same, wrong, bug, hang."""
    content = damaged(file.path.read_bytes(), kind, random)
    copy = folder / file.path.name
    copy.write_bytes(content)
    most = partial(file.path) if random.random() < 0.5 else None
    for verb, call in verbs(file.task, copy, most, folder):
        code, out, err = run(call)
        if code == -1:
            yield verb, "hang"
        elif code == 1 or "Traceback" in err or "bug" in err:
            yield verb, f"bug: {err.strip().splitlines()[0] if err.strip() else ''}"
        elif code:
            yield verb, "refused"
        else:
            yield verb, "same" if equal(numbers(verb, out, folder), file.results[verb, most]) else "wrong"


def measured(files: int, seed: int, samples: bool = True) -> dict[str, Any]:
    """Damage `files` files; return how often each verb had which outcome, and the cases that must not be."""
    random = np.random.default_rng(seed)
    counts: dict[str, Counter[str]] = {}
    bad: list[str] = []
    folder = Path(tempfile.mkdtemp())
    try:
        whole = [prepared(*file, folder) for file in undamaged_files(folder, samples)]
        (folder / "damaged").mkdir()
        for number in range(files):
            file, kind = whole[number % len(whole)], KINDS[number // len(whole) % len(KINDS)]
            for verb, outcome in try_all(file, kind, random, folder / "damaged"):
                word = outcome.partition(":")[0]
                counts.setdefault(verb, Counter())[word] += 1
                if word in ("wrong", "bug", "hang"):
                    bad.append(f"{number} {file.name} {kind} {verb} {outcome}")
                    print(bad[-1], file=sys.stderr)
            if number % 20 == 19:
                print(f"{number + 1} files: {dict(sum(counts.values(), Counter()))}", file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(folder)
    total = sum(counts.values(), Counter())
    return {"files": files, "seed": seed, "total": dict(total), "verbs": {verb: dict(found) for verb, found in counts.items()}, "bad": bad}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(json.dumps(measured(arguments.files, arguments.seed), indent=1))


if __name__ == "__main__":
    main()
