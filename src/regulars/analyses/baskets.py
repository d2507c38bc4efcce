"""Baskets: what is bought together beyond chance, and what to offer beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.result import Action, Audience, Caveat, Evidence, Finding
from regulars.core.units import write, write_count, write_interval
from regulars.errors import DataError, SettingsError
from regulars.measures import basket_tables, items

if TYPE_CHECKING:
    from collections.abc import Mapping

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.methods.itemsets import Baskets as Counts
    from regulars.methods.itemsets import Counted, ItemWords
    from regulars.models.baskets import Rules

_TOLD = 200
"""Rules in the table of the report."""
_KEPT = 10_000
"""Rules in the table of all."""
_IN_WORDS = 5
_IN_PICTURE = 40
_BY_GROUP = 8


@dataclass(frozen=True)
class Baskets(Analysis):
    """Association rules over the items of an order, beyond chance and without those that a shorter one says.

    Args:
        item: What an item is: `product_id`, or a column of the products (`category`, `brand`, a trait).
        support: Least share of all orders that hold all items of a rule.
        confidence: Least share of the orders with the antecedent that hold the consequent.
        longest: Items of a rule at most, the consequent included.
        least_orders: Least number of orders with all items of a rule, whatever their share.
        rank_by: What puts a rule first: the `orders` beyond chance, or those × the mean `revenue` or `margin` (revenue
            less cost) of the consequent on an order.
    """

    title = "Baskets"
    question = "What is bought together, beyond chance, and what should be offered beside it?"
    chapter = "products"
    order = 10
    needs = Needs(summaries={"order_items"})
    wants = Needs(customers={"segment", "rfm_segment"})

    item: str = "product_id"
    support: float = 0.001
    confidence: float = 0.1
    longest: int = 4
    least_orders: int = 10
    rank_by: Literal["orders", "revenue", "margin"] = "orders"

    def __post_init__(self) -> None:
        for name in ("support", "confidence"):
            if not 0 < getattr(self, name) <= 1:
                raise SettingsError(f"[baskets] {name} lies between 0 and 1", mend="use 0.01 for 1 %")
        if self.longest < 2 or self.least_orders < 1:
            raise SettingsError("[baskets] longest is 2 or more, least_orders 1 or more", mend="use the defaults")

    def is_moot(self, data: Dataset) -> bool:
        """Where every order is for one product, nothing is bought together."""
        if data.summaries.missing("order_items"):
            return False
        if "lines" not in data.tables:
            return True
        rows = data.summary("order_items")
        counts = data.collect(rows.aggregate(rows=rows.count(), orders=rows.order_id.nunique()), 1).to_pylist()[0]
        return bool(counts["rows"] == counts["orders"])

    def run(self, data: Dataset) -> Result:
        """Sizes of baskets, the rules, their picture, and the customers who have one half of a rule."""
        from regulars.methods.itemsets import baskets_of, count_itemsets, item_words
        from regulars.models import baskets as model

        if self.item != "product_id" and self.item not in data.table("products").columns:
            raise DataError(f"the products have no column '{self.item}'", table="products", mend=f"map {self.item}")
        counts = baskets_of(data, self.item)
        order_items = data.summary("order_items")
        size_query = items.sizes(order_items).order_by("items")
        sizes = data.collect(size_query).to_pylist()
        large = int(data.collect(items.large_baskets(counts.order_items, counts.counted).count())[0][0].as_py())
        basket_count = sum(row["orders"] for row in sizes) - large
        if not basket_count:
            raise DataError("no order holds an item", table="lines", mend="check product_id and quantity")
        least = max(model.least_count(self.support, basket_count), self.least_orders)
        counted = count_itemsets(data, counts, least, self.longest)
        rules = model.find_rules(counted.levels, basket_count, self.confidence)
        words = item_words(data, counts, self.item)
        rules = rules.take(model.in_order(rules, self._worth(words)))
        return _Story(self, data, counts, counted, rules, words, sizes, size_query, large).tell()

    def _worth(self, words: ItemWords) -> Mapping[int, float] | None:
        """What an order beyond chance is worth by consequent, by which rules are put in order; None: each the same."""
        if self.rank_by == "orders":
            return None
        worth = words.values if self.rank_by == "revenue" else words.margins
        if worth:
            return worth
        if self.rank_by == "margin" and words.values:
            raise DataError(
                "[baskets] rank_by = 'margin' needs the cost of the products", table="products", column="cost",
                mend="map cost under [tables.products], and leave item = 'product_id'",
            )  # fmt: skip
        raise DataError(
            f"[baskets] rank_by = '{self.rank_by}' needs the money of the order lines", table="lines", column="paid",
            mend="map paid or amount under [tables.lines]",
        )  # fmt: skip


class _Story:
    """Tables, findings and lists from the rules."""

    def __init__(
        self, settings: Baskets, data: Dataset, counts: Counts, counted: Counted, rules: Rules, words: ItemWords,
        sizes: list[dict[str, Any]], size_query: ir.Table, large: int,
    ) -> None:  # fmt: skip
        import numpy as np

        self.settings, self.data, self.counts, self.counted = settings, data, counts, counted
        self.all, self.sizes, self.size_query, self.large = rules, sizes, size_query, large
        self.words = words
        self.is_told = rules.is_beyond_chance & rules.says_more
        self.told = rules.take(np.flatnonzero(self.is_told))
        self.pairs = self._find_pairs()
        self.sources = (*counted.queries, self.words.query)
        self.has_money = "revenue" in data.summary("order_items").columns

    def tell(self) -> Result:
        """The Result."""
        import numpy as np

        values = (self.words.values if self.has_money else {}, self.words.margins)
        first_by = {"orders": "", "revenue": " × revenue of the consequent", "margin": " × margin of the consequent"}
        beyond = int(self.all.is_beyond_chance.sum())
        steps = basket_tables.steps_table(
            len(self.all), beyond, len(self.told), self.all.compared, self.counted.queries
        )  # fmt: skip
        first = self.told.take(np.arange(min(len(self.told), _TOLD)))
        some = self.all.take(np.arange(min(len(self.all), _KEPT)))
        names, ids = self.words.names, self.words.ids
        rules = basket_tables.rules_table(
            first, names, ids, *values, np.ones(len(first), dtype=bool), "rules", "What is bought together",
            source=self.sources, note=f"{len(self.told):,} rules, those with the most orders beyond chance"
            f"{first_by[self.settings.rank_by]} first.",
        )  # fmt: skip
        every = basket_tables.rules_table(
            some, names, ids, *values, self.is_told[: len(some)], "all_rules", "Every rule at these thresholds",
            source=self.sources, is_shown=False, note=f"The first {len(some):,} of {len(self.all):,}.",
        )  # fmt: skip
        tables = [basket_tables.sizes_table(self.sizes, self.size_query), steps, rules, every]
        audiences, actions, findings = [], [], self._findings()
        pairs = self.pairs
        if len(pairs):
            tables += self._network(pairs)
            groups, audience = self._by_customer(pairs)
            tables += [groups] if groups is not None else []
            audiences.append(audience)
            actions += self._actions(findings)
        return self.settings.result(
            tables=tuple(tables), charts=self._charts(tables), findings=tuple(findings), actions=tuple(actions),
            audiences=tuple(audiences), caveats=tuple(self._caveats()), definitions=_DEFINITIONS,
        )  # fmt: skip

    def _find_pairs(self) -> Rules:
        """Rules with one item on either side, each pair of items once, in its surer direction."""
        import numpy as np

        confidence = self.told.confidence
        seen: dict[frozenset[int], int] = {}
        for place, antecedent in enumerate(self.told.antecedents):
            both = frozenset((*antecedent, int(self.told.consequents[place])))
            if len(both) == 2 and (both not in seen or confidence[place] > confidence[seen[both]]):
                seen[both] = place
        return self.told.take(np.array(sorted(seen.values()), dtype=np.int64))

    def _network(self, pairs: Rules) -> list[Table]:
        from regulars.models.network_layout import spring_layout

        shown = range(min(len(pairs), _IN_PICTURE))
        ends = [(pairs.antecedents[place][0], int(pairs.consequents[place])) for place in shown]
        nodes = sorted({one for pair in ends for one in pair})
        number = {item: place for place, item in enumerate(nodes)}
        links = [
            (number[a], number[b], float(pairs.extra_baskets[place])) for place, (a, b) in zip(shown, ends, strict=True)
        ]
        places = spring_layout(len(nodes), [(a, b) for a, b, _ in links])
        single = self.counted.levels[0]
        orders = dict(zip(single.items[:, 0].tolist(), single.counts.tolist(), strict=True))
        return [basket_tables.network_table(nodes, places, links, self.words.names, orders, self.sources)]

    def _by_customer(self, pairs: Rules) -> tuple[Table | None, Audience]:
        """The top rules by group, and the customers who bought one half of a rule."""
        import pyarrow as pa

        from regulars.methods.rule_groups import rules_by_group

        count, named = min(len(pairs), _IN_PICTURE), self.words.names
        rows = {
            "rule": list(range(count)),
            "antecedent": [pairs.antecedents[place][0] for place in range(count)],
            "consequent": pairs.consequents[:count].tolist(),
            "offer": [self.words.ids[int(one)] for one in pairs.consequents[:count]],
            "reason": [
                f"bought {named[pairs.antecedents[k][0]]}, never {named[int(pairs.consequents[k])]}"
                for k in range(count)
            ],
            "score": [round(float(one), 6) for one in pairs.confidence[:count]],
        }  # fmt: skip
        rules = self.data.bring(pa.table(rows), "baskets__rules")
        names = [basket_tables.words(pairs, place, self.words.names) for place in range(count)]
        top = rules.filter(rules.rule < _BY_GROUP).select("rule", "antecedent", "consequent")
        groups = rules_by_group(self.data, self.counts.laid_out, top, names)
        keys = rules.select("rule", "antecedent", "consequent")
        lacking = items.without_consequent(self.counts.laid_out, keys).drop("antecedent", "consequent")
        lacking = lacking.inner_join(rules.drop("antecedent", "consequent"), "rule")
        view = self.data.customers.select("customer_id", "customer_key")
        members = lacking.inner_join(view, "customer_key").select("customer_id", "reason", "score", "offer")
        audience = Audience(
            "one_half", "Customers with one half of a pair", self.data.persist(members, "baskets__one_half"),
            "They bought one item of a pair that is bought together, and never the other.",
        )  # fmt: skip
        return groups, audience

    def _findings(self) -> list[Finding]:
        total = sum(row["orders"] for row in self.sizes)
        buyers = self.data.collect(self.counts.laid_out.customer_key.nunique(), 1)[0][0].as_py()
        if buyers < self.data.min_customers or total < self.data.min_customers:
            return []
        single = sum(row["orders"] for row in self.sizes if row["items"] == 1)
        found = [
            Finding(
                "baskets.single_item_orders",
                f"{write(single / total, 'share')} of {write_count(total, 'orders')} hold a single item.",
                single / total, "share", total, Evidence("sizes", "1"), n_unit="orders",
            )
        ]  # fmt: skip
        told: set[frozenset[int]] = set()
        for place in range(len(self.told)):
            both = frozenset((*self.told.antecedents[place], int(self.told.consequents[place])))
            if both in told or self.told.antecedent_counts[place] < self.data.min_customers:
                continue
            told.add(both)
            found.append(self._rule(place))
            if len(told) == _IN_WORDS:
                break
        return found

    def _rule(self, place: int) -> Finding:
        rules, names, currency = self.told, self.words.names, self.data.currency
        orders, confidence = int(rules.antecedent_counts[place]), float(rules.confidence[place])
        low, high = (float(end[place]) for end in rules.confidence_interval())
        consequent = int(rules.consequents[place])
        usual = rules.consequent_counts[place] / rules.basket_count
        extra = float(rules.extra_baskets[place])
        value = round(extra * self.words.values.get(consequent, 0.0), 4) if self.has_money else None
        worth = f", worth {write(value, 'money', currency)} of {names[consequent]}" if value else ""
        if worth and self.words.margins:
            margin = round(extra * self.words.margins.get(consequent, 0.0), 4)
            worth += f" ({write(margin, 'money', currency)} of it margin)"
        sentence = (
            f"Of {write_count(orders, 'orders')} with {basket_tables.antecedent_words(rules, place, names)}, "
            f"{write(confidence, 'share')} ({write_interval(low, high, 'share')}) also hold {names[consequent]}, "
            f"against {write(usual, 'share')} of all orders: {write_count(round(extra), 'orders')} beyond "
            f"chance{worth}."
        )
        ids = "+".join(self.words.ids[one] for one in rules.antecedents[place])
        return Finding(
            f"baskets.{ids}→{self.words.ids[consequent]}", sentence, confidence, "share", orders,
            Evidence("rules", basket_tables.words(rules, place, names)),
            interval=(min(low, confidence), max(high, confidence)), n_unit="orders", at_stake=value,
        )  # fmt: skip

    def _actions(self, findings: list[Finding]) -> list[Action]:
        rule = next((one for one in findings if one.key != "baskets.single_item_orders"), None)
        if rule is None:
            return []
        return [
            Action(
                "baskets.offer_other_half", "Offer those who bought one of two items that go together the other "
                "one; leave out some, drawn by lot, to see what the offer brings.",
                "They have shown interest in one of two items that are bought together beyond chance; whether an offer "
                "adds sales only a trial shows.", "one_half", rule.key,
            )
        ]  # fmt: skip

    def _charts(self, tables: list[Table]) -> tuple[Chart, ...]:
        have = {table.name for table in tables}
        share = next((row["orders"] for row in self.sizes if row["items"] == 1), 0)
        share /= max(sum(row["orders"] for row in self.sizes), 1)
        charts = [
            Chart(
                "sizes", f"{write(share, 'share')} of orders hold a single item", "Orders by number of different items",
                "column", "sizes", "items", "orders", x_sort="data",
            )
        ]  # fmt: skip
        if len(self.told):
            charts.append(
                Chart(
                    "scatter",
                    f"{write_count(len(self.told), 'rules')} are beyond chance; few are both frequent and sure",
                    "Share of orders with all items of a rule, and of those with the antecedent", "scatter", "rules",
                    "support", "confidence", size="extra_orders",
                )
            )  # fmt: skip
        if "network" in have:
            top = basket_tables.words(self.pairs, 0, self.words.names)
            charts.append(
                Chart(
                    "network", f"Items that share orders beyond chance; the strongest link is {top}",
                    f"The {_IN_PICTURE} strongest pairs at most; the larger the dot, the more orders hold the item",
                    "network", "network", "x", "y", size="orders", label="item", x2="x2", y2="y2",
                )
            )  # fmt: skip
        return tuple(charts)

    def _caveats(self) -> list[Caveat]:
        settings = self.settings
        found = [
            Caveat(
                "Bought together is not bought because of each other: a season, a promotion or one kind of customer "
                "may stand behind both. Orders of one customer count as independent."
            ),
            Caveat(
                f"{self.all.compared:,} possible rules were looked at; those told keep the share of false ones under "
                "5 % (Fisher's exact test, Benjamini–Hochberg over all of them), and none that a shorter one says."
            ),
        ]  # fmt: skip
        if not len(self.told):
            found.append(
                Caveat(
                    f"No two items share orders beyond chance at a support of {write(settings.support, 'share')} and a "
                    f"confidence of {write(settings.confidence, 'share')}: there are no strong rules here.", "warning",
                )
            )  # fmt: skip
        if self.large:
            found.append(
                Caveat(
                    f"{write_count(self.large, 'orders')} of more than {items.LARGEST_BASKET} items are left out: so "
                    "many pairs say little of what goes together.", "note",
                )
            )  # fmt: skip
        if self.words.item_count > items.MOST_ITEMS:
            found.append(
                Caveat(f"Of {self.words.item_count:,} items the {items.MOST_ITEMS:,} on most orders were paired.")
            )
        if self.counted.longer_least > self.counted.least:
            found.append(
                Caveat(
                    f"Rules of three and more items are counted from {self.counted.longer_least:,} orders, not "
                    f"{self.counted.least:,}, to stay within memory."
                )
            )  # fmt: skip
        return found


_DEFINITIONS: Mapping[str, str] = {
    "support": "Share of all orders that hold all items of a rule.",
    "confidence": "Of the orders with the antecedent, the share that hold the consequent too.",
    "orders beyond chance": "Orders with both, less those expected if the items had nothing to do with each other.",
    "lift": "Confidence ÷ share of the consequent in all orders. Rules are not ranked by it: it is largest where a few "
    "orders happened to agree.",
}
