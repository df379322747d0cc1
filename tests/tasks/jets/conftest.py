"""The same jets in the layouts of several experiments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import h5py
import numpy as np
import pytest
import uproot

from pphysml.io.ragged import Array

COUNTS = np.array([2, 0, 1, 3, 0, 1])


class Written:
    """Seven jets in six events, and files that hold them.

    Attributes:
        jets: values of all jets by name, (7,).
        counts: jets of each event.
    """

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(5)
        self.folder, self.counts = folder, COUNTS
        n = int(COUNTS.sum())
        self.jets: dict[str, Array] = {
            "pt": rng.uniform(300, 900, n), "eta": rng.uniform(-2, 2, n), "phi": rng.uniform(-3, 3, n), "mass": rng.uniform(30, 200, n),
            "tau1": rng.uniform(0.3, 0.5, n), "tau2": rng.uniform(0.1, 0.3, n), "tau3": rng.uniform(0.05, 0.1, n), "softdrop_mass": rng.uniform(20, 100, n),
            "score": rng.normal(size=n), "label": np.arange(n) % 2, "event": np.repeat(np.arange(len(COUNTS)) + 100, COUNTS)}
        self.jets["softdrop_mass"][3] = -1.0

    def lists(self, name: str, factor: float = 1.0) -> ak.Array:
        values = self.jets[name] if self.jets[name].dtype.kind == "i" else (self.jets[name] * factor).astype(np.float32)
        return ak.unflatten(values, self.counts)

    def nano(self, prefix: str = "FatJet", **more: Array) -> Path:
        names = {"pt": "pt", "eta": "eta", "phi": "phi", "mass": "mass", "tau1": "tau1", "tau2": "tau2", "tau3": "tau3", "softdrop_mass": "msoftdrop", "score": "myTagger", "label": "nBHadrons"}
        columns = {f"{prefix}_{branch}": self.lists(name) for name, branch in names.items()}
        events = np.arange(len(self.counts))
        with uproot.recreate(self.folder / f"{prefix}.root") as file:
            file["Events"] = {"run": events * 0 + 1, "luminosityBlock": events * 0 + 2, "event": events + 100, "genWeight": np.where(events == 3, -1.5, 2.0), **columns,
                              "Muon_pt": ak.unflatten(np.arange(5, dtype=np.float32), [1, 0, 2, 0, 1, 1]), **more}
        return self.folder / f"{prefix}.root"

    def physlite(self) -> Path:
        names = {"pt": ("pt", 1000.0), "eta": ("eta", 1.0), "phi": ("phi", 1.0), "mass": ("m", 1000.0), "tau1": ("Tau1_wta", 1.0), "tau2": ("Tau2_wta", 1.0), "tau3": ("Tau3_wta", 1.0)}
        events = np.arange(len(self.counts))
        with uproot.recreate(self.folder / "physlite.root") as file:
            file["CollectionTree"] = {
                "EventInfoAuxDyn.eventNumber": events + 100, **{f"AnalysisLargeRJetsAuxDyn.{branch}": self.lists(name, factor) for name, (branch, factor) in names.items()},
                "AnalysisLargeRJetsAuxDyn.R10TruthLabel_R22v1": self.lists("label")}
        return self.folder / "physlite.root"

    def jetclass(self) -> Path:
        jets = self.jets
        energy = np.sqrt((jets["pt"] * np.cosh(jets["eta"])) ** 2 + jets["mass"] ** 2)
        n = len(energy)
        with uproot.recreate(self.folder / "jetclass.root") as file:
            file["tree"] = {
                **{f"jet_{name}": jets[name].astype(np.float32) for name in ("pt", "eta", "phi", "tau1", "tau2", "tau3")}, "jet_energy": energy.astype(np.float32),
                "jet_sdmass": jets["softdrop_mass"].astype(np.float32), "jet_nparticles": np.full(n, 3, np.float32),
                "label_QCD": (jets["label"] == 0).astype(np.float32), "label_Hbb": (jets["label"] == 1).astype(np.float32),
                "part_px": ak.unflatten(np.arange(3 * n, dtype=np.float32), np.full(n, 3))}
        return self.folder / "jetclass.root"

    def ftag(self, **options: Any) -> Path:
        """Write jets of ATLAS flavour tagging, in MeV, with up to five tracks each, between which there is padding."""
        columns = {"pt": ("pt", 1000.0), "eta": ("eta", 1.0), "mass": ("mass", 1000.0), "phi": ("phi", 1.0)}
        rng, n = np.random.default_rng(8), len(self.jets["pt"])
        jets = np.zeros(n, [*((name, "<f4") for name in columns), ("eventNumber", "<i8"), ("HadronConeExclTruthLabelID", "<i4"), ("R10TruthLabel_R22v1", "<i4"),
                            *((f"GN2v01_p{flavour}", "<f4") for flavour in ("b", "c", "u", "tau"))])
        for branch, (name, factor) in columns.items():
            jets[branch] = self.jets[name] * factor
        jets["eventNumber"], jets["HadronConeExclTruthLabelID"] = self.jets["event"], np.resize([5, 0, 4, 15, 0], n)
        scores = rng.dirichlet(np.ones(4), n)
        for k, flavour in enumerate(("b", "c", "u", "tau")):
            jets[f"GN2v01_p{flavour}"] = scores[:, k]
        tracks = np.zeros((n, 5), [*((name, "<f4") for name in ("d0", "IP3D_signed_d0_significance", "IP3D_signed_z0_significance")), ("leptonID", "i1"), ("valid", "?")])
        tracks["valid"] = rng.random((n, 5)) > 0.4
        tracks["valid"][2:3] = False
        for name in tracks.dtype.names[:3]:
            tracks[name] = np.where(tracks["valid"], rng.normal(size=(n, 5)) * 5, np.nan)
        with h5py.File(self.folder / "ftag.h5", "w") as file:
            file.create_dataset("jets", data=jets, **options)
            file.create_dataset("tracks", data=tracks)
        self.tracks, self.ftag_jets = tracks, jets
        return self.folder / "ftag.h5"

    def flat(self) -> Path:
        names = {"pt": "pt", "eta": "eta", "phi": "phi", "mass": "m", "tau1": "tau1", "tau2": "tau2", "tau3": "tau3", "label": "is_signal", "score": "score", "event": "event"}
        with uproot.recreate(self.folder / "flat.root") as file:
            file["ntuple"] = {branch: self.jets[name] if self.jets[name].dtype.kind == "i" else self.jets[name].astype(np.float32) for name, branch in names.items()}
        return self.folder / "flat.root"


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path)
