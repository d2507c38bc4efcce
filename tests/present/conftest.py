from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from math import exp
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import pytest

from regulars.core.analysis import Feature, Missing
from regulars.core.chart import Chart
from regulars.core.quality import Account, CheckResult, DataQuality
from regulars.core.result import Action, Audience, Caveat, ColumnInfo, Evidence, Finding, Result, Table
from regulars.present.run_view import EarlierRun, Failed, RunView, SwitchedOff

HOSTILE = "<script>alert('x')</script>\"&"
LONG_NAME = "Deluxe " * 1500
RIGHT_TO_LEFT = "\u202eעברית"


@dataclass
class FakeEngine:
    """DuckDB through Ibis: enough of an engine to draw pages from."""

    connection: Any
    kind: str = "duckdb"
    collected: int = 0

    def collect(self, expr: Any, max_rows: int) -> pa.Table:
        rows = expr.to_pyarrow()
        assert rows.num_rows <= max_rows
        self.collected = max(self.collected, rows.num_rows)
        return rows

    def stream(self, expr: Any, rows: int) -> Iterator[pa.RecordBatch]:
        yield from expr.to_pyarrow().to_batches(max_chunksize=rows)

    def persist(self, expr: Any, name: str) -> Any:
        return self.connection.create_table(name, expr)

    def bring(self, rows: Any, name: str, schema: Any = None) -> Any:
        return self.connection.create_table(name, rows)

    def write_parquet(self, expr: Any, path: Path) -> int:
        import pyarrow.parquet as pq

        rows = expr.to_pyarrow()
        pq.write_table(rows, path)
        return int(rows.num_rows)

    def sql(self, expr: Any) -> str:
        return str(ibis.to_sql(expr, dialect="duckdb"))

    def drop(self, name: str) -> None: ...

    def close(self) -> None: ...


@pytest.fixture(scope="session")
def engine() -> FakeEngine:
    return FakeEngine(ibis.duckdb.from_connection(duckdb.connect()))


@pytest.fixture(scope="session")
def view(engine: FakeEngine) -> RunView:
    return make_view(engine)


@pytest.fixture(scope="session")
def hostile_view(engine: FakeEngine) -> RunView:
    return make_hostile_view(engine)


def make_view(engine: FakeEngine) -> RunView:
    """An invented run of a gift shop, with every kind of thing that a report shows."""
    results = (_overview(), _cohorts(), _rfm(engine), _value(engine), _experiment(), _coordinates())
    return RunView(
        run_id="2011-12-09-0001",
        dataset="Harbour Gifts",
        currency="GBP",
        as_of=date(2011, 12, 9),
        data_from=date(2010, 12, 1),
        data_to=date(2011, 12, 9),
        money="quantity × unit_price of accepted order lines; no discounts are mapped",
        results=results,
        quality=_quality(),
        features=(
            Feature("recency_days", "days", "Days since the last order.", "as_of − last order", ("orders.ordered_at",)),
            Feature("order_count", "orders", "Orders that count as a sale.", "count of orders"),
            Feature("total_amount", "money", "Money from all orders.", "sum of order amounts", ("lines.unit_price",)),
        ),
        switched_off=(
            SwitchedOff(
                "campaigns", "Campaigns", (Missing("the table 'campaigns'", "map it under [tables.campaigns]"),)
            ),
            SwitchedOff("forecast", "Forecast", (Missing("the extra 'forecast'", 'pip install "regulars[forecast]"'),)),
        ),
        failed=(Failed("baskets", "Baskets", "there are no pairs of items bought together"),),
        earlier=_earlier(results),
        settings='[dataset]\nname = "Harbour Gifts"\ncurrency = "GBP"\n\n[rfm]\nlevels = 5\n',
        versions={"regulars": "0.1.0", "duckdb": "1.5.6", "python": "3.11.7"},
        timings={"read": 3.21, "summaries": 1.6, "analyses": 2.4},
        fingerprints={"OnlineRetail.csv.gz": "sha256:9d1f0c77ab"},
        row_counts={"lines": 397_884, "orders": 18_532, "customers": 4_338},
    )


