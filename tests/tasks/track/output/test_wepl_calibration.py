"""Calibrations of WEPL from files."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.errors import ConfigError
from pphysml.tasks.track.output.wepl_calibration import calibration_text, load_calibration


def loaded(tmp_path, text):
    path = tmp_path / "calibration.yaml"
    path.write_text(text)
    return load_calibration(str(path))


def test_offset_and_slope_are_applied_and_scale_the_error(tmp_path):
    calibration = loaded(tmp_path, "offset: -0.41\nslope: 1.0024\n")
    wepl, error = calibration.calibrated(np.array([-5.0, 0.0, 100.0, np.nan]), np.array([3.0, 3.0, 3.0, np.nan]))
    assert wepl[:3] == pytest.approx(1.0024 * np.array([-5.0, 0.0, 100.0]) - 0.41) and np.isnan(wepl[3])
    assert error[:3] == pytest.approx(3 * 1.0024)
    assert "1.0024 times the measured WEPL - 0.41 mm" in calibration.name


def test_a_table_is_lines_between_its_pairs_and_goes_on_beyond(tmp_path):
    calibration = loaded(tmp_path, "table: [[0, 1], [100, 103], [200, 199]]\n")
    wepl, error = calibration.calibrated(np.array([-50.0, 50.0, 100.0, 150.0, 250.0]), np.ones(5))
    assert wepl == pytest.approx([-50.0, 52.0, 103.0, 151.0, 247.0])
    assert error == pytest.approx([1.02, 1.02, 1.02, 0.96, 0.96])


def test_what_is_written_can_be_read(tmp_path):
    calibration = loaded(tmp_path, calibration_text({"offset": 1.25, "slope": 0.98, "offset_error": 0.1}, [(50.0, 0.1, 50.2)]))
    assert calibration.calibrated(np.array([100.0]), np.array([1.0]))[0] == pytest.approx([99.25])


@pytest.mark.parametrize("text, said", [
    ("gain: 2\n", "is no calibration of WEPL"), ("[1, 2]\n", "is no calibration"), ("offset: 1\ntable: [[0, 1], [1, 2]]\n", "give one of them"),
    ("table: [[0, 1], [0, 2]]\n", "must both rise"), ("slope: -1\n", "slope"), ("offset: .nan\n", "offset"), ("table: [[0, 1]]\n", "table"),
])
def test_what_is_none_is_refused(tmp_path, text, said):
    with pytest.raises(ConfigError, match=said):
        loaded(tmp_path, text)
