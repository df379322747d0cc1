"""Links to tracks against walking along them, and what no chain is."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged, slice_rows
from pphysml.tasks.track.config import FilterConfig
from pphysml.tasks.track.tracks.links import Links
from pphysml.tasks.track.tracks.track_filters import kept_tracks
from pphysml.tasks.track.tracks.tracks import find_tracks


def layers(*rows):
    return {"layer": Ragged.from_rows(rows, np.int16)}


def linked(*previous):
    return Links(np.array(previous, dtype=np.int64), np.ones(len(previous), dtype=np.float32))


def walked(previous):
    """Return all chains, by following each from its last hit."""
    inner = set(previous[previous >= 0].tolist())
    chains = []
    for hit in range(len(previous)):
        if hit not in inner:
            chain = [hit]
            while previous[chain[0]] >= 0:
                chain.insert(0, int(previous[chain[0]]))
            chains.append(chain)
    return sorted(chains)


def random_chains(rng, layer):
    """Return links of random hits of one frame to random ones in layers before."""
    previous = np.full(len(layer), -1)
    for hit in rng.permutation(len(layer)):
        free = np.setdiff1d(np.flatnonzero(layer < layer[hit]), previous)
        if len(free) and rng.random() < 0.8:
            previous[hit] = rng.choice(free)
    return previous


@pytest.mark.parametrize("seed", range(4))
def test_tracks_are_the_chains_in_the_order_of_their_first_hits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [np.sort(rng.integers(0, 30, n)) for n in (60, 0, 1, 45)]
    parts = [random_chains(rng, row) for row in rows]
    starts = np.cumsum([0, *map(len, rows)])
    previous = np.concatenate([np.where(p >= 0, p + s, -1) for p, s in zip(parts, starts[:-1], strict=True)])
    found = find_tracks(layers(*rows), linked(*previous))
    expected = walked(previous)
    assert [found.hits[t].tolist() for t in range(len(found.hits))] == expected
    for number, chain in enumerate(expected):
        assert (found.of_hit[chain] == number).all()
    np.testing.assert_array_equal(found.frame, np.searchsorted(starts, found.first, side="right") - 1)
    np.testing.assert_array_equal(found.last, [chain[-1] for chain in expected])


def test_frames_may_be_empty_and_hits_alone() -> None:
    assert len(find_tracks(layers(), linked()).hits) == 0
    assert len(find_tracks(layers([], []), linked()).hits) == 0
    found = find_tracks(layers([], [3, 3], []), linked(-1, -1))
    assert found.hits.counts.tolist() == [1, 1] and found.frame.tolist() == [1, 1]


def test_hits_of_tracks_left_out_belong_to_none() -> None:
    found = find_tracks(layers([0, 0, 1, 1, 2]), linked(-1, -1, 1, 0, 3))
    kept = found.keep(np.array([False, True]))
    assert kept.of_hit.tolist() == [-1, 0, 0, -1, -1]
    assert kept.hits[0].tolist() == [1, 2]
    again = kept.keep(np.array([True]))
    assert again.of_hit.tolist() == kept.of_hit.tolist()


@pytest.mark.parametrize(("previous", "message"), [
    ((-1, -1, 0, 0, -1), "of two"),
    ((-1, -1, 0, 2, -1), "nearer to the beam"),
    ((-1, 0, -1, -1, -1), "nearer to the beam"),
    ((-1, -1, -1, -1, 1), "another frame"),
    ((-1, -1, 9, -1, -1), "none of the hits"),
    ((-1, -2, -1, -1, -1), "none of the hits"),
    ((-1, -1, -1, -1), "4 links for 5 hits"),
])
def test_what_is_no_chain_is_refused(previous: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_tracks(layers([0, 0, 1, 1], [2]), linked(*previous))


def test_a_batch_is_its_frames(toy) -> None:
    rng = np.random.default_rng(5)
    examples = toy.random_frames(rng)
    n = len(examples["layer"])
    parts = [random_chains(rng, examples["layer"][row]) for row in range(n)]
    starts = examples["layer"].offsets
    together = find_tracks(examples, linked(*np.concatenate([np.where(p >= 0, p + s, -1) for p, s in zip(parts, starts, strict=False)])))
    seen = []
    for row in range(n):
        single = find_tracks(slice_rows(examples, row, row + 1), linked(*parts[row]))
        seen += [(hits + starts[row]).tolist() for hits in (single.hits[t] for t in range(len(single.hits)))]
    assert seen == [together.hits[t].tolist() for t in range(len(together.hits))]


def bent(angles, dedx):
    """Return two tracks in the plane y = 0 that bend at their third hit, with their links."""
    z = 10.0 * np.arange(4)
    x = np.stack([np.where(z > 20, np.tan(a) * (z - 20), 0.0) + 50 * i for i, a in enumerate(angles)], 1).ravel()
    hits = {"layer": np.repeat(np.arange(4), 2), "x": x, "y": 0 * x, "z": np.repeat(z, 2), "dedx": np.tile(dedx, 4)}
    examples = {name: Ragged.from_counts(values, np.array([8])) for name, values in hits.items()}
    return examples, linked(-1, -1, 0, 1, 2, 3, 4, 5)


@pytest.mark.parametrize(("options", "kept"), [
    ({}, [True, True]), ({"min_hits": 4}, [True, True]), ({"min_hits": 5}, [False, False]),
    ({"max_kink": 0.05}, [True, False]), ({"max_kink": 0.11}, [True, True]),
    ({"min_last_dedx": 3.0}, [False, True]), ({"min_last_dedx": 3.0, "max_kink": 0.05}, [False, False]),
])
def test_filters(options: dict[str, float], kept: list[bool]) -> None:
    examples, links = bent([0.01, 0.1], [2.0, 5.0])
    tracks = find_tracks(examples, links)
    assert kept_tracks(examples, tracks, FilterConfig(**options)).tolist() == kept


def test_an_unknown_energy_loss_does_not_pass_a_cut_on_it() -> None:
    examples, links = bent([0.0, 0.0], [np.nan, 5.0])
    tracks = find_tracks(examples, links)
    assert kept_tracks(examples, tracks, FilterConfig(min_last_dedx=1.0)).tolist() == [False, True]
    assert kept_tracks(examples, tracks, FilterConfig()).all()
