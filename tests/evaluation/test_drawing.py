"""A user's settings of matplotlib have no part in our figures, and a figure that fails costs itself only."""

from __future__ import annotations

import os
import subprocess
import sys

import matplotlib
import pytest

from pphysml.evaluation.drawing import drawn
from pphysml.evaluation.report import write_figures, write_json, write_report
from pphysml.evaluation.result import Evaluation, Metric
from pphysml.evaluation.style import new_figure, style

SETTINGS = "text.usetex: True\nbackend: TkAgg\nfont.family: No Such Font\nfont.size: 31\naxes.grid: True\nlines.linewidth: 9\nmathtext.fontset: cm\nfigure.autolayout: True\naxes.formatter.use_locale: True\nno.such: key\n"


@style()
def figure(title: str = "$x^2$"):
    one, (axes,) = new_figure(caption="A line.")
    axes.plot([1, 2], [3, 4e7], label="line")
    axes.set_title(title)
    axes.legend()
    return one


def test_a_users_settings_change_nothing(tmp_path):
    write_figures(tmp_path / "before", Evaluation(figures={"a": figure()}))
    (tmp_path / "matplotlibrc").write_text(SETTINGS)
    with matplotlib.rc_context(fname=tmp_path / "matplotlibrc"):
        assert matplotlib.rcParams["text.usetex"] and matplotlib.rcParams["font.size"] == 31
        write_figures(tmp_path / "after", Evaluation(figures={"a": figure()}))
    for name in ("a.png", "a.svg"):
        assert (tmp_path / "before" / name).read_bytes() == (tmp_path / "after" / name).read_bytes()


@pytest.mark.parametrize("named", [{"MPLBACKEND": "none-such"}, {"MATPLOTLIBRC": "odd"}, {"MPLBACKEND": "none-such", "MATPLOTLIBRC": "odd"}], ids=["backend", "not text", "both"])
def test_what_the_environment_names_does_not_stop_the_drawing(tmp_path, named):
    (tmp_path / "odd").write_bytes(b"text.usetex: \xff\xfe")
    code = ("import os; from pphysml.evaluation.drawing import drawn; before = dict(os.environ)\n"
            "def drawings():\n    from pphysml.evaluation.style import new_figure\n    return {'a': lambda: new_figure()[0]}\n"
            "found = drawn(drawings); assert list(found) == ['a'] and dict(os.environ) == before\n"
            "import io; found['a'].savefig(io.BytesIO())")
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=tmp_path, env={k: v for k, v in os.environ.items() if not k.startswith("MPL")} | named)


def refuse():
    raise RuntimeError("no latex")


def test_a_figure_that_fails_costs_itself(tmp_path):
    drawings = {"good": figure, "broken": refuse, "odd": lambda: figure("$\\frac{1$"), "last": figure}
    with pytest.warns(RuntimeWarning, match="the figure 'broken' was not drawn: RuntimeError: no latex"):
        figures = drawn(lambda: drawings)
    assert list(figures) == ["good", "odd", "last"]
    result = Evaluation([Metric("m", 0.5, 0.4, 0.6, 10, "a metric")], figures=figures, tables={"t": [{"a": 1}]})
    with pytest.warns(RuntimeWarning, match="the figure 'odd' was not drawn"):
        write_report(tmp_path / "report.html", result, title="t", facts={})
        written = write_figures(tmp_path / "plots", result)
        write_json(tmp_path / "metrics.json", result)
    assert [path.name for path in written] == ["good.png", "good.svg", "last.png", "last.svg"]
    text = (tmp_path / "report.html").read_text()
    assert text.count("<svg") == 2 and "a metric" in text and "good." in text and "last." in text


def test_what_draws_may_fail_as_a_whole():
    def drawings():
        raise ImportError("no matplotlib")

    with pytest.warns(RuntimeWarning, match="the figures were not drawn: ImportError: no matplotlib"):
        assert drawn(drawings) == {}
