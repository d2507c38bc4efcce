"""Verbs are found from the text of the analyses, and become commands with the fields of their options."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from regulars import cli
from regulars.core import analysis, verb

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = '''
from dataclasses import dataclass, field
from regulars.core.analysis import Analysis
from regulars.core.result import Finding
from regulars.core.verb import Verb, VerbCall

@dataclass(frozen=True)
class GreetOptions:
    times: int = field(default=1, metadata={"help": "How often."})

@dataclass(frozen=True)
class Greeting(Analysis):
    """Greets."""
    title = "Greeting"
    question = "Who is greeted?"
    verb = Verb("greet", "Greet somebody.", GreetOptions)

    def perform(self, call: VerbCall):
        if call.options.times > 2:
            call.load()
        return self.result(caveats=())
'''


@pytest.fixture
def greeting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "greeting.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    index = verb.read_verbs([tmp_path / "greeting.py"])
    registry = analysis.Registry({"greeting": analysis._loader("greeting")})
    monkeypatch.setattr(analysis.Registry, "discover", classmethod(lambda cls: registry))
    monkeypatch.setattr(verb, "verb_index", lambda: index)
    monkeypatch.setattr(cli, "verb_index", lambda: index)
    monkeypatch.chdir(tmp_path)


def test_the_index_reads_the_text_alone(tmp_path: Path) -> None:
    (tmp_path / "greeting.py").write_text(SOURCE + "\nraise RuntimeError('imported')\n", encoding="utf-8")
    assert verb.read_verbs([tmp_path / "greeting.py"]) == {
        "greet": verb.VerbEntry("greet", "greeting", "Greet somebody.")
    }


@pytest.mark.usefixtures("greeting")
def test_a_verb_is_a_command_with_its_options() -> None:
    assert "greet" in CliRunner().invoke(cli.app, ["--help"]).output
    assert "--times" in CliRunner().invoke(cli.app, ["greet", "--help"]).output
    done = CliRunner().invoke(cli.app, ["greet", "--times", "2"])
    assert done.exit_code == 0, done.output
    assert "Greeting" in done.output


@pytest.mark.usefixtures("greeting")
def test_a_verb_that_needs_the_data_says_so() -> None:
    done = CliRunner().invoke(cli.app, ["greet", "--times", "3"])
    assert "needs the data" in str(done.exception)
