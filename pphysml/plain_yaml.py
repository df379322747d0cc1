"""The one reader of YAML: plain values, of which none costs more than its text is long.

A key is its text. Values are null, booleans, numbers, text, lists and maps. Numbers are those that a physicist
means: `1e-3` is one, `010` is ten, and `1:30` and dates are text, unlike in YAML 1.1.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import yaml

from .errors import ConfigError, shortened

LARGEST = 2**21
"""Bytes of a file."""
DEEPEST = 50
"""Lists and maps inside each other, also where an alias repeats them."""
MOST_VALUES = 100_000
"""Values in all, each counted as often as aliases repeat it."""
MOST_DIGITS = 40
"""Of a whole number."""

_PREFIX = "tag:yaml.org,2002:"
_NUMBER = {
    "int": r"[-+]?[0-9][0-9_]*|0x[0-9a-fA-F]+",
    "float": r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
             r"|[0-9][0-9_]*[eE][-+]?[0-9]+|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)",
}


def read_text(path: str | Path, largest: int = LARGEST) -> str:
    """Return the content of a text file that is read whole.

    Args:
        largest: number of bytes that is read.

    Raises:
        ConfigError: it is not there, no regular file, too large, or not UTF-8.
    """
    try:
        if os.path.lexists(path) and not os.path.isfile(path):
            raise ConfigError(f"{path}: is {'a folder' if os.path.isdir(path) else 'no regular file'}, and cannot be read as text.")
        if (size := os.path.getsize(path)) > largest:
            raise ConfigError(f"{path}: has {size / 2**20:.1f} MiB, too much for a file of this kind; at most {largest >> 20} are read.")
        content = Path(path).read_bytes()
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}, line {line}: is not UTF-8 text (byte 0x{content[error.start]:02x}); save the file as UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"{shortened(str(path))}: cannot be read: {error.strerror}.") from None
    except ValueError:
        raise ConfigError(f"{str(path)!r}: cannot be the name of a file.") from None


def load(path: str | Path) -> Any:
    """Return the values of a YAML file.

    Raises:
        ConfigError: as `read_text` and `parse`.
    """
    return parse(read_text(path), str(path))


def parse(text: str, where: str) -> Any:
    """Return the values of YAML.

    Args:
        where: it is from, for the error.

    Raises:
        ConfigError: it is no YAML, has a key twice, tags, or too many values or levels.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}" if mark and "\n" in text.strip() else ""
        reason = ", ".join(filter(None, (error.context, error.problem)))
        raise ConfigError(f"{where}{place}: not valid YAML: {shortened(reason)}.") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"{where}, line {line}: not valid YAML: it holds the character {chr(error.character)!a}.") from None


def dump(values: Any) -> str:
    """Return values as YAML that `parse` reads."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _Loader(yaml.SafeLoader):
    """Refuses what costs more than it seems, and what has more than one meaning."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self.open = 0
        self.extent: dict[int, tuple[int, int]] = {}
        """Of every node that is complete: values and levels, with those that aliases repeat."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node, unless it is too deep, has a tag, or an alias makes it too large."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            node = super().compose_node(parent, index)
            if id(node) not in self.extent:
                raise _problem(f"*{event.anchor} is inside what it stands for", event)
            return node
        if event.tag is not None:
            raise _problem(f"tags such as {event.tag!r} are not read", event)
        self.open += 1
        if self.open > DEEPEST:
            raise _problem(f"lists or maps are more than {DEEPEST} levels deep", event)
        node = super().compose_node(parent, index)
        self.open -= 1
        self._measure(node)
        return node

    def _measure(self, node: Any) -> None:
        inside = [] if isinstance(node, yaml.ScalarNode) else node.value
        if isinstance(node, yaml.MappingNode):
            inside = [part for pair in inside for part in pair]
        parts = [self.extent[id(part)] for part in inside]
        if isinstance(node, yaml.MappingNode):
            _check_keys(node)
        values, levels = 1 + sum(n for n, _ in parts), 1 + max((n for _, n in parts), default=0)
        if values > MOST_VALUES or levels > DEEPEST:
            raise _problem(f"it holds more than {MOST_VALUES} values or {DEEPEST} levels, where aliases repeat parts of it", node)
        self.extent[id(node)] = values, levels

    def construct_plain(self, node: Any) -> Any:
        """Return the value of a node, anew for every alias of it."""
        if isinstance(node, yaml.SequenceNode):
            return [self.construct_plain(part) for part in node.value]
        if isinstance(node, yaml.MappingNode):
            self.flatten_mapping(node)
            # What is merged stands in front of the map's own.
            return {key.value: self.construct_plain(value) for key, value in node.value}
        return self.construct_object(node)

    def construct_whole(self, node: Any) -> int:
        """Return a whole number, whose leading zeros mean nothing."""
        text = node.value.replace("_", "")
        if len(text) > MOST_DIGITS:
            raise _problem(f"a whole number has {len(text)} digits", node)
        return int(text, 16) if text.startswith("0x") else int(text)


class _Dumper(yaml.SafeDumper):
    """Quotes text that this module, or another reader of YAML, takes for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write every value out, also where it is the same object as another."""
        return True


def _check_keys(node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _problem("a key must be text", key)
        if key.value in seen:
            raise _problem(f"the key {shortened(key.value)!r} is there twice", key)
        seen.add(key.value)


def _problem(message: str, at: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=message, problem_mark=at.start_mark)


def _resolve(name: str, pattern: str, first: str) -> None:
    expression = re.compile(f"^(?:{pattern})$")
    _Loader.add_implicit_resolver(_PREFIX + name, expression, list(first))
    _Dumper.add_implicit_resolver(_PREFIX + name, expression, list(first))


_resolve("null", "~|null|Null|NULL|", "~nN")
_Loader.add_implicit_resolver(f"{_PREFIX}null", re.compile("^$"), [""])
_resolve("bool", "|".join(f"{word}|{word.title()}|{word.upper()}" for word in ("yes", "no", "true", "false", "on", "off")), "yYnNtTfFoO")
for _name in ("int", "float"):
    _resolve(_name, _NUMBER[_name], "-+.0123456789")
_Loader.add_implicit_resolver(f"{_PREFIX}merge", re.compile("^<<$"), ["<"])
_Loader.add_constructor(f"{_PREFIX}int", _Loader.construct_whole)
for _name in ("map", "seq"):
    _Loader.add_constructor(_PREFIX + _name, _Loader.construct_plain)
