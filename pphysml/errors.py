"""Errors that a user can act on: one sentence, an exit code, and the nearest names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PphysmlError(Exception):
    """Base of every error whose message is meant for the user; `exit_code` ends the program."""

    exit_code = 1


class ConfigError(PphysmlError):
    """Wrong usage or configuration, or an optional dependency that is not installed."""

    exit_code = 2


class InputError(PphysmlError):
    """Input data that cannot be read or make no sense; the message names file, tree and branch."""

    exit_code = 3


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


def nearest(name: str, known: Iterable[str], n: int = 3) -> list[str]:
    """Return up to `n` known names that contain a mistyped one, or are closest to it; case is ignored."""
    folded: dict[str, str] = {}
    for candidate in known:
        folded.setdefault(candidate.casefold(), candidate)
    wanted = name.casefold()
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
