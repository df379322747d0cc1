"""What the engines of known masses share: where they have the masses from, and whether any event fits them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ....contract import Engine
from ....errors import ConfigError, InputError, ModelError
from ....io.ragged import Array, Columns, ragged
from ....model_file import ModelFile
from ..config import LcagConfig
from ..config.engines import CombinerConfig, MasslineConfig
from .mass_lines import MassLines, find_mass_lines

PREFIX = "mass_lines."

NEAR = 0.1
"""Largest relative difference between the mass of all leaves and the root's in an event that may fit."""

LEAST, MOST = 0.3, 100.0
"""The same mass over the root's, where an event may be a part of a tree, or several and background."""

FEW = 0.01
"""Share of events that may fit below which masses are those of other data."""


class MassEngine(Engine):
    """An engine that compares sets of leaves with known masses.

    The masses are those of the options; else those that the model's training found in its examples, or that its
    simulation had; else those of a part of the input that is not evaluated.

    Attributes:
        lines: the masses, once they are known.
    """

    name: ClassVar[str]
    default_width: ClassVar[float]
    """Relative resolution of a leaf's momentum, where nothing is known of it."""

    def __init__(self, config: LcagConfig, model: ModelFile | None, options: MasslineConfig | CombinerConfig) -> None:
        self.rules = config.data.rules
        # Beside a signal side, all leaves together need not have the root's mass.
        self.whole = config.apply.signal_side is None and not self.rules.forest
        self.options = options
        self.found = None if model is None else stored_lines(model)
        self.origin = "" if self.found is None else "of the model's training"
        self._events = self._near = 0

    @property
    def lines(self) -> MassLines:
        """The masses.

        Raises:
            ConfigError: they are not known, or are given above the root's.
        """
        options, found = self.options, self.found
        root = options.root_mass or (None if found is None else found.root)
        if root is None or (found is None and not options.masses):
            raise ConfigError(f"The engine {self.name!r} knows no masses: give apply.{self.name}.masses and apply.{self.name}.root_mass, "
                              "or a --model whose training found them.")
        if max(options.masses, default=0.0) > root * (1.0 + NEAR):
            raise ConfigError(f"apply.{self.name}.masses: {max(options.masses):.6g} GeV is above the mass of the root, {root:.6g} GeV; "
                              f"look at the units, or give apply.{self.name}.root_mass.")
        masses = np.array(options.masses) if options.masses or found is None else found.masses
        width = options.width or (0.0 if found is None else found.width) or self.default_width
        return MassLines(np.unique(masses[masses < root]), root, width)

    @property
    def may_want_truth(self) -> bool:
        """Whether masses or the root's are not given."""
        return not (self.options.masses and self.options.root_mass)

    def wants_truth(self, examples: Columns) -> bool:
        """Return whether masses must be found in the input, as there are none or those of the model do not fit it."""
        if self.found is None:
            return True
        near = self._may_fit(examples, self.options.root_mass or self.found.root)
        return bool(near.sum() < FEW * len(near))

    def fit(self, examples: Columns) -> None:
        """Find the masses in examples with truth.

        Raises:
            InputError: their trees show none.
        """
        self.found = find_mass_lines(examples, self.rules)
        self.origin = "found in a part of the input that is not evaluated"
        if self.found is None:
            raise InputError(f"The true trees of the part of the input that is not evaluated show no mass of a root: give apply.{self.name}.masses "
                             f"and apply.{self.name}.root_mass.")

    def see(self, examples: Columns) -> None:
        """Count the events that may fit."""
        near = self._may_fit(examples, self.lines.root)
        self._events += len(near)
        self._near += int(near.sum())

    @property
    def warnings(self) -> list[str]:
        """That no event fits the masses, if so."""
        if not self._events or self._near >= FEW * self._events:
            return []
        few = "none" if not self._near else f"{self._near}"
        return [f"of {self._events} events {few} can fit the masses of the engine {self.name} (root {self.lines.root:.6g} GeV, {self._whence}): "
                f"its result says nothing; give apply.{self.name}.masses and apply.{self.name}.root_mass"]

    def facts(self) -> dict[str, Any]:
        """Return the masses, and where they come from."""
        lines = self.lines
        masses = ", ".join(f"{mass:.6g}" for mass in lines.masses)
        return {"masses": f"{masses or 'none'}; root {lines.root:.6g} GeV; resolution {lines.width:.2g}; {self._whence}"}

    @property
    def _whence(self) -> str:
        given = bool(self.options.masses), bool(self.options.root_mass)
        if all(given) or not self.origin:
            return "as given"
        return self.origin if not any(given) else f"{'masses' if given[0] else 'root'} as given, the other {self.origin}"

    def _may_fit(self, examples: Columns, root: float) -> Array:
        """Return whether the mass of all leaves is near the root's; of several trees, or a part of one, of the same size."""
        p4 = ragged(examples, "p4")
        several = np.flatnonzero(p4.counts >= 2)
        total = np.zeros((len(p4), 4))
        np.add.at(total, np.repeat(np.arange(len(p4)), p4.counts), p4.flat)
        ratio = np.sqrt(np.maximum(total[several, 3] ** 2 - (total[several, :3] ** 2).sum(1), 0.0)) / root
        near: Array = np.abs(ratio - 1.0) < NEAR if self.whole else (ratio > LEAST) & (ratio < MOST)
        return near


def stored_lines(model: ModelFile) -> MassLines | None:
    """Return the masses of a model's training examples; of simulated ones without any, those of the simulation."""
    kept = model.prepared
    if f"{PREFIX}root" in kept:
        return MassLines(kept[f"{PREFIX}masses"], float(kept[f"{PREFIX}root"]), float(kept[f"{PREFIX}width"]))
    if not model.training_data["simulated"]:
        return None
    simulated = model.configuration(LcagConfig).simulation
    return MassLines(np.array(sorted(simulated.intermediate_masses)), simulated.root_mass, 0.0)


def check_lines(model: ModelFile) -> None:
    """Refuse stored masses that are none.

    Raises:
        ModelError: one is missing, or not above zero.
    """
    if not any(name.startswith(PREFIX) for name in model.prepared):
        return
    shapes: dict[str, tuple[int | None, ...]] = {"masses": (None,), "root": (), "width": ()}
    for name, shape in shapes.items():
        if (model.finite("prepared", f"{PREFIX}{name}", shape) <= 0).any():
            raise ModelError(f"{model.named}: the stored array 'prepared.{PREFIX}{name}' is not above zero.")


def kept_lines(lines: MassLines | None) -> Mapping[str, Array]:
    """Return what is stored with weights."""
    return {} if lines is None else {f"{PREFIX}{name}": np.asarray(value) for name, value in lines._asdict().items()}
