"""Large events: refused by their entry above limits, announced below, and cut into portions that change nothing."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot

from pphysml.errors import ConfigError, InputError
from pphysml.io.ragged import Ragged
from pphysml.registry import get_task
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.reading import large_events
from pphysml.tasks.lcag.reading.large_events import cost_of_large, portions
from pphysml.verbs.apply import apply
from pphysml.verbs.engine_choice import EngineChoice, choose
from pphysml.verbs.inputs import Inputs


def examples(counts):
    counts = np.array(counts, dtype=np.int64)
    return {"file": np.zeros(len(counts), dtype=np.int32), "entry": np.arange(len(counts)) + 7,
            "p4": Ragged.from_counts(np.zeros((counts.sum(), 4)), counts)}


@pytest.mark.parametrize("counts", [[3], [2, 2, 2], [1, 0, 5, 2, 2, 9, 1, 1], [30, 1, 30], [3, 4, 1], []])
def test_portions_hold_all_events_in_order_and_few_pairs(counts, monkeypatch):
    monkeypatch.setattr(large_events, "AT_ONCE", 25)
    cut = list(portions(examples(counts)))
    assert [n for part in cut for n in part["p4"].counts] == counts
    assert [entry for part in cut for entry in part["entry"]] == list(range(7, 7 + len(counts)))
    pairs = [(part["p4"].counts ** 2).sum() for part in cut]
    assert all(len(part["entry"]) == 1 or n <= 25 for part, n in zip(cut, pairs, strict=True))
    # None could be joined with the next event.
    following = [part["p4"].counts[0] ** 2 for part in cut[1:]]
    assert all(n + more > 25 for n, more in zip(pairs, following, strict=False))


def test_events_of_the_usual_size_stay_together():
    whole = examples([10] * 20_000)
    assert [part is whole for part in portions(whole)] == [True]


def test_the_largest_event_is_announced_with_its_place():
    assert cost_of_large(examples([10, 299]), str) == []
    (sentence,) = cost_of_large(examples([10, 600, 400, 2]), lambda number: "a.root")
    assert sentence.startswith("entry 8 of a.root has 600 leaves") and "1 more of these 4 events" in sentence


def write(path, counts):
    rng = np.random.default_rng(3)
    p3 = rng.normal(size=(sum(counts), 3)) * 3
    columns = {"px": p3[:, 0], "py": p3[:, 1], "pz": p3[:, 2], "e": np.sqrt((p3**2).sum(1) + 1)}
    rows = {name: ak.unflatten(values, counts) for name, values in columns.items()}
    rows["lcag"] = ak.values_astype(ak.Array([(1 - np.eye(n, dtype=np.uint8)).ravel() for n in counts]), "uint8")
    with uproot.recreate(path) as file:
        file.mktree("events", {name: c.type.content for name, c in rows.items()}).extend(rows)
    return path


def test_every_verb_refuses_what_is_too_large_by_its_entry(pphysml, tmp_path):
    path = write(tmp_path / "a.root", [5, 4, 9, 3, 8] * 6)
    limit = ("--set", "data.max_leaves=7")
    for arguments in (("lcag", path, "-o", tmp_path / "out.root"), ("validate", "lcag", path), ("evaluate", "lcag", path),
                      ("train", "lcag", path, "--preset", "quick", "-o", tmp_path / "run")):
        ended = pphysml(*arguments, *limit)
        said = ended.out + ended.err
        assert ended.code == 3 and "branch 'px', entry " in said and "leaves, more than data.max_leaves=7" in said, said
    assert not (tmp_path / "out.root").exists()
    ended = pphysml("lcag", path, "--engine", "massline", "--set", "apply.massline.max_leaves=8", "-o", tmp_path / "out.root")
    assert ended.code == 3 and "entry 2: has 9 leaves, more than apply.massline.max_leaves=8" in ended.err


def test_batches_of_the_training_that_are_too_large_are_refused():
    config = LcagConfig(training={"batch_size": 10}, data={"max_batch_pairs": 250})
    ones = Ragged.from_counts(np.ones(13), np.array([3, 5, 5]))
    chunk = {"file": np.zeros(3, dtype=np.int32), "entry": np.arange(3), **dict.fromkeys(("px", "py", "pz"), ones), "e": Ragged(2 * ones.flat, ones.offsets)}
    assert len(get_task("lcag").assemble_training(chunk, None, config)[0]["entry"]) == 3
    config.data.max_batch_pairs = 249
    with pytest.raises(InputError, match=r"entry 1: has 5 leaves.*training\.batch_size=9.*1 more of the 3 entries"):
        get_task("lcag").assemble_training(chunk, None, config)


class Counted:
    """A display that keeps what it is shown."""

    def __init__(self):
        self.steps, self.lines = [], []

    def start(self, label, total, unit):
        self.total = total

    def advance(self, n, **values):
        self.steps.append(n)

    def log(self, message):
        self.lines.append(message)


def test_portions_change_nothing_and_are_shown(tmp_path, monkeypatch):
    path = write(tmp_path / "a.root", [5, 4, 9, 3, 8, 20, 6] * 4)
    shown = []
    for name, at_once in (("whole", 10**9), ("cut", 200)):
        monkeypatch.setattr(large_events, "AT_ONCE", at_once)
        monkeypatch.setattr(large_events, "LARGE", 20)
        shown.append(Counted())
        apply(get_task("lcag"), Inputs([str(path)]), output=tmp_path / f"{name}.root", progress=shown[-1])
    whole, cut = (uproot.open(tmp_path / f"{name}.root")["lcag"].arrays() for name in ("whole", "cut"))
    for branch in ("entry", "lcag", "parent", "exact"):
        assert ak.all(whole[branch] == cut[branch])
    np.testing.assert_allclose(ak.flatten(whole["prob"], None), ak.flatten(cut["prob"], None), atol=1e-5)
    assert [sum(display.steps) for display in shown] == [28, 28]
    assert sum(n > 0 for n in shown[0].steps) == 1 and sum(n > 0 for n in shown[1].steps) > 8
    for display in shown:
        assert sum("has 20 leaves" in line for line in display.lines) == 1


def test_a_model_fixes_what_its_network_takes_and_not_how_files_are_read():
    chosen = choose(get_task("lcag"), EngineChoice(overrides=["data.max_leaves=50", "data.particle=pi+", "data.pid={K+: kaonID}"]))
    assert chosen.config.data.max_leaves == 50 and chosen.config.data.pid == {"K+": "kaonID"}
    with pytest.raises(ConfigError, match=r"data\.map, data\.pid"):
        choose(get_task("lcag"), EngineChoice(overrides=["data.forest=true"]))
