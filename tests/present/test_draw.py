from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, get_args

import pyarrow as pa
import pytest

from regulars.core.chart import Chart, ChartKind
from regulars.core.result import ColumnInfo, Table
from regulars.present.channels import heat_range
from regulars.present.draw import chart_spec, chart_svg, number_ids
from regulars.present.scene import BLUE, FILE, LIVE, OKABE_ITO, PAGE, make_scene, runs

if TYPE_CHECKING:
    from regulars.core.units import Unit
    from regulars.present.run_view import RunView

SVG = "{http://www.w3.org/2000/svg}"
SCHEMA = pa.schema(
    [("name", pa.string())]
    + [(name, pa.float64()) for name in ("x", "y", "low", "high", "x2", "y2", "size")]
    + [("partial", pa.bool_())]
)
ROWS = pa.table(
    {
        "name": ["a", "b", "c", "d"],
        "x": [1.0, 2.0, 3.0, 4.0],
        "y": [3.0, None, float("nan"), 5.0],
        "low": [2.0, None, None, 4.0],
        "high": [4.0, None, 1.0, 6.0],
        "x2": [2.0, 3.0, None, None],
        "y2": [1.0, 2.0, None, None],
        "size": [1.0, 2.0, None, float("inf")],
        "partial": [False, False, None, True],
    },
    SCHEMA,
)


def table(rows: pa.Table, **units: Unit) -> Table:
    return Table("t", "T", rows, tuple(ColumnInfo(name, units.get(name, "")) for name in rows.column_names))


def scene_of(chart: Chart, rows: pa.Table, **units: Unit) -> Any:
    return make_scene(chart, table(rows, **units), rows, rows.num_rows)


def line(**parts: Any) -> Chart:
    return Chart(
        **({"name": "c", "title": "T", "subtitle": "S", "kind": "line", "table": "t", "x": "x", "y": "y"} | parts)
    )


@pytest.mark.parametrize("kind", get_args(ChartKind))
@pytest.mark.parametrize("rows", [ROWS, ROWS.slice(0, 1), ROWS.slice(0, 0)], ids=["some", "one", "none"])
def test_every_kind_is_drawn_with_gaps_with_one_row_and_with_none(kind: Any, rows: pa.Table) -> None:
    chart = line(
        kind=kind, x="x", y="name" if kind == "heatmap" else "y", colour="y", is_partial="partial", label="name"
    )
    if kind in ("tree", "flow", "network"):
        chart = replace(chart, x2="x2", y2="y2", size="size")
    elif kind in ("line", "column", "interval"):
        chart = replace(chart, low="low", high="high")
    root = ET.fromstring(chart_svg(chart, table(rows), rows))
    assert root.get("role") == "img"
    assert root.get("aria-label") == "T. S"


def test_a_line_does_not_join_whole_and_incomplete_periods_nor_reach_over_gaps() -> None:
    rows = pa.table({"x": [1, 2, 3, 4, 5, 6], "y": [1.0, 2.0, None, 3.0, 4.0, 1.0], "p": [False] * 5 + [True]})
    solid, dashed = runs(scene_of(line(is_partial="p"), rows))
    assert [(one["x"], one["run"]) for one in solid] == [(1, 1), (2, 1), (4, 2), (5, 2)]
    assert [one["x"] for one in dashed] == [6]


def test_a_line_follows_its_axis_not_the_order_of_the_rows() -> None:
    rows = pa.table({"x": [3, 1, 2], "y": [1.0, 2.0, 3.0]})
    assert [one["x"] for one in runs(scene_of(line(), rows))[0]] == [1, 2, 3]


def test_hollow_is_explained_only_where_something_is_hollow() -> None:
    rows = pa.table({"x": [1, 2], "y": [1.0, 2.0], "p": [False, True]})
    assert "not complete" in scene_of(line(is_partial="p"), rows).subtitle
    assert "not complete" not in scene_of(line(is_partial="p"), rows.slice(0, 1)).subtitle


