"""Hits of files as singles, where a file has hits; singles as they are."""

from __future__ import annotations

from ....io.ragged import Columns
from ..config.digitizer import DigitizerConfig
from ..scanner.scanner import Scanner
from .digitizer import Digitizer


class SinglesOfHits:
    """Passes hits through the digitizer. Rows are hits if they have `edep`, which all or none have."""

    def __init__(self, config: DigitizerConfig, scanner: Scanner | None) -> None:
        self.config = config
        self.scanner = scanner
        self._digitizer: Digitizer | None = None

    def add(self, rows: Columns | None) -> Columns | None:
        """Return the singles that are complete; None at the end stays None where there were no hits."""
        if self._digitizer is None and (rows is None or "edep" not in rows):
            return rows
        if self._digitizer is None:
            self._digitizer = Digitizer(self.config, self.scanner)
        return self._digitizer.add(rows)

    @property
    def found(self) -> bool:
        """Whether there were hits."""
        return self._digitizer is not None

    @property
    def warnings(self) -> list[str]:
        """How singles were made."""
        if not self.found:
            return []
        config = self.config
        sharp = [name for name, width in (("energy", config.energy_resolution), ("time", config.time_resolution)) if not width]
        how = f", with perfect {' and '.join(sharp)}" if sharp else ""
        return [f"the input holds hits, which were made singles{how}; see the options apply.digitizer, such as --set apply.digitizer.energy_resolution=0.13"]