def _overview() -> Result:
    months = [date(2010, 12, 1)] + [date(2011, month, 1) for month in range(1, 13)]
    revenue = [572.7, 569.4, 447.1, 595.5, 469.2, 678.6, 661.2, 600.1, 645.3, 952.8, 1039.3, 1161.8, 518.2]
    monthly = Table(
        "monthly",
        "Revenue and orders by month",
        pa.table(
            {
                "month": months,
                "revenue": [1000 * value for value in revenue],
                "orders": [1400, 987, 998, 1321, 1149, 1555, 1393, 1331, 1281, 1756, 1929, 2657, 778],
                "is_partial": [False] * 12 + [True],
            }
        ),
        (
            ColumnInfo("month", "month"),
            ColumnInfo("revenue", "money", "Money from orders that count as a sale."),
            ColumnInfo("orders", "orders", "Orders that count as a sale."),
            ColumnInfo("is_partial", "", "The month was not over when the data end.", "partial month"),
        ),
        dimensions=("month",),
        measures=("revenue", "orders"),
        note="The last month ends with the data, on the 9th.",
    )
    kpis = Table(
        "key_figures",
        "Key figures beside the period before and the same period last year",
        pa.table(
            {
                "figure": ["revenue", "orders", "customers", "average order value"],
                "value": [8911407.904, 18532.0, 4338.0, 480.87],
                "change": [0.121, 0.084, None, 0.034],
            }
        ),
        (
            ColumnInfo("figure", "text"),
            ColumnInfo("value"),
            ColumnInfo("change", "change_share", title="against the half-year before"),
        ),
    )
    chart = Chart(
        "revenue_by_month",
        "Revenue doubled from spring to November",
        "Revenue in GBP per month, December 2010 to December 2011",
        "line",
        "monthly",
        "month",
        "revenue",
        is_partial="is_partial",
    )
    return Result(
        "overview",
        "Overview",
        "How is the business doing, against the period before and the same period last year?",
        "customers",
        tables=(kpis, monthly),
        charts=(chart,),
        findings=(
            Finding(
                "overview.revenue",
                "The shop took £8,911,407.90 from 18,532 orders of 4,338 customers.",
                8911407.904,
                "money",
                18_532,
                Evidence("key_figures", "revenue"),
                n_unit="orders",
                at_stake=8911407.904,
            ),
        ),
        definitions={"average order value": "Revenue divided by the number of orders that count as a sale."},
    )


RETENTION = (36.61, 32.32, 38.42, 36.27, 39.77, 36.27, 34.92, 35.37, 39.55, 37.40, 50.28, 26.55)
SIZES = (885, 417, 380, 452, 300, 284, 242, 188, 169, 299, 358, 323, 41)


