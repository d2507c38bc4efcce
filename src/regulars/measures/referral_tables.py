"""The tables of a referral network, from its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.measures import periods
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.result import Table

_DEGREES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


def generations(found: Any, source: ir.Table) -> Table:
    """One row per generation: members, sponsors among them, activity and purchases."""
    columns = Columns()
    columns.add("generation", list(range(len(found.members))), "count", "Sponsors above; 0: nobody brought them.")
    columns.add("members", found.members, "customers", "Members of the network.")
    columns.add("sponsors", found.sponsors, "customers", "Of those, who brought somebody.")
    columns.add("active_share", found.active[0], "share", "Bought lately.")
    columns.add_interval("active_share", found.active[1], found.active[2], "share")
    columns.add("revenue", found.revenue.round(4), "money", "What they bought themselves.")
    columns.add("mean_revenue", found.mean_revenue[0].round(4), "money", "Per member.")
    columns.add_interval("mean_revenue", found.mean_revenue[1], found.mean_revenue[2], "money")
    return columns.table(
        "generations", "Members by generation", source=(source,), dimensions=("generation",),
        measures=("members", "sponsors", "revenue"),
    )  # fmt: skip


def top(rows: Mapping[str, Any], degrees: int, source: ir.Table) -> Table:
    """One row per top sponsor: themselves, their downline, and the degrees below one by one."""
    columns = Columns()
    columns.add("customer_id", rows["customer_id"], "id", "The sponsor's own id.", "sponsor")
    columns.add("own_revenue", rows["own_revenue"], "money", "What the sponsor bought.")
    columns.add("sponsored_count", rows["sponsored_count"], "customers", "Brought directly.")
    columns.add("downline_count", rows["downline_count"], "customers", "Below, at any distance.")
    columns.add("downline_depth", rows["downline_depth"], "count", "Generations below.")
    columns.add("downline_revenue", rows["downline_revenue"], "money", "What all below bought, the sponsor's apart.")
    columns.add("active_share", rows["active_share"], "share", "Share of those below who bought lately.")
    columns.add("new_share", rows["new_share"], "share", "Share of those below who came in the last year.")
    for degree in range(degrees):
        word = _DEGREES[degree]
        columns.add(
            f"{word}_degree_count", rows[f"count_{degree}"], "customers", f"Members of the {word} degree below."
        )
        columns.add(f"{word}_degree_revenue", rows[f"revenue_{degree}"], "money", "What they bought.")
    columns.add("page_rank", rows["page_rank"], "score", "Share of a walk from members to their sponsors.")
    columns.add("betweenness", rows["betweenness"], "score", "Pairs of members joined through this one alone.")
    return columns.table(
        "top_sponsors", "The sponsors whose downlines bought most", source=(source,), customer_column="customer_id",
        note="Downlines lie within each other: they cannot be added up. The degrees of one sponsor can.",
    )  # fmt: skip


def next_degree(rows: Mapping[str, Any], source: ir.Table) -> Table:
    """One row per person whom a top sponsor brought and who brought most in turn."""
    columns = Columns()
    columns.add("customer_id", rows["customer_id"], "id", "The member's own id.", "member")
    columns.add("sponsor_id", rows["sponsor_id"], "id", "The top sponsor who brought the member.", "sponsor")
    columns.add("own_revenue", rows["own_revenue"], "money", "What the member bought.")
    columns.add("sponsored_count", rows["sponsored_count"], "customers", "Brought directly.")
    columns.add("downline_count", rows["downline_count"], "customers", "Below, at any distance.")
    columns.add("downline_revenue", rows["downline_revenue"], "money", "What all below bought.")
    columns.add("active_share", rows["active_share"], "share", "Share of those below who bought lately.")
    return columns.table(
        "next_degree", "The next degree: whom the top sponsors brought, and what those brought in turn",
        source=(source,), customer_column="customer_id",
    )  # fmt: skip


def growth(rows: Sequence[Mapping[str, Any]], partial: set[int], ends: tuple[Any, Any], source: ir.Table) -> Table:
    """One row per month: new customers, and those whom a member brought."""
    columns = Columns()
    columns.add("month", [periods.start_of(row["month"], "month") for row in rows], "month")
    columns.add("new_customers", [row["customers"] for row in rows], "customers", "Began in the month.")
    columns.add("sponsored", [row["sponsored"] for row in rows], "customers", "Of those, brought by a member.")
    shares = [row["sponsored"] / row["customers"] for row in rows]
    columns.add("sponsored_share", shares, "share", "Brought by a member.")
    columns.add_interval("sponsored_share", *ends, "share")
    columns.add("is_partial", [row["month"] in partial for row in rows], "", "The month is not whole.", "unfinished")
    return columns.table(
        "growth", "New customers and how they came", source=(source,), dimensions=("month",),
        measures=("new_customers", "sponsored"),
    )  # fmt: skip


def concentration(shares: Sequence[float], spread: Any, source: ir.Table) -> Table:
    """One row per share of the sponsors: what those they brought directly bought."""
    columns = Columns()
    columns.add("sponsor_share", list(shares), "share", "The sponsors whose members bought most first.")
    columns.add("revenue_share", [spread.top(one) for one in shares], "share", "Of what all sponsored members bought.")
    return columns.table(
        "concentration", "How much rests on a few sponsors", source=(source,),
        note=f"Gini coefficient {spread.gini:.3f} over {spread.customer_count:,} sponsors.",
    )  # fmt: skip


def structure(rows: Sequence[tuple[str, float, str]], source: ir.Table) -> Table:
    """The network in a few numbers."""
    columns = Columns()
    columns.add("figure", [row[0] for row in rows], "text")
    columns.add("value", [float(row[1]) for row in rows], "")
    columns.add("meaning", [row[2] for row in rows], "text")
    return columns.table("structure", "The network in numbers", source=(source,))


def lines(drawing: Mapping[str, Any], source: ir.Table) -> Table:
    """The members of the top lines with their place in the picture; a row has the place of the sponsor as well."""
    columns = Columns()
    columns.add("member", drawing["member"], "text", "The own id, of the top and the first degree.")
    columns.add("revenue", drawing["revenue"], "money", "What the member bought.")
    columns.add("downline_count", drawing["downline_count"], "customers", "Below, at any distance.")
    columns.add("line", drawing["line"], "text", "Whose line it is.")
    columns.add("x", drawing["x"], "", "Place from left to right.")
    columns.add("y", drawing["y"], "", "Generation, counted down.")
    columns.add("sponsor_x", drawing["sponsor_x"], "", "Place of the sponsor.")
    columns.add("sponsor_y", drawing["sponsor_y"], "", "Place of the sponsor.")
    return columns.table(
        "lines", "The top lines as trees", source=(source,),
        note="Generation by generation; of a large line only the largest branches are drawn.",
    )  # fmt: skip
