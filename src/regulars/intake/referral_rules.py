"""Who brought whom, as far as it can be true: one sponsor per member, known, earlier, and no circles.

Rows that break a rule are set aside with the reason, where referrals are a table of their own; where a sponsor stands
in the customers table the customer is kept, and the link is not followed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.core.quality import CheckResult
from regulars.intake import merging

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Engine

SELF = "the customer is named as their own sponsor"
UNKNOWN = "the sponsor is not among the customers"
BEFORE = "the customer joined before the sponsor"
REPEATED = "the same referral stands in an earlier row"
SECOND = "the customer has another, earlier sponsor"
CIRCLE = "the sponsors form a circle"
REASONS = (SELF, UNKNOWN, BEFORE, REPEATED, SECOND, CIRCLE)
MOST_LINKS = 50_000_000
"""So many links are taken in as two whole numbers each (16 bytes) to look for circles."""


def set_aside(typed: ir.Table, tables: Mapping[str, ir.Table], reasons: list[str], engine: Engine) -> ir.Table:
    """The typed rows of `referrals`, those that break a rule with that reason; the reasons are added to the list.

    Args:
        typed: Rows with `_reason`, 0 where they are accepted so far.
        tables: The tables read before, to know customers by.
        reasons: Texts of the reasons so far.
        engine: Computes, and keeps what was found.
    """
    broken = judged(typed.filter(typed["_reason"] == 0), tables, merging.row_key(typed), engine)
    return merging.mark(typed, broken, reasons, REASONS)


def of_customers(
    customers: ir.Table, tables: Mapping[str, ir.Table], engine: Engine
) -> tuple[ir.Table, list[CheckResult]]:
    """The referrals that a `sponsor_id` of the customers table tells, and what was found wrong with the others.

    Grain: one row per customer whose sponsor can be followed: `customer_id`, `sponsor_id` and, where it is known,
    `joined_on`.
    """
    names = [name for name in ("customer_id", "sponsor_id", "joined_on") if name in customers.columns]
    links = customers.filter(customers.sponsor_id.notnull()).select(*names)
    broken = judged(links, tables, ["customer_id"], engine)
    of = int(engine.collect(links.count(), 1)[0][0].as_py())
    counted = engine.collect(broken.group_by("_why").aggregate(rows=broken.count()), len(REASONS)).to_pylist()
    found = {row["_why"]: int(row["rows"]) for row in counted}
    checks = [
        CheckResult(
            "sponsor_links", "customers", "sponsor_id", found[why], of,
            f"{why}, in {found[why]:,} of {of:,} rows that name a sponsor",
            "the customer is kept, the link not followed", change="mend sponsor_id in the source", severity="warning",
            sql=engine.sql(broken.filter(broken["_why"] == why)),
        )
        for why in REASONS
        if why in found
    ]  # fmt: skip
    kept = links.anti_join(broken, "customer_id")
    return engine.persist(kept, "referrals_of_customers"), checks


def judged(links: ir.Table, tables: Mapping[str, ir.Table], key: Sequence[str], engine: Engine) -> ir.Table:
    """The links that break a rule: their key and, as `_why`, the first rule they break.

    Rules that look at one link come first, then one sponsor per member, then circles, so that a bad row cannot cost a
    good one.

    Args:
        links: `customer_id`, `sponsor_id`, perhaps `joined_on`, and the key.
        tables: The tables read before: `customers`, and purchases.
        key: Columns that tell the rows apart.
        engine: Computes, and keeps what was found.
    """
    import ibis

    names = ["customer_id", "sponsor_id", *(["joined_on"] if "joined_on" in links.columns else [])]
    rows = links.select(*dict.fromkeys((*key, *names)))
    alone = rows.mutate(_why=_alone(rows, tables))
    good = alone.filter(alone["_why"].isnull()).drop("_why")
    order = [ibis.asc(good.joined_on, nulls_first=False)] if "joined_on" in good.columns else []
    placed = good.mutate(
        _place=ibis.row_number().over(group_by="customer_id", order_by=[*order, *key, "sponsor_id"]).cast("int64")
    )
    first = placed.filter(placed["_place"] == 0)
    sponsor = first.select(_first_of=first.customer_id, _first=first.sponsor_id)
    others = placed.filter(placed["_place"] > 0).inner_join(sponsor, [("customer_id", "_first_of")])
    later = others.mutate(_why=ibis.ifelse(others.sponsor_id == others["_first"], REPEATED, SECOND))
    followed = engine.persist(first.select(*dict.fromkeys((*key, *names))), "referral_links")
    circles = followed.semi_join(_circles(followed, engine), "customer_id").mutate(_why=ibis.literal(CIRCLE))
    parts = [table.select(*key, "_why") for table in (alone.filter(alone["_why"].notnull()), later, circles)]
    return engine.persist(ibis.union(*parts), "referral_links_broken")


def _alone(rows: ir.Table, tables: Mapping[str, ir.Table]) -> ir.Value:
    """The rule that a link breaks by itself; null where none."""
    import ibis

    branches = [(rows.sponsor_id == rows.customer_id, SELF)]
    if "customers" in tables:
        members = [rows.select(member=rows.customer_id)]
        members += [
            tables[name].select(member=tables[name].customer_id)
            for name in ("customers", "lines", "orders")
            if name in tables
        ]
        known = ibis.union(*members, distinct=True)
        branches.append((~rows.sponsor_id.isin(known.filter(known.member.notnull()).member), UNKNOWN))
    joined = _joined(rows, tables)
    if joined is not None:
        branches.append((rows.customer_id.isin(joined), BEFORE))
    return ibis.cases(*branches, else_=ibis.null("string"))


def _joined(rows: ir.Table, tables: Mapping[str, ir.Table]) -> ir.Value | None:
    """Members who joined before their sponsor; None where nobody's day is known."""
    import ibis

    dated = [
        table.filter(table.joined_on.notnull()).select(member=table.customer_id, since=table.joined_on.cast("date"))
        for table in (rows, tables.get("customers"))
        if table is not None and "joined_on" in table.columns
    ]
    if not dated:
        return None
    days = ibis.union(*dated) if len(dated) > 1 else dated[0]
    since = days.group_by("member").aggregate(since=days.since.min())
    own = rows.select(child=rows.customer_id, sponsor=rows.sponsor_id)
    own = own.inner_join(since, [("child", "member")]).select("child", "sponsor", own_day="since")
    both = own.inner_join(since, [("sponsor", "member")])
    return both.filter(both.own_day < both.since).select("child").distinct().child


def _circles(links: ir.Table, engine: Engine) -> ir.Table:
    """The members whose links form a circle; one column, `customer_id`."""
    import ibis
    import pyarrow as pa

    from regulars.models.graph import in_circles

    ids = ibis.union(
        links.select(member=links.customer_id), links.select(member=links.sponsor_id), distinct=True
    )  # fmt: skip
    numbered = ids.mutate(number=ibis.row_number().over(order_by=ids.member).cast("int64"))
    numbered = engine.persist(numbered, "referral_members")
    below = links.inner_join(numbered, [("customer_id", "member")]).select("sponsor_id", below="number")
    edges = below.inner_join(numbered, [("sponsor_id", "member")]).select("below", above="number")
    rows = engine.collect(edges.order_by("below"), MOST_LINKS)
    below_numbers, above_numbers = rows["below"].to_numpy(), rows["above"].to_numpy()
    bad = below_numbers[in_circles(below_numbers, above_numbers)] if rows.num_rows else below_numbers
    brought = engine.bring(pa.table({"circled": pa.array(bad, pa.int64())}), "referral_circles")
    return numbered.inner_join(brought, [("number", "circled")]).select(customer_id="member")
