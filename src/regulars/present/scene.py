"""From a chart's description and rows to plain records: scales, orders and written values, before any drawing.

Every column gets a fixed channel name (`x`, `y`, `colour` …), so that no name of the user's is ever part of a
specification's expressions, and every text is written here as everywhere else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from regulars.core.units import write
from regulars.present.tables import clean, is_partial, shorten, unit_word
from regulars.present.words import write_short

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from regulars.core.chart import Chart
    from regulars.core.result import Table
    from regulars.core.units import Unit

Scale = Literal["quantity", "time", "category"]
Record = dict[str, Any]

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
BLUE = OKABE_ITO[0]
PAPER = "#fefefe"
"""Stands for the colour of the page: a style sheet may replace it, so that hollow marks are hollow in the dark too."""

CHANNELS = ("x", "y", "colour", "low", "high", "size", "x2", "y2")
MAX_NAMES = 60
"""Names down the side of a chart: a longer list is for a table."""
_CATEGORY_CHARACTERS = 60
_LABEL_CHARACTERS = 64


@dataclass(frozen=True)
class Look:
    """Where a chart will stand, which decides colours and what is printed beside the marks.

    Args:
        ink: Colour of text and axes; `currentColor` takes that of the page.
        background: Colour behind the chart.
        width: Pixels.
        has_title: Whether the title stands in the picture, because no page says it.
        has_tooltips: Whether marks tell their values when pointed at, and know which row (`row`) they draw.
    """

    ink: str = "currentColor"
    background: str = "transparent"
    width: int = 720
    has_title: bool = False
    has_tooltips: bool = False


PAGE = Look()
"""Inside a page that sets colours and prints the title."""
FILE = Look(ink="#1f2328", background="#ffffff", has_title=True)
"""A picture of its own, to be pasted into a document."""
LIVE = Look(has_tooltips=True)
"""A card of a dashboard."""


@dataclass(frozen=True)
class Channel:
    """One channel of a chart: its words, unit and scale; for categories their order, for quantities their range."""

    name: str
    column: str
    title: str
    unit: Unit
    scale: Scale
    order: tuple[str, ...] = ()
    range: tuple[float, float] | None = None
    is_whole: bool = False


@dataclass(frozen=True)
class Scene:
    """A chart with its rows as records.

    `category` is the position channel that names things, `value` the other. `datasets` holds the rows of each layer by
    name, and is filled while the layers are made.
    """

    chart: Chart
    look: Look
    channels: Mapping[str, Channel]
    records: tuple[Record, ...]
    title: str
    subtitle: str
    category: Literal["x", "y"] = "x"
    tip_titles: tuple[str, ...] = ()
    datasets: dict[str, list[Record]] = field(default_factory=dict)

    @property
    def value(self) -> Literal["x", "y"]:
        """The position channel that measures."""
        return "y" if self.category == "x" else "x"

    @property
    def has_interval(self) -> bool:
        """Whether values have their intervals."""
        return "low" in self.channels and "high" in self.channels


def make_scene(chart: Chart, table: Table, rows: pa.Table, total: int, currency: str = "", look: Look = PAGE) -> Scene:
    """A chart's rows as records.

    Args:
        chart: What to draw.
        table: The table it names.
        rows: Its rows, at most `chart.max_marks`.
        total: How many rows the table has; where that is more, the title says so.
        currency: ISO code, for money.
        look: Where it will stand.
    """
    rows = rows.slice(0, chart.max_marks)
    swaps = (
        chart.kind in ("bar", "interval")
        and _is_quantity(rows, table, chart.x)
        and not (_is_quantity(rows, table, chart.y))
    )
    category: Literal["x", "y"] = "y" if swaps else "x"
    channels: dict[str, Channel] = {}
    columns: dict[str, list[Any]] = {}
    for name in CHANNELS:
        column = getattr(chart, name)
        if column:
            scale = _scale(name, chart, rows, table, category)
            channels[name], columns[name] = _channel(name, column, scale, chart, rows, table, currency, category)
    if chart.label or chart.kind == "heatmap":
        columns["label"] = _labels(chart, rows, table, currency)
    columns["partial"] = (
        [bool(value) for value in rows.column(chart.is_partial).to_pylist()]
        if chart.is_partial
        else [False] * rows.num_rows
    )
    if look.has_tooltips:
        columns |= _tooltips(chart, rows, table, currency)
        columns["row"] = list(range(rows.num_rows))
    names = list(columns)
    records = tuple(dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True))
    if chart.kind == "heatmap" and "colour" in channels:
        channels, records = _with_cells(channels, records)
    first = f" (first {rows.num_rows:,} of {total:,})" if total > rows.num_rows else ""
    named = channels[category]
    if chart.kind in ("bar", "interval") and len(named.order) > MAX_NAMES:
        first = f" (first {MAX_NAMES} of {len(named.order):,})"
        channels[category] = replace(named, order=named.order[:MAX_NAMES])
        records = tuple(one for one in records if one[category] in channels[category].order)
    return Scene(
        chart=chart,
        look=look,
        channels=channels,
        records=records,
        title=clean(chart.title) + first,
        subtitle=subtitle(chart, rows),
        category=category,
        tip_titles=tuple(clean(table.info(column).heading) for column in chart.columns),
    )


def _with_cells(
    channels: dict[str, Channel], records: tuple[Record, ...]
) -> tuple[dict[str, Channel], tuple[Record, ...]]:
    """A heat map without the rows and columns that have no cell at all; where nothing has one, they stay."""
    filled = [record for record in records if record["colour"] is not None]
    if not filled:
        return channels, records
    named = {name: {record[name] for record in filled} for name in ("x", "y")}
    kept = {name: tuple(text for text in channels[name].order if text in named[name]) for name in named}
    drawn = tuple(record for record in records if all(record[name] in named[name] for name in named))
    return channels | {name: replace(channels[name], order=order) for name, order in kept.items()}, drawn


def subtitle(chart: Chart, rows: pa.Table) -> str:
    """Measure, unit and period, and what hollow means where there is something incomplete."""
    note = "hollow or dashed: not complete" if is_partial(chart, rows) else ""
    return "; ".join(part for part in (clean(chart.subtitle), note) if part)


def _is_quantity(rows: pa.Table, table: Table, column: str) -> bool:
    import pyarrow as pa

    kind = rows.schema.field(column).type
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return is_number and table.info(column).unit not in ("text", "id")


def _is_time(rows: pa.Table, column: str) -> bool:
    import pyarrow as pa

    kind = rows.schema.field(column).type
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def _scale(name: str, chart: Chart, rows: pa.Table, table: Table, category: str) -> Scale:
    column = getattr(chart, name)
    is_named = (
        (chart.kind == "heatmap" and name in ("x", "y"))
        or (chart.kind in ("bar", "column") and name == category)
        or (chart.kind == "histogram" and name == "x" and not chart.x2)
        or (chart.kind in ("line", "area") and name == "colour")
    )
    if is_named:
        return "category"
    if _is_quantity(rows, table, column):
        return "quantity"
    return "time" if _is_time(rows, column) else "category"


def _channel(
    name: str, column: str, scale: Scale, chart: Chart, rows: pa.Table, table: Table, currency: str, category: str
) -> tuple[Channel, list[Any]]:
    info = table.info(column)
    raw = rows.column(column).to_pylist()
    word = unit_word(info, currency)
    title = clean(f"{info.heading} ({word})" if word and scale == "quantity" else info.heading)
    if scale == "quantity":
        values = [_number(value) for value in raw]
        known = [value for value in values if value is not None]
        span = (min(known), max(known)) if known else None
        is_whole = all(value.is_integer() for value in known)
        return Channel(name, column, title, info.unit, scale, range=span, is_whole=is_whole), values
    if scale == "time":
        instants = [_milliseconds(value) for value in raw]
        known = [value for value in instants if value is not None]
        span = (min(known), max(known)) if known else None
        return Channel(name, column, title, info.unit, scale, range=span), instants
    texts = _texts(raw, info.unit, currency)
    order = _order(raw, chart, rows, name, category)
    return Channel(name, column, title, info.unit, scale, order=tuple(texts[_key(value)] for value in order)), [
        texts[_key(value)] for value in raw
    ]


def _number(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _milliseconds(value: date | datetime | None) -> float | None:
    if value is None:
        return None
    instant = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp() * 1000


def _key(value: Any) -> tuple[str, str]:
    return type(value).__name__, str(value)


def _texts(values: Iterable[Any], unit: Unit, currency: str) -> dict[tuple[str, str], str]:
    """The text of every distinct value; two values never share one, however long they are."""
    texts: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    for value in values:
        if _key(value) in texts:
            continue
        text = short = shorten(clean(write(value, unit, currency)), _CATEGORY_CHARACTERS)
        number = 1
        while text in taken:
            number += 1
            text = f"{short} ({number})"
        taken.add(text)
        texts[_key(value)] = text
    return texts


def _order(raw: Sequence[Any], chart: Chart, rows: pa.Table, name: str, category: str) -> list[Any]:
    """The distinct values in the order they are drawn: that of the data, of the measure, or their own."""
    distinct = list({_key(value): value for value in raw}.values())
    if name == "colour" or chart.x_sort == "data" or name not in ("x", "y"):
        return distinct
    if chart.x_sort == "value" and name == category:
        measures = rows.column(chart.y if category == "x" else chart.x).to_pylist()
        totals: dict[tuple[str, str], float] = {}
        for value, measure in zip(raw, measures, strict=True):
            totals[_key(value)] = totals.get(_key(value), 0.0) + (_number(measure) or 0.0)
        return sorted(distinct, key=lambda value: -totals[_key(value)])
    known = [value for value in distinct if value is not None]
    try:
        ordered = sorted(known)
    except TypeError:
        ordered = sorted(known, key=str)
    if chart.kind == "heatmap" and name == "y" and known and not isinstance(known[0], str | date):
        ordered.reverse()  # numbers rise upwards, as on any axis
    return ordered + [value for value in distinct if value is None]


def _labels(chart: Chart, rows: pa.Table, table: Table, currency: str) -> list[str]:
    column = chart.label or chart.colour or chart.y
    unit = table.info(column).unit
    is_cell = chart.kind == "heatmap"
    texts = []
    for value in rows.column(column).to_pylist():
        text = "" if value is None else write_short(value, unit, currency, full_below=1e5)
        if is_cell:
            text = text.removesuffix(" %").removesuffix(" pp")
        texts.append(shorten(clean(text), _LABEL_CHARACTERS))
    return texts


def _tooltips(chart: Chart, rows: pa.Table, table: Table, currency: str) -> dict[str, list[str]]:
    return {
        f"tip_{place}": [
            shorten(clean(write(value, table.info(column).unit, currency)), _CATEGORY_CHARACTERS)
            for value in rows.column(column).to_pylist()
        ]
        for place, column in enumerate(chart.columns)
    }


def runs(scene: Scene) -> tuple[list[Record], list[Record]]:
    """The points of a line as solid and dashed pieces.

    A dashed piece joins incomplete periods. Nothing joins a whole period to an incomplete one, nor reaches across a
    missing value, so that neither is drawn as a fall. Records get the field `run`, which no two pieces share.

    Returns:
        The records of the solid pieces and those of the dashed ones.
    """
    solid: list[Record] = []
    dashed: list[Record] = []
    number = 0
    for series in _series(scene):
        for (is_known, is_partial_run), piece in groupby(
            series, key=lambda one: (one["y"] is not None, one["partial"])
        ):
            if is_known:
                number += 1
                (dashed if is_partial_run else solid).extend({**record, "run": number} for record in piece)
    return solid, dashed


def _series(scene: Scene) -> list[list[Record]]:
    groups: dict[Any, list[Record]] = {}
    for record in scene.records:
        groups.setdefault(record.get("colour"), []).append(record)
    places = {text: place for place, text in enumerate(scene.channels["x"].order)}
    return [
        sorted(
            (one for one in group if one["x"] is not None),
            key=lambda one: places[one["x"]] if places else one["x"],
        )
        for group in groups.values()
    ]
