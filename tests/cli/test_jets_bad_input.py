"""Files of jets that are empty, odd, incomplete or misread: the sensible answer, or one sentence that says what to do; no output is left."""

from __future__ import annotations

import sys
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

sys.path.append(str(Path(__file__).parent))

SCORE = ("--engine", "branch:FatJet_tag", "--set", "data.classes={qcd: FatJet_nBHadrons == 0, bb: FatJet_nBHadrons > 1}", "-q")
SMALL = tuple(part for item in ("training.steps=3", "training.batch_size=16", "training.validate_every=3", "training.validation_fraction=0.3", "training.warmup_steps=1") for part in ("--set", item))
NETWORK = ("--set", "model.inputs=[log(jet_pt), FatJet_tag]", "--set", SCORE[3], *SMALL, "-q", "--threads", 1)


def columns(counts, **changed):
    """Return NanoAOD columns of events with these numbers of jets."""
    rng, counts = np.random.default_rng(1), np.asarray(counts)
    n = int(counts.sum())
    jets = {"pt": rng.uniform(300, 900, n), "eta": rng.normal(size=n), "mass": rng.uniform(20, 200, n), "msoftdrop": rng.uniform(10, 150, n), "tag": rng.normal(size=n), "nBHadrons": 2 * (np.arange(n) % 2)}
    jets = {**jets, **{name: np.asarray(values) for name, values in changed.items() if values is not None}}
    lists = {f"FatJet_{name}": ak.unflatten(values if values.dtype.kind == "i" else values.astype(np.float32), counts) for name, values in jets.items() if name not in changed or changed[name] is not None}
    return {"run": np.ones(len(counts), np.int64), "event": np.arange(len(counts)), **lists}


def written(path, counts, tree="Events", **changed):
    with uproot.recreate(path) as file:
        file[tree] = columns(counts, **changed)
    return path


def empty(path, entries=0):
    """Write a file of events without jets, or without any."""
    jets = {f"FatJet_{name}": np.float32 for name in ("pt", "eta", "mass", "msoftdrop", "tag")} | {"FatJet_nBHadrons": np.int32}
    with uproot.recreate(path) as file:
        tree = file.mktree("Events", {"run": np.int64, "event": np.int64, **{name: f"var * {np.dtype(kind).name}" for name, kind in jets.items()}})
        if entries:
            nothing = ak.unflatten(np.zeros(0), np.zeros(entries, np.int64))
            tree.extend({"run": np.ones(entries, np.int64), "event": np.arange(entries), **{name: ak.values_astype(nothing, kind) for name, kind in jets.items()}})
    return path


def scores(path):
    tree = uproot.open(path)["jets"]
    return tree["nFatJet"].array().to_list(), tree["FatJet_pphysml_disc_bb"].array().to_list()


@pytest.fixture
def refused(pphysml, tmp_path):
    """Check that an invocation ends with a code and one sentence with these words, and leaves nothing."""
    def check(code, *arguments, words):
        before = sorted(tmp_path.iterdir())
        done = pphysml(*arguments)
        assert done.code == code and len(done.err.splitlines()) == 1, done.err
        assert all(word in done.err for word in words), done.err
        assert sorted(tmp_path.iterdir()) == before

    return check


@pytest.mark.parametrize("counts", [[], [0], [1], [0, 0, 0], [0, 2, 0], [3, 0, 1]], ids=str)
def test_no_entry_one_entry_and_events_without_jets_come_back_as_they_are(counts, pphysml, tmp_path):
    path, out = written(tmp_path / "in.root", counts) if sum(counts) else empty(tmp_path / "in.root", len(counts)), tmp_path / "out.root"
    done = pphysml("jets", path, *SCORE, "-o", out)
    assert done.code == 0, done.err
    numbers, values = scores(out)
    assert numbers == counts and [len(row) for row in values] == counts
    tag = columns(counts)["FatJet_tag"].to_list() if sum(counts) else [[]] * len(counts)
    assert values == tag
    if counts:
        judged = pphysml("evaluate", "jets", path, *SCORE)
        assert judged.code == 0 and ("There is no jet of any class" in judged.out) == (not sum(counts))


def test_nothing_to_evaluate_or_to_train_on_is_said(refused, pphysml, tmp_path):
    path = empty(tmp_path / "in.root")
    refused(3, "evaluate", "jets", path, *SCORE, words=("in.root", "no entries to evaluate"))
    refused(3, "train", "jets", path, *NETWORK, "-o", tmp_path / "run", words=("in.root",))
    assert pphysml("validate", "jets", path).code == 0


