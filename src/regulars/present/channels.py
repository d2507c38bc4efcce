"""The channels of a drawn chart: positions with their axes, colours with their legends, sizes and tooltips.

Axis labels are made by fixed expressions; nothing from the data is ever part of one.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from regulars.present.scene import BLUE, OKABE_ITO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regulars.present.scene import Channel, Record, Scene

_DAY = 86_400_000.0
_DARK_BELOW = 0.47
"""On cividis, white text is legible below this share of the scale and black text above it (4.5 : 1 or more)."""
_FROM_ZERO = ("line", "area", "bar", "column", "histogram")
_NUMBER_FORMATS = {
    "share": "format(100 * datum.value, '.3~r') + ' %'",
    "change_share": "format(100 * datum.value, '+.3~r') + ' %'",
    "change_points": "format(100 * datum.value, '+.3~r') + ' pp'",
}
_PLAIN_NUMBER = (
    "abs(datum.value) < 10000 ? format(datum.value, ',.4~r')"
    " : replace(replace(replace(format(datum.value, '~s'), 'G', ' bn'), 'M', ' m'), 'k', ' k')"
)
_TWO_LINES = "split(replace(datum.label, regexp('^(?=.{{{beyond},}})(.{{8,{line}}}) '), '$1\\n'), '\\n')"
_TICKS = 9
_USUAL, _FAR = 0.85, 4.0
_CELL = 96
"""The most pixels that a cell of a heat map is broad."""
_CHARACTER = 7
_SLANTED = 180
"""Pixels that a slanted name may be long."""
_SLANTED_STEP = 22
"""Pixels from one slanted name to the next at least."""
_LINE = 30
_NARROW = 600
_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60)


def plot_height(scene: Scene) -> int:
    """Pixels of the whole picture: fixed, or so many per row where rows have names, and room for the legend."""
    kind = scene.chart.kind
    legend = 28 * legend_rows(scene)
    if kind == "heatmap":
        rows = max(2, len(scene.channels["y"].order))
        return (30 if rows <= 30 else 16) * rows + 70 + _slanted_height(scene) + legend
    if kind in ("bar", "interval") and scene.channels[scene.category].scale == "category":
        row = max(28, 11 * _side_by_side(scene))
        return row * max(2, len(scene.channels[scene.category].order)) + 80 + legend
    if kind == "flow":
        nodes = Counter(one["x"] for one in scene.records if one.get("x2") is None)
        return max(300, 30 * max(nodes.values(), default=0) + 40) + legend
    return {"tree": 400, "network": 480, "scatter": 380}.get(kind, 290) + legend


def _slanted_height(scene: Scene) -> int:
    """Pixels that names above a heat map take beyond a line, where they stand slanted."""
    channel = scene.channels["x"]
    if not _is_crowded(channel, scene):
        return 0
    steep = 1.0 if _is_narrow(scene) else 0.65
    return int(steep * min(_SLANTED, _CHARACTER * max(len(text) for text in channel.order)))


def _is_narrow(scene: Scene) -> bool:
    """Whether slanted names above the columns of a heat map would lie on one another, so that they stand upright."""
    if scene.chart.kind != "heatmap":
        return False
    return (plot_width(scene) - _names_width(scene) - 30) / max(1, len(scene.channels["x"].order)) < _SLANTED_STEP


def _side_by_side(scene: Scene) -> int:
    """How many intervals one name has at most: they stand beside each other, each in its colour."""
    channel = scene.channels.get("colour")
    if scene.chart.kind != "interval" or channel is None or channel.scale != "category":
        return 1
    if scene.channels[scene.category].scale != "category":
        return 1
    return max(Counter(one[scene.category] for one in scene.records).values(), default=1)


def beside(scene: Scene, across: str) -> dict[str, Any]:
    """The channel that keeps the intervals of one name from lying on one another; empty where there is one each."""
    import altair as alt

    if _side_by_side(scene) < 2:
        return {}
    make = alt.YOffset if across == "y" else alt.XOffset
    scale = alt.Scale(paddingOuter=0.4)
    return {f"{across}Offset": make("colour:N", sort=list(scene.channels["colour"].order), scale=scale)}


def legend_rows(scene: Scene) -> int:
    """Rows of the legend; 0 where there is none."""
    channel = scene.channels.get("colour")
    if channel is None:
        return 0
    if channel.scale == "category":
        return -(-len(channel.order) // _legend_columns(scene)) if _needs_legend(scene) else 0
    return 0 if _is_printed(scene) else 2


def plot_width(scene: Scene) -> int:
    """Pixels of the whole picture: the full width, but no heat map with cells broader than they need be."""
    if scene.chart.kind != "heatmap":
        return scene.look.width
    return min(scene.look.width, _CELL * len(scene.channels["x"].order) + _names_width(scene) + 40)


def cell_font(scene: Scene) -> int:
    """The size in which a heat map's values fit into its cells; 0 where none does, and a legend has to tell them."""
    longest = max((len(record["label"]) for record in scene.records), default=1)
    room = (plot_width(scene) - _names_width(scene) - 30) / max(1, len(scene.channels["x"].order))
    return next((size for size in (11, 9) if 0.58 * size * longest + 2 <= room), 0)


