"""The rooms import in one direction, and heavy packages only where they belong."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


FLOORS = (
    {"pphysml", "errors", "lazy", "progress", "printable", "interruption", "leftovers", "atomic_files", "compiled_cache", "numba_start",
     "plain_yaml", "named_yaml"},
    {"physics", "evaluation"},
    {"io"},
    {"config", "contract", "decorrelation", "model_file", "model_header", "nn", "own_network"},
    {"training"},
    {"task"},
    {"registry"},
    {"tasks"},
    {"verbs"},
)
"""The rooms, from the ground up: each imports from its own floor and those below."""

DOORS = ("task", "learner", "engines")
"""Files of a task that look into its rooms, which do not look back; `schema` and `config` are its ground floor."""

MOST_FILES = 8
"""Python files directly in a task's folder, `__init__.py` apart."""


@dataclass(frozen=True)
class Import:
    """One import: who, what (absolute, dotted), and whether it runs when the module is loaded; types count too."""

    module: str
    target: str
    line: int
    at_load: bool


def modules(package: str) -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports_of(module: str, path: Path) -> Iterator[Import]:
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]

    def walk(node: ast.AST, at_load: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(module, alias.name, child.lineno, at_load) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                base = package[: len(package) - child.level + 1] if child.level else []
                base = [*base, *([child.module] if child.module else [])]
                for alias in child.names:
                    yield Import(module, ".".join([*base, alias.name]), child.lineno, at_load)
            elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
                yield from walk(child, False)
            else:
                yield from walk(child, at_load)

    yield from walk(ast.parse(path.read_text()), True)


MODULES = dict(modules("pphysml"))
LIBRARY = [i for module, path in modules("pphysml") for i in imports_of(module, path)]
COMMANDS = [i for module, path in modules("cli") for i in imports_of(module, path)]


def inside(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def shown(broken: list[Import]) -> str:
    return "\n".join(f"{i.module}, line {i.line}: imports {i.target}" for i in broken)


def module_of(target: str) -> str:
    """Return the module that an import takes a name from, or is itself."""
    return target if target in MODULES else target.rpartition(".")[0]


def room(module: str, task: str | None = None) -> str:
    """Return the file or folder of the package that a module is in; inside `task`, of that task's folder."""
    parts = module.split(".")
    if task is not None:
        return parts[3] if parts[:3] == ["pphysml", "tasks", task] and len(parts) > 3 else ""
    return parts[1] if len(parts) > 1 else parts[0]


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """Return one circle of a graph, by depth-first search; none if there is none."""
    done: set[str] = set()

    def follow(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node):], node]
        if node in done:
            return []
        for following in sorted(arrows.get(node, ())):
            if found := follow(following, [*path, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(arrows) if (found := follow(node, []))), [])


def arrows_between(name: Callable[[str], str]) -> dict[str, set[str]]:
    """Return who imports whom, of modules or of rooms by their names; "" is left out."""
    arrows: dict[str, set[str]] = {}
    for i in LIBRARY:
        target = module_of(i.target)
        if target in MODULES and name(i.module) and name(target) and name(i.module) != name(target):
            arrows.setdefault(name(i.module), set()).add(name(target))
    return arrows


def task_folders() -> list[str]:
    return sorted(path.parent.name for path in (ROOT / "pphysml/tasks").glob("*/task.py"))


def test_the_reader_of_imports_sees_relative_deferred_and_typing_ones(tmp_path: Path) -> None:
    path = tmp_path / "task.py"
    path.write_text(
        "from typing import TYPE_CHECKING\nfrom ...io.reader import Reader\nfrom . import data\n"
        "if TYPE_CHECKING:\n    import torch\ndef f():\n    import uproot\n"
    )
    found = [(i.target, i.at_load) for i in imports_of("pphysml.tasks.lcag.task", path)]
    assert found == [
        ("typing.TYPE_CHECKING", True), ("pphysml.io.reader.Reader", True),
        ("pphysml.tasks.lcag.data", True), ("torch", False), ("uproot", False),
    ]