@pytest.mark.parametrize("block", [1, 4, 8, 9])
def test_one_entry_more_than_a_block_is_no_other_than_all_at_once(block, pphysml, tmp_path):
    """Nine entries in blocks of which the last may hold one."""
    counts = [1, 0, 3, 2, 0, 1, 0, 0, 2]
    path = written(tmp_path / "in.root", counts)
    outputs = []
    for k, options in enumerate((["--set", f"training.block_size={block}", "--set", f"apply.batch_size={block}"], [])):
        assert pphysml("jets", path, *SCORE, *options, "-o", tmp_path / f"{k}.root").code == 0
        outputs.append(scores(tmp_path / f"{k}.root"))
    assert outputs[0] == outputs[1] == (counts, columns(counts)["FatJet_tag"].to_list())


def test_a_mass_below_0_says_that_there_is_no_second_prong(pphysml, tmp_path):
    path, out = written(tmp_path / "in.root", [2, 1], msoftdrop=[-1.0, 50.0, -2e-5]), tmp_path / "out.root"
    done = pphysml("jets", path, "--engine", "branch:jet_softdrop_mass", *SCORE[2:-1], "--json", "-o", out)
    assert done.code == 0 and scores(out)[1] == [[0, 50], [0]]
    assert '"without_second_prong": 2' in done.out


def test_a_momentum_that_is_no_number_is_refused_by_its_place_and_a_score_that_is_none_is_the_lowest(refused, pphysml, tmp_path):
    path = written(tmp_path / "in.root", [1, 2], pt=[400, np.nan, 500])
    refused(3, "jets", path, *SCORE, "-o", tmp_path / "out.root", words=("in.root", "FatJet_pt", "entry 1"))
    refused(3, "jets", written(tmp_path / "inf.root", [1, 2], tag=[1, 2, np.inf]), *SCORE, "-o", tmp_path / "out.root", words=("inf.root", "FatJet_tag", "entry 1"))
    path, out = written(tmp_path / "tag.root", [1, 2], tag=[1, np.nan, np.nan]), tmp_path / "out.root"
    done = pphysml("jets", path, *SCORE, "--json", "-o", out)
    assert done.code == 0 and "2 jets have no finite value of FatJet_tag" in done.out
    assert scores(out)[1] == [[1], [np.finfo(np.float32).min] * 2]


def one_hot(path, qcd, hbb):
    """Write JetClass jets with these labels."""
    n = len(qcd)
    rng = np.random.default_rng(2)
    values = {"jet_pt": rng.uniform(500, 1000, n), "jet_eta": rng.normal(size=n), "jet_phi": rng.uniform(-3, 3, n), "jet_energy": rng.uniform(5000, 9000, n), "jet_sdmass": rng.uniform(0, 200, n), "label_QCD": qcd, "label_Hbb": hbb}
    with uproot.recreate(path) as file:
        file["tree"] = {name: np.asarray(column, np.float32) for name, column in values.items()}
    return path


def test_labels_that_sum_to_0_leave_a_jet_out_and_those_that_sum_to_2_are_refused(refused, pphysml, tmp_path):
    classes = ("--set", "data.classes={qcd: label_QCD == 1, hbb: label_Hbb == 1}", "--engine", "branch:jet_softdrop_mass", "-q")
    path = one_hot(tmp_path / "none.root", [1, 0, 0, 1, 0], [0, 1, 0, 0, 1])
    done = pphysml("evaluate", "jets", path, *classes)
    assert done.code == 0 and "Jets that are judged: 2 of qcd, 2 of hbb." in done.out
    done = pphysml("jets", path, *classes[:-1], "--json", "-o", tmp_path / "out.root")
    assert done.code == 0 and '"of_no_class": 1' in done.out
    (tmp_path / "out.root").unlink()
    path = one_hot(tmp_path / "two.root", [1, 0, 1], [0, 1, 1])
    for arguments in (("evaluate", "jets", path, *classes), ("jets", path, *classes, "-o", tmp_path / "out.root")):
        refused(3, *arguments, words=("two.root", "entry 2", "jet 0 is of the classes qcd and hbb"))


