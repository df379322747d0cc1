"""Which tests belong to a file of the package: those that mirror it first, then those that import it, then its room's."""

from __future__ import annotations

import ast
from collections import deque
from pathlib import Path

FURTHEST = 2
"""Imports between a test and what it is taken to test."""

STAGES = 4
"""Those that mirror a file, that import it, that come to it by more imports, and those of its room."""

MOST = 12
"""Files of one stage, so that a fault in what everything uses does not run everything."""


class Tests:
    """The tests of a repository, and who imports whom."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.modules = {_dotted(p.relative_to(root)): p for package in ("pphysml", "cli") for p in sorted((root / package).rglob("*.py"))}
        self.tests = sorted(p for p in (root / "tests").rglob("test_*.py") if p.name != "test_imports.py")
        self.imported = {name: self._imports(path) for name, path in self.modules.items()}
        self.distance = {path: self._distances(path) for path in self.tests}

    def stages(self, source: str) -> list[list[str]]:
        """Return the tests of a file by paths from the root, in stages: the nearest first, none twice."""
        path = Path(source)
        module, mirror = _dotted(path), Path("tests", *path.parent.parts[1 if path.parts[0] == "pphysml" else 0:])
        near = [p for p in self.tests if self._folder(p) == mirror and path.stem.strip("_") in p.stem]
        direct = [p for p in self.tests if self.distance[p].get(module, 9) <= 1 or self._folder(p) == mirror]
        wide = [p for p in self.tests if self.distance[p].get(module, 9) <= FURTHEST and self._related(p, path)]
        stages, seen = [], set()
        for stage in (near, direct, wide, [p for p in self.tests if self._of_room(p, path)]):
            new = sorted(set(stage) - seen, key=lambda p: (self.distance[p].get(module, 9), p))[:MOST]
            seen |= set(new)
            stages.append([str(p.relative_to(self.root)) for p in new])
        return stages

    def importers(self, source: str) -> set[str]:
        """Return the stems of all files that see a file through their imports, its own too."""
        found, new = set[str](), {_dotted(Path(source))}
        while new:
            found |= new
            new = {name for name, targets in self.imported.items() if targets & new} - found
        return {self.modules[name].stem for name in found}

    def _folder(self, test: Path) -> Path:
        return test.relative_to(self.root).parent

    def _related(self, test: Path, source: Path) -> bool:
        """Return whether a test is of the same task as a file, where each has one."""
        tasks = [p.parts[p.parts.index("tasks") + 1] if "tasks" in p.parts[:-2] else "" for p in (test, source)]
        return "" in tasks or tasks[0] == tasks[1]

    def _of_room(self, test: Path, source: Path) -> bool:
        """Return whether a test is of the same task or shared room, or runs commands that come to it."""
        folder, parts = self._folder(test), source.parts
        if "tasks" in parts[:-2]:
            task = parts[parts.index("tasks") + 1]
            return folder.is_relative_to(f"tests/tasks/{task}") or (folder.name == "cli" and task in test.stem)
        return folder.name in (parts[1], "cli", "verbs", "training", "fourth_task")

    def _imports(self, path: Path) -> set[str]:
        package = _dotted(path.relative_to(self.root)).split(".")
        package = package if path.name == "__init__.py" else package[:-1]
        found = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else []
                base += [node.module] if node.module else []
                for alias in node.names:
                    found |= {".".join([*base, alias.name]), ".".join(base)}
        found = {name.replace("pphysml_cli", "cli", 1) for name in found}
        return {name for name in found if name in self.modules} - {"pphysml"}

    def _distances(self, test: Path) -> dict[str, int]:
        """Return how many imports lie between a test and each module; packages that hand names on count nothing."""
        found: dict[str, int] = {}
        left = deque((name, 1) for name in sorted(self._imports(test)))
        while left:
            name, distance = left.popleft()
            if found.get(name, 9) <= distance:
                continue
            found[name] = distance
            further = distance + (self.modules[name].name != "__init__.py")
            left.extend((target, further) for target in sorted(self.imported[name]))
        return found


def _dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
