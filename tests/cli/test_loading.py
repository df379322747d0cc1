"""A terminal does not stand still while a slow library is loaded."""

from __future__ import annotations

import sys

import pytest

from pphysml_cli import loading


@pytest.fixture
def slow(tmp_path, monkeypatch):
    """A library that is not loaded yet, in the place of torch."""
    (tmp_path / "slow_library.py").write_text("import sys\nsys.stderr.write('itself\\n')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(loading, "SLOW", "slow_library")
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    yield "slow_library"
    sys.modules.pop("slow_library", None)


@pytest.mark.parametrize(("terminal", "quiet", "rank", "said"), [
    (True, False, None, "loading slow_library...\nitself\n"), (True, True, None, "itself\n"), (False, False, None, "itself\n"), (True, False, "1", "itself\n"),
])
def test_it_is_said_before_in_a_terminal_only(slow, terminal, quiet, rank, said, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    if rank is not None:
        monkeypatch.setenv("LOCAL_RANK", rank)
    before = list(sys.meta_path)
    with loading.noticing(lambda: quiet):
        __import__(slow)
        __import__(slow)
    assert capsys.readouterr() == ("", said) and sys.meta_path == before


def test_without_it_nothing_is_said_and_nothing_left(slow, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    before = list(sys.meta_path)
    with pytest.raises(KeyError), loading.noticing(lambda: False):
        raise KeyError
    __import__(slow)
    assert "loading" not in capsys.readouterr().err and sys.meta_path == before


def test_the_program_asks_for_its_own_option(pphysml, monkeypatch) -> None:
    from pphysml_cli import main

    asked = []
    monkeypatch.setattr(main, "noticing", lambda quiet: asked.append(quiet) or loading.noticing(quiet))
    pphysml("lcag", "nothing.root", "-q")
    pphysml("lcag", "nothing.root")
    assert [quiet() for quiet in asked] == [True, False]
