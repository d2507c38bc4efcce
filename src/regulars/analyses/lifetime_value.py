"""Lifetime value: what each customer is worth from here on, how that is spread, and which valuable ones slip away."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from regulars.core.analysis import Analysis, Feature, Needs
from regulars.core.result import Audience, Caveat
from regulars.errors import DataError, SettingsError
from regulars.measures import (
    btyd_cells,
    dimensions,
    holdout,
    sampling,
    validation_tables,
    value_lists,
    value_tables,
    value_words,
)  # fmt: skip
from regulars.methods.breakdown import Figure, break_down

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import ibis.expr.types as ir
    import pyarrow as pa

    from regulars.core.dataset import Dataset
    from regulars.core.result import Finding, Result, Table
    from regulars.models.cells import Cells, SpendCells
    from regulars.models.customer_value import ValueModel
    from regulars.models.value_intervals import Customers
    from regulars.models.value_prediction import Judged, Learnt

_FEATURES = (
    Feature("active_probability", "share", "probability of still being a customer", "model of repeat orders"),
    Feature("expected_orders", "", "visits expected over the horizon", "model of repeat orders, or the rule that won"),
    Feature(
        "expected_value", "money", "present value expected over the horizon, after margin and discount",
        "discounted visits × spend per visit × margin",
    ),
    Feature(
        "silence_limit_days", "days", "silence after which the customer counts as gone",
        "first day on which the probability of being active is under the stated share",
    ),
)  # fmt: skip
_SCORES = ("active_probability", "expected_orders", "value_factor", "silence_limit_days")
_MOST_CELLS = 5_000_000
"""Distinct histories or means of spend that are taken in."""
_LEARNT_CUSTOMERS = 200_000
_TESTED_CUSTOMERS = 50_000
"""So many customers, by a hash of their id, are learnt from and tested on in the test on a later period."""
_TOTAL_CUSTOMERS = 5_000
_LISTED = 1_000
_NEW_MONTHS = 36


@dataclass(frozen=True)
class LifetimeValue(Analysis):
    """Expected orders and value of every customer, tested on a later period beside the simplest rules.

    Args:
        horizon_days: How far ahead value is counted.
        margin_share: What remains of revenue after its cost, 0-1; 1 values revenue.
        yearly_discount_share: Discount rate per year; 0.1 makes 110 in a year worth 100 today.
        test_days: Length of the later period for the test; 0: a third of the history, at most the horizon.
        gone_below_share: A customer counts as gone when the probability of being active is under this.
        top_share: Share of the customers on the list of the most valuable.
    """

    title = "Lifetime value"
    question = "Who are the most valuable customers, now and over the next year, and which of them slip away?"
    chapter = "value"
    order = 10
    needs = Needs(
        summaries={"customer_days"},
        customers={
            "visit_day_count",
            "active_days",
            "tenure_days",
            "recency_days",
            "first_ordered_on",
            "revenue_total",
        },
    )
    provides = _FEATURES

    horizon_days: int = 365
    margin_share: float = 1.0
    yearly_discount_share: float = 0.10
    test_days: int = 0
    gone_below_share: float = 0.5
    top_share: float = 0.1

    def __post_init__(self) -> None:
        shares = {"margin_share": self.margin_share, "top_share": self.top_share}
        for name, share in shares.items():
            if not 0 < share <= 1:
                raise SettingsError(
                    f"[lifetime_value] {name} = {share} is refused", mend="use a share above 0, up to 1"
                )
        if not 0 < self.gone_below_share < 1:
            raise SettingsError(
                f"[lifetime_value] gone_below_share = {self.gone_below_share} is refused", mend="use 0.5, say"
            )
        if self.yearly_discount_share < 0:
            raise SettingsError("[lifetime_value] yearly_discount_share is below 0", mend="use 0.1 for 10 %")
        if self.horizon_days < 1 or self.test_days < 0:
            raise SettingsError(
                "[lifetime_value] horizon_days or test_days is no length of time", mend="use whole days"
            )

    def provide(self, data: Dataset) -> ir.Table:
        """The customer view with what is expected of each customer; null for those who never bought."""
        worth = _worth(self, data)
        _PROVIDED[data] = self
        return _with_values(self, data, data.customers, worth)

    def run(self, data: Dataset) -> Result:
        """Value per customer and in total, its spread, by group and cohort, the test, and two audiences."""
        worth = _worth(self, data)
        if worth is None:
            raise DataError("there is no customer with an order", table="customers", mend="check the mapping of orders")
        names = [one.name for one in _FEATURES]
        view = data.customers
        if _PROVIDED.get(data) != self or not set(names) <= set(view.columns):
            bare = view.drop(*[name for name in names if name in view.columns])
            view = data.persist(_with_values(self, data, bare, worth), f"lifetime_value__view_{_stamp(data)}")
        return _Story(self, data, worth, view.filter(view.visit_day_count > 0)).tell()


# -- learning -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Worth:
    """What is known of orders and value: learnt from all the data, and judged on a later period."""

    learnt: Learnt
    judged: Judged | None
    split: date | None
    cells: Cells
    order_winner: str
    value_winner: str
    order_query: ir.Table
    test_query: ir.Table | None


_LEARNT: weakref.WeakKeyDictionary[Dataset, dict[LifetimeValue, _Worth | None]] = weakref.WeakKeyDictionary()
"""`provide` and `run` of the same settings share what was learnt."""
_PROVIDED: weakref.WeakKeyDictionary[Dataset, LifetimeValue] = weakref.WeakKeyDictionary()


def _worth(settings: LifetimeValue, data: Dataset) -> _Worth | None:
    """What was learnt, once per Dataset and settings; None where nobody has bought."""
    known = _LEARNT.setdefault(data, {})
    if settings not in known:
        known[settings] = _learn_and_judge(settings, data)
    return known[settings]


def _learn_and_judge(settings: LifetimeValue, data: Dataset) -> _Worth | None:
    from regulars.models.value_prediction import PAST_RATE, learn

    buyers = btyd_cells.buyers(data.customers)
    query = btyd_cells.order_cells(buyers)
    rows = data.collect(query, _MOST_CELLS)
    if not rows.num_rows or data.as_of is None:
        return None
    cells, repeat_spend = _cells(rows)
    tested = _test(settings, data, cells)
    judged, split, early, test_query = tested if tested else (None, None, None, None)
    model = early.order_model if early else ""
    learnt = learn(cells, repeat_spend, _spend_cells(data, buyers, cells.customer_count), model)
    if early and model:
        learnt = replace(learnt, notes=early.notes)  # they say why this model was chosen
    winners = (judged.orders.winner, judged.value.winner) if judged else (PAST_RATE, PAST_RATE)
    order_winner = learnt.order_model if winners[0] == model and model else winners[0]
    value_winner = winners[1]
    if judged and value_winner == judged.value.model and " × " in value_winner:
        value_winner = learnt.value_model or PAST_RATE
    return _Worth(learnt, judged, split, cells, order_winner or PAST_RATE, value_winner, query, test_query)


def _cells(rows: pa.Table) -> tuple[Cells, Any]:
    from regulars.models.cells import Cells

    visits, active, tenure, customers = (rows[name].to_numpy() for name in (*btyd_cells.KEYS, "customers"))
    return Cells(visits - 1, active, tenure, customers, "day"), rows["repeat_spend"].to_numpy()


def _spend_cells(data: Dataset, buyers: ir.Table, customers: int) -> SpendCells | None:
    from regulars.models.cells import SpendCells

    query = btyd_cells.spend_cells(buyers, is_exact=customers <= btyd_cells.EXACT_SPEND_CUSTOMERS)
    rows = data.collect(query, _MOST_CELLS)
    if not rows.num_rows:
        return None
    return SpendCells(*(rows[name].to_numpy() for name in ("visits", "mean_spend", "customers")))


def _test(settings: LifetimeValue, data: Dataset, cells: Cells) -> tuple[Judged, date, Learnt, ir.Table] | None:
    """Learnt on the earlier part, judged on the later; None where the history is too short or too small."""
    from datetime import timedelta

    from regulars.models.cells import check_history
    from regulars.models.value_prediction import judge, learn

    assert data.as_of is not None  # noqa: S101  seen to before
    first = data.as_of - timedelta(days=int(cells.age.max()))
    split = holdout.split_day(first, data.as_of, settings.horizon_days, settings.test_days)
    if split is None:
        return None
    name = f"lifetime_value__past_{_stamp(data)}"
    ids = data.customers.filter(data.customers.visit_day_count > 0).select("customer_key", "customer_id")
    learners, days = sampling.sample(ids, _LEARNT_CUSTOMERS / cells.customer_count), data.customer_days
    if cells.customer_count > _LEARNT_CUSTOMERS:
        days = days.semi_join(learners, "customer_key")
    query = holdout.histories(days, split, data.as_of)
    past = btyd_cells.buyers(data.persist(query, name))
    rows = data.collect(btyd_cells.order_cells(past), _MOST_CELLS)
    if not rows.num_rows:
        return None
    early, repeat_spend = _cells(rows)
    learnt = learn(early, repeat_spend, _spend_cells(data, past, early.customer_count))
    chosen = sampling.sample(ids, _TESTED_CUSTOMERS / cells.customer_count).drop("customer_id")
    seen = data.collect(past.join(chosen, "customer_key").order_by("customer_key"), 2 * _TESTED_CUSTOMERS)
    data.engine.drop(name)
    if seen.num_rows < data.min_customers:
        return None
    visits, active, tenure, mean, later, revenue = (
        seen[column].to_numpy().astype(float)
        for column in (*btyd_cells.KEYS, "mean_spend", "later_visits", "later_revenue")
    )
    history = check_history(visits - 1, active, tenure)
    horizon = float((data.as_of - split).days)
    judged = judge(learnt, history, mean, later, revenue, horizon, seed=data.seed)
    return (judged, split, learnt, query) if judged else None


def _stamp(data: Dataset) -> str:
    """Keeps tables of different days apart in one engine."""
    return f"{data.as_of:%Y%m%d}"


def _with_values(settings: LifetimeValue, data: Dataset, view: ir.Table, worth: _Worth | None) -> ir.Table:
    """The customers with the features; scores of distinct histories are joined, spend is an expression."""
    import ibis

    if worth is None:
        return view.mutate(**{one.name: ibis.null("float64") for one in _FEATURES})
    scores = data.bring(_scores(settings, worth), f"lifetime_value__scores_{_stamp(data)}")
    joined = btyd_cells.with_scores(view, scores, _SCORES)
    visits = joined.visit_day_count
    mean = ibis.greatest((joined.revenue_total.fill_null(0.0) / visits.nullif(0)).round(6), ibis.literal(0.0))
    spend = _spend(worth, visits, mean)
    value = (joined.value_factor * spend * settings.margin_share).round(4)
    bought = visits > 0
    return joined.mutate(expected_value=ibis.ifelse(bought, value, ibis.null("float64"))).drop("value_factor")


def _spend(worth: _Worth, visits: ir.Value, mean: ir.Value) -> ir.Value:
    from regulars.models.value_prediction import PAST_RATE

    if worth.value_winner == PAST_RATE:
        return mean
    fit = worth.learnt.spend_fit
    if worth.value_winner != worth.learnt.value_model or fit is None:
        import ibis

        return ibis.literal(1.0)
    return btyd_cells.spend_by_visit(visits, mean, *fit.values)


def _scores(settings: LifetimeValue, worth: _Worth) -> pa.Table:
    """One row per distinct history: the three keys and its scores."""
    import pyarrow as pa

    from regulars.models.value_prediction import score_histories

    cells = worth.cells
    scores = score_histories(
        worth.learnt,
        cells,
        (worth.order_winner, worth.value_winner),
        float(settings.horizon_days),
        settings.yearly_discount_share,
        settings.gone_below_share,
    )
    keys = (cells.orders + 1, cells.recency, cells.age)
    return pa.table(
        {name: pa.array(key.astype("int64")) for name, key in zip(btyd_cells.KEYS, keys, strict=True)}
        | {name: pa.array(values, from_pandas=True) for name, values in scores.items()}
    )


# -- telling ------------------------------------------------------------------------------------------


class _Story:
    """Tables, charts, findings and audiences from the valued customers."""

    def __init__(self, settings: LifetimeValue, data: Dataset, worth: _Worth, valued: ir.Table) -> None:
        self.settings, self.data, self.worth, self.valued = settings, data, worth, valued
        self.horizon = settings.horizon_days
        self.count = worth.cells.customer_count
        self.features = {**data.features, **{one.name: one for one in _FEATURES}}
        self.words = value_words.Words(
            data.currency, settings.horizon_days, settings.margin_share, settings.yearly_discount_share,
            settings.gone_below_share, settings.top_share, worth.value_winner,
        )  # fmt: skip
        self.tests = (worth.order_query,) if worth.test_query is None else (worth.test_query,)
        sums = valued.aggregate(
            revenue=valued.revenue_total.fill_null(0.0).sum().round(4),
            expected=valued.expected_value.sum().round(4),
            value_cut=valued.expected_value.quantile(1 - settings.top_share),
            past_cut=valued.revenue_total.fill_null(0.0).quantile(1 - settings.top_share),
        )
        self.sums: dict[str, float] = data.collect(sums, 1).to_pylist()[0]

    def tell(self) -> Result:
        """The Result."""
        spreads, spread_queries = self._spreads()
        tables = [value_tables.pareto_table(spreads, spread_queries)] if spreads else []
        groups = self._groups()
        tables += [groups, self._new_customers(), *self._judged(), self._top()]
        tables.append(value_tables.every_customer(self.valued, self.features))
        slipping = value_lists.slipping(self.valued, self.sums["past_cut"] or 0.0, self.data.currency)
        best = value_lists.most_valuable(self.valued, self.sums["value_cut"] or 0.0, self.data.currency)
        slipped = self.data.collect(
            slipping.aggregate(n=slipping.count(), revenue=slipping.score.sum().round(4)), 1
        ).to_pylist()[0]
        findings = self._findings(spreads, slipped)
        return self.settings.result(
            tables=tuple(tables),
            charts=tuple(self.words.charts(spreads, self.worth.judged)),
            findings=tuple(findings),
            actions=self.words.actions(findings),
            audiences=(
                Audience("top_value", "The most valuable customers of the year to come", best,
                         "They are expected to bring the most; look after them, no discount is needed."),
                Audience("valuable_slipping", "Valuable customers who slip away", slipping,
                         "They brought much, and their silence is longer than their own rhythm explains."),
            ),
            caveats=tuple(self._caveats()),
            definitions=self.words.definitions(),
            model=self.worth.learnt.order_fit,
        )  # fmt: skip

    # -- tables

    def _spreads(self) -> tuple[dict[str, Any], tuple[ir.Table, ...]]:
        from regulars.models.concentration import concentrate

        spreads, queries = {}, []
        for name, column, total in (
            ("revenue_share", "revenue_total", self.sums["revenue"]),
            ("expected_share", "expected_value", self.sums["expected"]),
        ):
            if (total or 0.0) > 0:
                query = value_tables.value_steps(self.valued, column, self.count)
                rows = self.data.collect(query, 1_000_000)
                spreads[name] = concentrate(rows["customers"].to_numpy(), rows["total"].to_numpy())
                queries.append(query)
        return spreads, tuple(queries)

    def _groups(self) -> Table:
        """What customers brought and are expected to bring, by every dimension of customers that the data have."""
        figures = [
            Figure("mean_revenue", "money", "Brought so far, a customer.", lambda t: t.revenue_total, total="revenue"),
            Figure(
                "mean_expected_value", "money", f"Expected over the next {self.horizon} days, per customer.",
                lambda t: t.expected_value, total="expected_value",
            ),
            Figure("mean_expected_orders", "", "Expected orders per customer.", lambda t: t.expected_orders),
            Figure(
                "mean_active_probability", "share", "Probability of still being a customer, on average.",
                lambda t: t.active_probability,
            ),
        ]  # fmt: skip
        by = dimensions.available(self.data, "customer")
        return break_down(
            self.data, self.valued, by, figures, name="by_group", title="Value by group", cluster=None,
            note="Intervals tell how much customers of a group differ; the uncertainty of the model is in the total.",
        ).table  # fmt: skip

    def _new_customers(self) -> Table:
        """Customers by the month of their first order, the newest last."""
        from regulars.models import intervals

        query = value_tables.by_group(self.valued, value_tables.first_month(self.valued))
        query = query.order_by(query.group.desc()).limit(_NEW_MONTHS)
        rows = self.data.collect(query).to_pylist()[::-1]
        total, squares, counts = (
            [row[column] for row in rows] for column in ("expected_value", "expected_value_squares", "customers")
        )
        low, high = intervals.mean_interval(total, squares, counts)
        ends = (low.tolist(), high.tolist())
        return value_tables.new_customers(rows, ends, query, self.data.min_customers, self.horizon)

    def _judged(self) -> list[Table]:
        judged = self.worth.judged
        tables = []
        if judged:
            told: Mapping[str, Any] = {"orders": judged.orders, "revenue": judged.value}
            tables = [
                validation_tables.scores("validation", "The test on a later period", told, self.tests),
                validation_tables.calibration(
                    "calibration_orders", "Orders foretold and come", judged.orders, "orders", self.tests
                ),
                validation_tables.calibration(
                    "calibration_value", "Revenue foretold and come", judged.value, "money", self.tests
                ),
            ]
        fits = [fit for fit in (self.worth.learnt.order_fit, self.worth.learnt.spend_fit) if fit is not None]
        return [*tables, value_tables.parameters(fits, self.worth.order_query)] if fits else tables

    def _top(self) -> Table:
        """The most valuable customers, with an interval for what each will bring."""
        from regulars.models.value_intervals import customer_intervals

        query = self.valued.order_by(self.valued.expected_value.desc(), self.valued.customer_key).limit(_LISTED)
        rows = self.data.collect(query.select(*dict.fromkeys((*value_tables.LISTED, *btyd_cells.KEYS))))
        value = rows["expected_value"].to_numpy()
        model, ends = self._model(), None
        if model is not None:
            ends = customer_intervals(model, _histories(rows), value, self.data.seed)
        return value_tables.top_customers(rows, ends, self.features, self.horizon, query)

    def _model(self) -> ValueModel | None:
        from regulars.models.value_intervals import value_model

        s = self.settings
        return value_model(
            self.worth.learnt, self.worth.value_winner, float(s.horizon_days), s.margin_share, s.yearly_discount_share
        )

    def _total_interval(self, total: float) -> tuple[float, float] | None:
        """Of a model: parameters and chance, on a sample of the customers. Of a rule: the chance seen in the test."""
        from regulars.models.value_intervals import scaled_interval, total_interval

        model = self._model()
        if model is None:
            judged = self.worth.judged
            return scaled_interval(total, judged.value, judged.value.winner) if judged else None
        chosen = sampling.sample(self.valued, _TOTAL_CUSTOMERS / self.count).order_by("customer_key")
        rows = self.data.collect(chosen.select(*btyd_cells.KEYS, "revenue_total"), 2 * _TOTAL_CUSTOMERS)
        return total_interval(model, _histories(rows), self.count, total, self.data.seed)

    def _findings(self, spreads: Mapping[str, Any], slipped: Mapping[str, Any]) -> list[Finding]:
        """Only where there are customers enough; what is foretold only where it was tested."""
        found, total, judged = [], self.sums["expected"] or 0.0, self.worth.judged
        if self.count >= self.data.min_customers:
            if judged and self.worth.split and self.data.as_of and total > 0:
                validated = validation_tables.words(judged.value, self.worth.split, self.data.as_of)
                interval = self._total_interval(total)
                found.append(self.words.total(self.count, total, interval, judged.value, validated))
            if "revenue_share" in spreads:
                found.append(self.words.concentrated(spreads["revenue_share"]))
        if int(slipped["n"] or 0) >= self.data.min_customers:
            found.append(self.words.slipped(int(slipped["n"]), slipped["revenue"]))
        return found

    def _caveats(self) -> list[Caveat]:
        worth = self.worth
        tested = (self.data.as_of - worth.split).days if worth.judged and worth.split and self.data.as_of else 0
        found = [*(Caveat(note) for note in worth.learnt.notes), *self.words.caveats(worth.judged, tested)]
        if worth.learnt.order_fit is None:
            found.append(Caveat("Without a model of orders the probability of being active cannot be told.", "warning"))
        return found


def _histories(rows: pa.Table) -> Customers:
    from regulars.models.value_intervals import Customers

    columns = {name: rows[name].fill_null(0).to_numpy().astype(float) for name in (*btyd_cells.KEYS, "revenue_total")}
    return Customers(*columns.values())
