"""What is installed: versions, devices, tasks, and shipped models."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

from .. import __version__
from ..config import preset_names
from ..errors import PphysmlError
from ..model_file import read_header
from ..registry import get_task, task_names
from ..task import Task
from .engine_choice import shipped_models

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def info() -> dict[str, Any]:
    """Return `versions` (name -> version), and lists of dicts `devices`, `tasks` and `models`."""
    tasks = [get_task(name) for name in task_names()]
    return {
        "versions": versions(),
        "devices": devices(),
        "tasks": [_describe(task) for task in tasks],
        "models": [model for task in tasks for model in model_facts(task)],
    }


def versions() -> dict[str, str]:
    """Return the versions of Python, this package and its dependencies, without importing them."""
    found = {"pphysml": __version__, "python": platform.python_version()}
    for requirement in _requirements():
        try:
            found[requirement] = version(requirement)
        except PackageNotFoundError:
            found[requirement] = "not installed"
    return found


def devices() -> list[dict[str, Any]]:
    """Return the devices that `--device` can name, with threads or memory."""
    import torch

    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    size = f"{count} CPUs, threads used: {torch.get_num_threads()}"
    name = platform.processor() or platform.machine()
    found = [{"device": "cpu", "name": name, "size": size}]
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        memory = f"{properties.total_memory / 2**30:.1f} GiB"
        found.append({"device": f"cuda:{index}", "name": properties.name, "size": memory})
    return found


def model_facts(task: Task[Any]) -> list[dict[str, Any]]:
    """Return what the headers of a task's shipped weights say; a broken file says its error."""
    facts = []
    for preset, path in shipped_models(task).items():
        model: dict[str, Any] = {"task": task.name, "preset": preset, "file": str(path)}
        try:
            header = read_header(path)
        except PphysmlError as error:
            facts.append({**model, "error": str(error)})
            continue
        shown = {key: value for key, value in header.items() if key not in ("task", "config")}
        facts.append({**model, **shown})
    return facts


def _describe(task: Task[Any]) -> dict[str, Any]:
    return {
        "task": task.name,
        "summary": task.summary,
        "layouts": [layout.name for layout in task.layouts()],
        "engines": [f"{name} (default)" if name == task.default_engine else name for name in task.engines],
        "presets": preset_names(task.presets),
        "simulation": task.simulates,
        "exports": list(task.exports),
    }


def _requirements() -> list[str]:
    try:
        lines = requires("pphysml") or []
    except PackageNotFoundError:
        return []  # run from a source folder that is not installed
    names = [_NAME.match(line) for line in lines if "extra ==" not in line]
    return sorted(match.group() for match in names if match)
