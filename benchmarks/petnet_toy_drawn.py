"""Settings of the second, independent simulation that nobody chose: each is drawn from its number; see petnet_toy_scanners.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from petnet_toy_settings import CLINICAL, SMALL, Cylinder, Detector, Setting

LIGHT = 299.792458
"""mm per ns."""


def drawn(number: int) -> Setting:
    """Return a ring or panels, objects, activity, movement and electronics, all drawn."""
    rng = np.random.default_rng([18, number])
    detector = _detector(rng)
    inner = 0.55 * (detector.radius if detector.panels == 0 else min(detector.radius, detector.width / 2))
    water = _cylinders(rng, inner, detector.length)
    sources = tuple(replace(c, radius=c.radius * rng.uniform(0.3, 1.0), length=c.length * rng.uniform(0.5, 1.0), weight=rng.uniform(0.3, 1.0)) for c in water)
    clinical = detector.radius > 200
    activity = float(np.exp(rng.uniform(np.log(15), np.log(80))) if clinical else np.exp(rng.uniform(np.log(5), np.log(120))))
    jump, drift = _movement(rng, water, inner, detector.length)
    across = 2e3 * inner / LIGHT
    window = across + 2 * detector.time_fwhm + 2 * detector.clock
    low = 511 * (1 - 2 * detector.energy_resolution)
    return Setting(detector, water, sources, activity, 4.0e6 if clinical else 1.4e6, float(np.ceil(window / 100) * 100), (round(low), round(1022 - low)),
                   centres=tuple(c.centre for c in sources), half_life=float(rng.choice([np.inf, np.inf, 0.7, 2.0, -0.8])), jump=jump, drift=drift)


def _detector(rng: np.random.Generator) -> Detector:
    base = CLINICAL if rng.random() < 0.35 else SMALL
    return replace(base, radius=base.radius * rng.uniform(0.75, 1.2), length=base.length * rng.uniform(0.8, 1.6), pitch=base.pitch * rng.uniform(0.7, 1.5),
                   thickness=rng.uniform(10, 25), panels=int(rng.choice([0, 0, 0, 4])) if base is SMALL else 0, width=rng.uniform(110, 160),
                   gap=float(rng.choice([0.0, 0.1])), module=int(rng.integers(6, 14)), energy_resolution=rng.uniform(0.09, 0.16),
                   time_fwhm=rng.uniform(220, 1500), clock=float(rng.choice([20.0, 50.0, 78.125, 200.0, 625.0])), dead_time=float(rng.choice([0.0, 60.0, 250.0])),
                   lutetium=float(rng.choice([0.0, 0.0, 5e5])), centre=(rng.uniform(-200, 200), rng.uniform(-200, 200), rng.uniform(-200, 200)) if rng.random() < 0.4 else (0.0, 0.0, 0.0),
                   axis=str(rng.choice(["z", "z", "x", "y"])))


def _cylinders(rng: np.random.Generator, inner: float, length: float) -> tuple[Cylinder, ...]:
    """Return one to three cylinders that do not overlap, inside a radius."""
    found: list[Cylinder] = []
    for _ in range(int(rng.integers(1, 4))):
        for _ in range(100):
            radius, at, angle = inner * rng.uniform(0.12, 0.5), inner * np.sqrt(rng.random()) * 0.7, rng.uniform(0, 2 * np.pi)
            x, y = float(at * np.cos(angle)), float(at * np.sin(angle))
            if at + radius < inner and all(np.hypot(x - c.centre[0], y - c.centre[1]) > radius + c.radius for c in found):
                found.append(Cylinder(radius, length * rng.uniform(0.2, 0.7), (x, y, length * rng.uniform(-0.15, 0.15))))
                break
    return tuple(found)


def _movement(rng: np.random.Generator, water: tuple[Cylinder, ...], inner: float, length: float) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return a displacement after half of the time and one over all of it, either or both zero, that keep the object in the scanner."""
    room = inner * 1.2 - max(np.hypot(c.centre[0], c.centre[1]) + c.radius for c in water)
    angle, kind = rng.uniform(0, 2 * np.pi), int(rng.integers(0, 4))
    step = (float(room * np.cos(angle)), float(room * np.sin(angle)), float(length * rng.uniform(-0.15, 0.15)))
    none = (0.0, 0.0, 0.0)
    return (step if kind == 2 else none), (step if kind == 3 else none)
