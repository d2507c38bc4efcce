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
    from regulars.models.offer_case import LaterTest, OfferCase

_PLACES = 10
_ACCEPTANCE = (0.01, 0.02, 0.05, 0.1, 0.2)
_SINCE = "popularity_60"
_SAY_THE_SAME = ("rfm_segment", "segment")
"""Made from how much is bought: that customers of one item are low in them says nothing new."""


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
        from regulars.models.offer_case import OfferCase

        found = prepare(data)
        if not found.table.num_rows:
            raise DataError("nobody has bought an item", table="lines", mend="check product_id and quantity")
        counted = count_stages(data, found, (0, 2))
        singles = data.persist(single_items.single_buyers(found.rows, 2), "single_items__now")
        count = int(data.collect(singles.count())[0][0].as_py())
        total = int(data.collect(data.customer_days.customer_key.nunique(), 1)[0][0].as_py())
        if not count:
            raise DataError("no customer has bought a single item only", mend="nothing is to be done")
        test, test_query = self._test(data, found, counted[0])
        arms = single_items.ARMS if test.is_own_used else single_items.ARMS_WITHOUT_OWN
        offers = data.bring(_offers(found, counted[2], 2), "single_items__offers")
        members = _members(data, singles, offers, arms, _best_seller(found))
        sales, _ = _last_year(data)
        values = _values_of_offers(data, members, found)
        case = OfferCase(count, values, sales, self.goal_share, test)
        tables = [_who(data, singles, count, total), *_groups(data, singles), _tested(test, test_query)]
        if case.is_known:
            tables.append(_case_table(case, (members, found.items)))
        tables.append(self._trial(count, test, arms, (singles,)))
        findings = self._findings(data, count, total, test, case)
        return self.result(
            tables=tuple(tables), findings=tuple(findings), audiences=_audiences(members, arms),
            actions=tuple(_actions(findings, case, self.acceptance_lift, test)), caveats=tuple(_caveats(data, test)),
        )  # fmt: skip

    def _test(self, data: Dataset, found: Interactions, counts: Counts) -> tuple[LaterTest, ir.Table]:
        """Single buyers as of eight weeks ago: how many bought another item since, and how often it was one of ten."""
        from regulars.models.offer_case import LaterTest

        early = data.persist(single_items.single_buyers(found.rows, 0), "single_items__early")
        offers = data.bring(_offers(found, counts, 0), "single_items__offers_then")
        query = single_items.bought_later(early, found.rows, offers, 0)
        row = data.collect(query, 1).to_pylist()[0]
        before = int(data.collect(early.count())[0][0].as_py())
        hits = {name: int(row[name] or 0) for name in ("returned", "own", "popular")}
        gain, squares = float(row["gain"] or 0.0), float(row["gain_squares"] or 0.0)
        return LaterTest(before, **hits, gain=gain, gain_squares=squares, least=data.min_customers), query

    def _trial(self, count: int, test: LaterTest, arms: tuple[str, ...], source: tuple[ir.Table, ...]) -> Table:
        from regulars.models.offer_case import arm_size, power_of

        base = test.returned / test.singles if test.singles else 0.05
        base = min(max(base, 0.001), 0.9)
        size, available = arm_size(base, self.acceptance_lift), count // len(arms)
        each = len(arms)
        columns = Columns()
        columns.add("arm", list(arms), "text", "Drawn by a hash of the customer's id, all equally large.")
        columns.add("customers", [available] * each, "customers", "About so many are there for each arm.")
        columns.add("needed", [size] * each, "customers", "For a power of 80 % at a false-alarm rate of 5 %.")
        columns.add("base_share", [base] * each, "share", "Bought another item within eight weeks, without an offer.")
        columns.add("lift", [self.acceptance_lift] * each, "change_points", "The effect that is hoped for.")
        power = power_of(available, base, self.acceptance_lift)
        columns.add("power", [power] * each, "share", "Chance that a trial with the customers there are finds it.")
        columns.add("duration_days", [56] * each, "days", "As long as the test that the base share is from.")
        columns.add("is_enough", [available >= size] * each, "", "Whether there are customers enough.", "enough")
        return columns.table("trial", "A trial to prove it", source=source)

    def _findings(self, data: Dataset, count: int, total: int, test: LaterTest, case: OfferCase) -> list[Finding]:
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
        if test.is_made:
            share = test.used / test.returned
            low, high = (float(end) for end in share_interval(test.used, test.returned))
            own, popular = (write(one / test.returned, "share") for one in (test.own, test.popular))
            interval = write_interval(low, high, "share")
            said = (
                f"{own} ({interval}) bought one of the ten they would have been offered, against {popular} of the ten "
                f"best sellers; {_compared(test)}." if test.is_own_used else
                f"{popular} ({interval}) bought one of the ten best sellers, and {own} one of ten chosen for the item "
                f"they had; {_compared(test)}."
            )  # fmt: skip
            sentence = (
                f"Of {write_count(test.returned, 'customers')} with one item who bought another in the last eight "
                f"weeks, {said}"
            )
            found.append(
                Finding(
                    "single_item_customers.hit_share", sentence, share, "share", test.returned, Evidence("test"),
                    "modelled", interval=(min(low, share), max(high, share)),
                    validated="offers from what was known eight weeks ago, beside the ten best sellers of then",
                )
            )  # fmt: skip
        if case.is_known:
            found.append(self._goal(case))
        return found

    def _goal(self, case: OfferCase) -> Finding:
        """What acceptance the goal needs, said plainly where no acceptance is enough."""
        goal = write(self.goal_share, "change_share")
        of_hits = ", of whom as many take an offer as did unasked" if case.test.is_made else ", each of whom takes it"
        value, low, high = case.needed() if case.is_in_reach else case.all_accept()
        span = f" ({write_interval(low, high, 'share')})" if case.test.is_made else ""
        told = f"{write(value, 'share')}{span}"
        sentence = f"The goal of {goal} of a year's sales is " + (
            f"reached if the offer brings back {told} of the {case.count:,} customers{of_hits}."
            if case.is_in_reach else
            f"out of reach with these customers: if the offer brought back all {case.count:,}{of_hits}, sales would "
            f"rise by {told}."
        )  # fmt: skip
        interval: dict[str, Any] = (
            {
                "interval": (min(low, value), max(high, value)), "grade": "modelled",
                "validated": "the share of offers taken is that of the last eight weeks, beside best sellers",
            } if case.test.is_made else {}
        )  # fmt: skip
        return Finding(
            f"single_item_customers.{'acceptance_needed' if case.is_in_reach else 'sales_share_if_all_accept'}",
            sentence, value, "share", case.count, Evidence("business_case"), **interval,
        )  # fmt: skip


