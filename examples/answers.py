"""An example's own run: its questions asked of generated data, its answers written into its README.

`questions.toml` beside an example's settings says which generated company it is about and which questions it answers:
the words by which each one's section is found in the report, and which findings answer it. The README's block of
answers is written from the run, never by hand; a test runs every example and compares.
"""

from __future__ import annotations

import html
import re
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regulars import pipeline
from regulars.core.units import write_count
from regulars.present import words
from regulars.present.actions import FIRST, rank_actions
from regulars.present.words import write_short

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from regulars.core.result import Finding, Result
    from regulars.present.run_view import RunView

FOLDER = Path(__file__).parent
BEGIN, END = "<!-- answers: begin -->", "<!-- answers: end -->"
_TITLES = {"actions": "What to do", "findings": "The most important findings"}
_MOST = 4
"""Findings quoted for one question; the report has them all."""


@dataclass(frozen=True)
class Question:
    """One question of an example.

    Args:
        ask: The question in plain words.
        section: The analysis whose section answers it, or another anchor of the report (`data-quality`).
        words: Words that stand together in a heading, a finding or a caveat of that section.
        findings: Keys of the findings that answer it, in the order wanted; `*` stands for any run of characters, and a
            key with the name of another analysis before it is taken from that one.
        run: Which of the example's runs; the first, where empty.
        features: Features of the customer view that answer it.
    """

    ask: str
    section: str
    words: tuple[str, ...]
    findings: tuple[str, ...] = ()
    run: str = ""
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class Example:
    """An example: its settings, its generated company, its questions.

    Args:
        name: Its folder.
        world: The demo world it is about.
        rows: Rows of the world's main table.
        questions: What is asked.
        runs: Settings of each run, by its name; one run as the settings file says, where empty.
        only: Analyses to run; all, where empty.
    """

    name: str
    world: str
    rows: int
    questions: tuple[Question, ...]
    runs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    only: tuple[str, ...] = ()

    @property
    def readme(self) -> Path:
        """Its README."""
        return FOLDER / self.name / "README.md"


def names() -> list[str]:
    """The examples that run on generated data."""
    return sorted(path.parent.name for path in FOLDER.glob("*/questions.toml"))


def read(name: str) -> Example:
    """An example by its name."""
    raw = tomllib.loads((FOLDER / name / "questions.toml").read_text(encoding="utf-8"))
    questions = tuple(
        Question(
            one["ask"],
            one["section"],
            tuple(one["words"]),
            tuple(one.get("findings", ())),
            one.get("run", ""),
            tuple(one.get("features", ())),
        )
        for one in raw["questions"]
    )
    return Example(name, raw["world"], raw["rows"], questions, raw.get("runs", {}), tuple(raw.get("only", ())))


def perform(
    example: Example, out: Path, rows: int | None = None, told: Callable[[str], None] = lambda _: None
) -> dict[str, pipeline.Run]:
    """Generates the company, and runs the example on it.

    Args:
        example: Which.
        out: Folder for the data and the run folders.
        rows: Another size than the example's own.
        told: Called with the name of each stage as it begins.

    Returns:
        The runs by name, in the order of the example.
    """
    data = out / "data"
    pipeline.make_demo(example.world, data, rows or example.rows, 7)
    done = {}
    for run, overrides in (example.runs or {"": {}}).items():
        settings = pipeline.read_settings(FOLDER / example.name / "regulars.toml", overrides, data)
        done[run] = pipeline.run(settings, out / "runs" / run, told=told, only=example.only, strict=True)
    return done


def _run_of(question: Question, done: Mapping[str, pipeline.Run]) -> pipeline.Run:
    return done[question.run or next(iter(done))]


def _answered_by(question: Question, done: Mapping[str, pipeline.Run]) -> Result | None:
    results = _run_of(question, done).view.results
    return next((one for one in results if one.analysis == question.section), None)


_HEADING = re.compile(r"<(h[2-4]|caption|summary)\b[^>]*>(.*?)</\1>", re.DOTALL)
_SENTENCE = re.compile(r'<p class="(sentence|caveat)\b[^>]*>(.*?)</p>', re.DOTALL)


def place(report: str, anchor: str, wanted: Sequence[str]) -> str:
    """What in a section of the report, as printed, has all the words: a heading, else a finding or a caveat."""
    start = report.find(f'id="{anchor}"')
    if start < 0:
        return ""
    start = report.rfind("<", 0, start)
    stop = re.search(r"<article|<h2", report[start + 1 :])
    section = report[start : start + 1 + stop.start() if stop else len(report)]
    pieces = [*_HEADING.findall(section), *_SENTENCE.findall(section)]
    texts = [_plain(text) for kind, text in pieces if kind != "caveat"]
    texts += [_plain(text) for kind, text in pieces if kind == "caveat"]
    return next((text for text in texts if all(word.lower() in text.lower() for word in wanted)), "")


