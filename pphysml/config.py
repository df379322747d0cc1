"""Typed configuration: pydantic models, YAML presets and `--set key=value`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    TypeGuard,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from . import named_yaml, plain_yaml
from .errors import ConfigError, did_you_mean, nearest, shortened
from .own_network import Code

if TYPE_CHECKING:
    from .io.schema import Further


class Config(BaseModel):
    """Base of every configuration: unknown keys are errors, defaults are checked too, numbers are finite."""

    model_config = ConfigDict(extra="forbid", validate_default=True, allow_inf_nan=False, protected_namespaces=())

    @field_validator("*", mode="wrap")
    @classmethod
    def _plain(cls, value: Any, check: Callable[[Any], Any]) -> Any:
        """Refuse what pydantic takes for a number, and no person does; whole numbers of more than 64 bits; and empty text."""
        checked = check(value)
        if checked == "":
            raise ValueError("must not be empty")
        several = isinstance(value, list) and isinstance(checked, (list, tuple))
        for given, taken in zip(value, checked, strict=False) if several else [(value, checked)]:
            if isinstance(given, bool) and isinstance(taken, (int, float)) and not isinstance(taken, bool):
                raise ValueError("must be a number")
            if isinstance(taken, int) and not -(2**63) <= taken < 2**63:
                raise ValueError("must be a number of at most 64 bits")
        return checked

    def changed(self, names: Iterable[str]) -> list[str]:
        """Return which of the options have other values than their defaults."""
        values, fields = self.model_dump(), type(self).model_fields
        return [name for name in names if values[name] != fields[name].get_default(call_default_factory=True)]

    def extra_branches(self) -> dict[str, Further]:
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
        own = _read(preset_package, layer)
        # A section whose options are all commented out changes nothing.
        put_on(values, {name: value for name, value in own.items() if value is not None or name not in values})
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
    sections = {name for name, field in schema.model_fields.items() if _is_section(field.annotation)}
    values = {name: value for name, value in values.items() if value is not None or name not in sections}
    try:
        return schema.model_validate(values, context=code)
    except ValidationError as error:
        raise ConfigError("\n".join(_problems(schema, error, where))) from None


def _is_section(kind: Any) -> TypeGuard[type[Config]]:
    return isinstance(kind, type) and issubclass(kind, Config)


def dump(config: Config) -> str:
    """Return the complete configuration as YAML."""
    return plain_yaml.dump(config.model_dump(mode="json"))


def describe(schema: type[Config], prefix: str = "") -> Iterator[dict[str, Any]]:
    """Yield key, type, default, unit and help of every option, depth first."""
    for name, field in schema.model_fields.items():
        kind = field.annotation
        if _is_section(kind):
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
        values = plain_yaml.parse(named_yaml.text(preset_package, name), name)
    elif name.endswith((".yaml", ".yml")):
        values = plain_yaml.load(name)
    else:
        known = preset_names(preset_package)
        raise ConfigError(f"There is no preset {shortened(name)!r}.{did_you_mean(name, known)}")
    if values is None:
        raise ConfigError(f"{name}: is empty; for the defaults, leave it out.")
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
        raise ConfigError(f"--set {shortened(item)!r}: must be key=value.")
    *sections, last = key.split(".")
    if len(sections) > plain_yaml.DEEPEST:
        raise ConfigError(f"--set {shortened(item)!r}: there is no option so deep.")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ConfigError(f"--set {shortened(item)!r}: {section!r} is a value, not a section.")
    try:
        values[last] = plain_yaml.parse(text, "")
    except ConfigError as error:
        raise ConfigError(f"--set {shortened(item)!r}{error}") from None


MOST_PROBLEMS = 10
"""That are shown of one configuration."""
LONGEST_REASON = 1000
"""Characters of what is wrong with a value, which lists the known ones."""


def _problems(schema: type[Config], error: ValidationError, where: str) -> Iterator[str]:
    known = [option["key"] for option in describe(schema)]
    found = error.errors(include_url=False)
    listed = False
    for problem in found[:MOST_PROBLEMS]:
        key = shortened(".".join(str(part) for part in problem["loc"]))
        if problem["type"] == "extra_forbidden":
            # All that there is, once is enough.
            yield f"{where}: there is no option {key!r}.{did_you_mean(key, known) if nearest(key, known) or not listed else ''}"
            listed = True
            continue
        # What concerns several options has no place of its own.
        reason = shortened(problem["msg"].removeprefix("Value error, ").removesuffix("."), LONGEST_REASON)
        given = key and "input" in problem and problem["type"] != "missing"
        yield ": ".join(filter(None, (where, key, reason))) + (f" (got {shortened(repr(problem['input']))})." if given else ".")
    if len(found) > MOST_PROBLEMS:
        yield f"{where}: and {len(found) - MOST_PROBLEMS} more of this kind."