def _compared(test: LaterTest) -> str:
    """Which of the two kinds is offered, and whether the difference is beyond chance."""
    if not test.gain:
        return "best sellers foretold as well, so these are offered"
    where = "their own ten" if test.is_own_used else "the best sellers"
    beyond = "beyond chance" if test.is_beyond_chance else "though not beyond chance"
    return f"what they bought stood earlier among {where} ({beyond}), so these are offered"


def _offers(found: Interactions, counts: Counts, stage: int) -> Any:
    """`for_item`, `rank`, `offer`, `score` and `kind` ("own", "popular") for every item, as Arrow."""
    import numpy as np
    import pyarrow as pa

    from regulars.models.offer_case import best_sellers, next_items

    popularity = found.column(f"{_SINCE}_{stage}")[counts.places]
    ids = np.array([str(one) for one in found.table["product_id"].to_pylist()], dtype=object)[counts.places]
    kinds = {
        "own": next_items(counts.counts, popularity, popularity > 0, _PLACES),
        "popular": best_sellers(popularity, popularity > 0, _PLACES),
    }
    parts: dict[str, list[Any]] = {name: [] for name in ("for_item", "rank", "offer", "score", "kind")}
    for kind, (offers, shares) in kinds.items():
        line, rank = np.nonzero(offers >= 0)
        parts["for_item"] += ids[line].tolist()
        parts["rank"] += (rank + 1).tolist()
        parts["offer"] += ids[offers[line, rank]].tolist()
        parts["score"] += shares[line, rank].tolist()
        parts["kind"] += [kind] * len(line)
    types = {
        "for_item": pa.string(), "rank": pa.int64(), "offer": pa.string(), "score": pa.float64(), "kind": pa.string(),
    }  # fmt: skip
    return pa.table({name: pa.array(values, types[name]) for name, values in parts.items()})


