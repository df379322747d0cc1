"""Branches of a large tree by the beginning of their names, so that a table of them can be read."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

MOST = 40
"""Branches that are listed one by one."""
FEWEST = 3
"""Branches that make a group."""
SHOWN_TYPES = 3
MOST_PARTS = 3
SEPARATORS = ("_", ".", "/")

Row = dict[str, str]


def grouped(branches: Sequence[Row]) -> list[Row]:
    """Return a row per group of branches, such as `Jet_*`, and per branch that has none, in the order of the file.

    Args:
        branches: `name`, `type` and `compression` of each.
    """
    if len(branches) <= MOST:
        return list(branches)
    members: dict[str, list[Row]] = defaultdict(list)
    groups = _groups([branch["name"] for branch in branches])
    for branch, group in zip(branches, groups, strict=True):
        members[group].append(branch)
    first = {group: groups.index(group) for group in members}
    return [branch if not group else _summary(group, members[group])
            for i, (branch, group) in enumerate(zip(branches, groups, strict=True)) if not group or first[group] == i]


def _groups(names: Sequence[str]) -> list[str]:
    """Return the beginning that is the group of each name, "" for none: longer where more than half of the names share it."""
    found = [""] * len(names)
    for parts in range(1, MOST_PARTS + 1):
        beginnings = [_beginning(name, parts) for name in names]
        sizes = Counter(beginnings)
        for i, beginning in enumerate(beginnings):
            sorts = sizes[beginning] <= len(names) // 2 or beginning[-1:] not in SEPARATORS
            if not found[i] and sizes[beginning] >= FEWEST and sorts:
                found[i] = beginning
    return found


def _beginning(name: str, parts: int) -> str:
    """Return the first parts of a name, each with the `_`, `.` or `/` behind it, or the name without the number at its end."""
    matched = re.match(rf"(?:[^_./]+[_./]+){{{parts}}}", name)
    return matched[0] if matched else name.rstrip("0123456789") or name


def _summary(beginning: str, branches: Sequence[Row]) -> Row:
    kinds = Counter(branch["type"] for branch in branches).most_common()
    shown = ", ".join(f"{kind} ({n})" if len(kinds) > 1 else kind for kind, n in kinds[:SHOWN_TYPES])
    more = f" and {len(kinds) - SHOWN_TYPES} more" if len(kinds) > SHOWN_TYPES else ""
    return {"name": f"{beginning}*", "type": f"{len(branches)} branches: {shown}{more}",
            "compression": ", ".join(dict.fromkeys(branch["compression"] for branch in branches))}
