import numpy as np
import pytest

from pphysml.errors import ConfigError
from pphysml.tasks.petnet.scanner.config import ScannerConfig
from pphysml.tasks.petnet.scanner.scanner import LEVELS, Scanner, known_scanners, load_scanner

NESTED = ScannerConfig(name="nested", radius=50, rsectors=7, modules=[2, 2], submodules=[2, 3], crystals=[3, 4], layers=2,
                       module_pitch=[14, 30], crystal_pitch=[2.1, 2.3], crystal_size=[2.0, 2.2, 20.0])


@pytest.fixture(scope="module", params=[*known_scanners(), "nested"])
def scanner(request):
    return Scanner.of(NESTED) if request.param == "nested" else load_scanner(request.param)


def crystals(scanner):
    return np.arange(scanner.n_crystals)


def test_every_centre_is_found(scanner):
    x, y, z = scanner.centre(crystals(scanner)).T
    assert (scanner.locate(x, y, z) == crystals(scanner)).all()


def test_ids_round_trip(scanner):
    ids = scanner.ids_of(crystals(scanner))
    assert (scanner.crystal_of(ids) == crystals(scanner)).all()
    table = np.stack([ids[name] for name in LEVELS], axis=1)
    assert len(np.unique(table, axis=0)) == scanner.n_crystals
    assert (table.min(axis=0) == 0).all()
    largest = [scanner.rsectors, *(a * b for a, b in scanner.counts), scanner.layers]
    assert (table.max(axis=0) == np.array(largest) - 1).all()


def test_crystal_is_found_up_to_its_faces_and_not_beyond(scanner):
    rng = np.random.default_rng(1)
    chosen = rng.integers(0, scanner.n_crystals, 2000)
    centre, azimuth = scanner.centre(chosen), 2 * np.pi * scanner.ids_of(chosen)["rsector_id"] / scanner.rsectors
    zero = np.zeros(len(chosen))
    axes = np.stack([np.stack([-np.sin(azimuth), np.cos(azimuth), zero], 1), np.stack([zero, zero, zero + 1], 1),
                     np.stack([np.cos(azimuth), np.sin(azimuth), zero], 1)])
    size = np.array([*scanner.crystal_size[:2], scanner.crystal_size[2] / scanner.layers])
    inside = np.einsum("ni,nij->nj", rng.uniform(-0.499, 0.499, (len(chosen), 3)) * size, axes.transpose(1, 0, 2))
    assert (scanner.locate(*(centre + inside).T, tolerance=0) == chosen).all()
    side = rng.integers(0, 3, len(chosen))
    out = axes[side, np.arange(len(chosen))] * (rng.choice([-1, 1], len(chosen)) * 0.501 * size[side])[:, None]
    assert (scanner.locate(*(centre + out).T, tolerance=0) != chosen).all()


def test_points_outside(scanner):
    radius, depth = scanner.radius, scanner.crystal_size[2]
    azimuth = np.linspace(-np.pi, np.pi, 1000)
    for r, z in [(radius - 0.1, 0.0), ((radius + depth) / np.cos(np.pi / scanner.rsectors) + scanner.width, 0.0),
                 (radius + depth / 2, scanner.length / 2 + 0.1)]:
        assert (scanner.locate(r * np.cos(azimuth), r * np.sin(azimuth), np.full(1000, z)) == -1).all()


def test_numbering_is_that_of_gate():
    safir = load_scanner("safir")
    first = safir.crystal_of({name: np.zeros(2, dtype=int) for name in LEVELS} | {"crystal_id": np.array([0, 1])})
    low, high = safir.centre(first)
    assert low[0] == pytest.approx(safir.radius + 6.5)
    assert low[1:] == pytest.approx([-15.4, -25.3])
    assert high - low == pytest.approx([0, 2.2, 0])
    above = safir.crystal_of({name: np.zeros(2, dtype=int) for name in LEVELS} | {"crystal_id": np.array([15, 119])})
    assert safir.centre(above) - low == pytest.approx(np.array([[0, 0, 2.2], [0, 30.8, 15.4]]))
    quarter = safir.centre(safir.crystal_of({name: np.zeros(1, dtype=int) for name in LEVELS} | {"rsector_id": np.array([3])}))
    assert quarter[0] == pytest.approx([15.4, low[0], -25.3])


