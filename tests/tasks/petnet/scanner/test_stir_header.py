"""STIR's header, read back with STIR's rules, must put every crystal where the scanner has it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pphysml.errors import ConfigError
from pphysml.tasks.petnet.scanner.config import ScannerConfig
from pphysml.tasks.petnet.scanner.scanner import Scanner, load_scanner
from pphysml.tasks.petnet.scanner.stir_header import stir_header

NESTED = Scanner.of(ScannerConfig(name="nested", radius=252.0, rsectors=16, modules=[2, 2], submodules=[2, 3], crystals=[5, 4],
                                  layers=2, crystal_pitch=[5.0, 6.0], crystal_size=[5.0, 6.0, 20.0]))


def keys(text: str) -> dict[str, str]:
    """Parse as STIR's KeyParser: case, underscores and repeated spaces do not count."""
    lines = [line.split(":=") for line in text.splitlines() if ":=" in line and not line.startswith(";")]
    return {" ".join(key.replace("_", " ").lower().split()): value.strip() for key, value in lines}


def number(found: dict[str, str], key: str) -> float:
    return float(found[key.lower()])


def repeaters(found: dict[str, str], level: str) -> tuple[int, int, int]:
    return tuple(int(found[f"number of {level} {axis}"]) for axis in "xyz")  # type: ignore[return-value]


@pytest.mark.parametrize("scanner", [load_scanner("safir"), load_scanner("toy-2880"), NESTED], ids=lambda s: s.name)
def test_stir_puts_crystals_where_they_are(scanner: Scanner) -> None:
    found = keys(stir_header(scanner, "a.root"))
    module, sub, crystal = (repeaters(found, level) for level in ("modules", "submodules", "crystals"))
    ids = {name: np.asarray(c) for name, c in scanner.ids_of(np.arange(scanner.n_crystals)).items()}
    # InputStreamFromROOTFileForCylindricalPET::get_next_record
    ring = (ids["crystal_id"] // crystal[1] + ids["submodule_id"] // sub[1] * crystal[2]
            + ids["module_id"] // module[1] * sub[2] * crystal[2])
    place = ((ids["rsector_id"] * module[1] + ids["module_id"] % module[1]) * sub[1] + ids["submodule_id"] % sub[1]) * crystal[1] + ids["crystal_id"] % crystal[1]
    n, rings = int(number(found, "number of detectors per ring")), int(number(found, "number of rings"))
    assert (n, rings) == (scanner.crystals_per_ring, scanner.n_rings)
    assert place.max() == n - 1 and ring.max() == rings - 1
    radius = 10 * (number(found, "inner ring diameter (cm)") / 2 + number(found, "average depth of interaction (cm)"))
    psi = np.radians(number(found, "view offset (degrees)")) + 2 * np.pi * place / n
    z = 10 * number(found, "distance between rings (cm)") * (ring - (rings - 1) / 2)
    stir = np.stack([radius * np.sin(psi), -radius * np.cos(psi), z], axis=1)
    true = scanner.centre(np.arange(scanner.n_crystals))
    turn = np.angle((true[:, 0] + 1j * true[:, 1]) / (stir[:, 0] + 1j * stir[:, 1]))
    # A flat block leaves its crystals within a part of a pitch of even spacing, on both sides alike.
    assert np.abs(turn).max() < 2 * np.pi / n and abs(turn.mean()) < 1e-9
    np.testing.assert_allclose(z, true[:, 2], atol=1.01 * scanner.crystal_pitch[1])
    assert np.corrcoef(z, true[:, 2])[0, 1] > 0.999


def test_bins_fill_the_ring() -> None:
    found = keys(stir_header(load_scanner("safir"), "a.root", interaction_depth=4.0))
    assert number(found, "average depth of interaction (cm)") == pytest.approx(0.4)
    assert number(found, "inner ring diameter (cm)") == pytest.approx(12.32)
    # s = R sin(pi k / N), of which this is the step in the middle.
    assert number(found, "default bin size (cm)") == pytest.approx(6.56 * np.sin(np.pi / 180), rel=1e-4)
    assert number(found, "maximum number of non-arc-corrected bins") == 179
    assert "maximum number of (unmashed) tof time bins" not in found


def test_what_is_read_of_the_file() -> None:
    found = keys(stir_header(NESTED, "run/a.root", (391.0, 601.5), tree="delay", readout="crystal", tof=(351, 17.8, 250.0)))
    assert (found["name of data file"], found["name of input tchain"]) == ("run/a.root", "delay")
    assert number(found, "low energy window (keV)") == 391 and number(found, "upper energy window (keV)") == 601.5
    assert number(found, "check energy window information") == 1 and number(found, "singles readout depth") == 4
    assert number(found, "maximum number of (unmashed) tof time bins") == 351
    assert (number(found, "size of unmashed tof time bins (ps)"), number(found, "tof timing resolution (ps)")) == (17.8, 250)
    assert number(keys(stir_header(NESTED, "a.root")), "check energy window information") == 0


def test_sections_are_opened_and_closed() -> None:
    lines = [line for line in stir_header(NESTED, "a.root").splitlines() if line and not line.startswith(";")]
    assert lines[0] == "ROOT header :=" and lines[-1] == "End ROOT header :="
    inner = lines.index("GATE_Cylindrical_PET Parameters :=")
    assert lines[inner - 1] == "GATE scanner type := GATE_Cylindrical_PET"
    assert inner < lines.index("number of Rsectors := 16") < lines.index("End GATE_Cylindrical_PET Parameters :=")


def test_odd_rings_are_refused() -> None:
    with pytest.raises(ConfigError, match="even number"):
        stir_header(replace(NESTED, rsectors=15, crystals=(5, 4), submodules=(1, 3), modules=(1, 2)), "a.root")
