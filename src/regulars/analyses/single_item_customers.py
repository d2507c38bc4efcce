"""Single-item customers: what else to offer those who bought one item, what it would bring, and how to prove it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.core.analysis import Analysis, Needs
from regulars.core.result import Action, Audience, Caveat, Evidence, Finding, Table
from regulars.core.units import write, write_count, write_interval
from regulars.errors import DataError, SettingsError
from regulars.measures import single_items
from regulars.measures.tables import Columns

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result
    from regulars.methods.recommending import Counts, Interactions

_PLACES = 10
_ACCEPTANCE = (0.01, 0.02, 0.05, 0.1, 0.2)
_SINCE = "popularity_60"


@dataclass(frozen=True)
class SingleItemCustomers(Analysis):
    """Customers with one item so far: the next item for each, the sales at stated acceptance rates, and a trial.

    Args:
        goal_share: Sales to add, as a share of the sales of the last year.
        acceptance_lift: Share of the customers that the offer is hoped to bring back beyond those who come anyway.
    """

    title = "Single-item customers"
    question = "Customers who bought a single item: what else should they be offered, and what would it bring?"
    chapter = "products"
    order = 30
    needs = Needs(summaries={"customer_items", "item_stages", "customer_days"})

    goal_share: float = 0.10
    acceptance_lift: float = 0.02

    def __post_init__(self) -> None:
        if not 0 < self.goal_share <= 1 or not 0 < self.acceptance_lift < 0.5:
            raise SettingsError("[single_item_customers] shares lie between 0 and 1", mend="use 0.1 for 10 %")

    def run(self, data: Dataset) -> Result:
        """Who they are, the next item of each, the test on the last eight weeks, the business case and the trial."""
        from regulars.methods.recommending import count_stages, prepare

        found = prepare(data)
        if not found.table.num_rows:
            raise DataError("nobody has bought an item", table="lines", mend="check product_id and quantity")
        counted = count_stages(data, found, (0, 2))
        singles = data.persist(single_items.single_buyers(found.rows, 2), "single_items__now")
        count = int(data.collect(singles.count())[0][0].as_py())
        total = int(data.collect(data.customer_days.customer_key.nunique(), 1)[0][0].as_py())
        if not count:
            raise DataError("no customer has bought a single item only", mend="nothing is to be done")
        offers = data.bring(_offers(found, counted[2], 2), "single_items__offers")
        members = _members(data, singles, offers)
        test, test_query = self._test(data, found, counted[0])
        sales = self._sales(data)
        priced = _value_of_an_offer(data, members, found)
        value = priced or self._value_of_an_item(data)
        tables = [_who(data, singles, count, total), _tested(test, test_query)]
        if value is not None and sales:
            what = (
                "At the mean price of the offers."
                if priced
                else "At what one item brought on average in the last year."
            )
            tables.append(_case(count, value, sales, self.goal_share, what, (members, found.items)))
        tables.append(self._trial(count, test, (singles,)))
        findings = self._findings(data, count, total, test, value, sales)
        return self.result(
            tables=tuple(tables), findings=tuple(findings), audiences=_audiences(members, _best_seller(found)),
            actions=tuple(_actions(findings)), caveats=tuple(_caveats(data, test)),
        )  # fmt: skip

    def _test(self, data: Dataset, found: Interactions, counts: Counts) -> tuple[dict[str, int], ir.Table]:
        """Single buyers as of eight weeks ago: how many bought another item since, and how often it was one of ten."""
        early = data.persist(single_items.single_buyers(found.rows, 0), "single_items__early")
        offers = data.bring(_offers(found, counts, 0, with_popular=True), "single_items__offers_then")
        query = single_items.bought_later(early, found.rows, offers, 0)
        row = data.collect(query, 1).to_pylist()[0]
        before = int(data.collect(early.count())[0][0].as_py())
        return {"singles": before} | {name: int(number or 0) for name, number in row.items()}, query

    @staticmethod
    def _sales(data: Dataset) -> float:
        from datetime import timedelta

        import ibis

        days = data.customer_days
        if "revenue" not in days.columns or data.as_of is None:
            return 0.0
        since = ibis.literal(data.as_of - timedelta(days=365), "date")
        total = data.collect(days.filter(days.day > since).revenue.sum().round(4), 1)[0][0].as_py()
        return float(total or 0.0)

    @staticmethod
    def _value_of_an_item(data: Dataset) -> float | None:
        """What one item brought on average in the last year, where no price of a product is known."""
        from datetime import timedelta

        import ibis

        days = data.customer_days
        if not {"revenue", "quantity"} <= set(days.columns) or data.as_of is None:
            return None
        since = ibis.literal(data.as_of - timedelta(days=365), "date")
        sums = days.filter(days.day > since).aggregate(
            money=days.revenue.sum().round(4), items=days.quantity.sum().cast("float64")
        )
        row = data.collect(sums, 1).to_pylist()[0]
        return float(row["money"]) / float(row["items"]) if row["money"] and row["items"] else None

    def _trial(self, count: int, test: dict[str, int], source: tuple[ir.Table, ...]) -> Table:
        from regulars.models.offer_case import arm_size

        base = test["returned"] / test["singles"] if test["singles"] else 0.05
        base = min(max(base, 0.001), 0.9)
        size, available = arm_size(base, self.acceptance_lift), count // len(single_items.ARMS)
        columns = Columns()
        columns.add("arm", list(single_items.ARMS), "text", "Drawn by a hash of the customer's id; a third each.")
        columns.add("customers", [available] * 3, "customers", "About so many are there for each arm.")
        columns.add("needed", [size] * 3, "customers", "For a power of 80 % at a false-alarm rate of 5 %.")
        columns.add("base_share", [base] * 3, "share", "Bought another item within eight weeks, without an offer.")
        columns.add("lift", [self.acceptance_lift] * 3, "change_points", "The effect that is hoped for.")
        columns.add("duration_days", [56] * 3, "days", "As long as the test that the base share is from.")
        columns.add("is_enough", [available >= size] * 3, "", "Whether there are customers enough.")
        return columns.table("trial", "A trial to prove it", source=source)

    def _findings(
        self, data: Dataset, count: int, total: int, test: dict[str, int], value: float | None, sales: float
    ) -> list[Finding]:
        from regulars.models.intervals import share_interval

        if min(count, total) < data.min_customers:
            return []
        found = [
            Finding(
                "single_item_customers.share",
                f"{write(count / total, 'share')} of {write_count(total, 'customers')} have bought one item only.",
                count / total, "share", total, Evidence("who"),
            )
        ]  # fmt: skip
        if test["returned"] >= data.min_customers:
            share = test["own"] / test["returned"]
            low, high = (float(end) for end in share_interval(test["own"], test["returned"]))
            sentence = (
                f"Of {write_count(test['returned'], 'customers')} with one item who bought another in the last eight "
                f"weeks, {write(share, 'share')} ({write_interval(low, high, 'share')}) bought one of the ten they "
                f"would have been offered, against {write(test['popular'] / test['returned'], 'share')} of the ten "
                "best sellers."
            )
            found.append(
                Finding(
                    "single_item_customers.hit_share", sentence, share, "share", test["returned"], Evidence("test"),
                    "modelled", interval=(min(low, share), max(high, share)),
                    validated="offers from what was known eight weeks ago, beside the ten best sellers of then",
                )
            )  # fmt: skip
        if value and sales:
            needed = self.goal_share * sales / (count * value)
            reach = (
                f"out of reach: if all {count:,} accepted, sales would rise by {write(count * value / sales, 'share')}"
                if needed > 1 else f"reached if {write(needed, 'share')} of them accepted one offer"
            )  # fmt: skip
            sentence = f"The goal of {write(self.goal_share, 'change_share')} of a year's sales is {reach}."
            found.append(
                Finding("single_item_customers.acceptance_needed", sentence, needed, "share", count,
                        Evidence("business_case"))
            )  # fmt: skip
        return found


def _offers(found: Interactions, counts: Counts, stage: int, *, with_popular: bool = False) -> Any:
    """`for_item`, `rank`, `offer`, `score` and `kind` for every item, as Arrow."""
    import numpy as np
    import pyarrow as pa

    from regulars.models.offer_case import next_items

    popularity = found.column(f"{_SINCE}_{stage}")[counts.places]
    ids = np.array([str(one) for one in found.table["product_id"].to_pylist()], dtype=object)[counts.places]
    kinds = {"own": next_items(counts.counts, popularity, popularity > 0, _PLACES)}
    if with_popular:
        best = np.argsort(-popularity, kind="stable")[:_PLACES]
        kinds["popular"] = (np.tile(best, (len(ids), 1)), np.zeros((len(ids), len(best))))
    parts: dict[str, list[Any]] = {name: [] for name in ("for_item", "rank", "offer", "score", "kind")}
    for kind, (offers, shares) in kinds.items():
        line, rank = np.nonzero(offers >= 0)
        parts["for_item"] += ids[line].tolist()
        parts["rank"] += (rank + 1).tolist()
        parts["offer"] += ids[offers[line, rank]].tolist()
        parts["score"] += shares[line, rank].tolist()
        parts["kind"] += [kind] * len(line)
    types = {
        "for_item": pa.string(),
        "rank": pa.int64(),
        "offer": pa.string(),
        "score": pa.float64(),
        "kind": pa.string(),
    }
    return pa.table({name: pa.array(values, types[name]) for name, values in parts.items()})


def _members(data: Dataset, singles: ir.Table, offers: ir.Table) -> ir.Table:
    """Every single-item customer with the best offer and their arm."""
    view = data.customers.select("customer_key", "customer_id")
    rows = singles.inner_join(view, "customer_key")
    rows = data.persist(rows.select("customer_id", first=rows.product_id.cast("string")), "single_items__first")
    best = offers.filter(offers["rank"] == 1).select("for_item", "offer", "score")
    rows = rows.inner_join(best, [("first", "for_item")]).drop("for_item")
    return data.persist(single_items.in_arms(rows, "single_item_customers:"), "single_items__members")


def _value_of_an_offer(data: Dataset, members: ir.Table, found: Interactions) -> float | None:
    """Mean price of the first offer over the customers it would be made to."""
    if "price" not in found.items.columns:
        return None
    prices = found.items.select(_item=found.items.product_id.cast("string"), price=found.items.price)
    priced = members.inner_join(prices, members.offer == prices._item)
    value = data.collect(priced.price.mean().round(6), 1)[0][0].as_py()
    return float(value) if value else None


def _who(data: Dataset, singles: ir.Table, count: int, total: int) -> Table:
    """What they bought: the items with the most single-item customers."""
    each = singles.group_by("product_id").aggregate(
        customers=singles.count().cast("int64"), once=(singles.orders == 1).cast("int64").sum().cast("int64")
    )
    query = each.order_by(each.customers.desc(), each.product_id).limit(50)
    rows = data.collect(query, 50).to_pylist()
    columns = Columns()
    columns.add("product_id", [str(row["product_id"]) for row in rows], "id")
    columns.add("customers", [row["customers"] for row in rows], "customers", "Customers who bought only this.")
    columns.add("once", [row["once"] for row in rows], "customers", "Of those, on a single order.")
    note = f"{count:,} of {total:,} customers have one item; the 50 items with the most of them."
    return columns.table("who", "What single-item customers bought", source=(query,), note=note)


def _tested(test: dict[str, int], source: ir.Table) -> Table:
    columns = Columns()
    columns.add(
        "step",
        ["had one item eight weeks ago", "bought another since", "… one of their ten", "… a best seller of then"],
        "text",
    )  # fmt: skip
    columns.add("customers", [test[name] for name in ("singles", "returned", "own", "popular")], "customers")
    return columns.table("test", "What single-item customers bought later", source=(source,))


def _case(count: int, value: float, sales: float, goal: float, priced: str, source: tuple[ir.Table, ...]) -> Table:
    from regulars.models.intervals import share_interval

    shares = list(_ACCEPTANCE)
    low, high = share_interval([share * count for share in shares], [count] * len(shares))
    columns = Columns()
    columns.add(
        "acceptance_share", shares, "share", "Assumed: customers who accept one offer they would not have taken."
    )
    columns.add("added_sales", [share * count * value for share in shares], "money", f"At {priced}.")
    columns.add_interval("added_sales", low * count * value, high * count * value, "money")
    columns.add("of_sales", [share * count * value / sales for share in shares], "share", "Of the sales of a year.")
    columns.add("of_goal", [share * count * value / (goal * sales) for share in shares], "share", "Of the goal.")
    return columns.table(
        "business_case", "What offers would add at stated acceptance rates", source=source,
        note="The interval is that of so many customers accepting by chance; the rate itself only a trial tells.",
    )  # fmt: skip


def _best_seller(found: Interactions) -> str:
    """Id of the item on most orders of the last 60 days; the first in order of ids where several are."""
    return str(found.table["product_id"][int(found.column(f"{_SINCE}_{found.cuts.last}").argmax())].as_py())


def _audiences(members: ir.Table, best_seller: str) -> tuple[Audience, ...]:
    """One list for each arm, with what is to be offered: nothing, in the last."""
    import ibis

    offers = dict(zip(single_items.ARMS, (members.offer, ibis.literal(best_seller), ibis.null("string")), strict=True))
    members = members.mutate(made=ibis.cases(*[(members.arm == arm, offer) for arm, offer in offers.items()]))
    found = []
    for arm, name in zip(single_items.ARMS, ("own_offer", "popular_offer", "no_offer"), strict=True):
        rows = members.filter(members.arm == arm)
        reason = "bought only " + rows.first
        found.append(
            Audience(
                name, f"Trial: {arm}", rows.select("customer_id", reason=reason, score=rows.score, offer=rows.made),
                "A third of the single-item customers, drawn by a hash of their id.",
            )
        )  # fmt: skip
    return tuple(found)


def _actions(findings: list[Finding]) -> list[Action]:
    if not findings:
        return []
    return [
        Action(
            "single_item_customers.trial", "Run the trial: own offer, best seller, and no offer, a third each.",
            "What the offer adds beyond those who come back anyway, only a trial shows.", "own_offer", findings[0].key,
        )
    ]  # fmt: skip


def _caveats(data: Dataset, test: dict[str, int]) -> list[Caveat]:
    found = [Caveat("Acceptance rates are assumed; some of those who accept would have bought anyway.")]
    if test["returned"] < data.min_customers:
        text = (
            f"Of {test['singles']:,} customers who had one item eight weeks ago {test['returned']:,} bought another "
            "since: too few to say how good the offers are."
        )
        found.append(Caveat(text, "warning"))
    return found
