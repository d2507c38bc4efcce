"""Charts as pictures: a chart and its rows become an Altair chart, a Vega-Lite specification, and an SVG drawn ahead.

One specification serves notebook, report, files and dashboard. Nothing is fetched from a network and no script is
needed where the picture is shown.
"""

from __future__ import annotations

import re
import textwrap
from html import escape
from typing import TYPE_CHECKING, Any

from regulars.present.channels import plot_height, plot_width
from regulars.present.marks import layers
from regulars.present.scene import PAGE, Look, Scene, make_scene
from regulars.present.tables import clean

if TYPE_CHECKING:
    import pyarrow as pa

    from regulars.core.chart import Chart
    from regulars.core.result import Table

FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif"
"""System fonts that are equally wide: labels are placed before it is known which of them the reader has."""
_MARGIN = {"left": 30, "right": 30, "top": 6, "bottom": 6}
"""In pixels: where a reader has none of those fonts, long labels are a tenth wider than the room made for them."""


def altair_chart(
    chart: Chart, table: Table, rows: pa.Table, *, total: int | None = None, currency: str = "", look: Look = PAGE
) -> Any:
    """A chart as an Altair chart.

    Args:
        chart: What to draw.
        table: The table it names.
        rows: Its rows.
        total: How many rows the table has, where `rows` are only the first.
        currency: ISO code, for money.
        look: Where it will stand.
    """
    import altair as alt

    scene = make_scene(chart, table, rows, total or rows.num_rows, currency, look)
    title = _title(scene) if look.has_title else None
    drawn = alt.layer(*layers(scene)).properties(
        width=plot_width(scene),
        height=plot_height(scene) + (20 * len(title.text) + 18 * len(title.subtitle) + 24 if title else 0),
        autosize=alt.AutoSizeParams(type="fit", contains="padding"),
        usermeta={"columns": {channel.name: channel.column for channel in scene.channels.values()}},
    )
    if title:
        drawn = drawn.properties(title=title)
    drawn = drawn.configure(**chart_config(look))
    drawn.datasets = scene.datasets
    return drawn


def chart_spec(
    chart: Chart, table: Table, rows: pa.Table, *, total: int | None = None, currency: str = "", look: Look = PAGE
) -> dict[str, Any]:
    """A chart as a Vega-Lite specification with its data in it.

    The fields of its data are the chart's own channels (`x`, `y`, `colour` …); `usermeta.columns` says which column of
    the table each one is. Arguments as for `altair_chart`.
    """
    drawn = altair_chart(chart, table, rows, total=total, currency=currency, look=look)
    spec: dict[str, Any] = drawn.to_dict(validate=False)
    return spec


def chart_svg(
    chart: Chart, table: Table, rows: pa.Table, *, total: int | None = None, currency: str = "", look: Look = PAGE
) -> str:
    """A chart as SVG: one picture with its title as its name for those who do not see it.

    Arguments as for `altair_chart`. Colours of text and page are `currentColor` and one marked paper colour
    where the look says so, so that a style sheet can turn them for the dark.
    """
    import vl_convert

    spec = chart_spec(chart, table, rows, total=total, currency=currency, look=look)
    svg = number_ids(_lighter(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])), "c")
    name = escape(clean(f"{chart.title}. {chart.subtitle}"), quote=True)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{name}" font-family="{FONT}" ', 1)


def _lighter(svg: str) -> str:
    """The same picture without what every mark repeats: its font, which the picture has, and that it is opaque.

    Roles of its groups go too: they are pictures without a name within a picture that has one.
    """
    svg = re.sub(r'(<(?:text|path|line|rect)\b[^<>]*?) (?:font-family="[^"<>]*"|opacity="1")', r"\1", svg)
    return re.sub(r' (?:role="graphics-[^"<>]*"|aria-roledescription="[^"<>]*")', "", svg)


def number_ids(svg: str, prefix: str) -> str:
    """The same picture with its ids numbered from 0 after a prefix, so that several can stand in one page.

    Vega counts its ids through the life of the process; numbering them anew also makes the same chart the same text.

    >>> number_ids('<g clip-path="url(#clip7)"><clipPath id="clip7"/></g>', "a-")
    '<g clip-path="url(#a-0)"><clipPath id="a-0"/></g>'
    """
    names = dict.fromkeys(re.findall(r'<[^<>]* id="([^"<>]+)"', svg))
    numbers = {name: f"{prefix}{number}" for number, name in enumerate(names)}
    svg = re.sub(r'(<[^<>]* id=")([^"<>]+)(")', lambda found: found[1] + numbers[found[2]] + found[3], svg)
    return re.sub(
        r'(<[^<>]*="url\(#)([^)"<>]+)(\)")', lambda found: found[1] + numbers.get(found[2], found[2]) + found[3], svg
    )


def _title(scene: Scene) -> Any:
    import altair as alt

    return alt.TitleParams(
        text=textwrap.wrap(scene.title, 84) or [""],
        subtitle=textwrap.wrap(scene.subtitle, 110),
        anchor="start",
        offset=16,
    )


def chart_config(look: Look) -> dict[str, Any]:
    """How every chart looks: small plain text, hairlines, and no frame."""
    ink = look.ink
    small = {
        "labelColor": ink,
        "titleColor": ink,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    }
    bare = {"domain": False, "ticks": False, "labelPadding": 6, "gridColor": ink, "gridOpacity": 0.13}
    return {
        "font": FONT,
        "background": look.background,
        "aria": False,
        "padding": _MARGIN,
        "view": {"stroke": None},
        "axis": {**small, **bare, "titleOpacity": 0.75, "labelOpacity": 0.9},
        "axisX": {"domain": True, "domainColor": ink, "domainOpacity": 0.35, "titlePadding": 10},
        # names are measured in the font of where they are drawn; a reader's may be wider
        "legend": {
            **small,
            "orient": "top",
            "symbolStrokeWidth": 2,
            "symbolOpacity": 1,
            "offset": 30,
            "columnPadding": 26,
        },
        "title": {"color": ink, "subtitleColor": ink, "fontSize": 16, "subtitleFontSize": 12.5, "subtitlePadding": 6},
        "text": {"color": ink},
    }
