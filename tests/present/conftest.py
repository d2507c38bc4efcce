from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from math import exp
from typing import TYPE_CHECKING, Any

import duckdb
import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regulars.core.analysis import Feature, Missing
from regulars.core.chart import Chart
from regulars.core.quality import Account, CheckResult, DataQuality
from regulars.core.result import Action, Audience, Caveat, ColumnInfo, Evidence, Finding, Result, Table
from regulars.present.run_view import EarlierRun, Failed, RunView, SwitchedOff

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOSTILE = "<script>alert('x')</script>\"&"
LONG_NAME = "Deluxe " * 1500
RIGHT_TO_LEFT = "\u202eעברית"


@dataclass
class FakeEngine:
    """DuckDB through Ibis: enough of an engine to draw pages from. `collected`: the most rows fetched at once."""

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


def table(name: str, title: str, columns: dict[str, tuple[Any, list[Any], str, str]], **parts: Any) -> Table:
    """A table from name → (unit, values, title, meaning)."""
    infos = tuple(ColumnInfo(key, unit, meaning, heading) for key, (unit, _, heading, meaning) in columns.items())
    return Table(name, title, pa.table({key: one[1] for key, one in columns.items()}), infos, **parts)


def make_view(engine: FakeEngine) -> RunView:
    """An invented run of a gift shop, with every kind of thing that a report shows."""
    results = (_overview(), _cohorts(), _rfm(engine), _value(engine), _experiments(), _referrals())
    campaigns = Missing("the table 'campaigns'", "map it under [tables.campaigns]")
    forecast = Missing("the extra 'forecast'", 'pip install "regulars[forecast]"')
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
            Feature("recency_days", "days", "Days since the last order.", "as_of − last order"),
            Feature("order_count", "orders", "Orders that count as a sale.", "count of orders"),
            Feature("total_amount", "money", "Money from all orders.", "sum of order amounts"),
        ),
        switched_off=(
            SwitchedOff("campaigns", "Campaigns", (campaigns,)),
            SwitchedOff("forecast", "Forecast", (forecast,)),
        ),
        failed=(Failed("baskets", "Baskets", "there are no pairs of items bought together"),),
        earlier=_earlier(results),
        settings='[dataset]\nname = "Harbour Gifts"\ncurrency = "GBP"\n\n[rfm]\nlevels = 5\n',
        versions={"regulars": "0.1.0", "duckdb": "1.5.6", "python": "3.11.7"},
        timings={"read": 3.21, "summaries": 1.6, "analyses": 2.4},
        fingerprints={"OnlineRetail.csv.gz": "sha256:9d1f0c77ab"},
        row_counts={"lines": 397_884, "orders": 18_532, "customers": 4_338},
    )


# fmt: off
MONTHS = [date(2010, 12, 1)] + [date(2011, month, 1) for month in range(1, 13)]
REVENUE = [572.7, 569.4, 447.1, 595.5, 469.2, 678.6, 661.2, 600.1, 645.3, 952.8, 1039.3, 1161.8, 518.2]
ORDERS = [1400, 987, 998, 1321, 1149, 1555, 1393, 1331, 1281, 1756, 1929, 2657, 778]
RETENTION = (36.61, 32.32, 38.42, 36.27, 39.77, 36.27, 34.92, 35.37, 39.55, 37.40, 50.28, 26.55)
SIZES = (885, 417, 380, 452, 300, 284, 242, 188, 169, 299, 358, 323, 41)
SEGMENTS = ["Champions", "Loyal", "Potential loyalists", "New", "Needs attention", "At risk", "Hibernating", "Lost"]
COUNTS = [632, 820, 540, 268, 410, 592, 640, 436]
SPENT = [4_810_000.0, 1_950_000.0, 512_000.0, 96_000.0, 301_000.0, 820_000.0, 265_000.0, 157_000.0]


