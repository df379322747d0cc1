"""Optional columns that only some files of a list have: given a value in the others, or left out of all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .opening import Opening
from .problems import Problem


@dataclass(frozen=True)
class Difference:
    """A column that some files have and others lack.

    Attributes:
        name: of the column.
        lacking: the files without it.
        filling: what its values are there; None leaves the column out of all files.
    """

    name: str
    lacking: tuple[str, ...]
    filling: float | None

    @property
    def happening(self) -> str:
        """What is done with the column, as the end of a sentence."""
        named = self.lacking[0] + (f" and {len(self.lacking) - 1} more" if len(self.lacking) > 1 else "")
        if self.filling is None:
            return f"left out of all files, since {named} lack{'s' if len(self.lacking) == 1 else ''} it"
        return f"{self.filling:g} for the entries of {named}, which lack{'s' if len(self.lacking) == 1 else ''} it"


def differences(openings: Sequence[Opening], need_truth: bool) -> list[Difference]:
    """Return the columns that only some files have; truth that is needed is never made up."""
    names = dict.fromkeys(name for opening in openings for name in opening.branches)
    found = []
    for name in names:
        having = [opening for opening in openings if name in opening.branches]
        if len(having) < len(openings):
            field = having[0].fields[name]
            lacking = tuple(opening.source.path for opening in openings if name not in opening.branches)
            found.append(Difference(name, lacking, None if field.truth and need_truth else field.filling_value))
    return found


def settle_widths(openings: Sequence[Opening]) -> None:
    """Give numbers 64 bits in all files, where one file needs them."""
    wide = {name for opening in openings for name, field in opening.fields.items() if field.wide and field.dtype == "int64"}
    for opening in openings:
        opening.fields.update({name: opening.fields[name].widened for name in wide & set(opening.fields)})


def settle(openings: Sequence[Opening], found: Iterable[Difference]) -> None:
    """Make all openings have the same columns."""
    for difference in found:
        field = next(opening.fields[difference.name] for opening in openings if difference.name in opening.branches)
        for opening in openings:
            if difference.filling is None:
                opening.branches.pop(difference.name, None)
            elif difference.name not in opening.branches:
                opening.filled[difference.name] = field


def other_types(first: Opening, opening: Opening) -> Iterator[Problem]:
    """Yield the kept branches whose type differs from that in the first file, so that one output cannot hold both as they are."""
    for name, kind in opening.kept.items():
        if kind != first.kept[name]:
            message = f"holds {kind}, but {first.kept[name]} in {first.source.path}; leave it out of --keep, or give files in which its type is the same"
            yield Problem(opening.source.path, opening.source.tree, opening.branches[name], None, message)


def sentences(found: Iterable[Difference]) -> Iterator[str]:
    """Yield what is done with columns, those for which it is the same in one sentence without a full stop."""
    together: dict[str, list[str]] = {}
    for difference in found:
        together.setdefault(difference.happening, []).append(difference.name)
    for happening, names in together.items():
        yield f"{', '.join(names)}: not in all files, so {happening}"
