"""Files of the top-tagging reference set (arXiv:1902.09914), which pandas wrote to HDF5, in our own layout.

Each row of `table/table` has energy and momentum of 200 constituents, with zeros behind the last, and `is_signal_new`, in one block of columns for each type.
"""

from __future__ import annotations

import pickletools
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from pphysml.io.ragged import Array, Columns, Ragged
from pphysml.io.writer import Writer
from pphysml.tasks.jets.schema import OWN

CONSTITUENTS, MOMENTUM = 200, ("E", "PX", "PY", "PZ")
AT_A_TIME = 20_000
"""Rows that are in memory, 64 MB."""

TEXTS = ("STRING", "UNICODE", "BINSTRING", "SHORT_BINSTRING", "BINUNICODE", "SHORT_BINUNICODE")
"""Codes of pickle that hold a text."""


def converted(path: Path, folder: Path) -> Path:
    """Return a file of the top-tagging reference set in our own layout."""
    target = folder / f"{path.stem}-{path.stat().st_size}.root"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with opened(path) as file, Writer(target, "jets", OWN.fields, metadata={"task": "jets", "converted_from": path.name}) as writer:
        rows = file["table/table"]
        momenta, label = (names_of(rows, block) for block in ("values_block_0", "values_block_1"))
        places = np.array([momenta.index(f"{name}_{k}") for k in range(CONSTITUENTS) for name in MOMENTUM])
        for start in range(0, len(rows), AT_A_TIME):
            block = rows[start : start + AT_A_TIME]
            vectors = block["values_block_0"][:, places].reshape(len(block), CONSTITUENTS, len(MOMENTUM))
            writer.extend(columns_of(vectors, block["values_block_1"][:, label.index("is_signal_new")], start))
    return target


def opened(path: Path) -> Any:
    """Return the open file, whose table can be read: pandas often compresses by Blosc, which HDF5 has not by itself."""
    import h5py

    with suppress(ImportError):
        import hdf5plugin  # noqa: F401  (makes h5py know Blosc)
    file = h5py.File(path, "r")
    plan = file["table/table"].id.get_create_plist()
    filters = [plan.get_filter(k) for k in range(plan.get_nfilters())]
    if lacking := [name.decode() for code, _, _, name in filters if not h5py.h5z.filter_avail(code)]:
        raise SystemExit(f"{path}: the table is compressed by {lacking[0]}, which h5py reads with the package hdf5plugin: pip install hdf5plugin.")
    return file


def names_of(rows: Any, block: str) -> list[str]:
    """Return the columns of a block, which pandas keeps as a pickled list; it is read without running what it says."""
    pickled = rows.attrs[f"{block}_kind"]
    content = pickled.encode("latin-1") if isinstance(pickled, str) else bytes(pickled)
    return [str(text) for code, text, _ in pickletools.genops(content) if code.name in TEXTS]


def columns_of(vectors: Array, label: Array, first: int) -> Columns:
    """Return our columns of jets by their constituents' energies and momenta, GeV, (jets, slots, 4), where slots without energy are empty."""
    n, real = len(vectors), vectors[..., 0] > 0
    energy, px, py, pz = np.where(real[..., None], vectors, 0).sum(1, dtype=np.float64).T
    pt, counts = np.hypot(px, py), real.sum(1)
    jets = {"pt": pt, "eta": np.arcsinh(pz / np.maximum(pt, np.finfo(float).tiny)), "phi": np.arctan2(py, px), "mass": np.sqrt(np.maximum(energy**2 - px**2 - py**2 - pz**2, 0)),
            "label": label, "nconstituents": counts}
    parts = dict(zip(("energy", "px", "py", "pz"), vectors[real].T.copy(), strict=True)) | {"jet": np.zeros(counts.sum(), np.int32)}
    return {"event": first + np.arange(n), **{f"jet_{name}": Ragged.from_counts(values.astype(np.int32 if name in ("label", "nconstituents") else np.float32), np.ones(n, np.int64))
                                              for name, values in jets.items()}, **{f"part_{name}": Ragged.from_counts(values, counts) for name, values in parts.items()}}
