"""What every demo world shares: its face, its answer, and how it is found.

A world draws customer tables from a stated process and writes that process beside them, so that an
analysis can be asked whether it finds what was planted. Adding a world is adding one folder beside this
file, named after the world, whose module `world` holds it as ``WORLD``.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from regulars.errors import RegularsError

if TYPE_CHECKING:
    from pathlib import Path

_PACKAGE = "regulars.demo"
SETTINGS_FILE = "regulars.toml"
TRUTH_FILE = "truth.json"


@dataclass(frozen=True)
class Truth:
    """What a world planted and wrote.

    Attributes:
        directory: The folder that holds the tables, ``regulars.toml`` and ``truth.json``.
        row_counts: Rows written, by file name.
        facts: What ``truth.json`` says: parameters, and what the drawn data came to.
    """

    directory: Path
    row_counts: Mapping[str, int]
    facts: Mapping[str, Any]


class World(Protocol):
    """A source of demo data whose truth is known."""

    @property
    def name(self) -> str:
        """The word the command line knows the world by."""

    @property
    def title(self) -> str:
        """One line that says what the world is."""

    def write(self, directory: Path, *, rows: int | None = None, seed: int = 7) -> Truth:
        """Write the tables, the settings and the truth.

        Args:
            directory: Where to write; made if it is not there.
            rows: About how many rows the main table gets; the world's own size by default.
            seed: The same seed gives the same bytes, another seed other data.

        Returns:
            What was planted and written.

        Raises:
            RegularsError: A file of the same name is there already (nothing is replaced), or ``rows`` is
                too small for the world.
        """


def worlds() -> Mapping[str, World]:
    """The worlds by name; a world is imported when it is looked up, not before."""
    return _LazyWorlds()


class _LazyWorlds(Mapping[str, World]):
    """The folders beside this file, sorted by name."""

    def __init__(self) -> None:
        package = importlib.import_module(_PACKAGE)
        self._names = sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.ispkg)

    def __getitem__(self, name: str) -> World:
        if name not in self._names:
            raise KeyError(name)
        return cast(World, importlib.import_module(f"{_PACKAGE}.{name}.world").WORLD)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def prepare_directory(directory: Path, file_names: list[str]) -> None:
    """Make the folder of a world, and refuse to write over what is there.

    Args:
        directory: The folder to make.
        file_names: The files the world is about to write.

    Raises:
        RegularsError: One of the files is there already (the message names them), or the folder is a file.
    """
    if directory.is_file():
        raise RegularsError(f"{directory} is a file, not a folder.", mend="Choose another folder for the demo.")
    present = [name for name in file_names if (directory / name).exists()]
    if present:
        raise RegularsError(
            f"{directory} already holds {', '.join(present)}; nothing was written.",
            mend="Choose an empty folder for the demo.",
        )
    directory.mkdir(parents=True, exist_ok=True)


def rows_to_draw(world: str, rows: int | None, usual: int, smallest: int) -> int:
    """How many rows the main table of a world gets.

    Args:
        world: Its name.
        rows: What was asked for.
        usual: Its own size, where nothing was.
        smallest: Under so many it cannot be drawn.

    Raises:
        RegularsError: ``rows`` is too small for the world.
    """
    wanted = usual if rows is None else rows
    if wanted < smallest:
        raise RegularsError(
            f"The demo world '{world}' cannot be drawn with {wanted:,} rows.",
            mend=f"Ask for at least {smallest:,} rows.",
        )
    return wanted


def write_truth(directory: Path, facts: Mapping[str, Any], settings: str) -> Truth:
    """Write the truth and the settings beside the tables; the facts name the row counts."""
    (directory / TRUTH_FILE).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    (directory / SETTINGS_FILE).write_text(settings, encoding="utf-8")
    return Truth(directory, facts["row_counts"], facts)
