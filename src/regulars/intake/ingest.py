"""From a surveyed table to the contract: every row is accepted, repaired or set aside, and the three add up.

Each row has the first reason there is to set it aside, and one bit per repair. A table read from text is computed once
and kept; typed files stay where they are and are read through a view.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.core.contract import REFERRALS
from regulars.core.quality import Account, CheckResult
from regulars.errors import DataError, RegularsError, raise_all
from regulars.intake import merging, notices, reading, referral_rules
from regulars.intake.reading import DOMAINS
from regulars.intake.sources.staging import PROBLEM
from regulars.intake.survey import users_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import ibis.expr.types as ir

    from regulars.core.config import DatasetSettings
    from regulars.core.dataset import Engine
    from regulars.engine.base import Functions
    from regulars.intake.survey import Survey

_DATED = ("ordered_at", "sent_at", "responded_at", "joined_on")
"""The columns that say when an event was, of which a table has one."""


@dataclass(frozen=True)
class Ingested:
    """One table, read.

    Args:
        name: The canonical table.
        survey: What was found out about it beforehand.
        rows: Accepted and repaired rows, canonical columns.
        numbered: The same with `_source` and `_row`, for checks that show examples.
        aside: The rows set aside, typed like `numbered`.
        set_aside: Rows set aside or repaired as they stood in the source: `source`, `row`, `outcome`, `reason`, the
            user's columns. This is what the quarantine file holds. Rows that were merged say nothing that is not
            there, and are left out.
        account: What became of the rows.
        checks: What was noticed on the way.
    """

    name: str
    survey: Survey
    rows: ir.Table
    numbered: ir.Table
    aside: ir.Table
    set_aside: ir.Table
    account: Account
    checks: tuple[CheckResult, ...] = ()


def whole_number_domains(surveys: Mapping[str, Survey]) -> set[str]:
    """Kinds of id that are whole numbers wherever they occur, so that numbers can stand for them.

    Raises:
        DataError: Row numbers stand in for an id that another table has: they would meet ids they do not mean.
    """
    whole: dict[str, bool] = {}
    standing: dict[str, dict[str, tuple[str, ...]]] = {}
    real: dict[str, str] = {}
    for table, survey in surveys.items():
        for cell in survey.cells:
            if cell.name in DOMAINS:
                is_whole = cell.is_whole if cell.text is not None else cell.given.type().is_integer()
                domain = DOMAINS[cell.name]
                whole[domain] = whole.get(domain, True) and is_whole
                real.setdefault(domain, table)
        for name in survey.row_numbered:
            order = survey.cell("order_id") if name == "customer_id" else None
            is_whole = order is None or (order.is_whole if order.text is not None else order.given.type().is_integer())
            whole[DOMAINS[name]] = whole.get(DOMAINS[name], True) and is_whole
            standing.setdefault(DOMAINS[name], {})[table] = survey.sources
    raise_all([error for domain, tables in standing.items() for error in _unlike(domain, tables, real.get(domain, ""))])
    return {domain for domain, is_whole in whole.items() if is_whole}


def _unlike(domain: str, numbered: Mapping[str, tuple[str, ...]], real: str) -> list[RegularsError]:
    """Tables whose row numbers do not mean what the ids of another table mean."""
    first, *others = numbered
    wrong = [table for table in others if numbered[table] != numbered[first]]
    if real:
        wrong = [first, *others]
    return [
        DataError(
            f"no column is mapped to {domain}_id, and row numbers would be taken for the ids of {real or first}",
            table=table,
            mend=f"map {domain}_id under [tables.{table}], or leave the table out",
        )
        for table in wrong
    ]


def ingest(
    survey: Survey,
    whole: set[str],
    dataset: DatasetSettings,
    engine: Engine,
    functions: Functions,
    as_of: date | None = None,
    tables: Mapping[str, ir.Table] | None = None,
) -> Ingested:
    """One table as the contract has it.

    Args:
        survey: The table, looked at.
        whole: Kinds of id that are whole numbers everywhere.
        dataset: The section `[dataset]`.
        engine: Computes.
        functions: What differs between engines.
        as_of: "Now", for ages; known once the purchases are read.
        tables: The tables read before, which `referrals` are held against.

    Raises:
        RegularsError: A rule does not fit its column, or a date could be read two ways (all problems together).
    """
    raise_all(list(survey.problems))
    found = reading.read(survey, whole, dataset, engine, functions, as_of)
    reasons, mended = [reason for reason, _ in found.reasons], [repair for repair, _ in found.repairs]
    typed = reading.typed(survey, found)
    when = next((found.columns[name] for name in _DATED if name in found.columns), None)
    repeated = merging.repeats(survey.rows, when, survey.contract, survey.settings, survey.sources, engine)
    if repeated is not None:
        typed = merging.mark(typed, repeated, reasons)
    if survey.is_text or repeated is not None or not survey.contract.is_event:
        typed = engine.persist(typed, f"read_{survey.contract.name}")
    if not survey.contract.is_event:
        typed = merging.one_row_per_key(typed, survey.contract, survey.sources, reasons, engine)
    if survey.contract is REFERRALS:
        typed = engine.persist(referral_rules.set_aside(typed, tables or {}, reasons, engine), "read_referrals")
    account = _account(survey, typed, reasons, mended, engine)
    hidden = [name for name in typed.columns if name.startswith("_") and name not in ("_source", "_row")]
    accepted, aside = typed.filter(typed["_reason"] == 0), typed.filter(typed["_reason"] > 0)
    return Ingested(
        name=survey.contract.name,
        survey=survey,
        rows=accepted.drop("_source", "_row", *hidden),
        numbered=accepted.drop(*hidden),
        aside=aside.drop(*hidden),
        set_aside=_set_aside(survey, typed, reasons, mended),
        account=account,
        checks=tuple(notices.of(survey, account)),
    )


def _account(survey: Survey, typed: ir.Table, reasons: Sequence[str], mended: Sequence[str], engine: Engine) -> Account:
    """What became of the rows; repairs count on accepted rows alone."""
    sums = {f"repair{place}": reading.has_repair(typed, place).sum() for place in range(len(mended))}
    counts = typed.group_by("_reason").aggregate(rows=typed.count(), repaired=reading.has_repairs(typed).sum(), **sums)
    by_reason = {row["_reason"]: row for row in engine.collect(counts, len(reasons) + 2).to_pylist()}
    kept = by_reason.get(0, {"rows": 0, "repaired": 0})
    merged = by_reason[merging.MERGED]["rows"] if merging.MERGED in by_reason else 0
    aside = [(reason, by_reason[code]["rows"]) for code, reason in enumerate(reasons, start=1) if by_reason.get(code)]
    repaired = [(words, kept.get(f"repair{place}") or 0) for place, words in enumerate(mended)]
    account = Account(
        table=survey.contract.name,
        sources=survey.sources,
        read=survey.read,
        accepted=kept["rows"] - kept["repaired"],
        repaired=kept["repaired"] + merged,
        set_aside=sum(rows for _, rows in aside),
        reasons=tuple(aside),
        repairs=tuple((words, rows) for words, rows in (*repaired, (merging.MERGED_WORDS, merged)) if rows),
        unmapped=survey.unmapped,
    )
    if not account.balances:
        raise RegularsError("the rows do not add up", table=account.table, rows=account.read, mend="please report this")
    return account


def _set_aside(survey: Survey, typed: ir.Table, reasons: Sequence[str], mended: Sequence[str]) -> ir.Table:
    """The rows set aside or repaired, as they stood in the source, with what was done."""
    import ibis

    is_aside = typed["_reason"] > 0
    noted = typed.filter(is_aside | ((typed["_reason"] == 0) & reading.has_repairs(typed)))
    why = _text_of(noted["_reason"], reasons)
    done: ir.Value = ibis.literal("")
    for place, words in enumerate(mended):
        done = done + reading.has_repair(noted, place).ifelse(f"; {words}", "")
    key = merging.row_key(typed)
    outcomes = noted.select(
        _outcome=(noted["_reason"] > 0).ifelse("set aside", "repaired"),
        _why=(noted["_reason"] > 0).ifelse(why, done.substr(2)),
        **{f"{name}_of": noted[name] for name in key},
    )
    raw = survey.rows
    joined = outcomes.join(raw, [outcomes[f"{name}_of"] == raw[name] for name in key])
    shown = {
        "source": outcomes["_source_of"], "row": outcomes["_row_of"], "outcome": outcomes["_outcome"],
        "reason": outcomes["_why"], **_as_they_stood(raw),
    }  # fmt: skip
    return joined.select(**shown).order_by("source", "row")


def _as_they_stood(raw: ir.Table) -> dict[str, ir.Value]:
    """The user's columns under names that nothing else has, what was made of them, and what is wrong with the row."""
    from regulars.intake.reshape import MADE
    from regulars.intake.sources.header import free_name

    taken = {"source", "row", "outcome", "reason"}
    shown = {
        free_name(f"{name} (as read)" if name.casefold() in taken else name, 0, taken): raw[name]
        for name in users_columns(raw)
    }
    shown |= {
        free_name(f"{name.removeprefix(MADE)} (made)", 0, taken): raw[name]
        for name in raw.columns
        if name.startswith(MADE)
    }
    return {**shown, free_name("problem", 0, taken): raw[PROBLEM]} if PROBLEM in raw.columns else shown


def _text_of(code: ir.IntegerValue, texts: Sequence[str]) -> ir.Value:
    """The text that a code from 1 on stands for."""
    import ibis

    if not texts:
        return ibis.literal("")
    return ibis.cases(*[(code == place, text) for place, text in enumerate(texts, start=1)], else_="")
