"""An evaluation as one self-contained HTML page, as JSON, as figure files and as further pages."""

from __future__ import annotations

import html
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np

from ..atomic_files import replacement
from ..errors import ConfigError, OutputError, did_you_mean
from ..printable import printable
from .drawing import warn_not_drawn
from .result import Evaluation, Metric

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"

NO_DATE: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}
"""Metadata switched off for each format, so that the same figure gives the same bytes."""


def write_report(
    path: Path, evaluation: Evaluation, *, title: str, facts: Mapping[str, str]
) -> None:
    """Write one HTML file that needs nothing else: metrics, notes, tables, figures, facts.

    Pages are linked, as `write_pages` names them in the same folder.

    Args:
        facts: inputs, model, seed, versions: whatever makes the numbers repeatable.

    Raises:
        OutputError: the file cannot be written; an older one is left as it was.
    """
    sections = [
        _section("Metrics", _metrics(evaluation.metrics)),
        _section("Notes", _notes(evaluation.notes)),
        _section("Figures", _figures(evaluation.figures)),
        _section("Pages", _pages(evaluation.pages)),
        _section("Tables", _tables(evaluation.tables)),
        _section("Facts", _facts(facts)),
    ]
    page = Template(resources.files(__package__).joinpath("report.html").read_text("utf-8"))
    text = page.substitute(title=escape(title), sections="\n".join(filter(None, sections)))
    write_file(path, text.encode())


def write_json(path: Path, evaluation: Evaluation, cases: bool = False) -> None:
    """Write `to_dict` as JSON.

    Raises:
        OutputError: the file cannot be written.
    """
    text = json.dumps(to_dict(evaluation, cases), indent=2, allow_nan=False, ensure_ascii=False)
    write_file(path, f"{text}\n".encode())


def to_dict(evaluation: Evaluation, cases: bool = False) -> dict[str, Any]:
    """Return metrics, tables and notes as plain values; what is not finite becomes None.

    Args:
        cases: add the per-case values, for paired comparisons later.
    """
    values: dict[str, Any] = {
        "metrics": [vars(metric) for metric in evaluation.metrics],
        "tables": evaluation.tables,
        "notes": evaluation.notes,
    }
    if cases:
        values["cases"] = evaluation.cases
    plain: dict[str, Any] = _plain(values)
    return plain


def write_figures(
    folder: Path, evaluation: Evaluation, formats: Sequence[str] = ("png", "svg")
) -> list[Path]:
    """Write every figure in every format, named after its title; return the paths.

    A warning names a figure that cannot be drawn.

    Raises:
        ConfigError: a format that figures cannot be saved in.
        OutputError: the folder or a file cannot be written.
    """
    paths = []
    names = _file_names(evaluation.figures)
    for title, figure in evaluation.figures.items():
        known = figure.canvas.get_supported_filetypes()
        for kind in formats:
            if kind not in known:
                raise ConfigError(f"Figures cannot be saved as {kind!r}.{did_you_mean(kind, known)}")
            content = _rendered(title, figure, kind)
            if content is not None:
                paths.append(folder / f"{names[title]}.{kind}")
                write_file(paths[-1], content)
    return paths


def write_pages(folder: Path, evaluation: Evaluation) -> list[Path]:
    """Write every page, named after its title; return the paths.

    Raises:
        OutputError: the folder or a file cannot be written.
    """
    paths = [folder / f"{name}.html" for name in _file_names(evaluation.pages).values()]
    for path, text in zip(paths, evaluation.pages.values(), strict=True):
        write_file(path, text.encode())
    return paths


def format_interval(value: float, low: float, high: float) -> str:
    """Return `0.925 ± 0.004` or `0.925 +0.006 -0.004`, errors to two digits; NaN is a dash."""
    if not math.isfinite(value):
        return DASH
    down, up = value - low, high - value
    if not (math.isfinite(down) and math.isfinite(up)):
        return f"{value:.4g}"
    smallest = min((e for e in (down, up) if e > 0), default=0.0)
    if not smallest:
        return f"{value:.6g} ± 0"
    digits = max(0, 1 - math.floor(math.log10(smallest)))
    shown, minus, plus = (f"{v:.{digits}f}" for v in (value, abs(down), abs(up)))
    return f"{shown} ± {plus}" if minus == plus else f"{shown} +{plus} {MINUS}{minus}"


def escape(text: str) -> str:
    """Return text as it stands in a page; characters that control a terminal or the direction of reading are spelled out."""
    return html.escape("\n".join(map(printable, text.split("\n"))))


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>\n{body}\n</section>" if body else ""


