"""Hits that are refused as a whole, said with their file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from ....errors import InputError
from ....io.ragged import Column


@contextmanager
def naming_first_file(rows: Mapping[str, Column]) -> Iterator[None]:
    """Say in which file the rows begin that are refused as a whole."""
    try:
        yield
    except InputError as error:
        file = np.asarray(rows["file"]) if "file" in rows else np.zeros(0)
        if len(file):
            error.args = (f"The hits of input file {file[0]}: {error}",)
        raise
