"""The glossary: every term that the code defines, in the code's words.

The definitions of an analysis stand in its source, beside the sentences that use them. They are read from there with
the analysis' default settings; what only a run can know (a limit learnt from the data) is told in the report alone.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from typing import TYPE_CHECKING, Any

from documentation import markdown
from documentation.questions import all_kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regulars.core.analysis import Analysis

_NAMES = ("_DEFINITIONS", "DEFINITIONS", "_definitions", "definitions")


def page() -> str:
    """The page."""
    from regulars.core.contract import CONTRACT
    from regulars.present.words import GRADE_MEANINGS

    grades = [[f"*{name}*", meaning] for name, meaning in GRADE_MEANINGS.items()]
    terms = {}
    for kind in all_kinds():
        for term, meaning in definitions(kind).items():
            terms.setdefault((term, meaning), []).append(f"[{kind.title}](../questions/{kind.name}.md)")
    rows = [[term, meaning, ", ".join(where)] for (term, meaning), where in sorted(terms.items(), key=_alphabetical)]
    tables = [[f"`{name}`", f"one row per {told.grain}"] for name, told in CONTRACT.items()]
    return "\n\n".join(
        [
            "# Glossary\n\nThe words of report and dashboard, as the program defines them. A word may mean something "
            "else in another "
            "analysis; then it stands here twice.",
            "## How a finding is known\n\n" + markdown.table(["grade", "meaning"], grades),
            "## Terms\n\n" + markdown.table(["term", "meaning", "used in"], rows),
            "## Tables\n\n" + markdown.table(["table", "grain"], tables),
            "Columns of tables are defined under [Tables](tables.md), those of customers under "
            "[Features](features.md).",
        ]
    ) + "\n"  # fmt: skip


def _alphabetical(item: tuple[tuple[str, str], list[str]]) -> tuple[str, str]:
    return item[0][0].lower(), item[0][1]


def definitions(kind: type[Analysis]) -> dict[str, str]:
    """The terms that an analysis defines, with its default settings."""
    analysis: Any = kind()
    found: dict[str, str] = {}
    for names, literal in _literals(kind):
        for key, value in zip(literal.keys, literal.values, strict=True):
            if isinstance(key, ast.Constant):
                text = _read(value, names, analysis)
                if text:
                    found.setdefault(str(key.value), text)
    return found


def _literals(kind: type[Analysis]) -> Iterator[tuple[dict[str, Any], ast.Dict]]:
    """The dictionaries of definitions in the source of an analysis and of the words it uses."""
    module = importlib.import_module(kind.__module__)
    used = [
        one for one in vars(module).values() if inspect.ismodule(one) and one.__name__.startswith("regulars.measures.")
    ]
    words = [one for one in used if one.__name__.endswith("_words")]
    named = {value.__module__ for value in vars(module).values() if inspect.isclass(value)}
    words += [importlib.import_module(name) for name in sorted(named) if name.endswith("_words")]
    for one in [module, *words]:
        for node in ast.walk(ast.parse(inspect.getsource(one))):
            for literal in _defining(node):
                yield dict(vars(one)), literal


def _defining(node: ast.AST) -> list[ast.Dict]:
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(one, ast.Name) and one.id in _NAMES for one in targets) and isinstance(node.value, ast.Dict):
            return [node.value]
    if isinstance(node, ast.FunctionDef) and node.name in _NAMES:
        return [one for one in ast.walk(node) if isinstance(one, ast.Dict)]
    if isinstance(node, ast.keyword) and node.arg == "definitions" and isinstance(node.value, ast.Dict):
        return [node.value]
    return []


class _Self:
    """Stands for the analysis, and for a helper that holds it as `settings`."""

    def __init__(self, analysis: Any) -> None:
        self._analysis = analysis

    def __getattr__(self, name: str) -> Any:
        return self._analysis if name in ("settings", "analysis") else getattr(self._analysis, name)


def _read(node: ast.expr, names: dict[str, Any], analysis: Any) -> str:
    """The text, or "" where only a run can tell it."""
    fields = {name: getattr(analysis, name) for name in analysis.__dataclass_fields__}
    short = {name.split("_")[0]: value for name, value in fields.items()}
    known = {**names, **short, **fields, "self": _Self(analysis)}
    try:
        return str(eval(compile(ast.Expression(node), "definitions", "eval"), known))  # noqa: S307  our own source
    except (NameError, AttributeError, TypeError):
        return ""