def _overview() -> Result:
    key_figures = table(
        "key_figures", "Key figures beside the period before and the same period last year",
        {
            "figure": ("text", ["revenue", "orders", "customers", "average order value"], "", ""),
            "value": ("", [8911407.904, 18532.0, 4338.0, 480.87], "", ""),
            "change": ("change_share", [0.121, 0.084, None, 0.034], "against the half-year before", ""),
        },
    )
    monthly = table(
        "monthly", "Revenue and orders by month",
        {
            "month": ("month", MONTHS, "", ""),
            "revenue": ("money", [1000 * value for value in REVENUE], "", "Money from orders that count as a sale."),
            "orders": ("orders", ORDERS, "", "Orders that count as a sale."),
            "is_partial": ("", [False] * 12 + [True], "partial month", "The month was not over when the data end."),
        },
        dimensions=("month",),
        measures=("revenue", "orders"),
        note="The last month ends with the data, on the 9th.",
    )
    title, subtitle = "Revenue doubled from spring to November", "Revenue in GBP per month, to December 2011"
    chart = Chart("revenue_by_month", title, subtitle, "line", "monthly", "month", "revenue", is_partial="is_partial")
    revenue = Finding(
        "overview.revenue", "The shop took £8,911,407.90 from 18,532 orders of 4,338 customers.", 8911407.904,
        "money", 18_532, Evidence("key_figures", "revenue"), n_unit="orders", at_stake=8911407.904,
    )
    return Result(
        "overview", "Overview", "How is the business doing, against the period before and the same period last year?",
        "customers", tables=(key_figures, monthly), charts=(chart,), findings=(revenue,),
        definitions={"average order value": "Revenue divided by the number of orders that count as a sale."},
    )


