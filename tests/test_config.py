"""What is said of a wrong configuration."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import BeforeValidator, model_validator

from pphysml.config import Config, build, load, option
from pphysml.errors import MOST, ConfigError, did_you_mean


def no_such_name(value):
    raise ValueError(f"there is no such name.{did_you_mean(value, ['alpha', 'beta'])}")


class Inner(Config):
    low: float = option(0.0, "Low end.")
    high: float = option(1.0, "High end.")
    name: Annotated[str, BeforeValidator(no_such_name)] | None = option(None, "A name.")

    @model_validator(mode="after")
    def _rising(self):
        if self.low >= self.high:
            raise ValueError("low must be below high")
        return self


class Outer(Config):
    inner: Inner = option(Inner, "A section.")
    limit: float = option(10.0, "Largest of both.")

    @model_validator(mode="after")
    def _limited(self):
        if self.inner.high > self.limit:
            raise ValueError("inner.high must not exceed limit")
        return self


@pytest.mark.parametrize(("values", "message"), [
    ({"inner": {"high": 11.0}}, "the options: inner.high must not exceed limit."),
    ({"inner": {"low": 2.0}}, "the options: inner: low must be below high (got {'low': 2.0})."),
    ({"inner": {"name": "%"}}, "the options: inner.name: there is no such name. There is: alpha, beta (got '%')."),
    ({"inner": {"low": "x"}}, "the options: inner.low: Input should be a valid number, unable to parse string as a number (got 'x')."),
    ({"inner": {"hig": 2.0}}, "the options: there is no option 'inner.hig'. Did you mean 'inner.high' or 'inner.low' or 'inner.name'?"),
])
def test_the_place_is_said_where_there_is_one(values, message):
    with pytest.raises(ConfigError) as refused:
        build(Outer, values, "the options")
    assert str(refused.value) == message


def test_all_of_a_list_of_names_are_shown_and_of_a_longer_one_how_many_are_left():
    names = [f"name{k:02d}" for k in range(MOST)]
    assert did_you_mean("%", names) == f" There is: {', '.join(names)}."
    assert did_you_mean("%", [*names, "o1", "o2"]).endswith("name39, and 2 more.")
    assert did_you_mean("%", []) == ""


def test_layers_change_what_they_name_from_left_to_right(tmp_path):
    base, mine = tmp_path / "base.yaml", tmp_path / "mine.yaml"
    base.write_text("inner: {low: 0.1, high: 0.2}\nlimit: 3")
    mine.write_text("inner: {high: 0.3}")
    package = "pphysml.tasks.lcag.presets"
    both = load(Outer, package, [base, mine], ["limit=4"])
    assert (both.inner.low, both.inner.high, both.limit) == (0.1, 0.3, 4)
    assert load(Outer, package, [mine, base]).inner.high == 0.2
    assert load(Outer, package, [base]) == load(Outer, package, base) and load(Outer, package, ()) == Outer()
    mine.write_text("inner: {hihg: 0.3}")
    with pytest.raises(ConfigError, match=r"base.yaml with .*mine.yaml: there is no option 'inner.hihg'. Did you mean 'inner.high'"):
        load(Outer, package, [base, mine])


@pytest.mark.parametrize(("values", "message"), [
    ({"limit": True}, "limit: must be a number (got True)."),
    ({"limits": [1.0, False]}, "limits: must be a number (got [1.0, False])."),
    ({"steps": 2**63}, "steps: must be a number of at most 64 bits (got 9223372036854775808)."),
    ({"limit": 10**400}, f"limit: Input should be a valid number (got {str(10**400)[:200]}... (401 characters))."),
    ({"x" * 1000: 1}, f"there is no option '{'x' * 200}... (1000 characters)'"),
    ({"limit": "x" * 4_000_000}, f"(got 'x{'x' * 198}... (4000002 characters))."),
])
def test_what_is_no_number_is_refused_and_long_values_are_cut(values, message):
    class Options(Config):
        limit: float = option(10.0, "A limit.")
        limits: list[float] = option(list, "Limits.")
        steps: int = option(1, "Steps.")

    with pytest.raises(ConfigError) as refused:
        build(Options, values, "the options")
    assert message in str(refused.value)
    assert build(Options, {"limit": 3, "steps": 4.0}, "the options") == Options(limit=3.0, steps=4)


def test_of_many_problems_some_are_shown():
    with pytest.raises(ConfigError) as refused:
        build(Outer, {f"no{k}": 1 for k in range(100_000)}, "the options")
    lines = str(refused.value).splitlines()
    assert len(lines) == 11 and lines[-1] == "the options: and 99990 more of this kind."


def test_a_section_without_options_changes_nothing(tmp_path):
    layers = [tmp_path / "below.yaml", tmp_path / "above.yaml"]
    for path, content in zip(layers, ("inner:\n  high: 5.5\n", "inner:\n#  high: 2\n"), strict=True):
        path.write_text(content)
    package = "pphysml.tasks.lcag.presets"
    assert load(Outer, package, layers[1]) == Outer()
    assert load(Outer, package, layers) == load(Outer, package, layers[0]) != Outer()
    layers[1].write_text("iner:\n")
    with pytest.raises(ConfigError, match="no option 'iner'"):
        load(Outer, package, layers)


@pytest.mark.parametrize(("content", "words"), [
    ("", "is empty; for the defaults, leave it out"), ("# nothing\n", "is empty"), ("false", "not a bool"), ("[]", "not a list"), ("0", "not a int"),
    ("a", "not a str"), ("inner: 3", "inner: Input should be"), ("inner:\n  low: 1\n  low: 2", "line 3: not valid YAML: the key 'low' is there twice"),
])
def test_a_file_that_holds_no_options_is_refused(tmp_path, content, words):
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError) as refused:
        load(Outer, "pphysml.tasks.lcag.presets", path)
    assert str(refused.value).startswith(str(path)) and words in str(refused.value)


@pytest.mark.parametrize("item", ["a", "=1", ".=1", "inner.low.x=1", "inner.low=[", "inner.low=!!int 3", ".".join("a" * 60) + "=1", "inner.low=*x", "inner..low=1"])
def test_a_change_of_another_form_is_refused_in_one_line(item):
    with pytest.raises(ConfigError) as refused:
        load(Outer, "pphysml.tasks.lcag.presets", None, ["inner.low=0.5", item])
    assert len(str(refused.value).splitlines()) == 1
