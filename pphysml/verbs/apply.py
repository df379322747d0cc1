"""Apply an engine: ROOT files in, one ROOT file with reconstructed physics out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ..config import dump
from ..contract import FilesBeside, FurtherTree, LastStep
from ..errors import ConfigError, InputError, TruthError
from ..io.branches import plan
from ..io.ragged import Columns, concatenate, length, slice_rows
from ..io.reader import Reader
from ..io.schema import Field
from ..io.writer import Writer, check_output
from ..progress import Progress, Silent
from ..task import Task
from .engine_choice import Chosen, EngineChoice, choose, has_domain
from .examples import (
    Findings,
    Part,
    look_first,
    parts,
    prepared_parts,
    say_usual_map,
    warn,
    warn_of_files,
)
from .inputs import Inputs
from .output_rows import Regrouping, with_ids, written_fields

Done = TypeVar("Done")

WRITTEN = 100_000
"""Rows of a further tree that are written at a time, where all are kept until the end."""

TRIED = 100
"""Examples that a dry run gives to the engine."""


def apply(
    task: Task[Any],
    inputs: Inputs,
    choice: EngineChoice | None = None,
    *,
    output: Path,
    strict: bool = False,
    force: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Reconstruct every entry of the inputs, in order, and return a summary.

    Args:
        choice: engine and model; by default the task's own.
        output: ROOT file, complete when it appears.
        dry_run: check all that applying checks, of the examples the first ones, and write nothing.
        strict: refuse input outside the model's domain of validity instead of warning.

    Where the truth of an entry cannot be used, none is, so that the output lacks what compares with it.

    Raises:
        InputError, ModelError, ConfigError, OutputError: as their names say; no output is left.
    """
    progress = progress or Silent()
    chosen = choose(task, choice)
    if strict and not has_domain(task, chosen):
        raise ConfigError(f"--strict: the engine {chosen.name!r} has no ranges of a training that data could be outside of; leave it out.")
    last_step = task.last_step(chosen.config)
    reader = inputs.open(task, chosen.config, usual=chosen.usual_map, usual_layout=chosen.usual_layout)
    say_usual_map(reader, progress)
    look_first(task, chosen, reader)
    _check_beside(task, chosen, output, force, [s.path for s in reader.sources])
    run = _Run(task, chosen, reader, output, strict, force, progress)
    warn_of_files(reader, run.findings.warnings, progress)
    summary = {
        "output": str(output), "entries": reader.n_entries, "engine": chosen.name, "layout": reader.layout.name,
        "model": str(chosen.model_path) if chosen.model_path else None,
        **({"read_as_trained": reader.usual} if reader.usual else {}),
        **({"left_out": f"{', '.join(reader.left_out)} (--keep carries a branch over)"} if reader.left_out else {}),
        "warnings": run.findings.warnings, "skipped": reader.skipped,
    }
    if dry_run:
        run.try_out(last_step)
        return {**summary, **run.findings.facts, "dry_run": True}
    if not reader.n_entries:
        warn("the input has no entry, and so has the output", run.findings.warnings, progress)
    written, last_step = run.written(last_step)
    for sentence in [*run.chosen.engine.warnings, *last_step.warnings]:
        warn(sentence, run.findings.warnings, progress)
    further = {name: n for name, n in written.items() if name != task.output_tree}
    return {**summary, "written": written[task.output_tree], **({"further_trees": further} if further else {}),
            **run.facts(last_step), "skipped": reader.skipped}


