"""Jets without truth: spectra instead of a refusal, and how classes would be given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import uproot

from pphysml.registry import get_task
from pphysml.verbs.engine_choice import EngineChoice
from pphysml.verbs.evaluate import evaluate
from pphysml.verbs.inputs import Inputs

JETS = get_task("jets")
N = 3000


@pytest.fixture(scope="module")
def data() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    score = rng.normal(size=N).astype(np.float32)
    score[:7] = np.nan
    return {"pt": rng.uniform(300, 900, N), "eta": rng.normal(size=N), "mass": rng.exponential(60, N), "s": score}


@pytest.fixture(scope="module")
def measured(data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("measured") / "measured.root"
    with uproot.recreate(path) as file:
        file["t"] = data
    return path


def test_quantiles_are_those_of_the_selected_jets_and_figures_are_drawn(data, measured, tmp_path) -> None:
    choice = EngineChoice(engine="branch:s", overrides=["data.selection=jet_pt > 500"])
    (found,) = evaluate(JETS, Inputs([str(measured)]), choice, output=tmp_path / "report").values()
    rows = {row["of"]: row for name in ("scores", "inputs") for row in found.tables[f"Quantiles of {name}"]}
    chosen = data["pt"] > 500
    for name, values in (("s", data["s"]), ("jet_mass", data["mass"])):
        kept = values[chosen]
        assert rows[name]["jets"] == chosen.sum() and rows[name]["not finite"] == np.isnan(kept).sum()
        assert [rows[name][q] for q in ("1%", "50%", "95%")] == pytest.approx(np.nanquantile(kept, [0.01, 0.5, 0.95]), rel=1e-5)
    assert set(rows) == {"disc_signal", "s", "jet_mass"} and not found.metrics
    assert {"Spectrum, disc_signal", "Spectrum, s", "Spectrum, jet_mass"} == set(found.figures)
    text = (tmp_path / "report" / "report.html").read_text()
    assert "jets of unknown class" in text and "--label" in text


def test_variations_without_classes_are_said_to_have_no_effect(measured) -> None:
    (found,) = evaluate(JETS, Inputs([str(measured)]), EngineChoice(engine="branch:s", overrides=["apply.scale=0.1"])).values()
    assert any("have no effect without classes" in note for note in found.notes)
    assert len(found.tables["Quantiles of scores"]) == 1
