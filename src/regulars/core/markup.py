"""Results in a notebook: plain, escaped HTML without script or style sheet.

A report is drawn elsewhere; this is what a cell shows when a Result or a Table is its last line.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from regulars.core.units import write

if TYPE_CHECKING:
    from regulars.core.result import Result, Table

PREVIEW_ROWS = 20


def table_html(table: Table) -> str:
    """The first rows of a table."""
    rows = table.data.slice(0, PREVIEW_ROWS) if table.is_arrow else table.data.limit(PREVIEW_ROWS).to_pyarrow()
    infos = [table.info(name) for name in rows.column_names]
    head = "".join(f"<th>{escape(info.heading)}</th>" for info in infos)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(write(row[info.name], info.unit))}</td>" for info in infos) + "</tr>"
        for row in rows.to_pylist()
    )
    return f"<table><caption>{escape(table.title)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def result_html(result: Result) -> str:
    """Title, question, findings and the shown tables of a Result."""
    findings = "".join(
        f"<li>{escape(finding.sentence)} <em>({finding.grade}, n = {finding.n:,})</em></li>"
        for finding in result.findings
    )
    caveats = "".join(f"<li>{escape(caveat.sentence)}</li>" for caveat in result.caveats)
    tables = "".join(table_html(table) for table in result.tables if table.is_shown)
    return (
        f"<h3>{escape(result.title)}</h3><p>{escape(result.question)}</p>"
        f"<ul>{findings}</ul>{f'<ul>{caveats}</ul>' if caveats else ''}{tables}"
    )