def _is_printed(scene: Scene) -> bool:
    """Whether the quantity that colours a heat map stands in its cells, so that no legend is needed."""
    is_own = scene.chart.kind == "heatmap" and scene.chart.label in ("", scene.chart.colour)
    return is_own and cell_font(scene) > 0


def position(scene: Scene, name: str, along: str = "", field: str = "", orient: str = "", bare_padding: int = 0) -> Any:
    """A position channel with its axis.

    Args:
        scene: The chart.
        name: The channel: `x` or `y`.
        along: The direction it is drawn in, where that is not its own.
        field: Another field on the same axis (the end of an interval).
        orient: The side of the axis, where that is not the usual one.
        bare_padding: Pixels around what is drawn, where there is no axis, because coordinates mean nothing.
    """
    import altair as alt

    channel = scene.channels[name]
    along = along or name
    make = alt.X if along == "x" else alt.Y
    if bare_padding:
        return make(f"{name}:Q", axis=None, scale=alt.Scale(zero=False, nice=False, padding=bare_padding))
    axis = alt.Axis(**_axis(channel, along, scene), **({"orient": orient} if orient else {}))
    if channel.scale == "category":
        padding = 0 if scene.chart.kind == "heatmap" else 0.28
        scale = alt.Scale(padding=0.5) if scene.chart.kind in ("line", "area") else alt.Scale(paddingInner=padding)
        return make(f"{name}:O", title=channel.title, sort=list(channel.order), axis=axis, scale=scale)
    if channel.scale == "time":
        return make(f"{name}:T", title=channel.title, axis=axis, scale=alt.Scale(type="utc"))
    return make(f"{field or name}:Q", title=channel.title, axis=axis, scale=_quantity_scale(scene, name))


def _quantity_scale(scene: Scene, name: str) -> Any:
    import altair as alt

    kind = scene.chart.kind
    if kind in ("scatter", "interval"):
        return alt.Scale(zero=False, nice=False, padding=12)
    if name != scene.value:
        return alt.Scale(zero=False, nice=False)
    if kind == "bar" and scene.chart.label:  # room for what is printed beside the longest bar
        totals: dict[str, float] = {}
        for record in scene.records:
            totals[record[scene.category]] = totals.get(record[scene.category], 0.0) + (record[name] or 0.0)
        lowest, highest = min(totals.values(), default=0.0), max(totals.values(), default=0.0)
        if lowest >= 0 and highest > 0:
            return alt.Scale(domain=[0, _label_factor(scene) * highest], nice=False)
        if lowest < 0:
            spare = (_label_factor(scene) - 1) * (max(highest, 0.0) - lowest)
            return alt.Scale(domain=[lowest - spare, max(highest, 0.0) + spare], nice=False)
    return alt.Scale(zero=kind in _FROM_ZERO)


def _label_factor(scene: Scene) -> float:
    """By how much an axis is longer than its longest bar, so that what is printed beside that has room."""
    longest = max((len(record["label"]) for record in scene.records), default=0)
    room = scene.look.width - _names_width(scene) - 40
    return max(1.1, room / max(room / 2, room - _CHARACTER * longest - 10))


