"""Working points of the scores, as files beside the report."""

from __future__ import annotations

import numpy as np

from ....errors import ConfigError
from ....evaluation.working_point_files import to_correctionlib, to_yaml
from ....evaluation.working_points import (
    Binning,
    ScoredJets,
    Target,
    working_points,
)
from ..config import JetsConfig
from ..output.working_points import with_score
from .jets_seen import JetsSeen


def files_of(jets: JetsSeen, config: JetsConfig, score: str, signal: str) -> tuple[dict[str, str], str]:
    """Return name -> text of the working points of a score, and why there are none; thresholds are of the first half of the events, efficiencies of the others.

    Args:
        score: name of its column.
    """
    binning = Binning(config.apply.binned_in, tuple(config.apply.bins), "GeV") if config.apply.bins else None
    targets = [Target(f"{efficiency:.0%}".removesuffix("%"), (signal,), efficiency) for efficiency in config.apply.efficiencies]
    half = jets.first_half
    try:
        found = working_points(targets, _scored(jets.where(half), config, score, binning), _scored(jets.where(~half), config, score, binning), binning)
    except ConfigError as error:
        return {}, f"No working points are written for {score}: {error}"
    return {f"working-points-{score}.yaml": with_score(score, to_yaml(found)), f"working-points-{score}.json": to_correctionlib(score, found)}, ""


def _scored(jets: JetsSeen, config: JetsConfig, score: str, binning: Binning | None) -> ScoredJets:
    return ScoredJets(np.asarray(jets.columns[score], float), jets.label, list(config.data.classes), jets.weight, jets.binned if binning else None, jets.event)
