"""The settings file that is written: it loads, says what was guessed, and no name can break it."""

from __future__ import annotations

import re
import tomllib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars.core import config
from regulars.core.config import ReaderSettings, Settings, Unpivot
from regulars.intake.exclude import read_rule
from regulars.intake.guessing.date_evidence import DateEvidence
from regulars.intake.guessing.guesser import FileSample, guess
from regulars.intake.guessing.guesses import ExcludeRule, Guess, Guesses, LeftOut, Mapped, Unused
from regulars.intake.guessing.template import is_writable, quoted, settings_text

DAYS = [(datetime(2024, 1, 1) + timedelta(days=day)).strftime("%d/%m/%Y") for day in range(400)]


def loaded(text: str, folder: Path) -> Settings:
    path = folder / "regulars.toml"
    path.write_text(text, encoding="utf-8")
    return config.load(path, ["rfm"])


def without_marks(text: str) -> str:
    """The text with every setting that is not in use taken into use."""
    return re.sub(r"(?m)^#(?=[\w\[])", "", text)


def sales(dates: list[str], **more: Any) -> FileSample:
    rows = [
        {
            "Invoice": f"C{place}" if place % 40 == 7 else str(place // 2),
            "Customer": str(place % 50),
            "Date": day,
            "Article": f"A{place % 30}",
            "Quantity": "-1" if place % 40 == 7 else str(place % 4 + 1),
            "Price": f"€{place % 9},50",
            **{name: value(place) for name, value in more.items()},
        }
        for place, day in enumerate(dates)
    ]
    return FileSample("sales.csv", tuple(rows[0]), rows)


def test_the_text_loads_and_maps_what_was_guessed(tmp_path: Path) -> None:
    guesses = guess([sales(DAYS)])
    text = settings_text(guesses, "My shop")
    found = loaded(text, tmp_path)
    assert found.dataset.name == "My shop"
    assert found.dataset.currency == "EUR"
    assert found.dataset.as_of == "last_order"
    lines = found.tables["lines"]
    assert lines.source == ("sales.csv",)
    assert lines.columns == {
        "order_id": "Invoice",
        "customer_id": "Customer",
        "ordered_at": "Date",
        "product_id": "Article",
        "quantity": "Quantity",
        "unit_price": "Price",
    }
    assert lines.exclude == ()  # only proposed


def test_every_mapping_says_how_sure_it_is_and_why() -> None:
    guesses = guess([sales(DAYS)])
    text = settings_text(guesses, "Shop")
    for one in guesses.tables[0].columns:
        line = next(line for line in text.splitlines() if line.startswith(f"{one.canonical} = "))
        assert f"# {one.word}: {one.reason}" in line
    assert "proven by" in text
    assert "as_of" in text


def test_proposals_are_valid_once_the_mark_is_taken_away(tmp_path: Path) -> None:
    text = settings_text(guess([sales(DAYS[:12] * 30)]), "Shop")
    assert "PLEASE SAY" in text
    found = loaded(without_marks(text), tmp_path)
    lines = found.tables["lines"]
    assert lines.exclude == ("order_id starts with C", "quantity <= 0")
    assert [read_rule(rule, "lines").column for rule in lines.exclude] == ["order_id", "quantity"]
    assert lines.reader.date_order == "day_first"
    assert found.dataset.country == "GB"


def test_a_proven_order_is_not_asked_for() -> None:
    text = settings_text(guess([sales(DAYS)]), "Shop")
    assert "PLEASE SAY" not in text
    assert "day first (proven by" in text


def test_contradicting_dates_are_asked_for() -> None:
    mixed = [*DAYS[:100], *(datetime(2024, 1, day).strftime("%m/%d/%Y") for day in range(13, 30))]
    text = settings_text(guess([sales(mixed)]), "Shop")
    assert "month first only" in text


def test_traits_and_unpivots_are_written_as_patterns_for_just_these(tmp_path: Path) -> None:
    columns = ["ID", "Year_Birth", "Income [k$]", "Really?", "MntWines", "MntFruits", "MntMeat"]
    rows = [
        dict(zip(columns, (str(i), str(1950 + i), f"{i % 7}x", f"{i % 3}y", "3", str(i), str(2 * i)), strict=True))
        for i in range(40)
    ]
    found = loaded(settings_text(guess([FileSample("customers.csv", tuple(columns), rows)]), "Shop"), tmp_path)
    assert set(found.tables["customers"].further) == {"Income [[]k$]", "Really[?]"}
    spend = found.tables["category_spend"].unpivot
    assert spend == Unpivot(("Mnt*",), "category", "amount", "Mnt")


def test_doubtful_tables_are_comments(tmp_path: Path) -> None:
    rows = [{"transaction_id": str(i), "transaction_at": f"2024-01-{i % 28 + 1:02d}"} for i in range(60)]
    guesses = guess([FileSample("paid.csv", ("transaction_id", "transaction_at"), rows)])
    assert guesses.tables[0].missing == ("customer_id",)
    text = settings_text(guesses, "Shop")
    assert "orders" not in loaded(text, tmp_path).tables
    opened = loaded(without_marks(text), tmp_path)
    assert opened.tables["orders"].columns["order_id"] == "transaction_id"
    assert opened.tables["orders"].columns["customer_id"] == ""  # to be filled in


def test_no_table_gives_an_example_and_a_file_that_loads(tmp_path: Path) -> None:
    text = settings_text(Guesses((), (Unused("x.csv", "its columns fit none of the tables"),)), "Shop")
    assert "[tables.lines]" in text
    assert "x.csv" in text
    assert loaded(text, tmp_path).tables == {}


def test_many_files_become_a_pattern_that_means_just_them(tmp_path: Path) -> None:
    months = [f"sales/2023 [{month:02d}].csv" for month in range(1, 13)]
    columns = (Mapped("customer_id", "c", 0.9, "r"), Mapped("ordered_at", "d", 0.9, "r"))
    table = Guess("orders", tuple(months), columns, 0.9, "r")
    assert loaded(settings_text(Guesses((table,)), "S"), tmp_path).tables["orders"].source == ("sales/*.csv",)
    other = Unused("sales/readme.csv", "r")
    assert loaded(settings_text(Guesses((table,), (other,)), "S"), tmp_path).tables["orders"].source == tuple(months)


HOSTILE = st.text(max_size=40) | st.sampled_from(
    ['"]\n[tables.orders]\nsource = "x', "a\r\nb", "'''", '"""', "\\u0000", "\x00", "\x7f", "#", "a # b", "= 1",
     "\u2028x", "\u202egnp.exe", "]]", "*", "[a-z]", "\ud800", "=cmd()|' /C calc'!A0", "<script>alert(1)</script>", ""]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(names=st.lists(HOSTILE, min_size=4, max_size=6, unique=True), path=HOSTILE, title=HOSTILE)
def test_no_name_breaks_the_file(names: list[str], path: str, title: str) -> None:
    table = Guess(
        "customers",
        (path or "x", *names[3:]),
        (Mapped("customer_id", names[0], 0.9, names[1], (names[2],)), Mapped("city", names[1], 0.5, "why")),
        0.9,
        names[2],
        further=tuple(names[2:]),
        reader=ReaderSettings(sheet=names[0] if is_writable(names[0]) else ""),
        exclude=(ExcludeRule("age <= 0", names[1]),),
        left_out=(LeftOut(names[0], names[1]),),
        other_sources=(names[3],),
        dates=((names[0], DateEvidence(1, "text", "undecided", example=names[1])),),
        notes=(names[2],),
    )
    text = settings_text(Guesses((table,), (Unused(path, names[0]),), "EUR", names[1]), title)
    text.encode("utf-8")
    read = tomllib.loads(text)
    found = config.parse(read, ["rfm"], folder=Path())
    if is_writable(title):
        assert found.dataset.name == title
    assert set(found.tables) <= {"customers"}
    if "customers" in found.tables:
        written = found.tables["customers"]
        assert set(written.source) <= {path or "x", *names[3:]}
        assert set(written.columns.values()) <= set(names[:2])
        if is_writable(names[0]):
            assert written.columns["customer_id"] == names[0]


@given(st.text(max_size=60))
def test_a_quoted_text_is_read_as_it_was(text: str) -> None:
    assert tomllib.loads(f"x = {quoted(text)}")["x"] == text


def test_half_a_character_is_refused() -> None:
    with pytest.raises(ValueError, match="half a character"):
        quoted("\udcff.csv")


def test_the_real_data_sets_give_files_that_load(datasets: Path, tmp_path: Path) -> None:
    import csv

    for path in (datasets / "referral_fithub").glob("*.csv"):
        with path.open(encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        sample = FileSample(path.name, tuple(rows[0]), rows, len(rows))
        loaded(settings_text(guess([sample]), path.stem), tmp_path)


def test_codes_are_asked_for_their_words(tmp_path: Path) -> None:
    sample = sales(DAYS, Sex=lambda place: str(1 + place % 50 % 2), Town=lambda place: f"town {place % 50 % 9}")
    text = settings_text(guess([sample]), "My shop")
    assert '#[tables.customers.values]\n#gender = { "1" = "…", "2" = "…" }\n' in text
    assert "#city" not in text
    assert loaded(text, tmp_path).tables["customers"].values == {}
    assert loaded(without_marks(text), tmp_path).tables["customers"].values == {"gender": {"1": "…", "2": "…"}}