def _members(data: Dataset, singles: ir.Table, offers: ir.Table, arms: tuple[str, ...], best_seller: str) -> ir.Table:
    """Every single-item customer with the first offer of either kind, and their arm."""
    view = data.customers.select("customer_key", "customer_id")
    rows = singles.inner_join(view, "customer_key")
    rows = data.persist(rows.select("customer_id", first=rows.product_id.cast("string")), "single_items__first")
    first = offers.filter(offers["rank"] == 1)
    own = first.filter(first.kind == "own").select("for_item", own=first.offer, own_score=first.score)
    rows = rows.left_join(own, [("first", "for_item")]).drop("for_item")
    rows = data.persist(rows, "single_items__with_own")
    popular = first.filter(first.kind == "popular").select("for_item", popular=first.offer, popular_score=first.score)
    rows = rows.left_join(popular, [("first", "for_item")]).drop("for_item")
    # whose item is too rare for the model is offered what sells, which it cannot be
    rows = rows.mutate(popular=rows.popular.fill_null(best_seller))
    rows = rows.mutate(
        own=rows.own.fill_null(rows.popular), own_score=rows.own_score.fill_null(0.0),
        popular_score=rows.popular_score.fill_null(0.0),
    )  # fmt: skip
    return data.persist(single_items.in_arms(rows, "single_item_customers:", arms), "single_items__members")


def _best_seller(found: Interactions) -> str:
    """Id of the item on most orders of the last 60 days; the first in order of ids where several are."""
    return str(found.table["product_id"][int(found.column(f"{_SINCE}_{found.cuts.last}").argmax())].as_py())


def _values_of_offers(data: Dataset, members: ir.Table, found: Interactions) -> dict[str, float]:
    """Mean price of the first offer over the customers it would be made to, by kind; of an item where none is known."""
    if "price" not in found.items.columns:
        money, items = _last_year(data)
        return {"own": money / items, "popular": money / items} if money and items else {}
    values = {}
    for kind in ("own", "popular"):
        prices = found.items.select(_item=found.items.product_id.cast("string"), price=found.items.price)
        priced = members.inner_join(prices, members[kind] == prices._item)
        value = data.collect(priced.price.mean().round(6), 1)[0][0].as_py()
        if value:
            values[kind] = float(value)
    return values


def _last_year(data: Dataset) -> tuple[float, float]:
    """Money and items of the last year's sales; 0 where they are not known."""
    if "revenue" not in data.customer_days.columns or data.as_of is None:
        return 0.0, 0.0
    row = data.collect(single_items.money_and_items(data.customer_days, data.as_of), 1).to_pylist()[0]
    return float(row["money"] or 0.0), float(row["items"] or 0.0)


def _groups(data: Dataset, singles: ir.Table) -> list[Table]:
    """Who they are: the share of customers with a single item, by what is known of customers."""
    from regulars.measures import dimensions as dims
    from regulars.methods.breakdown import Figure, break_down

    by = [one for one in dims.available(data, "customer") if one.name not in _SAY_THE_SAME]
    if not by:
        return []
    marked = singles.select(_single=singles.customer_key)
    buyers = data.customer_days.select("customer_key").distinct()
    rows = buyers.left_join(marked, buyers.customer_key == marked._single)
    rows = data.persist(rows.select("customer_key", single=rows._single.notnull()), "single_items__buyers")
    figures = [
        Figure("single_item_share", "share", "Customers with a single item.", lambda r: r.single, is_share=True,
               total="single_item_customers"),
    ]  # fmt: skip
    title = "Who they are: share of customers with a single item"
    return [break_down(data, rows, by, figures, name="groups", title=title, cluster=None).table]


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


