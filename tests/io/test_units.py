"""Units against the definitions of their prefixes, and the mapping that names them."""

from __future__ import annotations

import math

import pytest

from pphysml.errors import ConfigError
from pphysml.io.schema import Layout
from pphysml.io.units import UNITS, conversion, read_mapping


@pytest.mark.parametrize(("unit", "target", "factor"), [
    ("MeV", "GeV", 1e-3), ("TeV", "keV", 1e9), ("eV", "MeV", 1e-6), ("cm", "mm", 10), ("um", "m", 1e-6),
    ("s", "ns", 1e9), ("ps", "us", 1e-6), ("deg", "rad", math.pi / 180), ("GeV", "GeV", 1),
])
def test_factors(unit: str, target: str, factor: float) -> None:
    assert conversion(unit, target) == pytest.approx(factor, rel=1e-15)


def test_there_and_back_is_one() -> None:
    for sizes in UNITS.values():
        for a in sizes:
            for b in sizes:
                assert conversion(a, b) * conversion(b, a) == pytest.approx(1, rel=1e-14)


def test_dimensions_and_unknown_units() -> None:
    with pytest.raises(ConfigError, match="'mm' cannot be converted to 'GeV'"):
        conversion("mm", "GeV")
    with pytest.raises(ConfigError, match="Did you mean 'GeV'"):
        conversion("gev", "MeV")


def test_mapping(layout: Layout) -> None:
    read = read_mapping({"px": "Lep_px:MeV", "e": "ns::energy", "phi2": "phi"}, [layout], ["phi2"])
    assert read.branches == {"px": "Lep_px", "e": "ns::energy", "phi2": "phi"}
    assert read.factors == {"px": 1e-3}


@pytest.mark.parametrize(("unit", "factor"), [("cm", 10), ("mm", 1), ("MeV", 1e-3), ("us", 1e3), ("deg", math.pi / 180)])
def test_further_branches_have_the_units_of_the_program(layout: Layout, unit: str, factor: float) -> None:
    assert read_mapping({"dr": f"feat_dr:{unit}"}, [layout], ["dr"]).factors["dr"] == pytest.approx(factor, rel=1e-15)


@pytest.mark.parametrize(("name", "value", "message"), [
    ("pxx", "a", "Did you mean 'px'"), ("px", "a:mm", "cannot be converted"), ("px", "a:parsec", "no unit 'parsec'"),
    ("event", "a:GeV", "number without unit"),
])
def test_mapping_errors(layout: Layout, name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_mapping({name: value}, [layout])
