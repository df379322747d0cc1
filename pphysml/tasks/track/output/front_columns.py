"""Columns of what a front tracker saw of the tracks behind the object."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns, ragged
from ....physics.multiple_scattering import highland_angle
from ....physics.range_energy import momentum_velocity
from ..ranges.wepl import Kinds, RangeFit
from ..tracks.front_matching import BackTracks, Floats, match_front
from ..tracks.front_tracks import find_front_tracks
from ..tracks.track_fit import positions
from ..tracks.tracks import Tracks


def front_columns(examples: Columns, tracks: Tracks, entry: Floats, fit: RangeFit) -> dict[str, Array]:
    """Return `front_x0` `front_y0` `front_z0` `front_tx` `front_ty` of each track, NaN where it has no track in front, and with truth `front_proton`.

    Args:
        entry: of `track_fit.entry_vectors`.
        fit: ranges of the tracks.
    """
    front = find_front_tracks(examples)
    pixel = float(np.mean([examples["pitch_x"], examples["pitch_y"]])) / np.sqrt(12) if len(tracks.frame) else 0.0
    back = _back_tracks(examples, tracks, entry, fit, pixel)
    match = match_front(front, back, np.asarray(examples["plane_lengths"], dtype=np.float64)[tracks.frame], pixel)
    # The last element serves tracks without a match, whose index is -1.
    vectors = np.append(np.concatenate([front.place, front.slope], 1), np.full((1, 5), np.nan), 0)[match]
    found: dict[str, Array] = dict(zip(("front_x0", "front_y0", "front_z0", "front_tx", "front_ty"), vectors.T, strict=True))
    if front.proton is not None:
        found["front_proton"] = np.append(front.proton, -1)[match].astype(np.int32)
    return found


def _back_tracks(examples: Columns, tracks: Tracks, entry: Floats, fit: RangeFit, pixel: float) -> BackTracks:
    place, kinds = positions(examples), Kinds.of(examples, tracks)
    second = tracks.hits.flat[np.minimum(tracks.hits.offsets[:-1] + 1, tracks.hits.offsets[1:] - 1)]
    step = np.maximum(place[second, 2] - place[tracks.first, 2], 1e-3)
    # The link runs straight between two hits: of a scatterer all along it turns by a third of the variance.
    turns = np.asarray(examples["turns_at_sensors"], dtype=bool)[tracks.frame]
    lengths = ragged(examples, "gap_lengths").flat[second].astype(np.float64)
    scattered = highland_angle(lengths, momentum_velocity(fit.energy, kinds.mass_ratio), kinds.charge) * np.where(turns, 1.0, 3**-0.5)
    return BackTracks(tracks.frame, place[tracks.first], entry[:, 2:], np.hypot(scattered, np.sqrt(2) * pixel / step),
                      fit.wepl, fit.wepl_error, fit.energy, kinds.mass_ratio, kinds.charge)
