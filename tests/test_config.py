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
