"""Decay trees written by hand: as text, or as the lists and maps of a YAML file.

    B0 -> (D- -> K+ pi- pi-) pi+     a decay; brackets, round or square, hold a child's decay
    ((* *) *)                        brackets without an arrow: a node without a label
    100(90(5 2 1) 3)                 a label right before its children, as topologies are written

A bracket inside a name belongs to it: `K(S)0`, `D*(2010)+`. In YAML a list is a node without a
label, a map `LABEL: [children]` a node with one, and any text may be a decay by itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from .... import plain_yaml
from ....errors import ConfigError, shortened

ANY = "*"
"""The label that says nothing."""
DEEPEST = 50
"""Generations of a decay."""
MOST = 500
"""Particles of a decay."""

_NAME = r"[^\W\d](?:(?!->)[^\s()\[\]])*(?:\([^\s()\[\]]*\)(?:(?!->)[^\s()\[\]])*)*"
_TOKEN = re.compile(rf"\s*(->|[()\[\]]|(?:{_NAME}|(?:(?!->)[^\s()\[\]])+)[(\[]?)")
_CLOSING = {"(": ")", "[": "]"}


class Decay(NamedTuple):
    """A label and the decays of the children; none for a leaf."""

    label: str
    children: tuple[Any, ...] = ()


def parse_decay(text: str) -> Decay:
    """Read one of the forms above; a single label is a leaf.

    Raises:
        ConfigError: it is none of them.
    """
    return _searchable(_Parser(text).whole())


def read_decay(path: str) -> Decay:
    """Read a YAML file.

    Raises:
        ConfigError: it cannot be read, or holds something else than one decay.
    """
    text = plain_yaml.read_text(path)
    try:
        return _searchable(_from_yaml(plain_yaml.parse(text, path)))
    except ConfigError as error:
        hint = " (a label * needs quotes: \"*\")" if "anchor" in str(error) or "alias" in str(error) else ""
        where = "" if str(error).startswith(path) else f"{path}: "
        raise ConfigError(f"{where}{str(error).removesuffix('.')}{hint}.") from None


def _searchable(decay: Decay) -> Decay:
    if _particles(decay) > MOST:
        raise ConfigError(f"A decay of more than {MOST} particles is not searched for.")
    return decay


def _particles(decay: Decay) -> int:
    return 1 + sum(map(_particles, decay.children))


def _from_yaml(value: Any) -> Decay:
    match value:
        case str():
            return _Parser(value).whole()
        case bool() | None:
            raise ConfigError(f"{value!r} is no label; put names and * in quotes.")
        case int() | float():
            return Decay(str(value))
        case list():
            return _node(ANY, [_from_yaml(child) for child in value], value)
        case dict() if len(value) == 1:
            (label, children), = value.items()
            if isinstance(children, list):
                return _node(str(label), [_from_yaml(child) for child in children], value)
    raise ConfigError(f"{shortened(repr(value))} is no decay; it must be a label, a list of decays, or LABEL: [decays].")


def _node(label: str, children: Sequence[Decay], where: object) -> Decay:
    if len(children) < 2:
        raise ConfigError(f"{shortened(repr(where))} is not a decay: {'a node' if label == ANY else repr(label)} "
                          f"needs two or more children, not {len(children)}.")
    return Decay(label, tuple(children))


class _Parser:
    """Reads the tokens of one text from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _TOKEN.findall(text.rstrip())[::-1]
        self.depth = 0

    def whole(self) -> Decay:
        label, children = self.items("")
        if label is None and len(children) == 1:
            return children[0]
        if label is None:
            raise self.bad("put brackets around it, or name what decays, as in A -> B C" if children else "it is empty")
        return _node(label, children, self.text)

    def items(self, end: str) -> tuple[str | None, list[Decay]]:
        """Return label and children up to a closing bracket, or to the end of the text."""
        label: str | None = None
        children: list[Decay] = []
        while self.tokens:
            token = self.tokens.pop()
            if token == "->":
                if label is not None or len(children) != 1 or children[0].children:
                    raise self.bad("an arrow must follow the one name of what decays")
                label = children.pop().label
            elif token in (")", "]"):
                if token != end:
                    raise self.bad(f"{token!r} closes nothing")
                return label, children
            else:
                children.append(self.item(token))
        if end:
            raise self.bad(f"{end!r} is missing at the end")
        return label, children

    def item(self, token: str) -> Decay:
        if token[-1] not in _CLOSING:
            return Decay(token)
        before = token[:-1]
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.bad(f"it has more than {DEEPEST} generations")
        label, children = self.items(_CLOSING[token[-1]])
        self.depth -= 1
        if before and label is not None:
            raise self.bad(f"{before!r} and {label!r} name the same node")
        return _node(before or label or ANY, children, self.text)

    def bad(self, why: str) -> ConfigError:
        return ConfigError(f"{shortened(self.text)!r} is not a decay: {why}.")
