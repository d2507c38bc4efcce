"""Charts on coordinates that a model computed: flows, trees and networks, with their labels out of each other's way.

Rows with `x2` and `y2` are links, the others nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.present.channels import colour, is_named, legend_rows, plot_height, position, sizes, tooltips

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from regulars.present.scene import Record, Scene

    Layer = Callable[[Scene, Iterable[Record]], Any]

_CURVE_STEPS = 16
_FONT = 11
_CHARACTER = 6.2
_LINE = 14
"""Pixels from one label of a flow to the next one below it."""
_NETWORK_PADDING, _FLOW_PADDING = 44, 12
"""Pixels around the outermost nodes."""
_FRAME = 60
_AWAY, _ABOVE = 13, 18
_SIDES: dict[str, dict[str, Any]] = {
    "left": {"align": "right", "dx": -_AWAY},
    "right": {"align": "left", "dx": _AWAY},
    "above": {"align": "center", "dy": -_ABOVE},
}
"""Where the label of a node stands."""


def links(scene: Scene, on: Layer) -> list[Any]:
    """The layers of a flow, a tree or a network, lowest first.

    Args:
        scene: The chart.
        on: Makes a layer on records.
    """
    import altair as alt

    placed = [one for one in scene.records if one["x"] is not None and one["y"] is not None]
    lines = [one for one in placed if one.get("x2") is not None and one.get("y2") is not None]
    nodes = [one for one in placed if one.get("x2") is None or one.get("y2") is None] or lines
    is_flow = scene.chart.kind == "flow"
    padding = _FLOW_PADDING if is_flow else _NETWORK_PADDING
    places = {name: position(scene, name, bare_padding=padding) for name in ("x", "y")}
    drawn: list[Any] = []
    bands = _bands(lines) if is_flow else []
    if bands:
        area = on(scene, bands).mark_area(opacity=0.35)
        drawn.append(area.encode(**places, y2="lower:Q", detail="link:N", color=colour(scene)))
    elif lines:
        rule = on(scene, lines).mark_rule(opacity=0.35, strokeWidth=1.2)
        drawn.append(rule.encode(**places, x2="x2:Q", y2="y2:Q", color=alt.value(scene.look.ink)))
    dots = on(scene, nodes).mark_point(size=70 if lines else 42, filled=True, opacity=1 if lines else 0.75)
    node_sizes = {} if is_flow else sizes(scene, 500)
    drawn.append(dots.encode(**places, color=colour(scene), **node_sizes, **tooltips(scene)))
    if nodes and (is_named(scene) if is_flow else scene.chart.label):
        told = _beside_bands(scene, nodes, bands or nodes) if is_flow else _apart(scene, nodes, _sided(nodes, lines))
        drawn += _labels(scene, on, places, told)
    return drawn


def _labels(scene: Scene, on: Layer, places: dict[str, Any], told: Sequence[Record]) -> list[Any]:
    import altair as alt

    drawn = []
    for side, place in _SIDES.items():
        own = [one for one in told if one["side"] == side]
        if own:
            text = on(scene, own).mark_text(fontSize=_FONT, limit=max(90, scene.look.width // 3), **place)
            drawn.append(text.encode(**places, text="label:N", color=alt.value(scene.look.ink)))
    return drawn


def _beside_bands(scene: Scene, nodes: Sequence[Record], drawn: Sequence[Record]) -> list[Record]:
    """Labels outside a flow, those of each side far enough apart to be read."""
    leftmost = min(one["x"] for one in nodes)
    top, bottom = max(one["y"] for one in drawn), min(one["lower"] if "lower" in one else one["y"] for one in drawn)
    room = plot_height(scene) - 28 * legend_rows(scene) - 12 - 2 * _FLOW_PADDING
    step = _LINE * (top - bottom) / room
    told: list[Record] = []
    for place in sorted({one["x"] for one in nodes}):
        column = [one for one in nodes if one["x"] == place and one["label"]]
        column.sort(key=lambda one: -one["y"])
        heights = _spread([one["y"] for one in column], step, bottom)
        told += [
            {**one, "y": height, "side": "left" if place == leftmost else "right"}
            for one, height in zip(column, heights, strict=True)
        ]
    return told


def _spread(heights: Sequence[float], step: float, floor: float) -> list[float]:
    """Heights from the top down, moved so that none is nearer to the next than a step, nor lower than the floor.

    >>> _spread([1.0, 0.95, 0.0], 0.1, 0.0)
    [1.0, 0.9, 0.0]
    """
    moved: list[float] = []
    for height in heights:
        moved.append(min(height, moved[-1] - step) if moved else height)
    for place in range(len(moved) - 1, -1, -1):
        lowest = floor if place == len(moved) - 1 else moved[place + 1] + step
        moved[place] = max(moved[place], lowest)
    return moved


def _sided(nodes: Sequence[Record], lines: Sequence[Record]) -> list[Record]:
    """Each node that has a label with the side its label stands on: where no line leaves it, or else above."""
    taken: dict[tuple[float, float], set[str]] = {}
    for line in lines:
        is_rightwards = line["x2"] > line["x"]
        for end, side in (((line["x"], line["y"]), is_rightwards), ((line["x2"], line["y2"]), not is_rightwards)):
            taken.setdefault(end, set()).add("right" if side else "left")
    sided = []
    for one in nodes:
        if not one["label"]:
            continue
        sides = taken.get((one["x"], one["y"]), set())
        sided.append({**one, "side": next((side for side in ("right", "left") if side not in sides), "above")})
    return sided


def _apart(scene: Scene, nodes: Sequence[Record], named: Sequence[Record]) -> list[Record]:
    """The labels that do not lie on one another: the larger nodes first, else in the order of the rows.

    What is left out stands in the table and in the tooltips.
    """
    room = {"x": scene.look.width - _FRAME, "y": plot_height(scene) - 12 - 28 * legend_rows(scene)}
    lows = {name: min(one[name] for one in nodes) for name in room}
    units = {
        name: (pixels - 2 * _NETWORK_PADDING) / ((max(one[name] for one in nodes) - lows[name]) or 1.0)
        for name, pixels in room.items()
    }
    taken: list[tuple[float, float, float]] = []
    told = []
    for one in sorted(named, key=lambda one: -(one.get("size") or 0.0)):
        long = _CHARACTER * len(one["label"])
        away = {"left": -_AWAY - long, "right": _AWAY, "above": -long / 2}[one["side"]]
        start = (one["x"] - lows["x"]) * units["x"] + away
        height = (one["y"] - lows["y"]) * units["y"] + (_ABOVE if one["side"] == "above" else 0)
        if all(start > right or start + long < left or abs(height - other) > _FONT + 1 for left, right, other in taken):
            taken.append((start, start + long, height))
            told.append(one)
    return told


def _bands(lines: Sequence[Record]) -> list[Record]:
    """Each link as the edges of an S-shaped band that leaves and arrives level.

    A band is as broad as the share that flows along it: `y` of a flow is counted in shares of all that sets out.
    """
    first = min((one["x"] for one in lines), default=0.0)
    total = sum(one.get("size") or 0.0 for one in lines if one["x"] == first)
    points = []
    for number, line in enumerate(lines):
        half = (line.get("size") or 0.0) / total / 2 if total else 0.002
        for step in range(_CURVE_STEPS + 1):
            share = step / _CURVE_STEPS
            middle = line["y"] + (line["y2"] - line["y"]) * share * share * (3 - 2 * share)
            place = line["x"] + (line["x2"] - line["x"]) * share
            points.append({**line, "link": number, "x": place, "y": middle + half, "lower": middle - half})
    return points
