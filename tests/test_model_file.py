"""Weights files."""

from __future__ import annotations

import numpy as np

from pphysml.model_file import ModelFile, load_model, save_model, serialized


def test_equal_models_are_equal_files_whatever_is_in_them(tmp_path) -> None:
    header = {"task": "lcag", "config": {"data": {"weight": "gewicht \u00e4 \u2192 \"quoted\"", "map": {}}}, "step": 3, "training_data": {"simulated": True}}
    model = ModelFile(header, {"a.weight": np.arange(6.0, dtype=np.float32).reshape(2, 3), "b": np.ones(3, np.float32)}, {"domain.x": np.array([0.0, 1.0])})
    assert len({serialized(model) for _ in range(20)}) == 1
    save_model(tmp_path / "m.safetensors", model)
    read = load_model(tmp_path / "m.safetensors")
    assert read.hash == model.hash and read.header["config"] == header["config"]
    np.testing.assert_array_equal(read.network["a.weight"], model.network["a.weight"])
    np.testing.assert_array_equal(read.prepared["domain.x"], model.prepared["domain.x"])
