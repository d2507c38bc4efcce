"""From what the settings call a source to the files it stands for.

A source is a file, a pattern, a folder or a database address, relative to the settings' folder.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from regulars.errors import SourceError
from regulars.intake.sources.archives import Part, data_files, members

if TYPE_CHECKING:
    from pathlib import Path

_ADDRESS = re.compile(r"[a-z][a-z0-9+]+://", re.IGNORECASE)
_PATTERN = re.compile(r"[*?\[]")
_MIB = 2**20


@dataclass(frozen=True)
class SourceFile:
    """One file that was read.

    Args:
        path: As shown: relative to the settings' folder, with its member; a database address without its password.
        size_bytes: Of the file on the disk; None for a server.
        fingerprint: SHA-256 over the size and the first and the last MiB, so that it costs the same for any size.
            It tells one export from the next; it does not prove that two files are equal. For a server, over the
            address alone.
        rows: How many rows came out of it.
    """

    path: str
    size_bytes: int | None
    fingerprint: str
    rows: int | None = None


@dataclass(frozen=True)
class Found:
    """The files of a source, and the names beside them that were passed over."""

    parts: tuple[Part, ...]
    passed_over: tuple[str, ...] = ()


def is_address(source: str) -> bool:
    """Whether a source is a database address.

    >>> is_address("sqlite:///shop.db"), is_address("C:/data/shop.csv")
    (True, False)
    """
    return _ADDRESS.match(source) is not None


def find(source: str, folder: Path, member: str = "") -> Found:
    """The files that a source stands for, in the order of their names.

    Args:
        source: File, pattern or folder.
        folder: What it is relative to.
        member: Member of a zip archive, as the settings name it.

    Raises:
        SourceError: There are none.
    """
    path = folder / source
    passed_over: list[str] = []
    try:
        if path.is_dir():
            paths, beside = in_folder(path)
            passed_over = [show(one, folder) for one in beside]
        elif path.exists():
            paths = [path]
        elif _PATTERN.search(source):
            paths, passed_over = _matching(source, folder)
        else:
            raise _missing(path, source)
    except PermissionError as problem:
        raise SourceError(f"{source} may not be looked into", mend="ask for the right to read it") from problem
    parts: list[Part] = []
    for one in paths:
        shown = show(one, folder)
        if one.suffix.lower() == ".zip":
            inside, others = members(one, shown, member)
            parts += inside
            passed_over += [f"{shown}/{other}" for other in others]
        else:
            parts.append(Part(one, shown))
    return Found(tuple(parts), tuple(passed_over))


def show(path: Path, folder: Path) -> str:
    """A path for people: relative to the settings' folder where it lies below it.

    >>> from pathlib import Path
    >>> show(Path("/data/may/sales.csv"), Path("/data"))
    'may/sales.csv'
    """
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return path.as_posix()


def fingerprint(path: Path) -> tuple[int, str]:
    """Size in bytes and fingerprint of a file, as `SourceFile` has them."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        digest.update(str(size).encode())
        file.seek(0)
        digest.update(file.read(_MIB))
        file.seek(max(0, size - _MIB))
        digest.update(file.read(_MIB))
    return size, digest.hexdigest()


def in_folder(path: Path) -> tuple[list[Path], list[Path]]:
    """The data files of a folder, or of the folders below it where it has none of its own; and what lies beside them.

    Raises:
        SourceError: There is no data file.
    """
    for files in (sorted(path.iterdir()), sorted(path.rglob("*"))):
        names = [one.relative_to(path).as_posix() for one in files if one.is_file()]
        data, others = data_files(names)
        if data:
            return [path / name for name in data], [path / name for name in others]
    raise SourceError(f"the folder {path} has no data file in it", mend="name the file, or another folder")


def _matching(source: str, folder: Path) -> tuple[list[Path], list[str]]:
    names = glob.glob(source, root_dir=folder, recursive=True)  # noqa: PTH207  a pattern may be absolute
    files = sorted(folder / name for name in names)
    files = [file for file in files if file.is_file()]
    if not files:
        raise SourceError(f"no file matches {source}", mend=nearby(folder / source, "look at the pattern"))
    data, _ = data_files([file.name for file in files])
    if not data:  # a pattern may name files of any ending
        return files, []
    kept = [file for file in files if file.name in data]
    return kept, [show(file, folder) for file in files if file.name not in data]


def _missing(path: Path, source: str) -> SourceError:
    return SourceError(f"there is no file {source}", mend=nearby(path, "look at the name and the folder"))


def nearby(path: Path, otherwise: str) -> str:
    """The names in a missing file's folder that are closest to it."""
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    names = sorted(one.name for one in folder.iterdir() if not one.name.startswith("."))
    close = get_close_matches(path.name, names, n=3, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(f"'{name}'" for name in close) + "?"
    return f"{folder} has: {', '.join(names[:8])}{' …' if len(names) > 8 else ''}" if names else otherwise
