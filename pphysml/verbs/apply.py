"""Apply an engine: ROOT files in, one ROOT file with reconstructed physics out."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from ..atomic_files import write_files
from ..config import dump, entries_at_a_time
from ..contract import Finish
from ..errors import ConfigError, InputError, TruthError
from ..io.ragged import Columns, length
from ..io.reader import Reader
from ..io.sources import resolve
from ..io.writer import Writer
from ..lazy import load_attribute
from ..progress import Progress, Silent
from ..task import Task
from .engine_choice import Chosen, choose, domain_warnings

OUTPUT_IDS = ("file", "entry", "experiment", "run", "event", "candidate", "production", "topology")
"""Columns of the examples that the output carries, for joining it with the input."""

LOOKED_AT = 20_000
"""Entries by which it is told whether an engine can take an input."""


def apply(
    task: Task,
    *,
    inputs: Sequence[str],
    output: Path,
    model: str | None = None,
    engine: str | None = None,
    source: str | None = None,
    overrides: Sequence[str] = (),
    device: str = "auto",
    mapping: Mapping[str, str] | None = None,
    tree: str | None = None,
    keep: Sequence[str] = (),
    max_entries: int | None = None,
    on_bad_file: str = "fail",
    strict: bool = False,
    force: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Reconstruct every entry of the inputs, in order, and return a summary.

    Args:
        inputs: see `io.sources.resolve`.
        output: ROOT file, complete when it appears.
        model, engine, source, overrides: see `models.choose`.
        keep: input branches carried over.
        strict: refuse input outside the model's domain of validity instead of warning.

    Where the truth of an entry cannot be used, none is, so that the output lacks what compares with it.

    Raises:
        InputError, ModelError, ConfigError, OutputError: as their names say; no output is left.
    """
    progress = progress or Silent()
    chosen = choose(task, model=model, engine=engine, source=source, overrides=overrides, device=device)
    finish = _made_finish(task, chosen)
    reader = open_reader(task, chosen, inputs, mapping, tree, keep, max_entries, on_bad_file)
    look_first(task, chosen, reader)
    beside = _beside(task, chosen, output, force)
    warnings: list[str] = []
    summary = {"output": str(output), "entries": reader.n_entries, "engine": chosen.name,
               "model": str(chosen.model_path) if chosen.model_path else None, "warnings": warnings, "skipped": reader.skipped}
    if dry_run:
        return {**summary, "layout": reader.layout.name, "dry_run": True}
    if not reader.n_entries:
        _warn("the input has no entry, and so has the output", warnings, progress)
    written, finish = _written(task, chosen, reader, finish, output, strict, force, warnings, progress)
    write_files(beside)
    for sentence in [*engine_warnings(chosen), *finish.warnings]:
        _warn(sentence, warnings, progress)
    further = {name: written[name] for name in task.further_trees if name in written}
    facts = finish.facts(chosen.engine) if hasattr(finish, "facts") else {}
    return {**summary, "written": written[task.output_tree], **({"further_trees": further} if further else {}), **facts, "skipped": reader.skipped}


def _made_finish(task: Task, chosen: Chosen) -> Finish:
    finish: Finish = task.load("finish")(chosen.config) if task.finish else _Unchanged()
    return finish


def _written(task: Task, chosen: Chosen, reader: Reader, finish: Finish, output: Path, strict: bool, force: bool,
             warnings: list[str], progress: Progress) -> tuple[dict[str, int], Finish]:
    """Write the output, without the truth if that cannot be used, and return the entries of each tree, and the last step that made them."""
    skipped = len(reader.skipped)
    try:
        every = prepared_chunks(task, chosen, reader, strict, warnings, progress)
        return _write(task, chosen, reader, finish, output, force, every, progress), finish
    except TruthError as error:
        # All columns are there for all entries or for none, so that what is written begins anew.
        del warnings[:], reader.skipped[skipped:]
        _warn(f"the truth cannot be used and is left out: {str(error).removesuffix('.')}", warnings, progress)
        without, finish = prepared_chunks(task, chosen, reader, strict, warnings, progress, truth=False), _made_finish(task, chosen)
        return _write(task, chosen, reader, finish, output, force, without, progress), finish


def _warn(sentence: str, warnings: list[str], progress: Progress) -> None:
    warnings.append(sentence)
    progress.log(f"warning: {sentence}")


def _write(task: Task, chosen: Chosen, reader: Reader, finish: Finish, output: Path, force: bool,
           chunks: Iterator[Columns], progress: Progress) -> dict[str, int]:
    """Write what the engine makes of all examples, and return the entries of each tree."""
    trees = {name: t for name, t in task.further_trees.items() if not t.wanted or load_attribute(t.wanted)(chosen.config)}
    fields = {name: load_attribute(tree.fields) for name, tree in trees.items()}
    further: dict[str, Callable[[Columns], Columns]] = {name: load_attribute(tree.columns) for name, tree in trees.items()}
    main: Callable[[Columns], Columns] = task.load("output_rows") if task.output_rows else _all_rows
    with Writer(output, task.output_tree, task.load("output_fields"), metadata=provenance(task, chosen, reader), further=fields,
                force=force, inputs=[s.path for s in reader.sources]) as writer:
        progress.start(f"{task.name}: {chosen.name}", reader.n_entries, "entry")
        for examples in chunks:
            with reader.naming_places():
                columns = finish(examples, chosen.engine(examples))
            if task.output != "free":
                columns = {**carried(examples), **columns}
            writer.extend(main(columns))
            for name, rows in further.items():
                writer.extend(rows(columns), name)
        if task.output == "entry" and not reader.skipped and writer.n_entries != reader.n_entries:
            raise InputError(f"{reader.n_entries} entries were read, but {writer.n_entries} came out; nothing is written.")
    return writer.entries


