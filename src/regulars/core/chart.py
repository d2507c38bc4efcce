"""A chart as data: which table, which columns, which kind; never pixels.

The same description becomes an Altair chart in a notebook, an SVG in the report and a live card in the dashboard. A
chart always names a table of its Result, so every chart has its table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

ChartKind = Literal[
    "line", "bar", "column", "heatmap", "scatter", "area", "histogram", "interval", "tree", "flow", "network"
]
"""`bar` is horizontal, `column` vertical, `interval` a dot with its interval. `tree`, `flow` and `network` draw
coordinates that a model computed (`x`, `y`, and `x2`, `y2` for the links)."""


@dataclass(frozen=True)
class Chart:
    """How one table is drawn.

    Args:
        name: File name and anchor, unique within the Result.
        title: The finding, as a sentence.
        subtitle: Measure, unit and period.
        kind: The shape.
        table: Name of the table it draws, in the same Result.
        x: Column on the horizontal axis.
        y: Column on the vertical axis.
        colour: Column that colours (nominal: Okabe–Ito; quantity: cividis), or "" for the one blue.
        low: Column with the lower end of an interval around `y`.
        high: Column with its upper end.
        size: Column that sizes the marks.
        label: Column whose value is printed on the mark (always, on a heat map).
        is_partial: Boolean column: rows of an incomplete period, drawn hollow or dashed.
        x_sort: "data" keeps the table's order, "value" sorts by y, "" sorts by x.
        max_marks: Rows drawn at most; the title then says "first n of m".
        x2: End of a link (flow, network, tree).
        y2: End of a link (flow, network, tree).
    """

    name: str
    title: str
    subtitle: str
    kind: ChartKind
    table: str
    x: str
    y: str
    colour: str = ""
    low: str = ""
    high: str = ""
    size: str = ""
    label: str = ""
    is_partial: str = ""
    x_sort: Literal["", "data", "value"] = ""
    max_marks: int = 5000
    x2: str = ""
    y2: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Every table column the chart draws."""
        named = (
            self.x,
            self.y,
            self.colour,
            self.low,
            self.high,
            self.size,
            self.label,
            self.is_partial,
            self.x2,
            self.y2,
        )
        return tuple(dict.fromkeys(name for name in named if name))


def faces(charts: Iterable[Chart]) -> list[tuple[Chart, ...]]:
    """Charts in pictures: heat maps of the same cells, coloured by different columns, are faces of one picture.

    The first face stands for all where only one can be shown.

    >>> one = Chart("share", "", "", "heatmap", "cohorts", "month", "cohort", colour="share")
    >>> other = Chart("revenue", "", "", "heatmap", "cohorts", "month", "cohort", colour="revenue")
    >>> [[chart.name for chart in picture] for picture in faces([one, other])]
    [['share', 'revenue']]
    """
    pictures: dict[tuple[str, ...], list[Chart]] = {}
    for chart in charts:
        own = (chart.table, chart.x, chart.y) if chart.kind == "heatmap" else (chart.name,)
        pictures.setdefault(own, []).append(chart)
    return [tuple(picture) for picture in pictures.values()]
