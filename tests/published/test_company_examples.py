"""Five companies end to end: every question has its place in the report, and the README says what the run says."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parent.parent.parent
NAMES = sorted(path.parent.name for path in ROOT.glob("examples/*/questions.toml"))


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    sys.modules.pop("examples", None)
    return importlib.import_module("examples.answers")


def test_the_five_companies_are_there() -> None:
    assert set(NAMES) >= {"cinema", "cinema-retention", "health", "shop", "customer-profiles"}


@pytest.mark.parametrize("name", NAMES)
def test_every_question_is_answered_as_the_readme_says(name: str, answers: Any, tmp_path: Path) -> None:
    example = answers.read(name)
    done = answers.perform(example, tmp_path)
    assert answers.missing(example, done) == []
    text = example.readme.read_text(encoding="utf-8")
    fresh = answers.with_block(text, answers.block(example, done))
    assert text == fresh, f"write the answers anew: python -m examples {name} --update"
    for sentence in (one.ask for one in example.questions):
        assert f"### {sentence}" in text
