"""What the engines of spiking networks warn of."""

from __future__ import annotations

from ...config import PetConfig
from ...scanner.scanner import Scanner


def without_effect(config: PetConfig) -> list[str]:
    """Return a sentence for each option that is given and has no effect."""
    delays = ["apply.calibrate_delays has no effect on this engine, whose network learns delays itself"] if config.apply.calibrate_delays else []
    return config.ignored_target + delays


def lost_singles(n: int, scanner: Scanner) -> list[str]:
    """Return a sentence on `n` singles that are no input."""
    return [f"{n} singles are in no crystal of the scanner {scanner.name!r}, and in no pair"] if n else []
