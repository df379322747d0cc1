"""What the header of a weights file says, as JSON: its form, and how it is read."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from . import plain_yaml
from .errors import shortened

DEEPEST = plain_yaml.DEEPEST
"""Objects and arrays inside each other."""
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BRACKETS = re.compile(r"[\[\]{}]")


class _Said(BaseModel):
    """What is known of the form; more may be there."""

    model_config = ConfigDict(strict=True)


class _TrainingFile(_Said):
    path: str
    tree: str | None = None


class _TrainingData(_Said):
    simulated: bool
    files: list[_TrainingFile] = []
    validation_fraction: float = Field(0.1, ge=0, le=1)
    event_ids: list[str] = []
    layout: str | None = None

    @model_validator(mode="after")
    def _files_are_named(self) -> _TrainingData:
        if not self.simulated and not {"files", "validation_fraction"} <= self.model_fields_set:
            raise ValueError("data that are not simulated need files and validation_fraction")
        return self


class _Code(_Said):
    name: str
    sha256: str


class _Header(_Said):
    format_version: int = Field(ge=1)
    package_version: str = ""
    task: str
    config: dict[str, dict[str, Any]]
    step: int = Field(0, ge=0)
    validation: dict[str, float] = {}
    training_data: _TrainingData | None = None
    model_code: _Code | None = None


def parse(text: str) -> dict[str, Any]:
    """Return the values of a header, of any version.

    Raises:
        ValueError: it is no JSON object, is too deep, or has a key twice.
    """
    if _levels(text) > DEEPEST:
        raise ValueError(f"it is more than {DEEPEST} levels deep")
    try:
        header = json.loads(text, object_pairs_hook=_distinct)
    except json.JSONDecodeError:
        raise ValueError("it is no JSON") from None
    if not isinstance(header, dict):
        raise ValueError("it is no JSON object")
    return header


def fault(header: dict[str, Any]) -> str:
    """Return what is wrong with the header of this version; "" if nothing is."""
    try:
        _Header.model_validate(header)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        return f"{shortened(place)}: {first['msg']}" + ("" if first["type"] == "missing" else f" (got {shortened(repr(first['input']))})")
    return ""


def _levels(text: str) -> int:
    """Return how many brackets are open at most, before anything is made of the text, which may be deeper than the stack."""
    deepest = level = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        level += 1 if bracket in "[{" else -1
        deepest = max(deepest, level)
    return deepest


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("it has a key twice")
    return values