def _cohorts() -> Result:
    months = ["2010-12"] + [f"2011-{month:02d}" for month in range(1, 13)]
    rows: dict[str, list[Any]] = {
        name: [] for name in ("cohort", "months_since", "customers", "retention", "is_partial")
    }
    for place, (cohort, size) in enumerate(zip(months, SIZES, strict=True)):
        for month in range(13 - place):
            share = 1.0 if month == 0 else (RETENTION[month - 1] / 100 - 0.012 * place) * (1 - 0.2 * (month == 1))
            rows["cohort"].append(cohort)
            rows["months_since"].append(month)
            rows["customers"].append(round(size * share))
            rows["retention"].append(round(size * share) / size)
            rows["is_partial"].append(place + month == 12)
    table = Table(
        "retention",
        "Customers who order again, by month of their first order",
        pa.table(rows),
        (
            ColumnInfo("cohort", "month", "Month of the first order.", "first order in"),
            ColumnInfo(
                "months_since", "count", "Months after that of the first order.", "months after the first order"
            ),
            ColumnInfo("customers", "customers", "Customers with an order in that month."),
            ColumnInfo("retention", "share", "Customers with an order, as a share of the cohort."),
            ColumnInfo("is_partial", "", "The month was not over.", "not complete"),
        ),
    )
    chart = Chart(
        "retention_map",
        "One customer in three comes back the month after, and then every month",
        "Share of each cohort with an order, %; by months after the first order",
        "heatmap",
        "retention",
        "months_since",
        "cohort",
        colour="retention",
        is_partial="is_partial",
    )
    return Result(
        "cohorts",
        "Cohorts",
        "Do customers come back, and do newer customers come back as often as older ones did?",
        "customers",
        tables=(table,),
        charts=(chart,),
        findings=(
            Finding(
                "cohorts.first_month_retention",
                "Of customers who came in December 2010, 36.6 % ordered again the month after; the mean of all cohorts is 24.1 %.",
                0.241,
                "share",
                4338,
                Evidence("retention", "months after the first order = 1"),
                interval=(0.228, 0.254),
                at_stake=412_000.0,
                is_good=True,
            ),
        ),
        caveats=(
            Caveat("Cohorts of under 100 customers swing by chance; the newest has 41."),
            Caveat("December 2010 holds every older customer too, because the data begin there.", "warning"),
        ),
        definitions={
            "cohort": "Customers whose first order lies in the same month.",
            "retention": "Customers of a cohort with an order in a later month, as a share of the cohort.",
        },
    )


def _rfm(engine: FakeEngine) -> Result:
    segments = ["Champions", "Loyal", "Potential loyalists", "New", "Needs attention", "At risk", "Hibernating", "Lost"]
    counts = [632, 820, 540, 268, 410, 592, 640, 436]
    revenue = [4_810_000.0, 1_950_000.0, 512_000.0, 96_000.0, 301_000.0, 820_000.0, 265_000.0, 157_000.0]
    table = Table(
        "segments",
        "Segments: customers, revenue and mean order",
        pa.table(
            {
                "segment": segments,
                "customers": counts,
                "customer_share": [count / 4338 for count in counts],
                "revenue": revenue,
                "revenue_share": [value / sum(revenue) for value in revenue],
                "recency_days": [11.2, 31.0, 40.7, 22.1, 77.0, 141.3, 188.2, 280.0],
            }
        ),
        (
            ColumnInfo("segment", "text", "Named by the scores for recency, frequency and money."),
            ColumnInfo("customers", "customers"),
            ColumnInfo("customer_share", "share", "Share of all customers."),
            ColumnInfo("revenue", "money"),
            ColumnInfo("revenue_share", "share", "Share of all revenue."),
            ColumnInfo("recency_days", "days", "Median days since the last order.", "recency"),
        ),
    )
    grid = Table(
        "grid",
        "Customers by recency and frequency score",
        pa.table(
            {
                "recency_score": [r for r in range(1, 6) for _ in range(5)],
                "frequency_score": [f for _ in range(5) for f in range(1, 6)],
                "customers": [round(900 * exp(-abs(r - f) * 0.9) + 11 * f) for r in range(1, 6) for f in range(1, 6)],
            }
        ),
        (
            ColumnInfo("recency_score", "score"),
            ColumnInfo("frequency_score", "score"),
            ColumnInfo("customers", "customers"),
        ),
    )
    scores = Table(
        "scores",
        "Scores of every customer",
        _customers(engine),
        (
            ColumnInfo("customer_id", "id", "The customer's own id.", "customer"),
            ColumnInfo("recency_days", "days", "Days since the last order.", "recency"),
            ColumnInfo("order_count", "orders", "", "orders"),
            ColumnInfo("total_amount", "money", "Money from all orders.", "total"),
            ColumnInfo("segment", "text"),
        ),
        customer_column="customer_id",
    )
    charts = (
        Chart(
            "grid_map",
            "Recent customers are the frequent ones",
            "Customers per pair of scores; 5 is best",
            "heatmap",
            "grid",
            "recency_score",
            "frequency_score",
            colour="customers",
        ),
        Chart(
            "revenue_by_segment",
            "Champions bring more than half of the revenue",
            "Revenue in GBP by segment, whole period",
            "bar",
            "segments",
            "segment",
            "revenue",
            label="revenue_share",
            x_sort="value",
        ),
    )
    members = scores.data.filter(scores.data.segment == "At risk").select(
        customer_id="customer_id", reason=ibis.literal("silent longer than usual"), score="total_amount"
    )
    return Result(
        "rfm",
        "Recency, frequency, money",
        "Which customers are worth the most attention, and which are slipping away?",
        "segments",
        tables=(table, grid, scores),
        charts=charts,
        findings=(
            Finding(
                "rfm.champions_revenue_share",
                "Champions are 14.6 % of the customers and bring 54.0 % of the revenue.",
                0.54,
                "share",
                632,
                Evidence("segments", "Champions"),
                at_stake=4_810_000.0,
                is_good=True,
            ),
            Finding(
                "rfm.at_risk_revenue",
                "592 customers at risk spent £820,000.00 and have been silent for a median of 141 days.",
                820_000.0,
                "money",
                592,
                Evidence("segments", "At risk"),
                at_stake=820_000.0,
                is_good=False,
            ),
        ),
        actions=(
            Action(
                "win_back",
                "Write to the 592 customers at risk within the next two weeks.",
                "Half of those who came back after a silence this long did so within 30 days of a message.",
                audience="at_risk",
                finding="rfm.at_risk_revenue",
                expected_value=31_000.0,
                interval=(12_000.0, 52_000.0),
            ),
            Action(
                "thank",
                "Give Champions early access, not a discount.",
                "They buy at list price already.",
                finding="rfm.champions_revenue_share",
            ),
        ),
        audiences=(
            Audience("at_risk", "Customers at risk", members, "They spent much, and are silent longer than usual."),
        ),
        definitions={
            "recency": "Days between the last order and the date of the report.",
            "Champions": "Customers who score 4 or 5 on recency, frequency and money.",
        },
        parameters={"levels": 5},
    )