@dataclass
class _Run:
    """One applying: what is read, how, and where to."""

    task: Task[Any]
    chosen: Chosen
    reader: Reader
    output: Path
    strict: bool
    force: bool
    progress: Progress
    findings: Findings = field(default_factory=Findings)

    def written(self, last_step: LastStep) -> tuple[dict[str, int], LastStep]:
        """Write the output, without the truth if that cannot be used.

        Returns:
            The number of entries of each tree, and the last step that made them.
        """
        return self._without_truth_if_need_be(self._write, last_step)

    def try_out(self, last_step: LastStep) -> None:
        """Check the output, and let the first examples go through everything but the writing."""
        self._writer()
        self._without_truth_if_need_be(self._try, last_step)

    def facts(self, last_step: LastStep) -> dict[str, Any]:
        """Return what was found out of the input, with what the engine says after its last call."""
        return {**self.findings.facts, **last_step.facts(self.chosen.engine.facts())}

    def _without_truth_if_need_be(self, do: Callable[[LastStep, bool], Done], last_step: LastStep) -> tuple[Done, LastStep]:
        skipped = len(self.reader.skipped)
        try:
            return do(last_step, True), last_step
        except TruthError as error:
            # All columns are there for all entries or for none, so that what is written begins anew.
            del self.findings.warnings[len(self.reader.warnings) :], self.reader.skipped[skipped:]
            self.findings.facts.clear()
            reason = str(error).removesuffix(".")
            warn(f"the truth cannot be used and is left out: {reason}", self.findings.warnings, self.progress)
            # Engine and last step have counted what comes again.
            self.chosen = self.chosen.made_anew()
            again = self.task.last_step(self.chosen.config)
            return do(again, False), again

    def _writer(self) -> Writer:
        task, config = self.task, self.chosen.config
        further = {name: tree.fields for name, tree in task.further_trees(config).items()}
        return Writer(self.output, task.output_tree, self._fields(), metadata=provenance(task, self.chosen, self.reader),
                      further=further, force=self.force, inputs=[s.path for s in self.reader.sources])

    def _try(self, last_step: LastStep, truth: bool) -> None:
        task, reader = self.task, self.reader
        self.progress.start(f"{task.name}: {self.chosen.name}, dry run", reader.n_entries, "entry")
        with closing(parts(task, self.chosen, reader, self.strict, self.findings, self.progress, truth)) as found:
            first = next(found, None)
        # What surveys the data learns nothing from a few.
        if first is None or self.chosen.engine.surveys:
            return
        few = Part(slice_rows(first.examples, 0, TRIED), first.entries)
        regrouping = Regrouping(reader.layout) if task.regroups else None
        for columns in self._made(last_step, few, regrouping):
            plan(task.output_rows(columns), self._fields())
            with reader.naming_places():
                for files in self._files_beside():
                    files.rows(columns)
            for tree in task.further_trees(self.chosen.config).values():
                with reader.naming_places():
                    rows = tree.rows(columns)
                plan(tree.finish(rows, self.output).rows if tree.finish is not None else rows, tree.fields)

    def _write(self, last_step: LastStep, truth: bool) -> dict[str, int]:
        task, reader, config = self.task, self.reader, self.chosen.config
        fields, further = self._fields(), task.further_trees(config)
        made = prepared_parts(task, self.chosen, reader, self.strict, self.findings, self.progress, f"{task.name}: {self.chosen.name}", truth)
        with self._writer() as writer:
            regrouping = Regrouping(reader.layout) if task.regroups else None
            kept: dict[str, list[Columns]] = {}
            beside = self._files_beside()
            for part in made:
                for columns in self._made(last_step, part, regrouping):
                    writer.extend(task.output_rows(columns))
                    self._grow(writer, beside, columns)
                    for name, tree in further.items():
                        with reader.naming_places():
                            rows = tree.rows(columns)
                        if tree.finish is None:
                            writer.extend(rows, name)
                        else:
                            kept.setdefault(name, []).append(rows)
            for columns in regrouping.rest(fields) if regrouping is not None else []:
                writer.extend(task.output_rows(columns))
            for name in list(kept):
                self._finish(writer, name, further[name], concatenate(kept.pop(name)))
            if task.keeps_entries and not reader.skipped and writer.n_entries != reader.n_entries:
                raise InputError(f"{reader.n_entries} entries were read, but {writer.n_entries} came out; "
                                 "nothing is written.")
            facts = self.facts(last_step)
            for files in beside:
                self._append(writer, files.end(facts))
                for sentence in [*files.warnings, *self._left_beside(writer, files)]:
                    warn(sentence, self.findings.warnings, self.progress)
            writer.metadata["facts"] = facts
            self.findings.facts |= {"beside": [str(path) for path in writer.grown]} if writer.grown else {}
        return writer.entries

    def _fields(self) -> list[Field]:
        return written_fields(self.task, self.chosen.config, self.reader.layout)

    def _files_beside(self) -> Sequence[FilesBeside]:
        return self.task.files_beside(self.chosen.config, self.chosen.name, self.output)

    def _grow(self, writer: Writer, beside: Sequence[FilesBeside], columns: Columns) -> None:
        with self.reader.naming_places():
            for files in beside:
                self._append(writer, files.rows(columns))

    def _left_beside(self, writer: Writer, files: FilesBeside) -> list[str]:
        paths = [self.output.with_suffix(suffix) for suffix in files.suffixes]
        return [f"{path}: is of an earlier output, and not of this one; delete it" for path in paths if path.exists() and path not in writer.grown]

    def _append(self, writer: Writer, contents: Mapping[str, bytes]) -> None:
        for suffix, content in contents.items():
            writer.append_beside(self.output.with_suffix(suffix), content)

    def _finish(self, writer: Writer, name: str, tree: FurtherTree, rows: Columns) -> None:
        """Write a further tree whose rows are kept until all have come, and the files that are made of them."""
        assert tree.finish is not None
        finished = tree.finish(rows, self.output)
        for start in range(0, max(length(finished.rows), 1), WRITTEN):
            writer.extend(slice_rows(finished.rows, start, min(start + WRITTEN, length(finished.rows))), name)
        for path, write in finished.files.items():
            writer.put_beside(path, write)
        self.findings.facts |= finished.facts
        for sentence in finished.warnings:
            warn(sentence, self.findings.warnings, self.progress)

    def _made(self, last_step: LastStep, part: Part, regrouping: Regrouping | None) -> list[Columns]:
        """Return the rows of the output that a chunk makes."""
        columns: Columns = {}
        if length(part.examples):
            with self.reader.naming_places():
                columns = last_step(part.examples, self.chosen.engine(part.examples))
        if regrouping is not None:
            return regrouping.add(part.entries, part.examples, columns)
        return [with_ids(self.task, self.reader.layout, part.examples, columns)] if columns else []


def _check_beside(task: Task[Any], chosen: Chosen, output: Path, force: bool, inputs: list[str]) -> None:
    """Refuse files beside the output that cannot be written before any work."""
    for suffix in [suffix for files in task.files_beside(chosen.config, chosen.name, output) for suffix in files.suffixes]:
        path = output.with_suffix(suffix)
        if path == output:
            raise ConfigError(f"{output}: has the name of a file that is written beside it; let it end in .root.")
        check_output(path, force, inputs)
    for pattern in task.later_files(chosen.config, output):
        for path in sorted(output.parent.glob(pattern)):
            check_output(path, force, inputs)


def provenance(task: Task[Any], chosen: Chosen, reader: Reader) -> dict[str, Any]:
    """Return what the output's metadata says of its making."""
    return {
        "task": task.name,
        "engine": chosen.name,
        "config": dump(chosen.config),
        "model": chosen.model.hash if chosen.model else None,
        "seed": chosen.config.training.seed,
        "inputs": [f"{s.path}:{s.tree}" if s.tree else s.path for s in reader.sources],
        "layout": reader.layout.name,
    }
