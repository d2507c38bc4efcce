"""A run read back from its folder: the nouns as they were, small tables whole, large ones through the reader."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from regulars.core.analysis import Feature, Missing
from regulars.core.chart import Chart
from regulars.core.quality import Account, CheckResult, DataQuality
from regulars.core.questions import mask
from regulars.core.result import Action, Caveat, ColumnInfo, Evidence, Finding, Result, Table
from regulars.errors import SourceError
from regulars.present.dashboard.filters import TITLES
from regulars.present.records import FORMAT
from regulars.present.run_view import Failed, RunView, SwitchedOff

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pyarrow as pa

    from regulars.core.questions import OpenReader, Reader

SMALL_ROWS = 5_000
"""A table of up to this many rows that is not one row per customer is kept whole."""
SHOWN_ROWS = 15
_NOT_PEOPLE = ("product", "order", "campaign", "store", "device", "status", "item", "category")

Noun = TypeVar("Noun")


@dataclass(frozen=True)
class SavedTable:
    """A table of a run: its first rows, how many it has, its queries, and where the rest can be asked for.

    Args:
        table: The table; `data` holds all its rows, or the first ones where it is large.
        row_count: Rows of the whole.
        queries: The queries behind it.
        file: Its file in the run folder.
        key: Its name in the reader, or "" where `table.data` is the whole.
    """

    table: Table
    row_count: int
    queries: tuple[str, ...]
    file: str
    key: str = ""


@dataclass(frozen=True)
class SavedResult:
    """A Result with what only the folder knows: its tables as saved, and the audiences' names."""

    result: Result
    tables: Mapping[str, SavedTable]
    audiences: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class SavedRun:
    """A run as the dashboard shows it.

    Args:
        path: The run folder.
        view: The same facts that the report is drawn from.
        results: The Results, by analysis, in reading order.
        reader: Answers questions about large tables and the cube.
        is_masked: Whether ids of customers are replaced by hashes.
        secret: What they are hashed with.
        features: The columns of the customer view, by name.
        files: File of the run folder → its rows, where it has any.
    """

    path: Path
    view: RunView
    results: Mapping[str, SavedResult]
    reader: Reader
    is_masked: bool = False
    secret: str = ""
    features: Mapping[str, Feature] = field(default_factory=dict)
    files: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def currency(self) -> str:
        """ISO code of the currency of all money."""
        return self.view.currency

    def has(self, table: str) -> bool:
        """Whether the run has that table of the cube."""
        return table in self.reader.tables

    def close(self) -> None:
        """Give back what the reader holds."""
        self.reader.close()


def open_run(path: Path, open_reader: OpenReader, *, mask_ids: bool = False) -> SavedRun:
    """A run folder opened for reading.

    Args:
        path: The run folder.
        open_reader: Opens a reader on its files.
        mask_ids: Replace ids of customers by hashes, in every table.

    Raises:
        SourceError: There is no such run, or its files cannot be read.
    """
    path = path.resolve()
    saved, facts = _read_json(path / "results.json"), _read_json(path / "run.json")
    try:
        described = [(one, table) for one in saved["results"] for table in one["tables"] if table["file"]]
        large = {
            table["file"]: f"table_{number}" for number, (_, table) in enumerate(described) if _is_large(table)
        }  # the names are ours, so that no name of the user's is ever part of a query's text
        files = {key: _inside(path, file) for file, key in large.items()}
        cube = {name: path / "cube" / f"{name}.parquet" for name in ("customers", "orders", "days")}
        files |= {name: file for name, file in cube.items() if file.is_file()}
        secret = secrets.token_hex(16) if mask_ids else ""
        masked = {large[table["file"]]: _person_columns(table) for _, table in described if table["file"] in large}
        reader = open_reader(
            files,
            secret=secret,
            masked=masked | {"customers": ["customer_id"], "orders": ["order_id"]},
            held={
                "orders": ("customer_key", "day", "first_day", "is_sale", *TITLES),
                "days": ("day", *TITLES, "orders", "revenue"),
            },
        )
        results = {one["analysis"]: _result(one, path, reader, large, secret) for one in saved["results"]}
        view = _run_view(saved, facts, [one.result for one in results.values()])
    except (KeyError, TypeError, ValueError) as problem:
        raise SourceError(f"{path} cannot be read as a run: {problem}", mend="make the run again") from problem
    features = {feature.name: feature for feature in view.features}
    return SavedRun(path, view, results, reader, mask_ids, secret, features, facts["files"])


def _read_json(path: Path) -> dict[str, Any]:
    mend = "name a run folder, as in `regulars serve runs/latest`"
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] > FORMAT:
            raise SourceError(f"{path} was written by a later version of regulars", mend="upgrade regulars")
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise SourceError(f"there is no run to read in {path.parent}", mend=mend) from problem
    return content


def _inside(path: Path, file: str) -> Path:
    """A file of the run folder, and of nowhere else.

    Raises:
        SourceError: It would lie outside.
    """
    found = (path / file).resolve()
    if not found.is_relative_to(path):
        raise SourceError(f"{file} lies outside the run folder", mend="make the run again")
    return found


def _is_large(table: Mapping[str, Any]) -> bool:
    return bool(table["customer_column"]) or (table["row_count"] or 0) > SMALL_ROWS


def _person_columns(table: Mapping[str, Any]) -> list[str]:
    """Columns that hold ids of people: those counted as ids whose name does not say that they are something else."""
    return [
        column["name"]
        for column in table["columns"]
        if column["name"] == table["customer_column"]
        or (column["unit"] == "id" and not column["name"].startswith(_NOT_PEOPLE))
    ]