def _customers(engine: FakeEngine) -> Any:
    name = "customers"
    if name not in engine.connection.list_tables():
        engine.connection.raw_sql(
            """
            create table customers as
            select 'C' || lpad(i::varchar, 6, '0') as customer_id, (i * 37) % 365 as recency_days,
                   1 + i % 23 as order_count, round(20 + (i * 7919) % 100000 / 37, 2) as total_amount,
                   case when i % 7 = 0 then 'At risk' else 'Loyal' end as segment
            from range(4338) as numbers(i)
            """
        )
    return engine.connection.table(name)


def _value(engine: FakeEngine) -> Result:
    deciles = Table(
        "calibration",
        "Foretold and actual orders by decile, on a later period",
        pa.table(
            {
                "decile": list(range(1, 11)),
                "expected": [0.08, 0.16, 0.25, 0.37, 0.52, 0.71, 0.95, 1.32, 1.98, 4.9],
                "actual": [0.1, 0.15, 0.28, 0.33, 0.55, 0.7, 1.02, 1.28, 2.1, 4.6],
                "low": [0.06, 0.11, 0.23, 0.27, 0.48, 0.62, 0.92, 1.16, 1.93, 4.2],
                "high": [0.14, 0.19, 0.33, 0.39, 0.62, 0.78, 1.12, 1.4, 2.27, 5.0],
            }
        ),
        (
            ColumnInfo("decile", "score"),
            ColumnInfo("expected", "per_month", "Orders that the model foretold."),
            ColumnInfo("actual", "per_month", "Orders that came."),
            ColumnInfo("low", "per_month", "Lower end of the 95 % interval."),
            ColumnInfo("high", "per_month", "Upper end of the 95 % interval."),
        ),
    )
    view = Table(
        "per_customer",
        "Expected orders of every customer",
        _customers(engine).select("customer_id", "order_count", "recency_days"),
        (ColumnInfo("customer_id", "id"), ColumnInfo("order_count", "orders"), ColumnInfo("recency_days", "days")),
        customer_column="customer_id",
    )
    return Result(
        "lifetime_value",
        "Lifetime value",
        "What will each customer bring in the next half-year?",
        "value",
        tables=(deciles, view),
        charts=(
            Chart(
                "calibration",
                "The model foretells every decile within its interval",
                "Orders per month and customer, by decile of the forecast",
                "interval",
                "calibration",
                "decile",
                "actual",
                low="low",
                high="high",
            ),
            Chart(
                "orders_recency",
                "Frequent customers are recent customers",
                "Orders and days since the last order, per customer",
                "scatter",
                "per_customer",
                "recency_days",
                "order_count",
                max_marks=400,
            ),
        ),
        findings=(
            Finding(
                "lifetime_value.next_half_year",
                "The customers of today are expected to bring £2.31 m in the next half-year.",
                2_310_000.0,
                "money",
                4338,
                Evidence("calibration"),
                grade="modelled",
                interval=(2_080_000.0, 2_560_000.0),
                at_stake=2_310_000.0,
                validated="July to December 2011, beside repeating the past rate: error 14 % smaller",
            ),
        ),
        caveats=(
            Caveat(
                "Nobody seems to leave in these data, so the model without drop-out is used; take long horizons with care.",
                "stop",
            ),
        ),
    )


