"""`pphysml lcag --match` and `--signal-side` from file to file."""

from __future__ import annotations

import json

import awkward as ak
import numpy as np
import pytest
import uproot

SHARP = ("--engine", "massline", "--set", "apply.massline.width=1e-7", "-q")


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """A file of simulated events in which the leaves of the root's last child are marked."""
    from pphysml_cli.main import main

    folder = tmp_path_factory.mktemp("options")
    assert main(["simulate", "lcag", "-n", "60", "--seed", "8", "-q", "-o", str(folder / "plain.root")]) == 0
    tree = uproot.open(folder / "plain.root")["events"]
    names = ("px", "py", "pz", "e", "parent")
    arrays = {name: tree[name].array() for name in names}
    marks = []
    for row in arrays["parent"]:
        parent = np.asarray(row)
        marked = np.zeros(len(parent), dtype=bool)
        marked[np.flatnonzero(parent == len(parent) - 1)[-1]] = True
        for node in range(len(parent) - 2, -1, -1):
            marked[node] |= marked[parent[node]]
        marks.append(marked)
    path = folder / "events.root"
    with uproot.recreate(path) as file:
        types = {name: "var * float64" for name in names[:-1]} | {"parent": "var * int32", "tagged": "var * bool"}
        counts = [len(row) for row in arrays["px"]]
        tagged = [mark[:n] for mark, n in zip(marks, counts, strict=True)]
        file.mktree("events", types).extend({**arrays, "tagged": tagged})
    return path


def columns(path, *names):
    tree = uproot.open(path)["lcag"]
    return [tree[name].array(library="np") for name in names]


def test_a_template_is_flagged_in_the_output(events, pphysml, tmp_path):
    whole = tmp_path / "decay.yaml"
    whole.write_text('["*", ["*", "*"]]')
    counts = []
    for number, text in enumerate(("((* *) *)", "[* -> [* -> * *] *]", whole)):
        path = tmp_path / f"{number}.root"
        ended = pphysml("lcag", events, "-o", path, *SHARP, "--match", text)
        assert ended.code == 0, ended.err
        match, node, parents = columns(path, "template_match", "template_node", "parent")
        assert match.dtype == node.dtype == np.int32
        for count, first, parent in zip(match, node, parents, strict=True):
            children = [np.flatnonzero(parent == k) for k in range(len(parent))]
            leaf = np.array([not len(c) for c in children])
            pair = np.array([len(c) == 2 and leaf[c].all() for c in children])
            wanted = [k for k, c in enumerate(children) if len(c) == 2 and leaf[c].sum() == 1 and pair[c].sum() == 1]
            assert (count, first) == (len(wanted), wanted[0] if wanted else -1)
        counts.append(match.sum())
    assert counts[0] > 0 and len(set(counts)) == 1


def test_charges_are_compared_where_there_are_any(pphysml, tmp_path):
    # K- pi+, its conjugate, K- pi- and K+ pi0, each from a particle of the D0's mass at rest.
    kaon, pion, mass, k = 0.493677, 0.13957, 1.86484, 4
    p = np.sqrt((mass**2 - (kaon + pion) ** 2) * (mass**2 - (kaon - pion) ** 2)) / (2 * mass)
    rows = {"px": np.tile([p, -p], (k, 1)), "py": np.zeros((k, 2)), "pz": np.zeros((k, 2)),
            "e": np.tile(np.sqrt(p**2 + np.array([kaon, pion]) ** 2), (k, 1)),
            "q": np.array([[-1.0, 1], [1, -1], [-1, -1], [1, 0]])}
    path = tmp_path / "charged.root"
    with uproot.recreate(path) as file:
        file.mktree("events", {name: "var * float64" for name in rows}).extend(
            {name: ak.from_regular(ak.Array(row)) for name, row in rows.items()})
    engine = ("--engine", "massline", "--preset", "paper", "--set", "apply.massline.masses=[1.86484]", "-q")
    for number, (arguments, expected, warned) in enumerate([
        ((), [1, 1, 1, 1], True),
        (("--map", "charge=q"), [1, 1, 0, 0], False),
        (("--map", "charge=q", "--set", "apply.match_conjugate=false"), [1, 0, 0, 0], False),
    ]):
        out = tmp_path / f"{number}.root"
        ended = pphysml("lcag", path, "-o", out, *engine, "--match", "D0 -> K- pi+", *arguments)
        assert ended.code == 0, ended.err
        assert columns(out, "template_match")[0].tolist() == expected
        assert ("compares masses alone" in ended.err) == warned


