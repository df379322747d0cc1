"""Jets whose energies, masses or resolution are other ones, as systematic uncertainties have it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import ndtri

from ....io.expressions import Expression
from ....io.hashing import combined
from ....io.ragged import Array, Columns, Ragged, length, ragged
from ..config import JetsConfig
from ..constituents.table import TABLE
from ..particle_schema import MOMENTA
from ..schema import KNOWN, LAYOUTS, collection
from .values import value_of

MASSES = ("jet_mass", "jet_softdrop_mass")
ENERGIES = ("jet_pt", *MASSES)
ENERGY = "jet_energy"


def variations(examples: Columns, config: JetsConfig) -> dict[str, Columns]:
    """Return the jets under each variation that the configuration asks for, by its name; a resolution can only be made worse.

    Columns of jets and constituents change, branches that are other names of these momenta and masses, and the new variables
    that are made of them; other branches do not, nor expressions over constituents that a network takes; see `unvaried`.
    """
    options, n, others = config.apply, length(examples), _named_directly(examples, config)
    found: dict[str, Columns] = {}
    for what, size, change in (("energy scale", options.scale, with_energies), ("mass scale", options.mass_scale, with_masses)):
        for sign in (1, -1) if size else ():
            found[f"{what} {sign * size:+.3g}"] = change(examples, np.full(n, 1 + sign * size), others)
    if options.smear:
        found[f"resolution {options.smear:+.3g}"] = with_energies(examples, 1 + options.smear * gaussian(examples), others)
    return {name: _with_variables(jets, config) for name, jets in found.items()}


def unvaried(examples: Columns, config: JetsConfig) -> list[str]:
    """Return the branches of the file, and expressions over the momenta of constituents, that scores and model.against take and that stay as they are under variations."""
    model, variables = config.model, config.data.variables
    texts = [*([config.apply.score] if config.apply.score is not None else model.inputs), *model.against]
    names: dict[str, None] = {}
    while texts:
        for name in Expression.parse(texts.pop(0)).names:
            texts += [variables[name]] if name in variables and name not in names else []
            names[name] = None
    varied = _named_directly(examples, config)
    found = [name for name in names if name in examples and name not in KNOWN and name not in variables and name not in varied]
    return found + [text for text in config.particle_expressions if {*MOMENTA, *ENERGIES, ENERGY} & {*Expression.parse(text).names}]


def _named_directly(examples: Columns, config: JetsConfig) -> dict[str, str]:
    """Return the branches with one value per jet that a layout takes for a momentum, a mass or an energy -> its column."""
    layouts = LAYOUTS if config.data.collection is None else (*LAYOUTS, collection(config.data.collection))
    columns = {alias: f.name for layout in layouts for f in layout.fields if f.name in (*ENERGIES, ENERGY) for alias in f.aliases}
    return {name: columns[name] for name, column in examples.items() if name in columns and name not in KNOWN and not isinstance(column, Ragged)}


def with_energies(examples: Columns, factor: Array, others: Mapping[str, str] = {}) -> Columns:
    """Return jets with momenta and masses times a factor, (n,), and their constituents likewise.

    Args:
        others: further names of such columns -> the column.
    """
    found = _times(examples, (*ENERGIES, ENERGY, *others), factor)
    if TABLE in examples:
        table = ragged(examples, TABLE)
        changed = table.flat.copy()
        changed[:, : len(MOMENTA)] *= np.repeat(factor, table.counts)[:, None]
        found[TABLE] = Ragged(changed, table.offsets)
    for name in MOMENTA:
        if name in examples:
            column = examples[name]
            assert isinstance(column, Ragged)
            found[name] = Ragged((column.flat * np.repeat(factor, column.counts)).astype(column.flat.dtype), column.offsets)
    return found


def with_masses(examples: Columns, factor: Array, others: Mapping[str, str] = {}) -> Columns:
    """Return jets with masses times a factor, (n,), at the same momenta; arguments as in `with_energies`."""
    found = _times(examples, (*MASSES, *(name for name, column in others.items() if column in MASSES)), factor)
    energies = [name for name in (ENERGY, *others) if name in examples and others.get(name, name) == ENERGY]
    if energies:
        pt, eta, old = (np.asarray(examples[name], np.float64) for name in ("jet_pt", "jet_eta", "jet_mass"))
        momentum = pt * np.cosh(eta)
        with np.errstate(invalid="ignore"):
            ratio = np.hypot(momentum, old * np.maximum(factor, 0)) / np.hypot(momentum, old)
        found = _times(found, tuple(energies), np.where(np.isfinite(ratio), ratio, 1.0))
    return found


def gaussian(examples: Columns) -> Array:
    """Return a number of the normal distribution for each jet, (n,), the same whenever and beside whatever it is read."""
    file, entry, jet = (np.asarray(examples[name]).astype(np.int64) for name in ("file", "entry", "jet"))
    uniform = ((combined(file, entry, jet) >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    found: Array = ndtri(uniform)
    return found


def _times(examples: Columns, names: tuple[str, ...], factor: Array) -> Columns:
    # A mass or momentum is not negative, however far the tail of a resolution goes; what is says that there is none, as -1 of soft drop.
    positive = np.maximum(factor, 0)
    changed = {name: np.where(values > 0, values * positive, values).astype(values.dtype) for name in names if name in examples for values in [np.asarray(examples[name])]}
    return {**examples, **changed}


def _with_variables(examples: Columns, config: JetsConfig) -> Columns:
    for name, text in config.data.variables.items():
        examples[name] = value_of(text, examples)
    return examples
