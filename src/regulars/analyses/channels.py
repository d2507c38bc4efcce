"""Channels: where and how people buy, how that changes, where it is not known, and what follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import regulars.measures.channels as measures
from regulars.core.analysis import Analysis, Needs
from regulars.core.chart import Chart
from regulars.core.result import Caveat, Evidence, Finding
from regulars.core.units import write, write_interval
from regulars.errors import DataError, SettingsError
from regulars.measures import dimensions as dims
from regulars.measures.tables import Columns
from regulars.measures.time import month_of_number
from regulars.methods import channel_words as words
from regulars.methods.breakdown import Figure, break_down
from regulars.methods.missing_periods import Break, find_breaks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import ibis.expr.types as ir

    from regulars.core.dataset import Dataset
    from regulars.core.result import Result, Table
    from regulars.methods.breakdown import BreakDown

_WHERE = ("channel", "platform", "os", "os_of_model", "store", "payment_method")
_OF_DEVICE = ("platform", "os", "os_of_model")
_NEVER_LOST = ("payment_kind", "os_of_model")
"""Made by words in a name: a name that says nothing is not lost."""
_LABELS = 8
_MOST_LABELS = 5_000
_MOST_ROWS = 100_000
_KEPT = ("order_id", "customer_key", "ordered_at", "revenue", "is_sale", "device_id", "payment_method", "status_id")
_NEW_SHARE = 0.01


@dataclass(frozen=True)
class Channels(Analysis):
    """Device, platform, channel, store and payment: shares by year and month, unknowns, value, retention and moves.

    Args:
        return_days: A customer comes back by a sale on a later day within so many days of the first.
    """

    title = "Channels, devices and payment"
    question = "Where and how do people buy, how does that change, and what follows from it?"
    chapter = "time and place"
    order = 40
    needs = Needs(summaries={"customer_days"})

    return_days: int = 90

    def __post_init__(self) -> None:
        if self.return_days < 1:
            raise SettingsError("[channels] return_days is out of range", mend="use whole days")

    def is_moot(self, data: Dataset) -> bool:
        """Where no order says where or how, the question does not arise."""
        return not data.summaries.missing("orders") and not _where(data)

    def run(self, data: Dataset) -> Result:
        """Shares, unknowns, value by the first order, and moves."""
        where = _where(data)
        if not where or data.as_of is None:
            raise DataError(
                "no order says where or how it was placed", table="orders",
                mend="map channel, store_id, payment_method or device_id",
            )  # fmt: skip
        return _Study(self, data, where).tell()


def _where(data: Dataset) -> list[dims.Dimension]:
    """The dimensions that are known of some order."""
    return [one for one in dims.available(data, "order") if one.name in _WHERE]


class _Study:
    """The attempts with their labels, and what is asked of them."""

    def __init__(self, settings: Channels, data: Dataset, where: Sequence[dims.Dimension]) -> None:
        self.settings, self.data = settings, data
        orders = data.orders
        rows = orders.select(*[name for name in _KEPT if name in orders.columns], **(
            {"channel": orders.channel} if "channel" in orders.columns else {}
        ), **({"store_id": orders.store_id} if "store_id" in orders.columns else {}))  # fmt: skip
        for dimension in where:
            rows = dims.labelled(data, rows, dimension, f"by_{dimension.name}")
        self.titles = {one.name: one.title for one in where}
        if "payment_method" in rows.columns:
            rows = measures.with_payment_kind(rows).rename(by_payment_kind="payment_kind")
            self.titles["payment_kind"] = "kind of payment"
        self.attempts = data.persist(rows, f"channels__attempts_{data.as_of:%Y%m%d}")
        self.sales = self.attempts.filter(self.attempts.is_sale)
        self.labels = {name: self._counts(name) for name in self.titles}
        if not any(self.labels.values()):
            raise DataError("there is no sale", table="orders", mend="check the mapping of orders and statuses")

    def _counts(self, name: str) -> list[dict[str, Any]]:
        query = measures.label_counts(self.sales, f"by_{name}")
        rows: list[dict[str, Any]] = self.data.collect(query, _MOST_LABELS).to_pylist()
        return sorted(rows, key=lambda row: (-row["orders"], row["label"]))

    def _kept(self, name: str) -> list[str]:
        return [row["label"] for row in self.labels[name][:_LABELS]]

    def tell(self) -> Result:
        """The Result."""
        months = {name: self._by_month(name) for name in self.titles}
        years = self._by_year()
        money = self._money()
        breaks = {name: self._breaks(name) for name in self.titles if name not in _NEVER_LOST}
        tables = [
            self._spans(), years, *months.values(), *([money.table] if money else []), self._value().table,
            *self._moves(),
            *self._unknowns({name: one for name, (one, _) in breaks.items()}, [query for _, query in breaks.values()]),
        ]  # fmt: skip
        findings = [
            *words.shares(tables[0], years, self.titles, self.data.min_customers), *self._new(months),
            *words.changed(years, self.titles, self.data.min_customers), *self._lost(breaks), *self._returns(tables),
        ]  # fmt: skip
        return self.settings.result(
            tables=tuple(tables), charts=tuple(self._charts(months, tables)), findings=tuple(findings),
            caveats=(Caveat("Where people buy is their own choice: customers of channels differ in more than that."),),
            definitions=_DEFINITIONS,
        )  # fmt: skip

    # -- shares -----------------------------------------------------------------------------------------

    def _spans(self) -> Table:
        rows = [(name, row) for name, found in self.labels.items() for row in found[:_LABELS]]
        totals = {name: sum(row["orders"] for row in found) for name, found in self.labels.items()}
        columns = Columns()
        columns.add("dimension", [name for name, _ in rows], "name")
        columns.add("label", [row["label"] for _, row in rows], "text")
        columns.add("orders", [row["orders"] for _, row in rows], "orders", "Sales.")
        columns.add("order_share", [row["orders"] / totals[name] for name, row in rows], "share", "Of all sales.")
        columns.add("customers", [row["customers"] for _, row in rows], "customers")
        columns.add("first_on", [row["first_on"] for _, row in rows], "date", "First sale.")
        columns.add("last_on", [row["last_on"] for _, row in rows], "date", "Last sale.")
        queries = tuple(measures.label_counts(self.sales, f"by_{name}") for name in self.titles)
        return columns.table(
            "labels", "Where and how people buy", source=queries, dimensions=("dimension", "label"),
            measures=("orders",),
        )  # fmt: skip

    def _by_month(self, name: str) -> Table:
        """Share of each label by month, with intervals."""
        from regulars.models import intervals

        kept = self._kept(name)
        query = measures.by_month(measures.folded(self.sales, f"by_{name}", kept), f"by_{name}")
        query = query.mutate(month=month_of_number(query.number))
        rows = self.data.collect(query, _MOST_ROWS).to_pylist()
        totals: dict[int, int] = {}
        for row in rows:
            totals[row["number"]] = totals.get(row["number"], 0) + row["orders"]
        rank = {label: place for place, label in enumerate([*kept, measures.OTHERS])}
        rows.sort(key=lambda row: (row["number"], rank[row["label"]]))
        whole = [totals[row["number"]] for row in rows]
        fine = [count >= self.data.min_customers for count in whole]
        low, high = intervals.share_interval([row["orders"] for row in rows], whole)
        columns = Columns()
        columns.add("month", [row["month"] for row in rows], "month")
        columns.add("label", [row["label"] for row in rows], "text")
        columns.add("orders", [row["orders"] for row in rows], "orders", "Sales.")
        share = [row["orders"] / count if ok else None for row, count, ok in zip(rows, whole, fine, strict=True)]
        columns.add("order_share", share, "share", "Of the sales of the month.")
        told = ([float(one) if ok else None for one, ok in zip(end, fine, strict=True)] for end in (low, high))
        columns.add_interval("order_share", next(told), next(told), "share")
        return columns.table(
            f"by_month_{name}", f"By month: {self.titles[name]}", source=(query,), dimensions=("month", "label"),
            measures=("orders",), is_shown=False,
        )  # fmt: skip

    def _by_year(self) -> Table:
        """Share of each label by year, and whether the year differs from the others beyond chance."""
        found: list[tuple[str, str, dict[str, Any], str]] = []
        sources: list[Any] = []
        for name in self.titles:
            kept = self._kept(name)
            figures = [
                Figure(f"label_{place}", "share", label, _is(f"by_{name}", label), is_proportion=True)
                for place, label in enumerate(kept)
            ]
            broken = break_down(
                self.data, self.sales, [dims.find("year")], figures, name="y", title="y", counts="orders"
            )
            sources += broken.table.source
            found += [
                (name, label, row, f"label_{place}") for place, label in enumerate(kept) for row in broken.rows("year")
            ]
        columns = Columns()
        columns.add("dimension", [name for name, _, _, _ in found], "name")
        columns.add("label", [label for _, label, _, _ in found], "text")
        columns.add("year", [row["group"] for _, _, row, _ in found], "text")
        columns.add("year_orders", [row["orders"] for _, _, row, _ in found], "orders", "All sales of the year.")
        columns.add("order_share", [row[key] for _, _, row, key in found], "share", "Of the sales of the year.")
        ends = ([row[f"{key}_{end}"] for _, _, row, key in found] for end in ("low", "high"))
        columns.add_interval("order_share", next(ends), next(ends), "share")
        columns.add(
            "differs", [row[f"{key}_differs"] for _, _, row, key in found], "",
            "Against the other years together: 1 above, −1 below, 0 not beyond chance.",
        )  # fmt: skip
        return columns.table(
            "by_year", "Shares by year", source=tuple(sources), dimensions=("dimension", "label", "year"),
            note="Differences are corrected for their number within each dimension (false discoveries under 5 %).",
        )  # fmt: skip

    # -- value, return, moves ---------------------------------------------------------------------------

    def _made(self) -> list[dims.Dimension]:
        return [dims.made(f"by_{name}", title) for name, title in self.titles.items()]

    def _money(self) -> BreakDown | None:
        if "revenue" not in self.sales.columns:
            return None
        figures = [Figure("revenue_per_order", "money", "Revenue ÷ sales.", lambda r: r.revenue, total="revenue")]
        return break_down(
            self.data, self.sales, self._made(), figures, name="money", title="What an order brings, by where and how",
            counts="orders",
        )  # fmt: skip

    def _value(self) -> BreakDown:
        """What follows a first order, by where and how it was placed."""
        assert self.data.as_of is not None  # noqa: S101  seen to before
        days = self.settings.return_days
        each = measures.firsts(
            self.sales, [f"by_{name}" for name in self.titles], self.data.customer_days, self.data.as_of, days
        )
        figures = [
            Figure("return_share", "share", f"Another sale on a later day within {days} days.", lambda r: r.is_back,
                   lambda r: r.is_whole, is_proportion=True),
            Figure("orders_per_customer", "ratio", "Sales ÷ customers.", lambda r: r.orders),
        ]  # fmt: skip
        if "revenue" in self.sales.columns:
            figures.append(Figure("revenue_per_customer", "money", "Revenue ÷ customers.", lambda r: r.revenue))
        return break_down(
            self.data, each, self._made(), figures, name="by_first_order", cluster=None,
            title="What follows a first order, by where and how it was placed",
        )  # fmt: skip

    def _moves(self) -> list[Table]:
        """From one sale of a customer to the next."""
        found = []
        for name in self.titles:
            if len(self.labels[name]) < 2 or name == "payment_kind":
                continue
            query = measures.moves(measures.folded(self.sales, f"by_{name}", self._kept(name)), f"by_{name}")
            rows = sorted(
                self.data.collect(query, _MOST_ROWS).to_pylist(), key=lambda row: (row["before"], row["after"])
            )
            totals: dict[str, int] = {}
            for row in rows:
                totals[row["before"]] = totals.get(row["before"], 0) + row["orders"]
            least = self.data.min_customers
            columns = Columns()
            columns.add("before", [row["before"] for row in rows], "text", "Of an order.")
            columns.add("after", [row["after"] for row in rows], "text", "Of the customer's next order.")
            columns.add("orders", [row["orders"] for row in rows], "orders")
            share = [row["orders"] / totals[row["before"]] if totals[row["before"]] >= least else None for row in rows]
            columns.add("move_share", share, "share", "Of the orders that follow one with that label.")
            found.append(
                columns.table(
                    f"moves_{name}", f"From one order to the next: {self.titles[name]}", source=(query,),
                    dimensions=("before", "after"), measures=("orders",),
                )
            )  # fmt: skip
        return found

    # -- where it is not known --------------------------------------------------------------------------

    def _stepped(self, name: str) -> ir.Table:
        of_device = name in _OF_DEVICE and "device_id" in self.attempts.columns
        return measures.with_step(self.attempts, f"by_{name}", of_device, self.data.tables.get("devices"))

    def _breaks(self, name: str) -> tuple[list[Break], ir.Table]:
        query = measures.missing_by_period(self._stepped(name), "week")
        return find_breaks(self.data.collect(query, _MOST_ROWS).to_pylist()), query

    def _unknowns(self, breaks: Mapping[str, Sequence[Break]], queries: Sequence[ir.Table]) -> list[Table]:
        """At which step and in which weeks labels go missing, and for whom."""
        told = [(name, one) for name, found in breaks.items() for one in found]
        columns = Columns()
        columns.add("dimension", [name for name, _ in told], "name")
        columns.add("step", [one.step for _, one in told], "text", "Where it goes missing.")
        columns.add("from", [one.first for _, one in told], "date")
        columns.add("to", [one.last for _, one in told], "date")
        columns.add("attempts", [one.attempts for _, one in told], "orders", "All attempts of these weeks.")
        columns.add("missing", [one.missing for _, one in told], "orders", "Of them, without it for that reason.")
        columns.add("missing_share", [one.missing / one.attempts for _, one in told], "share")
        columns.add("usual_share", [one.usual_share for _, one in told], "share", "In the other weeks.")
        found = [
            columns.table(
                "unknown_periods", "Weeks in which more goes missing than usual", source=tuple(queries),
                dimensions=("dimension", "step"), measures=("attempts", "missing"),
            )
        ]  # fmt: skip
        for name in breaks:
            counts = self.data.collect(self._stepped(name).step.notnull().sum().cast("int64"), 1)[0][0].as_py()
            if not counts:
                continue
            rows = self._stepped(name)
            by = [dims.find("year"), dims.find("weekday"), dims.find("hour")]
            by += [dims.made("is_sale", "became a sale"), *(
                one for one in self._made() if one.name not in (f"by_{name}", "by_payment_kind")
            )]  # fmt: skip
            figures = [
                Figure("unknown_share", "share", "Attempts without the label.", lambda r: r.step.notnull(),
                       total="unknown", is_proportion=True)
            ]  # fmt: skip
            found.append(
                break_down(
                    self.data, rows.mutate(is_sale=rows.is_sale.ifelse("yes", "no")), by, figures,
                    name=f"unknown_{name}", title=f"Where it is not known: {self.titles[name]}", counts="orders",
                ).table
            )  # fmt: skip
        return found

    # -- telling ----------------------------------------------------------------------------------------

    def _new(self, months: Mapping[str, Table]) -> list[Finding]:
        """Labels that came up within the data, and how far they got."""
        found: list[Finding] = []
        for name in self.titles:
            start = min(row["first_on"] for row in self.labels[name])
            for row in self.labels[name][:_LABELS]:
                late = (row["first_on"] - start).days > 180 and row["label"] not in (dims.UNKNOWN, measures.OTHERS)
                if not late or row["customers"] < self.data.min_customers or name in ("payment_kind", "store"):
                    continue
                months_of = [one for one in months[name].to_arrow().to_pylist() if one["label"] == row["label"]]
                last = months_of[-1]
                if last["order_share"] is None or last["order_share"] < _NEW_SHARE:
                    continue
                ends = (last["order_share_low"], last["order_share_high"])
                sentence = (
                    f"'{row['label']}' ({self.titles[name]}) is there only since {row['first_on']:%Y-%m-%d}; in "
                    f"{last['month']:%Y-%m} it had {write(last['order_share'], 'share')} "
                    f"({write_interval(*ends, 'share')}) of the sales."
                )
                found.append(
                    Finding(
                        f"channels.new_{len(found) + 1}", sentence, last["order_share"], "share", row["customers"],
                        Evidence(f"by_month_{name}", f"label = {row['label']}"), interval=ends,
                    )
                )  # fmt: skip
        return found[:3]

    def _lost(self, breaks: Mapping[str, tuple[Sequence[Break], ir.Table]]) -> list[Finding]:
        told = [(name, one) for name, (found, _) in breaks.items() for one in found]
        told = [(name, one) for name, one in told if one.missing >= self.data.min_customers]
        if not told:
            return []
        from regulars.models import intervals

        name, top = max(told, key=lambda one: (one[1].missing, one[0]))
        low, high = (float(end) for end in intervals.share_interval(top.missing, top.attempts))
        share = top.missing / top.attempts
        sentence = (
            f"From {top.first:%Y-%m-%d} to {top.last:%Y-%m-%d} the {self.titles[name]} of {write(share, 'share')} "
            f"({write_interval(low, high, 'share')}) of attempts is not known ({top.step}), against "
            f"{write(top.usual_share, 'share')} in other weeks."
        )
        return [
            Finding(
                "channels.unknown_period", sentence, share, "share", top.attempts, Evidence("unknown_periods"),
                n_unit="orders", interval=(min(low, share), max(high, share)), is_good=False,
            )
        ]  # fmt: skip

    def _returns(self, tables: Sequence[Table]) -> list[Finding]:
        rows = next(table for table in tables if table.name == "by_first_order").to_arrow().to_pylist()
        told = [row for row in rows if row["return_share_differs"] and row["group"] != dims.UNKNOWN]
        if not told:
            return []
        top = max(told, key=lambda row: (row["return_share"], row["dimension"], row["group"]))
        ends = (top["return_share_low"], top["return_share_high"])
        name = top["dimension"].removeprefix("by_")
        sentence = (
            f"Customers whose first order was by '{top['group']}' ({self.titles[name]}) came back within "
            f"{self.settings.return_days} days in {write(top['return_share'], 'share')} "
            f"({write_interval(*ends, 'share')}) of cases, which differs from the rest beyond chance."
        )
        return [
            Finding(
                "channels.return", sentence, top["return_share"], "share", top["customers"],
                Evidence("by_first_order", f"group = {top['group']}"), interval=ends,
            )
        ]  # fmt: skip

    def _months_title(self, name: str, table: Table) -> str:
        """Which label leads, and in how many of the months."""
        best: dict[Any, tuple[float, str]] = {}
        for row in table.to_arrow().to_pylist():
            if row["order_share"] is not None:
                best[row["month"]] = max(best.get(row["month"], (0.0, "")), (row["order_share"], row["label"]))
        title = f"{self.titles[name].capitalize()} of sales, month by month"
        if not best:
            return title
        leaders = [label for _, label in best.values()]
        first = max(sorted(set(leaders)), key=leaders.count)
        return f"{title}: '{first}' leads in {leaders.count(first)} of {len(leaders)} months"

    def _charts(self, months: Mapping[str, Table], tables: Sequence[Table]) -> list[Chart]:
        found = [
            Chart(
                f"by_month_{name}", self._months_title(name, months[name]),
                "Share of the month's sales, with 95 % interval", "line", f"by_month_{name}", "month", "order_share",
                colour="label", low="order_share_low", high="order_share_high",
            )
            for name in self.titles
            if name != "store" and len(self.labels[name]) > 1
        ]  # fmt: skip
        told = [table.name for table in tables if table.name.startswith("moves_") and table.to_arrow().num_rows]
        moves = next((name for name in told if name != "moves_store"), "")
        if moves:
            rows = next(table for table in tables if table.name == moves).to_arrow().to_pylist()
            same = sum(row["orders"] for row in rows if row["before"] == row["after"])
            stay = write(same / max(sum(row["orders"] for row in rows), 1), "share")
            what = self.titles[moves.removeprefix("moves_")]
            found.append(
                Chart(
                    "moves", f"{stay} of next orders stay with the same {what}",
                    "Share of the orders that follow one with the label on the left", "heatmap", moves, "after",
                    "before", colour="move_share", label="move_share",
                )
            )  # fmt: skip
        return found


def _is(column: str, value: str) -> Callable[[ir.Table], ir.Value]:
    return lambda rows: rows[column] == value


_DEFINITIONS = {
    "kind of payment": "By words in the name of the method: wallet (money kept in an app), card, cash, bank.",
    "operating system by the device's model": "By words in the model's name: iOS, Android, Windows, macOS.",
    "not known": "No device recorded; a device that the list of devices lacks; or one that is listed without it.",
    "come back": "Another sale on a later day within the days set, of customers whose days are over.",
}
