"""Data configurations of weaver-core (https://github.com/hqucms/weaver-core) as options of `jets`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .... import plain_yaml
from ....errors import ConfigError, did_you_mean
from ..constituents.features import KINEMATICS, PLACE, input_names
from ..particle_schema import FLAGS, MOMENTA, PARTICLE_SETS
from .weaver_expressions import converted

FEATURES, VECTORS = "pf_features", "pf_vectors"
GROUPS = (FEATURES, VECTORS, "pf_points", "pf_mask")
"""Of inputs; of the last two, places and padding, nothing needs be said here."""

WITHOUT_EFFECT = ("treename", "observers", "monitor_variables", "preprocess")
"""What a training here does not need: trees are found by their branches, or named as FILE:TREE; what the output keeps is --keep; scales are those of the features, or fitted."""

KNOWN = ("selection", "new_variables", "inputs", "labels", "weights", *WITHOUT_EFFECT)

OF_KINEMATICS = ("log(hypot(part_px, part_py))", "log(part_energy)", "log(hypot(part_px, part_py) / jet_pt)", "log(part_energy / jet_energy)", "hypot(part_deta, part_dphi)")
AS_IT_IS = ("part_charge", *(f.name for f in FLAGS))
OTHERS = {"part_d0err": "part_d0_error", "part_dzerr": "part_dz_error"}


class Feature(NamedTuple):
    """An input of each constituent: (value - centre) * factor, cut; with the centre None the value as it is."""

    value: str
    centre: float | None = None
    factor: float = 1.0
    low: float = -5.0
    high: float = 5.0

    @property
    def expression(self) -> str:
        """The whole as an expression."""
        if self.centre is None:
            return self.value
        return f"min(max(({self.value} - {self.centre:g}) * {self.factor:g}, {self.low:g}), {self.high:g})"


PUBLISHED = {
    **{Feature(value, *scale): name for value, (name, scale) in zip(OF_KINEMATICS, KINEMATICS.items(), strict=True)}, **{Feature(name): name for name in AS_IT_IS},
    **{Feature(f"tanh(part_{name}val)"): f"tanh(part_{name})" for name in ("d0", "dz")}, **{Feature(given, 0, 1, 0, 1): name for given, name in OTHERS.items()},
    **{Feature(name): ours for name, ours in zip(("part_deta", "part_dphi"), PLACE, strict=True)}}
"""Inputs of arXiv:2202.03772 as they stand there -> their names in `constituents.features`."""


def weaver_options(path: str) -> dict[str, Any]:
    """Return the options that a file of weaver-core stands for: classes, selection, inputs of constituents, weights.

    Raises:
        ConfigError: it cannot be read, or has what pphysml cannot do; names the key.
    """
    values = plain_yaml.load(path)
    if not isinstance(values, dict) or "inputs" not in values or "labels" not in values:
        raise ConfigError(f"{path}: is no data configuration of weaver-core, which has inputs and labels.")
    for key, value in values.items():
        if key not in KNOWN and value:
            raise ConfigError(f"{path}: {key}: pphysml does not know what to make of it; leave it out.{did_you_mean(str(key), KNOWN)}")
    variables = _mapping(values.get("new_variables") or {}, f"{path}: new_variables")
    data: dict[str, Any] = _classes(_mapping(values["labels"], f"{path}: labels"), variables, path)
    if values.get("selection"):
        data["selection"] = converted(values["selection"], variables, f"{path}: selection")
    of_weights, training = _weights(_mapping(values.get("weights") or {}, f"{path}: weights"), data["classes"], variables, path)
    scaled = not str(_mapping(values.get("preprocess") or {}, f"{path}: preprocess").get("method", "")).startswith("auto")
    model = _inputs(_mapping(values["inputs"], f"{path}: inputs"), variables, scaled, path)
    return {"data": {**data, **of_weights}, "model": {"name": "small-part", **model}, "training": training}


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: must hold keys and values.")
    return value


def _classes(labels: Mapping[str, Any], variables: Mapping[str, str], path: str) -> dict[str, Any]:
    kind, value = str(labels.get("type", "")), labels.get("value")
    if kind != "simple" or not isinstance(value, list):
        raise ConfigError(f"{path}: labels: only the type simple is read, with a list of branches; of others, say the classes with data.classes.")
    classes = {str(name).removeprefix("label_"): f"({converted(str(name), variables, f'{path}: labels')}) != 0" for name in value}
    return {"classes": classes, "background": [next((name for name in classes if name.lower() == "qcd"), next(iter(classes), ""))]}


def _inputs(groups: Mapping[str, Any], variables: Mapping[str, str], scaled: bool, path: str) -> dict[str, Any]:
    if unknown := [name for name in groups if name not in GROUPS]:
        raise ConfigError(f"{path}: inputs.{unknown[0]}: only {', '.join(GROUPS)} are read, the constituents of jets; leave it out.")
    if FEATURES not in groups:
        raise ConfigError(f"{path}: inputs: there is no {FEATURES}, what is taken of constituents.")
    vectors = [name for name, *_ in map(_listed, groups.get(VECTORS, {}).get("vars", MOMENTA))]
    if tuple(converted(name, variables, f"{path}: inputs.{VECTORS}") for name in vectors) != MOMENTA:
        raise ConfigError(f"{path}: inputs.{VECTORS}: must be {', '.join(MOMENTA)}, the four-momenta that pphysml takes.")
    group = _mapping(groups[FEATURES], f"{path}: inputs.{FEATURES}")
    features = [_feature(item, variables, f"{path}: inputs.{FEATURES}") for item in group.get("vars") or []]
    return {"inputs": [], "particle_inputs": _set_and_expressions(features, scaled), **({"most_particles": group["length"]} if group.get("length") else {})}


def _listed(item: Any) -> list[Any]:
    return item if isinstance(item, list) else [item]


def _feature(item: Any, variables: Mapping[str, str], where: str) -> Feature:
    name, *numbers = _listed(item)
    value = converted(str(name), variables, where)
    if not numbers or numbers[0] in (None, "auto"):
        return Feature(value)
    if any(not isinstance(number, int | float) for number in numbers[:4]):
        raise ConfigError(f"{where}: {name}: must be a name, and behind it numbers to subtract, to multiply by, and to cut at.")
    return Feature(value, *map(float, numbers[:4]))


def _set_and_expressions(features: Sequence[Feature], scaled: bool) -> list[str]:
    """Return the largest of our sets that is among the features, else the smallest, and expressions for the rest.

    Args:
        scaled: whether they are at the scales that the file gives, not at fitted ones.
    """
    by_value = {feature.value: name for feature, name in PUBLISHED.items()}
    ours = [PUBLISHED.get(feature) if scaled else by_value.get(feature.value) for feature in features]
    names = {name: input_names([*MOMENTA, *columns], []) for name, columns in PARTICLE_SETS.items()}
    chosen = next((name for name in reversed(names) if {*ours} >= {*names[name]}), next(iter(names)))
    return [chosen, *(feature.expression for feature, name in zip(features, ours, strict=True) if name not in names[chosen])]


def _weights(weights: Mapping[str, Any], classes: Mapping[str, str], variables: Mapping[str, str], path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of data and training: a product of branches, or a spectrum that all classes are given."""
    where = f"{path}: weights"
    if not weights:
        return {}, {}
    if weights.get("use_precomputed_weights"):
        branches = [f"({converted(str(name), variables, where)})" for name in _listed(weights.get("weight_branches") or [])]
        return {"weight": " * ".join(branches)}, {"class_weights": "given"}
    known = ("use_precomputed_weights", "reweight_method", "reweight_vars", "reweight_classes", "class_weights", "reweight_basewgt", "reweight_threshold", "reweight_discard_under_overflow")
    if unknown := [key for key in weights if key not in known]:
        raise ConfigError(f"{where}.{unknown[0]}: pphysml does not know what to make of it; leave it out.{did_you_mean(str(unknown[0]), known)}")
    chosen = [str(name).removeprefix("label_") for name in weights.get("reweight_classes") or classes]
    if {*chosen} != {*classes}:
        raise ConfigError(f"{where}.reweight_classes: must be the labels, as all classes are given the same spectrum.")
    method = str(weights.get("reweight_method", "flat"))
    if method not in ("flat", "ref"):
        raise ConfigError(f"{where}.reweight_method: {method!r} is neither flat nor ref.")
    shares = weights.get("class_weights") or [1] * len(chosen)
    base = {"weight": converted(weights["reweight_basewgt"], variables, where)} if weights.get("reweight_basewgt") else {}
    return base, {
        "reweight": [converted(str(name), variables, f"{where}.reweight_vars") for name in weights.get("reweight_vars") or {}], "reference": "flat" if method == "flat" else chosen[0],
        "reweight_by": "sampling", "class_weights": {name: float(share) for name, share in zip(chosen, shares, strict=False)}}
