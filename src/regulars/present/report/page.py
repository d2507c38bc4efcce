"""The report as one HTML file: no network, no script, every text escaped, every chart drawn ahead.

Everything is drawn from Results and the other nouns of a run; the page knows no analysis by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regulars.core.chart import faces
from regulars.core.units import name_words, write
from regulars.present import words
from regulars.present.actions import FIRST, rank_actions
from regulars.present.compare import compare_runs
from regulars.present.draw import chart_svg, number_ids
from regulars.present.export import plan_files
from regulars.present.report.terms import Terms
from regulars.present.scene import subtitle
from regulars.present.tables import SHOWN_TEXT, TableReader, clean, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from regulars.core.chart import Chart
    from regulars.core.dataset import Engine
    from regulars.core.result import Caveat, Result, Table
    from regulars.present.compare import Comparison
    from regulars.present.export import FilePlan
    from regulars.present.run_view import RunView
    from regulars.present.tables import TableView

MOST_IMPORTANT = 5
OPEN_ROWS = 30
"""A table without a chart is open up to this many rows, and folded beyond."""
_CAVEATS = {"stop": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class ChartView:
    """A chart as the page shows it."""

    chart: Chart
    title: str
    subtitle: str
    svg: str


@dataclass(frozen=True)
class BlockView:
    """A table with the charts that draw it; `is_folded` where the charts, or its length, speak for a fold."""

    anchor: str
    charts: tuple[ChartView, ...]
    table: TableView
    file: str
    is_folded: bool


@dataclass(frozen=True)
class ResultView:
    """A Result as the page shows it."""

    anchor: str
    result: Result
    blocks: tuple[BlockView, ...]
    findings: tuple[words.RankedFinding, ...]
    caveats: tuple[Caveat, ...]
    audiences: Mapping[str, AudienceView]


@dataclass(frozen=True)
class AudienceView:
    """How large an audience is and where its list was written."""

    title: str
    size: int
    file: str
    why: str


def report_html(run: RunView, engine: Engine, reader: TableReader | None = None) -> str:
    """The report of a run as one self-contained HTML page.

    Args:
        run: What to show.
        engine: Gives the first rows and the queries of tables that stay in it.
        reader: Has read the tables already, so that nothing is counted twice.
    """
    import jinja2
    from markupsafe import Markup

    folder = Path(__file__).parent
    terms = Terms()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
    )
    environment.globals |= vocabulary(run, terms)
    return environment.get_template("report.html.j2").render(
        run=run,
        style=Markup((folder / "report.css").read_text(encoding="utf-8")),  # noqa: S704  our own style sheet
        **_content(run, reader or TableReader(engine, run.currency)),
    )


def finalize(value: Any) -> Any:
    """Every text that reaches the page is free of control characters and passwords."""
    if type(value) is not str:
        return value
    text = value if value.isprintable() else clean(value)
    return words.without_passwords(text) if "=" in text or "://" in text else text


def vocabulary(run: RunView, terms: Terms) -> dict[str, Any]:
    """The words that templates of a run may use: terms, values, findings and changes written for people."""
    currency = run.currency
    return {
        "tip": terms.tip,
        "mark": terms.mark,
        "write": partial(write, currency=currency),
        "value_words": partial(words.value_words, currency=currency),
        "interval_words": partial(words.interval_words, currency=currency),
        "money_words": lambda value: words.write_short(value, "money", currency),
        "money_interval_words": partial(words.money_interval_words, currency=currency),
        "mean_words": partial(words.mean_words, currency=currency),
        "stake_words": partial(words.stake_words, currency=currency),
        "n_words": words.n_words,
        "name_words": name_words,
        "evidence_words": partial(words.evidence_words, features=run.features),
        "says_count": words.says_count,
        "grade_words": words.grade_words,
        "grade_meanings": words.GRADE_MEANINGS,
        "change_words": partial(words.change_words, currency=currency),
        "comparison_words": words.comparison_words,
        "label": words.label,
        "anchor": anchor,
        "shorten": partial(shorten, limit=SHOWN_TEXT),
    }


def _content(run: RunView, reader: TableReader) -> dict[str, Any]:
    files = plan_files(run.results)
    shown = [
        (chapter, [_result_view(result, reader, run.currency, files) for result in results])
        for chapter, results in run.chapters
    ]
    results = [one for _, ones in shown for one in ones]
    by_analysis = {one.result.analysis: one for one in results}
    ranked = words.rank_findings(run.results)
    return {
        "notes": words.header_notes(run),
        "chapters": shown,
        "places": {block.anchor for one in results for block in one.blocks},
        "by_analysis": by_analysis,
        "most_important": ranked[:MOST_IMPORTANT],
        "finding_count": len(ranked),
        "actions": [
            (one, by_analysis[one.result.analysis])
            for one in rank_actions(
                [one.result for one in results],
                {(view.result.analysis, name): one.size for view in results for name, one in view.audiences.items()},
            )
        ],
        "first_actions": FIRST,
        "stops": [(one, caveat) for one in results for caveat in one.caveats if caveat.severity == "stop"],
        "comparison": _comparison(run),
        "checks": words.rank_checks(run.quality.checks),
        "quality": words.quality_sentences(run.quality),
        "dictionary": words.dictionary_sentences(run),
        "total_seconds": sum(run.timings.values()),
    }


def _comparison(run: RunView) -> Comparison | None:
    return compare_runs(run.earlier, run.results, run.currency) if run.earlier else None


def _result_view(result: Result, reader: TableReader, currency: str, files: FilePlan) -> ResultView:
    drawn = {chart.table for chart in result.charts}
    return ResultView(
        anchor=anchor(result.analysis),
        result=result,
        blocks=tuple(
            _block(result, table, reader, currency, files.tables[result.analysis, table.name])
            for table in result.tables
            if table.is_shown or table.name in drawn
        ),
        findings=tuple(words.rank_findings([result])),
        caveats=tuple(sorted(result.caveats, key=lambda caveat: _CAVEATS[caveat.severity])),
        audiences={
            one.name: AudienceView(
                one.title, reader.count_members(one), files.audiences[result.analysis, one.name], one.why
            )
            for one in result.audiences
        },
    )


def _block(result: Result, table: Table, reader: TableReader, currency: str, file: str) -> BlockView:
    charts = tuple(
        _chart_view(picture[0], table, reader, currency, anchor(result.analysis, picture[0].name))
        for picture in faces(result.charts)
        if picture[0].table == table.name and reader.count(table)
    )
    view = reader.view(table)
    is_folded = bool(charts) or len(view.rows) > OPEN_ROWS or not table.is_arrow
    return BlockView(anchor(result.analysis, table.name), charts, view, file, is_folded)


def _chart_view(chart: Chart, table: Table, reader: TableReader, currency: str, place: str) -> ChartView:
    from markupsafe import Markup

    rows = reader.rows_to_draw(chart, table)
    total = reader.count(table)
    svg = chart_svg(chart, table, rows, total=total, currency=currency)
    first = f" (first {rows.num_rows:,} of {total:,})" if total > rows.num_rows else ""
    return ChartView(
        chart=chart,
        title=chart.title + first,
        subtitle=subtitle(chart, rows),
        svg=Markup(number_ids(svg, f"{place}-")),  # noqa: S704  drawn by Vega, which escapes every text
    )


def anchor(*names: str) -> str:
    """An id for a place of the page: letters, digits, `_` and `-`.

    >>> anchor("rfm", "revenue by segment")
    'rfm-revenue-by-segment'
    """
    return "-".join(re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-") or "part" for name in names)
