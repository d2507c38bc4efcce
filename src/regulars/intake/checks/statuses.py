"""Checks of how attempts ended: what failed must not be counted as sold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.core.units import write
from regulars.intake.checks.bad_rows import Check, as_example, in_all, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    import ibis.expr.types as ir

    from regulars.core.quality import CheckResult
    from regulars.intake.checks.bad_rows import Context

MAX_STATUSES = 1000
WARNING_SHARE = 0.01


def _statuses(context: Context) -> Iterator[CheckResult]:
    name = context.purchases
    if not name or not context.has(name, "status_id"):
        return
    if "statuses" not in context.rows:
        yield _without_table(context, name)
        return
    rows = context.tables[name].numbered
    statuses = context.rows["statuses"].select("status_id", "is_success")
    worth = context.revenue(rows)
    sums = {} if worth is None else {"worth": worth.sum()}
    counted = rows.group_by("status_id").aggregate(rows=rows.count(), **sums).left_join(statuses, "status_id")
    found = context.fetch(counted.drop("status_id_right").order_by(counted.rows.desc(), "status_id"), MAX_STATUSES)
    yield from _failed(context, name, rows, statuses, found)
    missing = sum(row["rows"] for row in found if row["status_id"] is None)
    if missing:
        of = sum(row["rows"] for row in found)
        yield context.result(
            "missing_status", name, "status_id", missing, of, f"the status is missing in {in_all(missing, of)}",
            bad=rows.filter(rows.status_id.isnull()), done="not counted as sales",
            change="fill status_id in the source",
        )  # fmt: skip


def _failed(
    context: Context, name: str, rows: ir.Table, statuses: ir.Table, found: list[dict[str, Any]]
) -> Iterator[CheckResult]:
    """Attempts whose status is known and no success, and the money that counting them would add."""
    failed = [row for row in found if row["is_success"] is False]
    sold = [row for row in found if row["is_success"]]
    of, count = _total(found, "rows"), _total(failed, "rows")
    if not count:
        return
    failures = statuses.filter(~statuses.is_success)
    bad = rows.filter(rows.status_id.isin(failures.status_id))
    money = ""
    wrong, right = _total(failed, "worth"), _total(sold, "worth")
    if right:
        money = (
            f"; counting them as sales would add {context.write_money(wrong)} ({write(wrong / right, 'share')}) to the "
            f"revenue of {context.write_money(right)}"
        )
    attempts = "attempts" if name == "orders" else "rows"
    yield context.result(
        "failed_attempts", name, "status_id", int(count), int(of),
        f"{number(count)} of {number(of)} {attempts} failed ({write(count / of, 'share')}){money}",
        bad=bad, done="not counted as sales", severity="warning" if count > WARNING_SHARE * of else "note",
        change='success = ["…"] under [tables.statuses] says which statuses are sales',
        examples=tuple(as_example(row) for row in failed[:3]),
    )  # fmt: skip


def _total(rows: list[dict[str, Any]], name: str) -> float:
    return float(sum(row.get(name) or 0.0 for row in rows))


def _without_table(context: Context, name: str) -> CheckResult:
    rows = context.tables[name].numbered
    statuses = rows.group_by("status_id").aggregate(rows=rows.count())
    found = context.fetch(statuses.order_by(statuses.rows.desc(), "status_id"), MAX_STATUSES)
    of = int(_total(found, "rows"))
    return context.result(
        "statuses_not_mapped", name, "status_id", of, of,
        f"status_id is mapped and there is no table of statuses, so that all {number(of)} rows count as sales, "
        f"whichever of the {number(len(found))} statuses they have",
        bad=statuses, done="every row counted as a sale", examples=tuple(as_example(row) for row in found[:3]),
        change='map [tables.statuses], with success = ["…"]; or leave status_id out',
    )  # fmt: skip


CHECKS = (
    Check(
        {
            "failed_attempts": "attempts that failed, and the money that counting them would add",
            "missing_status": "attempts without a status",
            "statuses_not_mapped": "a status on every order, and no table that says which are sales",
        },
        _statuses,
    ),
)
