"""Decays of a B+ with the masses of the PDG, written as somebody else's file: MeV, and names of its own."""

from __future__ import annotations

import awkward as ak
import numpy as np
import uproot

from pphysml.physics.four_vectors import boost
from pphysml.physics.particle_masses import particle_mass
from pphysml.physics.phase_space import n_body_decay

PI0 = ("pi0", ("gamma", "gamma"))
KS = ("K_S0", ("pi+", "pi-"))
D0 = ("anti-D0", ("K+", "pi-"))
J_PSI = ("J/psi", ("mu+", "mu-"))
DECAYS = (
    ("B+", (D0, "pi+")),
    ("B+", (("anti-D0", ("K+", "pi-", PI0)), "pi+")),
    ("B+", (("anti-D*0", (D0, PI0)), "pi+")),
    ("B+", (("D*-", (D0, "pi-")), "pi+", "pi+")),
    ("B+", (J_PSI, "K+")),
    ("B+", (J_PSI, "K+", "pi+", "pi-")),
    ("B+", (J_PSI, KS, "pi+")),
    ("B+", (("anti-D0", (KS, "pi+", "pi-")), "pi+")),
    ("B+", (("D-", (KS, "pi-")), "pi+", "pi+")),
    ("B+", (("psi(2S)", (J_PSI, "pi+", "pi-")), "K+")),
)
MAP = [f"--map={name}" for name in (
    "px=track_momX:MeV", "py=track_momY:MeV", "pz=track_momZ:MeV", "e=track_ene:MeV", "parent=mother", "topology=channel")]


def write_decays(path, n, seed, smearing=0.0):
    """Write n events with mothers; momenta are smeared by a share, energies follow from the true masses."""
    rng = np.random.default_rng(seed)
    channel = rng.integers(len(DECAYS), size=n)
    events = [None] * n
    for number, decay in enumerate(DECAYS):
        for row, event in zip(np.flatnonzero(channel == number), _events(decay, int((channel == number).sum()), smearing, rng), strict=True):
            events[row] = event
    rows = {f"track_{name}": ak.Array([p[:, k] for p, _ in events]) for k, name in enumerate(("momX", "momY", "momZ", "ene"))}
    rows |= {"mother": ak.Array([parent for _, parent in events]), "channel": channel}
    with uproot.recreate(path) as file:
        file.mktree("decays", {name: "int64" if name == "channel" else "var * int64" if name == "mother" else "var * float64"
                               for name in rows}).extend(rows)
    return path


def _events(decay, n, smearing, rng):
    """Yield leaves in MeV, (leaves, 4), in random order, and the parents of all nodes."""
    momentum = np.zeros((n, 4))
    momentum[:, :3] = rng.normal(0.0, 0.2, (n, 3))
    momentum[:, 3] = np.sqrt((momentum[:, :3] ** 2).sum(1) + particle_mass("B+") ** 2)
    leaves, inner = [], []
    _decay(decay, momentum, -1, leaves, inner, rng)
    k = len(leaves)
    p4 = np.stack([p for p, _ in leaves], 1)
    mass = np.sqrt(np.maximum(p4[..., 3] ** 2 - (p4[..., :3] ** 2).sum(-1), 0.0))
    p4[..., :3] *= 1.0 + smearing * rng.normal(size=(n, k, 1))
    p4[..., 3] = np.sqrt((p4[..., :3] ** 2).sum(-1) + mass**2)
    above = np.array([up for _, up in leaves])
    for event in p4:
        order = rng.permutation(k)
        yield 1e3 * event[order], np.concatenate([above[order] + k, np.where(np.array(inner) < 0, -1, np.array(inner) + k)])


def _decay(decay, momentum, up, leaves, inner, rng):
    if isinstance(decay, str):
        leaves.append((momentum, up))
        return
    name, children = decay
    own = len(inner)
    inner.append(up)
    masses = [particle_mass(child if isinstance(child, str) else child[0]) for child in children]
    at_rest, _ = n_body_decay(particle_mass(name), masses, len(momentum), rng)
    for number, child in enumerate(children):
        _decay(child, boost(at_rest[:, number], momentum), own, leaves, inner, rng)