def test_only_the_first_rows_are_drawn_and_the_title_says_so() -> None:
    rows = pa.table({"x": list(range(10)), "y": [1.0] * 10})
    scene = make_scene(line(max_marks=4), table(rows), rows, 1_234)
    assert len(scene.records) == 4
    assert scene.title == "T (first 4 of 1,234)"


def test_a_bar_has_its_names_down_the_side_whichever_way_it_was_said() -> None:
    rows = pa.table({"segment": ["a", "b"], "revenue": [1.0, 9.0]})
    for x, y in (("segment", "revenue"), ("revenue", "segment")):
        scene = scene_of(line(kind="bar", x=x, y=y, x_sort="value"), rows)
        assert scene.channels[scene.category].column == "segment"
        assert scene.channels[scene.category].order == ("b", "a")


@pytest.mark.parametrize(
    ("sort", "order"), [("", ("a", "b", "c")), ("data", ("b", "c", "a")), ("value", ("c", "a", "b"))]
)
def test_the_order_of_names(sort: Any, order: tuple[str, ...]) -> None:
    rows = pa.table({"x": ["b", "c", "a"], "y": [1.0, 3.0, 2.0]})
    assert scene_of(line(kind="column", x_sort=sort), rows).channels["x"].order == order


def test_numbers_rise_upwards_and_months_run_downwards_on_a_heat_map() -> None:
    rows = pa.table({"x": [1, 2, 1], "y": [1, 2, 3], "m": ["2011-01", "2011-02", "2011-03"]})
    chart = line(kind="heatmap", colour="y")
    assert scene_of(chart, rows).channels["y"].order == ("3", "2", "1")
    assert scene_of(replace(chart, y="m"), rows).channels["y"].order == ("2011-01", "2011-02", "2011-03")


def test_long_names_are_cut_and_never_become_one() -> None:
    rows = pa.table({"x": ["long " * 40 + "a", "long " * 40 + "b", None], "y": [1.0, 2.0, 3.0]})
    order = scene_of(line(kind="bar"), rows).channels["x"].order
    assert len(set(order)) == 3
    assert all(len(name) < 70 for name in order)
    assert order[-1] == "–"


def test_a_long_list_of_names_is_cut_and_says_so() -> None:
    rows = pa.table({"x": [f"n{place:03d}" for place in range(200)], "y": [float(place) for place in range(200)]})
    scene = scene_of(line(kind="bar", x_sort="value"), rows)
    assert scene.title == "T (first 60 of 200)"
    assert scene.records[-1]["x"] == "n199"
    assert len(scene.records) == len(scene.channels["x"].order) == 60


def test_values_that_do_not_fit_their_cells_get_a_legend_instead() -> None:
    rows = pa.table({"x": list(range(53)), "y": ["a"] * 53, "c": [place / 53 for place in range(53)]})
    svg = chart_svg(line(kind="heatmap", colour="c"), table(rows, c="share"), rows)
    assert "role-legend" in svg
    assert 'font-size="11px"' not in svg
    few = rows.slice(0, 12)
    assert "role-legend" not in chart_svg(line(kind="heatmap", colour="c"), table(few, c="share"), few)


def test_a_date_stays_the_same_day_in_every_time_zone() -> None:
    rows = pa.table({"x": [date(2011, 12, 1)], "y": [1.0]})
    spec = chart_spec(line(), table(rows, x="month"), rows)
    assert spec["datasets"]["rows_0"][0]["x"] == 1322697600000.0
    assert spec["layer"][0]["encoding"]["x"]["scale"] == {"type": "utc"}


