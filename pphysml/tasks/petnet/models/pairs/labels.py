"""Which candidate pairs are to be found, by the truth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .....io.ragged import Array, Columns
from ...coincidences.candidates import Candidates
from ...config import PetConfig
from ...judging.classes import PairClass, pair_classes
from ...judging.options import options_of
from ...judging.truth import truth_of


class Labels(NamedTuple):
    """Truth of pairs.

    Attributes:
        true: bool (P,), one pair for each event that can be found, the one nearest in time.
        unscattered: bool (P,), neither photon was scattered in the object.
        same_event: bool (P,), both photons of one annihilation.
    """

    true: Array
    unscattered: Array
    same_event: Array


def labels_of(examples: Columns, pairs: Candidates, config: PetConfig) -> Labels:
    """Return the truth of pairs; a photon that scattered between crystals gives several pairs of one event.

    Raises:
        InputError: the examples do not tell which event a single is of.
    """
    truth = truth_of(examples, options_of(config))
    kind = pair_classes(truth, pairs.first, pairs.second)
    same_event = (kind == PairClass.TRUE) | (kind == PairClass.SCATTERED)
    rows = np.flatnonzero(same_event)
    slice_number = truth.row[pairs.first[rows]].astype(np.int64)
    order = np.lexsort((pairs.dt[rows], truth.key[pairs.first[rows]], slice_number))
    key = truth.key[pairs.first[rows[order]]]
    fresh = np.ones(len(rows), dtype=bool)
    fresh[1:] = (np.diff(key) != 0) | (np.diff(slice_number[order]) != 0)
    true = np.zeros(len(kind), dtype=bool)
    true[rows[order][fresh]] = True
    return Labels(true, kind == PairClass.TRUE, same_event)
