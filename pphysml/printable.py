"""Text that others have written, as a terminal may show it: names of files, trees and branches, and what speaks of them."""

from __future__ import annotations

import re

LONGEST_WORD = 500
"""Characters without a space that are shown whole; paths are long, names of branches may be megabytes."""
LONGEST_TEXT = 4000
"""Characters of a sentence that are shown whole."""
MOST_LINES = 100
"""Lines of a message that are shown."""


def printable(text: str) -> str:
    """Return text with escapes such as `\\x1b` for what a terminal would obey, hide or reorder, line ends among them."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def readable(text: str) -> str:
    """Return text without the middle of what is far too long: first of each word, so that the rest can be read, then of all."""
    if len(text) > LONGEST_WORD:
        text = re.sub(rf"\S{{{LONGEST_WORD + 1},}}", lambda word: _without_middle(word[0], LONGEST_WORD // 2), text)
    return _without_middle(text, LONGEST_TEXT // 2) if len(text) > LONGEST_TEXT else text


def printable_lines(text: str) -> list[str]:
    """Return the lines of a message, each printable and of a length that can be read."""
    lines = text.split("\n", MOST_LINES)
    left_out = [f"... and {lines[-1].count(chr(10)) + 1} more lines"] if len(lines) > MOST_LINES else []
    return [readable(printable(readable(line))) for line in lines[:MOST_LINES]] + left_out


def _without_middle(text: str, ends: int) -> str:
    return f"{text[:ends]}[... {len(text) - 2 * ends} characters ...]{text[-ends:]}"
