"""A group that imports a command only when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click

from pphysml.errors import PphysmlError, did_you_mean
from pphysml.registry import get_task, task_names

from .verb_command import VerbCommand


class LazyGroup(click.Group):
    """Verbs, one module each, and one command per task.

    Args:
        verbs: verb -> one sentence of help; the module of the same name beside this one holds
            `command` (with an underscore behind the name if that is a keyword).
    """

    def __init__(self, *args: Any, verbs: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs, then the tasks."""
        return [*self.verbs, *(name for name in task_names() if name not in self.verbs)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb's module, or make a task's command."""
        if cmd_name in self.verbs:
            # A module cannot bear the name of a keyword (`import`).
            module = cmd_name + "_" * iskeyword(cmd_name)
            command = import_module(f".{module}", __package__).command
            assert isinstance(command, VerbCommand)
            return command
        if cmd_name in task_names():
            from .apply import make_command

            return make_command(cmd_name)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; a mistyped name is answered with the nearest ones."""
        name = args[0]
        if not name.startswith("-") and name not in self.list_commands(ctx):
            hint = did_you_mean(name, self.list_commands(ctx))
            raise click.UsageError(f"There is no command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the lists of verbs and tasks without importing the verbs."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.verbs.items()))
        tasks = [name for name in self.list_commands(ctx) if name not in self.verbs]
        with formatter.section("Tasks (reconstruct: pphysml TASK FILE... -o FILE)"):
            formatter.write_dl([(name, _summary(name)) for name in tasks])


def _summary(name: str) -> str:
    try:
        return get_task(name).summary
    except (PphysmlError, ImportError, AttributeError) as error:
        # One broken task of another package must not take the help of all with it.
        return f"(cannot be loaded: {error})"
