"""The marks of each kind of chart, as Altair layers.

Incomplete periods are hollow or dashed; intervals are drawn where there are any; a heat map prints its values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.present.channels import beside, cell_font, colour, hollow_stroke, position, sizes, text_inks, tooltips
from regulars.present.links import links
from regulars.present.scene import PAPER, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from regulars.present.scene import Record, Scene

_MAX_POINTS = 240
"""A line with more points than this is drawn without dots."""


def layers(scene: Scene) -> list[Any]:
    """The layers of a scene, lowest first."""
    return _KINDS[scene.chart.kind](scene)


def _on(scene: Scene, records: Iterable[Record]) -> Any:
    """A layer on these records, which it knows by name only: Altair copies what it holds many times over."""
    import altair as alt

    name = f"rows_{len(scene.datasets)}"
    scene.datasets[name] = list(records)
    return alt.Chart(alt.NamedData(name))


def _split(scene: Scene) -> tuple[list[Record], list[Record]]:
    """The records that have a value: those of whole periods, and those of incomplete ones."""
    known = [record for record in scene.records if record[scene.value] is not None]
    return [one for one in known if not one["partial"]], [one for one in known if one["partial"]]


def _line(scene: Scene) -> list[Any]:
    x, y, tint = position(scene, "x"), position(scene, "y"), colour(scene)
    solid, dashed = runs(scene)
    whole, partial = _split(scene)
    drawn: list[Any] = []
    if scene.has_interval:
        known = [one for one in (*solid, *dashed) if one["low"] is not None and one["high"] is not None]
        band = _on(scene, known).mark_area(opacity=0.16)
        low = position(scene, "y", field="low")
        drawn.append(band.encode(x=x, y=low, y2="high:Q", color=tint, detail="run:N"))
    for records, dash in ((solid, [1, 0]), (dashed, [4, 4])):
        line = _on(scene, records).mark_line(strokeWidth=2.2, strokeDash=dash)
        drawn.append(line.encode(x=x, y=y, color=tint, detail="run:N"))
    if len(whole) <= _MAX_POINTS:
        dots = _on(scene, whole).mark_point(size=26, filled=True, opacity=1)
        drawn.append(dots.encode(x=x, y=y, color=tint, **tooltips(scene)))
    if partial:
        rings = _on(scene, partial).mark_point(size=56, filled=False, fill=PAPER, strokeWidth=2, opacity=1)
        drawn.append(rings.encode(x=x, y=y, color=tint, **tooltips(scene)))
    return drawn + _labels(scene, x=x, y=y, dy=-12)


def _area(scene: Scene) -> list[Any]:
    """Areas; an incomplete period stands apart as a hollow column."""
    x, y, tint = position(scene, "x"), position(scene, "y"), colour(scene)
    solid, _ = runs(scene)
    _, partial = _split(scene)
    area = _on(scene, solid).mark_area(opacity=0.75, line={"strokeWidth": 1.5})
    drawn = [area.encode(x=x, y=y, color=tint, detail="run:N", **tooltips(scene))]
    if partial:
        hollow = _on(scene, partial).mark_bar(width=12, fillOpacity=0.12, strokeWidth=1.4, strokeDash=[4, 3])
        drawn.append(hollow.encode(x=x, y=y, color=tint, stroke=hollow_stroke(scene), **tooltips(scene)))
    return drawn


def _bar(scene: Scene) -> list[Any]:
    return _bars(scene, {"y": position(scene, scene.category, "y"), "x": position(scene, scene.value, "x")}, "x")


def _column(scene: Scene) -> list[Any]:
    return _bars(scene, {"x": position(scene, "x"), "y": position(scene, "y")}, "y")


def _bars(scene: Scene, places: dict[str, Any], along: str) -> list[Any]:
    whole, partial = _split(scene)
    tint = colour(scene)
    drawn = [_on(scene, whole).mark_bar(cornerRadiusEnd=1).encode(**places, color=tint, **tooltips(scene))]
    if partial:
        hollow = _on(scene, partial).mark_bar(fillOpacity=0.12, strokeWidth=1.4, strokeDash=[4, 3])
        drawn.append(hollow.encode(**places, color=tint, stroke=hollow_stroke(scene), **tooltips(scene)))
    if scene.has_interval:
        drawn.append(_whiskers(scene, places, along))
    return drawn + _end_labels(scene, places, along)


def _end_labels(scene: Scene, places: dict[str, Any], along: str) -> list[Any]:
    """What is printed at the end of a bar, on the side to which it points."""
    import altair as alt

    if not scene.chart.label:
        return []
    drawn = []
    for is_below in (False, True):
        known = [one for one in scene.records if one[scene.value] is not None and (one[scene.value] < 0) is is_below]
        if not known:
            continue
        sign = -1 if is_below else 1
        side = {"dx": 5 * sign, "align": "right" if is_below else "left"} if along == "x" else {"dy": -8 * sign}
        text = _on(scene, known).mark_text(fontSize=11, **side)
        drawn.append(text.encode(**places, text="label:N", color=alt.value(scene.look.ink)))
    return drawn


def _whiskers(scene: Scene, places: dict[str, Any], along: str, tint: Any = None) -> Any:
    import altair as alt

    known = [record for record in scene.records if record["low"] is not None]
    rule = _on(scene, known).mark_rule(strokeWidth=1.6)
    ends = {along: position(scene, scene.value, along, field="low"), f"{along}2": "high:Q"}
    return rule.encode(**(places | ends), color=tint if tint is not None else alt.value(scene.look.ink))


def _heatmap(scene: Scene) -> list[Any]:
    import altair as alt

    places = {"x": position(scene, "x", orient="top"), "y": position(scene, "y")}
    whole = [record for record in scene.records if not record["partial"]]
    partial = [record for record in scene.records if record["partial"] and record["label"]]
    cells = _on(scene, whole).mark_rect(stroke=PAPER, strokeWidth=2)
    drawn = [cells.encode(**places, color=colour(scene), **tooltips(scene))]
    if partial:
        frame = {"stroke": scene.look.ink, "strokeOpacity": 0.45, "strokeDash": [3, 3]}
        rings = _on(scene, partial).mark_rect(fillOpacity=0, **frame)
        drawn.append(rings.encode(**places, **tooltips(scene)))
    by_ink: dict[str, list[Record]] = {}
    size = cell_font(scene)
    for record, ink in zip(scene.records, text_inks(scene), strict=True):
        if size and record["label"]:
            by_ink.setdefault(ink, []).append(record)
    for ink, records in by_ink.items():
        text = _on(scene, records).mark_text(fontSize=size)
        drawn.append(text.encode(**places, text="label:N", color=alt.value(ink)))
    return drawn


def _scatter(scene: Scene) -> list[Any]:
    places = {"x": position(scene, "x"), "y": position(scene, "y")}
    whole, partial = _split(scene)
    dots = _on(scene, whole).mark_point(size=42, filled=True, opacity=0.7)
    drawn = [dots.encode(**places, color=colour(scene), **sizes(scene, 900), **tooltips(scene))]
    if partial:
        rings = _on(scene, partial).mark_point(size=42, strokeWidth=1.5)
        drawn.append(rings.encode(**places, color=colour(scene), **sizes(scene, 900), **tooltips(scene)))
    return drawn + _labels(scene, **places, dy=-10)


def _histogram(scene: Scene) -> list[Any]:
    if "x2" not in scene.channels:
        return _column(scene)
    import altair as alt

    places = {"x": position(scene, "x"), "x2": "x2:Q", "y": position(scene, "y"), "y2": alt.datum(0)}
    bars = _on(scene, scene.records).mark_bar(stroke=PAPER, strokeWidth=1)
    return [bars.encode(**places, color=colour(scene), **tooltips(scene))]


def _interval(scene: Scene) -> list[Any]:
    """Dots with their intervals: names down the side; times along the foot."""
    import altair as alt

    along = "x" if scene.channels[scene.category].scale == "category" else "y"
    across = "y" if along == "x" else "x"
    places = {across: position(scene, scene.category, across), along: position(scene, scene.value, along)}
    places |= beside(scene, across)
    tint = colour(scene)
    whole, partial = _split(scene)
    drawn: list[Any] = []
    if _crosses_zero(scene):
        zero = _on(scene, [{"zero": 0}]).mark_rule(strokeDash=[3, 3], opacity=0.6)
        drawn.append(
            zero.encode(**{along: position(scene, scene.value, along, field="zero")}, color=alt.value(scene.look.ink))
        )
    if scene.has_interval:
        drawn.append(_whiskers(scene, places, along, tint))
    dots = _on(scene, whole).mark_point(size=70, filled=True, opacity=1)
    drawn.append(dots.encode(**places, color=tint, **tooltips(scene)))
    if partial:
        rings = _on(scene, partial).mark_point(size=70, fill=PAPER, strokeWidth=2)
        drawn.append(rings.encode(**places, color=tint, **tooltips(scene)))
    return drawn


def _crosses_zero(scene: Scene) -> bool:
    spans = [scene.channels[name].range for name in ("low", "high", scene.value) if name in scene.channels]
    known = [end for span in spans if span for end in span]
    return bool(known) and min(known) < 0 < max(known)


def _labels(scene: Scene, x: Any, y: Any, **options: Any) -> list[Any]:
    if not scene.chart.label:
        return []
    import altair as alt

    known = (record for record in scene.records if record[scene.value] is not None)
    text = _on(scene, known).mark_text(fontSize=11, **options)
    return [text.encode(x=x, y=y, text="label:N", color=alt.value(scene.look.ink))]


def _linked(scene: Scene) -> list[Any]:
    return links(scene, _on)


_KINDS: dict[str, Callable[[Scene], list[Any]]] = {
    "line": _line,
    "area": _area,
    "bar": _bar,
    "column": _column,
    "heatmap": _heatmap,
    "scatter": _scatter,
    "histogram": _histogram,
    "interval": _interval,
    "tree": _linked,
    "flow": _linked,
    "network": _linked,
}
