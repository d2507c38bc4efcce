"""One page for each analysis: its frame from the class, its middle from `docs/questions/NAME.md` where there is one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from documentation import markdown
from documentation.sources import papers
from regulars.core.analysis import CHAPTERS, Analysis, Registry

if TYPE_CHECKING:
    from pathlib import Path

SECTIONS = ("How to read it", "How it is computed", "When not to believe it")
"""What is written by hand for each."""

_UNWRITTEN = {
    "How to read it": "Each table and chart of the report says in its heading what it shows; a finding names its n, "
    "its interval "
    "and how it is known. The [glossary](../reference/glossary.md) has the terms.",
    "When not to believe it": "Read the caveats under its section of the report: they are written from your data. "
    "A finding that is "
    "*observed* or *modelled* is no proof of a cause.",
}


def all_kinds() -> list[type[Analysis]]:
    """The analyses in reading order."""
    registry = Registry.discover()
    kinds = [registry.get(name) for name in registry.names]
    return sorted(kinds, key=lambda one: (CHAPTERS.index(one.chapter), one.order, one.name))


def pages(written: Path) -> dict[str, str]:
    """The pages by their address within the site; `written` is the folder of what was written by hand."""
    kinds = all_kinds()
    found = {f"questions/{one.name}.md": page(one, written / f"{one.name}.md") for one in kinds}
    return {"questions/index.md": index(kinds), **found}


def nav() -> list[dict[str, object]]:
    """The menu: chapters, and in each its questions."""
    kinds = all_kinds()
    chapters = [
        {chapter.capitalize(): [{one.title: f"questions/{one.name}.md"} for one in kinds if one.chapter == chapter]}
        for chapter in CHAPTERS
    ]
    return [{"All questions": "questions/index.md"}, *[one for one in chapters if next(iter(one.values()))]]


def index(kinds: list[type[Analysis]]) -> str:
    """The list of all questions."""
    parts = [
        "# The questions\n\nEach analysis answers one question. It runs when your data have what it needs; when they "
        "lack it, the "
        "report says what to add. `regulars list exports/regulars.toml` tells for your data."
    ]
    for chapter in CHAPTERS:
        rows = [[one.question, f"[{one.title}]({one.name}.md)"] for one in kinds if one.chapter == chapter]
        if rows:
            parts.append(f"## {chapter.capitalize()}\n\n" + markdown.table(["question", "analysis"], rows))
    return "\n\n".join(parts) + "\n"


def page(kind: type[Analysis], written: Path) -> str:
    """The page of one analysis."""
    own = sections(written.read_text(encoding="utf-8")) if written.exists() else {}
    computed = "\n\n".join(
        text
        for text in (own.get("How it is computed", ""), f"In the code's own words: {markdown.summary(kind)}")
        if text
    )
    parts = [
        f"# {kind.title}",
        f'<p class="question">{kind.question}</p>',
        f'`{kind.name}` · chapter *{kind.chapter}* · `regulars show {kind.name}` · `data.run("{kind.name}")`',
        f"## What it gives\n\n{_sentence(markdown.summary(kind.run))}{_extras(kind)}",
        f"## What it needs\n\n{needs(kind)}",
        f"## How to read it\n\n{own.get('How to read it') or _UNWRITTEN['How to read it']}",
        f"## How it is computed\n\n{computed}",
        f"## When not to believe it\n\n{own.get('When not to believe it') or _UNWRITTEN['When not to believe it']}",
        f"## Settings\n\n{_settings(kind)}",
    ]
    cited = papers(kind.name)
    if cited:
        rows = [[f"`{where.removesuffix('.py')}`", _readable(text)] for where, text in cited]
        text = "What the code of this analysis, and the parts that it shares with others, cite:"
        parts.append(f"## Source papers\n\n{text}\n\n" + markdown.table(["part of the code", "source"], rows))
    return "\n\n".join(parts) + "\n"


def sections(text: str) -> dict[str, str]:
    r"""What is written under each heading.

    >>> sections("## A\n\none\n\n## B\n\ntwo\n")
    {'A': 'one', 'B': 'two'}
    """
    found = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    return {heading.strip(): body.strip() for heading, body in zip(found[::2], found[1::2], strict=True)}


def needs(kind: type[Analysis]) -> str:
    """What the data must have, and what is used where it is there."""
    must, wanted = _listed(kind, "needs"), _listed(kind, "wants")
    text = (
        "\n".join(f"- {line}" for line in must) or "A source of purchases or of profiles; what more there is, it uses."
    )
    if wanted:
        text += "\n\nUsed where it is there:\n\n" + "\n".join(f"- {line}" for line in wanted)
    return text


def _listed(kind: type[Analysis], which: str) -> list[str]:
    told = getattr(kind, which)
    tables = [f"table `{name}`" for name in sorted(told.tables)]
    columns = [
        f"`{table}`: column{'s' if len(names) > 1 else ''} {_names(names)}"
        for table, names in sorted(told.columns.items())
    ]
    view = [f"features of customers: {_names(told.customers)}"] if told.customers else []
    made = [f"made from your purchases: {_names(told.summaries)}"] if told.summaries else []
    extras = [f'the extra `{name}`: `pip install "regulars[{name}]"`' for name in sorted(told.extras)]
    return [*tables, *columns, *view, *made, *extras]


def _names(names: set[str] | frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _extras(kind: type[Analysis]) -> str:
    found = ""
    if kind.provides:
        rows = [[f"`{one.name}`", one.meaning, one.formula] for one in kind.provides]
        found += "\n\nIt adds to the customer view, for every other analysis to use:\n\n"
        found += markdown.table(["feature", "meaning", "formula"], rows)
    if kind.verb:
        address = f"../reference/commands.md#regulars-{kind.verb.name}"
        found += f"\n\nIts own command: [`regulars {kind.verb.name}`]({address}). {kind.verb.help}"
    return found


def _settings(kind: type[Analysis]) -> str:
    rows = markdown.settings(kind, "")
    if not rows:
        return "It has none."
    text = f"Under `[{kind.name}]` in the settings file, or `--set {kind.name}.NAME=VALUE`:"
    return f"{text}\n\n" + markdown.table(["setting", "default", "takes", "meaning"], rows)


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _readable(text: str) -> str:
    return text.replace("<", "&lt;").replace("*", "\\*")
