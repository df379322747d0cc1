"""Text from outside: what a terminal would obey is spelled out, and what is far too long is cut where it does not matter."""

from __future__ import annotations

import pytest

from pphysml.printable import (
    LONGEST_TEXT,
    LONGEST_WORD,
    MOST_LINES,
    printable,
    printable_lines,
    readable,
)


@pytest.mark.parametrize("text", ["", "plain", "énergie_é, 10 ± 2", "a\\x1b as text"])
def test_what_can_be_shown_is_left_as_it_is(text: str) -> None:
    assert printable(text) == text and printable_lines(text) == [text]


@pytest.mark.parametrize(("character", "shown"), [
    ("\x1b", r"\x1b"), ("\x07", r"\x07"), ("\r", r"\r"), ("\n", r"\n"), ("\x7f", r"\x7f"), ("\x9b", r"\x9b"),
    ("\u202e", r"\u202e"), ("\u2028", r"\u2028"), ("\udc80", r"\udc80"), ("\ufeff", r"\ufeff"),
])
def test_what_a_terminal_obeys_or_hides_is_spelled_out(character: str, shown: str) -> None:
    assert printable(f"a{character}b") == f"a{shown}b"


def test_a_long_name_loses_its_middle_and_the_sentence_around_it_nothing() -> None:
    sentence = f"/data/run.root: there is no branch {'x' * 70_000!r}; name it with --map."
    cut = readable(sentence)
    assert len(cut) < LONGEST_WORD + 200 and cut.startswith("/data/run.root: there is no branch 'xxx") and cut.endswith("; name it with --map.")
    assert readable("y" * LONGEST_WORD) == "y" * LONGEST_WORD


def test_a_message_of_megabytes_can_be_read() -> None:
    one = printable_lines("alias " * 700_000)
    assert len(one) == 1 and len(one[0]) < LONGEST_TEXT + 100 and one[0].startswith("alias alias") and one[0].endswith("alias ")
    # A character may become six when it is spelled out.
    assert len(printable_lines("\x1b" * 4_000_000)[0]) < LONGEST_TEXT + 100
    many = printable_lines("line\n" * 1_000_000)
    assert many[:-1] == ["line"] * MOST_LINES and many[-1] == f"... and {1_000_001 - MOST_LINES} more lines"
