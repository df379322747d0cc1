"""The published npy files of decays (Zenodo 6983258, made with BaumBauen) as columns of `lcag`.

One pair of files per topology: `leaves_SPLIT.NUMBER.npy`, (events, leaves, 4) with px, py, pz, E, and
`lcas_SPLIT.NUMBER.npy`, (events, leaves, leaves) with the generations of the lowest common ancestors.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....errors import InputError
from ....io.npy import read_npy
from ....io.ragged import Array, Columns, Ragged
from ....io.sources import matching, names_in
from ..trees.validity import is_valid
from ..trees.validity_rules import N_CLASSES

NAME = re.compile(r"(leaves|lcas)_(.+)\.(\d+)\.npy")
EVENTS = 20_000
"""Events read at a time."""


@dataclass(frozen=True)
class Pair:
    """The two files of one topology; their values stay on the disk until they are sliced."""

    topology: int
    leaves_path: Path
    lcas_path: Path
    leaves: Array
    lcas: Array


def read(paths: Sequence[str]) -> Iterator[Columns]:
    """Yield the columns `run`, `event`, `px`, `py`, `pz`, `e`, `lcag` and `topology` of all events in turn.

    Args:
        paths: folders, and files of either kind; each stands for its pair.

    Raises:
        InputError: files that are none of these, lack their partner, or do not hold decays; all
            headers are checked before the first event is read.
    """
    pairs = [_open(leaves) for leaves in find(paths)]
    event = 0
    for pair in pairs:
        for start in range(0, len(pair.leaves), EVENTS):
            columns = _columns(pair, start, min(start + EVENTS, len(pair.leaves)))
            size = len(columns["topology"])
            ids = {"run": np.zeros(size, dtype=np.int64), "event": np.arange(event, event + size)}
            event += size
            yield {**ids, **columns}


def find(paths: Sequence[str]) -> list[Path]:
    """Return the `leaves` files that are meant: those of folders by number, others as given; globs in natural order.

    Raises:
        InputError: nothing is there, a name does not fit, a folder mixes splits, or a topology's
            number is there twice.
    """
    found: dict[Path, int] = {}
    for path in map(Path, paths):
        for file in _of_folder(path) if os.path.isdir(path) else list(map(Path, matching(str(path)))) or [path]:
            match = NAME.fullmatch(file.name)
            if match is None:
                raise InputError(f"{file}: is not named leaves_SPLIT.NUMBER.npy or lcas_SPLIT.NUMBER.npy; "
                                 "give the files of the data set, or the folder that holds them.")
            found[file.with_name(f"leaves_{match[2]}.{match[3]}.npy")] = int(match[3])
    numbers: dict[int, Path] = {}
    for file, number in found.items():
        if numbers.setdefault(number, file) != file:
            raise InputError(f"{file}: topology {number} is also in {numbers[number]}; import them into two files.")
    return list(found)


def _of_folder(folder: Path) -> list[Path]:
    matches = [match for match in map(NAME.fullmatch, names_in(str(folder))) if match]
    if not matches:
        raise InputError(f"{folder}: there is no file named leaves_SPLIT.NUMBER.npy in it.")
    splits = sorted({match[2] for match in matches})
    if len(splits) > 1:
        raise InputError(f"{folder}: holds {', '.join(splits)}; name the files of one, "
                         f"for example '{folder}/leaves_{splits[0]}.*.npy'.")
    return [folder / match[0] for match in sorted(matches, key=lambda match: int(match[3]))]


def _open(leaves_path: Path) -> Pair:
    lcas_path = leaves_path.with_name("lcas" + leaves_path.name.removeprefix("leaves"))
    for path, partner in ((leaves_path, lcas_path), (lcas_path, leaves_path)):
        if not os.path.isfile(path):
            raise InputError(f"{path}: is not there; it is needed beside {partner}.")
    leaves, lcas = read_npy(leaves_path), read_npy(lcas_path)
    if leaves.dtype.kind != "f" or leaves.ndim != 3 or leaves.shape[2] != 4:
        raise InputError(f"{leaves_path}: holds {leaves.dtype} of shape {leaves.shape}, "
                         "but must hold floating-point numbers of shape (events, leaves, 4).")
    if lcas.dtype.kind not in "iuf" or lcas.shape != (*leaves.shape[:2], leaves.shape[1]):
        raise InputError(f"{lcas_path}: holds {lcas.dtype} of shape {lcas.shape}, but must hold numbers of shape "
                         f"{(*leaves.shape[:2], leaves.shape[1])}, as {leaves_path.name} has {leaves.shape}.")
    match = NAME.fullmatch(leaves_path.name)
    assert match is not None
    return Pair(int(match[3]), leaves_path, lcas_path, leaves, lcas)


def _columns(pair: Pair, start: int, stop: int) -> Columns:
    p4, lcas = np.asarray(pair.leaves[start:stop], dtype=np.float64), np.asarray(pair.lcas[start:stop])
    _refuse(~np.isfinite(p4), start, pair.leaves_path, "a value is not finite")
    _refuse(p4[..., 3] < 0, start, pair.leaves_path, "an energy is negative")
    level = (lcas >= 0) & (lcas < N_CLASSES) & (lcas == np.trunc(lcas))
    _refuse(~level, start, pair.lcas_path, f"a value is not a whole number from 0 to {N_CLASSES - 1}")
    matrices = lcas.astype(np.uint8)
    _refuse(~is_valid(matrices), start, pair.lcas_path, "the matrix is not that of a tree")
    events, n = matrices.shape[:2]
    columns: Columns = {name: Ragged.from_counts(np.ascontiguousarray(p4[..., i]).reshape(-1), np.full(events, n))
                        for i, name in enumerate(("px", "py", "pz", "e"))}
    columns["lcag"] = Ragged.from_counts(matrices.reshape(-1), np.full(events, n * n))
    columns["topology"] = np.full(events, pair.topology, dtype=np.int32)
    return columns


def _refuse(bad: Array, start: int, path: Path, message: str) -> None:
    if bad.any():
        raise InputError(f"{path}, event {start + int(np.argwhere(bad)[0, 0])}: {message}; copy the file again, or leave it out.")
