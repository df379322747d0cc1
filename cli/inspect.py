"""`pphysml inspect`: what is in ROOT files, and which tasks can read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from .options import combined, debug_option, input_files, json_option, threads_option
from .output import print_json, print_summary, print_table
from .verb_command import VerbCommand

SHOWN_METADATA = ("package_version", "task", "engine", "model", "layout", "simulated", "imported", "seed", "inputs")
"""What the table tells of how one of our files was made; --json has all."""


@click.command(cls=VerbCommand, short_help="Show what is in ROOT files.")
@input_files(required=True)
@combined(threads_option, json_option, debug_option)
def command(inputs: Sequence[str], as_json: bool) -> None:
    """Show trees, branches, types and metadata of ROOT files, and the tasks that can read them.

    \b
    Example:
      pphysml inspect events.root
    """
    from pphysml.verbs.inspect import inspect

    files = [inspect(path) for path in dict.fromkeys(_paths(inputs))]
    if as_json:
        print_json(files)
        return
    for index, facts in enumerate(files):
        click.echo("\n" if index else "", nl=False)
        _print(facts)


def _paths(inputs: Sequence[str]) -> list[str]:
    from pphysml.io.sources import resolve

    return [source.path for source in resolve(inputs, None)]


def _print(facts: dict[str, Any]) -> None:
    print_summary({"file": facts["path"], "bytes": facts["size"], "trees": len(facts["trees"])})
    for tree in facts["trees"]:
        click.echo(f"\n{tree['kind']} {tree['name']}, {tree['entries']} entries\n")
        print_table(tree["branches"])
    if facts["metadata"]:
        click.echo("\nwritten by pphysml, with")
        print_summary({name: facts["metadata"].get(name) for name in SHOWN_METADATA})
    click.echo("")
    for task, layouts in facts["tasks"].items():
        several = sum(not lacking for lacking in layouts.values()) > 1
        for layout, lacking in layouts.items():
            verdict = f"lacks {', '.join(lacking)} (see --map)" if lacking else "can be read"
            if several and not lacking:
                verdict += ", by default" if layout == facts["layouts"][task] else f" with --layout {layout}"
            click.echo(f"task {task}, layout {layout}: {verdict}")