def test_truth_that_older_files_lack_is_needed_by_training_alone(refused, pphysml, tmp_path):
    path, out = written(tmp_path / "old.root", [1, 2, 1], nBHadrons=None), tmp_path / "out.root"
    assert pphysml("jets", path, *SCORE, "-o", out).code == 0
    assert scores(out)[1] == columns([1, 2, 1])["FatJet_tag"].to_list()
    done = pphysml("evaluate", "jets", path, *SCORE)
    assert done.code == 0 and "4 jets of unknown class" in done.out and "FatJet_nBHadrons > 1" in done.out and "--label" in done.out
    refused(3, "train", "jets", path, *NETWORK, "-o", tmp_path / "run", words=("old.root", "FatJet_nBHadrons"))
    done = pphysml("evaluate", "jets", path, written(tmp_path / "new.root", [1, 1]), *SCORE)
    assert done.code == 0 and "6 jets of unknown class" in done.out and "FatJet_nBHadrons: not in all files" in done.out


def test_mev_that_are_taken_for_gev_are_said(pphysml, tmp_path):
    path, out = written(tmp_path / "mev.root", [2, 1], pt=[4e5, 5e5, 6e5], mass=[8e4, 9e4, 1e5]), tmp_path / "out.root"
    for arguments in (("jets", path, *SCORE[:-1], "-o", out), ("evaluate", "jets", path, *SCORE[:-1])):
        done = pphysml(*arguments)
        assert done.code == 0 and "are they in MeV? Then say so with --map jet_pt=BRANCH:MeV" in done.err
    done = pphysml("jets", path, *SCORE[:-1], "--map", "jet_pt=FatJet_pt:MeV", "--map", "jet_mass=FatJet_mass:MeV", "--force", "-o", out)
    assert done.code == 0 and "MeV?" not in done.err


def test_events_of_the_training_are_said_where_they_are_judged(pphysml, tmp_path):
    """All jets of the file, but those of the events that were held out for validation, whole events of two jets."""
    path, run = written(tmp_path / "in.root", [2] * 150), tmp_path / "run"
    assert pphysml("train", "jets", path, *NETWORK, "-o", run).code == 0
    done = pphysml("evaluate", "jets", path, "--model", run, "-q")
    assert done.code == 0, done.err
    sentence = next(line for line in done.out.splitlines() if "that the model was trained on" in line)
    seen, every = (int(word) for word in sentence.split() if word.isdigit())
    assert every == 300 and 180 <= seen <= 240 and seen % 2 == 0
    other = written(tmp_path / "other.root", [2] * 50)
    assert "trained on" not in pphysml("evaluate", "jets", other, "--model", run, "-q").out
    done = pphysml("train", "jets", path, "--validation", path, *NETWORK[:-3], "--threads", 1, "-o", tmp_path / "again")
    assert done.code == 0 and "in.root is among the files of the training and of --validation" in done.err


@pytest.mark.parametrize(("option", "reason"), [
    ("data.selection=__import__('os').system('touch pwned')", "which it may not"), ("data.variables={x: open('pwned')}", "calls 'open'"), ("data.weight=eval('1')", "calls 'eval'"),
    ("data.classes={qcd: jet_pt.__class__(), bb: '0'}", "which it may not"), ('model.inputs=["(lambda: jet_pt)()"]', "which it may not"), ("model.against=[exec('1')]", "calls 'exec'"), ("apply.binned_in=getattr(jet_pt, 'x')", "calls 'getattr'")])
def test_an_expression_may_not_call_what_is_no_function_of_numbers(option, reason, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path / "in.root", [1])
    refused(2, "jets", path, "--engine", "branch:jet_pt", "--set", option, "-o", tmp_path / "out.root", words=(option.partition("=")[0], reason))
    refused(2, "jets", path, "--engine", "branch:system('true')", "-o", tmp_path / "out.root", words=("apply.score", "calls 'system'"))


def test_a_collection_that_is_not_there_is_answered_with_the_nearest_names(refused, pphysml, tmp_path):
    path = tmp_path / "in.root"
    with uproot.recreate(path) as file:
        file["Events"] = {name.replace("FatJet_", "ScoutingFatJet_"): values for name, values in columns([1, 2]).items()}
    refused(3, "jets", path, "--collection", "ScoutingFatJets", "--engine", "branch:jet_pt", "-o", tmp_path / "out.root", words=("in.root", "ScoutingFatJets", "'ScoutingFatJet"))
    refused(3, "jets", path, "--engine", "branch:jet_pt", "-o", tmp_path / "out.root", words=("in.root", "--collection"))
    assert pphysml("jets", path, "--collection", "ScoutingFatJet", "--engine", "branch:jet_pt", "-q", "-o", tmp_path / "out.root").code == 0