def _result(one: Mapping[str, Any], path: Path, reader: Reader, large: Mapping[str, str], secret: str) -> SavedResult:
    tables = {table["name"]: _table(table, path, reader, large, secret) for table in one["tables"] if table["file"]}
    result = Result(
        analysis=one["analysis"],
        title=one["title"],
        question=one["question"],
        chapter=one["chapter"],
        tables=tuple(saved.table for saved in tables.values()),
        charts=tuple(_noun(Chart, chart) for chart in one["charts"] if chart["table"] in tables),
        findings=tuple(_finding(finding) for finding in one["findings"]),
        actions=tuple(_noun(Action, action, interval=_pair(action["interval"])) for action in one["actions"]),
        caveats=tuple(_noun(Caveat, caveat) for caveat in one["caveats"]),
        definitions=one["definitions"],
        parameters=one["parameters"],
    )
    return SavedResult(result, tables, tuple(one["audiences"]))


def _table(saved: Mapping[str, Any], path: Path, reader: Reader, large: Mapping[str, str], secret: str) -> SavedTable:
    key = large.get(saved["file"], "")
    names = [column["name"] for column in saved["columns"]]
    if key:
        order = [saved["customer_column"]] if saved["customer_column"] else []
        rows = reader.rows(key, [name for name in names if name in reader.kinds(key)], order=order, limit=SHOWN_ROWS)
    else:
        rows = _small(_inside(path, saved["file"]), _person_columns(saved) if secret else [], secret)
    table = Table(
        name=saved["name"],
        title=saved["title"],
        data=rows,
        columns=tuple(_noun(ColumnInfo, column) for column in saved["columns"]),
        dimensions=tuple(saved["dimensions"]),
        measures=tuple(saved["measures"]),
        customer_column=saved["customer_column"],
        note=saved["note"],
        is_shown=saved["is_shown"],
    )
    return SavedTable(table, saved["row_count"] or 0, tuple(saved["queries"]), saved["file"], key)


def _small(path: Path, masked: Iterable[str], secret: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path)
    except (OSError, pa.ArrowException) as problem:
        raise SourceError(f"{path} cannot be read", mend="make the run again") from problem
    for name in masked:
        if name in rows.column_names:
            hidden = [None if value is None else mask(secret, str(value)) for value in rows.column(name).to_pylist()]
            rows = rows.set_column(rows.column_names.index(name), name, pa.array(hidden, pa.string()))
    return rows


def _run_view(saved: Mapping[str, Any], facts: Mapping[str, Any], results: list[Result]) -> RunView:
    run = saved["run"]
    return RunView(
        run_id=run["run_id"],
        dataset=run["dataset"],
        currency=run["currency"],
        as_of=_day(run["as_of"]),
        data_from=_day(run["data_from"]),
        data_to=_day(run["data_to"]),
        money=run["money"],
        results=tuple(results),
        quality=_quality(saved["quality"]),
        features=tuple(_noun(Feature, feature) for feature in saved["features"]),
        switched_off=tuple(
            SwitchedOff(one["analysis"], one["title"], tuple(_noun(Missing, missing) for missing in one["missing"]))
            for one in facts["switched_off"]
        ),
        failed=tuple(_noun(Failed, one) for one in facts["failed"]),
        settings=facts["settings"],
        versions=run["versions"],
        timings=facts["timings_seconds"],
        fingerprints=run["fingerprints"],
        row_counts=facts["row_counts"],
        min_customers=run["min_customers"],
    )


def _quality(saved: Mapping[str, Any]) -> DataQuality:
    pairs = "sources", "reasons", "repairs", "unmapped"
    accounts = tuple(_noun(Account, one, **{name: _tuples(one[name]) for name in pairs}) for one in saved["accounts"])
    checks = tuple(_noun(CheckResult, one, examples=_tuples(one["examples"])) for one in saved["checks"])
    quality = _noun(DataQuality, saved, accounts=accounts, checks=checks)
    return quality


def _finding(saved: Mapping[str, Any]) -> Finding:
    value = float("nan") if saved["value"] is None else saved["value"]
    return _noun(
        Finding, saved, value=value, interval=_pair(saved["interval"]), evidence=_noun(Evidence, saved["evidence"])
    )


def _noun(kind: type[Noun], saved: Mapping[str, Any], **others: Any) -> Noun:
    """A noun from what was saved of it; fields that a later version added are left out."""
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in saved.items() if name in known and name not in others}, **others)


def _pair(saved: Any) -> tuple[float, float] | None:
    if saved is None or None in saved:
        return None
    return float(saved[0]), float(saved[1])


def _tuples(saved: Any) -> Any:
    """Lists within lists as tuples within tuples."""
    return tuple(_tuples(one) for one in saved) if isinstance(saved, list) else saved


def _day(saved: str | None) -> date | None:
    return date.fromisoformat(saved[:10]) if saved else None


def other_runs(path: Path) -> list[str]:
    """Names of the whole runs beside this one, the newest name first."""
    names = [found.parent.name for found in path.parent.glob("[!.]*/findings.json") if not found.parent.is_symlink()]
    return sorted((name for name in names if name != path.name and re.fullmatch(r"[\w.-]+", name)), reverse=True)


def with_rows(saved: SavedTable, rows: pa.Table) -> SavedTable:
    """The same table with other rows, all of them here."""
    columns = tuple(one for one in saved.table.columns if one.name in rows.column_names)
    return replace(saved, table=replace(saved.table, data=rows, columns=columns), row_count=rows.num_rows, key="")
