"""YAML files that ship with the package and are called by name, or lie elsewhere and are called by path."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from .errors import ConfigError, did_you_mean


def names(package: str) -> list[str]:
    """Return the names of the YAML files in a package."""
    return sorted(Path(f.name).stem for f in resources.files(package).iterdir() if f.name.endswith(".yaml"))


def text(package: str, name: str) -> str:
    """Return the content of one of them."""
    return resources.files(package).joinpath(f"{name}.yaml").read_text()


def settings(package: str, source: str | Path, what: str, keys: str) -> dict[str, Any]:
    """Return the values of a YAML file of the package by name, or of any by path.

    Args:
        what: it is a file of, as "scanner"; errors say so.
        keys: what is in such files, for the error about one that holds something else.

    Raises:
        ConfigError: there is no such name or file, or it holds no keys with values.
    """
    try:
        content = text(package, str(source)) if str(source) in names(package) else Path(source).read_text()
        values: Any = yaml.safe_load(content)
    except IsADirectoryError:
        raise ConfigError(f"{source}: is a folder, and no YAML file of a {what}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{source}: is not a text file; a {what} is YAML.") from None
    except OSError:
        raise ConfigError(f"There is no {what} {str(source)!r}, neither a file nor a name."
                          f"{did_you_mean(str(source), names(package))}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: is not YAML: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{source}: holds no settings of a {what} ({keys}).")
    return values
