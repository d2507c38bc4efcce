"""The settings file `regulars.toml` as frozen dataclasses.

The canonical name stands on the left, the user's own on the right. Unknown sections and keys are refused, and every
problem of a file is told at once. Sections that are named after an analysis set its parameters.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from regulars.core import parameters
from regulars.core.contract import CONTRACT
from regulars.core.experiment import ExperimentSettings
from regulars.errors import RegularsError, SettingsError, closest, raise_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DateOrder = Literal["", "day_first", "month_first", "year_first"]
Word = str | bool | int
"""What a value of the user's may stand for: a word, or true, false or a number where the column holds such."""


@dataclass(frozen=True)
class DatasetSettings:
    """The section `[dataset]`.

    Args:
        name: Name of the company or data set, shown on the report.
        currency: ISO code of the currency of all money.
        as_of: The date that "now" stands for: `last_order`, or a date. Never today by default.
        timezone: Instants with an offset are turned into this zone's wall-clock time.
        country: ISO code, for public holidays.
        money: Which of the mapped columns is *the* money; empty: `paid`, else amount − discount, else `amount`.
        date_order: How to read dates that could be day-first or month-first.
        exclude_periods: Periods that are not in the data or are not to count in trends, as "from/to".
        min_customers: Under this many customers no finding is made.
        online_channels: Names of the channels or platforms that are online, for `online_share`.
        evening_from_hour: The hour from which an order counts as an evening one.
        seed: Seeds everything that draws at random.
    """

    name: str = "Customers"
    currency: str = ""
    as_of: str = "last_order"
    timezone: str = "UTC"
    country: str = ""
    money: Literal["", "paid", "amount", "amount_less_discount"] = ""
    date_order: DateOrder = ""
    exclude_periods: tuple[str, ...] = ()
    min_customers: int = 30
    online_channels: tuple[str, ...] = ("website", "web", "online", "app", "mobile")
    evening_from_hour: int = 18
    seed: int = 7

    def __post_init__(self) -> None:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        if self.as_of != "last_order":
            _date(self.as_of, "dataset.as_of")
        for period in self.exclude_periods:
            self._period(period)
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
            raise SettingsError(
                f"[dataset] timezone = {self.timezone!r} is not known", mend='use a name like "Europe/London"'
            ) from problem

    @staticmethod
    def _period(text: str) -> tuple[date, date]:
        start, _, end = text.partition("/")
        period = _date(start, "dataset.exclude_periods"), _date(end or start, "dataset.exclude_periods")
        if period[1] < period[0]:
            raise SettingsError(f"[dataset] exclude_periods: {text!r} ends before it starts", mend="swap the two dates")
        return period

    @property
    def excluded(self) -> tuple[tuple[date, date], ...]:
        """The excluded periods as (first day, last day)."""
        return tuple(self._period(period) for period in self.exclude_periods)


