"""Rings, panels, objects and electronics of the second, independent simulation; see petnet_toy_scanners.py."""

from __future__ import annotations

from dataclasses import dataclass, replace

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Detector:
    """Crystals around an axis, or in flat panels, and their electronics.

    Attributes:
        radius: of the crystals' front faces, or half the distance of opposite panels, mm.
        length: along the axis, mm.
        panels: number of flat panels, 2 or 4; 0 is a ring.
        width: of a panel across the axis, mm.
        pitch, thickness: of crystals, mm.
        attenuation: of crystals at 511 keV, 1/mm.
        full: share of interacting photons that leave their whole energy.
        gap: dead share of every module, in both directions; `module`: crystals of a module in a row.
        energy_resolution: FWHM at 511 keV, a share.
        time_fwhm: of a pair, ps; `clock`: steps in which time is given, ps.
        dead_time: of a module, extended by every single, ns.
        lutetium: singles of the crystals' own radioactivity above the threshold, per second.
        centre, axis: where the scanner stands, mm, and along which coordinate.
    """

    radius: float = 100.0
    length: float = 130.0
    panels: int = 0
    width: float = 150.0
    pitch: float = 2.0
    thickness: float = 15.0
    attenuation: float = 0.087
    full: float = 0.7
    gap: float = 0.0
    module: int = 8
    energy_resolution: float = 0.11
    time_fwhm: float = 500.0
    clock: float = 50.0
    dead_time: float = 0.0
    lutetium: float = 0.0
    centre: Vector = (0.0, 0.0, 0.0)
    axis: str = "z"


@dataclass(frozen=True)
class Cylinder:
    """A cylinder along the scanner's axis, from its middle, mm; of water or of activity."""

    radius: float
    length: float
    centre: Vector = (0.0, 0.0, 0.0)
    weight: float = 1.0


@dataclass(frozen=True)
class Setting:
    """What is measured.

    Attributes:
        water: what attenuates and scatters; cylinders must not overlap.
        sources: where decays are, each with its share.
        centres: of the gate; by default the mean of the sources.
        megabecquerel: at the start; `decays`: expected in all.
        half_life: in lengths of the measurement; negative ones are an uptake.
        jump: displacement after half of the time; `drift`: displacement over the whole time, mm.
        beds: "": one; "files": the jump lies between two files; "runs": between two runs of one file.
        window: given to all, ps; `energies`: keV.
        smallest: true pairs that the setting must have.
    """

    detector: Detector
    water: tuple[Cylinder, ...]
    sources: tuple[Cylinder, ...]
    megabecquerel: float
    decays: float
    window: float = 2000.0
    energies: tuple[float, float] = (391.0, 601.0)
    centres: tuple[Vector, ...] = ()
    half_life: float = float("inf")
    jump: Vector = (0.0, 0.0, 0.0)
    drift: Vector = (0.0, 0.0, 0.0)
    beds: str = ""
    smallest: int = 20_000

    @property
    def seconds(self) -> float:
        """Length of the measurement, so that `decays` are expected."""
        x = 0.0 if self.half_life == float("inf") else 0.6931 / self.half_life
        mean = 1.0 if x == 0 else (1 - 2.718281828**-x) / x
        return self.decays / (self.megabecquerel * 1e6 * mean)


