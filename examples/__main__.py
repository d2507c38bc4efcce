"""`python -m examples NAME`: generate the company, run the example, print where the report is.

`--rows 2.4M` takes another size; `--update` writes the answers of the run into the README.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from examples import answers

_SIZES = {"K": 1_000, "M": 1_000_000}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m examples", description=__doc__)
    parser.add_argument("name", nargs="*", help="which example; all, where none is named")
    parser.add_argument("--rows", default="", help="rows of the main table, as in 60000 or 2.4M")
    parser.add_argument("--out", default="demo", help="folder for data and runs")
    parser.add_argument("--update", action="store_true", help="write the answers into the README")
    given = parser.parse_args()
    for name in given.name or answers.names():
        example, began = answers.read(name), time.perf_counter()
        done = answers.perform(example, Path(given.out) / name, rows(given.rows), _tell)
        print(file=sys.stderr)
        if given.update:
            text = example.readme.read_text(encoding="utf-8")
            example.readme.write_text(answers.with_block(text, answers.block(example, done)), encoding="utf-8")
        for run in done.values():
            print(f"{run.report}  ({time.perf_counter() - began:.0f} s)")


def _tell(_: str) -> None:
    print(".", end="", file=sys.stderr, flush=True)


def rows(text: str) -> int | None:
    """A size as written: 60000, 60K or 2.4M.

    >>> rows("2.4M"), rows("")
    (2400000, None)
    """
    if not text:
        return None
    unit = _SIZES.get(text[-1].upper(), 1)
    return round(float(text if unit == 1 else text[:-1]) * unit)


if __name__ == "__main__":
    main()
