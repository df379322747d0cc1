"""The exported network says of jets what the program writes of them."""

from __future__ import annotations

import json

import awkward as ak
import numpy as np
import onnx
import onnxruntime
import pytest
import uproot

from pphysml.errors import ConfigError
from pphysml.model_file import load_model
from pphysml.registry import get_task
from pphysml.verbs.apply import apply
from pphysml.verbs.config import configuration
from pphysml.verbs.engine_choice import EngineChoice
from pphysml.verbs.inputs import Inputs
from pphysml.verbs.train import train
from pphysml.verbs.training_inputs import TrainingInputs

JETS = get_task("jets")
SMALL = ["simulation.constituents=false", "training.steps=3", "training.batch_size=64", "training.validation_events=200", "training.block_size=400", "training.simulated_events=400",
         "data.background=[background]"]


def trained(folder, *options):
    train(JETS, configuration(JETS, None, [*SMALL, *options]), TrainingInputs(), output=folder / "run", device="cpu")
    return folder / "run"


@pytest.mark.parametrize("options", [(), ("model.parametrise=true", "model.activation=tanh"), ("model.name=score", "model.inputs=[jet_tau2 / jet_tau1]"), ("model.decorrelate=adversarial",)])
def test_onnx_gives_the_scores_of_the_output(options, tmp_path, written) -> None:
    given = () if any("score" in option for option in options) else ("model.inputs=[log(jet_pt), jet_tau2 / jet_tau1, jet_mass]",)
    run = trained(tmp_path, *given, *options)
    (content,) = JETS.export("onnx", load_model(run, "jets"))
    properties = {p.key: p.value for p in onnx.load_from_string(content).metadata_props}
    settings = json.loads(properties["pphysml"])
    jets = {f"jet_{name}": values.astype(np.float32) for name, values in written.jets.items()}
    values = np.stack([eval(text, {"log": np.log, **jets}) for text in settings["inputs"]], 1)  # formulas of the test itself
    feed = {"inputs": values.astype(np.float32), **({"resonance_mass": np.full(7, 125, np.float32)} if settings["parametrised"] else {})}
    probabilities, discriminants = onnxruntime.InferenceSession(content).run(None, feed)
    out = tmp_path / "out.root"
    apply(JETS, Inputs([str(written.flat())]), EngineChoice(model=str(run), overrides=["apply.resonance_mass=125"] if settings["parametrised"] else []), output=out)
    tree = uproot.open(out)["jets"]
    for k, name in enumerate(settings["classes"]):
        np.testing.assert_allclose(probabilities[:, k], ak.to_numpy(tree[f"pphysml_prob_{name}"].array()), atol=2e-5)
    np.testing.assert_allclose(discriminants[:, 0], ak.to_numpy(tree["pphysml_disc_signal"].array()), rtol=1e-4, atol=1e-4)


def test_trees_are_refused(tmp_path) -> None:
    run = trained(tmp_path, "model.name=trees", "model.trees=2", "model.inputs=[jet_mass]")
    with pytest.raises(ConfigError, match="trees"):
        JETS.export("onnx", load_model(run, "jets"))