def test_index_counts_by_azimuth_then_along_z(scanner):
    _, ring, place = scanner.places(crystals(scanner))
    x, y, z = scanner.centre(crystals(scanner)).T
    azimuth = np.arctan2(y, x) + np.pi / scanner.rsectors
    azimuth = np.where(azimuth < 0, azimuth + 2 * np.pi, azimuth)
    order = np.lexsort((azimuth, ring))
    one_layer = order[order < scanner.n_rings * scanner.crystals_per_ring]
    assert (np.diff(place[one_layer].reshape(scanner.n_rings, -1)) == 1).all()
    assert (np.diff(z.reshape(scanner.layers, scanner.n_rings, -1), axis=1) > 0).all()


def test_scanner_is_symmetric(scanner):
    points = scanner.centre(crystals(scanner))
    assert points.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-9)
    mirrored = scanner.locate(points[:, 0], -points[:, 1], -points[:, 2])
    assert (np.sort(mirrored) == crystals(scanner)).all()
    step = 2 * np.pi / scanner.rsectors
    x, y = points[:, 0] * np.cos(step) - points[:, 1] * np.sin(step), points[:, 0] * np.sin(step) + points[:, 1] * np.cos(step)
    turned = scanner.ids_of(scanner.locate(x, y, points[:, 2]))
    assert (turned["rsector_id"] == (scanner.ids_of(crystals(scanner))["rsector_id"] + 1) % scanner.rsectors).all()


def test_ids_of_another_scanner_are_unknown():
    safir = load_scanner("safir")
    ids = safir.ids_of(np.array([17, 17, 17, -1]))
    ids["rsector_id"][1], ids["module_id"][2] = 12, -1
    assert safir.crystal_of(ids).tolist() == [17, -1, -1, -1]
    # SAFIR has neither layers nor submodules: what GATE writes for them says nothing, but a second one is another scanner.
    assert safir.crystal_of({**ids, "layer_id": np.full(4, -1), "submodule_id": np.array([-1, 0, 0, 0])}).tolist() == [17, -1, -1, -1]
    assert safir.crystal_of({**ids, "layer_id": np.array([1, 0, 0, 0])}).tolist() == [-1] * 4
    assert np.isnan(safir.centre(np.array([-1]))).all()
    short = {name: column[:1] for name, column in ids.items() if name not in ("submodule_id", "layer_id")}
    assert safir.crystal_of(short).tolist() == [17]
    del short["module_id"]
    assert safir.crystal_of(short).tolist() == [-1]


def test_known_sizes():
    assert {name: load_scanner(name).n_crystals for name in ("safir", "toy-240", "toy-2880")} == {
        "safir": 4320, "toy-240": 240, "toy-2880": 2880}
    safir = load_scanner("safir")
    assert (safir.crystals_per_ring, safir.n_rings) == (180, 24)
    assert (safir.width, safir.length) == pytest.approx((32.92, 52.72))


@pytest.mark.parametrize(("change", "words"), [
    ({"radius": 61.0}, "12 blocks of 32.92 mm overlap"),
    ({"crystal_pitch": [2.0, 2.2]}, "crystals of 2.12 mm overlap"),
    ({"module_pitch": [33.0, 17.0]}, "modules of 17.52 mm overlap"),
])
def test_overlaps_are_refused(change, words):
    values = {"radius": 61.6, "rsectors": 12, "modules": [1, 3], "crystals": [15, 8],
              "crystal_pitch": [2.2, 2.2], "crystal_size": [2.12, 2.12, 13.0]}
    with pytest.raises(ConfigError, match=words):
        Scanner.of(ScannerConfig(**(values | change)))


def test_files_that_are_no_scanners(tmp_path):
    with pytest.raises(ConfigError, match="safir"):
        load_scanner("safr")
    path = tmp_path / "ring.yaml"
    path.write_text("radius: 3\n")
    with pytest.raises(ConfigError, match="rsectors"):
        load_scanner(path)
    path.write_text("- 1\n")
    with pytest.raises(ConfigError, match="holds no settings"):
        load_scanner(path)
    with pytest.raises(ConfigError, match="is a folder"):
        load_scanner(tmp_path)
