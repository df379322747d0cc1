"""Errors of input: their place, completed by who knows it, and worded in one way."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.errors import InputError, did_you_mean, nearest
from pphysml.io.problems import (
    EntriesError,
    Place,
    Places,
    Problem,
    ProblemError,
    of_first_file,
    place,
    problems_of,
    refuse,
)
from pphysml.io.sources import Source

PLACES = Places([Source("a.root", "t"), Source("b.root", "u")], {0: {"x": "X"}, 1: {"x": "posX"}})


@pytest.mark.parametrize(("known", "sentence"), [
    ({}, "is odd."),
    ({"file": "a.root"}, "a.root: is odd."),
    ({"file": "a.root", "tree": "t", "branch": "x", "entry": 0}, "a.root, tree 't', branch 'x', entry 0: is odd."),
    ({"branch": "x"}, "Branch 'x': is odd."),
    ({"file": 1, "branch": "x", "entry": 5}, "input file 1, branch 'x', entry 5: is odd."),
])
def test_a_place_is_worded_as_far_as_it_is_known(known, sentence):
    assert str(InputError("is odd", **known)) == sentence
    assert str(InputError("is odd?", **known)).endswith("is odd?")


def test_the_reader_puts_file_tree_and_branch_in_the_place_of_number_and_column():
    with pytest.raises(InputError) as caught, PLACES.completing():
        raise InputError(lambda named: f"repeats {Place(0, 7).text(named)}", file=1, branch="x", entry=5)
    error = caught.value
    assert (error.file, error.tree, error.branch, error.entry) == ("b.root", "u", "posX", 5)
    assert str(error) == "b.root, tree 'u', branch 'posX', entry 5: repeats entry 7 of a.root."
    with pytest.raises(InputError), PLACES.completing():  # what is complete stays as it is
        raise error
    assert error.file == "b.root" and error.branch == "posX"


def test_without_a_number_of_a_file_the_first_ones_branches_serve():
    with pytest.raises(InputError, match=r"^Branch 'X': is not there\.$"), PLACES.completing():
        raise InputError("is not there", branch="x")


def test_a_chunk_gives_its_first_file_to_what_has_none():
    rows = {"file": np.array([1, 1]), "entry": np.array([3, 4])}
    with pytest.raises(InputError) as caught, of_first_file(rows):
        raise InputError("is odd")
    assert caught.value.file == 1
    with pytest.raises(InputError) as caught, of_first_file(rows):
        raise InputError("is odd", file=0)
    assert caught.value.file == 0


def test_the_first_bad_row_is_refused_with_all_others_known():
    rows = {"file": np.array([0, 1, 1]), "entry": np.array([9, 0, 1])}
    refuse(rows, np.zeros(3, bool), "x", lambda row: "never")

    def reason(row: int) -> str:
        return f"is {row}"

    bad = np.array([False, True, True])
    with pytest.raises(EntriesError) as caught:
        refuse(rows, bad, "x", reason)
    assert str(caught.value) == ("input file 1, branch 'x', entry 0: is 1 "
                                 "(1 more of the 3 entries read with it is refused for the same reason).")
    assert caught.value.bad is bad and caught.value.more == 1 and caught.value.reason == "is 1"
    with pytest.raises(EntriesError) as again:
        refuse(rows, np.array([True, False, False]), "x", reason)
    with pytest.raises(EntriesError) as other:
        refuse(rows, bad, "x", lambda row: f"is {row}")
    assert again.value.rule == caught.value.rule != other.value.rule


def test_columns_in_memory_have_one_entry_per_row():
    assert place({"x": np.zeros(3)}, 2) == Place(None, 2)
    assert Place(None, 2).text(str) == "entry 2"


def test_problems_of_an_error_keep_its_place():
    first, second = Problem("a.root", "t", "x", 3, "is odd"), Problem("a.root", None, None, None, "is even")
    many = ProblemError([first, second])
    assert problems_of(many) == [first, second]
    assert str(many) == "a.root, tree 't', branch 'x', entry 3: is odd. (1 more problem: see `pphysml validate`.)"
    assert problems_of(InputError("is odd", file="a.root", tree="t", branch="x", entry=3)) == [first]


@pytest.mark.parametrize(("name", "found"), [
    ("px", ["trk_px", "jet_px_reco"]),  # those that contain it, the shortest first
    ("TRK_PX", ["trk_px"]),
    ("trk_pxx", ["trk_px"]),
    ("r", []),  # one letter is in everything
    ("energy", []),
])
def test_names_that_contain_a_mistyped_one_come_before_those_that_look_like_it(name, found):
    known = ["weight", "jet_px_reco", "trk_px", "hcal"]
    assert nearest(name, known) == found
    assert did_you_mean(name, known).startswith(" Did you mean 'trk_px'" if found else " There is: hcal, jet_px_reco, trk_px, weight.")
