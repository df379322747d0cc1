"""uproot's branches and fields, by their full names, and their values: the one place that knows how TTree and RNTuple differ."""

from __future__ import annotations

from typing import Any

import numpy as np
from uproot.behaviors.RNTuple import HasFields
from uproot.behaviors.TBranch import HasBranches

from .ragged import Array

OLD_RNTUPLE = "ROOT::Experimental::RNTuple"


def is_tree(handle: Any) -> bool:
    """Whether uproot could make a tree of what is in a file."""
    return isinstance(handle, (HasBranches, HasFields))


def unreadable(kind: str) -> str:
    """Say of a class of trees why none of it is read, and what to do."""
    if kind == OLD_RNTUPLE:
        return "is an RNTuple of the experimental format before 1.0, which no newer program reads; write it again with ROOT 6.34 or newer"
    return f"is a {kind}, which cannot be read; copy its entries into a TTree or an RNTuple"


def by_name(tree: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """Return full name -> branch (TTree) or field (RNTuple), of equal names the first, and the names that several have.

    A look-up by name would take the dots and slashes of a name for a path.
    """
    found: dict[str, Any] = {}
    repeated = {name for name, handle in tree.iteritems() if found.setdefault(name, handle) is not handle}
    return found, frozenset(repeated)


def values(handle: Any, start: int, stop: int) -> Any:
    """Return entries start:stop of a branch or field as an awkward array."""
    if not isinstance(handle, HasFields):
        return handle.array(entry_start=start, entry_stop=stop, library="ak")
    line = _line_from_the_top(handle)
    if not any(character in field.name for field in line for character in "./\\"):
        return handle.array(entry_start=start, entry_stop=stop, library="ak")
    # uproot would split the names there; so the whole top field is read, and gone down by name.
    top = line[0]
    array = handle.ntuple.arrays(filter_field=lambda field: field is top, entry_start=start, entry_stop=stop, library="ak")
    for field in line:
        array = array[field.name] if not field.is_anonymous else array
    return array


def _line_from_the_top(field: Any) -> list[Any]:
    line = [field]
    while not line[0].top_level:
        line.insert(0, line[0].parent)
    return line


def boundaries(handle: Any) -> Array:
    """Return the entries at which the baskets of a branch or the clusters of a field begin, and the last one's end."""
    if not isinstance(handle, HasFields):
        return np.asarray(handle.entry_offsets, dtype=np.int64)
    begin = [int(summary.num_first_entry) for summary in handle.ntuple.cluster_summaries]
    return np.array([*begin, handle.ntuple.num_entries], dtype=np.int64)


def damaged_basket(handle: Any, start: int, stop: int) -> tuple[int, int] | None:
    """Return the entries of the first basket among start:stop that cannot be decompressed; None if there is none, or no basket."""
    if isinstance(handle, HasFields):
        return None
    stop = max(stop, start + 1)  # no entry is asked for where only the type is wanted
    for number in range(handle.num_baskets):
        first, last = handle.basket_entry_start_stop(number)
        if last <= start or first >= stop:
            continue
        try:
            handle.basket(number)
        except Exception:  # zlib, zstd, lz4, lzma and uproot each raise their own
            return int(first), int(last)
    return None
