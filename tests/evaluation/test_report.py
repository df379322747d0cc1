"""The report stands alone, is the same each time, and shows text as text."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from pphysml.errors import ConfigError, OutputError
from pphysml.evaluation.report import (
    format_interval,
    inline_svg,
    to_dict,
    write_figures,
    write_json,
    write_pages,
    write_report,
)
from pphysml.evaluation.result import Evaluation, Metric
from pphysml.evaluation.style import new_figure, style


@style()
def drawing(seed):
    figure, (axes,) = new_figure(3, 2, caption=f"Drawing <{seed}>.")
    axes.plot(np.random.default_rng(seed).normal(size=20))
    axes.set(xlabel="mass [GeV]", ylim=(-1, 1))
    return figure


def evaluation():
    return Evaluation(
        metrics=[
            Metric("perfect<b>", 0.925, 0.921, 0.929, 4000, "Share & definition of <i>everything</i>."),
            Metric("nothing", np.nan, 0.0, 1.0, 0, "No cases."),
        ],
        tables={"By <size>": [{"leaves": np.int64(3), "share": np.float64(0.5), "ok": True, "none": None}]},
        figures={"First <one>": drawing(1), "Second": drawing(2)},
        cases={"perfect": np.array([True, False])},
        notes=["Warning: a < b & c."],
    )


def page(path, **facts):
    write_report(path, evaluation(), title="lcag: <script>alert(1)</script>", facts={"inputs": "a&b.root", **facts})
    return path.read_text()


VOID = {"meta", "br", "wbr", "link", "img"}


class Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.ids, self.open, self.text = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.ids += [value for name, value in attributes if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_names_break_behind_underscores_and_nowhere_in_a_word(tmp_path):
    result = Evaluation(metrics=[Metric("complete_efficiency_primary", 0.9, 0.8, 1.0, 9, "Of hits_1.")])
    write_report(tmp_path / "r.html", result, title="t", facts={"hits_in_no_layer": "0"})
    text = (tmp_path / "r.html").read_text()
    names = re.findall(r'<td class="name">(.*?)</td>', text)
    assert [name.split("<wbr>") for name in names] == [["complete_", "efficiency_", "primary"], ["hits_", "in_", "no_", "layer"]]
    rule = re.search(r"td\.name \{(.*?)\}", text).group(1)
    assert "overflow-wrap" not in rule and "word-break" not in rule


def test_needs_nothing_from_elsewhere(tmp_path):
    text = page(tmp_path / "r.html")
    bare = re.sub(r'xmlns(:\w+)?="[^"]*"', "", text)
    assert "http" not in bare
    assert "://" not in bare
    assert not re.search(r'(?:src|href)="(?!#)', bare)
    assert "url(" not in re.sub(r"url\(#", "", bare)
    elements = Elements()
    elements.feed(text)
    assert not {"script", "link", "img", "iframe", "object"} & set(elements.tags)
    assert elements.tags.count("svg") == 2
    assert not elements.open


def test_same_evaluation_same_bytes(tmp_path):
    assert page(tmp_path / "a.html") == page(tmp_path / "b.html")
    for kind in ("svg", "png", "pdf"):
        one, two = (write_figures(tmp_path / name, evaluation(), [kind]) for name in "xy")
        assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]


def test_text_is_escaped_and_complete(tmp_path):
    elements = Elements()
    elements.feed(page(tmp_path / "r.html", model="<m>"))
    text = "".join(elements.text)
    for shown in ("lcag: <script>alert(1)</script>", "perfect<b>", "<i>everything</i>", "By <size>",
                  "First <one>", "Drawing <1>.", "a < b & c.", "a&b.root", "<m>", "0.9250 ± 0.0040", "4000", "yes"):
        assert shown in text, shown
    assert "nan" not in text.lower()


def test_identifiers_are_unique_and_references_resolve(tmp_path):
    text = page(tmp_path / "r.html")
    elements = Elements()
    elements.feed(text)
    assert len(elements.ids) == len(set(elements.ids)) > 4
    references = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', text)
    assert references
    assert {a or b for a, b in references} <= set(elements.ids)


def test_inline_svg_keeps_one_element():
    svg = inline_svg('<?xml version="1.0"?><!DOCTYPE svg "http://x"><svg><!-- <b> --><metadata>http://y</metadata>'
                     '<path id="a"/><use xlink:href="#a" clip-path="url(#a)"/></svg>\n', "p-")
    assert svg == '<svg><path id="p-a"/><use xlink:href="#p-a" clip-path="url(#p-a)"/></svg>'


def test_json_is_strict(tmp_path):
    write_json(tmp_path / "m.json", evaluation())
    found = json.loads((tmp_path / "m.json").read_text(), parse_constant=pytest.fail)
    assert found["metrics"][0] == {"name": "perfect<b>", "value": 0.925, "low": 0.921, "high": 0.929, "n": 4000,
                                   "definition": "Share & definition of <i>everything</i>."}
    assert found["metrics"][1]["value"] is None
    assert found["tables"]["By <size>"] == [{"leaves": 3, "share": 0.5, "ok": True, "none": None}]
    assert "cases" not in found
    assert to_dict(evaluation(), cases=True)["cases"] == {"perfect": [True, False]}


def test_figures_are_written_under_their_titles(tmp_path):
    result = evaluation()
    result.figures["first ONE!"] = drawing(3)
    names = sorted(p.name for p in write_figures(tmp_path / "plots", result))
    assert names == sorted(f"{n}.{k}" for n in ("first-one", "first-one-2", "second") for k in ("png", "svg"))
    assert (tmp_path / "plots" / "second.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ConfigError, match=r"'pgn'.*png"):
        write_figures(tmp_path, result, ["pgn"])


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "m.json"
    path.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pphysml.atomic_files.os.replace", full)
    with pytest.raises(OutputError, match=r"m\.json: cannot be written: No space left"):
        write_json(path, evaluation())
    assert [p.name for p in tmp_path.iterdir()] == ["m.json"]
    assert path.read_text() == "old"


def test_pages_are_written_as_the_report_links_them(tmp_path):
    pages = {"perfect: Frame <1>": "<p>one</p>", "perfect: frame 1": "<p>two</p>"}
    result = Evaluation(pages=pages)
    assert [p.read_text() for p in write_pages(tmp_path, result)] == list(pages.values())
    write_report(tmp_path / "r.html", result, title="t", facts={})
    links = re.findall(r'<a href="([^"]*)">([^<]*)</a>', (tmp_path / "r.html").read_text())
    assert [(tmp_path / name).read_text() for name, _ in links] == list(pages.values())
    assert [title for _, title in links] == ["perfect: Frame &lt;1&gt;", "perfect: frame 1"]


def test_nothing_found_makes_a_page(tmp_path):
    write_report(tmp_path / "r.html", Evaluation(), title="empty", facts={})
    assert "<table" not in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize("numbers,shown", [
    ((0.925, 0.921, 0.929), "0.9250 ± 0.0040"),
    ((0.5, 0.38, 0.61), "0.50 +0.11 \N{MINUS SIGN}0.12"),
    ((1.0, 0.9, 1.0), "1.00 +0.00 \N{MINUS SIGN}0.10"),
    ((1234.0, 1200.0, 1268.0), "1234 ± 34"),
    ((np.nan, 0, 1), "\N{EN DASH}"),
    ((0.25, np.nan, np.nan), "0.25"),
    ((0.25, 0.25, 0.25), "0.25 ± 0"),
])
def test_format_interval(numbers, shown):
    assert format_interval(*numbers) == shown