def _experiment() -> Result:
    arms = Table(
        "arms",
        "Visits within two weeks, by arm",
        pa.table(
            {
                "arm": ["men's mail", "women's mail"],
                "uplift": [0.0766, 0.0452],
                "low": [0.0699, 0.0389],
                "high": [0.0833, 0.0515],
                "customers": [21_307, 21_387],
            }
        ),
        (
            ColumnInfo("arm", "text"),
            ColumnInfo("uplift", "change_points", "Difference from no mail."),
            ColumnInfo("low", "change_points"),
            ColumnInfo("high", "change_points"),
            ColumnInfo("customers", "customers"),
        ),
    )
    stages = Table(
        "revenue_by_channel",
        "Revenue by channel and month",
        pa.table(
            {
                "month": [date(2011, month, 1) for month in range(1, 7) for _ in range(3)],
                "channel": ["shop", "web", "phone"] * 6,
                "revenue": [float(100 * (1 + place % 3) + 13 * place) for place in range(18)],
                "is_partial": [False] * 15 + [True] * 3,
            }
        ),
        (
            ColumnInfo("month", "month"),
            ColumnInfo("channel", "text"),
            ColumnInfo("revenue", "money"),
            ColumnInfo("is_partial"),
        ),
    )
    ages = Table(
        "gaps",
        "Days between two orders",
        pa.table(
            {
                "from_days": [0, 10, 20, 30, 40, 50],
                "to_days": [10, 20, 30, 40, 50, 60],
                "customers": [310, 620, 480, 260, 120, 60],
            }
        ),
        (ColumnInfo("from_days", "days"), ColumnInfo("to_days", "days"), ColumnInfo("customers", "customers")),
    )
    return Result(
        "experiments",
        "Experiments",
        "What did the mail cause, compared with no mail?",
        "campaigns",
        tables=(arms, stages, ages),
        charts=(
            Chart(
                "uplift",
                "Both mails bring visits; the men's mail brings more",
                "Difference in visit rate from no mail, percentage points",
                "interval",
                "arms",
                "arm",
                "uplift",
                low="low",
                high="high",
                x_sort="data",
            ),
            Chart(
                "channels",
                "The web grows, the phone does not",
                "Revenue in GBP per month by channel",
                "area",
                "revenue_by_channel",
                "month",
                "revenue",
                colour="channel",
                is_partial="is_partial",
            ),
            Chart(
                "channel_lines",
                "The same as lines",
                "Revenue in GBP per month by channel",
                "line",
                "revenue_by_channel",
                "month",
                "revenue",
                colour="channel",
                is_partial="is_partial",
            ),
            Chart(
                "channel_columns",
                "And as columns",
                "Revenue in GBP per month by channel",
                "column",
                "revenue_by_channel",
                "month",
                "revenue",
                colour="channel",
                is_partial="is_partial",
            ),
            Chart(
                "gap_histogram",
                "Most come back within a month",
                "Customers by days between two orders",
                "histogram",
                "gaps",
                "from_days",
                "customers",
                x2="to_days",
            ),
        ),
        findings=(
            Finding(
                "experiments.mens_mail",
                "The men's mail caused 7.7 more visits per 100 customers than no mail.",
                0.0766,
                "change_points",
                42_613,
                Evidence("arms", "men's mail"),
                grade="randomised",
                interval=(0.0699, 0.0833),
                at_stake=16_400.0,
                is_good=True,
            ),
        ),
    )