def _metrics(metrics: Sequence[Metric]) -> str:
    rows = [
        f'<tr><td class="name">{_name(m.name)}</td>'
        f'<td class="number">{format_interval(m.value, m.low, m.high)}</td>'
        f'<td class="number">{m.n}</td><td class="text">{escape(m.definition)}</td></tr>'
        for m in metrics
    ]
    head = ('<tr><th>metric</th><th class="number">value, 68 % interval</th>'
            '<th class="number">n</th><th>definition</th></tr>')
    return _table(head, rows)


def _name(text: str) -> str:
    """Return a name that a browser may break behind its underscores, and nowhere inside a word."""
    return escape(text).replace("_", "_<wbr>")


def _notes(notes: Sequence[str]) -> str:
    items = "\n".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<ul class="notes">\n{items}\n</ul>' if items else ""


def _figures(figures: Mapping[str, Figure]) -> str:
    parts = []
    for number, (title, figure) in enumerate(figures.items(), 1):
        content = _rendered(title, figure, "svg")
        if content is None:
            continue
        svg = inline_svg(content.decode(), f"figure{number}-")
        caption = escape(str(figure.get_label() or ""))
        parts.append(f"<figure>\n{svg}\n<figcaption><b>Figure {number}: {escape(title)}.</b> "
                     f"{caption}</figcaption>\n</figure>")
    return "\n".join(parts)


def _pages(pages: Mapping[str, str]) -> str:
    items = "\n".join(f'<li><a href="{name}.html">{escape(title)}</a></li>' for title, name in _file_names(pages).items())
    return f'<ul class="notes">\n{items}\n</ul>' if items else ""


def _tables(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    parts = []
    for title, rows in tables.items():
        if not rows:
            continue
        numeric = {key: all(_is_number(row.get(key)) for row in rows) for key in rows[0]}
        head = "".join(_cell("th", key, numeric[key]) for key in numeric)
        body = ["<tr>" + "".join(_cell("td", _shown(row.get(key)), numeric[key]) for key in numeric)
                + "</tr>" for row in rows]
        parts.append(f"<h3>{escape(title)}</h3>\n" + _table(f"<tr>{head}</tr>", body))
    return "\n".join(parts)


def _facts(facts: Mapping[str, str]) -> str:
    rows = [f'<tr><td class="name">{_name(name)}</td><td class="fact">{escape(str(value))}</td></tr>'
            for name, value in facts.items()]
    return _table("", rows)


def _table(head: str, rows: Sequence[str]) -> str:
    if not rows:
        return ""
    header = f"<thead>{head}</thead>\n" if head else ""
    body = "\n".join(rows)
    return f'<div class="wide"><table>\n{header}<tbody>\n{body}\n</tbody></table></div>'


def _cell(tag: str, text: str, numeric: bool) -> str:
    kind = ' class="number"' if numeric else ""
    return f"<{tag}{kind}>{escape(text)}</{tag}>"


def _is_number(value: Any) -> bool:
    return value is None or (
        isinstance(value, int | float | np.number) and not isinstance(value, bool | np.bool_)
    )


def _shown(value: Any) -> str:
    if value is None:
        return DASH
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return f"{value:.4g}" if math.isfinite(value) else DASH
    return str(value)


def inline_svg(svg: str, prefix: str) -> str:
    """Return an SVG document as an element that can stand beside others in one page.

    Identifiers get a prefix: two figures number their clip paths and glyphs alike, and a browser
    would take the first figure's for both.
    """
    svg = svg[svg.index("<svg"):]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\sid=")', rf"\g<1>{prefix}", svg)
    svg = re.sub(r'(href="#)', rf"\g<1>{prefix}", svg)
    return re.sub(r"(url\(#)", rf"\g<1>{prefix}", svg).strip()


def _rendered(title: str, figure: Figure, kind: str) -> bytes | None:
    """Return a figure as a file, or None and a warning where it cannot be drawn."""
    from .style import style

    stream = io.BytesIO()
    try:
        with style():
            figure.savefig(stream, format=kind, metadata=NO_DATE.get(kind))
    except Exception as error:
        warn_not_drawn(f"the figure {title!r} was", error)
        return None
    return stream.getvalue()


def _file_names(titles: Mapping[str, object]) -> dict[str, str]:
    names: dict[str, str] = {}
    for title in titles:
        base = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "figure"
        name, number = base, 2
        while name in names.values():
            name, number = f"{base}-{number}", number + 1
        names[title] = name
    return names


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole, and the folders above it.

    Raises:
        OutputError: the file cannot be written; an older one is left as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}.") from None
    with replacement(path, "cannot be written") as stream:
        stream.write(content)
