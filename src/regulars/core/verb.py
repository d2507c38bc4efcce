"""A command of its own that an analysis adds to the command line: `regulars plan --budget 10000`.

The analysis states it as `verb = Verb("plan", "What it does.", PlanOptions)` and implements `perform`; the fields of
the options class become the command's options. Which verbs there are is read from the source text of the analyses, so
that `regulars --help` imports none of them.
"""

from __future__ import annotations

import ast
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from regulars.core.dataset import Dataset


@dataclass(frozen=True)
class Verb:
    """A command: its word, what it does, and its options.

    Args:
        name: The word typed after `regulars`.
        help: One sentence.
        options: A frozen dataclass whose fields, all with defaults, become options. `field(metadata={"help": …})`
            says what each is for.
    """

    name: str
    help: str
    options: type


@dataclass(frozen=True)
class VerbCall:
    """What a verb is given.

    Args:
        options: An instance of the verb's options class.
        load: Reads the data of the settings file, when the verb needs them.
        run_folder: The run whose saved models may be used: `run_folder / "models" / ANALYSIS`.
    """

    options: Any
    load: Callable[[], Dataset]
    run_folder: Path


@dataclass(frozen=True)
class VerbEntry:
    """A line of the static index: the verb's word, the analysis that has it, and what it does."""

    name: str
    analysis: str
    help: str


@cache
def verb_index() -> dict[str, VerbEntry]:
    """Every verb by its word, read from the text of `regulars/analyses/`; nothing is imported or run."""
    package = importlib.util.find_spec("regulars.analyses")
    folders = [Path(folder) for folder in (package.submodule_search_locations or [])] if package else []
    return read_verbs(path for folder in folders for path in sorted(folder.glob("*.py")))


def read_verbs(files: Iterable[Path]) -> dict[str, VerbEntry]:
    """The verbs that source files state, by their word."""
    found: dict[str, VerbEntry] = {}
    for path in files:
        text = path.read_text(encoding="utf-8")
        if "Verb(" not in text:  # parsing is slow, and few analyses have a verb
            continue
        for node in ast.walk(ast.parse(text)):
            words = _stated(node)
            if words:
                found[words[0]] = VerbEntry(words[0], path.stem, words[1])
    return found


def _stated(node: ast.AST) -> tuple[str, str] | None:
    """The word and the help of `verb = Verb("word", "help", …)`."""
    if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
        return None
    call, targets = node.value, [target.id for target in node.targets if isinstance(target, ast.Name)]
    if targets != ["verb"] or not isinstance(call.func, ast.Name) or call.func.id != "Verb":
        return None
    words = [argument.value for argument in call.args[:2] if isinstance(argument, ast.Constant)]
    return (str(words[0]), str(words[1])) if len(words) == 2 else None