def _coordinates() -> Result:
    tree = Table(
        "tree",
        "Sponsors and those they brought",
        pa.table(
            {
                "x": [0.0, -1.0, 1.0, 0.0, 0.0],
                "y": [2.0, 1.0, 1.0, 2.0, 2.0],
                "x2": [None, None, None, -1.0, 1.0],
                "y2": [None, None, None, 1.0, 1.0],
                "name": ["Ann", "Ben", "Cho", None, None],
                "customers": [9, 3, 4, 3, 4],
            }
        ),
        (
            ColumnInfo("x"),
            ColumnInfo("y"),
            ColumnInfo("x2"),
            ColumnInfo("y2"),
            ColumnInfo("name", "text"),
            ColumnInfo("customers", "customers"),
        ),
        is_shown=True,
    )
    names = {"x": "x", "y": "y", "x2": "x2", "y2": "y2", "label": "name", "size": "customers"}
    return Result(
        "referrals",
        "Referrals",
        "Who brings whom?",
        "network",
        tables=(tree,),
        charts=tuple(
            Chart(
                f"as_{kind}", f"Ann stands at the head ({kind})", "Customers brought, by sponsor", kind, "tree", **names
            )
            for kind in ("tree", "flow", "network")
        ),
    )


def _quality() -> DataQuality:
    return DataQuality(
        accounts=(
            Account(
                "lines",
                ("OnlineRetail.csv.gz",),
                read=541_909,
                accepted=397_884,
                repaired=0,
                set_aside=144_025,
                reasons=(("no customer id", 135_080), ("cancelled (C…)", 8_905), ("price ≤ 0", 40)),
                unmapped=("Country",),
            ),
            Account(
                "customers",
                ("customers.csv",),
                4_400,
                4_300,
                38,
                62,
                (("no id", 62),),
                (("birth year 1893 emptied", 38),),
            ),
        ),
        checks=(
            CheckResult(
                "null_keys",
                "lines",
                "customer_id",
                135_080,
                541_909,
                "135,080 lines have no customer.",
                "They were set aside.",
                "set aside",
                'null_keys = "report" under [checks]',
                "problem",
                examples=(
                    (("order_id", "536414"), ("product_id", "22139")),
                    (("order_id", "536544"), ("product_id", "21773")),
                ),
                sql="SELECT *\nFROM lines\nWHERE customer_id IS NULL",
            ),
            CheckResult(
                "duplicates",
                "lines",
                "",
                5_268,
                541_909,
                "5,268 lines repeat another exactly.",
                "They were kept.",
                change='duplicates = "drop"',
                severity="warning",
            ),
            CheckResult(
                "constants", "customers", "z_revenue", 1, 1, "z_revenue has one value only.", "Nothing.", unit="columns"
            ),
        ),
    )


