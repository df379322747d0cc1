"""Whether what is stored beside the weights is as a training stores it: compiled loops follow its numbers wherever they lead."""

from __future__ import annotations

import numpy as np

from ....errors import ModelError
from ....model_file import ModelFile
from ..config import JetsConfig
from .boosted_trees import NODES
from .class_weights import SHARES
from .flat_scores import check_maps
from .particle_ranges import seen_names


def check_stored(model: ModelFile) -> None:
    """Refuse stored arrays that are missing, of another shape or without sense.

    Raises:
        ModelError: one is.
    """
    config = model.configuration(JetsConfig)
    inputs, classes = len(config.model.inputs), len(config.data.classes)
    model.finite("prepared", "input_mean", (inputs,))
    for name, n in (("input_scale", inputs), ("class_weight", classes), (SHARES, classes)):
        if not (model.finite("prepared", name, (n,)) > 0).all():
            raise ModelError(f"{model.named}: the stored array 'prepared.{name}' must be above 0.")
    if "domain" in model.prepared:
        model.ranges("prepared", "domain", (inputs, 2))
    if config.model.takes_constituents:
        _check_particles(model, config)
    if config.model.parametrise:
        model.finite("prepared", "log_mass", (2,))
        masses = model.finite("prepared", "masses", (None,))
        if not len(masses) or not (masses > 0).all():
            raise ModelError(f"{model.named}: the stored array 'prepared.masses' must hold masses above 0.")
    if config.model.decorrelate == "adversarial":
        several = (len(config.model.against),) if len(config.model.against) > 1 else ()
        model.finite("prepared", "adversary_edges", (*several, None))
        model.finite("prepared", "adversary_range", (*several, 2))
    if config.model.name == "trees":
        _check_trees(model, inputs + config.model.parametrise, 1 if classes == 2 else classes)
    check_maps(model, config)


def _check_particles(model: ModelFile, config: JetsConfig) -> None:
    """Refuse scales and ranges of constituents that are none."""
    further = len(config.model.particle_expressions)
    model.finite("prepared", "particle_mean", (further,))
    if not (model.finite("prepared", "particle_scale", (further,)) > 0).all():
        raise ModelError(f"{model.named}: the stored array 'prepared.particle_scale' must be above 0.")
    if "particle_domain" in model.prepared:
        model.ranges("prepared", "particle_domain", (len(seen_names(config)), 2))


def _check_trees(model: ModelFile, inputs: int, outputs: int) -> None:
    """Refuse trees whose nodes lead to none, or back."""
    n = len(model.stored("prepared", "trees.feature", (None,), "i"))
    feature, left, right = (model.stored("prepared", f"trees.{name}", (n,), "i") for name in ("feature", "left", "right"))
    for name in NODES:
        if name not in ("feature", "left", "right"):
            model.finite("prepared", f"trees.{name}", (n,))
    first = model.stored("prepared", "trees.first", (None, outputs), "i")
    model.finite("prepared", "trees.baseline", (outputs,))
    inner = np.flatnonzero(feature >= 0)
    forward = all(((side[inner] > inner) & (side[inner] < n)).all() for side in (left, right))
    if not (forward and (feature < inputs).all() and ((first >= 0) & (first < n)).all()):
        raise ModelError(f"{model.named}: the stored trees have nodes that lead to none, or back.")
