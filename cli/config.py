"""`pphysml config`: options of a task."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from .options import combined, config_options, debug_option, json_option, task_argument
from .output import print_json, show, wrapped
from .verb_command import VerbCommand


@click.command(cls=VerbCommand, short_help="Show a task's options.")
@task_argument
@click.argument("what", type=click.Choice(["show", "schema", "list"]), default="show", metavar="[show|schema|list]")
@combined(config_options, json_option, debug_option)
def command(task: str, what: str, source: Sequence[str], overrides: Sequence[str], as_json: bool) -> None:
    """Show a task's complete configuration, its options, or its presets.

    show: the configuration of a preset or file with changes, as YAML that -c accepts.
    schema: every option with type, default, unit and meaning; with --json its JSON schema.
    list: names of the presets.

    \b
    Example:
      pphysml config lcag show --preset quick --set training.steps=500 > mine.yaml
    """
    from pphysml import config as configuration
    from pphysml.registry import get_task
    from pphysml.verbs.config import configuration as complete

    if what != "show" and (source or overrides):
        raise click.UsageError(f"config {task} {what} shows what there is, and takes no {'--config' if source else '--set'}.", click.get_current_context())
    chosen = get_task(task)
    if what == "list":
        names = configuration.preset_names(chosen.presets)
        print_json(names) if as_json else show("\n".join(names))
    elif what == "schema" and as_json:
        print_json(chosen.config_class.model_json_schema())
    elif what == "schema":
        show("\n".join(map(_described, configuration.describe(chosen.config_class))))
    else:
        values = complete(chosen, source, overrides)
        if as_json:
            print_json(values.model_dump(mode="json"))
        else:
            show(configuration.dump(values).removesuffix("\n"))


def _described(option: dict[str, Any]) -> str:
    # As it would be written after --set or in a YAML file.
    default = json.dumps(option["default"], default=str, ensure_ascii=False)
    kind = ", ".join(filter(None, (option["type"].replace("typing.", ""), option["unit"])))
    return "\n".join((wrapped(f"{option['key']} = {default}  ({kind})", then="        "), wrapped(option["help"], first="    ")))
