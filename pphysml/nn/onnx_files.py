"""What every export to ONNX needs: the packages, silence, the bytes of a file."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

from ..errors import ConfigError

PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def need_packages() -> None:
    """Refuse an export without the packages that it takes.

    Raises:
        ConfigError: one is missing.
    """
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise ConfigError(f"The format 'onnx' needs the package {package}: `pip install pphysml[export]`.")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence what the exporter says of packages and optimisations that do not matter here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def file_of(program: Any, settings: str) -> bytes:
    """Return what `torch.onnx.export` has made, checked, as a file whose property `pphysml` holds the settings."""
    import onnx

    assert program is not None
    proto = program.model_proto
    onnx.helper.set_model_props(proto, {"pphysml": settings})
    onnx.checker.check_model(proto)
    stream = io.BytesIO()
    onnx.save_model(proto, stream)
    return stream.getvalue()
