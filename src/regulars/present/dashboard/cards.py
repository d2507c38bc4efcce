"""Cards of the Results: each table with its charts, what it says under the filters, and where its rows lead.

Everything here is drawn from what a Result declares; no analysis is known by name.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

from regulars.core.chart import faces
from regulars.present import words
from regulars.present.dashboard.audience import Clause, audience_address
from regulars.present.dashboard.filters import RefusedError, month_text
from regulars.present.dashboard.follow import COUNT
from regulars.present.dashboard.layout import bands
from regulars.present.draw import chart_spec
from regulars.present.report.page import anchor
from regulars.present.scene import FILE, LIVE, MAX_NAMES, subtitle
from regulars.present.tables import PRINTED_ROWS, SHOWN_ROWS, view_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from regulars.core.chart import Chart
    from regulars.core.result import Caveat, Finding, Result, Table
    from regulars.present.dashboard.filters import Choices, Filters
    from regulars.present.dashboard.follow import Followers
    from regulars.present.dashboard.layout import Band
    from regulars.present.dashboard.saved_run import SavedResult, SavedRun, SavedTable
    from regulars.present.tables import TableView

OPEN_ROWS = 12
"""A table without a chart stands open up to this many rows."""
_KEPT_SPECS = 256
_NARROW_CELLS = 7
_NARROW_NAME = 26
_NARROW_COLUMNS = 5
_FRAME_PIXELS = 190
"""What a card is high beside its charts and rows: title, facts and tools."""
_ROW_PIXELS = 29
_CHART_PIXELS = 300
_CAVEATS = {"stop": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class ChartCard:
    """A chart of a card: its words, what it measures, and the addresses of its specification and its picture."""

    title: str
    subtitle: str
    kind: str
    spec: str
    picture: str
    measure: str = ""


@dataclass(frozen=True)
class Card:
    """A table with its charts.

    Args:
        anchor: Its place on the page.
        name: Its name as in files.
        pictures: The charts that draw it; several faces of one picture are shown one at a time.
        table: The rows shown.
        row_links: Row → where its button leads, "" where nowhere.
        state: "" while nothing is filtered, else "follows" or "whole base".
        csv: Address of the file.
        finding: The finding that rests on this table, whose grade, n and interval the card tells.
        matching: Customers counted under the filters, where the table follows them; else None.
        is_broad: Whether a chart needs the whole width.
        height: About how many pixels it is high.
    """

    anchor: str
    name: str
    pictures: tuple[tuple[ChartCard, ...], ...]
    table: TableView
    row_links: tuple[str, ...]
    state: str
    csv: str
    finding: Finding | None
    matching: int | None = None
    is_broad: bool = False
    height: int = 0

    @property
    def charts(self) -> tuple[ChartCard, ...]:
        """Every chart, one after the other."""
        return tuple(chart for picture in self.pictures for chart in picture)

    @property
    def is_folded(self) -> bool:
        """Whether the table is folded away: where a chart shows it, or where it is long."""
        return bool(self.charts) or len(self.table.rows) > OPEN_ROWS


@dataclass(frozen=True)
class SavedAudience:
    """An audience of the run: its size and where its list is."""

    title: str
    size: int
    file: str
    why: str
    address: str


@dataclass(frozen=True)
class ResultPage:
    """A Result as a section of its chapter."""

    anchor: str
    result: Result
    cards: tuple[Card, ...]
    findings: tuple[words.RankedFinding, ...]
    caveats: tuple[Caveat, ...]
    audiences: Mapping[str, SavedAudience]

    @property
    def drawn(self) -> list[Band]:
        """The cards with a chart, as they stand."""
        return bands(card for card in self.cards if card.charts)

    @property
    def plain(self) -> list[Band]:
        """The cards that are a table alone, as they stand."""
        return bands(card for card in self.cards if not card.charts)

    @property
    def plain_count(self) -> int:
        """How many cards are a table alone."""
        return sum(not card.charts for card in self.cards)

    @property
    def other_audiences(self) -> tuple[SavedAudience, ...]:
        """The audiences that no action leads to."""
        named = {action.audience for action in self.result.actions}
        return tuple(audience for name, audience in self.audiences.items() if name not in named)


class Cards:
    """Makes the cards of one run; specifications of charts are kept, because they never change.

    Args:
        run: The run.
        there: What there is to filter by.
        followers: Which tables follow the filters.
    """

    def __init__(self, run: SavedRun, there: Choices, followers: Followers) -> None:
        self._run = run
        self._there = there
        self._followers = followers
        self._specs: OrderedDict[tuple[str, str, str, int], dict[str, Any]] = OrderedDict()
        self._lock = Lock()

    def pages(self, chapter: str, filters: Filters, path: str) -> list[ResultPage]:
        """The Results of a chapter under the filters.

        Raises:
            RefusedError: The run has no such chapter.
        """
        found = [one for one in self._run.results.values() if anchor(one.result.chapter) == chapter]
        if not found:
            raise RefusedError(404, "There is no such chapter in this run.", "the menu has those there are")
        return [self._page(one, filters, path) for one in found]

    def _page(self, saved: SavedResult, filters: Filters, path: str) -> ResultPage:
        result = saved.result
        drawn = {chart.table for chart in result.charts}
        return ResultPage(
            anchor=anchor(result.analysis),
            result=result,
            cards=tuple(
                self._card(saved, table, filters, path)
                for table in saved.tables.values()
                if table.table.is_shown or table.table.name in drawn
            ),
            findings=tuple(words.rank_findings([result])),
            caveats=tuple(sorted(result.caveats, key=lambda caveat: _CAVEATS[caveat.severity])),
            audiences={one["name"]: self._audience(saved, one) for one in saved.audiences},
        )

    def _audience(self, saved: SavedResult, one: Mapping[str, str]) -> SavedAudience:
        address = f"/list/{anchor(saved.result.analysis)}/{anchor(one['name'])}.csv"
        return SavedAudience(one["title"], self._run.files.get(one["file"]) or 0, one["file"], one["why"], address)

    def _card(self, saved: SavedResult, table: SavedTable, filters: Filters, path: str) -> Card:
        analysis = saved.result.analysis
        filtered = self._followers.filtered(analysis, table, filters)
        shown = filtered or table
        own = (_fitting(chart, shown.table) for chart in saved.result.charts if chart.table == table.table.name)
        charts = [chart for chart in own if chart]
        pictures = faces(charts)
        state = ("follows" if filtered else "whole base") if filters.is_set else ""
        place = anchor(analysis, table.table.name)
        told = [one for one in saved.result.findings if one.evidence.table == table.table.name]
        return Card(
            anchor=place,
            name=table.table.name,
            pictures=tuple(
                tuple(self._chart_card(analysis, chart, shown, filters, bool(filtered)) for chart in picture)
                for picture in pictures
            ),
            table=self._table_view(shown, table.queries),
            row_links=self._row_links(analysis, shown, filters, path),
            state=state,
            csv=filters.address(f"/table/{anchor(analysis)}/{anchor(table.table.name)}.csv"),
            finding=words.rank_findings([replace(saved.result, findings=tuple(told))])[0].finding if told else None,
            matching=self._matching(analysis, filtered) if filtered else None,
            is_broad=(
                len(pictures) > 1 or any(_is_broad(chart, shown.table) for chart in charts)
                or (not charts and shown.table.data.num_columns > _NARROW_COLUMNS)
            ),
            height=_FRAME_PIXELS + (
                max(_chart_height(chart, shown.table) for chart in charts) if charts
                else _ROW_PIXELS * min(shown.table.data.num_rows, OPEN_ROWS)
            ),
        )  # fmt: skip

    def _matching(self, analysis: str, filtered: SavedTable) -> int | None:
        """Customers that a table counts under the filters; None where that is not what it is added up from."""
        if filtered.table.customer_column:
            return filtered.row_count
        if self._followers.recipe(analysis, filtered.table.name) is None:
            return None
        return int(sum(filtered.table.data.column(COUNT).to_pylist()))

    def _chart_card(
        self, analysis: str, chart: Chart, shown: SavedTable, filters: Filters, is_filtered: bool
    ) -> ChartCard:
        base = f"/chart/{anchor(analysis)}/{anchor(chart.name)}"
        chosen = filters if is_filtered else type(filters)()
        below = f"customers who match: {filters.words()}" if is_filtered else subtitle(chart, shown.table.data)
        title = shown.table.title if is_filtered else chart.title
        return ChartCard(
            title, below, chart.kind, chosen.address(f"{base}.json"), chosen.address(f"{base}.png"),
            shown.table.info(chart.colour).heading if chart.colour else "",
        )  # fmt: skip

    def _table_view(self, saved: SavedTable, queries: tuple[str, ...]) -> TableView:
        shown = saved.table.data
        if shown.num_rows > PRINTED_ROWS:
            shown = shown.slice(0, SHOWN_ROWS)
        return view_of(saved.table, shown, saved.row_count, self._run.currency, queries)

    def _row_links(self, analysis: str, saved: SavedTable, filters: Filters, path: str) -> tuple[str, ...]:
        """Where the rows lead: a filter where the row is a value of one, else the customers it is made of."""
        rows = saved.table.data.to_pylist()
        if saved.key and saved.table.customer_column == "customer_id":
            return tuple(_customer_address(row["customer_id"]) for row in rows)
        recipe = self._followers.recipe(analysis, saved.table.name)
        columns = dict(recipe.dimensions) if recipe and recipe.source == "customers" else {}
        month = next((name for name in saved.table.dimensions if saved.table.info(name).unit == "month"), "")
        return tuple(self._row_link(row, columns, month, filters, path) for row in rows)

    def _row_link(
        self, row: Mapping[str, Any], columns: Mapping[str, str], month: str, filters: Filters, path: str
    ) -> str:
        if len(columns) == 1:
            ((name, column),) = columns.items()
            if str(row[name]) in self._there.labels.get(column, ()):
                return filters.toggled(column, str(row[name])).address(path)
        if columns:
            clauses = [
                Clause(column, "is", str(row[name])) for name, column in columns.items() if row[name] is not None
            ]
            return audience_address(clauses, filters)
        value = row.get(month)
        if value is not None and hasattr(value, "year") and month_text(value) in self._there.months:
            return filters.toggled_month(month_text(value)).address(path)
        return ""

    # -- charts -------------------------------------------------------------------------------------

    def find_table(self, analysis: str, name: str) -> tuple[SavedResult, SavedTable]:
        """A table by the names in its address.

        Raises:
            RefusedError: There is none.
        """
        saved = self._find_result(analysis)
        for table in saved.tables.values():
            if anchor(table.table.name) == name:
                return saved, table
        raise RefusedError(404, "There is no such table in this run.")

    def _find_result(self, analysis: str) -> SavedResult:
        for saved in self._run.results.values():
            if anchor(saved.result.analysis) == analysis:
                return saved
        raise RefusedError(404, "There is no such analysis in this run.")

    def audience_file(self, analysis: str, name: str) -> str:
        """The file of an audience by the names in its address.

        Raises:
            RefusedError: There is none.
        """
        for one in self._find_result(analysis).audiences:
            if anchor(one["name"]) == name:
                return one["file"]
        raise RefusedError(404, "There is no such audience in this run.")

    def _drawn(self, analysis: str, name: str, filters: Filters) -> tuple[Chart, SavedTable]:
        saved = self._find_result(analysis)
        chart = next((one for one in saved.result.charts if anchor(one.name) == name), None)
        if chart is None:
            raise RefusedError(404, "There is no such chart in this run.")
        table = saved.tables[chart.table]
        shown = self._followers.filtered(saved.result.analysis, table, filters) or table
        if shown.key:
            tests = self._followers.customer_tests(shown, filters)
            rows = self._run.reader.rows(
                shown.key, shown.table.data.column_names, tests, [shown.table.customer_column] if
                shown.table.customer_column else [], chart.max_marks,
            )  # fmt: skip
            shown = replace(shown, table=replace(shown.table, data=rows))
        fitting = _fitting(chart, shown.table)
        if fitting is None:
            raise RefusedError(404, "This chart cannot follow the filters.", "clear them")
        return fitting, shown

    def spec(self, analysis: str, name: str, filters: Filters, path: str, width: int = LIVE.width) -> dict[str, Any]:
        """A chart's specification with its data, and where its rows lead.

        Args:
            analysis: The analysis, as in addresses.
            name: The chart, as in addresses.
            filters: What is chosen.
            path: The page that its rows filter.
            width: Pixels that the page has for it.

        Raises:
            RefusedError: There is no such chart, or it cannot follow the filters.
        """
        key = (analysis, name, f"{path}?{filters.query()}", width)
        with self._lock:
            if key in self._specs:
                self._specs.move_to_end(key)
                return self._specs[key]
        chart, shown = self._drawn(analysis, name, filters)
        made = {
            "spec": chart_spec(
                chart, shown.table, shown.table.data, total=max(shown.row_count, shown.table.data.num_rows),
                currency=self._run.currency, look=replace(LIVE, width=width),
            ),
            "go": self._row_links(self._find_result(analysis).result.analysis, shown, filters, path),
        }  # fmt: skip
        with self._lock:
            self._specs[key] = made
            if len(self._specs) > _KEPT_SPECS:
                self._specs.popitem(last=False)
        return made

    def picture(self, analysis: str, name: str, filters: Filters) -> bytes:
        """A chart as PNG, with its title."""
        chart, shown = self._drawn(analysis, name, filters)
        return picture(chart, shown.table, shown.row_count, self._run.currency)


def picture(chart: Chart, table: Table, total: int, currency: str) -> bytes:
    """A chart and its rows as PNG, twice as fine as a screen."""
    import vl_convert

    total = max(total, table.data.num_rows)
    spec = chart_spec(chart, table, table.data, total=total, currency=currency, look=FILE)
    png: bytes = vl_convert.vegalite_to_png(spec, scale=2, allowed_base_urls=[])
    return png


def _is_broad(chart: Chart, table: Table) -> bool:
    """Whether a chart has many columns of cells, long names down its side, or positions that a model computed."""
    if chart.kind in ("tree", "flow", "network"):
        return True
    if max((len(str(name)) for name in _side_names(chart, table)), default=0) > _NARROW_NAME:
        return True
    return chart.kind == "heatmap" and len(set(table.data.column(chart.x).to_pylist())) > _NARROW_CELLS


def _chart_height(chart: Chart, table: Table) -> int:
    """About how many pixels a chart is high: those with names down the side grow with them."""
    names = _side_names(chart, table)
    return _ROW_PIXELS * min(MAX_NAMES, len(names)) + 80 if names else _CHART_PIXELS


def _side_names(chart: Chart, table: Table) -> set[Any]:
    """The names that stand down the side of a chart; none where it has an axis there."""
    if chart.kind not in ("bar", "interval", "heatmap"):
        return set()
    for column in (chart.y, *([chart.x] if chart.kind != "heatmap" else [])):
        if chart.kind == "heatmap" or str(table.data.schema.field(column).type) == "string":
            return set(table.data.column(column).to_pylist())
    return set()


def _fitting(chart: Chart, table: Table) -> Chart | None:
    """The chart without the columns that a table added up again does not have; None where it would draw nothing."""
    names = set(table.data.column_names)
    if not {chart.x, chart.y} <= names or not table.data.num_rows:
        return None
    lacking = {
        field: ""
        for field in ("colour", "low", "high", "size", "label", "is_partial", "x2", "y2")
        if getattr(chart, field) and getattr(chart, field) not in names
    }
    return replace(chart, **lacking) if lacking else chart  # type: ignore[arg-type]


def _customer_address(customer_id: Any) -> str:
    from urllib.parse import urlencode

    return "" if customer_id is None else f"/customers?{urlencode({'id': str(customer_id)})}"