def _name_limit(scene: Scene) -> int:
    """Pixels that a name down the side may take."""
    return min(260, scene.look.width * 2 // 5)


def _longest_name(scene: Scene) -> int:
    """Characters of the longest name down the side."""
    channel = scene.channels["y" if scene.chart.kind == "heatmap" else scene.category]
    return max((len(text) for text in channel.order), default=0)


def _line(scene: Scene) -> int:
    """Characters of the first line of a name down the side; what goes beyond them stands on a second one."""
    return min(_longest_name(scene), max(9, min(_name_limit(scene) // _CHARACTER, _LINE)))


def _names_width(scene: Scene) -> int:
    """Pixels that the names down the side take; 0 where there are none."""
    channel = scene.channels["y" if scene.chart.kind == "heatmap" else scene.category]
    if scene.chart.kind not in ("heatmap", "bar", "interval") or channel.scale != "category":
        return 0
    return min(_CHARACTER * _line(scene), _name_limit(scene))


def _axis(channel: Channel, along: str, scene: Scene) -> dict[str, Any]:
    axis: dict[str, Any] = {}
    if along == "y":  # the title lies flat above the axis, where it can be read
        place = {"titleAlign": "left", "titleX": -4, "titleY": -10}
        if scene.chart.kind == "heatmap":  # beside the names above the cells, which may be slanted
            place = {"titleAlign": "right", "titleX": -6, "titleY": -8}
        axis |= {"titleAngle": 0, "titleAnchor": "end", **place}
    if channel.scale == "time":
        return axis | _time_axis(channel, max(3, min(_TICKS, scene.look.width // 75)))
    if channel.scale == "category":
        if scene.chart.kind == "heatmap" and along == "x":
            axis["titleAnchor"] = "end"
        axis |= {"grid": False, "labelOverlap": along == "x", "labelSeparation": 8, "labelAngle": 0}
        axis["labelLimit"] = _name_limit(scene) if along == "y" else 260
        if along == "y" and _line(scene) < _longest_name(scene):
            axis["labelExpr"] = _TWO_LINES.format(line=_line(scene), beyond=_line(scene) + 1)
            axis["labelOffset"] = {
                "condition": {"test": f"length(datum.label) > {_line(scene)}", "value": -6},
                "value": 0,
            }
        if along == "x" and _is_crowded(channel, scene):
            side = "left" if scene.chart.kind == "heatmap" else "right"  # a heat map has them above
            angle = -90 if _is_narrow(scene) else -40
            axis |= {"labelAngle": angle, "labelAlign": side, "labelOverlap": False, "labelLimit": _SLANTED}
        return axis
    ticks = 5 if along == "y" or scene.look.width < _NARROW else 7
    axis |= {"labelExpr": _NUMBER_FORMATS.get(channel.unit, _PLAIN_NUMBER), "tickCount": ticks}
    return axis | ({"tickMinStep": 1} if channel.is_whole else {})


def _is_crowded(channel: Channel, scene: Scene) -> bool:
    """Whether names along the foot would meet; dates are thinned out instead."""
    if channel.unit in ("date", "month", "instant") or len(channel.order) > 30:
        return False
    room = plot_width(scene) - (_names_width(scene) + 30 if scene.chart.kind == "heatmap" else 0)
    return max((len(text) for text in channel.order), default=0) * _CHARACTER * len(channel.order) > room


def _time_axis(channel: Channel, ticks: int) -> dict[str, Any]:
    """Ticks on the first of a month where the span is long enough, so that no month is named twice or cut."""
    start, end = channel.range or (0.0, 0.0)
    days = (end - start) / _DAY
    axis: dict[str, Any] = {"labelOverlap": "greedy", "labelSeparation": 8, "labelFlush": False, "grid": False}
    if channel.unit != "month" and days < 75:
        return axis | {"format": "%-d %b", "tickCount": ticks}
    months = days / 30.4
    step = next((step for step in _MONTH_STEPS if months / step <= ticks), _MONTH_STEPS[-1])
    return axis | {"format": "%Y" if step >= 12 else "%b %Y", "tickCount": {"interval": "month", "step": step}}


def colour(scene: Scene) -> Any:
    """Okabe–Ito for names, cividis for quantities and for more names than there are colours, else the one blue."""
    import altair as alt

    channel = scene.channels.get("colour")
    if channel is None:
        return alt.value(BLUE)
    if channel.scale == "category":
        return alt.Color("colour:N", sort=list(channel.order), scale=_names_scale(channel), legend=_names_legend(scene))
    kind = "Q" if channel.scale == "quantity" else "T"
    options: dict[str, Any] = {"scheme": "cividis"}
    if scene.chart.kind == "heatmap" and channel.scale == "quantity":
        options |= {"domain": list(_heat_range(scene)), "clamp": True}
    length = min(180, scene.look.width // 3)
    legend = alt.Legend(title=channel.title, gradientLength=length)
    if channel.scale == "quantity":
        legend = alt.Legend(
            title=channel.title, gradientLength=length, labelExpr=_NUMBER_FORMATS.get(channel.unit, _PLAIN_NUMBER)
        )
    return alt.Color(f"colour:{kind}", scale=alt.Scale(**options), legend=None if _is_printed(scene) else legend)


def _names_scale(channel: Channel) -> Any:
    import altair as alt

    if len(channel.order) > len(OKABE_ITO):
        return alt.Scale(domain=list(channel.order), scheme="cividis")
    return alt.Scale(domain=list(channel.order), range=list(OKABE_ITO[: len(channel.order)]))


def _names_legend(scene: Scene) -> Any:
    import altair as alt

    return alt.Legend(title=None, columns=_legend_columns(scene), labelLimit=260) if _needs_legend(scene) else None


def _needs_legend(scene: Scene) -> bool:
    """Not where the axis names the same column already, nor where the nodes of a flow have their names beside them."""
    if is_named(scene):
        return False
    return scene.channels["colour"].column != scene.channels[scene.category].column


def is_named(scene: Scene) -> bool:
    """Whether a flow has its names beside it: where it is too narrow for that, a legend has them."""
    return scene.chart.kind == "flow" and bool(scene.chart.label) and scene.look.width >= _NARROW


def _legend_columns(scene: Scene) -> int:
    order = scene.channels["colour"].order
    longest = max((len(text) for text in order), default=1)
    return max(1, min(len(order), (scene.look.width - _names_width(scene)) // (_CHARACTER * longest + 56)))


def hollow_stroke(scene: Scene) -> Any:
    """The outline of a hollow mark: the colour it would be filled with."""
    import altair as alt

    channel = scene.channels.get("colour")
    if channel is None or channel.scale != "category":
        return alt.value(BLUE)
    return alt.Stroke("colour:N", sort=list(channel.order), scale=_names_scale(channel), legend=None)


def sizes(scene: Scene, largest: int) -> dict[str, Any]:
    """The size channel, from nothing up to `largest`; empty where the chart has none."""
    import altair as alt

    if "size" not in scene.channels:
        return {}
    return {"size": alt.Size("size:Q", scale=alt.Scale(range=[1, largest], zero=True), legend=None)}


def tooltips(scene: Scene) -> dict[str, Any]:
    """What a mark tells when pointed at, where the look has that."""
    import altair as alt

    if not scene.look.has_tooltips:
        return {}
    return {"tooltip": [alt.Tooltip(f"tip_{place}:N", title=words) for place, words in enumerate(scene.tip_titles)]}


def heat_range(records: Sequence[Record]) -> tuple[float, float]:
    """The quantities between which a heat map's colours run.

    One value far above all others (the 100 % of a first month) would leave a single shade for the rest, so the scale
    then ends at the next lower one; where a few cells (the customers of the first months) are more than four times
    those below them, it ends below these. The printed values still say everything.

    >>> heat_range([{"colour": 1.0}, {"colour": 0.4}, {"colour": 0.3}])
    (0.3, 0.4)
    """
    values = sorted({record["colour"] for record in records if record.get("colour") is not None})
    if not values:
        return 0.0, 1.0
    if len(values) > 2 and values[-1] > 2 * values[-2] > 0:
        values.pop()
    every = sorted(record["colour"] for record in records if record.get("colour") is not None)
    usual = every[int(_USUAL * (len(every) - 1))]
    return values[0], usual if values[-1] > _FAR * usual > 0 and usual > values[0] else values[-1]


def _heat_range(scene: Scene) -> tuple[float, float]:
    """The range of a heat map's colours; the extreme is left out only where its value is printed."""
    channel = scene.channels.get("colour")
    if channel is None or channel.scale != "quantity" or channel.range is None:
        return 0.0, 1.0
    return heat_range(scene.records) if _is_printed(scene) else channel.range


def text_inks(scene: Scene) -> list[str]:
    """For each record of a heat map, the colour in which its value is legible."""
    channel = scene.channels.get("colour")
    low, high = _heat_range(scene)
    inks = []
    for record in scene.records:
        value = record.get("colour")
        if channel is None or value is None or record["partial"]:
            inks.append(scene.look.ink)
            continue
        if channel.scale == "category":
            place, count = channel.order.index(value), len(channel.order)
            share = (place / (count - 1)) if count > len(OKABE_ITO) else (0.0 if place == 0 else 1.0)
        else:
            share = (value - low) / (high - low) if high > low else 0.0
        inks.append("#ffffff" if share < _DARK_BELOW else "#000000")
    return inks
