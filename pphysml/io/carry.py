"""What is carried from one block of entries to the next where examples are made of many."""

from __future__ import annotations

from typing import Any

from ..errors import FileName


class Carry:
    """Entries that are not an example yet, and what was learnt of the input; tasks derive their own."""

    def warnings(self, named: FileName) -> list[str]:
        """Return what the user should know of the input, sentences without full stops, at its end."""
        return []

    def facts(self) -> dict[str, Any]:
        """Return what was found out of the input so far: words or numbers by name, for summary, report and metadata."""
        return {}
