"""A company's codes told in words: what `values` under a table says that the values of a column stand for.

The codes are compared with the texts as they stand, without the blanks around them, before a column is read as what
it should be: a code may stand for a word, for true or false, for a number, or for nothing. What is not named stays as
it is. The texts of a column are counted first, so that each spelling that occurs becomes one case of an expression.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.core.quality import CheckResult
from regulars.core.units import write_count
from regulars.errors import RegularsError, SettingsError, closest, raise_all
from regulars.intake import values
from regulars.intake.checks.bad_rows import some

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.config import TableSettings, Word
    from regulars.core.contract import Column
    from regulars.core.dataset import Engine

MAX_SPELLINGS = 10_000
SHOWN = 12


@dataclass(frozen=True)
class Wording:
    """What the values of one column stand for, and what was found of them.

    Args:
        column: The canonical name, or the user's own of a further column.
        user_name: The user's name.
        spellings: Each text that occurs, as it stands, with its word; "" is nothing.
        named: Every value of the settings with its word and the rows that have it, in the order of the settings.
        others: The most frequent of the values that are not named, with their rows.
        other_values: How many different values are not named.
        other_rows: Rows that have them.
    """

    column: str
    user_name: str
    spellings: Mapping[str, str]
    named: tuple[tuple[str, str, int], ...]
    others: tuple[tuple[str, int], ...]
    other_values: int
    other_rows: int

    def of(self, text: ir.StringValue) -> ir.StringValue:
        """The column's texts, each that is named as its word."""
        return values.filled(text.cases(*self.spellings.items(), else_=text)) if self.spellings else text


def wordings(
    settings: TableSettings, mapped: Sequence[tuple[Column, str]], rows: ir.Table, table: str, engine: Engine
) -> dict[str, Wording]:
    """By column, what its values stand for.

    Args:
        settings: The table's section of the settings.
        mapped: The columns of the table, each with the user's name.
        rows: The user's rows.
        table: The canonical table.
        engine: Counts the values.

    Raises:
        SettingsError: A column is not there or holds dates, or a value or its word cannot be meant (all together).
    """
    by_name = {column.name: (column, user_name) for column, user_name in mapped}
    errors: list[RegularsError] = []
    nothing = {word.casefold() for word in (*values.NULL_WORDS, *settings.reader.null_values)}
    for name, words in settings.values.items():
        errors += _unmapped(name, settings, by_name, table)
        for value, word in words.items():
            found = _refused(value, as_text(word), nothing)
            if found:
                where = f"[tables.{table}.values.{name}] {value!r} = {as_text(word)!r}"
                errors.append(SettingsError(f"{where}: {found[0]}", table=table, column=name, mend=found[1]))
    raise_all(errors)
    return {
        name: _found(name, by_name[name][1], words, rows, settings.reader.null_values, engine)
        for name, words in settings.values.items()
    }


def as_text(word: Word) -> str:
    """A word of the settings as a text of the data.

    >>> as_text(" female "), as_text(True), as_text(3)
    ('female', 'true', '3')
    """
    return str(word).lower() if isinstance(word, bool) else str(word).strip()


def _unmapped(
    name: str, settings: TableSettings, by_name: Mapping[str, tuple[Column, str]], table: str
) -> list[RegularsError]:
    if name not in by_name:
        message = f"[tables.{table}.values.{name}] is about a column that no column of the file is mapped to"
        own = next((canonical for canonical, (_, user_name) in by_name.items() if user_name == name), "")
        mend = f"write [tables.{table}.values.{own}]" if own else closest(name, tuple(by_name))
        return [SettingsError(message, table=table, column=name, mend=mend)]
    if by_name[name][0].kind in ("instant", "date"):
        message = f"[tables.{table}.values.{name}] is about dates, which have no words"
        mend = f"a date that means nothing goes into reader.null_values under [tables.{table}]"
        return [SettingsError(message, table=table, column=name, mend=mend)]
    return []


def _refused(value: str, word: str, nothing: set[str]) -> tuple[str, str] | None:
    """Why a value with its word is not taken, and the mend; None where it is."""
    if not value.strip():
        return "a missing value has no word", "leave it out: what is missing is shown as such"
    if value != value.strip():
        return "the value has blanks around it, which are not compared", f"write {value.strip()!r}"
    if word.casefold() in nothing:
        return f"{word} would be read as missing", f'write {value!r} = "", or another word'
    return None


def _found(
    name: str, user_name: str, words: Mapping[str, Word], rows: ir.Table, null_words: Sequence[str], engine: Engine
) -> Wording:
    texts = rows.select(text=values.filled(values.as_text(rows[user_name]))).filter(lambda t: t.text.notnull())
    counts = texts.group_by("text").aggregate(rows=texts.count())
    counts = counts.mutate(bare=counts.text.re_replace(values.BLANK_ENDS, ""))
    is_named = counts.bare.isin(list(words))
    named = engine.collect(counts.filter(is_named).order_by("text"), MAX_SPELLINGS).to_pylist()
    others = counts.filter(~is_named & values.clean(counts.text, null_words).notnull())
    others = others.mutate(all_rows=others.rows.sum().over().cast("int64"), all_values=others.count().over())
    top = engine.collect(others.order_by(others.rows.desc(), "text").limit(SHOWN), SHOWN).to_pylist()
    sums = {value: sum(row["rows"] for row in named if row["bare"] == value) for value in words}
    return Wording(
        column=name,
        user_name=user_name,
        spellings={row["text"]: as_text(words[row["bare"]]) for row in named},
        named=tuple((value, as_text(word), sums[value]) for value, word in words.items()),
        others=tuple((row["text"], row["rows"]) for row in top),
        other_values=top[0]["all_values"] if top else 0,
        other_rows=top[0]["all_rows"] if top else 0,
    )


def notices(found: Wording, table: str, read: int) -> Iterator[CheckResult]:
    """What was done to a column, as checks: the rows of each value, values without a word, words without a row.

    Args:
        found: The column.
        table: The canonical table.
        read: Rows of the table.
    """
    where = f"[tables.{table}.values.{found.column}]"
    used = [(value, word, rows) for value, word, rows in found.named if rows]
    idle = [value for value, _, rows in found.named if not rows]
    if used:
        told = some([f"'{value}' as {word or 'missing'} in {write_count(rows, 'rows')}" for value, word, rows in used])
        yield CheckResult(
            "values_in_words", table, found.user_name, sum(rows for *_, rows in used), read,
            f"{found.column} is read by what its values stand for: {told}", "read so", "repaired",
            f"change {where}",
        )  # fmt: skip
    if found.others:
        told = ", ".join(f"'{value}' ({rows:,})" for value, rows in found.others)
        more = found.other_values - len(found.others)
        yield CheckResult(
            "values_without_word", table, found.user_name, found.other_rows, read,
            f"{found.column}: {write_count(found.other_values, 'values')} without a word, in "
            f"{write_count(found.other_rows, 'rows')}: {told}{f' and {more:,} more' if more else ''}",
            "kept as they are", change=f"name them under {where}",
        )  # fmt: skip
    if idle:
        told = some([f"'{value}'" for value in idle])
        yield CheckResult(
            "words_without_rows", table, found.user_name, 0, read,
            f"{found.column}: {write_count(len(idle), 'values')} with a word and without a row: {told}",
            "nothing to do", change=f"look at how they are written under {where}, or leave them out",
            severity="warning",
        )  # fmt: skip
