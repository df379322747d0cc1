"""Arrays of other programs that are damaged or made to harm, drawn by seed, imported by every task that does."""

from __future__ import annotations

import io
import os
import pickle
import random
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent))
from hostile import Judge, content, equal

NUMBER = 50
"""Cases of each format."""


class Harmful:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


def npy(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def framed(header: str, data: bytes = b"") -> bytes:
    """Return an npy file with any header."""
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


def other_npy(rng: random.Random, values: np.ndarray, canary: Path) -> bytes:
    """Draw a file whose header or type is another one; the values have no checksum, and are left as they are."""
    whole, data = npy(values), values.tobytes()
    descr, shape = values.dtype.descr, values.shape
    harmful = np.empty(1, dtype=object)
    harmful[0] = Harmful(canary)
    stream = io.BytesIO()
    np.save(stream, harmful, allow_pickle=True)
    made = [
        b"", b"\x93NUMPY", whole[: rng.randrange(len(whole))], pickle.dumps(Harmful(canary)), stream.getvalue(), b"PK\x03\x04" + bytes(40), whole[:6] + b"\x09\x09" + whole[8:],
        framed(f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': (10**9, 10**9)}}", data), framed(f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {(2**40, *shape[1:])}}}", data),
        framed(f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': (-1,)}}", data), framed(f"{{'descr': '|O', 'fortran_order': False, 'shape': {shape}}}", pickle.dumps(Harmful(canary))),
        framed("{'descr': __import__('os').mkdir('x'), 'fortran_order': False, 'shape': (1,)}"), framed("(" * 100), framed("{'descr': '<f8'}"), framed("x" * 60_000), framed("{'descr': '<f99', 'fortran_order': False, 'shape': (1,)}"),
        framed("{'descr': [('a', '<f8'), ('a', '<f8')], 'fortran_order': False, 'shape': (1,)}", bytes(16)), framed("{'descr': '<M8[s]', 'fortran_order': False, 'shape': (1,)}", bytes(8)),
        framed(f"{{'descr': {descr!r}, 'fortran_order': 3, 'shape': {shape}}}", data), framed(f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {[*shape]}}}", data),
        framed("{'descr': '<f8', 'fortran_order': False, 'shape': ()}", bytes(8)), npy(np.zeros((0, 3, 4))), npy(np.array("text")), npy(np.zeros(3, dtype="S5")), npy(np.zeros((2, 2), dtype=complex)),
    ]
    return rng.choice(made)


def other_npz(rng: random.Random, values: np.ndarray, canary: Path) -> bytes:
    """Draw an archive whose array, names or compression are others, or whose bytes are damaged."""
    def archive(content: bytes, name: str = "arr_0.npy", **options: Any) -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", **options) as file:
            file.writestr(name, content)
        return stream.getvalue()

    whole = archive(npy(values), compression=rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    place = rng.randrange(len(whole))
    drawn = rng.randrange(6)
    if drawn < 2:
        return whole[:place] + bytes([whole[place] ^ (1 << rng.randrange(8))]) + whole[place + 1 :]
    if drawn == 2:
        return rng.choice([whole[:place], whole[:place] + bytes(20) + whole[place:], b"", whole.replace(b"\x14\x00\x00\x00", b"\x14\x00\x01\x00"), archive(npy(values), "other.npy"), archive(npy(values), "../arr_0.npy"),
                           archive(npy(values), "arr_0"), archive(npy(values), compression=zipfile.ZIP_LZMA).replace(b"\x0e\x00", b"\x63\x00")])
    names = values.dtype.names or ()
    fields = {name: values[name] for name in names}
    changed = rng.choice(names)
    fields[changed] = rng.choice([fields[changed].astype("S9"), fields[changed].astype(complex), np.full(len(values), np.nan), np.full(len(values), 1e300), np.full(len(values), "x"), fields[changed].astype(bool)])
    typed = np.zeros(len(values), dtype=[(name, column.dtype) for name, column in fields.items()])
    for name, column in fields.items():
        typed[name] = column
    return archive(other_npy(rng, values, canary)) if drawn < 5 else archive(npy(typed))


@pytest.fixture(scope="module")
def lcag():
    from pphysml.tasks.lcag.config import LcagConfig
    from pphysml.tasks.lcag.simulation.simulate import LcagSimulation

    block = LcagSimulation(LcagConfig(simulation={"n_topologies": 1, "max_leaves": 4}), 8).block(0, 20)
    n = len(block["px"][0])
    return np.stack([block[name].flat.reshape(-1, n) for name in ("px", "py", "pz", "e")], -1), block["lcag"].flat.reshape(-1, n, n)


def rows() -> np.ndarray:
    """Return forty steps of twenty events as they are published."""
    made = np.zeros(40, dtype=[("eventID", "<i4"), ("trackID", "<i4"), ("parentID", "<i4"), ("posX", "<f8"), ("posY", "<f8"), ("posZ", "<f8"), ("edep", "<f8"), ("baseID", "<i4"), ("level1ID", "<i4")])
    made["eventID"], made["trackID"], made["edep"] = np.arange(40) // 2, 1, 0.01
    made["posZ"], made["level1ID"] = np.arange(40) % 2 * 52.4, np.arange(40) % 2
    return made


def test_npy_drawn_by_seed(pphysml, lcag, tmp_path):
    judge, wrong, out = Judge(tmp_path / "canary"), [], tmp_path / "out.root"
    paths = [tmp_path / "leaves_test.001.npy", tmp_path / "lcas_test.001.npy"]
    for path, values in zip(paths, lcag, strict=True):
        np.save(path, values)
    assert pphysml("import", "lcag", paths[0], "-q", "-o", out).code == 0
    clean = content(out)
    out.unlink()
    for seed in range(NUMBER):
        rng = random.Random(seed)
        which = rng.randrange(2)
        paths[which].write_bytes(other_npy(rng, lcag[which], judge.canary))
        done = pphysml("import", "lcag", paths[0], "-q", "-o", out)
        wrong += [(seed, fault, done.err[:300]) for fault in judge.faults(done, out, (str(tmp_path),), lambda: equal(content(out), clean))]
        out.unlink(missing_ok=True)
        np.save(paths[which], lcag[which])
    assert not wrong, "\n".join(map(str, wrong))
    assert judge.refused > 0.8 * NUMBER


def test_npz_drawn_by_seed(pphysml, tmp_path):
    judge, wrong, out, path = Judge(tmp_path / "canary"), [], tmp_path / "out.root", tmp_path / "test.npz"
    values = rows()
    np.savez(path, values)
    done = pphysml("import", "track", path, "-q", "-o", out)
    assert done.code == 0, done.err
    clean = content(out)
    out.unlink()
    for seed in range(NUMBER):
        path.write_bytes(other_npz(random.Random(seed), values, judge.canary))
        done = pphysml("import", "track", path, "-q", "-o", out)
        wrong += [(seed, fault, done.err[:300]) for fault in judge.faults(done, out, (str(path),), lambda: equal(content(out), clean))]
        out.unlink(missing_ok=True)
    assert not wrong, "\n".join(map(str, wrong))
    assert judge.refused > 0.6 * NUMBER
