"""YAML is read as plain values, at a cost that its length bounds."""

from __future__ import annotations

import os

import pytest
import yaml

from pphysml import plain_yaml
from pphysml.errors import ConfigError


def test_numbers_are_those_a_physicist_means_and_dates_are_text():
    text = "a: 1e-3\nb: 010\nc: 1:30\nd: 2020-01-01\ne: .inf\nf: 1_000\ng: 0x1F\nh: -2.5E+3\ni:\nj: yes\nk: 'yes'\nl: '1e-3'\nm: =\n5.28: []"
    assert plain_yaml.parse(text, "here") == {
        "a": 1e-3, "b": 10, "c": "1:30", "d": "2020-01-01", "e": float("inf"), "f": 1000, "g": 31, "h": -2500.0, "i": None,
        "j": True, "k": "yes", "l": "1e-3", "m": "=", "5.28": []}


@pytest.mark.parametrize("value", ["1e-3", "010", "1:30", "2020-01-01", "yes", "~", "", "*", "<<", "=", "0x1F", ".nan", " a", "- b", "é\n", "1_0", 1e-5, 3, True, None])
def test_what_is_written_is_read_again(value):
    values = {"a": value, "b": [value, {"c": value}]}
    assert plain_yaml.parse(plain_yaml.dump(values), "") == values
    # By other programs too.
    assert yaml.safe_load(plain_yaml.dump(values)) == values


def test_an_alias_repeats_what_it_stands_for_as_a_value_of_its_own():
    values = plain_yaml.parse("a: &x {k: [1], l: 2}\nb: *x\nc: {<<: *x, l: 3}\n", "")
    assert values == {"a": {"k": [1], "l": 2}, "b": {"k": [1], "l": 2}, "c": {"k": [1], "l": 3}}
    values["a"]["k"].append(2)
    assert values["b"] == {"k": [1], "l": 2} and values["c"]["k"] == [1]


def laughs(levels: int, width: int = 9, tree: bool = True) -> str:
    """Return few bytes that stand for width**levels values."""
    lines = ["a0: &a0 [1, 2]"] + [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * width)}]" for k in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(("text", "words"), [
    (laughs(9), "more than 100000 values"),
    (laughs(60, 1), "or 50 levels"),
    ("a: &a [*a]", "is inside what it stands for"),
    ("a: &a {b: {<<: *a}}", "is inside what it stands for"),
    ("a: *nothing", "undefined alias"),
    ("[" * 100_000, "more than 50 levels deep"),
    ("a: {" * 100, "more than 50 levels deep"),
    ("- " * 10_000 + "1", "more than 50 levels deep"),
    ("a: 1\nb: 2\na: 3", "line 3: not valid YAML: the key 'a' is there twice"),
    ("? [1, 2]\n: 3", "a key must be text"),
    ("a: !!python/object/apply:os.system [echo]", "tags such as"),
    ("a: !!int x", "tags such as"),
    ("a: !!set {b}", "tags such as"),
    ("a: " + "9" * 5000, "a whole number has 5000 digits"),
    ("a: [1", "not valid YAML"),
    ("a: \x00", "the character '\\x00'"),
    ("a: 1\n---\nb: 2", "not valid YAML"),
    ("%TAG ! x\n---\n!a b", "tags such as"),
    ("<<: 3", "expected a mapping"),
])
def test_what_costs_more_than_it_seems_or_means_two_things_is_refused(text, words):
    with pytest.raises(ConfigError) as refused:
        plain_yaml.parse(text, "mine.yaml")
    assert str(refused.value).startswith("mine.yaml") and words in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1 and len(str(refused.value)) < 400


def test_files_that_are_no_text_are_refused_with_the_place(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes("a: 1\n# für\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"a\.yaml, line 2: is not UTF-8 text \(byte 0xfc\)"):
        plain_yaml.load(path)
    path.write_text("\ufeffa: ü\n", encoding="utf-8")
    assert plain_yaml.load(path) == {"a": "ü"}
    path.write_bytes(b"#" * (plain_yaml.LARGEST + 1))
    with pytest.raises(ConfigError, match="too much for a file of this kind"):
        plain_yaml.load(path)
    os.mkfifo(tmp_path / "pipe.yaml")
    for name, words in (("pipe.yaml", "no regular file"), (".", "is a folder"), ("no.yaml", "cannot be read: No such file"),
                        ("a\x00b", "cannot be the name"), ("a" * 300, "cannot be read: File name too long")):
        with pytest.raises(ConfigError, match=words):
            plain_yaml.load(f"{tmp_path}/{name}")
