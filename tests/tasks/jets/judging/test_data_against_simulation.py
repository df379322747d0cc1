"""`evaluate --simulation`: data without truth beside simulated jets of two classes, in NanoAOD and in ntuples."""

from __future__ import annotations

import re
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from pphysml.config import build
from pphysml.errors import ConfigError, InputError
from pphysml.registry import get_task
from pphysml.tasks.jets.config import JetsConfig
from pphysml.verbs.config import configuration
from pphysml.verbs.engine_choice import EngineChoice
from pphysml.verbs.evaluate import evaluate
from pphysml.verbs.inputs import Inputs
from pphysml.verbs.simulate import simulate
from pphysml_cli.main import main

JETS = get_task("jets")
TABLE = "Data against simulation"
SAMPLE = Path(__file__).parents[4] / "data/jets_sample.root"


def jets_of(n: int, seed: int, shift: float = 0.0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    top = rng.random(n) < 0.3
    return {"pt": 300 + rng.exponential(100, n), "eta": rng.normal(size=n), "mass": np.where(top, rng.normal(170, 15, n), rng.exponential(60, n)) + shift,
            "msoftdrop": np.where(rng.random(n) < 0.1, -1, rng.exponential(50, n)), "tag": rng.normal(top), "hadronFlavour": top.astype(np.int32)}


def written(path: Path, jets: dict[str, np.ndarray], nano: bool, truth: bool, weighted: bool = False) -> Path:
    """Write jets, two in an event of NanoAOD, or one in an entry of an ntuple; data have neither truth nor weights."""
    n = len(jets["pt"])
    kept = {name: values if values.dtype.kind == "i" else values.astype(np.float32) for name, values in jets.items() if truth or name != "hadronFlavour"}
    weight = np.random.default_rng(9).choice([2.0, 1.0, -0.5], n)
    with uproot.recreate(path) as file:
        if nano:
            lists = {f"FatJet_{name}": ak.unflatten(values, np.full(n // 2, 2)) for name, values in kept.items()}
            file["Events"] = {"event": np.arange(n // 2), **lists, **({"genWeight": weight[: n // 2]} if weighted else {})}
        else:
            file["t"] = {**kept, **({"weight": weight} if weighted else {})}
    return path


@pytest.fixture(scope="module", params=["nano", "flat"])
def files(request, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder, nano = tmp_path_factory.mktemp("compared"), request.param == "nano"
    label = "FatJet_hadronFlavour" if nano else "hadronFlavour"
    return {"data": str(written(folder / "data.root", jets_of(3000, 1), nano, False)),
            "mc": str(written(folder / "mc1.root", jets_of(6000, 2), nano, True, True).with_name("mc*.root")),
            "more": str(written(folder / "mc2.root", jets_of(4000, 3), nano, True, True)),
            "shifted": str(written(folder / "shifted.root", jets_of(3000, 4, 8.0), nano, False)),
            "unknown": str(written(folder / "unknown.root", jets_of(6000, 5), nano, False)),
            "classes": f"data.classes={{qcd: {label} == 0, top: {label} == 1}}", "engine": f"branch:{'FatJet_tag' if nano else 'tag'}"}


def compared(files, data="data", simulation="mc", *options):
    choice = EngineChoice(engine=files["engine"], overrides=[files["classes"], f"apply.simulation={files[simulation]}", *options])
    (found,) = evaluate(JETS, Inputs([files[data]]), choice).values()
    return {row["of"]: row for row in found.tables.get(TABLE, [])}, found


def test_jets_of_one_distribution_agree_in_scores_inputs_and_masses(files) -> None:
    rows, found = compared(files)
    score = files["engine"].removeprefix("branch:")
    assert set(rows) == {"disc_top", score, "jet_mass", "jet_pt", "jet_softdrop_mass"}
    assert min(row["p-value, corrected"] for row in rows.values()) > 0.01
    assert any("differ by more than chance" in note for note in found.notes)
    assert set(found.figures) == {f"Data against simulation, {name}" for name in rows}
    composition = next(note for note in found.notes if note.startswith("Compared are"))
    assert "3000 jets of data and 10000 of simulation" in composition and not found.metrics
    assert [float(share) for share in re.findall(r"([\d.]+)%", composition)] == pytest.approx([70, 30], abs=4)
    assert any("negative weight" in note for note in found.notes)


def test_the_stack_is_the_simulation_by_class_with_the_sum_of_the_data(files) -> None:
    _, found = compared(files)
    above, below = found.figures["Data against simulation, jet_mass"].axes
    stacked = {patch.get_label(): patch.get_data() for patch in above.patches if patch.get_label() in ("qcd", "top")}
    top = stacked["top"].values - stacked["top"].baseline
    assert stacked["qcd"].values.sum() == pytest.approx(3000, rel=1e-6)
    edges = stacked["top"].edges
    middle = (edges[1:] + edges[:-1]) / 2
    assert abs(middle[top.argmax()] - 170) < 15 and top.sum() == pytest.approx(900, rel=0.1)
    assert below.get_ylabel() == "data / simulation"


def test_a_shift_of_the_mass_is_found_in_the_mass_alone(files) -> None:
    rows, found = compared(files, "shifted")
    assert rows["jet_mass"]["p-value, corrected"] < 1e-6 < 0.01 < rows["jet_pt"]["p-value, corrected"]
    assert any(note.startswith("Data and simulation differ in 1 of 5 quantities") and "jet_mass" in note for note in found.notes)


def test_truth_is_asked_of_neither_and_selections_hold_for_both(files) -> None:
    rows, found = compared(files, "data", "unknown", "data.selection=jet_pt > 350")
    counts = [int((jets_of(n, seed)["pt"].astype(np.float32) > 350).sum()) for n, seed in ((3000, 1), (6000, 5))]
    assert any(f"{counts[0]} jets of data and {counts[1]} of simulation" in note and "of no known class 100.0%" in note for note in found.notes)
    assert rows["jet_pt"]["p-value"] > 0.001


def test_weights_can_be_taken_as_yields(files) -> None:
    """The 10 000 simulated jets have a mean weight of 5/6: 2.8 times those of the data."""
    rows, found = compared(files, "data", "mc", "apply.normalise=false")
    times = next(float(re.search(r"which sum to ([\d.]+)", note)[1]) for note in found.notes if note.startswith("Compared"))
    assert times == pytest.approx(10_000 * 5 / 6 / 3000, rel=0.05)
    assert rows["jet_pt"]["p-value"] < 1e-20 < compared(files)[0]["jet_pt"]["p-value"]


def test_data_that_are_simulation_too_are_refused_and_classes_of_data_said(files) -> None:
    with pytest.raises(InputError, match=r"mc2\.root.*among the data and among the simulation"):
        compared(files, "more", "mc")
    _, found = compared(files, "more", "unknown")
    assert any("classes, which play no part" in note for note in found.notes)


def test_every_score_and_input_of_a_network_is_compared(tmp_path) -> None:
    """The weights that ship, on their sample, and on jets of a detector that measures too much energy."""
    config, path = configuration(JETS, "toy", ["simulation.constituents=false", "simulation.energy_scale=1.2"]), tmp_path / "simulated.root"
    simulate(JETS, config, path, 700, seed=5)
    (found,) = evaluate(JETS, Inputs([str(SAMPLE)]), EngineChoice(overrides=[f"apply.simulation={path}"])).values()
    rows = {row["of"]: row for row in found.tables[TABLE]}
    scores = {f"{kind}_{name}" for kind, names in (("prob", ("background", "signal")), ("disc", ("signal",)), ("flat", ("signal",))) for name in names}
    assert set(rows) == {*scores, *config.model.inputs, *config.model.against, "jet_pt", "jet_mass", "jet_softdrop_mass"}
    assert rows["jet_mass"]["p-value, corrected"] < 1e-3 and len(found.figures) == len(rows)


def test_classes_may_be_the_names_of_the_simulated_files(files) -> None:
    choice = EngineChoice(engine=files["engine"], overrides=[f"apply.simulation={files['mc']}", "data.labels={qcd: mc1.root, top: mc2.root}"])
    (found,) = evaluate(JETS, Inputs([files["data"]]), choice).values()
    shares = re.findall(r"(\w+) ([\d.]+)%", next(note for note in found.notes if note.startswith("Compared")))
    assert [name for name, _ in shares] == ["qcd", "top"] and float(shares[1][1]) == pytest.approx(40, abs=3)
    # That the data are of none of them is no fault.
    assert not any("class" in note for note in found.notes)


def test_nothing_selected_is_said(files) -> None:
    rows, found = compared(files, "data", "mc", "data.selection=jet_pt > 1e6")
    assert not rows and "There is no jet of data and none of simulation that is selected" in found.notes[0]


def test_from_the_command_line_to_a_report(tmp_path, capsys) -> None:
    for number, name in enumerate(("data", "mc1", "mc2")):
        written(tmp_path / f"{name}.root", {key: values for key, values in jets_of(600, number).items() if key != "msoftdrop"}, False, name != "data")
    options = ["--simulation", str(tmp_path / "mc*.root"), "--engine", "branch:jet_mass", "--set", "data.classes={qcd: hadronFlavour == 0, top: hadronFlavour == 1}"]
    assert main(["evaluate", "jets", str(tmp_path / "data.root"), *options, "-q", "-o", str(tmp_path / "report")]) == 0
    page = (tmp_path / "report" / "report.html").read_text()
    assert "mc2.root" in page and "chi2/ndf" in page and page.count("<figure>") == 3
    assert "Compared are 600 jets" in capsys.readouterr().out


@pytest.mark.parametrize(("options", "reason"), [({"normalise": False}, "no effect without apply.simulation"), ({"simulation": ["a.root"], "smear": 0.1}, "nothing is judged")])
def test_options_without_effect_are_refused(options, reason) -> None:
    with pytest.raises(ConfigError, match=reason):
        build(JetsConfig, {"apply": options}, "test")
