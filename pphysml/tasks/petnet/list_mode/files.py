"""Which files for image reconstruction are written beside the output."""

from __future__ import annotations

from pathlib import Path

from ....contract import FilesBeside
from ..config import PetConfig
from ..scanner.scanner import load_scanner
from .castor import CastorFiles
from .resolution import check_resolution
from .stir import StirHeaders
from .yrt_pet import YrtPetFiles

LISTS: dict[str, type[CastorFiles] | type[YrtPetFiles]] = {"castor": CastorFiles, "yrt-pet": YrtPetFiles}
"""Formats of `apply.list_format` beside the output itself."""


def files_beside(config: PetConfig, engine: str, output: Path) -> list[FilesBeside]:
    """Return the headers for STIR where the scanner is known, and the list that is asked for.

    Raises:
        ConfigError: the engine, or the name of the output, does not fit them.
    """
    if config.scanner is None:
        return []
    check_resolution(config, engine)
    scanner = load_scanner(config.scanner)
    chosen = LISTS.get(config.apply.list_format)
    return [StirHeaders(config, scanner, output), *([chosen(config, scanner, output)] if chosen else [])]
