"""The numbers that GATE gives to volumes: which layer of a known calorimeter they mean."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ....config import Config, option
from ....io.ragged import Array, Columns

Name = Literal["base_id", "level1_id", "level2_id", "level3_id"]


class VolumeRule(Config):
    """A rule by which numbers of volumes give the layer."""

    when: dict[Name, int] = option(dict, "Numbers that a volume must have for the rule to hold; of several rules the first that holds counts.")
    first_layer: int = option(0, "Layer of the volume with the number 0, or of every one if nothing is counted.", ge=0)
    counted: Name | None = option(None, "Number that counts layers from there on; null if all are the same layer.")


def layers_by_ids(columns: Columns, rules: list[VolumeRule]) -> Array | None:
    """Return the layer of each row by its numbers of volumes, int64 (H,); -1 where no rule holds.

    None if a number that the rules need is not there.
    """
    needed = {name for rule in rules for name in (*rule.when, *([rule.counted] if rule.counted else []))}
    if any(name not in columns for name in needed):
        return None
    layer = np.full(len(columns["z"]), -1, dtype=np.int64)
    for rule in rules:
        layer = np.where((layer < 0) & _holds(columns, rule), _number(columns, rule), layer)
    return layer


def _holds(columns: Columns, rule: VolumeRule) -> Array:
    holds = np.ones(len(columns["z"]), dtype=bool)
    for name, value in rule.when.items():
        holds &= np.asarray(columns[name]) == value
    return holds


def _number(columns: Columns, rule: VolumeRule) -> Any:
    return rule.first_layer if rule.counted is None else np.asarray(columns[rule.counted]).astype(np.int64) + rule.first_layer
