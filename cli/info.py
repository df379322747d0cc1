"""`pphysml info`: versions, devices, tasks, shipped models."""

from __future__ import annotations

import click

from .options import combined, debug_option, json_option, threads_option
from .output import cell, print_json, print_summary, print_table, show
from .verb_command import VerbCommand


@click.command(cls=VerbCommand, short_help="Versions, devices, tasks and shipped models.")
@combined(threads_option, json_option, debug_option)
def command(as_json: bool) -> None:
    """Show versions, devices, tasks, and the shipped models with what they are valid for.

    \b
    Example:
      pphysml info --json > environment.json
    """
    from pphysml.verbs.info import info

    facts = info()
    if as_json:
        print_json(facts)
        return
    print_table(({"package": k, "version": v} for k, v in facts["versions"].items()), "Versions\n")
    print_table(facts["devices"], "\nDevices\n")
    print_table(({k: cell(v) for k, v in task.items()} for task in facts["tasks"]), "\nTasks\n")
    show("\nShipped models")
    for model in facts["models"]:
        show()
        print_summary(model)
    if not facts["models"]:
        show("  (none)")
