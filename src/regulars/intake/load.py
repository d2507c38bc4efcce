"""From a settings file to a Dataset: open the sources, read every table, check, and build what analyses stand on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.core.contract import REFERRALS
from regulars.core.dataset import Dataset
from regulars.core.quality import DataQuality
from regulars.errors import DataError, RegularsError, raise_all
from regulars.intake import referral_rules
from regulars.intake.checks import running
from regulars.intake.ingest import ingest, whole_number_domains
from regulars.intake.reshape import reshape
from regulars.intake.sources import raw_table
from regulars.intake.statuses import with_success
from regulars.intake.summaries import EngineSummaries, span
from regulars.intake.survey import survey
from regulars.measures import money

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    import ibis.expr.types as ir

    from regulars.core.analysis import Registry
    from regulars.core.config import Settings
    from regulars.core.quality import CheckResult
    from regulars.engine.base import Engine
    from regulars.intake.ingest import Ingested
    from regulars.intake.sources.raw_table import RawTable
    from regulars.intake.survey import Survey

PURCHASES = ("lines", "orders")


@dataclass(frozen=True)
class Loaded:
    """What a load gives: the data, the rows set aside per table, and the sources as they were found."""

    data: Dataset
    set_aside: Mapping[str, ir.Table]
    raws: Mapping[str, RawTable]


def load(
    settings: Settings,
    engine: Engine,
    registry: Registry,
    told: Callable[[str], None] = lambda _: None,
    *,
    with_checks: bool = True,
) -> Loaded:
    """The data of a settings file.

    Args:
        settings: The file, read.
        engine: Computes; it stays open as long as the data are used.
        registry: The analyses, for `data.run`.
        told: Called with the name of each stage as it begins.
        with_checks: Whether the quality of the data is looked into as well; rows that cannot be read are set aside
            in any case.

    Raises:
        RegularsError: A source cannot be read, a mapping names what is not there, a date could be read two ways, or
            there is nothing left to analyse. Problems of several tables come together.
    """
    if not settings.tables:
        raise DataError(
            "the settings map no table", mend="add a section [tables.lines], [tables.orders] or [tables.customers]"
        )
    running.verify(settings.checks)
    raws, surveys = _look(settings, engine, told)
    whole = whole_number_domains(surveys)
    tables: dict[str, Ingested] = {}
    for name in PURCHASES:
        if name in surveys:
            told(f"reading {name}")
            tables[name] = ingest(surveys[name], whole, settings.dataset, engine, engine.functions)
    purchases = next((tables[name].rows for name in ("orders", "lines") if name in tables), None)
    as_of = _as_of(settings, engine, purchases, surveys)
    for name in sorted(surveys, key=REFERRALS.name.__eq__):  # referrals are held against all others
        if name not in tables:
            told(f"reading {name}")
            known = {other: table.rows for other, table in tables.items()}
            tables[name] = ingest(surveys[name], whole, settings.dataset, engine, engine.functions, as_of, known)
    rows = {name: table.rows for name, table in tables.items()}
    if "statuses" in rows:
        rows["statuses"] = with_success(rows["statuses"], settings.tables["statuses"])
    _refuse_nothing(tables)
    found: Sequence[CheckResult] = ()
    if with_checks:
        told("checking")
        found = running.run(running.Context(tables=tables, rows=rows, settings=settings, as_of=as_of, engine=engine))
    links: list[CheckResult] = []
    if "referrals" not in rows and "customers" in rows and "sponsor_id" in rows["customers"].columns:
        rows["referrals"], links = referral_rules.of_customers(rows["customers"], rows, engine)
    notes = [note for raw in {id(raw): raw for raw in raws.values()}.values() for note in raw.notes]
    noticed = [check for table in tables.values() for check in table.checks]
    quality = DataQuality(
        accounts=tuple(table.account for table in tables.values()),
        checks=(*running.silence([*noticed, *notes, *links], settings.checks), *found),
    )
    told("building the customer view")
    data = _dataset(engine, settings, rows, as_of, quality, registry)
    return Loaded(data, {name: table.set_aside for name, table in tables.items()}, raws)


def _look(
    settings: Settings, engine: Engine, told: Callable[[str], None]
) -> tuple[dict[str, RawTable], dict[str, Survey]]:
    """Every source opened and surveyed; the problems of all tables are told together."""
    raws: dict[str, RawTable] = {}
    surveys: dict[str, Survey] = {}
    opened: dict[tuple[object, ...], RawTable] = {}
    errors: list[RegularsError] = []
    for name, table in settings.tables.items():
        told(f"looking at {name}")
        try:
            place = (table.source, table.reader)  # several tables may come from one source; it is read once
            if place not in opened:
                opened[place] = raw_table.open_table(name, table, settings.folder, engine)
            raw = raws[name] = opened[place]
            surveys[name] = survey(
                name,
                table,
                reshape(raw.rows, table, name, engine.functions),
                sources=tuple(source.path for source in raw.sources),
                is_text=raw.is_text,
                dataset=settings.dataset,
                engine=engine,
            )
            errors.extend(surveys[name].problems)
        except RegularsError as problem:
            errors.append(problem)
    raise_all(errors)
    return raws, surveys


def _as_of(
    settings: Settings, engine: Engine, purchases: ir.Table | None, surveys: Mapping[str, Survey]
) -> date | None:
    """The date that "now" stands for: as set, else the last order's day, else the last date a profile has."""
    from datetime import date

    if settings.dataset.as_of != "last_order":
        return date.fromisoformat(settings.dataset.as_of)
    last = span(engine, purchases).last
    if last is not None or "customers" not in surveys:
        return last
    look = surveys["customers"]
    joined = look.cell("joined_on")
    if joined is None:
        return None
    rows = ingest(look, whole_number_domains(surveys), settings.dataset, engine, engine.functions).rows
    found = engine.collect(rows.aggregate(last=rows.joined_on.max()), 1)["last"][0].as_py()
    return found if found is None or type(found) is date else found.date()