def _cohorts() -> Result:
    cells = [(place, month) for place in range(13) for month in range(13 - place)]
    shares = [
        1.0 if month == 0 else (RETENTION[month - 1] / 100 - 0.012 * place) * (1 - 0.2 * (month == 1))
        for place, month in cells
    ]
    customers = [round(SIZES[place] * share) for (place, _), share in zip(cells, shares, strict=True)]
    retention = [count / SIZES[place] for (place, _), count in zip(cells, customers, strict=True)]
    map_table = table(
        "retention", "Customers who order again, by month of their first order",
        {
            "cohort": (
                "month",
                [f"{MONTHS[place]:%Y-%m}" for place, _ in cells],
                "first order in",
                "Month of that order.",
            ),
            "months_since": ("count", [month for _, month in cells], "months after the first order", ""),
            "customers": ("customers", customers, "", "Customers with an order in that month."),
            "retention": ("share", retention, "", "Customers with an order, as a share of the cohort."),
            "is_partial": ("", [place + month == 12 for place, month in cells], "not complete", "It was not over."),
        },
    )
    title = "One customer in three comes back the month after, and then every month"
    subtitle = "Share of each cohort with an order, %; by months after the first order"
    drawn: Any = {"x": "months_since", "y": "cohort", "colour": "retention", "is_partial": "is_partial"}
    again = Finding(
        "cohorts.first_month_retention",
        "Of December's newcomers 36.6 % ordered again the month after; the mean of all cohorts is 24.1 %.", 0.241,
        "share", 4338, Evidence("retention", "months after the first order = 1"), interval=(0.228, 0.254),
        at_stake=412_000.0, is_good=True,
    )
    return Result(
        "cohorts", "Cohorts", "Do customers come back, and do newer customers come back as often as older ones did?",
        "customers", tables=(map_table,),
        charts=(Chart("retention_map", title, subtitle, "heatmap", "retention", **drawn),), findings=(again,),
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
    segments = table(
        "segments", "Segments: customers, revenue and mean order",
        {
            "segment": ("text", SEGMENTS, "", "Named by the scores for recency, frequency and money."),
            "customers": ("customers", COUNTS, "", ""),
            "customer_share": ("share", [count / 4338 for count in COUNTS], "", "Share of all customers."),
            "revenue": ("money", SPENT, "", ""),
            "revenue_share": ("share", [value / sum(SPENT) for value in SPENT], "", "Share of all revenue."),
            "recency_days": ("days", [11.2, 31.0, 40.7, 22.1, 77.0, 141.3, 188.2, 280.0], "recency", "Median days."),
        },
    )
    pairs = [(recency, frequency) for recency in range(1, 6) for frequency in range(1, 6)]
    grid = table(
        "grid", "Customers by recency and frequency score",
        {
            "recency_score": ("score", [recency for recency, _ in pairs], "", ""),
            "frequency_score": ("score", [frequency for _, frequency in pairs], "", ""),
            "customers": ("customers", [round(900 * exp(-abs(r - f) * 0.9) + 11 * f) for r, f in pairs], "", ""),
        },
    )
    known = (
        ColumnInfo("customer_id", "id", "The customer's own id.", "customer"),
        ColumnInfo("recency_days", "days", "Days since the last order.", "recency"),
        ColumnInfo("order_count", "orders", "", "orders"),
        ColumnInfo("total_amount", "money", "Money from all orders.", "total"),
        ColumnInfo("segment", "text"),
    )
    scores = Table("scores", "Scores of every customer", _customers(engine), known, customer_column="customer_id")
    by_score: Any = {"x": "recency_score", "y": "frequency_score", "colour": "customers"}
    by_segment: Any = {"x": "segment", "y": "revenue", "label": "revenue_share", "x_sort": "value"}
    recent, most = "Recent customers are the frequent ones", "Champions bring more than half of the revenue"
    members = scores.data.filter(scores.data.segment == "At risk").select(
        customer_id="customer_id", reason=ibis.literal("silent longer than usual"), score="total_amount"
    )
    share = Finding(
        "rfm.champions_revenue_share", "Champions are 14.6 % of the customers and bring 54.0 % of the revenue.", 0.54,
        "share", 632, Evidence("segments", "Champions"), at_stake=4_810_000.0, is_good=True,
    )
    at_risk = Finding(
        "rfm.at_risk_revenue",
        "592 customers at risk spent £820,000.00 and have been silent for a median of 141 days.", 820_000.0, "money",
        592, Evidence("segments", "At risk"), at_stake=820_000.0, is_good=False,
    )
    win_back = Action(
        "win_back", "Write to the 592 customers at risk within the next two weeks.",
        "Half of those who came back after a silence this long did so within 30 days of a message.",
        audience="at_risk", finding="rfm.at_risk_revenue", expected_value=31_000.0, interval=(12_000.0, 52_000.0),
    )
    return Result(
        "rfm", "Recency, frequency, money",
        "Which customers are worth the most attention, and which are slipping away?", "segments",
        tables=(segments, grid, scores),
        charts=(
            Chart("grid_map", recent, "Customers per pair of scores; 5 is best", "heatmap", "grid", **by_score),
            Chart("revenue_by_segment", most, "Revenue in GBP, whole period", "bar", "segments", **by_segment),
        ),
        findings=(share, at_risk),
        actions=(win_back, Action("thank", "Give Champions early access, not a discount.", "They buy at list price.")),
        audiences=(Audience("at_risk", "Customers at risk", members, "They spent much, and are silent."),),
        definitions={
            "recency": "Days between the last order and the date of the report.",
            "Champions": "Customers who score 4 or 5 on recency, frequency and money.",
        },
        parameters={"levels": 5},
    )


def _customers(engine: FakeEngine) -> Any:
    if "customers" not in engine.connection.list_tables():
        engine.connection.raw_sql(
            """
            create table customers as
            select 'C' || lpad(i::varchar, 6, '0') as customer_id, (i * 37) % 365 as recency_days,
                   1 + i % 23 as order_count, round(20 + (i * 7919) % 100000 / 37, 2) as total_amount,
                   case when i % 7 = 0 then 'At risk' else 'Loyal' end as segment
            from range(4338) as numbers(i)
            """
        )
    return engine.connection.table("customers")


def _value(engine: FakeEngine) -> Result:
    actual = [0.1, 0.15, 0.28, 0.33, 0.55, 0.7, 1.02, 1.28, 2.1, 4.6]
    deciles = table(
        "calibration", "Foretold and actual orders by decile, on a later period",
        {
            "decile": ("score", list(range(1, 11)), "", ""),
            "expected": ("per_month", [0.08, 0.16, 0.25, 0.37, 0.52, 0.71, 0.95, 1.32, 1.98, 4.9], "", "Foretold."),
            "actual": ("per_month", actual, "", "Orders that came."),
            "low": ("per_month", [value * 0.9 for value in actual], "", "Lower end of the 95 % interval."),
            "high": ("per_month", [value * 1.1 for value in actual], "", "Upper end of the 95 % interval."),
        },
    )
    infos = (ColumnInfo("customer_id", "id"), ColumnInfo("order_count", "orders"), ColumnInfo("recency_days", "days"))
    expr = _customers(engine).select("customer_id", "order_count", "recency_days")
    customers = Table("per_customer", "Expected orders of every customer", expr, infos, customer_column="customer_id")
    by_decile: Any = {"x": "decile", "y": "actual", "low": "low", "high": "high"}
    well, often = "The model foretells every decile within its interval", "Frequent customers are recent customers"
    dots = Chart("dots", often, "Per customer", "scatter", "per_customer", "recency_days", "order_count", max_marks=400)
    half_year = Finding(
        "lifetime_value.next_half_year",
        "The customers of today are expected to bring £2.31 m in the next half-year.", 2_310_000.0, "money", 4338,
        Evidence("calibration"), grade="modelled", interval=(2_080_000.0, 2_560_000.0), at_stake=2_310_000.0,
        validated="July to December 2011, beside repeating the past rate: error 14 % smaller",
    )
    stop = Caveat("Nobody seems to leave in these data, so the model without drop-out is used.", "stop")
    return Result(
        "lifetime_value", "Lifetime value", "What will each customer bring in the next half-year?", "value",
        tables=(deciles, customers),
        charts=(
            Chart("calibration", well, "Orders per month and customer", "interval", "calibration", **by_decile),
            dots,
        ),
        findings=(half_year,),
        caveats=(Caveat("Horizons beyond a year were not tested."), stop),
    )


def _experiments() -> Result:
    arms = table(
        "arms", "Visits within two weeks, by arm",
        {
            "arm": ("text", ["men's mail", "women's mail"], "", ""),
            "uplift": ("change_points", [0.0766, 0.0452], "", "Difference from no mail."),
            "low": ("change_points", [0.0699, 0.0389], "", ""),
            "high": ("change_points", [0.0833, 0.0515], "", ""),
            "customers": ("customers", [21_307, 21_387], "", ""),
        },
    )
    channels = table(
        "by_channel", "Revenue by channel and month",
        {
            "month": ("month", [month for month in MONTHS[1:7] for _ in range(3)], "", ""),
            "channel": ("text", ["shop", "web", "phone"] * 6, "", ""),
            "revenue": ("money", [float(100 * (1 + place % 3) + 13 * place) for place in range(18)], "", ""),
            "is_partial": ("", [False] * 15 + [True] * 3, "", ""),
        },
    )
    gaps = table(
        "gaps", "Days between two orders",
        {
            "from_days": ("days", [0, 10, 20, 30, 40, 50], "", ""),
            "to_days": ("days", [10, 20, 30, 40, 50, 60], "", ""),
            "customers": ("customers", [310, 620, 480, 260, 120, 60], "", ""),
        },
    )
    monthly: Any = {"x": "month", "y": "revenue", "colour": "channel", "is_partial": "is_partial"}
    by_arm: Any = {"x": "arm", "y": "uplift", "low": "low", "high": "high", "x_sort": "data"}
    more, days = "Both mails bring visits; the men's mail brings more", "Most come back within a month"
    mail = Finding(
        "experiments.mens_mail", "The men's mail caused 7.7 more visits per 100 customers than no mail.", 0.0766,
        "change_points", 42_613, Evidence("arms", "men's mail"), grade="randomised", interval=(0.0699, 0.0833),
        at_stake=16_400.0,
    )
    return Result(
        "experiments", "Experiments", "What did the mail cause, compared with no mail?", "campaigns",
        tables=(arms, channels, gaps),
        charts=(
            Chart("uplift", more, "Difference in visit rate from no mail, pp", "interval", "arms", **by_arm),
            Chart("areas", "The web grows", "Revenue in GBP per month by channel", "area", "by_channel", **monthly),
            Chart("lines", "The same as lines", "Revenue in GBP per month by channel", "line", "by_channel", **monthly),
            Chart(
                "columns", "And as columns", "Revenue in GBP per month by channel", "column", "by_channel", **monthly
            ),
            Chart("gaps", days, "Customers by gap", "histogram", "gaps", "from_days", "customers", x2="to_days"),
        ),
        findings=(mail,),
    )


def _referrals() -> Result:
    tree = table(
        "tree", "Sponsors and those they brought",
        {
            "x": ("", [0.0, -1.0, 1.0, 0.0, 0.0], "", ""),
            "y": ("", [2.0, 1.0, 1.0, 2.0, 2.0], "", ""),
            "x2": ("", [None, None, None, -1.0, 1.0], "", ""),
            "y2": ("", [None, None, None, 1.0, 1.0], "", ""),
            "name": ("text", ["Ann", "Ben", "Cho", None, None], "", ""),
            "customers": ("customers", [9, 3, 4, 3, 4], "", ""),
        },
    )
    drawn: Any = {"x": "x", "y": "y", "x2": "x2", "y2": "y2", "label": "name", "size": "customers"}
    kinds: tuple[Any, ...] = ("tree", "flow", "network")
    charts = tuple(
        Chart(f"as_{kind}", f"Ann leads the {kind}", "Customers brought", kind, "tree", **drawn) for kind in kinds
    )
    return Result("referrals", "Referrals", "Who brings whom?", "network", tables=(tree,), charts=charts)


def _quality() -> DataQuality:
    reasons = (("no customer id", 135_080), ("cancelled (C…)", 8_905), ("price ≤ 0", 40))
    repairs = (("birth year 1893 emptied", 38),)
    return DataQuality(
        accounts=(
            Account("lines", ("OnlineRetail.csv.gz",), 541_909, 397_884, 0, 144_025, reasons, unmapped=("Country",)),
            Account("customers", ("customers.csv",), 4_400, 4_300, 38, 62, (("no id", 62),), repairs),
        ),
        checks=(
            CheckResult("constants", "customers", "z", 1, 1, "z has one value only.", "Nothing.", unit="columns"),
            CheckResult("twice", "lines", "", 5_268, 541_909, "5,268 lines repeat.", "Kept.", severity="warning"),
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
                    (("order_id", "536544"), ("product_id", "1")),
                ),
                sql="SELECT *\nFROM lines\nWHERE customer_id IS NULL",
            ),
        ),
    )


