"""The data of the benchmarks: the demo world `shop` at any size, written once.

Six in ten lines come from customers who buy once or twice, so that there is about one customer to four lines, as where
the figures to reach were measured.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from regulars.demo.shop.world import ShopWorld

if TYPE_CHECKING:
    from pathlib import Path

PASSER_BY_SHARE = 0.6


def count(text: str) -> int:
    """2.4M, 100k or 5000 as a number."""
    scale = {"k": 1_000, "m": 1_000_000}.get(text[-1].lower(), 1)
    return int(float(text[:-1] if scale > 1 else text) * scale)


def shop_folder(lines: int, cache: Path) -> Path:
    """The folder of the world with about so many lines; it is written where it is not there yet."""
    folder = cache / f"shop-{lines}"
    if not folder.exists():
        part = cache / f"shop-{lines}.part"
        shutil.rmtree(part, ignore_errors=True)
        ShopWorld(passer_by_share=PASSER_BY_SHARE).write(part, rows=lines)
        part.rename(folder)
    return folder
