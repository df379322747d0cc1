"""Where compiled loops are kept between runs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from . import __version__
from .leftovers import mark, remove_left, removed_at_end


def use_user_cache() -> None:
    """Let numba keep compiled code in the user's cache folder, unless NUMBA_CACHE_DIR is set.

    The package may lie in a folder that cannot be written (a container, a shared installation), and
    a batch job may have no home; then a folder of this process alone serves. It must be called
    before numba is imported. A predictable name in a shared temporary folder is avoided, since the
    cache holds pickles.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    # Numba looks at a function's own file only: what another version compiled may call old functions.
    folder = Path(base) / "pphysml" / f"numba-{__version__}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        folder = _own_folder()
    os.environ["NUMBA_CACHE_DIR"] = str(folder)


def _own_folder() -> Path:
    """Return a new folder, which is removed when this process ends, as are those that killed ones have left."""
    remove_left(Path(tempfile.gettempdir()), "pphysml-numba-", "-.*")
    folder = Path(tempfile.mkdtemp(prefix=f"pphysml-numba-{mark()}-"))
    removed_at_end(use_user_cache, folder)
    return folder
