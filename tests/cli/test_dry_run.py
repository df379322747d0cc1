"""A dry run refuses what the run refuses, with the same words, and leaves nothing."""

from __future__ import annotations

import json
import os
import shutil

import pytest

LCAG, TRACK, PETNET = "data/lcag_leaves.root", "data/track_hits.root", "data/petnet_singles.root"
FEW = ["--max-entries", "2000", "-q"]


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("task", "options", "words"), [
    ("lcag", ["-o", "there.root"], "there.root: exists already"),
    ("lcag", ["-o", "closed/out.root"], "may not be written" if os.geteuid() else ""),
    ("lcag", ["-o", "missing/out.root"], "there is no folder 'missing'"),
    ("lcag", ["-o", "folder", "--force"], "folder: is not a file"),
    ("lcag", ["-o", "input.root", "--force"], "is one of the inputs"),
    ("lcag", ["-o", f"{'a' * 252}.root"], "File name too long"),
    ("lcag", ["-o", "out.root", "--match", "nothing.yaml"], "nothing.yaml"),
    ("lcag", ["-o", "out.root", "--map", "px=nothing"], "there is no branch 'nothing'"),
    ("lcag", ["-o", "out.root", "--keep", "event"], "--keep event: the output has a branch of that name already"),
    ("lcag", ["-o", "out.root", "--strict", "--map", "e=e:TeV", "--map", "px=px:TeV", "--map", "py=py:TeV", "--map", "pz=pz:TeV"], "outside what the model was trained on"),
    ("track", ["-o", "out.root", "--geometry", "nothing.yaml", "--engine", "straight"], "nothing.yaml"),
    ("petnet", ["-o", "out.root", "--scanner", "nothing.yaml", "--engine", "classical"], "nothing.yaml"),
    ("petnet", ["-o", "there.root", "--force", "--scanner", "safir", "--engine", "classical"], None),
    ("petnet", ["-o", "beside.root", "--scanner", "safir", "--engine", "classical"], "beside.hroot: exists already"),
    ("petnet", ["-o", "beside-folder.root", "--force", "--scanner", "safir", "--engine", "classical"], "beside-folder.hroot: is not a file"),
])
def test_applying_is_refused_dry_as_it_is_done(task, options, words, pphysml, tmp_path, monkeypatch):
    shutil.copy({"lcag": LCAG, "track": TRACK, "petnet": PETNET}[task], tmp_path / "input.root")
    monkeypatch.chdir(tmp_path)
    for name in ("closed", "folder", "beside-folder.hroot"):
        (tmp_path / name).mkdir()
    (tmp_path / "closed").chmod(0o500)
    for name in ("there.root", "beside.hroot"):
        (tmp_path / name).write_text("not ours")
    before = files(tmp_path)
    dry = pphysml(task, "input.root", *FEW, *options, "--dry-run")
    assert files(tmp_path) == before and len(list(tmp_path.rglob("*"))) == len(before) + 3
    done = pphysml(task, "input.root", *FEW, *options)
    if words:
        assert dry.code == done.code != 0 and words in done.err, done
        assert dry.err.splitlines()[-1] == done.err.splitlines()[-1]
        assert files(tmp_path) == before
    else:
        assert dry.code == done.code == 0, dry.err + done.err


def test_what_is_right_is_tried_and_said(pphysml, tmp_path):
    dry = pphysml("lcag", LCAG, "-q", "--dry-run", "--json", "-o", tmp_path / "out.root")
    summary = json.loads(dry.out)
    assert dry.code == 0 and summary["dry_run"] and summary["entries"] > 0 and not list(tmp_path.iterdir())


def test_the_engine_is_tried(pphysml, tmp_path, monkeypatch):
    from pphysml.errors import InputError
    from pphysml.tasks.lcag.models.network_engine import NetworkEngine

    def refuse(self, examples):
        raise InputError("the engine cannot take these")

    monkeypatch.setattr(NetworkEngine, "__call__", refuse)
    dry = pphysml("lcag", LCAG, "-q", "--dry-run", "-o", tmp_path / "out.root")
    assert dry.code == 3 and "cannot take these" in dry.err


@pytest.mark.parametrize(("arguments", "words"), [
    (["export", "lcag", "--format", "safetensors", "-o"], "there is no folder"),
    (["simulate", "lcag", "-n", "5", "-q", "-o"], "there is no folder"),
    (["import", "lcag", "nothing.npy", "-q", "-o"], "there is no folder"),
])
def test_other_verbs_refuse_a_target_before_their_work(arguments, words, pphysml, tmp_path):
    ended = pphysml(*arguments, tmp_path / "missing" / "out.root")
    assert ended.code == 5 and words in ended.err
    assert not list(tmp_path.iterdir())
