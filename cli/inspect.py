"""`pphysml inspect`: what is in ROOT files, and which tasks can read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from .branch_groups import grouped
from .options import combined, debug_option, input_files, json_option, threads_option
from .output import print_json, print_summary, print_table, say, show
from .verb_command import VerbCommand

SHOWN_METADATA = ("package_version", "task", "engine", "model", "layout", "simulated", "imported", "seed", "inputs")
"""What the table shows of how one of our files was made; --json has all."""


@click.command(cls=VerbCommand, short_help="Show what is in ROOT files.")
@input_files(required=True)
@click.option("--all", "every", is_flag=True, help="List every branch, and what each layout lacks.")
@combined(threads_option, json_option, debug_option)
def command(inputs: Sequence[str], every: bool, as_json: bool) -> int:
    """Show trees, branches, types and metadata of ROOT files, and the tasks that can read them.

    Of large trees, branches whose names begin alike are one line, as `Jet_*`. A file that cannot be read
    does not stop the others; the exit code is 3 then.

    \b
    Example:
      pphysml inspect events.root
    """
    from pphysml.verbs.inspect import inspect

    files = []
    for path in dict.fromkeys(_paths(inputs)):
        files.append(inspect(path))
        if not as_json:
            _print(files[-1], every)
            show()
        for sentence in files[-1]["warnings"]:
            say(f"warning: {sentence}")
        for sentence in files[-1]["problems"]:
            say(f"pphysml: error: {sentence}")
    if as_json:
        print_json(files)
    return 3 if any(facts["problems"] for facts in files) else 0


def _paths(inputs: Sequence[str]) -> list[str]:
    from pphysml.io.sources import resolve

    return [source.path for source in resolve(inputs, None)]


def _print(facts: dict[str, Any], every: bool) -> None:
    if facts["size"] is None:
        print_summary({"file": facts["path"], "cannot be read": "see the error"})
        return
    print_summary({"file": facts["path"], "bytes": facts["size"], "trees": len(facts["trees"])})
    for tree in facts["trees"]:
        entries = "which cannot be read" if tree["entries"] is None else f"{tree['entries']} entries"
        show(f"\n{tree['kind']} {tree['name']}, {entries}\n")
        if tree["entries"] is None:
            continue
        rows = tree["branches"] if every else grouped(tree["branches"])
        print_table(rows)
        if len(rows) < len(tree["branches"]):
            show(f"\n{len(tree['branches'])} branches; --all lists each")
    if facts["metadata"]:
        show("\nwritten by pphysml, with")
        print_summary({name: facts["metadata"].get(name) for name in SHOWN_METADATA})
    show()
    if every:
        _print_layouts(facts)
    show(f"can be read by: {_readers(facts)}")
    for task, names in facts["collections"].items():
        show(f"{task} reads with --collection: {', '.join(names)}")
    for task, reason in facts["refusals"].items():
        show(f"cannot be read by {task}: {reason}")


def _readers(facts: dict[str, Any]) -> str:
    """Return the tasks that read a file, with their layouts, or the one that needs the fewest further branches."""
    found = []
    for task, layouts in facts["tasks"].items():
        default = facts["layouts"][task]
        others = [layout for layout, lacking in layouts.items() if not lacking and layout != default]
        further = [f"--layout {' or '.join(others)}"] if others else []
        if default or others:
            found.append(f"{task} ({'; '.join([default] * bool(default) + further)})")
    if found:
        return ", ".join(found)
    if facts["collections"]:
        return "no task as it is"
    if facts["refusals"] or not any(tree["branches"] for tree in facts["trees"]):
        return "no task"
    every = [(lacking, task, layout) for task, layouts in facts["tasks"].items() for layout, lacking in layouts.items()]
    lacking, task, layout = min(every, key=lambda each: len(each[0]))
    return f"no task as it is; the nearest is {task} ({layout}), which lacks {', '.join(lacking)} (see --map)"


def _print_layouts(facts: dict[str, Any]) -> None:
    for task, layouts in facts["tasks"].items():
        several = sum(not lacking for lacking in layouts.values()) > 1
        for layout, lacking in layouts.items():
            verdict = f"lacks {', '.join(lacking)} (see --map)" if lacking else "can be read"
            if several and not lacking:
                verdict += ", by default" if layout == facts["layouts"][task] else f" with --layout {layout}"
            show(f"task {task}, layout {layout}: {verdict}")
