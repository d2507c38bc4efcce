"""Files, compressed files and the members of zip archives, opened alike.

Every way in which opening or decompressing fails becomes one sentence that names the file and the mend.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import shutil
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING

from regulars.errors import OutputError, SourceError, closest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".psv", ".dat", ".txt"})
_DATA_SUFFIXES = TEXT_SUFFIXES | {
    ".json", ".jsonl", ".ndjson", ".parquet", ".pq", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".zip",
}  # fmt: skip
_TALK = ("readme*", "read me*", "licen[cs]e*", "copying*", "changelog*", "notes*", "contents*", "manifest*", "about*")
_JUNK = ("__macosx", ".*", "thumbs.db", "desktop.ini", "_success", "_committed_*", "_started_*", "*.crc", "~$*")


@dataclass(frozen=True)
class Part:
    """One file of a source, or one member of a zip archive.

    Args:
        path: The file on the disk.
        shown: Its name for people: relative to the settings' folder where it lies below it, with its member.
        member: The member of a zip archive.
    """

    path: Path
    shown: str
    member: str = ""

    @property
    def suffix(self) -> str:
        """The ending that tells the format, in lower case, without that of the compression."""
        name = PurePosixPath(self.member or self.path.name)
        return PurePosixPath(name.stem).suffix.lower() if name.suffix.lower() in _OPENERS else name.suffix.lower()

    @property
    def is_plain(self) -> bool:
        """Whether the file on the disk is neither compressed nor inside an archive."""
        return not self.member and self.path.suffix.lower() not in _OPENERS

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The content as bytes, decompressed.

        Raises:
            SourceError: It cannot be opened, or is damaged (that may show only while it is read).
        """
        with _explained(self.shown):
            if self.member:
                with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as file:
                    yield self._unpacked(file)
            else:
                with self.path.open("rb") as file:
                    yield self._unpacked(file)

    def _unpacked(self, file: IO[bytes]) -> IO[bytes]:
        opener = _OPENERS.get(PurePosixPath(self.member or self.path.name).suffix.lower())
        return opener(file, "rb") if opener else file  # type: ignore[operator]

    def head(self, size: int) -> bytes:
        """The first bytes."""
        with self.open() as file:
            return file.read(size)

    def copy_to(self, target: Path) -> None:
        """Write the decompressed content to a file."""
        with self.open() as file, target.open("wb") as copy:
            shutil.copyfileobj(file, copy, 2**22)

    @contextmanager
    def on_disk(self, folder: Path) -> Iterator[Path]:
        """A path to the decompressed content, for readers that need one; a copy goes into a folder inside `folder`."""
        if self.is_plain:
            yield self.path
            return
        with scratch_folder(folder, self.shown) as scratch:
            target = scratch / f"copy{self.suffix}"
            self.copy_to(target)
            yield target


@contextmanager
def _explained(shown: str) -> Iterator[None]:
    """Errors of the operating system and of the decompressors as one sentence."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as problem:
        raise SourceError(
            f"{shown} is damaged or cut off: {problem}", mend="fetch the file again, or export it anew"
        ) from problem
    except RuntimeError as problem:
        if "encrypted" not in str(problem) and "password" not in str(problem).lower():
            raise
        raise SourceError(f"{shown} is encrypted", mend="unpack it first, and name the unpacked file") from problem
    except NotImplementedError as problem:
        raise SourceError(
            f"{shown} is packed in a way that Python cannot unpack: {problem}", mend="unpack it first"
        ) from problem
    except PermissionError as problem:
        raise SourceError(f"{shown} may not be read", mend="ask for the right to read it") from problem
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise SourceError(
            f"{shown} cannot be read: {problem.strerror or problem}", mend="see whether the disk and the file are whole"
        ) from problem


@contextmanager
def scratch_folder(folder: Path, shown: str) -> Iterator[Path]:
    """A temporary folder for copies of a file, gone afterwards.

    Raises:
        OutputError: There is no room for a copy.
    """
    try:
        with TemporaryDirectory(prefix="copy-", dir=folder) as name:
            yield Path(name)
    except OSError as problem:
        if problem.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise OutputError(
            f"there is no room in {folder} for a copy of {shown}",
            mend="make room, or name another folder with [engine] temporary_folder",
        ) from problem


def members(path: Path, shown: str, wanted: str) -> tuple[list[Part], list[str]]:
    """The data files inside a zip archive, and the names of the others, which are passed over.

    Args:
        path: The archive.
        shown: Its name for people.
        wanted: A member's name or a pattern; empty where there is only one data file.

    Raises:
        SourceError: It is damaged, has no data file, or has several and none is named.
    """
    with _explained(shown), zipfile.ZipFile(path) as archive:
        names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    data, others = data_files(names)
    data = [name for name in data if _kind(name) != ".zip"]
    if wanted:
        found = [name for name in names if name == wanted or PurePosixPath(name).name == wanted]
        found = found or [name for name in data if fnmatch(name, wanted) or fnmatch(PurePosixPath(name).name, wanted)]
        if not found:
            raise SourceError(f"{shown} has no member '{wanted}'", mend=closest(wanted, data or names))
        return [Part(path, f"{shown}/{name}", name) for name in found], []
    if not data:
        raise SourceError(f"{shown} has no data file in it", mend=f"it holds: {_listed(names)}")
    if len(data) > 1:
        raise SourceError(
            f"{shown} has {len(data)} data files in it: {_listed(data)}",
            mend='name one: reader = { member = "…" }, or several with a pattern ("*.csv")',
        )
    return [Part(path, f"{shown}/{data[0]}", data[0])], others


def data_files(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names of data files, and those of what lies beside them: system files, notes, other kinds of file.

    A text file counts as data only where nothing else does.

    >>> data_files(["a.csv", "readme.txt", "__MACOSX/._a.csv", ".DS_Store"])
    (['a.csv'], ['readme.txt', '__MACOSX/._a.csv', '.DS_Store'])
    """
    data = [name for name in names if not _is_junk(name) and _kind(name) in _DATA_SUFFIXES]
    better = [name for name in data if _kind(name) != ".txt"]
    data = better or [name for name in data if not _is_talk(name)]
    return data, [name for name in names if name not in set(data)]


def _is_junk(name: str) -> bool:
    return any(fnmatch(word.lower(), junk) for word in PurePosixPath(name).parts for junk in _JUNK)


def _is_talk(name: str) -> bool:
    return any(fnmatch(PurePosixPath(name).name.lower(), talk) for talk in _TALK)


def _kind(name: str) -> str:
    return Part(Path(name), name).suffix


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") or "nothing"
