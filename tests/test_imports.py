"""The rooms import in one direction, and heavy packages only where they belong."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Import:
    """One import: who, what (absolute, dotted), and whether it runs when the module is loaded."""

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
            elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield from walk(child, False)
            elif not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
                yield from walk(child, at_load)

    yield from walk(ast.parse(path.read_text()), True)


LIBRARY = [i for module, path in modules("pphysml") for i in imports_of(module, path)]
COMMANDS = [i for module, path in modules("cli") for i in imports_of(module, path)]


def inside(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def shown(broken: list[Import]) -> str:
    return "\n".join(f"{i.module}, line {i.line}: imports {i.target}" for i in broken)


def test_the_reader_of_imports_sees_relative_and_deferred_ones(tmp_path: Path) -> None:
    path = tmp_path / "task.py"
    path.write_text(
        "from typing import TYPE_CHECKING\nfrom ...io.reader import Reader\nfrom . import data\n"
        "if TYPE_CHECKING:\n    import torch\ndef f():\n    import uproot\n"
    )
    found = [(i.target, i.at_load) for i in imports_of("pphysml.tasks.lcag.task", path)]
    assert found == [
        ("typing.TYPE_CHECKING", True), ("pphysml.io.reader.Reader", True),
        ("pphysml.tasks.lcag.data", True), ("uproot", False),
    ]


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
    (("lightning_fabric", "lightning"), "pphysml.training"),
])
def test_a_package_has_one_room(packages: tuple[str, ...], allowed: str) -> None:
    broken = [i for i in LIBRARY + COMMANDS if inside(i.target, *packages) and not inside(i.module, allowed)]
    assert not broken, shown(broken)


def test_figures_are_drawn_by_evaluation_and_plots_only() -> None:
    broken = [i for i in LIBRARY + COMMANDS if inside(i.target, "matplotlib", "mplhep")
              and not inside(i.module, "pphysml.evaluation") and not i.module.endswith("plots")]
    assert not broken, shown(broken)


def test_packages_for_development_are_not_needed_to_run() -> None:
    broken = [i for i in LIBRARY + COMMANDS if inside(i.target, "sklearn", "pytest")]
    assert not broken, shown(broken)


def test_loading_a_command_imports_only_light_modules() -> None:
    light = ("click", "cli", "pphysml.errors", "pphysml.registry", "pphysml.progress", "pphysml.compiled_cache")
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
    declared = project["dependencies"] + project["optional-dependencies"]["export"]
    names = {re.split(r"[<>=!]", line)[0] for line in declared} - {"onnxscript"}  # imported by torch
    # Modules of another name than their package, and parts that come with a declared package.
    called = {"yaml": "pyyaml", "lightning_fabric": "lightning-fabric", "cycler": "matplotlib", "llvmlite": "numba"}
    tops = {i.target.split(".")[0] for i in LIBRARY + COMMANDS}
    foreign = {called.get(t, t) for t in tops if t not in {*sys.stdlib_module_names, "pphysml", "cli", "setuptools"}}
    assert foreign == names


def test_every_import_of_ours_exists() -> None:
    known = {module for module, _ in modules("pphysml")}
    names = {i.target for i in LIBRARY + COMMANDS if inside(i.target, "pphysml")}
    missing = {n for n in names if n not in known and n.rpartition(".")[0] not in known}
    assert not missing
