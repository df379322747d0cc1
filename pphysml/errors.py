"""Errors that a user can act on: one sentence, an exit code, and the nearest names."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable


class PphysmlError(Exception):
    """Base of every error whose message is meant for the user; `exit_code` ends the program."""

    exit_code = 1


class ConfigError(PphysmlError):
    """Wrong usage or configuration, or an optional dependency that is not installed."""

    exit_code = 2


FileName = Callable[[int], str]
"""What an input file is called, by its number."""

Reason = str | Callable[[FileName], str]
"""What is wrong; where the sentence speaks of further input files, a function of their names."""


def by_number(number: int) -> str:
    """Return what an input file is called where its path is not known."""
    return f"input file {number}"


class InputError(PphysmlError):
    """Input data that cannot be read or make no sense.

    Whoever raises it gives of the place what it knows: a task knows the number of a file and the name of
    a column, in whose place the reader puts path, tree and branch; see `io.problems.Places`.

    Args:
        reason: what is wrong and what to do.
        file: path of the input file, or its number.
        tree, branch, entry: place in it.

    Attributes:
        file, tree, branch, entry: as given, or as the reader has completed them; None if not known.
        named: what further input files are called.
    """

    exit_code = 3

    def __init__(self, reason: Reason, *, file: str | int | None = None, tree: str | None = None,
                 branch: str | None = None, entry: int | None = None) -> None:
        super().__init__(reason)
        self._reason = reason
        self.file, self.tree, self.branch, self.entry = file, tree, branch, entry
        self.named: FileName = by_number

    @property
    def reason(self) -> str:
        """What is wrong and what to do, without the place."""
        return self._reason if isinstance(self._reason, str) else self._reason(self.named)

    def __str__(self) -> str:
        file = self.named(self.file) if isinstance(self.file, int) else self.file
        return worded(self.reason, file, self.tree, self.branch, self.entry)


def worded(reason: str, file: str | None, tree: str | None, branch: str | None, entry: int | None, more: int = 0) -> str:
    """Return a place of the input and what is wrong there as one sentence; here alone is it worded.

    Args:
        more: further entries where the same is wrong.
    """
    place = [file] if file is not None else []
    place += [f"{word} {value!r}" for word, value in (("tree", tree), ("branch", branch), ("entry", entry)) if value is not None]
    where = ", ".join(place) + (f" and {more} more" if more else "")
    if file is None:
        where = where[:1].upper() + where[1:]
    return (f"{where}: " if where else "") + reason + ("" if reason.endswith((".", "?")) else ".")


class TruthError(InputError):
    """Truth that cannot be used; what needs no truth can go on without."""


class ModelError(PphysmlError):
    """A weights file or run folder that cannot be used."""

    exit_code = 4


class OutputError(PphysmlError):
    """Output that could not be written."""

    exit_code = 5


class Stopped(PphysmlError):
    """Training stopped by the scheduler after its state was saved; it can be resumed."""

    exit_code = 75


class Interrupted(PphysmlError):
    """Training stopped by the user (Ctrl-C) after its state was saved; it can be resumed."""

    exit_code = 130


MOST = 40
"""Known names that an error lists; the branches of a file may be hundreds."""


LONGEST = 200
"""Characters of a user's own value that an error shows."""


def shortened(text: str, most: int = LONGEST) -> str:
    """Return a text as an error shows it: all, or its beginning and how long it is."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"


def nearest(name: str, known: Iterable[str], n: int = 3) -> list[str]:
    """Return up to `n` known names that contain a mistyped one, or are closest to it; case is ignored."""
    folded: dict[str, str] = {}
    for candidate in known:
        folded.setdefault(candidate.casefold(), candidate)
    wanted = name[:LONGEST].casefold()
    # `px` means `trk_px` sooner than `pz`.
    containing = sorted((c for c in folded if len(wanted) > 1 and wanted in c), key=len)
    close = difflib.get_close_matches(wanted, folded, n=n, cutoff=0.5)
    return [folded[m] for m in dict.fromkeys([*containing, *close])][:n]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for a mistyped name, or the list of what there is."""
    known = list(known)
    close = nearest(name, known)
    if close:
        return " Did you mean " + " or ".join(repr(c) for c in close) + "?"
    if not known:
        return ""
    further = f", and {len(known) - MOST} more" if len(known) > MOST else ""
    return f" There is: {', '.join(sorted(known)[:MOST])}{further}."
