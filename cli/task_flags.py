"""Flags that only one task has, for its own command and for verbs that take the task as an argument."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from pphysml.errors import PphysmlError
from pphysml.registry import get_task, task_names

from .options import TASK, Decorator, combined, refuse_set
from .verb_command import OptionalValue, VerbCommand

if TYPE_CHECKING:
    from pphysml.contract import Flag, Verb


class TaskVerb(VerbCommand):
    """A verb whose options are its own and the flags that the task named on the command line has for it.

    Args:
        verb: one of `contract.Verb`.
    """

    def __init__(self, *args: Any, verb: Verb, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.verb = verb

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the task before anything else, since it says which options there are."""
        ctx.meta[TASK] = self._task_in(ctx, args)
        return super().parse_args(ctx, args)

    def _task_in(self, ctx: click.Context, args: list[str]) -> str | None:
        """Return the task among words that are no values of the verb's own options.

        Other options are not known yet.
        """
        bare = click.Context(self, resilient_parsing=True, ignore_unknown_options=True, allow_extra_args=True,
                             help_option_names=ctx.help_option_names)
        found, rest, _ = self.make_parser(bare).parse_args(args=list(args))
        files, known = found.get("files"), task_names()
        words = [found.get("task"), *(files if isinstance(files, (list, tuple)) else ()), *rest]
        return next((word for word in words if isinstance(word, str) and word in known), None)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the verb's parameters and the task's flags, those in front of the help."""
        *own, last = super().get_params(ctx)
        task = ctx.meta.get(TASK)
        return [*own, *(_option(name, flag) for name, flag in _flags(task, self.verb).items()), last]


def _flags(task: str | None, verb: Verb) -> Mapping[str, Flag]:
    try:
        return get_task(task).flags(verb) if task is not None else {}
    except PphysmlError:
        return {}  # the argument TASK is refused with its reason


def task_flags(flags: Mapping[str, Flag]) -> Decorator:
    """Declare the flags of a task for its own command."""
    return combined(*(click.option(name, parameter(flag), **_shown(flag)) for name, flag in flags.items()))


def _option(name: str, flag: Flag) -> click.Option:
    shown = _shown(flag)
    kind: type[click.Option] = shown.pop("cls")
    return kind([name, parameter(flag)], **shown)


def _shown(flag: Flag) -> dict[str, Any]:
    if flag.alone:
        return {"cls": OptionalValue, "alone": flag.alone, "values": flag.values, "metavar": f"[{flag.metavar}]", "help": flag.help}
    return {"cls": click.Option, "metavar": flag.metavar, "help": flag.help}


def parameter(flag: Flag) -> str:
    """Return the name by which a command receives a flag's value."""
    return flag.key.replace(".", "_")


def given_flags(flags: Mapping[str, Flag], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a command has received of flags, by their names on the command line."""
    return {name: values.get(parameter(flag)) for name, flag in flags.items()}


def taken(flags: Mapping[str, Flag], values: dict[str, Any], overrides: Sequence[str]) -> list[str]:
    """Take the values of flags out of what a command has received, and return them with those of `--set`, as if they were such.

    Text stays text, whatever YAML makes of it.

    Raises:
        click.UsageError: of two flags that make no sense together, both are given, or their options by `--set`; or a flag and its own option.
    """
    given = {name: values.pop(parameter(flag), None) for name, flag in flags.items()}
    switched_off = []
    for name, flag in flags.items():
        if flag.instead_of:
            both = {name: flag, flag.instead_of: flags[flag.instead_of]}
            _refuse_both({one: given[one] is not None or _is_set(of.key, overrides) for one, of in both.items()})
            # Whatever a file, or the model, says.
            switched_off += [f"{flag.key}=null"] if given[flag.instead_of] is not None else []
        if given[name] is not None:
            refuse_set(name, flag.key, overrides)
    stated = [f"{flags[name].key}={json.dumps(value)}" for name, value in given.items() if value is not None]
    return [*overrides, *switched_off, *stated]


def _refuse_both(stated: Mapping[str, bool]) -> None:
    if all(stated.values()):
        raise click.UsageError(f"{' and '.join(stated)} exclude each other.", click.get_current_context())


def _is_set(key: str, overrides: Sequence[str]) -> bool:
    return any(item.startswith(f"{key}=") and not item.endswith("=null") for item in overrides)
