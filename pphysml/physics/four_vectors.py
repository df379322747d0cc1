"""Four-momenta as arrays (..., 4) of px, py, pz, e in natural units, metric (-, -, -, +)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def mass_squared(p4: Floats) -> Floats:
    """Return E^2 - p^2, shape (...)."""
    e = p4[..., 3]
    squared: Floats = e * e - momentum_squared(p4)
    return squared


def mass(p4: Floats) -> Floats:
    """Return the invariant mass, shape (...); 0 where rounding made its square negative."""
    return np.sqrt(np.maximum(mass_squared(p4), 0.0))


def from_pt_eta_phi(pt: Floats, eta: Floats, phi: Floats) -> Floats:
    """Return px, py, pz, shape (..., 3), of transverse momentum, pseudorapidity and azimuth (rad).

    px = pt cos(phi), py = pt sin(phi), pz = pt sinh(eta) (PDG review, Kinematics).
    """
    momenta: Floats = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)], -1)
    return momenta


def momentum_squared(p4: Floats) -> Floats:
    """Return the square of the three-momentum, shape (...)."""
    squared: Floats = np.einsum("...i,...i->...", p4[..., :3], p4[..., :3])
    return squared


def boost(p4: Floats, frame: Floats) -> Floats:
    """Take four-momenta from the rest frame of `frame` into the frame where `frame` is given.

    With P = `frame` of mass M: E' = (E P_E + p.P) / M and p' = p + P (E + E') / (P_E + M); the
    second form needs no Lorentz factor and stays exact for P at rest (PDG review, Kinematics).

    Args:
        p4: shape (..., 4), in the rest frame of `frame`.
        frame: shape broadcasting to (..., 4), with a mass above zero.
    """
    m = mass(frame)
    e = (p4[..., 3] * frame[..., 3] + np.sum(p4[..., :3] * frame[..., :3], -1)) / m
    along = (p4[..., 3] + e) / (frame[..., 3] + m)
    p3 = p4[..., :3] + frame[..., :3] * along[..., None]
    return np.concatenate([p3, e[..., None]], -1)


def at_rest(p4: Floats, frame: Floats) -> Floats:
    """Take four-momenta into the rest frame of `frame`; undoes `boost`."""
    return boost(p4, frame * np.array([-1.0, -1.0, -1.0, 1.0]))