def _earlier(results: tuple[Result, ...]) -> EarlierRun:
    findings = {result.analysis: result.findings for result in results if result.findings}
    findings["cohorts"] = tuple(replace(one, value=0.20, interval=(0.187, 0.213)) for one in findings["cohorts"])
    findings["overview"] = tuple(replace(one, value=8_102_000.0) for one in findings["overview"])
    findings["lapsed"] = (Finding("lapsed.share", "A third had lapsed.", 0.33, "share", 4000, Evidence("lapsed")),)
    return EarlierRun("2011-11-09-0001", "2011-11-09", "GBP", findings, {"rfm": {"levels": 5}})


# fmt: on


def make_hostile_view(engine: FakeEngine) -> RunView:
    """A run in which every text that could come from a user's files is written to do harm."""
    evil = HOSTILE
    broken, formula = "</svg><img src=x onerror=alert(1)>", "=cmd()|' /C calc'!A0"
    names = [evil, formula, LONG_NAME, RIGHT_TO_LEFT, "🎁 gift", "a\x00b\x1bc", broken]
    rows = pa.table({"product": names, evil: [float(place) for place in range(len(names))]})
    infos = (ColumnInfo("product", "text", evil), ColumnInfo(evil, "money", evil, evil))
    products = Table("../../products" + evil, evil, rows, infos, note=evil)
    live = engine.connection.create_table("hostile_products", rows, overwrite=True)
    members = live.select(customer_id="product", reason=ibis.literal("=1+1"), score=ibis.literal(-1.5))
    evidence = Evidence(products.name, evil)
    result = Result(
        "hostile",
        evil,
        evil,
        "products",
        tables=(products, Table("live", evil, live, (), customer_column="product")),
        charts=(
            Chart("../chart", evil, evil, "bar", products.name, "product", evil, colour="product", label="product"),
        ),
        findings=(Finding(evil, evil, 1.0, "money", 5, evidence, grade="modelled", validated=evil),),
        actions=(Action(evil, evil, evil, audience="../../audience", finding=evil),),
        audiences=(Audience("../../audience", evil, members, evil),),
        caveats=(Caveat(evil, "stop"),),
        definitions={evil: evil, "script": "a word inside the markup"},
        parameters={evil: evil},
    )
    examples = (((evil, evil),),)
    check = CheckResult(evil, evil, evil, 1, 2, evil, evil, "reported", evil, "problem", examples=examples, sql=evil)
    account = Account(evil, (evil,), 1, 0, 0, 1, ((evil, 1),), ((evil, 0),), (evil,))
    return RunView(
        run_id="run-1",
        dataset=evil,
        currency=evil,
        money=evil,
        results=(result,),
        quality=DataQuality((account,), (check,)),
        features=(Feature(evil, "text", evil, evil),),
        switched_off=(SwitchedOff("off", evil, (Missing(evil, evil),)),),
        failed=(Failed("failed", evil, evil),),
        earlier=EarlierRun(evil, evil, evil, {evil: result.findings}),
        settings=evil,
        versions={evil: evil},
        timings={evil: 1.0},
        fingerprints={evil: evil},
        row_counts={evil: 1},
    )
