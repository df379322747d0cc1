"""Configurations, geometries, scanners, templates, topologies and names that are damaged or made to harm, drawn by seed."""

from __future__ import annotations

import copy
import os
import random
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pphysml import config, named_yaml
from pphysml.registry import get_task
from pphysml.verbs.config import configuration

sys.path.append(str(Path(__file__).parent))
from hostile import Judge, at, content, equal, leaves, strange

SAMPLES = Path(__file__).parents[2] / "data"
TASKS = ("lcag", "track", "petnet")
NUMBER = 20
"""Cases of each kind."""


def laughs(levels: int = 9) -> str:
    """Return few bytes of aliases that stand for 9**levels values."""
    return "\n".join(["a0: &a0 [1, 2]", *(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, levels))])


def attacks(canary: Path) -> list[str]:
    """Return YAML that no file of ours may hold."""
    system = f"!!python/object/apply:os.mkdir ['{canary}']"
    return [
        "x: " + system, system, "!!python/name:os.system", "- " * 20_000, "[" * 50_000, "{a: " * 50_000, "a: " * 3000, laughs(), laughs().replace("a", "topologies"),
        "&a [*a, *a]", "a: &a {b: *a}", "<<: &a {<<: *a}", "? [1]\n: 2", "a: 1\na: 2", "x: !!binary aGk=", "x: !!set {a}", "x: 2020-01-01", "\x00", "a: \x07", "\t- a",
        "a: " + "9" * 100_000, "a: 'x" + "y" * 4_000_000, "k" * 100_000 + ": 1", "%YAML 9.9\n---\na: 1", "--- 1\n--- 2", "a: |\n b\nc", "*x", "@a", "`", "!", "a: [1", "''", "null", "0", "true", "[]", "[1, 2]",
        "x: 1e400", "\n".join(f"k{n}: 1" for n in range(5000)), "{}: 1", "'': 1", "..: 1", "<<: 1",
    ]


def other_yaml(rng: random.Random, values: Any, canary: Path) -> bytes:
    """Change one value to one of another type, or put what no file may hold in front, behind or in the place of it all."""
    drawn = rng.randrange(3)
    text = yaml.safe_dump(values)
    if drawn < 2:
        changed = copy.deepcopy(values)
        place = rng.choice(leaves(changed))
        above = at(changed, place[:-1])
        above[place[-1]] = strange(rng, above[place[-1]])
        return yaml.safe_dump(changed).encode()
    attack = rng.choice(attacks(canary))
    made = rng.choice([attack, f"{text}\n{attack}", f"{attack}\n{text}"])
    damage = rng.randrange(4)
    return made.encode() if damage else rng.choice([f"# für\n{text}".encode("latin-1"), text.encode("utf-16"), b"\xff" + text.encode(), text.encode() + b"\x00", b"PK\x03\x04" + bytes(range(256))])


def judged(pphysml, judge, tmp_path, arguments, named, same, output="out.root"):
    """Run the program, and return what is wrong with how that ended."""
    where = tmp_path / output
    done = pphysml(*arguments)
    faults = judge.faults(done, where, named, lambda: same(done))
    for left in tmp_path.glob("out.*"):
        left.unlink()
    return [f"{fault}: {done.err[:300]}" for fault in faults]


@pytest.mark.parametrize("task", TASKS)
def test_configurations_drawn_by_seed(pphysml, tmp_path, task):
    judge, wrong, path = Judge(tmp_path / "canary"), [], tmp_path / "mine.yaml"
    values = configuration(get_task(task)).model_dump(mode="json")
    clean = pphysml("config", task, "show").out
    for seed in range(NUMBER):
        path.write_bytes(other_yaml(random.Random(f"{task} {seed}"), values, judge.canary))
        arguments = ("config", task, "show", "-c", path)
        wrong += [(seed, fault) for fault in judged(pphysml, judge, tmp_path, arguments, (str(path),), lambda done: done.out == clean)]
    assert not wrong, "\n".join(map(str, wrong))
    assert judge.refused > 0.8 * NUMBER


@pytest.mark.parametrize("task", TASKS)
def test_changes_drawn_by_seed(pphysml, tmp_path, task):
    """Of `--set`: values of other types, keys that are none, YAML in the place of a value."""
    judge, wrong = Judge(tmp_path / "canary"), []
    complete = configuration(get_task(task))
    values, clean = complete.model_dump(mode="json"), config.dump(complete)
    odd = ["", "=", "=1", ".", "..=1", "a" * 100_000 + "=1", "." * 1000 + "=1", "training=1", "training={}=", "training.steps", "training.steps.a=1", "__class__=1", "training.__init__=1",
           "training.steps=[", "training.steps=!!int 1", "training.steps=*a", "training.steps=&a 1e400", "training.steps=" + "9" * 5000, "training.steps=\x00", "training.steps=\udcff",
           "training.steps={a: 1, a: 2}", "training.steps=" + "[" * 1000, "model.name=" + "x" * 1_000_000, "model.name=../../x.py:Mine", "training.seed=true", "training.seed=1:30", "training.seed=2020-01-01"]
    for seed in range(NUMBER):
        rng = random.Random(f"set {task} {seed}")
        places = [place for place in leaves(values) if all(isinstance(key, str) for key in place)]
        place = rng.choice(places)
        changed = yaml.safe_dump(strange(rng, at(values, place)), default_flow_style=True, width=10**9).removesuffix("\n").removesuffix("\n...")
        item = rng.choice([f"{'.'.join(place)}={changed}", rng.choice(odd)])
        arguments = ("config", task, "show", "--set", item)
        wrong += [(item[:80], fault) for fault in judged(pphysml, judge, tmp_path, arguments, ("--set", "the configuration: "), lambda done: done.out == clean)]
    assert not wrong, "\n".join(map(str, wrong))
    assert judge.refused > 0.8 * NUMBER


