"""Typed configuration: pydantic models, YAML presets and `--set key=value`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from . import named_yaml
from .errors import ConfigError, did_you_mean
from .own_network import Code

if TYPE_CHECKING:
    from .io.schema import Kind


class Config(BaseModel):
    """Base of every configuration: unknown keys are errors, defaults are checked too, numbers are finite."""

    model_config = ConfigDict(extra="forbid", validate_default=True, allow_inf_nan=False, protected_namespaces=())

    def extra_branches(self) -> dict[str, Kind]:
        """Return the branches that this section reads besides those of the layout, and what their values belong to."""
        return {}

    @property
    def weight_branch(self) -> str | None:
        """The branch that holds the event weights for the training, if an option names it."""
        return None


ConfigType = TypeVar("ConfigType", bound=Config)

Source = str | Path | Sequence[str | Path] | None
"""Name of a preset or path of a YAML file; several are layered, and none are the defaults."""


def option(default: Any, help: str, unit: str = "", **limits: Any) -> Any:
    """Declare one option with its default, one sentence of help, its unit and pydantic limits."""
    kwargs: dict[str, Any] = {"description": help, "json_schema_extra": {"unit": unit}, **limits}
    if callable(default):
        return Field(default_factory=default, **kwargs)
    return Field(default=default, **kwargs)


def preset_names(package: str) -> list[str]:
    """Return the names of the YAML presets in the folder of a task's presets."""
    return named_yaml.names(package)


def load(
    schema: type[ConfigType],
    preset_package: str,
    source: Source = None,
    overrides: Iterable[str] = (),
) -> ConfigType:
    """Build a configuration from presets by name and YAML files, then apply `key=value` overrides.

    Args:
        schema: the task's configuration class.
        preset_package: package holding the presets, for example "pphysml.tasks.lcag.presets".
        source: of several, a later one takes the place of an earlier one key by key.
        overrides: strings "section.key=value"; the value is read as YAML.

    Raises:
        ConfigError: unknown preset, unreadable file, unknown key (nearest named) or bad value.
    """
    values = read_layers(preset_package, source)
    for item in overrides:
        override(values, item)
    return build(schema, values, " with ".join(map(str, layers_of(source))) or "the configuration", Code())


def layers_of(source: Source) -> list[str | Path]:
    """Return the presets and files that are layered, the first at the bottom."""
    if source is None:
        return []
    return [source] if isinstance(source, (str, Path)) else list(source)


def read_layers(preset_package: str, source: Source) -> dict[str, Any]:
    """Return the plain values of presets and files; of several, those of a later one win key by key.

    Raises:
        ConfigError: unknown preset, unreadable file.
    """
    values: dict[str, Any] = {}
    for layer in layers_of(source):
        put_on(values, _read(preset_package, layer))
    return values


def put_on(values: dict[str, Any], layer: Mapping[str, Any]) -> None:
    """Put plain configuration values on others, in place, key by key."""
    for key, value in layer.items():
        below = values.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            put_on(below, value)
        else:
            values[key] = value


def build(schema: type[ConfigType], values: dict[str, Any], where: str, code: Code | None = None) -> ConfigType:
    """Validate plain values.

    Args:
        where: their origin, for the error.
        code: leave to run the code of a network of the user's own; None refuses such networks.

    Raises:
        ConfigError: unknown key (nearest named) or bad value.
    """
    try:
        return schema.model_validate(values, context=code)
    except ValidationError as error:
        raise ConfigError("\n".join(_problems(schema, error, where))) from None


def dump(config: Config) -> str:
    """Return the complete configuration as YAML."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def describe(schema: type[Config], prefix: str = "") -> Iterator[dict[str, Any]]:
    """Yield key, type, default, unit and help of every option, depth first."""
    for name, field in schema.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Config):
            yield from describe(kind, f"{prefix}{name}.")
            continue
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        yield {
            "key": prefix + name,
            "type": _type_name(kind),
            "default": field.get_default(call_default_factory=True, validated_data={}),
            "unit": extra.get("unit", ""),
            "help": field.description or "",
        }


def _type_name(kind: Any) -> str:
    if get_origin(kind) is Annotated:
        return _type_name(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return " | ".join("None" if part is type(None) else _type_name(part) for part in get_args(kind))
    if get_origin(kind) in (list, dict):
        return f"{get_origin(kind).__name__}[{', '.join(map(_type_name, get_args(kind)))}]"
    return kind.__name__ if isinstance(kind, type) else str(kind)


def _read(preset_package: str, source: str | Path) -> dict[str, Any]:
    name = str(source)
    if name in preset_names(preset_package):
        text = named_yaml.text(preset_package, name)
    elif name.endswith((".yaml", ".yml")):
        try:
            text = Path(name).read_text()
        except OSError as error:
            raise ConfigError(f"{name}: cannot be read: {error.strerror}.") from None
    else:
        known = preset_names(preset_package)
        raise ConfigError(f"There is no preset {name!r}.{did_you_mean(name, known)}")
    try:
        values = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: not valid YAML: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{name}: must hold keys and values, not a {type(values).__name__}.")
    return values


def override(values: dict[str, Any], item: str) -> None:
    """Apply one `section.key=value` to plain configuration values, in place.

    Raises:
        ConfigError: it has another form.
    """
    key, equals, text = item.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {item!r}: must be key=value.")
    *sections, last = key.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ConfigError(f"--set {item!r}: {section!r} is a value, not a section.")
    try:
        values[last] = _number(yaml.safe_load(text))
    except yaml.YAMLError:
        raise ConfigError(f"--set {item!r}: the value is not valid YAML.") from None


def _number(value: Any) -> Any:
    """YAML 1.1 reads `1e-3` as text; a physicist means the number."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _problems(schema: type[Config], error: ValidationError, where: str) -> Iterator[str]:
    known = [option["key"] for option in describe(schema)]
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            yield f"{where}: there is no option {key!r}.{did_you_mean(key, known)}"
            continue
        # What concerns several options has no place of its own.
        message = ": ".join(filter(None, (where, key, problem["msg"].removeprefix("Value error, ").removesuffix("."))))
        yield message + (f" (got {problem['input']!r})." if key and "input" in problem and problem["type"] != "missing" else ".")
