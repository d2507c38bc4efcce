"""JSON on its way into the engine: a list of objects, or one object after the other, as on the lines of a log.

Every value becomes text as it is written in the file (a number keeps its digits), and nested values stay JSON, so that
they are read by the same rules as the cells of any other text file. A line that is no object is kept with a remark.
"""

from __future__ import annotations

import io
import json
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from regulars.errors import SourceError
from regulars.intake.sources import encodings
from regulars.intake.sources.header import RESERVED, free_name
from regulars.intake.sources.staging import PROBLEM

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from regulars.intake.sources.archives import Part

_OBJECTS_AT_ONCE = 20_000
_CHARACTERS_AT_ONCE = 2**20
_HEAD_BYTES = 2**16
_BLANKS = " \t\r\n\ufeff"


class _Float(float):
    """A number that remembers its digits."""

    text: str


def _float(text: str) -> _Float:
    number = _Float(text)
    number.text = text
    return number


_ENCODER = json.JSONEncoder(ensure_ascii=False)
_DECODER = json.JSONDecoder(parse_float=_float, parse_constant=str)


class Documents:
    """The objects of one or more JSON files as Arrow batches of text columns.

    Columns are named after the keys, in the order in which they are first seen; `renamed` has those that had to change.
    """

    def __init__(self) -> None:
        self.renamed: dict[str, str] = {}
        self.problems = 0
        self._names: dict[str, str] = {}
        self._taken = set(RESERVED)

    def batches(self, part: Part, encoding: str) -> Iterator[pa.RecordBatch]:
        """The objects of a file, some thousands at a time; each batch has the columns that its objects have.

        Raises:
            SourceError: It is damaged or no JSON.
        """
        head = part.head(_HEAD_BYTES)
        if encoding:
            found = encodings.named(encoding, head, part.shown)
        else:
            found = encodings.detect(head, part.shown, whole=len(head) < _HEAD_BYTES).name
        with part.open() as file:
            objects = _objects(_text(file, found), part.shown)
            try:
                while chunk := list(islice(objects, _OBJECTS_AT_ONCE)):
                    yield self._batch(chunk)
            except UnicodeDecodeError as problem:
                raise SourceError(
                    f"{part.shown} is not {found} throughout", mend="name its encoding with reader.encoding"
                ) from problem

    def _batch(self, chunk: list[dict[str, Any] | str]) -> pa.RecordBatch:
        import pyarrow as pa

        objects = [one if isinstance(one, dict) else {} for one in chunk]
        columns: dict[str, Any] = {}
        for key in dict.fromkeys(key for one in objects for key in one):
            columns[self._name(key)] = pa.array([_cell(one.get(key)) for one in objects], pa.string())
        wrong = [f"no JSON object: {one}" if isinstance(one, str) else None for one in chunk]
        if any(wrong) or not columns:
            self.problems += sum(one is not None for one in wrong)
            columns[PROBLEM] = pa.array(wrong, pa.string())
        return pa.RecordBatch.from_pydict(columns)

    def _name(self, key: str) -> str:
        if key not in self._names:
            self._names[key] = free_name(key.strip(), len(self._names) + 1, self._taken)
            if self._names[key] != key:
                self.renamed[key] = self._names[key]
        return self._names[key]


def _text(file: IO[bytes], encoding: str) -> io.TextIOBase:
    return io.TextIOWrapper(file, encoding=encoding, newline="\n")


def _cell(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, _Float):
        return value.text
    if isinstance(value, int):
        return str(value)
    return _ENCODER.encode(value)


def _objects(text: io.TextIOBase, shown: str) -> Iterator[dict[str, Any] | str]:
    """The objects of a file; a line that is none of them, as it stands."""
    buffer = _Buffer(text)
    first = buffer.skip(_BLANKS)
    if not first:
        raise SourceError(f"{shown} is empty", mend="name a file with rows, or leave it out")
    if first == "[":
        buffer.place += 1
        yield from _elements(buffer, shown)
    elif first != "{":
        raise SourceError(f"{shown} is no JSON: it begins with '{buffer.rest()[:20].strip()}'", mend="name a JSON file")
    elif isinstance(_line(buffer.rest().split("\n", 1)[0]), dict) and "\n" in buffer.rest().strip(_BLANKS):
        yield from (_line(line) for line in buffer.lines() if line.strip(_BLANKS))
    else:
        objects = _sequence(buffer, shown)
        only, second = next(objects), next(objects, None)
        yield from _inside(only) if second is None else (only, second)
        yield from objects


def _line(line: str) -> dict[str, Any] | str:
    try:
        value = _DECODER.decode(line.strip(_BLANKS))
    except (json.JSONDecodeError, RecursionError):
        return line.rstrip("\r\n")
    return value if isinstance(value, dict) else line.rstrip("\r\n")


def _inside(whole: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a lone object: those of its only list of objects, else the object itself."""
    lists = [value for value in whole.values() if isinstance(value, list) and value]
    if len(lists) == 1 and all(isinstance(one, dict) for one in lists[0]):
        return lists[0]
    return [whole]


class _Buffer:
    """The text of a file, of which only what is not yet read is held."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text
        self.held = text.read(_CHARACTERS_AT_ONCE)
        self.place = 0
        self.before = 0

    def rest(self) -> str:
        """What is held and not yet read."""
        return self.held[self.place :]

    def more(self) -> bool:
        """Hold more; False at the end."""
        block = self._text.read(_CHARACTERS_AT_ONCE)
        self.before += self.place
        self.held, self.place = self.rest() + block, 0
        return bool(block)

    def skip(self, characters: str) -> str:
        """Pass over characters; the next one, or "" at the end."""
        while True:
            while self.place < len(self.held) and self.held[self.place] in characters:
                self.place += 1
            if self.place < len(self.held):
                return self.held[self.place]
            if not self.more():
                return ""

    def lines(self) -> Iterator[str]:
        """The lines that are left."""
        *whole, last = self.rest().split("\n")
        yield from whole
        yield last + self._text.readline()
        yield from self._text


def _elements(buffer: _Buffer, shown: str) -> Iterator[dict[str, Any]]:
    """The objects of a list, which must be all there is."""
    while (mark := buffer.skip(_BLANKS + ",")) != "]":
        if not mark:
            raise SourceError(f"{shown} is cut off: its list of objects does not end", mend="export it anew")
        yield _next_object(buffer, shown)
    buffer.place += 1
    if buffer.skip(_BLANKS):
        raise SourceError(f"{shown} goes on after the end of its list of objects", mend="export it anew")


def _sequence(buffer: _Buffer, shown: str) -> Iterator[dict[str, Any]]:
    """Objects one after the other."""
    while buffer.skip(_BLANKS + ","):
        yield _next_object(buffer, shown)


def _next_object(buffer: _Buffer, shown: str) -> dict[str, Any]:
    while True:
        try:
            value, end = _DECODER.raw_decode(buffer.held, buffer.place)
        except (json.JSONDecodeError, RecursionError) as problem:
            if buffer.more():
                continue
            raise SourceError(
                f"{shown} is no JSON from character {buffer.before + buffer.place + 1:,} on: {problem}",
                mend="mend it there, or export it anew",
            ) from problem
        if not isinstance(value, dict):
            raise SourceError(
                f"{shown} is a list of something else than objects: '{str(value)[:40]}'",
                mend='each row must be an object, like {"customer_id": "C1", "paid": 9.5}',
            )
        buffer.place = end
        return value
