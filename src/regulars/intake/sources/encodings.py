"""Which characters the bytes of a text file stand for, by evidence.

A byte-order mark decides; else the place of zero bytes shows UTF-16; else text that is valid UTF-8 is UTF-8; what is
left is Windows-1252, or latin-1 where it holds bytes that Windows-1252 leaves open.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from regulars.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_OPEN_IN_WINDOWS = frozenset(b"\x81\x8d\x8f\x90\x9d")
_BLOCK = 4 * 2**20
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1a\x1b\x1c\x1d\x1e\x1f\x01"))


@dataclass(frozen=True)
class Encoding:
    """How bytes become characters, and how that was found out (empty: UTF-8 without any doubt)."""

    name: str
    evidence: str = ""


def detect(head: bytes, shown: str, *, whole: bool = True) -> Encoding:
    """The encoding of a file, from its first bytes; unless they are the whole, the last character may be cut off.

    Raises:
        SourceError: These bytes are no text.

    >>> detect("a;é".encode("cp1252"), "x.csv").name
    'cp1252'
    >>> detect("a;é".encode("utf-16"), "x.csv").name
    'utf-16-le'
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name, "" if name == "utf-8" else "its byte-order mark says so")
    if b"\0" in head:
        return _wide(head, shown)
    if len(head.translate(None, _CONTROLS)) < 0.99 * len(head):
        raise _no_text(shown)
    return _narrow(head, whole)


def _narrow(head: bytes, whole: bool) -> Encoding:
    """UTF-8 where the bytes allow it, else a Western single-byte encoding."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=whole)
    except UnicodeDecodeError:
        pass
    else:
        return Encoding("utf-8")
    if _OPEN_IN_WINDOWS.intersection(head):
        return Encoding("latin-1", "it is not valid UTF-8, and has bytes that Windows-1252 does not know")
    return Encoding("cp1252", "it is not valid UTF-8")


def _wide(head: bytes, shown: str) -> Encoding:
    """UTF-16 without a mark: in Western text nearly every second byte is zero."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = max(1, len(head) // 2)
    for name, zeros, others in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if zeros > 0.2 * half and others < 0.05 * half:
            try:
                text = codecs.getincrementaldecoder(name)().decode(head)
            except UnicodeDecodeError:
                break
            if "\0" not in text:
                return Encoding(name, "every second byte is zero")
    raise _no_text(shown)


def named(name: str, head: bytes, shown: str) -> str:
    r"""The encoding that a user named, as Python spells it; the byte order of UTF-16 is taken from its mark.

    Raises:
        SourceError: There is none of that name.

    >>> named("UTF-16", b"\xfe\xff\0a", "x.csv"), named("utf8", b"a", "x.csv")
    ('utf-16-be', 'utf-8')
    """
    try:
        codec = codecs.lookup(name).name
        "".encode(codec).decode(codec)
    except (LookupError, UnicodeError) as problem:
        raise SourceError(
            f"{shown}: the encoding '{name}' is not known", mend='use a name like "utf-8", "latin-1" or "utf-16"'
        ) from problem
    if codec in ("utf-16", "utf-32"):
        big = head.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE))
        return f"{codec}-{'be' if big else 'le'}"
    return "utf-8" if codec == "utf-8-sig" else codec


def copy_as_utf8(source: IO[bytes], encoding: str, target: Path) -> None:
    """A copy in UTF-8 without a byte-order mark, made in a stream.

    Raises:
        UnicodeDecodeError: The bytes are not of that encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    first = True
    with target.open("wb") as copy:
        while True:
            block = source.read(_BLOCK)
            text = decoder.decode(block, final=not block)
            if first and text:
                text, first = text.removeprefix("\ufeff"), False
            copy.write(text.encode("utf-8"))
            if not block:
                return


def _no_text(shown: str) -> SourceError:
    return SourceError(
        f"{shown} is no text: it holds binary data",
        mend="name a CSV, Parquet, JSON or Excel file, or say what it is with reader.format",
    )
