"""From opened files to the examples that an engine takes, chunk by chunk."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, NamedTuple

from ..errors import InputError
from ..io.carry import Carry
from ..io.ragged import Columns, length
from ..io.reader import Reader
from ..progress import Counting, Progress
from ..task import Task
from ..training.config import TaskConfig
from ..training.event_split import FOLD, fold_numbers
from .engine_choice import Chosen, domain_warnings, simulation_warnings

LOOKED_AT = 20_000
"""Entries by which it is seen whether an engine can take an input."""


class Part(NamedTuple):
    """A chunk of the input.

    Attributes:
        examples: what an engine takes; there may be none.
        entries: the entries that they are objects of; empty where examples are entries, or made of many.
    """

    examples: Columns
    entries: Columns


@dataclass
class Findings:
    """What is found out of an input while it is read.

    Attributes:
        warnings: sentences without full stops, which are shown as they are found.
        facts: words or numbers by name, of `io.carry.Carry.facts`; complete when all is read.
    """

    warnings: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


def warn(sentence: str, warnings: list[str], progress: Progress) -> None:
    """Keep a warning, and show it."""
    warnings.append(sentence)
    progress.log(f"warning: {sentence}")


def warn_of_files(reader: Reader, warnings: list[str], progress: Progress) -> None:
    """Keep and show what is to be known of the input files."""
    for sentence in reader.warnings:
        warn(sentence, warnings, progress)


def say_usual_map(reader: Reader, progress: Progress) -> None:
    """Show what is read from the branches of the model's training."""
    if reader.usual:
        named = ", ".join(f"{name} from {branch!r}" for name, branch in reader.usual.items())
        progress.log(f"as in the training of the model, read are {named}; --map names others")


def look_first(task: Task[Any], chosen: Chosen, reader: Reader) -> None:
    """Let the task refuse the first entries, before the rest is read.

    Raises:
        InputError: the engine cannot take them.
    """
    columns = reader.first(LOOKED_AT) if chosen.name in task.looks_first else {}
    if columns:
        with reader.naming_places():
            task.look_first(chosen.name, columns, chosen.config)


def prepared_parts(task: Task[Any], chosen: Chosen, reader: Reader, strict: bool, findings: Findings,
                   progress: Progress, label: str, truth: bool = True) -> Iterator[Part]:
    """Let the engine survey the examples, if it does so, and yield all of them; see `parts`.

    Args:
        label: of the stage that is shown; a survey is one before it.
    """
    if chosen.engine.surveys:
        skipped = len(reader.skipped)
        progress.start(f"{label}, survey", reader.n_entries, "entry")
        with closing(parts(task, chosen, reader, False, Findings(), Counting(progress), truth)) as surveyed:
            for part in surveyed:
                if length(part.examples) and not chosen.engine.survey(part.examples):
                    break
        # They come again.
        del reader.skipped[skipped:]
    progress.start(label, reader.n_entries, "entry")
    yield from parts(task, chosen, reader, strict, findings, progress, truth)


def parts(task: Task[Any], chosen: Chosen, reader: Reader, strict: bool, findings: Findings,
          progress: Progress, truth: bool = True) -> Generator[Part, None, None]:
    """Yield assembled examples as `assembled` does; warn of the first that take long.

    The first of all are compared with the domain of validity.

    Raises:
        InputError: `strict`, and the input is outside the domain.
    """
    first, cheap = True, True
    with closing(assembled(task, chosen.config, reader, findings, progress, truth)) as found:
        for part in found:
            if first and length(part.examples):
                with reader.naming_places():
                    findings.warnings += _outside(task, chosen, reader, part.examples, strict, progress)
                first = False
            if cheap and length(part.examples):
                for sentence in chosen.engine.costs(part.examples, reader.path):
                    warn(sentence, findings.warnings, progress)
                    cheap = False
            yield part


def assembled(task: Task[Any], config: TaskConfig, reader: Reader, findings: Findings, progress: Progress,
              truth: bool = True) -> Generator[Part, None, None]:
    """Yield assembled examples chunk by chunk.

    Progress counts the entries whose examples have been used. Without examples a chunk is left out,
    unless its entries have objects, of which there may be none.

    Args:
        truth: whether examples get the truth that there is.
    """
    carry: Carry | None = None
    left_out = set() if truth else _truth_alone(task, config)
    for chunk in chain(reader, repeat(None)):
        if chunk is not None:
            chunk = {name: column for name, column in chunk.items() if name not in left_out}
            if config.folds is not None:
                chunk[FOLD] = fold_numbers(chunk, [source.path for source in reader.sources], config.event_ids, config.folds)
        before = carry
        with reader.naming_places():
            examples, carry = task.assemble(chunk, carry, config)
        latest = carry or before
        if latest is not None:
            findings.facts.update(latest.facts())
        entries = chunk if task.has_objects and chunk is not None else {}
        shown = 0
        if length(examples) or entries:
            for portion in task.portions(examples):
                yield Part(portion, entries)
                if task.example == "entry":
                    progress.advance(length(portion))
                    shown += length(portion)
        progress.advance(length(chunk or {}) - shown)
        if chunk is None and carry is None:
            for sentence in before.warnings(reader.path) if before is not None else []:
                warn(sentence, findings.warnings, progress)
            return


def _outside(task: Task[Any], chosen: Chosen, reader: Reader, examples: Columns, strict: bool, progress: Progress) -> list[str]:
    # What is known of the files is said before examples are looked at, which may be refused.
    of_files = _said(simulation_warnings(task, chosen, reader.layout.name), strict, progress)
    return [*of_files, *_said(domain_warnings(task, chosen, examples), strict, progress)]


def _said(sentences: list[str], strict: bool, progress: Progress) -> list[str]:
    if sentences and strict:
        raise InputError("The input lies outside what the model was trained on: " + "; ".join(sentences) + ".")
    for sentence in sentences:
        progress.log(f"warning: {sentence}")
    return sentences


def _truth_alone(task: Task[Any], config: TaskConfig) -> set[str]:
    """Return the columns of truth that nothing else takes: neither ids nor inputs."""
    truth = {f.name for layout in task.layouts_for(config) for f in layout.fields if f.truth and not f.carried}
    return truth - set(config.extra_branches())