def test_colours_are_okabe_ito_for_names_and_one_blue_for_none() -> None:
    rows = pa.table({"x": [1, 2], "y": [1.0, 2.0], "c": ["b", "a"]})
    plain = chart_spec(line(), table(rows), rows)
    assert plain["layer"][0]["encoding"]["color"] == {"value": BLUE}
    scale = chart_spec(line(colour="c"), table(rows), rows)["layer"][0]["encoding"]["color"]["scale"]
    assert scale == {"domain": ["b", "a"], "range": list(OKABE_ITO[:2])}


def test_units_are_on_the_axes() -> None:
    rows = pa.table({"x": [1, 2], "share": [0.1, 0.2], "money": [1.0, 2.0], "recency_days": [1.0, 2.0]})
    known = table(rows, share="share", money="money", recency_days="days")
    titles = {
        y: chart_spec(line(y=y), known, rows, currency="GBP")["layer"][0]["encoding"]["y"]["title"]
        for y in rows.column_names[1:]
    }
    assert titles == {"share": "share (%)", "money": "money (GBP)", "recency_days": "recency days"}
    svg = chart_svg(line(y="share"), known, rows)
    assert ">20 %<" in svg


def test_bars_start_at_zero() -> None:
    rows = pa.table({"x": ["a", "b"], "y": [100.0, 101.0]})
    for kind in ("bar", "column"):
        encoding = chart_spec(line(kind=kind), table(rows), rows)["layer"][0]["encoding"]
        assert encoding["y" if kind == "column" else "x"]["scale"]["zero"] is True


