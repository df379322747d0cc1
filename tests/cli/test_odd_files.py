"""Files of others, through every verb that reads: a result or one sentence with the file in it, never a bug of ours.

With PPHYSML_TEST_DATA, also the small files of other projects' test suites in its folder `odd_root`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from pphysml.errors import InputError
from pphysml.io.files import open_file
from pphysml.io.ragged import Ragged

FEW = ("--max-entries", "200", "-q", "--force")
VERBS: tuple[tuple[str, ...], ...] = (
    ("inspect", "FILE"), ("inspect", "FILE", "--json"), ("inspect", "FILE", "--all"),
    *((verb, task, "FILE", *options) for task, engine in (("lcag", "massline"), ("track", "straight"), ("petnet", "classical")) for verb, options in (
        ("validate", ()), ("validate", ("--truth",)), ("evaluate", ("--engine", engine, *FEW)), ("train", ("--dry-run", "-o", "run")))),
    ("lcag", "FILE", "--engine", "massline", *FEW, "-o", "o.root"), ("track", "FILE", "--engine", "straight", *FEW, "-o", "o.root"),
    ("petnet", "FILE", "--engine", "classical", *FEW, "-o", "o.root"), ("export", "track", "FILE", "--format", "pyg", *FEW, "-o", "graphs"),
    ("import", "track", "FILE", "-o", "i.root"), ("import", "lcag", "FILE", "-o", "i.root"),
)
Make = Callable[[Any], None]


def tree(name: str, **columns: Any) -> Make:
    def make(file: Any) -> None:
        types = {branch: values.type.content if isinstance(values, ak.Array) else (values.dtype, values.shape[1:]) for branch, values in columns.items()}
        file.mktree(name, types)
        file[name].extend(columns)
    return make


def ntuple(name: str, **columns: Any) -> Make:
    return lambda file: file.mkrntuple(name, columns)


def objects(**contents: Any) -> Make:
    def make(file: Any) -> None:
        for name, content in contents.items():
            file[name] = content
    return make


def both(*makes: Make) -> Make:
    def make(file: Any) -> None:
        for one in makes:
            one(file)
    return make


ONES = np.ones(3, np.float32)
MADE: dict[str, Make] = {
    "nothing": lambda file: None,
    "histogram": objects(h=np.histogram([1.0])),
    "no entry": lambda file: file.mktree("events", {"px": "float32"}),
    "in folders": tree("a/b/c/d/events", px=ONES),
    "two trees": both(tree("one", px=ONES), tree("two", px=ONES)),
    "a tree in two cycles": both(tree("events", px=ONES), tree("events", px=ONES)),
    "control characters": tree("\x1b[2J\nt", **{"\x1b[31m\rpx": ONES, "a\x07": ONES}),
    "long names": tree("t" * 5000, **{"b" * 20_000: ONES}),
    "other alphabets": tree("Ereignisse_ö", **{"énergie": ONES, "p\u202ex": ONES}),
    "names that look like paths": tree("t", **{"a.b": ONES, "a/b": ONES, "a:b": ONES, "a;1": ONES, "a[n]": ONES, "*": ONES, "": ONES}),
    "types": tree("t", px=np.ones(3, bool), py=np.ones(3, np.int8), pz=np.full(3, 2**64 - 1, np.uint64), e=np.ones((3, 2, 2)), event=ak.Array(["a", "b", "c"])),
    "a tree called pphysml": tree("pphysml", px=ONES),
    "a folder called pphysml": tree("pphysml/events", px=ONES),
    "a histogram called pphysml": both(objects(pphysml=np.histogram([1.0])), tree("events", px=ONES)),
    "a text called pphysml": both(objects(pphysml="\x1b[31mno JSON"), tree("events", px=ONES)),
    "ntuple of records": ntuple("n", trk=ak.Array([[{"px": 1.0, "hits": [{"s": "a"}]}], []]), px=ak.Array([1, None])),
    "ntuple of texts": ntuple("n", px=ak.Array([["a", "b"], []]), py=ak.Array(["x", "y"]), pz=ak.Array([[True], []])),
    "ntuple of unions": ntuple("n", px=ak.Array([1, "a"]), py=ak.Array([(1, 2.0), (3, 4.0)])),
    "ntuple without fields": ntuple("n"),
    "ntuple without entries": ntuple("n", px=np.zeros(0)),
    "ntuple with dots": ntuple("n\x1b", **{"trk.px": ak.Array([[1.0], []]), "..": np.ones(2), "a/b": np.ones(2)}),
}


def check_every_verb(path: Path, pphysml, folder: Path, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    for verb in VERBS:
        ended = pphysml(*(str(path) if word == "FILE" else word for word in verb))
        assert ended.code in (0, 3), (verb, ended.code, ended.err)
        assert all(line.isprintable() for line in (ended.out + ended.err).split("\n")), verb
        if ended.code == 3:
            said = [line for line in ended.err.splitlines() + ended.out.splitlines() if "error:" in line]
            assert said and any(path.stem[:20] in line for line in said), (verb, ended.err)
            assert all(len(line) < 5000 for line in said), verb


@pytest.mark.parametrize("name", MADE)
def test_odd_files_of_our_own(name: str, pphysml, tmp_path, monkeypatch) -> None:
    path = tmp_path / f"{name}.root"
    with uproot.recreate(path) as file:
        MADE[name](file)
    check_every_verb(path, pphysml, tmp_path, monkeypatch)


FOLDER = Path(os.environ.get("PPHYSML_TEST_DATA", "/nonexistent")) / "odd_root"
FILES = sorted(FOLDER.glob("*.root"))


@pytest.mark.skipif(not FILES, reason="needs odd_root in the folder PPHYSML_TEST_DATA")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_of_other_projects(path: Path, pphysml, tmp_path, monkeypatch) -> None:
    check_every_verb(path, pphysml, tmp_path, monkeypatch)
    with open_file(str(path)) as file:
        for name in file.tree_names():
            try:
                tree = file.tree(name)
            except InputError as error:
                assert str(path) in str(error)
                continue
            for branch in tree.branches():
                for text in (False, True):
                    try:
                        column = tree.read(branch, 0, min(tree.entries, 50), text)
                    except InputError as error:
                        assert str(path) in str(error) and repr(branch) in str(error)
                    else:
                        assert isinstance(column, (np.ndarray, Ragged)) and len(column) == min(tree.entries, 50)