def test_circles_are_found() -> None:
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": {"d"}}) == []
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def test_imports_go_one_way_downwards() -> None:
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    assert {room(module) for module in MODULES} == set(floor)
    upwards = [i for i in LIBRARY if module_of(i.target) in MODULES and floor[room(module_of(i.target))] > floor[room(i.module)]]
    assert not upwards, shown(upwards)


def test_there_are_no_circles() -> None:
    assert circle(arrows_between(lambda module: module)) == []
    assert circle(arrows_between(room)) == []


@pytest.mark.parametrize("task", task_folders())
def test_the_rooms_of_a_task_have_no_circles_and_stand_behind_its_doors(task: str) -> None:
    arrows = arrows_between(lambda module: room(module, task))
    assert circle(arrows) == []
    assert not [(name, targets & {*DOORS}) for name, targets in arrows.items() if name not in DOORS and targets & {*DOORS}]


@pytest.mark.parametrize("task", task_folders())
def test_a_task_has_doors_and_few_files_in_front_of_its_rooms(task: str) -> None:
    folder = ROOT / "pphysml/tasks" / task
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert files >= {*DOORS, "schema"} and (folder / "config/__init__.py").exists()
    assert len(files) <= MOST_FILES


def test_every_verb_has_its_file_in_both_rooms() -> None:
    commands = {path.stem for path in (ROOT / "cli").glob("*.py") if re.search(r"^(command = |def command\(|def make_command\()", path.read_text(), re.MULTILINE)}
    assert commands and commands <= {path.stem for path in (ROOT / "pphysml/verbs").glob("*.py")}


def test_the_library_does_not_know_the_command_line() -> None:
    broken = [i for i in LIBRARY if inside(i.target, "click", "rich", "cli", "pphysml_cli")]
    assert not broken, shown(broken)


def test_tasks_do_not_import_each_other() -> None:
    def task_of(name: str) -> str | None:
        parts = name.split(".")
        return parts[2] if parts[:2] == ["pphysml", "tasks"] and len(parts) > 2 else None

    broken = [i for i in LIBRARY if task_of(i.module) and task_of(i.target)
              and task_of(i.module) != task_of(i.target)]
    assert not broken, shown(broken)


def test_shared_rooms_do_not_import_tasks() -> None:
    broken = [i for i in LIBRARY if inside(i.target, "pphysml.tasks")
              and not inside(i.module, "pphysml.tasks")]
    assert not broken, shown(broken)


@pytest.mark.parametrize(("packages", "allowed"), [
    (("uproot",), "pphysml.io"),
    (("h5py",), "pphysml.io.hdf5_files"),
    (("lightning_fabric", "lightning"), "pphysml.training"),
    (("click", "rich"), "cli"),
])
def test_a_package_has_one_room(packages: tuple[str, ...], allowed: str) -> None:
    broken = [i for i in LIBRARY + COMMANDS if inside(i.target, *packages) and not inside(i.module, allowed)]
    assert not broken, shown(broken)


def test_figures_are_drawn_by_evaluation_and_plots_only() -> None:
    broken = [i for i in LIBRARY + COMMANDS if inside(i.target, "matplotlib", "mplhep")
              and not inside(i.module, "pphysml.evaluation") and not i.module.endswith("plots")]
    assert not broken, shown(broken)


def test_libraries_of_networks_stay_inside_networks() -> None:
    broken = [i for i in LIBRARY + COMMANDS if inside(i.target, "torch_geometric", "snntorch")
              and not re.match(r"pphysml\.(nn|tasks\.\w+\.models)\.", i.module)]
    assert not broken, shown(broken)


def test_packages_for_development_are_not_needed_to_run() -> None:
    broken = [i for i in LIBRARY + COMMANDS if inside(i.target, "pytest", "correctionlib")]
    assert not broken, shown(broken)