def _luminance(colour: str) -> float:
    if colour.startswith("#"):
        parts = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    else:
        parts = [int(part) for part in re.findall(r"\d+", colour)]
    linear = [part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_values_printed_on_a_heat_map_are_legible_on_every_shade() -> None:
    count = 17
    rows = pa.table({"x": list(range(count)), "y": ["a"] * count, "c": [place / 16 for place in range(count)]})
    root = ET.fromstring(chart_svg(line(kind="heatmap", colour="c"), table(rows, c="share"), rows))
    cells = [path.get("fill", "") for path in root.iter(f"{SVG}path") if path.get("fill", "").startswith("rgb")]
    inks = {text.text: text.get("fill", "") for text in root.iter(f"{SVG}text") if text.get("font-size") == "11px"}
    assert len(cells) == len(inks) == count
    for place, fill in enumerate(cells):
        assert _contrast(fill, inks[f"{100 * place / 16:.1f}"]) >= 4.5


def test_one_extreme_does_not_swallow_the_shades_of_the_rest() -> None:
    rows = pa.table({"x": [0, 1, 2, 3], "y": ["a"] * 4, "c": [1.0, 0.3, 0.4, 0.2]})
    spec = chart_spec(line(kind="heatmap", colour="c"), table(rows, c="share"), rows)
    assert spec["layer"][0]["encoding"]["color"]["scale"]["domain"] == [0.2, 0.4]
    svg = chart_svg(line(kind="heatmap", colour="c"), table(rows, c="share"), rows)
    assert ">100.0<" in svg


def test_page_and_file_take_their_own_colours(view: RunView) -> None:
    result = view.results[1]
    chart, known = result.charts[0], result.tables[0]
    page = chart_svg(chart, known, known.data, look=PAGE)
    file = chart_svg(chart, known, known.data, look=FILE)
    assert 'fill="currentColor"' in page
    assert "currentColor" not in file
    assert chart.title not in re.sub(r"aria-label=\"[^\"]*\"", "", page)
    assert f">{chart.title}<" in file
    assert 'fill="#ffffff"' in file


def test_the_same_chart_is_the_same_text(view: RunView) -> None:
    result = view.results[2]
    known = result.tables[0]
    assert chart_svg(result.charts[1], known, known.data) == chart_svg(result.charts[1], known, known.data)


def test_a_live_chart_tells_written_values_and_its_columns(view: RunView) -> None:
    result = view.results[0]
    chart, known = result.charts[0], result.tables[1]
    spec = chart_spec(chart, known, known.data, currency="GBP", look=LIVE)
    assert spec["usermeta"]["columns"] == {"x": "month", "y": "revenue"}
    point = spec["datasets"][spec["layer"][-1]["data"]["name"]][0]
    assert (point["tip_0"], point["tip_1"]) == ("2011-12", "£518,200.00")


def test_hostile_values_are_text_in_the_picture(hostile_view: RunView) -> None:
    result = hostile_view.results[0]
    chart, known = result.charts[0], result.tables[0]
    for look in (PAGE, FILE):
        svg = chart_svg(chart, known, known.data, currency=hostile_view.currency, look=look)
        root = ET.fromstring(svg)  # well formed in spite of control characters
        tags = {element.tag.removeprefix(SVG) for element in root.iter()}
        assert tags <= {"svg", "g", "path", "text", "tspan", "line", "rect", "defs", "clipPath"}
        attributes = {name for element in root.iter() for name in element.attrib}
        assert not [name for name in attributes if name.startswith("on") or "href" in name]
        assert "<script>alert('x')</script>\"&" in [text.text for text in root.iter(f"{SVG}text")]
        assert len(svg) < 60_000  # the name of 10 kB is cut


def test_nothing_of_the_data_is_in_an_expression(hostile_view: RunView) -> None:
    result = hostile_view.results[0]
    spec = chart_spec(result.charts[0], result.tables[0], result.tables[0].data, currency=hostile_view.currency)
    del spec["datasets"]

    def expressions(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [
                value
                for key, value in part.items()
                if key in ("labelExpr", "expr", "signal", "filter", "test", "field")
            ]
            return own + [found for value in part.values() for found in expressions(value)]
        return [found for value in part for found in expressions(value)] if isinstance(part, list) else []

    assert expressions(spec)
    assert "script" not in str(expressions(spec))


def test_ids_are_numbered_and_text_that_looks_like_one_is_left() -> None:
    svg = '<g id="clip9"><text fill="url(#clip9)">url(#clip9) id="clip9"</text></g>'
    assert number_ids(svg, "p") == '<g id="p0"><text fill="url(#p0)">url(#clip9) id="clip9"</text></g>'


# -- labels that can be read ------------------------------------------------------------------------------


def texts(svg: str) -> list[tuple[str, float, float, str]]:
    """Text, place and anchor of everything written in a picture, as far as its own marks say."""
    found = []
    for element in ET.fromstring(svg).iter(f"{SVG}text"):
        words = " ".join(element.itertext())
        place = re.match(r"translate\(([-\d.]+),([-\d.]+)\)", element.get("transform", "translate(0,0)"))
        assert place is not None
        found.append((words, float(place[1]), float(place[2]), element.get("text-anchor", "")))
    return found


def test_a_long_name_down_the_side_stands_on_two_lines_and_a_short_one_on_one() -> None:
    name = "Customers who bought once and long ago"
    rows = pa.table({"x": [name, "The Unwritten Bridge"], "y": [1.0, 2.0]})
    svg = chart_svg(line(kind="bar"), table(rows), rows)
    written = {"".join(one.itertext()): len(one) for one in ET.fromstring(svg).iter(f"{SVG}text")}
    lines = [count for words, count in written.items() if "Bridge" in words or "Customers" in words]
    assert sorted(lines) == [0, 2]
    assert "…" not in svg


FLOW = pa.table(
    {
        "x": [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0],
        "y": [0.55, 0.01, 0.58, 0.05, 0.03, 0.58, 0.07, 0.01],
        "x2": [None] * 5 + [1.0] * 3,
        "y2": [None] * 5 + [0.58, 0.05, 0.03],
        "what": ["a", "b", "a", "b", "c", "a", "a", "b"],
        "size": [None] * 5 + [96.0, 2.0, 2.0],
        "label": ["first left", "second left", "first right", "second right", "third right", None, None, None],
    },
    pa.schema(
        [
            (name, pa.string() if name in ("what", "label") else pa.float64())
            for name in ("x", "y", "x2", "y2", "what", "size", "label")
        ]
    ),
)
"""Two groups become three, two of them small and close together."""


def test_names_of_a_flow_stand_outside_its_bands_and_apart() -> None:
    chart = line(kind="flow", colour="what", size="size", label="label", x2="x2", y2="y2")
    written = {words: (y, anchor) for words, _, y, anchor in texts(chart_svg(chart, table(FLOW), FLOW))}
    assert set(written) == set(FLOW["label"].to_pylist()) - {None}  # and no legend repeats them
    assert {written[name][1] for name in ("first left", "second left")} == {"end"}
    assert {written[name][1] for name in ("first right", "second right")} <= {"", "start"}
    assert abs(written["second right"][0] - written["third right"][0]) >= 12


def test_labels_of_a_network_do_not_lie_on_one_another() -> None:
    rows = pa.table(
        {"x": [0.0, 0.001, 1.0], "y": [0.5, 0.5, 0.5], "size": [1.0, 9.0, 1.0], "label": ["small", "large", "far away"]}
    )
    chart = line(kind="network", size="size", label="label")
    assert {words for words, *_ in texts(chart_svg(chart, table(rows), rows))} == {"large", "far away"}


def test_intervals_of_one_name_stand_beside_each_other() -> None:
    rows = pa.table({"name": ["a", "a", "b", "b"], "arm": ["x", "y"] * 2, "effect": [1.0, 1.0, 2.0, 2.0]})
    chart = line(kind="interval", x="name", y="effect", colour="arm")
    spec = chart_spec(chart, table(rows, name="text", arm="text"), rows)
    assert all("yOffset" in layer["encoding"] for layer in spec["layer"] if layer["mark"]["type"] == "point")
    alone = chart_spec(chart, table(rows), rows.slice(0, 3).filter(pa.array([True, False, True])))
    assert not any("yOffset" in layer["encoding"] for layer in alone["layer"])


def test_what_is_printed_at_a_bar_below_zero_stands_on_its_left() -> None:
    rows = pa.table({"step": ["up", "down"], "amount": [100.0, -50.0]})
    chart = line(kind="bar", x="step", y="amount", label="amount", x_sort="data")
    written = {words: anchor for words, _, _, anchor in texts(chart_svg(chart, table(rows, amount="count"), rows))}
    assert written["−50"] == "end"
    assert written["100"] in ("", "start")


def test_a_heat_map_with_slanted_names_keeps_the_height_of_its_rows() -> None:
    names = [f"a name that is rather long {number}" for number in range(8)]
    rows = pa.table({"x": names * 2, "y": ["a"] * 8 + ["b"] * 8, "value": [float(one) for one in range(16)]})
    chart = line(kind="heatmap", colour="value")
    short = pa.table({"x": [str(one) for one in range(8)] * 2, "y": rows["y"], "value": rows["value"]})
    assert chart_spec(chart, table(rows), rows)["height"] > chart_spec(chart, table(short), short)["height"] + 60


def test_a_few_cells_far_above_the_others_leave_these_their_shades() -> None:
    many = [{"colour": float(value)} for value in range(1, 19)]
    assert heat_range(many) == (1.0, 18.0)
    assert heat_range([*many, {"colour": 900.0}, {"colour": 901.0}]) == (1.0, 17.0)
    assert heat_range([{"colour": value} for value in (-2.0, -1.0, 5.0)])[1] > 0


def test_names_of_columns_are_read_with_blanks_and_names_of_data_are_not() -> None:
    rows = pa.table({"x": ["age_group", "rfm_segment"], "y": [1.0, 2.0], "c": ["personal_care", "b"]})
    scene = scene_of(line(kind="bar", x_sort="data", colour="c"), rows, x="name", c="text")
    assert scene.channels["x"].order == ("age group", "RFM segment")
    assert scene.channels["colour"].order == ("personal_care", "b")
