"""Every demo world: how it is found, and that it never writes over what is there."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from regulars.demo.world import worlds
from regulars.errors import RegularsError

if TYPE_CHECKING:
    from pathlib import Path


def test_worlds_are_found_and_imported_late() -> None:
    assert "cinema" in list(worlds())
    assert "world" not in worlds()
    with pytest.raises(KeyError):
        worlds()["atlantis"]
    code = (
        "import sys; from regulars.demo.world import worlds; list(worlds());"
        "sys.exit('regulars.demo.cinema' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "customer.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(RegularsError, match=r"already holds customer\.csv"):
        worlds()["cinema"].write(tmp_path, rows=1_000)
    assert [path.name for path in tmp_path.iterdir()] == ["customer.csv"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("mine", encoding="utf-8")
    with pytest.raises(RegularsError, match="is a file"):
        worlds()["cinema"].write(tmp_path / "demo", rows=1_000)