def _plain(markup: str) -> str:
    markup = re.sub(r'<span class="tip"[^>]*>.*?</span>', "", markup, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", markup)).split()).removeprefix("Table: ")


def _bare(text: str) -> str:
    return " ".join(text.split())


def missing(example: Example, done: Mapping[str, pipeline.Run]) -> list[str]:
    """The questions that no place in the report answers."""
    return [one.ask for one in example.questions if not _heading(one, done)]


def unanswered(example: Example, done: Mapping[str, pipeline.Run]) -> list[str]:
    """The questions to which nothing is quoted from the run."""
    return [one.ask for one in example.questions if not _told(one, done)]


def block(example: Example, done: Mapping[str, pipeline.Run]) -> str:
    """The answers as the report gives them, question by question, in Markdown."""
    lines = []
    for question in example.questions:
        result, heading = _answered_by(question, done), _heading(question, done)
        lines += [f"### {question.ask}", "", *(f"- {text}" for text in _told(question, done))]
        title = (
            result.title if result else _TITLES.get(question.section, question.section.replace("-", " ").capitalize())
        )
        where = f"*{title}*" + (f" in the run `{question.run}`" if question.run else "")
        told = [one.sentence for one in (*result.findings, *result.caveats)] if result else []
        is_told = {title, "", *(_bare(text) for text in told)}
        place_told = "." if {heading, _bare(heading)} & is_told else f", “{heading}”."
        lines += [f"- In the report: {where}{place_told}", ""]
    return "\n".join(lines).rstrip()


def _heading(question: Question, done: Mapping[str, pipeline.Run]) -> str:
    report = _run_of(question, done).report.read_text(encoding="utf-8")
    return place(report, question.section, question.words)


def _told(question: Question, done: Mapping[str, pipeline.Run]) -> list[str]:
    """What answers a question, in sentences with their numbers."""
    view = _run_of(question, done).view
    if question.section == "data-quality":
        return [*words.quality_sentences(view.quality), *_checks(view)]
    if question.section == "data-dictionary":
        return [*words.dictionary_sentences(view), *_features(view, question.features)]
    found = words.rank_findings(view.results)
    if question.section == "findings":
        return [_finding(one.finding, view.currency) for one in found[:_MOST]]
    if question.section == "actions":
        return _actions(view)
    keys = [key if "." in key and key.split(".")[0] in _analyses(view) else f"{question.section}.{key}"
            for key in question.findings]  # fmt: skip
    chosen = [one.finding for key in keys for one in found if fnmatchcase(one.finding.key, key)]
    quoted = [_finding(one, view.currency) for one in list(dict.fromkeys(chosen))[:_MOST]]
    result = _answered_by(question, done)
    return quoted or [one.sentence for one in (result.caveats if result else ()) if one.severity == "stop"]


def _analyses(view: RunView) -> set[str]:
    return {one.analysis for one in view.results}


def _finding(finding: Finding, currency: str) -> str:
    interval = words.interval_words(finding, currency)
    return f"{finding.sentence} ({finding.grade}; {interval}; n = {words.n_words(finding)})"


def _actions(view: RunView) -> list[str]:
    """What to do, the most money first, as far as the report shows it unfolded."""
    lines = []
    for one in rank_actions([one for _, results in view.chapters for one in results], {})[:FIRST]:
        stake = one.stake if one.action.expected_value is None else None
        expected = one.action.expected_value
        money = f" ({write_short(stake, 'money', view.currency)} at stake)" if stake is not None else ""
        if expected is not None:
            money = f" (expected to bring {write_short(expected, 'money', view.currency)})"
        lines.append(f"{one.action.sentence} {one.action.why}{money}")
    return lines


def _checks(view: RunView) -> list[str]:
    """The gravest checks, and what was done about them."""
    ranked = words.rank_checks(view.quality.checks)[:_MOST]
    return [f"`{one.table}{'.' if one.column else ''}{one.column}`: {one.sentence}; {one.done}." for one in ranked]


def _features(view: RunView, names: Sequence[str]) -> list[str]:
    """Each feature with its mean and of how many it is known."""
    features = {one.name: one for one in view.features}
    lines = []
    for name in names:
        fact, feature = view.feature_facts[name], features[name]
        mean = words.mean_words(fact, feature, view.currency)
        lines.append(f"`{name}`, {feature.meaning}: {mean} in the mean (n = {write_count(fact.known, 'customers')})")
    return lines


def with_block(text: str, answers: str) -> str:
    """A README with its block of answers replaced."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{answers}\n\n{END}{after}"
