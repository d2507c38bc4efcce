"""Checks of references: ids in one table that the table they point to does not have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regulars.core.units import write
from regulars.intake.checks.bad_rows import KEPT, PURCHASES, Check, in_all, number, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regulars.core.quality import CheckResult
    from regulars.intake.checks.bad_rows import Context

MANY = 0.5
"""Where more of the rows than this have no counterpart, the ids are probably written in two ways."""


@dataclass(frozen=True)
class Reference:
    """A column that points to the key of another table, and what is lost where it points nowhere."""

    check: str
    table: str
    column: str
    target: str
    key: str
    lost: str


def _references() -> Iterator[Reference]:
    for table in PURCHASES:
        yield Reference("orphan_customers", table, "customer_id", "customers", "customer_id", "they have no profile")
        yield Reference("orphan_products", table, "product_id", "products", "product_id", "they have no category")
        yield Reference("orphan_campaigns", table, "campaign_id", "campaigns", "campaign_id", "their kind is unknown")
        yield Reference("orphan_devices", table, "device_id", "devices", "device_id", "their platform is unknown")
        yield Reference("orphan_statuses", table, "status_id", "statuses", "status_id", "not counted as sales")
    yield Reference("orphan_orders", "lines", "order_id", "orders", "order_id", "they belong to no order that counts")
    for table in ("contacts", "responses", "referrals", "category_spend"):
        yield Reference("orphan_customers", table, "customer_id", "customers", "customer_id", "they have no profile")
    for table in ("contacts", "responses"):
        yield Reference("orphan_campaigns", table, "campaign_id", "campaigns", "campaign_id", "their kind is unknown")
    for table in ("customers", "referrals"):
        yield Reference("orphan_sponsors", table, "sponsor_id", "customers", "customer_id", "they have no profile")


def _orphans(context: Context) -> Iterator[CheckResult]:
    for reference in _references():
        if (
            context.wants(reference.check)
            and context.has_key(reference.table, reference.column)
            and context.has_key(reference.target, reference.key)
        ):
            yield _orphan(context, reference)


def _orphan(context: Context, reference: Reference) -> CheckResult:
    rows = context.tables[reference.table].numbered
    rows = rows.filter(rows[reference.column].notnull())
    target = context.rows[reference.target]
    known = target.select(**{reference.column: target[reference.key]}).distinct()
    ids = rows.group_by(reference.column).aggregate(_rows=rows.count())
    marked = ids.left_join(known.mutate(_is_known=True), reference.column)
    is_lost = marked["_is_known"].isnull()
    counted = context.first(
        marked.aggregate(
            rows=marked["_rows"].sum(),
            ids=marked.count(),
            lost_rows=marked["_rows"].sum(where=is_lost),
            lost_ids=is_lost.sum(),
        )
    )
    bad = rows.anti_join(known, reference.column)
    found, of, name = int(counted["lost_rows"] or 0), int(counted["rows"] or 0), reference.column
    if not found:
        return context.result(
            reference.check, reference.table, name, 0, of,
            f"every {name} of {reference.table} is in {reference.target}",
            bad=bad, severity="note", done="nothing to do",
        )  # fmt: skip
    lost = ids.anti_join(known, reference.column)
    top = context.fetch(lost.order_by(lost["_rows"].desc(), name), 5)
    listed = some([f"{row[name]} ({number(row['_rows'])})" for row in top])
    is_many = found > MANY * of
    hint = f"; {write(found / of, 'share')} is so much that ids may be written in two ways" if is_many else ""
    return context.result(
        reference.check, reference.table, name, found, of,
        f"{name} of {reference.table} is not in {reference.target} in {in_all(found, of)}, for "
        f"{in_all(counted['lost_ids'], counted['ids'], 'different ids')}: {listed}{hint}",
        bad=bad, severity="problem" if is_many or name in ("status_id", "order_id") else "warning",
        done=f"{KEPT}; {reference.lost}", change=f"add them to the source of [tables.{reference.target}]",
    )  # fmt: skip


CHECKS = (
    Check(
        {
            "orphan_customers": "customers of orders, contacts or referrals who are not in `customers`",
            "orphan_sponsors": "sponsors who are not in `customers`",
            "orphan_products": "products of orders that are not in `products`",
            "orphan_campaigns": "campaigns of orders or contacts that are not in `campaigns`",
            "orphan_devices": "devices of orders that are not in `devices`",
            "orphan_statuses": "statuses of orders that are not in `statuses`",
            "orphan_orders": "lines whose order is not in `orders`",
        },
        _orphans,
    ),
)