def test_momenta_with_identification_branches_are_enough(pphysml, tmp_path):
    # K- pi+ from a D0 at rest, then two pions; identification is not defined for the second leaf of the third event.
    kaon, pion, mass = 0.493677, 0.13957039, 1.86484
    p = np.sqrt((mass**2 - (kaon + pion) ** 2) * (mass**2 - (kaon - pion) ** 2)) / (2 * mass)
    rows = {"px": [[p, -p]] * 3, "py": [[0.0, 0.0]] * 3, "pz": [[0.0, 0.0]] * 3,
            "kaonID": [[0.9, 0.1], [0.2, 0.1], [0.9, np.nan]], "pionID": [[0.1, 0.9], [0.8, 0.9], [0.1, np.nan]]}
    path, out = tmp_path / "tracks.root", tmp_path / "out.root"
    with uproot.recreate(path) as file:
        file.mktree("events", {name: "var * float32" for name in rows}).extend({name: ak.Array(row) for name, row in rows.items()})
    arguments = ("lcag", path, "--engine", "massline", "--preset", "paper", "--set", "apply.massline.masses=[1.86484]", "--match", "D0 -> K- pi+")
    refused = pphysml(*arguments, "-o", out)
    assert refused.code == 3 and "have no energy" in refused.err and "data.pid" in refused.err
    done = pphysml(*arguments, "--set", "data.pid={pi+: pionID, K+: kaonID}", "--json", "-o", out)
    assert done.code == 0 and json.loads(done.out)["match_by"] == "hypotheses of the input", done.err
    match, masses = columns(out, "template_match", "node_mass")
    assert match.tolist() == [1, 0, 0]
    np.testing.assert_allclose(masses[0], [kaon, pion, mass], rtol=1e-6)
    np.testing.assert_allclose(masses[2][:2], [kaon, 0.0], atol=1e-6)


def test_the_rest_of_the_event_is_reconstructed_beside_a_given_signal_side(events, pphysml, tmp_path):
    path = tmp_path / "rest.root"
    ended = pphysml("lcag", events, "-o", path, *SHARP, "--signal-side", "tagged", "--match", "(* *)", "--keep", "tagged")
    assert ended.code == 0, ended.err
    n, side, kept, component, parent, perfect, match, node = columns(
        path, "n_leaves", "signal_side", "tagged", "component", "parent", "perfect", "template_match", "template_node")
    assert perfect.all() and len(n) == 60 and (match > 0).any()
    for k in range(60):
        assert side[k].tolist() == kept[k].tolist() and len(side[k]) == n[k]
        assert (component[k] == np.where(side[k], -2, 0)).all()
        assert (parent[k][: n[k]][side[k]] == -1).all()
        if match[k]:
            assert (parent[k] == node[k]).sum() == 2
    rest = json.loads(pphysml("evaluate", "lcag", events, *SHARP, "--set", "apply.signal_side=tagged", "--json").out)
    shares = {m["name"]: m["value"] for m in rest["massline"]["metrics"]}
    assert shares["perfect_lcag"] == 1


def test_flags_are_written_into_the_output_as_configuration(events, pphysml, tmp_path):
    written = []
    for number, arguments in enumerate((["--match", "[D0 -> K- pi+]"], ["--set", 'apply.match="[D0 -> K- pi+]"'])):
        path = tmp_path / f"{number}.root"
        assert pphysml("lcag", events, "-o", path, *SHARP, *arguments).code == 0
        written.append(json.loads(str(uproot.open(path)["pphysml"]))["config"])
    assert written[0] == written[1] and "match: '[D0 -> K- pi+]'" in written[0]


@pytest.mark.parametrize(("arguments", "code", "message"), [
    (["--match", "(K+ pi)"], 2, "no particle 'pi'. Did you mean 'pi0'"),
    (["--match", "((* *) *"], 2, "')' is missing"),
    (["--match", "none.yaml"], 2, "none.yaml: cannot be read"),
    (["--match", "(* *)", "--set", "apply.match_tolerance=0"], 2, "match_tolerance"),
    (["--signal-side", "tagge"], 3, "Did you mean 'tagged'"),
    (["--signal-side", "parent"], 3, "the signal side needs one per leaf"),
    (["--signal-side", "px"], 3, "not whole numbers"),
])
def test_what_cannot_be_done_is_said_in_one_line(arguments, code, message, events, pphysml, tmp_path):
    path = tmp_path / "out.root"
    ended = pphysml("lcag", events, "-o", path, *SHARP, *arguments)
    assert (ended.code, len(ended.err.splitlines())) == (code, 1) and message in ended.err
    assert not path.exists()


def test_only_lcag_has_these_flags(pphysml):
    shown = pphysml("lcag", "--help").out
    assert "--match TEMPLATE" in shown and "--signal-side BRANCH" in shown
    assert "--match" not in pphysml("evaluate", "--help").out
    ended = pphysml("train", "lcag", "--match", "(* *)")
    assert ended.code == 2 and "--match" in ended.err