def _earlier(results: tuple[Result, ...]) -> EarlierRun:
    findings = {result.analysis: result.findings for result in results if result.findings}
    findings["cohorts"] = tuple(replace(one, value=0.20, interval=(0.187, 0.213)) for one in findings["cohorts"])
    findings["overview"] = tuple(replace(one, value=8_102_000.0) for one in findings["overview"])
    findings["lapsed"] = (Finding("lapsed.share", "A third had lapsed.", 0.33, "share", 4000, Evidence("lapsed")),)
    return EarlierRun("2011-11-09-0001", "2011-11-09", "GBP", findings, {"rfm": {"levels": 5}})


def make_hostile_view(engine: FakeEngine) -> RunView:
    """A run in which every text that could come from a user's files is written to do harm."""
    names = [
        HOSTILE,
        "=cmd()|' /C calc'!A0",
        LONG_NAME,
        RIGHT_TO_LEFT,
        "🎁 gift",
        "a\x00b\x1bc",
        "</svg><img src=x onerror=alert(1)>",
    ]
    rows = pa.table({"product": names, HOSTILE: [float(place) for place in range(len(names))]})
    table = Table(
        "../../products" + HOSTILE,
        HOSTILE,
        rows,
        (ColumnInfo("product", "text", HOSTILE), ColumnInfo(HOSTILE, "money", HOSTILE, HOSTILE)),
        note=HOSTILE,
    )
    live = engine.connection.create_table("hostile_products", rows, overwrite=True)
    members = live.select(customer_id="product", reason=ibis.literal("=1+1"), score=ibis.literal(-1.5))
    chart = Chart(
        "../chart", HOSTILE, HOSTILE, "bar", table.name, "product", HOSTILE, colour="product", label="product"
    )
    result = Result(
        "hostile",
        HOSTILE,
        HOSTILE,
        "products",
        tables=(table, Table("live", HOSTILE, live, (), customer_column="product")),
        charts=(chart,),
        findings=(
            Finding(
                HOSTILE, HOSTILE, 1.0, "money", 5, Evidence(table.name, HOSTILE), grade="modelled", validated=HOSTILE
            ),
        ),
        actions=(Action(HOSTILE, HOSTILE, HOSTILE, audience="../../audience", finding=HOSTILE),),
        audiences=(Audience("../../audience", HOSTILE, members, HOSTILE),),
        caveats=(Caveat(HOSTILE, "stop"),),
        definitions={HOSTILE: HOSTILE, "script": "a word inside the markup"},
        parameters={HOSTILE: HOSTILE},
    )
    check = CheckResult(
        HOSTILE,
        HOSTILE,
        HOSTILE,
        1,
        2,
        HOSTILE,
        HOSTILE,
        "reported",
        HOSTILE,
        "problem",
        examples=(((HOSTILE, HOSTILE),),),
        sql=HOSTILE,
    )
    account = Account(HOSTILE, (HOSTILE,), 1, 0, 0, 1, ((HOSTILE, 1),), ((HOSTILE, 0),), (HOSTILE,))
    return RunView(
        run_id="run-1",
        dataset=HOSTILE,
        currency=HOSTILE,
        money=HOSTILE,
        results=(result,),
        quality=DataQuality((account,), (check,)),
        features=(Feature(HOSTILE, "text", HOSTILE, HOSTILE),),
        switched_off=(SwitchedOff("off", HOSTILE, (Missing(HOSTILE, HOSTILE),)),),
        failed=(Failed("failed", HOSTILE, HOSTILE),),
        earlier=EarlierRun(HOSTILE, HOSTILE, HOSTILE, {HOSTILE: result.findings}),
        settings=HOSTILE,
        versions={HOSTILE: HOSTILE},
        timings={HOSTILE: 1.0},
        fingerprints={HOSTILE: HOSTILE},
        row_counts={HOSTILE: 1},
    )
