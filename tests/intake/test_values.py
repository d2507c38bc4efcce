from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis
import pyarrow as pa
import pytest

from regulars.intake import values

if TYPE_CHECKING:
    from collections.abc import Callable

    from regulars.engine.duckdb import DuckdbEngine

TEXTS = {
    "plain": "plain",
    "two  words": "two  words",
    " a": "a",
    "a\t\n": "a",
    "\u00a0a\u202f": "a",
    "\ufeffa": "a",
    "a\u200b": "a",
    "": None,
    "  ": None,
    "null": None,
    " NULL ": None,
    "NaN": None,
    "n/a": None,
    "#N/A": None,
    "\\N": None,
    "<NA>": None,
    "NaT": None,
    "Nancy": "Nancy",
    "Nil desperandum": "Nil desperandum",
    "0": "0",
    "été": "été",
}


@pytest.fixture
def read(engine: DuckdbEngine) -> Callable[..., list[Any]]:
    def compute(texts: list[Any], made: Callable[[Any], Any]) -> list[Any]:
        table = engine.bring(pa.table({"n": range(len(texts)), "text": texts}), "texts")
        return engine.collect(table.select("n", made=made(table.text)).order_by("n"), len(texts))["made"].to_pylist()

    return compute


def test_texts_lose_blanks_around_them_and_words_for_nothing(read: Callable[..., list[Any]]) -> None:
    assert read(list(TEXTS), lambda text: values.clean(values.filled(text))) == list(TEXTS.values())


def test_what_is_tidy_is_what_cleaning_leaves(read: Callable[..., list[Any]]) -> None:
    texts = [text for text in TEXTS if text]
    tidy = read(texts, values.is_tidy)
    assert tidy == [TEXTS[text] == text for text in texts]


def test_blanks_count_where_something_stands_between_them(read: Callable[..., list[Any]]) -> None:
    texts = ["a", " a", "a ", " a ", "  ", "", "a b", "\u00a0"]
    assert read(texts, values.has_blanks) == [False, True, True, True, False, False, False, False]


def test_truths(read: Callable[..., list[Any]]) -> None:
    texts = ["1", "0", "TRUE", "No", "y", "f", "Ja", "nein", "sí", "2", "maybe", None, "1.0"]
    assert read(texts, values.truth) == [
        True,
        False,
        True,
        False,
        True,
        False,
        True,
        False,
        True,
        None,
        None,
        None,
        True,
    ]


def test_whole_floats_become_whole_numbers_as_text(read: Callable[..., list[Any]]) -> None:
    given = [17850.0, 0.5, float("nan"), float("inf"), None, 1e20, -3.0]
    assert read(given, values.as_text) == ["17850", "0.5", None, None, None, "1e+20", "-3"]


def test_masks_group_texts_by_all_but_their_digits(engine: DuckdbEngine) -> None:
    texts = ["13/1/2024", "31/2/2024", "1/25/2024", "99/1/2024", None, "13/1/2024"]
    table = engine.bring(pa.table({"text": texts}), "texts")
    rows = engine.collect(values.masks(table, table.text, 10), 10).to_pylist()
    assert [(row["mask"], row["rows"]) for row in rows] == [("99/9/9999", 4), ("9/99/9999", 1)]
    assert (rows[0]["day_at_0"], rows[0]["year_at_0"]) == (3, 1)
    assert rows[1]["day_at_2"] == 1
    assert (rows[0]["least"], rows[0]["last"]) == ("13/1/2024", "99/1/2024")


def test_masks_of_more_shapes_than_wanted_are_those_of_most_rows(engine: DuckdbEngine) -> None:
    table = engine.bring(pa.table({"text": ["a", "bb", "bb", "c"]}), "texts")
    assert [row["mask"] for row in engine.collect(values.masks(table, table.text, 2), 2).to_pylist()] == ["bb", "a"]


def test_exact_integers(read: Callable[..., list[Any]]) -> None:
    assert read([1.0, 1.5, float("nan"), 2.0**60, None], values.exact_integer) == [1, None, None, None, None]


def test_expressions_are_made_of_the_text_alone() -> None:
    table = ibis.table({"text": "string"}, name="t")
    assert values.clean(table.text).type().is_string()