def open_reader(task: Task, chosen: Chosen, inputs: Sequence[str], mapping: Mapping[str, str] | None, tree: str | None,
                keep: Sequence[str], max_entries: int | None, on_bad_file: str, need_truth: bool = False) -> Reader:
    """Open the inputs with the branches that the engine's configuration asks for."""
    config = chosen.config
    extra = {**config.data.extra_branches(), **config.apply.extra_branches()}
    return Reader(resolve(inputs, tree), task.load("layouts"), mapping=mapping or {}, extra=extra, keep=keep,
                  block_size=entries_at_a_time(config), max_entries=max_entries,
                  on_bad_file=on_bad_file, need_truth=need_truth)


def look_first(task: Task, chosen: Chosen, reader: Reader) -> None:
    """Let the task refuse the first entries, before the rest is read.

    Raises:
        InputError: the engine cannot take them.
    """
    columns = reader.first(LOOKED_AT) if chosen.name in task.first_looks else {}
    if columns:
        with reader.naming_places():
            load_attribute(task.first_looks[chosen.name])(columns, chosen.config)


def prepared_chunks(task: Task, chosen: Chosen, reader: Reader, strict: bool, warnings: list[str],
                    progress: Progress, truth: bool = True) -> Iterator[Columns]:
    """Let the engine survey the first examples, if it does so, and yield all of them; see `example_chunks`."""
    survey = getattr(chosen.engine, "survey", None)
    if survey is not None:
        skipped = len(reader.skipped)
        with closing(example_chunks(task, chosen, reader, False, [], Silent(), truth)) as chunks:
            for examples in chunks:
                if not survey(examples):
                    break
        # They come again.
        del reader.skipped[skipped:]
    yield from example_chunks(task, chosen, reader, strict, warnings, progress, truth)


def example_chunks(task: Task, chosen: Chosen, reader: Reader, strict: bool, warnings: list[str],
                   progress: Progress, truth: bool = True) -> Generator[Columns, None, None]:
    """Yield assembled examples chunk by chunk; compare the first with the domain of validity.

    Progress counts the entries whose examples have been used.

    Args:
        truth: whether examples get the truth that there is.

    Raises:
        InputError: `strict`, and the input is outside the domain.
    """
    assemble, carry, first = task.load("assemble"), None, True
    left_out = set() if truth else _truth_alone(task, chosen)
    for chunk in chain(reader, repeat(None)):
        if chunk is not None:
            chunk = {name: column for name, column in chunk.items() if name not in left_out}
        before = carry
        with reader.naming_places():
            examples, carry = assemble(chunk, carry, chosen.config)
        if examples and length(examples):
            if first:
                warnings += _outside(task, chosen, examples, strict, progress)
            first = False
            yield examples
        progress.advance(length(chunk or {}))
        if chunk is None and carry is None:
            for sentence in getattr(before, "warnings", ()):
                _warn(reader.with_places(sentence), warnings, progress)
            return


def _outside(task: Task, chosen: Chosen, examples: Columns, strict: bool, progress: Progress) -> list[str]:
    found = domain_warnings(task, chosen, examples)
    if found and strict:
        raise InputError("The input lies outside what the model was trained on: " + "; ".join(found) + ".")
    for sentence in found:
        progress.log(f"warning: {sentence}")
    return found


def _truth_alone(task: Task, chosen: Chosen) -> set[str]:
    """Return the columns of truth that nothing else takes: neither ids nor inputs."""
    truth = {f.name for layout in task.load("layouts") for f in layout.fields if f.truth}
    return truth - {*OUTPUT_IDS, *chosen.config.data.extra_branches(), *chosen.config.apply.extra_branches()}


def engine_warnings(chosen: Chosen) -> list[str]:
    """Return what an engine says after its last call."""
    return list(getattr(chosen.engine, "warnings", ()))


def carried(examples: Columns) -> Columns:
    """Return the ids and the kept branches of examples."""
    return {k: v for k, v in examples.items() if k in OUTPUT_IDS or k.startswith("keep:")}


def _all_rows(columns: Columns) -> Columns:
    return columns


def _beside(task: Task, chosen: Chosen, output: Path, force: bool) -> dict[Path, bytes]:
    """Return the files that a task puts beside its output; refuse those that exist before any work."""
    files: dict[Path, bytes] = {}
    for suffix, function in task.files_beside.items():
        text: str | None = load_attribute(function)(chosen.config, output)
        if text is not None:
            files[output.with_suffix(suffix)] = text.encode()
    for path in files:
        if path.exists() and not force:
            raise ConfigError(f"{path}: exists already; give --force to overwrite it.")
    return files


class _Unchanged:
    """The last step where a task has none."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def __call__(self, examples: Columns, columns: Columns) -> Columns:
        return columns


def provenance(task: Task, chosen: Chosen, reader: Reader) -> dict[str, Any]:
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
