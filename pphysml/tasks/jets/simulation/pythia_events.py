"""Events of Pythia 8: hard jets of quarks and gluons, or a boosted resonance beside one, as their visible particles.

The resonance is a Z boson of another mass that decays to quarks: production in flight, spin, showers, hadrons and underlying event are those
of the Standard Model. Reference: C. Bierlich et al., arXiv:2203.11601.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ....errors import ConfigError
from ..config.simulation import SimulationConfig

EXTRA = "pip install 'pphysml[sim]'"

ENERGY = 13_000.0
"""Of the protons together, GeV."""

RELATIVE_WIDTH = 2.495 / 91.19
"""Width of the Z boson over its mass."""

BELOW, ABOVE = 0.9, 1.25
"""Range of the hard process's transverse momentum over that of jets: radiation lifts some above, and takes from others."""

STABLE = 10.0
"""Distance c tau from which on particles do not decay, mm."""

QUARKS = "23:onIfAny = 1 2 3 4 5"

PROCESSES = {False: ("HardQCD:all = on",), True: ("WeakBosonAndParton:qqbar2gmZg = on", "WeakBosonAndParton:qg2gmZq = on", "WeakZ0:gmZmode = 2", "23:onMode = off", QUARKS)}
"""Without and with a resonance."""

NATURAL_POWER = {False: 6.0, True: 5.7}
"""With which powers the spectra of those jets fall between 350 and 900 GeV, to 0.1 (measured with version 8.317; of resonances of 80 and 200 GeV 5.7 and 5.6)."""


def started(options: SimulationConfig, mass: float, seed: int) -> Any:
    """Return Pythia, ready to make events whose jets have the spectrum that is asked for.

    Args:
        mass: of the resonance, GeV; below 0 there is none.
        seed: 1 to 900 000 000.

    Raises:
        ConfigError: Pythia is not installed, or refuses the settings.
    """
    pythia = _module("pythia8mc").Pythia("", False)
    for line in (*_settings(options, mass), "Random:setSeed = on", f"Random:seed = {seed}"):
        if not pythia.readString(line):
            raise ConfigError(f"Pythia refuses its setting {line!r}.")
    if not pythia.init():
        raise ConfigError(f"Pythia does not start with simulation.pt={options.pt} and a resonance of {mass:g} GeV; its reasons stand above.")
    return pythia


def _settings(options: SimulationConfig, mass: float) -> Iterator[str]:
    resonance = mass > 0
    yield from ("Print:quiet = on", "Next:numberCount = 0", f"Beams:eCM = {ENERGY}", "ParticleDecays:limitTau0 = on", f"ParticleDecays:tau0Max = {STABLE}", *PROCESSES[resonance])
    if resonance:
        yield from (f"23:m0 = {mass}", f"23:mWidth = {RELATIVE_WIDTH * mass}", f"23:mMin = {0.5 * mass}", f"23:mMax = {1.5 * mass}")
    yield from (f"PhaseSpace:pTHatMin = {BELOW * lowest_pt(options, mass)}", f"PhaseSpace:pTHatMax = {ABOVE * options.pt[1]}")
    # Weights that would undo this are left alone: the spectrum is one that is asked for.
    yield from ("PhaseSpace:bias2Selection = on", f"PhaseSpace:bias2SelectionPow = {max(0.0, NATURAL_POWER[resonance] - options.pt_power)}")


def lowest_pt(options: SimulationConfig, mass: float) -> float:
    """Return the lowest transverse momentum of jets, GeV: a resonance must fit into one."""
    return max(options.pt[0], 2 * mass / options.radius)


def clustering() -> Any:
    """Return the module fastjet, whose arrays are those of `vector`.

    Raises:
        ConfigError: one is not installed.
    """
    _module("vector").register_awkward()
    return _module("fastjet")


def _module(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(f"simulation.generator=pythia needs the package {name}: {EXTRA}.") from error


@contextmanager
def quiet_output() -> Iterator[None]:
    """Keep what compiled code prints, as fastjet its banner, away from the standard output."""
    kept, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nothing)
