"""What is said of promotions: findings, charts, actions and caveats from the tables. All of it is observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regulars.core.chart import Chart
from regulars.core.result import Action, Caveat, Evidence, Finding
from regulars.core.units import write, write_count, write_interval
from regulars.measures.promotions import ANY, CLASSES, NONE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from regulars.core.result import Table
    from regulars.methods.breakdown import BreakDown

NOT_GROUPS = ("campaign_kind", "offer_complexity", "hour", "main_payment_method", "city")
"""Dimensions that use of promotions is not told by: they say the same, or too finely."""
DEFINITIONS = {
    "promotion": "An order used one where it names a campaign or was sold below list value.",
    "only with promotion": "Several orders, and a promotion on every one: a deal-seeker.",
    "come back": "Another sale on a later day than the first, within the days given.",
    "break-even share": "Discount share ÷ margin share: so much of a promotion's use must be additional for it to pay.",
    "of one product, of new releases": "80 % or more of a campaign's use lies there.",
}

_DONE = dict(
    zip(
        CLASSES,
        (
            "bought several times, and only with a promotion", "used promotions repeatedly", "used a promotion once",
            "placed one order, with a promotion", "never used a promotion",
        ),
        strict=True,
    )
)  # fmt: skip


@dataclass(frozen=True)
class Story:
    """The tables in words.

    Args:
        currency: Of all money.
        least: Under this many customers no finding is made.
        margin: Margin on list value; 0 where not known.
        tables: All of the Result.
    """

    currency: str
    least: int
    margin: float
    tables: Sequence[Table]

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of a table; none where it was not made."""
        return next((table.to_arrow().to_pylist() for table in self.tables if table.name == name), [])

    def findings(self, use: BreakDown, money: BreakDown, groups: BreakDown, customers: int) -> list[Finding]:
        """What is so, with interval and n."""
        if customers < self.least:
            return []
        return [
            *self._use(use, money),
            *self._kinds(),
            *self._by_year(),
            *self._returns(),
            *self._classes(),
            *self._group(groups),
            *self._pays(),
        ]

    def _use(self, use: BreakDown, money: BreakDown) -> list[Finding]:
        row = use.rows("everything")[0]
        ends = (row["promoted_low"], row["promoted_high"])
        sentence = (
            f"{write(row['promoted'], 'share')} ({write_interval(*ends, 'share')}) of the "
            f"{write_count(row['orders'], 'orders')} used a promotion"
        )
        promoted = [one for one in money.rows("promotion") if one["group"] != NONE]
        total = round(sum(one.get("discount") or 0.0 for one in promoted), 4)
        if total:
            listed = total + sum(one.get("revenue") or 0.0 for one in promoted)
            off = f" ({write(total / listed, 'share')} of what they would have cost)" if listed > 0 else ""
            sentence += f"; {write(total, 'money', self.currency)} was taken off their price{off}"
        return [
            Finding(
                "promotions.order_share", sentence + ".", row["promoted"], "share", row["customers"],
                Evidence("use_by_year"), interval=ends, at_stake=total or None,
            )
        ]  # fmt: skip

    def _kinds(self) -> list[Finding]:
        """The kind of promotion used most, and the next ones."""
        rows = [row for row in self.rows("kinds") if row["promotion"] != NONE and row["order_share"] is not None]
        if len(rows) < 2:
            return []
        first, *others = sorted(rows, key=lambda row: (-row["order_share"], row["promotion"]))
        ends = (first["order_share_low"], first["order_share_high"])
        rest = ", ".join(f"'{row['promotion']}' on {write(row['order_share'], 'share')}" for row in others[:3])
        sentence = (
            f"The kind of promotion used most is '{first['promotion']}': on {write(first['order_share'], 'share')} "
            f"({write_interval(*ends, 'share')}) of all orders; then {rest}."
        )
        return [
            Finding(
                "promotions.kinds", sentence, first["order_share"], "share", first["customers"],
                Evidence("kinds", f"promotion = {first['promotion']}"), interval=ends,
            )
        ]  # fmt: skip

    def _by_year(self) -> list[Finding]:
        """How much of each year's orders used any promotion."""
        rows = [row for row in self.rows("use_by_year") if row["promotion"] == ANY]
        rows = [row for row in rows if row["order_share"] is not None]
        if len(rows) < 2:
            return []
        last = rows[-1]
        ends = (last["order_share_low"], last["order_share_high"])
        years = ", ".join(f"{row['year']} {write(row['order_share'], 'share')}" for row in rows[:-1])
        beyond = "" if last["differs"] else ", not beyond chance"
        sentence = (
            f"In {last['year']} {write(last['order_share'], 'share')} ({write_interval(*ends, 'share')}) of the orders "
            f"used a promotion, against {years}{beyond}."
        )
        return [
            Finding(
                "promotions.by_year", sentence, last["order_share"], "share", last["year_orders"],
                Evidence("use_by_year", f"year = {last['year']}"), n_unit="orders", interval=ends,
            )
        ]  # fmt: skip

    def _returns(self) -> list[Finding]:
        """The clearest differences in coming back, at the longest window."""
        rows = self.rows("returns")
        longest = max((row["within_days"] for row in rows), default=0)
        without = next((r for r in rows if (r["won_with"], r["within_days"]) == (NONE, longest)), None)
        told = [row for row in rows if row["within_days"] == longest and row["differs"]]
        found = []
        for place, row in enumerate(sorted(told, key=lambda one: (-abs(one["difference"]), one["won_with"]))[:2]):
            assert without is not None  # noqa: S101  a difference is only judged beside it
            sentence = (
                f"Of customers won with a promotion of the kind '{row['won_with']}', "
                f"{write(row['return_share'], 'share')} came back within {longest:.0f} days, "
                f"{write(row['difference'], 'change_points')} "
                f"({write_interval(row['difference_low'], row['difference_high'], 'change_points')}) against those "
                f"won without ({write(without['return_share'], 'share')}); who is drawn by it differs too, so this is "
                "not its effect."
            )
            found.append(
                Finding(
                    f"promotions.return_{place + 1}", sentence, row["difference"], "change_points", row["customers"],
                    Evidence("returns", f"won_with = {row['won_with']}"),
                    interval=(row["difference_low"], row["difference_high"]), is_good=row["difference"] > 0,
                )
            )  # fmt: skip
        return found

    def _classes(self) -> list[Finding]:
        found = []
        words = {
            CLASSES[0]: ("deal_seekers", "have bought several times, and never without a promotion"),
            CLASSES[3]: ("one_time_responders", "have placed one order, with a promotion, and none since"),
        }
        for row in self.rows("responses"):
            if row["response"] not in words or row["customers"] < self.least:
                continue
            name, what = words[row["response"]]
            ends = (row["customer_share_low"], row["customer_share_high"])
            brought = f"; they brought {write(row['revenue'], 'money', self.currency)}" if "revenue" in row else ""
            sentence = (
                f"{write_count(row['customers'], 'customers')} ({write(row['customer_share'], 'share')}, "
                f"{write_interval(*ends, 'share')} of all buyers) {what}{brought}."
            )
            found.append(
                Finding(
                    f"promotions.{name}", sentence, row["customer_share"], "share", row["customers"],
                    Evidence("responses", f"response = {row['response']}"), interval=ends,
                    at_stake=row.get("revenue"),
                )
            )  # fmt: skip
        return found

    def _group(self, groups: BreakDown) -> list[Finding]:
        """The group that uses promotions most against the rest, where one differs beyond chance."""
        rows = [row for row in groups.table.to_arrow().to_pylist() if row["promoted_share_differs"]]
        rows = [row for row in rows if row["dimension"] not in ("order_band", "year") and row["group"] != "unknown"]
        if not rows:
            return []
        top = max(rows, key=lambda row: (row["promoted_share"], row["dimension"], row["group"]))
        ends = (top["promoted_share_low"], top["promoted_share_high"])
        sentence = (
            f"Promotions are used most in the group '{top['group']}' ({top['dimension'].replace('_', ' ')}): on "
            f"{write(top['promoted_share'], 'share')} ({write_interval(*ends, 'share')}) of its orders; "
            f"{len(rows)} groups differ from the rest beyond chance."
        )
        return [
            Finding(
                "promotions.most_used_by", sentence, top["promoted_share"], "share", top["customers"],
                Evidence("by_group", f"{top['dimension']} = {top['group']}"), interval=ends,
            )
        ]  # fmt: skip

    def _pays(self) -> list[Finding]:
        """How much of the dearest kind must be additional, where a margin is known."""
        rows = self.rows("break_even") if self.margin else []
        if not rows:
            return []
        top = max(rows, key=lambda row: (row["break_even_share"], row["promotion"]))
        ends = (top["break_even_share_low"], top["break_even_share_high"])
        orders = next(row for row in self.rows("kinds") if row["promotion"] == top["promotion"])
        if orders["customers"] < self.least:
            return []
        sentence = (
            f"At a margin of {write(self.margin, 'share')}, '{top['promotion']}' earns as much as no promotion only "
            f"where {write(top['break_even_share'], 'share')} ({write_interval(*ends, 'share')}) of its orders would "
            "not have been placed without it; whether they would is what an experiment tells."
        )
        return [
            Finding(
                "promotions.break_even", sentence, top["break_even_share"], "share", orders["customers"],
                Evidence("break_even", f"promotion = {top['promotion']}"), interval=ends,
            )
        ]  # fmt: skip

    def charts(self) -> list[Chart]:
        """Use by year, returns, and the money of each kind."""
        found = []
        if len({row["year"] for row in self.rows("use_by_year")}) > 1:
            found.append(
                Chart(
                    "use_by_year", self._years_title(),
                    "Share of the year's orders by kind of promotion, with 95 % interval", "line", "use_by_year",
                    "year", "order_share", colour="promotion", low="order_share_low", high="order_share_high",
                )
            )  # fmt: skip
        else:
            found.append(
                Chart(
                    "kinds", self._kinds_title(), "Share of orders, with 95 % interval", "bar", "kinds",
                    "promotion", "order_share", low="order_share_low", high="order_share_high", x_sort="data",
                )
            )  # fmt: skip
        if any(row["return_share"] is not None for row in self.rows("returns")):
            found.append(
                Chart(
                    "returns", self._returns_title(),
                    "Share with another sale within 30, 60 and 90 days of the first order, by its promotion", "line",
                    "returns", "within_days", "return_share", colour="won_with", low="return_share_low",
                    high="return_share_high",
                )
            )  # fmt: skip
        found.append(
            Chart(
                "responses", self._responses_title(), "Share of buyers, with 95 % interval", "bar",
                "responses", "response", "customer_share", low="customer_share_low", high="customer_share_high",
                x_sort="data",
            )
        )  # fmt: skip
        return found

    def _years_title(self) -> str:
        """From the first year to the last, where a year differs beyond chance."""
        rows = [row for row in self.rows("use_by_year") if row["promotion"] == ANY and row["order_share"] is not None]
        if not any(row["differs"] for row in rows):
            return "No year differs beyond chance in how many orders used a promotion"
        first, last = (pick(rows, key=lambda row: row["year"]) for pick in (min, max))
        share, before = last["order_share"], first["order_share"]
        verb = "rose" if share > before else "fell"
        return (
            f"Orders with a promotion {verb} from {write(before, 'share')} in {first['year']} to "
            f"{write(share, 'share')} in {last['year']}"
        )

    def _kinds_title(self) -> str:
        rows = [row for row in self.rows("kinds") if row["promotion"] != NONE and row["order_share"] is not None]
        if not rows:
            return "Too few customers to tell how much each kind of promotion was used"
        top = max(rows, key=lambda row: (row["order_share"], row["promotion"]))
        return f"'{top['promotion']}' was used most: on {write(top['order_share'], 'share')} of the orders"

    def _responses_title(self) -> str:
        rows = [row for row in self.rows("responses") if row["customer_share"] is not None]
        if not rows:
            return "Too few customers to tell how they respond to promotions"
        top = max(rows, key=lambda row: (row["customer_share"], row["response"]))
        return f"{write(top['customer_share'], 'share')} of the buyers {_DONE[top['response']]}"

    def _returns_title(self) -> str:
        rows = [row for row in self.rows("returns") if row["differs"]]
        if not rows:
            return "Customers won with and without a promotion come back alike, as far as can be told"
        last = max(rows, key=lambda row: (row["within_days"], abs(row["difference"]), row["won_with"]))
        word = "more" if last["difference"] > 0 else "less"
        return f"Customers won with '{last['won_with']}' come back {word} often than those won without"

    def actions(self, findings: Sequence[Finding]) -> list[Action]:
        """What to do, and how to learn what it brings."""
        keys: Mapping[str, Finding] = {finding.key: finding for finding in findings}
        found = []
        if "promotions.one_time_responders" in keys:
            found.append(
                Action(
                    "promotions.second_order",
                    "Write to those won with a promotion who have not come back: a reason for a second order other "
                    "than price, to one half drawn by lot.",
                    "Whether they stay without a promotion is not known yet, and the other half will show it.",
                    "one_time_responders", "promotions.one_time_responders",
                )
            )  # fmt: skip
        if "promotions.deal_seekers" in keys:
            found.append(
                Action(
                    "promotions.smaller_offers",
                    "Try a smaller offer, or none, on a part of the deal-seekers drawn by lot.",
                    "They have never bought at full price, and only a trial tells what a smaller offer would lose.",
                    "deal_seekers", "promotions.deal_seekers",
                )
            )  # fmt: skip
        return found

    def caveats(self) -> list[Caveat]:
        """What must be known first."""
        found = [
            Caveat(
                "All of this is observed: nobody was drawn by lot, so that orders with a promotion differ from those "
                "without in more than the promotion."
            )
        ]
        if not self.margin:
            found.append(Caveat("No margin is known: set [promotions] margin_share, or map the products' cost."))
        return found
