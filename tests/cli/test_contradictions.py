"""Options that would have no effect, or say two things, are refused; what is read twice is said."""

from __future__ import annotations

import pytest

LCAG, TRACK, PETNET = "data/lcag_leaves.root", "data/track_hits.root", "data/petnet_singles.root"


@pytest.mark.parametrize(("arguments", "words"), [
    (["train", "lcag", "--validation", "v.root"], "Without files, the training simulates its data; --validation would have no effect"),
    (["train", "lcag", "--map", "px=x", "--max-entries", "3", "--on-bad-file", "skip"], "--map, --max-entries, --on-bad-file would have no effect"),
    (["train", "lcag", "--tree", "t", "--layout", "leaves"], "--tree, --layout would have no effect"),
    (["train", "lcag", "--seed", "3", "--set", "training.seed=4"], "--seed and --set training.seed"),
    (["train", "lcag", "a.root", "--validation", "v.root", "--validation", "v.root"], "--validation v.root is given twice"),
    (["train", "lcag", "--resume", "run", "--force"], "cannot be combined with --force"),
    (["train", "lcag", "--resume", "run", "--on-bad-file", "skip"], "cannot be combined with --on-bad-file"),
    (["train"], "TASK is missing"), (["train", "--preset", "quick"], "TASK is missing"),
    (["track", TRACK, "--geometry", "x", "--set", "apply.geometry=y"], "--geometry and --set apply.geometry"),
    (["track", TRACK, "--protons-per-frame", "5", "--frame-time", "1"], "exclude each other"),
    (["track", TRACK, "--protons-per-frame", "5", "--set", "apply.frame_time=1"], "--frame-time and --protons-per-frame exclude each other"),
    (["track", TRACK, "--set", "apply.protons_per_frame=5", "--frame-time", "1"], "exclude each other"),
    (["track", TRACK, "--set", "apply.protons_per_frame=5", "--set", "apply.frame_time=1"], "exclude each other"),
    (["evaluate", "petnet", PETNET, "--window", "1ns", "--set", "apply.window=2ns"], "--window and --set apply.window"),
    (["lcag", LCAG, "--keep", "event", "--keep", "event"], "--keep event is given twice"),
    (["lcag", LCAG, "--engine", "massline", "--strict"], "--strict: the engine 'massline' has no ranges"),
    (["petnet", PETNET, "--strict"], "--strict: the engine 'likelihood' has no ranges"),
    (["evaluate", "lcag", LCAG, "--engine", "massline", "--engine", "lookup", "--strict"], "--strict: massline and lookup has no ranges"),
    (["config", "lcag", "list", "--preset", "quick"], "takes no --config"),
    (["config", "lcag", "schema", "--set", "training.steps=3"], "takes no --set"),
    (["lcag", LCAG, "--max-entries", "0"], "--max-entries"), (["lcag", LCAG, "--threads", "-1"], "--threads"),
])
def test_options_that_make_no_sense_are_refused(arguments, words, pphysml, tmp_path):
    where = ["-o", tmp_path / "out.root"] if arguments[0] in ("lcag", "track", "petnet") else []
    ended = pphysml(*arguments, *where)
    assert ended.code == 2 and words in ended.err, ended
    assert len(ended.err.splitlines()) == 1 and ended.out == "" and not list(tmp_path.iterdir())


def test_a_file_given_twice_is_read_twice_and_said(pphysml, tmp_path):
    done = pphysml("lcag", LCAG, f"./{LCAG}", "--max-entries", "30", "-q", "-o", tmp_path / "out.root")
    assert done.code == 0 and "is among the inputs 2 times, and so are its entries" in done.err
    done = pphysml("lcag", LCAG, "--max-entries", "30", "-q", "-o", tmp_path / "once.root")
    assert done.code == 0 and "times" not in done.err


def test_validation_on_the_training_is_said(pphysml):
    done = pphysml("train", "lcag", LCAG, "--validation", f"./{LCAG}", "--preset", "quick", "--max-entries", "200", "--set", "training.steps=1", "--threads", "1", "--dry-run", "-q")
    assert done.code == 0 and "judged on what it has seen" in done.err


def test_strict_holds_where_one_engine_has_ranges(pphysml):
    assert pphysml("evaluate", "lcag", LCAG, "--engine", "network", "--engine", "massline", "--strict", "--max-entries", "30", "-q").code == 0