SOURCES = {
    "geometry": (named_yaml.text("pphysml.tasks.track.geometries", "dtc"),
                 lambda path: ["track", SAMPLES / "track_hits.root", "--max-entries", 500, "--engine", "straight", "--geometry", path]),
    "scanner": (named_yaml.text("pphysml.tasks.petnet.scanner.scanners", "safir"),
                lambda path: ["petnet", SAMPLES / "petnet_singles.root", "--max-entries", 1000, "--engine", "classical", "--scanner", path]),
    "template": ("[['*', '*', {D0: [K-, pi+]}], {5.28: ['*', 0.14]}, '*']",
                 lambda path: ["lcag", SAMPLES / "lcag_leaves.root", "--max-entries", 5, "--engine", "massline", "--match", path]),
    "topologies": ("topologies: ['100(50(5 2) 3)', '100(1 2)', '100(90(5 5 1) 2)']",
                   lambda path: ["simulate", "lcag", "-n", 5, "--set", f"simulation.topology_file={path}"]),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_files_of_other_kinds_drawn_by_seed(pphysml, tmp_path, kind):
    text, command = SOURCES[kind]
    judge, wrong, path, out = Judge(tmp_path / "canary"), [], tmp_path / "mine.yaml", tmp_path / "out.root"
    values = yaml.safe_load(text)
    path.write_text(yaml.safe_dump(values))
    assert pphysml(*command(path), "-q", "-o", out).code == 0
    clean = content(out)
    for left in tmp_path.glob("out.*"):
        left.unlink()
    for seed in range(NUMBER):
        path.write_bytes(other_yaml(random.Random(f"{kind} {seed}"), values, judge.canary))
        wrong += [(seed, fault) for fault in judged(pphysml, judge, tmp_path, [*command(path), "-q", "-o", out], (str(path),), lambda done: equal(content(out), clean))]
    assert not wrong, "\n".join(map(str, wrong))
    assert judge.refused > 0.7 * NUMBER


DECAYS = ["(" * 100_000, "(* " * 2000 + "*" + ")" * 2000, "(" + "* " * 100_000 + ")", "A -> " * 1000, "[" * 60 + "]" * 60, "((* *) *" + ")" * 3, "(1e400 1)", "(nan 1)", "(-1 2)", "(\x00 1)", "(\x1b[2J pi+)",
          "x" * 1_000_000, "(../../etc/passwd pi+)", "mine.yaml/..", "none.yaml", "a" * 5000 + ".yaml", "", " ", "->", "*", "(K- " + "pi+ " * 600 + ")", "K" + "(S)" * 50_000 + "0 -> pi+ pi-"]


def test_templates_that_are_none(pphysml, tmp_path):
    judge, wrong = Judge(tmp_path / "canary"), []
    for text in DECAYS:
        arguments = [*SOURCES["template"][1](text), "-q", "-o", tmp_path / "out.root"]
        wrong += [(text[:20], fault) for fault in judged(pphysml, judge, tmp_path, arguments, ("",), lambda done: False)]
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize(("task", "option"), [("lcag", "-c"), ("petnet", "--preset"), ("track", "--geometry"), ("petnet", "--scanner"), ("lcag", "--match"), ("lcag", "--model-code")])
def test_names_that_are_none(pphysml, tmp_path, task, option):
    judge, wrong = Judge(tmp_path / "canary"), []
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    (tmp_path / "empty.yaml").write_bytes(b"")
    names = [str(tmp_path / name) for name in ("pipe.yaml", "folder.yaml", "loop.yaml", "binary.yaml", "empty.yaml", "none.yaml", "../" * 300 + "etc/passwd", "x" * 5000 + ".yaml")]
    names += ["../paper", "paper.yaml/", "\x1b[2J", "", ".", "..", "/dev/zero", "/dev/null", "x" * 100_000, "%s", "paper\n", "\udcff.yaml"]
    command = {"-c": ["config", task, "show"], "--preset": ["config", task, "show"], "--model-code": ["lcag", SAMPLES / "lcag_leaves.root", "--engine", "network"],
               "--match": ["lcag", SAMPLES / "lcag_leaves.root", "--max-entries", 5, "--engine", "massline"]}
    arguments = command.get(option, [task, SAMPLES / f"{'track_hits' if task == 'track' else 'petnet_singles'}.root", "--max-entries", 500, "--engine", "straight" if task == "track" else "classical"])
    for name in names:
        made = [*arguments, option, name, *([] if arguments[0] == "config" else ["-q", "-o", tmp_path / "out.root"])]
        wrong += [(name[:30], fault) for fault in judged(pphysml, judge, tmp_path, made, ("",), lambda done: False)]
    assert not wrong, "\n".join(map(str, wrong))
