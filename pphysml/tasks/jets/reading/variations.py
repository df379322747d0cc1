"""Jets whose energies, masses or resolution are other ones, as systematic uncertainties have it."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from ....io.hashing import combined
from ....io.ragged import Array, Columns, Ragged, length
from ..config import JetsConfig
from .values import value_of

MASSES = ("jet_mass", "jet_softdrop_mass")
ENERGIES = ("jet_pt", *MASSES)
OF_CONSTITUENTS = ("part_px", "part_py", "part_pz", "part_energy")


def variations(examples: Columns, config: JetsConfig) -> dict[str, Columns]:
    """Return the jets under each variation that the configuration asks for, by its name; a resolution can only be made worse.

    Columns of jets and constituents change, and the new variables that are made of them; branches that an expression reads
    by the names of the file do not.
    """
    options, n = config.apply, length(examples)
    found: dict[str, Columns] = {}
    for what, size, change in (("energy scale", options.scale, with_energies), ("mass scale", options.mass_scale, with_masses)):
        for sign in (1, -1) if size else ():
            found[f"{what} {sign * size:+.3g}"] = change(examples, np.full(n, 1 + sign * size))
    if options.smear:
        found[f"resolution {options.smear:+.3g}"] = with_energies(examples, 1 + options.smear * gaussian(examples))
    return {name: _with_variables(jets, config) for name, jets in found.items()}


def with_energies(examples: Columns, factor: Array) -> Columns:
    """Return jets with momenta and masses times a factor, (n,), and their constituents likewise."""
    found = _times(examples, (*ENERGIES, "jet_energy"), factor)
    for name in OF_CONSTITUENTS:
        if name in examples:
            column = examples[name]
            assert isinstance(column, Ragged)
            found[name] = Ragged((column.flat * np.repeat(factor, column.counts)).astype(column.flat.dtype), column.offsets)
    return found


def with_masses(examples: Columns, factor: Array) -> Columns:
    """Return jets with masses times a factor, (n,), at the same momenta."""
    found = _times(examples, MASSES, factor)
    if "jet_energy" in examples:
        old, new, energy = (np.asarray(part, np.float64) for part in (examples["jet_mass"], found["jet_mass"], examples["jet_energy"]))
        found["jet_energy"] = np.sqrt(np.maximum(energy**2 + new**2 - old**2, 0)).astype(np.asarray(examples["jet_energy"]).dtype)
    return found


def gaussian(examples: Columns) -> Array:
    """Return a number of the normal distribution for each jet, (n,), the same whenever and beside whatever it is read."""
    file, entry, jet = (np.asarray(examples[name]).astype(np.int64) for name in ("file", "entry", "jet"))
    uniform = ((combined(file, entry, jet) >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    found: Array = ndtri(uniform)
    return found


def _times(examples: Columns, names: tuple[str, ...], factor: Array) -> Columns:
    # A mass or momentum is not negative, however far the tail of a resolution goes.
    positive = np.maximum(factor, 0)
    changed = {name: (np.asarray(examples[name]) * positive).astype(np.asarray(examples[name]).dtype) for name in names if name in examples}
    return {**examples, **changed}


def _with_variables(examples: Columns, config: JetsConfig) -> Columns:
    for name, text in config.data.variables.items():
        examples[name] = value_of(text, examples)
    return examples