def _tested(test: LaterTest, source: ir.Table) -> Table:
    columns = Columns()
    columns.add(
        "step",
        [
            "had one item eight weeks ago", "bought another since", "… one of ten chosen for the item they had",
            "… one of the ten best sellers of then",
        ],
        "text",
    )  # fmt: skip
    columns.add("customers", [test.singles, test.returned, test.own, test.popular], "customers")
    return columns.table("test", "What single-item customers bought later", source=(source,))


def _case_table(case: OfferCase, source: tuple[ir.Table, ...]) -> Table:
    added = [case.added(share) for share in _ACCEPTANCE]
    columns = Columns()
    columns.add(
        "acceptance_share", list(_ACCEPTANCE), "share", "Assumed: customers whom the offer brings back beyond the rest."
    )
    columns.add(
        "added_sales", [one[0] for one in added], "money", "At the mean price of the first offers, or of an item."
    )
    columns.add_interval("added_sales", [one[1] for one in added], [one[2] for one in added], "money")
    if case.test.is_made and case.test.is_own_used:
        beside = [case.added(share, "popular")[0] for share in _ACCEPTANCE]
        columns.add("with_best_sellers", beside, "money", "The same if the best sellers were offered instead.")
    columns.add("of_sales", [one[0] / case.sales for one in added], "share", "Of the sales of a year.")
    columns.add("of_goal", [one[0] / (case.goal * case.sales) for one in added], "share", "Of the goal.")
    share, low, high = case.test.taken(case.test.kind)
    note = (
        f"Of those who come back {write(share, 'share')} ({write_interval(low, high, 'share')}) take one of ten "
        "offers, as in the last eight weeks; the interval is from that. The acceptance itself only a trial tells."
        if case.test.is_made else
        "Everybody who comes back is taken to buy the offer: at most so much. The acceptance itself only a trial tells."
    )  # fmt: skip
    return columns.table(
        "business_case", "What offers would add at stated acceptance rates", source=source, note=note
    )  # fmt: skip


def _audiences(members: ir.Table, arms: tuple[str, ...]) -> tuple[Audience, ...]:
    """One list for each arm, with what is to be offered: nothing, in the last."""
    import ibis

    made = {
        single_items.OWN: ("own_offer", members.own, members.own_score),
        single_items.POPULAR: ("popular_offer", members.popular, members.popular_score),
        single_items.NONE: ("no_offer", ibis.null("string"), members.own_score),
    }
    found = []
    for arm in arms:
        name, offer, score = made[arm]
        rows = members.mutate(made=offer, score=score).filter(members.arm == arm)
        reason = "bought only " + rows.first
        found.append(
            Audience(
                name, f"Trial: {arm}", rows.select("customer_id", reason=reason, score=rows.score, offer=rows.made),
                f"One of {len(arms)} equal parts of the single-item customers, drawn by a hash of their id.",
            )
        )  # fmt: skip
    return tuple(found)


def _actions(findings: list[Finding], case: OfferCase, lift: float, test: LaterTest) -> list[Action]:
    if not findings:
        return []
    value: dict[str, Any] = {}
    if case.is_known and test.is_made:
        mean, low, high = (round(one, 2) for one in case.added(lift))
        value = {"expected_value": mean, "interval": (low, high)}
    parts = (
        "a third of them their own offer, a third the best seller, a third nothing"
        if test.is_own_used
        else "one half of them the best seller, the other half nothing"
    )
    return [
        Action(
            "single_item_customers.trial", f"Try it out: offer {parts}.",
            "What the offer adds beyond those who come back anyway, only a trial shows.",
            "own_offer" if test.is_own_used else "popular_offer", findings[0].key, **value,
        )
    ]  # fmt: skip


def _caveats(data: Dataset, test: LaterTest) -> list[Caveat]:
    found = [Caveat("Acceptance rates are assumed; some of those who accept would have bought anyway.")]
    if not test.is_made:
        text = (
            f"Of {write_count(test.singles, 'customers')} who had one item eight weeks ago {test.returned:,} bought "
            f"another since: too few (under {data.min_customers}) to say how good the offers are, or whether best "
            "sellers would do as well. The trial has both."
        )
        found.append(Caveat(text, "warning"))
    return found
