"""Constituents of jets: by the link tables of CMS, and as lists of the jet in JetClass."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from pphysml.config import build
from pphysml.errors import InputError
from pphysml.io.ragged import Array, Columns, Ragged, concatenate
from pphysml.registry import get_task
from pphysml.tasks.jets.config import JetsConfig
from pphysml.tasks.jets.particle_schema import KINDS
from pphysml.tasks.jets.reading.assemble import assemble
from pphysml.tasks.jets.reading.counted import JetsCarry
from pphysml.verbs.inputs import Inputs
from pphysml.verbs.validate import validate

SUMS = {"px": "sum(part_px)", "py": "sum(part_py)", "pz": "sum(part_pz)", "energy": "sum(part_energy)", "n": "count(part_px)", "charge": "sum(part_charge)"}
COUNTS, CANDIDATES, RAW = [2, 0, 1, 3], [40, 7, 25, 60], np.float32(0.0625)


def four(pt: Array, eta: Array, phi: Array, mass: Array) -> Array:
    """Return four-momenta (px, py, pz, E), (n, 4)."""
    momentum = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)], 1)
    return np.concatenate([momentum, np.sqrt((momentum**2).sum(1) + mass**2)[:, None]], 1)


class PFNano:
    """Four events, whose jets are made of candidates by links in any order, with weights (FatJet) and without (Jet).

    Attributes:
        columns: branch -> values of all events one after the other, or one per event.
        counts: branch's collection -> numbers per event.
        sums: four-momenta of the jets of each collection, before corrections, (n, 4).
        numbers: of the constituents of each jet.
        charges: sums of the charges.
    """

    def __init__(self, number: str = "pFCandsIdx", candidate: str = "PFCands", link: str = "PFCands") -> None:
        rng = np.random.default_rng(3)
        n, self.link = sum(CANDIDATES), link
        kinematics = [rng.exponential(10, n) + 0.5, rng.uniform(-2, 2, n), rng.uniform(-3, 3, n), rng.choice([0.0, 0.14], n)]
        pt, eta, phi, mass = (values.astype(np.float32) for values in kinematics)
        charge, weight = rng.integers(-1, 2, n), rng.choice([0.25, 0.5, 1.0], n).astype(np.float32)
        track = charge != 0
        self.columns: dict[str, Array] = {
            f"{candidate}_{name}": values for name, values in {
                "pt": pt, "eta": eta, "phi": phi, "mass": mass, "charge": charge.astype(np.int32), "pdgId": np.where(track, charge * rng.choice([211, -11, -13], n), 22).astype(np.int32), "puppiWeight": weight,
                "d0": np.where(track, 0.03, -1).astype(np.float32), "d0Err": np.where(track, 0.01, -1).astype(np.float32)}.items()}
        self.counts, self.sums, self.numbers, self.charges = {candidate: np.array(CANDIDATES)}, {}, {}, {}
        particles = four(*(values.astype(np.float64) for values in (pt, eta, phi, mass)))
        for jets, factor in (("FatJet", weight.astype(np.float64)), ("Jet", np.ones(n))):
            self._add_jets(jets, number, particles * factor[:, None], charge, rng)

    def _add_jets(self, jets: str, number: str, particles: Array, charge: Array, rng: np.random.Generator) -> None:
        links, n_links, sums, charges = [], [], [], []
        for event, n in enumerate(COUNTS):
            first = int(np.sum(CANDIDATES[:event]))
            # A candidate may be in none or several jets, and links are in no order.
            pairs = [(jet, candidate) for jet in range(n) for candidate in range(CANDIDATES[event]) if rng.random() < 0.3]
            rng.shuffle(pairs)
            links += pairs
            n_links.append(len(pairs))
            for jet in range(n):
                its = [first + candidate for of, candidate in pairs if of == jet]
                sums.append(particles[its].sum(0))
                charges.append(charge[its].sum())
                self.numbers.setdefault(jets, []).append(len(its))
        table, p = np.array(links, np.int32), np.array(sums)
        pt = np.hypot(p[:, 0], p[:, 1])
        values = {"pt": pt / (1 - RAW), "eta": np.arcsinh(p[:, 2] / pt), "phi": np.arctan2(p[:, 1], p[:, 0]),
                  "mass": np.sqrt(p[:, 3] ** 2 - (p[:, :3] ** 2).sum(1)) / (1 - RAW), "rawFactor": np.full(len(p), RAW)}
        self.columns |= {f"{jets}_{name}": each.astype(np.float32) for name, each in values.items()}
        self.columns |= {f"{jets}{self.link}_jetIdx": table[:, 0], f"{jets}{self.link}_{number}": table[:, 1]}
        self.counts |= {jets: np.array(COUNTS), f"{jets}{self.link}": np.array(n_links)}
        self.sums[jets], self.charges[jets] = p, charges

    def write(self, path: Path) -> Path:
        events = {branch: ak.unflatten(values, self.counts[branch.split("_")[0]]) for branch, values in self.columns.items()}
        with uproot.recreate(path) as file:
            file["Events"] = {"run": np.ones(4, np.int64), "event": np.arange(4), **events}
        return path


def read(paths: Path | list[Path], layout: str | None = None, block: int = 3, inputs: tuple[str, ...] = ("jet_pt",), **data: object) -> tuple[Columns, JetsCarry, str]:
    config = build(JetsConfig, {"data": data, "model": {"inputs": [*inputs]}, "training": {"block_size": block}}, "test")
    reader = Inputs([str(path) for path in (paths if isinstance(paths, list) else [paths])], layout=layout).open(get_task("jets"), config)
    carry, parts = None, []
    with reader.naming_places():
        for chunk in reader:
            examples, carry = assemble(chunk, carry, config)
            parts.append(examples)
    assert isinstance(carry, JetsCarry)
    return concatenate(parts), carry, reader.layout.name


def check_sums(examples: Columns, nano: PFNano, jets: str) -> None:
    """Constituents sum up to the uncorrected jets: a known sum, and the jet's own transverse momentum and mass."""
    found = np.stack([np.asarray(examples[name]) for name in ("px", "py", "pz", "energy")], 1)
    np.testing.assert_allclose(found, nano.sums[jets], rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(np.hypot(found[:, 0], found[:, 1]), np.asarray(examples["jet_pt"]) * (1 - RAW), rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(found[:, 3] ** 2 - (found[:, :3] ** 2).sum(1)), np.asarray(examples["jet_mass"]) * (1 - RAW), rtol=1e-6)
    np.testing.assert_array_equal(examples["n"], nano.numbers[jets])
    np.testing.assert_array_equal(examples["charge"], nano.charges[jets])


@pytest.mark.parametrize("block", [1, 3])
@pytest.mark.parametrize("number", ["pFCandsIdx", "candIdx"])
def test_weighted_candidates_of_large_jets_sum_up_to_them(number: str, block: int, tmp_path: Path) -> None:
    nano = PFNano(number)
    examples, carry, layout = read(nano.write(tmp_path / "pfnano.root"), None, block, variables=SUMS)
    assert layout == "pfnano-fatjet" and "links_left_out" not in carry.facts()
    check_sums(examples, nano, "FatJet")


def test_constituents_are_counted_where_pfnano_does_not_say_their_number(tmp_path: Path) -> None:
    nano = PFNano()
    examples, _, layout = read(nano.write(tmp_path / "pfnano.root"), inputs=("jet_nconstituents",))
    assert layout == "pfnano-fatjet"
    np.testing.assert_array_equal(examples["jet_nconstituents"], nano.numbers["FatJet"])
    nano.columns["FatJet_nConstituents"] = np.arange(sum(COUNTS), dtype=np.int32)
    examples, _, _ = read(nano.write(tmp_path / "said.root"), inputs=("jet_nconstituents",))
    np.testing.assert_array_equal(examples["jet_nconstituents"], np.arange(sum(COUNTS)))


def test_candidates_of_jets_without_charged_pileup_count_in_full(tmp_path: Path) -> None:
    """Jets of CHS have a pileup id; those of PUPPI have none, and weights."""
    nano = PFNano()
    nano.columns["Jet_puId"] = np.zeros(sum(COUNTS), np.int32)
    chs = nano.write(tmp_path / "chs.root")
    check_sums(read(chs, "pfnano-jet", variables=SUMS)[0], nano, "Jet")
    puppi = PFNano()
    puppi.columns = {name.replace("FatJet", "Jet"): values for name, values in puppi.columns.items() if not name.startswith("Jet")}
    puppi.counts["JetPFCands"] = puppi.counts["FatJetPFCands"]
    mixed, _, _ = read([chs, puppi.write(tmp_path / "puppi.root")], "pfnano-jet", variables=SUMS)
    for name, k in (("px", 0), ("energy", 3)):
        np.testing.assert_allclose(mixed[name], np.concatenate([nano.sums["Jet"], puppi.sums["FatJet"]])[:, k], rtol=1e-5, atol=1e-4)


def test_candidates_of_later_nanoaod_are_weighted_already(tmp_path: Path) -> None:
    """And have no charges but by their PDG ids: that of an electron is 11."""
    nano = PFNano("pfCandIdx", "PFCand", "PFCand")
    del nano.columns["PFCand_charge"]
    weight = nano.columns.pop("PFCand_puppiWeight")
    for name in ("pt", "mass"):
        nano.columns[f"PFCand_{name}"] *= weight
    examples, _, layout = read(nano.write(tmp_path / "nano.root"), variables=SUMS)
    assert layout == "nanoaod-fatjet"
    check_sums(examples, nano, "FatJet")


def test_impact_parameters_are_in_mm_and_0_without_a_track(tmp_path: Path) -> None:
    nano = PFNano()
    examples, _, _ = read(nano.write(tmp_path / "pfnano.root"), variables={
        "charged": "sum(part_charge != 0)", "photons": "sum(part_pdg == 22)", "n": "count(part_pdg)", "sum_d0": "sum(part_d0)", "largest": "max(part_d0_error)", "smallest": "min(part_d0)"})
    np.testing.assert_allclose(examples["sum_d0"], 0.3 * np.asarray(examples["charged"]), rtol=1e-6)
    np.testing.assert_allclose(examples["largest"], 0.1, rtol=1e-6)
    np.testing.assert_array_equal(examples["charged"] + np.asarray(examples["photons"]), examples["n"])
    assert not np.asarray(examples["smallest"]).any()


def test_candidates_are_read_only_where_an_expression_takes_them(tmp_path: Path) -> None:
    nano = PFNano()
    nano.columns["PFCands_eta"][5] = np.nan
    path = nano.write(tmp_path / "pfnano.root")
    examples, _, layout = read(path)
    assert layout == "pfnano-fatjet" and len(examples["jet_pt"]) == 6
    with pytest.raises(InputError, match=r"PFCands_eta.*not finite"):
        read(path, variables=SUMS)


@pytest.mark.parametrize("branch", ["FatJetPFCands_jetIdx", "FatJetPFCands_pFCandsIdx"])
def test_links_to_what_is_not_stored_are_left_out_counted_and_said(branch: str, tmp_path: Path) -> None:
    nano = PFNano()
    expected, _, _ = read(nano.write(tmp_path / "pfnano.root"), variables=SUMS)
    n = nano.counts["FatJetPFCands"]
    lost = [int(n[:2].sum()), int(n[:3].sum()) + 4]
    jet = [COUNTS[0] + nano.columns["FatJetPFCands_jetIdx"][lost[0]], sum(COUNTS[:3]) + nano.columns["FatJetPFCands_jetIdx"][lost[1]]]
    nano.columns[branch][lost] = -1
    examples, carry, _ = read(nano.write(tmp_path / "lost.root"), block=1, variables=SUMS)
    fewer = np.bincount(jet, minlength=6)
    np.testing.assert_array_equal(examples["n"], np.asarray(expected["n"]) - fewer)
    np.testing.assert_allclose(np.asarray(examples["px"])[fewer == 0], np.asarray(expected["px"])[fewer == 0])
    assert carry.facts()["links_left_out"] == 2
    assert any("2 links" in sentence and "entry 2 of a.root" in sentence for sentence in carry.warnings(lambda _: "a.root"))


def test_what_a_network_takes_of_candidates_sums_up_to_the_jets(tmp_path: Path) -> None:
    """Without candidates of weight 0, in the order of their transverse momenta; a kind of each, and impact parameters in mm."""
    nano = PFNano()
    nano.columns["PFCands_puppiWeight"][::5] = 0
    nano.columns |= {f"PFCands_{name}": nano.columns[f"PFCands_{of}"] * 2 for name, of in (("dz", "d0"), ("dzErr", "d0Err"))}
    path = nano.write(tmp_path / "pfnano.root")
    sums, _, _ = read(path, variables={**SUMS, "without": "sum(hypot(part_px, part_py) == 0)"})
    config = build(JetsConfig, {"model": {"name": "pfn", "particle_inputs": ["full"]}}, "test")
    reader = Inputs([str(path)]).open(get_task("jets"), config)
    chunks = [assemble(chunk, None, config)[0] for chunk in reader]
    examples = concatenate(chunks)
    table, number = examples["constituents"], np.asarray(examples["constituents_in_file"])
    assert isinstance(table, Ragged) and not [name for name in examples if name.startswith("part_")]
    np.testing.assert_array_equal(number, np.asarray(sums["n"]) - np.asarray(sums["without"]))
    assert np.asarray(sums["without"]).sum() > 10
    columns = dict(zip(config.particle_columns, range(99), strict=False))
    for name in ("px", "py", "pz", "energy"):
        found = np.add.reduceat(table.flat[:, columns[f"part_{name}"]], table.offsets[:-1])
        np.testing.assert_allclose(found, sums[name], rtol=1e-5, atol=1e-3)
    pt = np.hypot(table.flat[:, 0], table.flat[:, 1])
    assert all((np.diff(pt[start:stop]) <= 0).all() for start, stop in zip(table.offsets[:-1], table.offsets[1:], strict=True))
    kinds = table.flat[:, [columns[f"part_is{kind}"] for kind in KINDS]]
    np.testing.assert_array_equal(kinds.sum(1), 1)
    charge, d0 = table.flat[:, columns["part_charge"]], table.flat[:, columns["part_d0"]]
    np.testing.assert_array_equal(kinds[:, 1] + kinds[:, 2], charge == 0)
    np.testing.assert_allclose(d0, np.where(charge != 0, 0.3, 0), rtol=1e-6)


@pytest.mark.parametrize(("branch", "value"), [("FatJetPFCands_jetIdx", 3), ("FatJetPFCands_jetIdx", -2), ("FatJetPFCands_pFCandsIdx", 60), ("FatJetPFCands_pFCandsIdx", -7)])
def test_links_to_what_there_is_not_are_refused_by_their_entry(branch: str, value: int, tmp_path: Path) -> None:
    nano = PFNano()
    nano.columns[branch][-1] = value
    path = nano.write(tmp_path / "pfnano.root")
    with pytest.raises(InputError, match=f"has the number {value} of a") as caught:
        read(path, variables=SUMS)
    assert caught.value.entry == 3 and caught.value.branch == branch
    config = build(JetsConfig, {"data": {"variables": SUMS}}, "test")
    assert [problem.entry for problem in validate(get_task("jets"), Inputs([str(path)]), config) if problem.branch == branch] == [3]


@pytest.mark.parametrize(("branch", "value", "reason"), [
    ("FatJetPFCands_pFCandsIdx", 60, "has the number 60"), ("PFCands_eta", 40.0, "more energy than"), ("PFCands_eta", -1e4, "more energy than"), ("PFCands_pt", 1e25, "is above"), ("PFCands_pt", -1.0, "is below")])
def test_candidates_that_cannot_be_are_refused_with_file_branch_and_entry(branch: str, value: float, reason: str, tmp_path: Path) -> None:
    nano = PFNano()
    linked = int(nano.counts["PFCands"][:3].sum() + nano.columns["FatJetPFCands_pFCandsIdx"][-1])
    nano.columns[branch][linked if branch.startswith("PFCands") else -1] = value
    path = nano.write(tmp_path / "pfnano.root")
    config = build(JetsConfig, {"data": {"variables": SUMS}}, "test")
    with pytest.raises(InputError, match=reason) as caught:
        list(Inputs([str(path)]).open(get_task("jets"), config))
    assert (caught.value.file, caught.value.tree, caught.value.branch, caught.value.entry) == (str(path), "Events", branch, 3)


def test_candidates_without_transverse_momentum_may_have_any_pseudorapidity(tmp_path: Path) -> None:
    nano = PFNano()
    nano.columns["PFCands_puppiWeight"][::4] = 0
    expected, _, _ = read(nano.write(tmp_path / "before.root"), variables=SUMS)
    nano.columns["PFCands_eta"][::4] = 1e10
    found, _, _ = read(nano.write(tmp_path / "after.root"), variables=SUMS)
    for name in SUMS:
        np.testing.assert_array_equal(found[name], expected[name])


def test_energies_below_0_are_refused(tmp_path: Path) -> None:
    lists = {f"part_{name}": ak.Array([[1.0, 2.0], [3.0]]) for name in ("px", "py", "pz")}
    with uproot.recreate(tmp_path / "jets.root") as file:
        file["tree"] = {**{f"jet_{name}": np.ones(2, np.float32) for name in ("pt", "eta", "phi", "energy")}, **lists, "part_energy": ak.Array([[4.0, 5.0], [-6.0]])}
    with pytest.raises(InputError, match="below 0") as caught:
        read(tmp_path / "jets.root", "jetclass", variables={"energy": "sum(part_energy)"})
    assert (caught.value.branch, caught.value.entry) == ("part_energy", 1)


def test_a_layout_with_constituents_is_refused_where_link_tables_lack(written, tmp_path: Path) -> None:
    """Of files of both kinds, all are read by a layout that both have."""
    with pytest.raises(InputError, match="FatJetPFCands_jetIdx"):
        read(written.nano(), "pfnano-fatjet")
    both = [PFNano().write(tmp_path / "pfnano.root"), written.nano(genWeight=np.ones(6))]
    with pytest.raises(InputError, match=r"choose a layout without it with --layout"):
        read(both)
    examples, _, layout = read(both, "nanoaod-fatjet")
    assert layout == "nanoaod-fatjet" and len(examples["jet_pt"]) == 13


@pytest.mark.parametrize("kind", ["nano", "physlite", "flat"])
def test_files_without_constituents_are_refused_where_an_expression_takes_them(kind: str, written) -> None:
    with pytest.raises(InputError, match=r"has no part_charge of the constituents.*PFNano"):
        read(getattr(written, kind)(), variables={"charge": "sum(part_charge)"})


def test_flags_of_types_are_made_of_pdg_ids(tmp_path: Path) -> None:
    nano = PFNano()
    found, _, _ = read(nano.write(tmp_path / "pfnano.root"), variables={"photons": "sum(part_isPhoton)", "ids": "sum(part_pdg == 22)", "electrons": "sum(part_isElectron * part_charge)", "signs": "sum(part_charge * (abs(part_pdg) == 11))"})
    np.testing.assert_array_equal(found["photons"], found["ids"])
    np.testing.assert_array_equal(found["electrons"], found["signs"])
    assert np.asarray(found["photons"]).sum() > 5


def test_small_jets_alone_with_link_tables_leave_large_ones_the_default(tmp_path: Path) -> None:
    nano = PFNano()
    nano.columns = {name: values for name, values in nano.columns.items() if not name.startswith("FatJetPFCands")}
    _, _, layout = read(nano.write(tmp_path / "pfnano.root"))
    assert layout == "nanoaod-fatjet"


def test_particles_of_jetclass_are_lists_of_the_jet(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    counts = np.array([3, 0, 5])
    part = {name: ak.unflatten(rng.normal(size=8).astype(np.float32), counts) for name in ("px", "py", "pz", "energy", "charge", "deta", "dphi", "d0val")}
    part["energy"] = abs(part["energy"])
    jets = np.ones(3, np.float32)

    def write(parts: dict[str, ak.Array]) -> Path:
        with uproot.recreate(tmp_path / "jetclass.root") as file:
            file["tree"] = {**{f"jet_{name}": jets for name in ("pt", "eta", "phi", "energy")}, **{f"part_{name}": values for name, values in parts.items()}}
        return tmp_path / "jetclass.root"

    wanted = {**SUMS, "wide": "sum(part_energy * hypot(part_deta, part_dphi))", "d0": "sum(part_d0)", "same": "sum(part_d0val)"}
    examples, _, layout = read(write(part), block=2, variables=wanted)
    assert layout == "jetclass"
    np.testing.assert_array_equal(examples["n"], counts)
    for name, branch in (("px", "px"), ("energy", "energy"), ("charge", "charge"), ("d0", "d0val"), ("same", "d0val")):
        np.testing.assert_allclose(examples[name], ak.sum(part[branch], -1), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(examples["wide"], ak.sum(part["energy"] * np.hypot(part["deta"], part["dphi"]), -1), rtol=1e-5)
    part["deta"] = ak.unflatten(np.zeros(8, np.float32), [3, 1, 4])
    with pytest.raises(InputError, match=r"part_deta.*1 values where"):
        read(write(part), variables=wanted)
