"""Evaluate engines on the same examples with truth; metrics, plots and one report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from .. import __version__
from ..atomic_files import check_further_files, further_files
from ..contract import Engine, varied
from ..errors import ConfigError, InputError
from ..evaluation.comparison import mcnemar
from ..evaluation.report import (
    format_interval,
    write_figures,
    write_file,
    write_json,
    write_pages,
    write_report,
)
from ..evaluation.result import Evaluation, Metric
from ..io.ragged import Array, Columns, length, take
from ..io.reader import Reader
from ..io.sources import real_place
from ..progress import Progress, Silent
from ..task import Task
from ..training.event_split import FOLD, event_hash
from .contestants import chosen_contestants, contestants
from .engine_choice import Chosen, EngineChoice, has_domain
from .examples import Findings, look_first, prepared_parts, say_usual_map, warn_of_files
from .inputs import Inputs
from .set_aside import SetAside, set_aside


def evaluate(
    task: Task[Any],
    inputs: Inputs,
    choice: EngineChoice | None = None,
    *,
    engines: Sequence[str] = (),
    models: Sequence[str] = (),
    output: Path | None = None,
    strict: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> dict[str, Evaluation]:
    """Return the evaluation of each engine (the one of `choice`, else the default one, if none is named).

    Args:
        models: of several, each network is evaluated with every one of them; see `contestants`.
        output: folder for `report.html`, the pages it links, `metrics-ENGINE.json` and `plots/ENGINE`;
            None writes nothing.
        others: as for `apply.apply`.

    Raises:
        InputError: the input has no truth, which only some tasks can do without, or no entries.
    """
    progress = progress or Silent()
    if output is not None:
        check_further_files(output, force)
    results: dict[str, Evaluation] = {}
    facts: dict[str, str] = {"pphysml": __version__}
    found: dict[str, dict[str, Any]] = {}
    choice = choice or EngineChoice()
    # All of them first: what is wrong with the last one is no reason to wait for the others.
    field = chosen_contestants(task, contestants(task, choice, engines, models))
    if strict and not any(has_domain(task, chosen) for _, chosen in field):
        names = " and ".join(entrant.name for entrant, _ in field)
        raise ConfigError(f"--strict: {names} has no ranges of a training that data could be outside of; leave it out.")
    readers = [_opened(task, inputs, chosen) for _, chosen in field]
    beside = [_opened_beside(task, inputs, chosen, reader) for (_, chosen), reader in zip(field, readers, strict=True)]
    for (_, chosen), reader in zip(field, readers, strict=True):
        look_first(task, chosen, reader)
    aside = set_aside(task, [chosen for _, chosen in field], inputs, progress)
    for (entrant, chosen), reader, simulation in zip(field, readers, beside, strict=True):
        name = entrant.name
        say_usual_map(reader, progress)
        results[name], found[name] = _evaluate_one(task, name, chosen, reader, simulation, aside, strict, progress)
        results[name].notes += [*aside.notes, *([entrant.note] if entrant.note else [])]
        facts |= _facts(name, chosen, reader)
        facts |= {"simulation": ", ".join(s.path for s in simulation.sources), "entries of simulation": str(simulation.n_entries)} if simulation is not None else {}
    facts |= _found(found)
    if output is not None:
        with further_files(output) as folder:
            _write(folder, results, f"pphysml {task.name}", facts)
    return results


def _opened(task: Task[Any], inputs: Inputs, chosen: Chosen) -> Reader:
    """Open the input with its truth, which only some tasks can do without; a part of it is refused in any case, but of data beside simulation."""
    if task.comparison(chosen.config) is not None:
        return inputs.open(task, chosen.config, usual=chosen.usual_map, usual_layout=chosen.usual_layout, judging=True)
    if task.judges_without_truth:
        reader = inputs.open(task, chosen.config, usual=chosen.usual_map, usual_layout=chosen.usual_layout, judging=True)
        if not reader.has_truth:
            return reader
    return inputs.open(task, chosen.config, need_truth=True, usual=chosen.usual_map, usual_layout=chosen.usual_layout, judging=True)


def _opened_beside(task: Task[Any], inputs: Inputs, chosen: Chosen, reader: Reader) -> Reader | None:
    """Open the simulation that is set beside the input, if there is any.

    Raises:
        InputError: a file is data and simulation.
    """
    comparison = task.comparison(chosen.config)
    if comparison is None:
        return None
    beside = replace(inputs, files=comparison.files).open(task, chosen.config, usual=chosen.usual_map, usual_layout=chosen.usual_layout, judging=True)
    data = {real_place(source) for source in reader.sources}
    if both := [source.path for source in beside.sources if real_place(source) in data]:
        raise InputError("is among the data and among the simulation; quote a pattern, as 'mc*.root', that the shell is not to replace by its files.", file=both[0])
    return beside


def trained_on(chosen: Chosen, reader: Reader, examples: Columns) -> int:
    """Return how many examples belong to what the model was trained on, by file name and (first) entry.

    Those of validation do where something was fitted to them after the training, as a map or a calibration.
    """
    data: dict[str, Any] = chosen.model.training_data if chosen.model else {"simulated": True}
    if data["simulated"]:
        return 0
    files: list[dict[str, str]] = data["files"]
    names = {PurePath(f["path"]).name for f in files}
    paths = [source.path for source in reader.sources]
    known = np.array([PurePath(path).name in names for path in paths])[np.asarray(examples["file"])]
    held_out = 0.0 if chosen.model and chosen.model.finished else data["validation_fraction"]
    seen = known & (event_hash(examples, paths, data.get("event_ids", ())) >= held_out)
    return int((seen & ~_left_out(chosen, examples)).sum())


def _left_out(chosen: Chosen, examples: Columns) -> Array:
    """Return which examples are of a fold that the model has not seen."""
    folds = chosen.config.folds
    if folds is None:
        return np.zeros(length(examples), bool)
    found: Array = np.isin(np.asarray(examples[FOLD]), folds.unseen)
    return found


def _judged(chosen: Chosen, examples: Columns) -> Columns:
    """Return the examples that are judged: all, or those of the folds that the model has not seen."""
    folds = chosen.config.folds
    return take(examples, _left_out(chosen, examples)) if folds is not None and folds.alone and length(examples) else examples


def _evaluate_one(task: Task[Any], name: str, chosen: Chosen, reader: Reader, simulation: Reader | None, aside: SetAside, strict: bool,
                  progress: Progress) -> tuple[Evaluation, dict[str, Any]]:
    """Return the evaluation of an engine, and what was found out of the input while it was read."""
    if not reader.n_entries:
        raise InputError(", ".join(s.path for s in reader.sources) + ": there are no entries to evaluate.")
    comparison = task.comparison(chosen.config)
    evaluator = comparison or task.evaluator(chosen.config, chosen.name)
    findings, label = Findings(), f"evaluate {task.name}: {name}"
    said = _given(task, evaluator.update, chosen, reader, aside, strict, findings, progress, label)
    if comparison is not None and simulation is not None:
        others = Findings()
        warnings = _given(task, comparison.update_simulation, chosen.made_anew(), simulation, aside, strict, others, progress, f"{label}, simulation")
        said += [f"{sentence} (simulation)" for sentence in warnings]
        findings.warnings += [f"{sentence} (simulation)" for sentence in others.warnings]
        reader.skipped += simulation.skipped
    result = evaluator.result()
    for sentence in said:
        progress.log(f"warning: {sentence}")
    folds = chosen.config.folds
    if folds is not None and folds.alone:
        result.notes.append(f"Judged are the events of fold {folds.left_out} of {folds.number} alone, which data.fold leaves out of a training.")
    result.notes += [f"{fact}: {value}." for fact, value in {**findings.facts, **chosen.engine.facts()}.items() if isinstance(value, str)]
    result.notes += [f"Warning: {sentence}." for sentence in [*findings.warnings, *said]]
    result.notes += [f"Skipped: {reason}" for _, reason in reader.skipped]
    result.skipped = list(reader.skipped)
    return result, findings.facts


def _given(task: Task[Any], take_in: Callable[[Columns, Columns], None], chosen: Chosen, reader: Reader, aside: SetAside, strict: bool,
           findings: Findings, progress: Progress, label: str) -> list[str]:
    """Give all examples of an input and what an engine says of them to an evaluator; return sentences on them that are known at the end."""
    warn_of_files(reader, findings.warnings, progress)
    seen = overlap = 0

    @cache
    def another() -> Engine:
        """Return an engine for what is no input, which the first is not to count."""
        return chosen.made_anew().engine

    for part, _ in prepared_parts(task, chosen, reader, strict, findings, progress, label):
        examples = _judged(chosen, aside.left(part, reader) if length(part) else part)
        if not length(examples):
            continue
        with reader.naming_places():
            predictions = chosen.engine(examples)
            for variation, changed in task.variations(examples, chosen.config).items():
                predictions |= {varied(variation, name): column for name, column in another()(changed).items()}
            take_in(examples, predictions)
        seen += length(examples)
        overlap += trained_on(chosen, reader, examples)
    kind = "entries" if task.example == "entry" else "examples"
    return [*chosen.engine.warnings, *([f"{overlap} of {seen} {kind} are among those that the model was trained on"] if overlap else [])]


def _write(folder: Path, results: Mapping[str, Evaluation], title: str, facts: Mapping[str, str]) -> None:
    joined = side_by_side(results)
    write_report(folder / "report.html", joined, title=title, facts=facts)
    write_pages(folder, joined)
    for name, result in results.items():
        write_json(folder / f"metrics-{name}.json", result, cases=True)
        write_figures(folder / "plots" / name, result)
        for file, text in result.files.items():
            # Of several engines, each has files of its own.
            path = folder / (file if len(results) == 1 else f"{PurePath(file).stem}-{name}{PurePath(file).suffix}")
            write_file(path, text.encode())


def side_by_side(results: Mapping[str, Evaluation]) -> Evaluation:
    """Return one evaluation of several engines: the first one's, with a table of all in front.

    The table ends with the paired difference to the first engine, in standard deviations of
    McNemar's test on the cases of the first name that they share.
    """
    first, *others = results
    joined = replace(results[first])
    if not others:
        return joined
    names = dict.fromkeys(metric.name for r in results.values() for metric in r.metrics)
    rows = [_row(name, {n: r.metrics for n, r in results.items()}) for name in names]
    joined.tables = {"Engines side by side": rows, **_comparisons(results), **joined.tables}
    joined.figures = {f"{name}: {title}": figure for name, r in results.items() for title, figure in r.figures.items()}
    joined.pages = {f"{name}: {title}": page for name, r in results.items() for title, page in r.pages.items()}
    joined.notes = notes_of(results)
    joined.notes.append(f"Metrics and tables without another name are those of {first!r}.")
    return joined


def notes_of(results: Mapping[str, Evaluation]) -> list[str]:
    """Return the notes of several engines, once each; one that does not hold for all names those that it holds for."""
    of = {note: [name for name, r in results.items() if note in r.notes] for r in results.values() for note in r.notes}
    return [note if len(names) == len(results) else f"{', '.join(names)}: {note}" for note, names in of.items()]


def _row(metric: str, engines: Mapping[str, Sequence[Metric]]) -> dict[str, Any]:
    values = {name: {m.name: m for m in metrics}.get(metric) for name, metrics in engines.items()}
    return {"metric": metric, **{n: format_interval(m.value, m.low, m.high) if m else "" for n, m in values.items()}}


def _comparisons(results: Mapping[str, Evaluation]) -> dict[str, list[dict[str, Any]]]:
    first, *others = results
    rows = []
    for other in others:
        case = next((c for c in results[first].cases if c in results[other].cases), None)
        if case is not None:
            a, b = results[first].cases[case], results[other].cases[case]
            if np.shape(a) != np.shape(b):
                results[other].notes.append(f"The cases are not those of {first}, so that there is no paired comparison.")
                continue
            test = mcnemar(a, b)
            rows.append({"case": case, "engines": f"{first} against {other}", "only first": test.only_a,
                         "only second": test.only_b, "sigma": round(test.sigma, 2)})
    return {"Paired comparison on the same cases": rows}


def _facts(name: str, chosen: Chosen, reader: Reader) -> dict[str, str]:
    return {
        "inputs": ", ".join(s.path for s in reader.sources),
        "entries": str(reader.n_entries),
        f"model of {name}": f"{chosen.model_path} ({chosen.model.hash})" if chosen.model else "none",
        **{f"{fact} of {name}": _text(value)
           for fact, value in chosen.engine.facts().items()},
        "seed": str(chosen.config.training.seed),
    }


def _found(facts: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return what was found out of the input for each engine; with its name where that is not the same for all."""
    found: dict[str, str] = {}
    for fact in dict.fromkeys(fact for its in facts.values() for fact in its):
        texts = {name: _text(its[fact]) for name, its in facts.items() if fact in its}
        same = len(texts) == len(facts) and len(set(texts.values())) == 1
        found |= {fact: next(iter(texts.values()))} if same else {f"{fact} of {name}": text for name, text in texts.items()}
    return found


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
