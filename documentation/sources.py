"""The papers behind an analysis: what the docstrings of the code it uses cite, and where."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import regulars

ROOT = Path(regulars.__file__).parent
_FLOORS = ("analyses", "methods", "measures", "models")
_CITED = re.compile(r"\bSources?:\s*(.+?)(?:\n\s*\n|\Z)", flags=re.DOTALL)
_YEAR = re.compile(r"\((1[89]|20)\d\d\)")


def papers(analysis: str) -> list[tuple[str, str]]:
    """(part of the program, what it cites) of an analysis, through everything it imports below it."""
    found = [(name, text) for name in _used(f"analyses/{analysis}.py") for text in _cites(name)]
    return sorted(dict.fromkeys(found))


@cache
def _used(start: str) -> tuple[str, ...]:
    """The files an analysis reaches by imports of names that it uses, analyses themselves excepted."""
    seen, waiting = [start], [start]
    while waiting:
        for name in _imports(waiting.pop()):
            if name not in seen:
                seen.append(name)
                waiting.append(name)
    return tuple(sorted(seen))


def _imports(name: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("regulars."):
            base = (node.module or "").removeprefix("regulars.").replace(".", "/")
            found += [f"{base}.py", *(f"{base}/{alias.name}.py" for alias in node.names)]
    return [one for one in found if one.startswith(_FLOORS[1:]) and (ROOT / one).exists()]


@cache
def _cites(name: str) -> tuple[str, ...]:
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    texts = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, kinds)]
    cited = [" ".join(found.split()) for text in texts for found in _CITED.findall(text)]
    plain = [" ".join(text.split()) for text in texts if _YEAR.search(text) and not _CITED.search(text)]
    return tuple(one for one in [*cited, *plain] if _YEAR.search(one))