def _date(text: str, where: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as problem:
        raise SettingsError(f"{where}: {text!r} is not a date", mend="write it as 2024-12-31") from problem


@dataclass(frozen=True)
class EngineSettings:
    """The section `[engine]`.

    Args:
        kind: `duckdb` (on this machine) or `spark`.
        memory: The most memory the engine may take: a share ("60%") or a size ("8GB"). Beyond it the engine spills to
            disk.
        threads: Threads to use; 0 means all.
        temporary_folder: Where it spills; empty: the system's temporary folder.
        master: Spark only: the master's URL.
    """

    kind: Literal["duckdb", "spark"] = "duckdb"
    memory: str = "60%"
    threads: int = 0
    temporary_folder: str = ""
    master: str = "local[*]"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\d+(\.\d+)?\s*(%|[KMGT]i?B)", self.memory):
            raise SettingsError(f"[engine] memory = {self.memory!r} is not understood", mend='write "60%" or "8GB"')
        if self.threads < 0:
            raise SettingsError("[engine] threads is below 0", mend="use 0 for all processors")


@dataclass(frozen=True)
class ReaderSettings:
    """How a file is read: `reader = { … }` of a table. What is empty is found out from the file itself.

    Args:
        format: `csv`, `baskets` (ragged rows of items, one basket a row), `parquet`, `json`, `excel`.
        delimiter: Between the cells; " " reads any run of blanks as one.
        quote: Around cells.
        decimal: The decimal mark of numbers.
        thousands: The mark between thousands.
        encoding: utf-8, utf-16, latin-1, …
        header: Whether the first row has the names; without names columns are `column_1`, `column_2`, …
        null_values: Texts that mean "nothing", beside the usual ones (empty, null, nan, NA, N/A, None).
        date_formats: Formats of dates, as strptime writes them (`%d.%m.%Y`), tried in this order.
        date_order: As in `[dataset]`, for this table alone.
        sheet: Sheet of a workbook; the first, where empty.
        member: File inside a zip archive; the only one of its kind, where empty.
        table: Table of a database or catalogue.
    """

    format: Literal["", "csv", "baskets", "parquet", "json", "excel"] = ""
    delimiter: str = ""
    quote: str = ""
    decimal: Literal["", ".", ","] = ""
    thousands: Literal["", ",", ".", " ", "'"] = ""
    encoding: str = ""
    header: bool | None = None
    null_values: tuple[str, ...] = ()
    date_formats: tuple[str, ...] = ()
    date_order: DateOrder = ""
    sheet: str = ""
    member: str = ""
    table: str = ""

    def __post_init__(self) -> None:
        if self.decimal and self.decimal == self.thousands:
            raise SettingsError(
                f"reader: decimal and thousands are both {self.decimal!r}",
                mend="give each its own mark, or leave one out",
            )


@dataclass(frozen=True)
class BasketColumn:
    """A product list inside a cell, one line made of each entry: `{"P1": 2}` or `[{"sku": "P1", "qty": 2}]`.

    Args:
        column: The user's column that holds the list.
        product: Key of the product id, in a list of objects.
        quantity: Key of the quantity, in a list of objects.
        unit_price: Key of the price, in a list of objects.
    """

    column: str
    product: str = ""
    quantity: str = ""
    unit_price: str = ""


@dataclass(frozen=True)
class Unpivot:
    """Wide columns made long: each listed column becomes a row.

    Args:
        columns: The user's columns; `*` stands for any run of characters.
        name: Canonical column that receives the column's name.
        value: Canonical column that receives its value.
        strip: Text taken off the front of the column's name.
    """

    columns: tuple[str, ...]
    name: str
    value: str
    strip: str = ""


@dataclass(frozen=True)
class TableSettings:
    """A section `[tables.NAME]`.

    Args:
        source: File, glob, folder or database address; several where a table comes in parts.
        columns: Canonical name = the user's name.
        further: The user's columns kept under their own names (traits, outcomes); "*" keeps all that are not mapped.
        exclude: Rows to set aside, as rules (`"quantity <= 0"`); see the documentation of `intake.exclude`.
        values: Canonical column, or a further one = what its values stand for: `{ "1" = "female" }`; `""` for nothing.
        reader: How the file is read, where it must be said.
        basket: A product list inside a cell.
        unpivot: Wide columns made long.
        duplicates: What to do with rows that repeat another of the same file exactly: they may be real.
        success: `statuses` only: ids of the statuses that are sales.
    """

    source: tuple[str, ...]
    columns: dict[str, str] = field(default_factory=dict)
    further: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    values: dict[str, dict[str, Word]] = field(default_factory=dict)
    reader: ReaderSettings = field(default_factory=ReaderSettings)
    basket: BasketColumn | None = None
    unpivot: Unpivot | None = None
    duplicates: Literal["keep", "drop"] = "keep"
    success: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """A whole settings file."""

    dataset: DatasetSettings = field(default_factory=DatasetSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    tables: Mapping[str, TableSettings] = field(default_factory=dict)
    checks: Mapping[str, str] = field(default_factory=dict)
    analyses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    experiments: Mapping[str, ExperimentSettings] = field(default_factory=dict)
    folder: Path = field(default_factory=Path)
    path: Path | None = None


_FIXED = ("dataset", "engine", "tables", "checks", "experiments")


def load(
    path: Path,
    known_analyses: Sequence[str],
    overrides: Mapping[str, Any] | None = None,
    data: Path | None = None,
) -> Settings:
    """The settings of a file.

    Args:
        path: The settings file.
        known_analyses: Names that a section may have beside the fixed ones.
        overrides: "section.key" = value, from the command line.
        data: Folder that relative sources are looked up in, instead of the settings file's own.

    Raises:
        SettingsError: The file is missing, is not TOML, or holds what is not known (all problems together).
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise SettingsError(f"there is no settings file {path}", mend="`regulars init FOLDER` writes one") from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise SettingsError(f"{path} is not valid TOML: {problem}", mend="mend that line") from problem
    except OSError as problem:
        raise SettingsError(
            f"{path} cannot be read: {problem.strerror}", mend="name a file that can be read"
        ) from problem
    for key, value in (overrides or {}).items():
        _override(raw, key, value)
    return parse(raw, known_analyses, folder=data or path.parent, path=path)


def _override(raw: dict[str, Any], key: str, value: Any) -> None:
    *sections, name = key.split(".")
    if not sections:
        raise SettingsError(f"--set {key}: the section is missing", mend="write --set section.key=value")
    place = raw
    for section in sections:
        place = place.setdefault(section, {})
        if not isinstance(place, dict):
            raise SettingsError(
                f"--set {key}: '{section}' is a value, not a section", mend="write --set section.key=value"
            )
    place[name] = value


def parse(raw: Mapping[str, Any], known_analyses: Sequence[str], *, folder: Path, path: Path | None = None) -> Settings:
    """Settings from plain tables, as TOML gives them.

    Raises:
        SettingsError: What is not known or does not fit, all problems together.

    >>> parse({"dataset": {"name": "Shop"}}, [], folder=Path(".")).dataset.name
    'Shop'
    """
    errors: list[RegularsError] = []
    for section, value in raw.items():
        if section not in (*_FIXED, *known_analyses):
            errors.append(
                SettingsError(
                    f"the section [{section}] is not known", mend=closest(section, (*_FIXED, *known_analyses))
                )
            )
        elif not isinstance(value, dict):
            errors.append(
                SettingsError(
                    f"'{section}' is a value, not a section", mend=f"write [{section}] and its settings below"
                )
            )
    sections = {name: value for name, value in raw.items() if isinstance(value, dict)}
    dataset = parameters.build(DatasetSettings, sections.get("dataset", {}), "dataset", errors)
    engine = parameters.build(EngineSettings, sections.get("engine", {}), "engine", errors)
    checks = sections.get("checks", {})
    errors.extend(
        SettingsError(f"[checks] {name} = {word!r} is refused", mend='write "off" or "on"')
        for name, word in checks.items()
        if not isinstance(word, str)
    )
    tables = {name: _table(name, value, errors) for name, value in sections.get("tables", {}).items()}
    own, named = parameters.apart(sections.get("experiments", {}), ExperimentSettings)
    experiments = parameters.build_named(ExperimentSettings, named, "experiments", errors)
    raise_all(errors)
    return Settings(
        dataset=dataset or DatasetSettings(),
        engine=engine or EngineSettings(),
        tables={name: table for name, table in tables.items() if table is not None},
        checks=checks,
        analyses={
            name: own if name == "experiments" else sections[name] for name in known_analyses if name in sections
        },
        experiments=experiments,
        folder=folder,
        path=path,
    )


def _table(name: str, values: Any, errors: list[RegularsError]) -> TableSettings | None:
    if name not in CONTRACT:
        errors.append(SettingsError(f"[tables.{name}] is no canonical table", mend=closest(name, CONTRACT)))
        return None
    if not isinstance(values, dict):
        errors.append(
            SettingsError(
                f"tables.{name} is a value, not a section",
                mend=f"write [tables.{name}] and its settings below",
            )
        )
        return None
    table = parameters.build(TableSettings, values, f"tables.{name}", errors)
    if table is None:
        return None
    contract = CONTRACT[name]
    named = [*table.columns, *((table.unpivot.name, table.unpivot.value) if table.unpivot else ())]
    errors.extend(
        SettingsError(
            f"[tables.{name}] maps '{column}', which the table does not have",
            table=name,
            mend=closest(column, contract.names)
            + (" (or list your own column under `further`)" if contract.further else ""),
        )
        for column in named
        if contract.column(column) is None and not (table.unpivot and contract.further)
    )
    if table.further and not contract.further:
        errors.append(
            SettingsError(
                f"[tables.{name}] takes no further columns",
                table=name,
                mend="map them, or leave `further` out",
            )
        )
    errors.extend(
        SettingsError(f"[tables.{name}] {what}", table=name, mend=mend) for what, mend in _clashes(name, table)
    )
    return table


def _clashes(name: str, table: TableSettings) -> list[tuple[str, str]]:
    """Settings of a table that do not go together, each with the mend."""
    found: list[tuple[str, str]] = []
    made: list[str] = []
    if table.unpivot:
        made = [table.unpivot.name, table.unpivot.value]
    elif table.basket:
        made = ["product_id", "quantity", *(["unit_price"] if table.basket.unit_price else [])]
    if not table.source:
        found.append(("names no source", 'write source = "file.csv"'))
    if table.unpivot and table.basket:
        found.append(("has both a basket and an unpivot", "leave one out"))
    if table.unpivot and table.unpivot.name == table.unpivot.value:
        found.append((f"unpivot makes '{table.unpivot.name}' of both the names and the values", "name two columns"))
    if table.basket and name != "lines":
        found.append(("takes no basket: a product list makes order lines", "write it under [tables.lines]"))
    if table.success and name != "statuses":
        found.append(("takes no success", "write it under [tables.statuses]"))
    found += [
        (f"maps '{column}', which {'unpivot' if table.unpivot else 'basket'} makes", "leave it out of columns")
        for column in made
        if column in table.columns
    ]
    return found