def test_loading_a_command_imports_only_light_modules() -> None:
    light = ("click", "cli", "pphysml.errors", "pphysml.registry", "pphysml.progress", "pphysml.compiled_cache", "pphysml.numba_start", "pphysml.interruption", "pphysml.printable")
    foreign = ("pphysml", "torch", "numpy", "rich", "yaml", "pydantic", "uproot", "awkward", "matplotlib")
    broken = [i for i in COMMANDS if i.at_load and inside(i.target, *foreign) and not inside(i.target, *light)]
    assert not broken, shown(broken)


def test_commands_import_each_other_relatively() -> None:
    # The folder `cli` is installed under another name; only relative imports hold under both.
    broken = [
        f"{path}:{node.lineno}" for _, path in modules("cli") for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and not node.level and inside(node.module or "", "cli", "pphysml_cli")
    ]
    assert not broken


def test_the_declared_dependencies_are_those_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = project["dependencies"] + project["optional-dependencies"]["export"] + project["optional-dependencies"]["h5"]
    names = {re.split(r"[<>=!]", line)[0] for line in declared} - {"onnxscript"}  # imported by torch
    # Modules of another name than their package, and parts that come with a declared package.
    called = {"yaml": "pyyaml", "sklearn": "scikit-learn", "lightning_fabric": "lightning-fabric", "torch_geometric": "torch-geometric", "cycler": "matplotlib", "llvmlite": "numba"}
    tops = {i.target.split(".")[0] for i in LIBRARY + COMMANDS}
    foreign = {called.get(t, t) for t in tops if t not in {*sys.stdlib_module_names, "pphysml", "cli", "setuptools"}}
    assert foreign == names


def test_every_import_of_ours_exists() -> None:
    known = {module for module, _ in modules("pphysml")}
    names = {i.target for i in LIBRARY + COMMANDS if inside(i.target, "pphysml")}
    missing = {n for n in names if n not in known and n.rpartition(".")[0] not in known}
    assert not missing


FOREIGN = {"sched_getaffinity", "strerror", "_linear_pointwise", "bias"}
"""Attributes of objects of other packages, which some versions or classes of them lack."""


def test_no_part_of_a_task_is_looked_for_by_name() -> None:
    """Members that may be missing are found by hasattr or getattr, which no type checker sees."""
    found = []
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("hasattr", "getattr", "setattr"):
                name = node.args[1]
                # Of a name that is a variable, what is there is known: fields of a dataclass, modules in the registry.
                if isinstance(name, ast.Constant) and name.value not in FOREIGN:
                    found.append(f"{module}, line {node.lineno}: {ast.unparse(node)}")
    assert not found, found


def test_shared_rooms_name_no_task() -> None:
    names = {*task_folders()}
    found = [f"{module}, line {node.lineno}" for module, path in MODULES.items() if not inside(module, "pphysml.tasks", "pphysml.registry")
             for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant) and node.value in names]
    assert not found, found


@pytest.mark.parametrize(("task", "options"), [
    ("lcag", []), ("track", []), ("jets", []), ("petnet", []), ("petnet", ["--engine", "pairs"]), ("petnet", ["--engine", "snn"]),
], ids=["lcag", "track", "jets", "petnet", "petnet pairs", "petnet snn"])
def test_applying_the_shipped_networks_imports_no_library_of_other_networks(task: str, options: list[str], tmp_path: Path) -> None:
    sample = next((ROOT / "data").glob(f"{task}_*.root"))
    toy = "main(['simulate', 'petnet', '--preset', 'toy', '-n', '300', '-q', '-o', sample])" if "snn" in options else ""
    sample = tmp_path / "toy.root" if toy else sample
    code = (f"import sys; from pphysml_cli.main import main; sample = {str(sample)!r}; {toy}\n"
            f"assert main([{task!r}, sample, *{options}, '--max-entries', '2000', '-q', '-o', {str(tmp_path / 'out.root')!r}]) == 0\n"
            "print(sorted({'torch_geometric', 'snntorch'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stdout + done.stderr
