"""Results in the terminal: tables, findings, data quality, and how far a run has come."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from regulars.core.units import write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from regulars.core.analysis import Missing
    from regulars.core.dataset import Engine
    from regulars.core.quality import DataQuality
    from regulars.core.result import Result, Table
    from regulars.present.run_view import RunView

_MARKS = {"problem": "[bold red]problem[/]", "warning": "[yellow]warning[/]", "note": "[dim]note[/]"}


def _console() -> Console:
    from rich.console import Console

    # piped output is not cut at a width that nobody chose
    return Console(highlight=False, width=None if sys.stdout.isatty() else 200)


@contextmanager
def progress(stages: int) -> Iterator[Callable[[str], None]]:
    """A progress line with time left, cleared at the end; each call begins the next stage."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as line:
        task = line.add_task("starting", total=stages)
        begun = 0

        def told(name: str) -> None:
            nonlocal begun
            line.update(task, description=name, completed=min(begun, stages - 1))
            begun += 1

        yield told


def show_rows(rows: Sequence[Mapping[str, str]]) -> None:
    """Rows of text as a table, or "nothing"."""
    from rich.table import Table as Grid
    from rich.text import Text

    console = _console()
    if not rows:
        console.print("nothing")
        return
    grid = Grid(show_header=True, header_style="bold", box=None, pad_edge=False)
    for name in rows[0]:
        grid.add_column(name, overflow="fold")
    for row in rows:
        grid.add_row(*[Text(text) for text in row.values()])
    console.print(grid)


def show_quality(quality: DataQuality) -> None:
    """What was read, and what was noticed; the worst first."""
    from rich.table import Table as Grid
    from rich.text import Text

    console = _console()
    grid = Grid(title="rows", title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name in ("table", "read", "accepted", "repaired", "set aside"):
        grid.add_column(name, justify="left" if name == "table" else "right")
    for account in quality.accounts:
        counts = (account.read, account.accepted, account.repaired, account.set_aside)
        grid.add_row(account.table, *[f"{count:,}" for count in counts])
    console.print(grid)
    order = {"problem": 0, "warning": 1, "note": 2}
    for check in sorted(quality.checks, key=lambda one: (order[one.severity], -one.rows)):
        place = f"{check.table}.{check.column}" if check.column else check.table
        console.print(f"\n{_MARKS[check.severity]} ", Text(f"{place}: {check.sentence}"), sep="", end="\n")
        told = [check.done and f"done: {check.done}", check.change and f"to change: {check.change}"]
        console.print(Text("  " + " · ".join(part for part in told if part), style="dim"))


def show_run(view: RunView, report: Path) -> None:
    """The five most important findings of a run, and where its report is."""
    from rich.text import Text

    from regulars.present.words import rank_findings

    console = _console()
    console.print(Text(f"{view.dataset}, as of {view.as_of:%Y-%m-%d}" if view.as_of else view.dataset, style="bold"))
    for account in view.quality.accounts:
        console.print(
            Text(
                f"  {account.table}: {account.read:,} rows read = {account.accepted:,} accepted + "
                f"{account.repaired:,} repaired + {account.set_aside:,} set aside",
                style="dim",
            )
        )
    for ranked in rank_findings(view.results)[:5]:
        console.print(Text(f"• {ranked.finding.sentence} ({ranked.finding.grade}, n = {ranked.finding.n:,})"))
    for off in view.switched_off:
        console.print(Text(f"– {off.title}: not run, {_lacks(off.missing)}", style="dim"))
    for failed in view.failed:
        console.print(Text(f"✗ {failed.title}: {failed.message}", style="red"))
    seconds = sum(view.timings.values())
    console.print(Text(f"report: {report}", style="bold"), Text(f"({seconds:.1f} s)", style="dim"))


def _lacks(missing: Sequence[Missing]) -> str:
    """What an analysis lacks, or why the data cannot answer it."""
    return "; ".join(one.what if one.is_reason else f"needs {one.what}" for one in missing)


def show_result(result: Result, engine: Engine, rows: int, *, as_json: bool = False) -> None:
    """Findings, caveats and the shown tables of one analysis, or all of its tables as JSON."""
    if as_json:
        _print_json(result, engine, rows)
        return
    from rich.text import Text

    console = _console()
    console.print(Text(result.title, style="bold"), Text(result.question, style="dim"))
    for caveat in result.caveats:
        console.print(Text(f"! {caveat.sentence}", style="yellow"))
    for finding in result.findings:
        console.print(Text(f"• {finding.sentence} ({finding.grade}, n = {finding.n:,})"))
    for table in result.tables:
        if table.is_shown:
            _show_table(table, engine, rows, console)


def _first_rows(table: Table, engine: Engine, rows: int) -> list[dict[str, object]]:
    if table.is_arrow:
        return list(table.data.slice(0, rows).to_pylist())
    return list(engine.collect(table.data.limit(rows), rows).to_pylist())


def _show_table(table: Table, engine: Engine, rows: int, console: Console) -> None:
    from rich.table import Table as Grid
    from rich.text import Text

    found = _first_rows(table, engine, rows)
    grid = Grid(title=Text(table.title), title_justify="left", header_style="bold", box=None, pad_edge=False)
    names = list(found[0]) if found else [column.name for column in table.columns]
    for name in names:
        is_text = table.info(name).unit in ("", "text", "id", "date", "instant", "month")
        grid.add_column(Text(table.info(name).heading), justify="left" if is_text else "right")
    for row in found:
        grid.add_row(*[Text(write(row[name], table.info(name).unit)) for name in names])
    console.print()
    console.print(grid)


def _print_json(result: Result, engine: Engine, rows: int) -> None:
    from dataclasses import asdict

    from regulars.present.records import to_json

    tables = {table.name: _first_rows(table, engine, rows) for table in result.tables}
    findings = [asdict(finding) for finding in result.findings]
    print(to_json({"analysis": result.analysis, "findings": findings, "tables": tables}))
