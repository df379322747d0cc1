"""The training's figure shows its metrics, and never costs the training."""

import numpy as np
import pytest

from pphysml.errors import InputError
from pphysml.evaluation.training_curves import training_curves, write_training_curves


def test_training_curves_leave_out_empty_cells(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step,loss,pairs,learning_rate,steps_per_second,validation_perfect\n"
                    "50,2.0,1.5,1e-3,10,\n100,1.0,0.8,1e-3,10,\n100,,,,,0.25\n150,0.5,,1e-3,10\n200,,,,,0.75\n")
    above, below = training_curves(path).axes
    drawn = {line.get_label(): line.get_data() for line in (*above.get_lines(), *below.get_lines())}
    np.testing.assert_allclose(drawn["loss"], [[50, 100, 150], [2, 1, 0.5]])
    np.testing.assert_allclose(drawn["pairs"], [[50, 100], [1.5, 0.8]])
    np.testing.assert_allclose(drawn["perfect"], [[100, 200], [0.25, 0.75]])
    assert not {"learning rate", "steps per second"} & set(drawn)


def test_average_of_a_straight_loss_is_straight(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step,loss\n" + "".join(f"{s},{3 + 0.01 * s}\n" for s in range(200)))
    line = training_curves(path).axes[0].get_lines()[1]
    np.testing.assert_allclose(line.get_ydata()[5:-5], 3 + 0.01 * np.arange(5, 195))
    assert len(line.get_ydata()) == 200


@pytest.mark.parametrize(("rows", "marker"), [(1, "o"), (2, "None")])
def test_a_single_row_is_seen(tmp_path, rows, marker):
    path = tmp_path / "metrics.csv"
    path.write_text("step,loss\n" + "".join(f"{s},1.5\n" for s in range(rows)))
    assert training_curves(path).axes[0].get_lines()[1].get_marker() == marker


@pytest.mark.parametrize("text", ["", "step,loss\n", "loss\n1\n", "step,loss\n1,\n"])
def test_training_without_numbers(tmp_path, text):
    path = tmp_path / "metrics.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=r"metrics\.csv: holds no column"):
        training_curves(path)
    with pytest.raises(InputError, match="cannot be read"):
        training_curves(tmp_path / "none.csv")


def test_the_figure_is_written_as_png_and_svg(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step,loss,validation_perfect\n1,2.0,\n2,1.0,0.5\n")
    png, svg = write_training_curves(path, tmp_path / "plots")
    assert [png.name, svg.name] == ["training.png", "training.svg"]
    assert png.read_bytes().startswith(b"\x89PNG") and b"<svg" in svg.read_bytes()


def test_what_cannot_be_drawn_or_written_is_a_warning(tmp_path):
    path, file = tmp_path / "metrics.csv", tmp_path / "plots"
    file.write_text("a file where the folder should be")
    for text in ("", "step,loss\n1,2.0\n"):
        path.write_text(text)
        with pytest.warns(RuntimeWarning, match="the figure 'training' was not drawn"):
            assert write_training_curves(path, file) == []
