"""The weights that ship, on the sample of simulated jets: two prongs are found, and the mass and momentum of background are not seen in the flat score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import uproot
from scipy.stats import kstest, mannwhitneyu, spearmanr

from pphysml.io.ragged import Array
from pphysml.model_file import load_model
from pphysml.registry import get_task
from pphysml.verbs.apply import apply
from pphysml.verbs.config import configuration
from pphysml.verbs.engine_choice import find_model
from pphysml.verbs.evaluate import evaluate
from pphysml.verbs.inputs import Inputs

JETS = get_task("jets")
SAMPLE = Path(__file__).parents[3] / "data/jets_sample.root"


@pytest.fixture(scope="module")
def jets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Array]:
    """What is known of the jets of the sample, and their scores."""
    out = tmp_path_factory.mktemp("scores") / "scores.root"
    said = apply(JETS, Inputs([str(SAMPLE)]), output=out, strict=True)
    assert said["written"] == said["entries"] == 2400 and said["warnings"] == []
    files = {"jet_": uproot.open(SAMPLE)["jets"], "pphysml_": uproot.open(out)["jets"]}
    return {name.removeprefix(begins): np.concatenate(list(tree[name].array(library="np"))) for begins, tree in files.items() for name in tree.keys() if name.startswith(begins)}  # noqa: SIM118 - of uproot


def test_the_weights_are_of_the_preset_of_their_name() -> None:
    path = find_model(JETS, "toy")
    assert path is not None and path == find_model(JETS, None)
    model, preset = load_model(path, "jets").configuration(JETS.config_class), configuration(JETS, "toy", [])
    for section in ("simulation", "data", "model", "training"):
        assert model.model_dump()[section] == preset.model_dump()[section]


def test_jets_of_a_resonance_are_found(jets) -> None:
    signal = jets["label"] == 1
    passed = jets["flat_signal"] > np.median(jets["flat_signal"][signal])
    assert passed[~signal].mean() < 1 / 12  # rejection at half of the signal; 4 without a network, by tau21 with a map
    assert mannwhitneyu(jets["disc_signal"][signal], jets["disc_signal"][~signal]).statistic / (signal.sum() * (~signal).sum()) > 0.88  # the area under the curve


def test_the_flat_score_shows_neither_mass_nor_momentum_of_background(jets) -> None:
    background = jets["label"] == 0
    flat, plain = jets["flat_signal"][background], jets["disc_signal"][background]
    assert kstest(flat, "uniform").pvalue > 1e-3
    for name in ("mass", "pt"):
        assert spearmanr(flat, jets[name][background]).pvalue > 1e-3
    assert spearmanr(plain, jets["mass"][background]).pvalue < 1e-6


def test_evaluating_the_sample_gives_the_rejection_of_the_scores_that_applying_writes(jets) -> None:
    metrics = {metric.name: metric for metric in evaluate(JETS, Inputs([str(SAMPLE)]))["network"].metrics}
    signal = jets["label"] == 1
    for score in ("disc", "flat"):
        passed = jets[f"{score}_signal"] > np.median(jets[f"{score}_signal"][signal])
        assert metrics[f"{score} rejection_50"].value == pytest.approx(1 / passed[~signal].mean(), rel=0.03)