def moved(cylinder: Cylinder, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Cylinder:
    return replace(cylinder, centre=(cylinder.centre[0] + x, cylinder.centre[1] + y, cylinder.centre[2] + z))


def rods(radius: float, distance: float, around: float, n: int) -> tuple[Cylinder, ...]:
    """Return rods on a square grid inside a radius, and one that is four times as hot."""
    places = [(distance * i, distance * j) for i in range(-n, n + 1) for j in range(-n, n + 1)]
    inside = [place for place in places if place[0] ** 2 + place[1] ** 2 < around**2]
    return tuple(Cylinder(radius, 50.0, (x, y, 0.0), 4.0 if k == 1 else 1.0) for k, (x, y) in enumerate(inside))


SMALL = Detector()
CLINICAL = Detector(radius=400.0, length=220.0, pitch=4.0, thickness=20.0, clock=200.0)
TOF = replace(CLINICAL, time_fwhm=230.0, clock=50.0)
BISMUTH = replace(CLINICAL, attenuation=0.096, full=0.75, energy_resolution=0.17, time_fwhm=3000.0, clock=1000.0)
LONG = replace(CLINICAL, radius=390.0, length=1000.0, time_fwhm=300.0, clock=50.0)
PANELS = Detector(radius=75.0, length=150.0, panels=2)

MOUSE = (Cylinder(12.5, 70.0),)
RAT = (Cylinder(25.0, 110.0),)
TRUNK = (Cylinder(100.0, 320.0),)
HEAD = (Cylinder(70.0, 180.0),)
HEAD_HOT = (Cylinder(60.0, 160.0),)
TWO = (Cylinder(18.0, 60.0, (-30.0, 10.0, -10.0)), Cylinder(12.0, 60.0, (32.0, -12.0, 12.0), 0.5))
TWO_LARGE = (Cylinder(60.0, 180.0, (-90.0, 0.0, 0.0)), Cylinder(45.0, 180.0, (85.0, 20.0, 0.0), 0.7))
TWO_CENTRES = tuple(c.centre for c in TWO)
ASIDE = (moved(MOUSE[0], x=64.0, y=48.0),)
JUMP = (30.0, -22.0, 8.0)

SETTINGS: dict[str, Setting] = {
    "clinical, 4 ns": Setting(CLINICAL, TRUNK, (Cylinder(90.0, 280.0),), 60.0, 4.5e6, 4000.0),
    "clinical, 500 ps": Setting(TOF, HEAD, HEAD_HOT, 200.0, 2.6e6, 500.0),
    "clinical, two objects": Setting(CLINICAL, TWO_LARGE, TWO_LARGE, 50.0, 2.4e6, 4000.0, centres=tuple(c.centre for c in TWO_LARGE)),
    "long axial": Setting(LONG, (Cylinder(100.0, 700.0),), (Cylinder(90.0, 650.0),), 25.0, 0.75e6, 4000.0),
    "two panels": Setting(PANELS, MOUSE, MOUSE, 40.0, 1.0e6),
    "four panels, lutetium": Setting(replace(PANELS, panels=4, width=130.0, lutetium=1e6), RAT, (moved(Cylinder(15.0, 60.0), x=5.0),), 40.0, 0.7e6),
    "gaps, decay": Setting(replace(SMALL, gap=0.15), RAT, RAT, 60.0, 1.2e6, half_life=0.8),
    "two beds, files": Setting(SMALL, MOUSE, MOUSE, 50.0, 1.0e6, jump=(30.0, 0.0, 40.0), beds="files"),
    "two beds, runs": Setting(SMALL, RAT, (Cylinder(20.0, 60.0, (0.0, 0.0, -25.0)),), 50.0, 1.0e6, jump=(0.0, 0.0, 60.0), beds="runs"),
    "jump": Setting(SMALL, MOUSE, MOUSE, 50.0, 1.0e6, jump=JUMP),
    "drift": Setting(SMALL, MOUSE, MOUSE, 50.0, 1.0e6, drift=(-40.0, 25.0, 0.0)),
    "BGO": Setting(BISMUTH, HEAD, HEAD_HOT, 10.0, 2.0e6, 8000.0, (350.0, 650.0)),
    "1 MBq": Setting(SMALL, MOUSE, MOUSE, 1.0, 0.03e6, 1000.0, smallest=1000),
    "10 MBq, lutetium": Setting(replace(SMALL, lutetium=2e6, dead_time=100.0), RAT, RAT, 10.0, 0.8e6),
    "100 MBq": Setting(replace(SMALL, dead_time=200.0), MOUSE, MOUSE, 100.0, 1.1e6),
    "point": Setting(SMALL, (Cylinder(20.0, 60.0, (5.0, 0.0, 0.0)),), (Cylinder(0.3, 0.6, (10.0, 4.0, -6.0)),), 60.0, 0.8e6),
    "line": Setting(SMALL, (Cylinder(25.0, 80.0),), (Cylinder(0.5, 70.0, (0.0, 10.0, 0.0)),), 50.0, 1.0e6),
    "clock 50 ps, uptake": Setting(SMALL, RAT, (Cylinder(20.0, 90.0),), 30.0, 1.0e6, half_life=-0.6),
    "clock 1 ns": Setting(replace(SMALL, clock=1000.0), RAT, RAT, 40.0, 1.0e6, 4000.0),
    "clock 4 ns": Setting(replace(SMALL, clock=4000.0), MOUSE, MOUSE, 20.0, 0.8e6, 6000.0),
    "off centre": Setting(SMALL, ASIDE, ASIDE, 60.0, 1.0e6),
    "ring off centre": Setting(replace(SMALL, centre=(300.0, -40.0, 120.0)), (Cylinder(25.0, 70.0),), rods(2.0, 8.0, 20.0, 3), 50.0, 1.0e6),
    "axis x": Setting(replace(SMALL, axis="x"), RAT, RAT, 50.0, 1.1e6),
    "axis y, two objects": Setting(replace(SMALL, axis="y"), TWO, TWO, 50.0, 1.0e6, centres=TWO_CENTRES),
}
"""The table: 24 rings and objects."""
