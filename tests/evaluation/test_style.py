"""The style leaves no trace and needs no display."""

import subprocess
import sys

import matplotlib
import numpy as np
from matplotlib.colors import to_rgb

from pphysml.evaluation.style import COLOURS, RC, new_figure, style


def test_style_holds_inside_and_is_undone():
    before = dict(matplotlib.rcParams)
    with style():
        assert all(matplotlib.rcParams[key] == value for key, value in RC.items())
    assert dict(matplotlib.rcParams) == before


def test_colours_differ_in_lightness_or_hue_for_all_eyes():
    """Red-green blindness (Vienot, Brettel, Mollon 1999) keeps the first four colours apart."""
    blind = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
    seen = np.array([to_rgb(c) for c in COLOURS[:4]]) ** 2.2 @ blind.T
    seen = np.clip(seen, 0, 1) ** (1 / 2.2)
    distance = np.linalg.norm(seen[:, None] - seen[None], axis=-1) + 9 * np.eye(4)
    assert distance.min() > 0.2


def test_figures_do_not_touch_pyplot():
    code = ("import sys; from pphysml.evaluation.style import new_figure, style\n"
            "with style(): figure, axes = new_figure(columns=2, rows=3)\n"
            "import io; figure.savefig(io.BytesIO()); assert len(axes) == 6\n"
            "assert 'matplotlib.pyplot' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True, env={"PATH": "", "MPLBACKEND": "TkAgg"})


def test_caption_is_kept():
    figure, _ = new_figure(caption="What is seen.")
    assert figure.get_label() == "What is seen."
