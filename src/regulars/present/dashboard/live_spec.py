"""What live cards look like: two fixed Vega-Lite specifications whose rows change with the filters.

The rows are those of `LiveCard.drawn`. The whole strip behind a mark can be clicked, so that a finger hits it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regulars.present.draw import chart_config
from regulars.present.scene import BLUE, LIVE, PAPER

if TYPE_CHECKING:
    from regulars.present.dashboard.live import LiveCard

_FADED = "#9aa5ad"
_NUMBER = (
    "abs(datum.value) < 10000 ? format(datum.value, ',.4~r')"
    " : replace(replace(replace(format(datum.value, '~s'), 'G', ' bn'), 'M', ' m'), 'k', ' k')"
)
_LABEL_PIXELS = 170
_CHARACTER = 6.6
_BAR_STEP = 26
_AXIS_HEIGHT = 36
_TEXT_PIXELS = 62
"""Room for what is printed beside the longest bar."""
_LINE_HEIGHT = 230


def live_spec(card: LiveCard) -> dict[str, Any]:
    """The specification of a live card, without its rows."""
    is_line = card.kind == "line"
    layers = _line(card) if is_line else _bars(card)
    height = _LINE_HEIGHT if is_line else _BAR_STEP * len(card.drawn) + _AXIS_HEIGHT
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"name": "rows", "values": []},
        "width": "container",
        "height": height,
        "autosize": {"type": "fit", "contains": "padding"},
        "layer": layers,
        "config": chart_config(LIVE),
    }


def _tips(card: LiveCard) -> list[dict[str, Any]]:
    return [
        {"field": "label", "type": "nominal", "title": card.heading},
        {"field": "text", "type": "nominal", "title": card.value_heading},
    ]


def _colour() -> dict[str, Any]:
    return {"condition": {"test": "datum.on", "value": BLUE}, "value": _FADED}


def _strip(places: dict[str, Any], card: LiveCard) -> dict[str, Any]:
    """An unseen strip over the whole width or height of each row, to be pointed at and clicked."""
    cursor = {"cursor": "pointer"} if card.is_filter else {}
    return {"mark": {"type": "rect", "opacity": 0, **cursor}, "encoding": {**places, "tooltip": _tips(card)}}


def _line(card: LiveCard) -> list[dict[str, Any]]:
    x = {
        "field": "label", "type": "ordinal", "title": None, "sort": {"field": "place"},
        "axis": {"labelOverlap": "greedy", "labelSeparation": 12, "labelAngle": 0, "grid": False},
    }  # fmt: skip
    y = {
        "field": "value", "type": "quantitative", "title": None,
        "axis": {"labelExpr": _NUMBER, "tickCount": 5}, "scale": {"zero": True},
    }  # fmt: skip
    whole, partial = [{"filter": "!datum.partial"}], [{"filter": "datum.partial"}]
    return [
        {
            "transform": whole,
            "mark": {"type": "line", "strokeWidth": 2, "invalid": "break-paths-show-path-domains"},
            "encoding": {"x": x, "y": y, "color": {"value": BLUE}},
        },
        {
            "transform": whole,
            "mark": {"type": "point", "filled": True, "size": 34, "opacity": 1},
            "encoding": {"x": x, "y": y, "color": _colour()},
        },
        {
            "transform": partial,
            "mark": {"type": "point", "filled": False, "size": 56, "strokeWidth": 2, "opacity": 1, "fill": PAPER},
            "encoding": {"x": x, "y": y, "color": _colour()},
        },
        _strip({"x": x, "y": {"value": 0}, "y2": {"value": "height"}}, card),
    ]


def _bars(card: LiveCard) -> list[dict[str, Any]]:
    longest = max((len(one["label"]) for one in card.drawn), default=0)
    names = min(_LABEL_PIXELS, round(_CHARACTER * longest) + 4)
    y = {
        "field": "label", "type": "nominal", "title": None, "sort": {"field": "place", "op": "min"},
        "axis": {"grid": False, "labelLimit": _LABEL_PIXELS, "minExtent": names, "domain": False},
        "scale": {"paddingInner": 0.28, "paddingOuter": 0.1},
    }  # fmt: skip
    x = {
        "field": "value", "type": "quantitative", "title": None,
        "axis": {
            "labelExpr": _NUMBER, "tickCount": 4, "domain": False, "labelOverlap": "greedy", "labelSeparation": 10,
        },
        "scale": {"zero": True, "range": [0, {"expr": f"width - {_TEXT_PIXELS}"}]},
    }  # fmt: skip
    return [
        {"mark": {"type": "bar", "cornerRadiusEnd": 1}, "encoding": {"y": y, "x": x, "color": _colour()}},
        {
            "mark": {"type": "text", "align": "left", "dx": 5, "fontSize": 11},
            "encoding": {"y": y, "x": x, "text": {"field": "text", "type": "nominal"}},
        },
        _strip({"y": y, "x": {"value": 0}, "x2": {"value": "width"}}, card),
    ]
