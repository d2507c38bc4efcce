"""The figures of the benchmarks as a page of tables, and as two pictures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from benchmarks.beside import PEERS
from benchmarks.measure import DISK, PEAK
from benchmarks.world import count

if TYPE_CHECKING:
    from pathlib import Path

BLUE, ORANGE = "#0072B2", "#D55E00"
TITLES = {
    "summaries": "Summaries and the analyses that need nothing but order lines",
    "run": "The whole run, from the settings to the report",
}


def as_text(found: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [
        "# Benchmarks",
        "",
        "`python -m benchmarks --help` says how each table is made. Data: the demo world `shop`; six in ten lines",
        "come from customers who buy once or twice. Told are seconds on the clock and of the processors (all threads):",
        "these hold where the machine has other work. A scan reads and adds up the nine needed columns once, warm,",
        "in the same process; stages are multiples of its processor time. An exponent of 1 means that twice the lines",
        "take twice the time.",
        "",
    ]
    if "start" in found:
        start = found["start"]
        lines += ["## Start-up", "", *_about(start), "| what | seconds |", "|---|---|"]
        lines += [f"| {name} | {value:.2f} |" for name, value in start["seconds"].items()]
        lines.append("")
    for kind, title in TITLES.items():
        if kind in found:
            lines += [f"## {title}", "", *_table(found[kind])]
    if "growth" in _pictures(found):
        lines += ["![Seconds by stage and number of lines](growth.svg)", ""]
    if "peers" in found:
        lines += _peers(found["peers"])
    return "\n".join(lines)


def _about(part: dict[str, Any]) -> list[str]:
    versions = ", ".join(f"{name} {one}" for name, one in part["versions"].items())
    busy = f"other work on the machine: load {part['load']} at the start; " if part.get("load", 0) > 1 else ""
    busy += f"{part['beside']}; " if "beside" in part else ""
    return [f"{part['date']}; {part['machine']}; {busy}{versions}.", ""]


def _table(sizes: dict[str, Any]) -> list[str]:
    """One row per stage: both clocks, scans and memory per size, and how it grows from the first size to the last."""
    order = sorted(sizes, key=count)
    stages = list(dict.fromkeys(stage for size in order for stage in sizes[size]["seconds"]))
    heads = [f" {size}: seconds | processors | scans |" for size in order]
    head = "| stage |" + "".join(heads) + (" exponent |" if len(order) > 1 else "")
    lines = [head, "|" + "---|" * (head.count("|") - 1)]
    gigabytes = [one for one in (PEAK, DISK) if one in stages]
    for stage in [*(one for one in stages if one not in gigabytes), *gigabytes]:
        row = f"| {stage} |"
        for size in order:
            seconds = sizes[size]["seconds"]
            if stage in gigabytes or stage not in seconds:
                row += f" {f'{seconds[stage]:.2f}' if stage in seconds else '–'} | | |"
                continue
            wall, processors = seconds[stage]
            row += f" {wall:.2f} | {_number(processors)} |"
            row += f" {processors / seconds['scan'][1]:.1f} |" if "scan" in seconds else " |"
        if len(order) > 1:
            grown = None if stage in gigabytes else exponent(sizes, order[0], order[-1], stage)
            row += f" {_number(grown)} |"
        lines.append(row)
    lines.append("")
    for size in order:
        lines += [f"{size}: limit of memory {sizes[size]['memory']}; {_about(sizes[size])[0]}", ""]
    return lines


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def exponent(sizes: dict[str, Any], small: str, large: str, stage: str) -> float | None:
    """How the time of a stage grows with the lines; None where it was not measured at both sizes.

    By the processors' time where it is known, else by the clock.
    """
    first, last = sizes[small]["seconds"].get(stage), sizes[large]["seconds"].get(stage)
    if not first or not last:
        return None
    place = 0 if None in (first[1], last[1]) else 1
    return math.log(last[place] / first[place]) / math.log(count(large) / count(small))


def _peers(part: dict[str, Any]) -> list[str]:
    found = part["found"]
    ours = found["regulars"]["seconds"]
    lines = [f"## Beside other tools, {part['size']} lines", "", *_about(part)]
    lines += [f"regulars took at most {found['regulars'][PEAK]:.1f} GB of memory, all tasks one after another.", ""]
    lines += [
        "Seconds on the clock, and of the processors in brackets; the comparison is of the latter.",
        "",
        "| task | regulars | peer | | peer's memory | answers |",
        "|---|---|---|---|---|---|",
    ]
    notes = []
    for peer in PEERS:
        told = found.get(peer.name)
        if told is None:
            continue
        if "failed" in told:
            lines.append(f"| {peer.about} | | {peer.name}: failed | | | {told['failed'][:80]} |")
            continue
        notes.append(f"- **{peer.name} {told['version']}**: {peer.about}." + (f" {peer.note}." if peer.note else ""))
        answers = "; ".join(told["differing"]) or (
            f"same ({len(told['compared'])})" if told["compared"] else "not alike"
        )
        for task in told["seconds"]:
            if task in ours:
                own, other = ours[task], told["seconds"][task]
                times = other[1] / own[1]
                word = f"{times:.1f} × as long" if times >= 1 else f"regulars takes {1 / times:.1f} × as long"
                lines.append(
                    f"| {task} | {own[0]:.2f} ({own[1]:.2f}) | {peer.name} {other[0]:.2f} ({other[1]:.2f}) | {word} "
                    f"| {told[PEAK]:.1f} GB | {answers} |"
                )
    return [*lines, "", *notes, "", "![Beside other tools](peers.svg)", ""]


def _pictures(found: dict[str, Any]) -> dict[str, Any]:
    """The pictures there are data for, as Altair charts."""
    import altair as alt

    charts: dict[str, Any] = {}
    rows = [
        {"lines": count(size), "stage": f"{kind}: {stage}", "seconds": part["seconds"][stage][0]}
        for kind, stages in (("summaries", ("scan", "summaries", "all")), ("run", ("all",)))
        for size, part in found.get(kind, {}).items()
        for stage in stages
        if stage in part["seconds"]
    ]
    if len({row["lines"] for row in rows}) > 1:
        charts["growth"] = (
            alt.Chart(alt.Data(values=rows), title="Time grows with the lines", width=420, height=300)
            .mark_line(point=True)
            .encode(
                alt.X("lines:Q", scale=alt.Scale(type="log"), title="order lines"),
                alt.Y("seconds:Q", scale=alt.Scale(type="log"), title="seconds"),
                alt.Color("stage:N", title=None, scale=alt.Scale(range=["#0072B2", "#D55E00", "#009E73", "#CC79A7"])),
            )
        )
    part = found.get("peers")
    if part:
        ours = part["found"]["regulars"]["seconds"]
        bars = [
            {"task": f"{task} ({name})", "tool": tool, "seconds": value}
            for name, told in part["found"].items()
            for task in told.get("seconds", {})
            if name != "regulars" and task in ours
            for tool, value in (("regulars", ours[task][1]), ("peer", told["seconds"][task][1]))
        ]
        charts["peers"] = (
            alt.Chart(alt.Data(values=bars), title=f"Beside other tools, {part['size']} lines", width=420)
            .mark_bar()
            .encode(
                alt.Y("task:N", title=None, axis=alt.Axis(labelLimit=320)),
                alt.X("seconds:Q", title="seconds of the processors"),
                alt.YOffset("tool:N", sort=["regulars", "peer"]),
                alt.Color("tool:N", title=None, scale=alt.Scale(domain=["regulars", "peer"], range=[BLUE, ORANGE])),
            )
        )
    return charts


def draw(found: dict[str, Any], folder: Path) -> None:
    """The pictures as SVG files."""
    import vl_convert

    for name, chart in _pictures(found).items():
        (folder / f"{name}.svg").write_text(vl_convert.vegalite_to_svg(chart.to_dict()))