def _refuse_nothing(tables: Mapping[str, Ingested]) -> None:
    for name in (*PURCHASES, "customers"):
        if name not in tables:
            continue
        account = tables[name].account
        if account.read and not account.read - account.set_aside:
            most = max(account.reasons, key=lambda reason: reason[1])
            raise DataError(
                f"no row is left: every one was set aside, most of them because {most[0]}",
                table=name,
                rows=account.read,
                mend="mend the mapping or the rules under exclude",
            )
        if not account.read:
            raise DataError("the table has no rows", table=name, mend="name a source with rows")
        return


def _dataset(
    engine: Engine,
    settings: Settings,
    rows: Mapping[str, ir.Table],
    as_of: date | None,
    quality: DataQuality,
    registry: Registry,
) -> Dataset:
    summaries = EngineSummaries(engine, rows, settings.dataset, as_of)
    purchases = rows.get("orders", rows.get("lines"))
    kind = money.which(set(purchases.columns), settings.dataset.money) if purchases is not None else ""
    if settings.dataset.money and purchases is not None and not kind:
        raise DataError(
            f"money = {settings.dataset.money!r} is set, and the columns for it are not mapped",
            mend="map paid, or amount and discount, or amount; or leave money out",
        )

    def at(day: date) -> Dataset:
        known = {name: _known(table, day) for name, table in rows.items()}
        return built(known, EngineSummaries(engine, known, settings.dataset, day, whole=summaries), day)

    def built(tables: Mapping[str, ir.Table], made: EngineSummaries, day: date | None) -> Dataset:
        return Dataset(
            engine=engine,
            settings=settings,
            tables=tables,
            summaries=made,
            features=made.features,
            as_of=day,
            money=money.WORDS[kind],
            quality=quality,
            rebuild=at,
            registry=registry,
        )

    if as_of is not None and settings.dataset.as_of != "last_order":
        return at(as_of)
    return built(rows, summaries, as_of)


def _known(table: ir.Table, day: date) -> ir.Table:
    """The rows of a table that were there at the end of a day, without what happened to them later."""
    import ibis

    if "left_on" in table.columns:
        later = table.left_on > ibis.literal(day, "date")
        table = table.mutate(left_on=ibis.ifelse(later, ibis.null("date"), table.left_on))
    for name in ("ordered_at", "sent_at", "responded_at", "joined_on"):
        if name in table.columns:
            return table.filter(table[name].isnull() | (table[name].cast("date") <= day))
    return table
