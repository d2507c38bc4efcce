"""Five companies end to end: every question has its place in the report, and the README says what the run says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from examples import answers

if TYPE_CHECKING:
    from pathlib import Path

NAMES = answers.names()


def test_the_five_companies_are_there() -> None:
    assert set(NAMES) >= {"cinema", "cinema-retention", "health", "shop", "customer-profiles"}


@pytest.mark.parametrize("name", NAMES)
def test_every_question_is_answered_as_the_readme_says(name: str, tmp_path: Path) -> None:
    example = answers.read(name)
    done = answers.perform(example, tmp_path)
    assert answers.missing(example, done) == []
    assert answers.unanswered(example, done) == []
    text = example.readme.read_text(encoding="utf-8")
    fresh = answers.with_block(text, answers.block(example, done))
    assert text == fresh, f"write the answers anew: python -m examples {name} --update"
    for sentence in (one.ask for one in example.questions):
        assert f"### {sentence}" in text
