"""The base install is enough, and nothing heavy is imported before it is used."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

EXTRAS = (
    "pandas", "polars", "pyspark", "python_calamine", "adbc_driver_manager", "adbc_driver_postgresql", "connectorx",
    "lifelines", "statsforecast", "holidays", "starlette", "uvicorn", "IPython", "playwright",
)  # fmt: skip
WITHOUT_EXTRAS = f"""
import importlib, importlib.abc, pkgutil, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {EXTRAS!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""


def run(code: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=cwd, timeout=120
    )


def test_every_module_imports_without_extras() -> None:
    code = WITHOUT_EXTRAS + "\n".join(
        (
            "import regulars",
            "for module in pkgutil.walk_packages(regulars.__path__, 'regulars.'):",
            "    importlib.import_module(module.name)",
        )
    )
    done = run(code)
    assert done.returncode == 0, done.stderr


def test_the_main_job_runs_without_extras(tmp_path: Path) -> None:
    code = WITHOUT_EXTRAS + (
        "import sys; sys.argv = ['regulars', 'demo', '--rows', '3000', '--quiet', '--out', 'demo']\n"
        "from regulars.cli import main; main()"
    )
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "demo" / "runs" / "latest" / "report.html").is_file()


def test_a_missing_extra_is_named_with_its_command(tmp_path: Path) -> None:
    (tmp_path / "orders.xlsx").write_bytes(b"PK\x03\x04")
    (tmp_path / "regulars.toml").write_text(
        "[tables.orders]\nsource = 'orders.xlsx'\ncolumns = { customer_id = 'a', ordered_at = 'b' }\n", encoding="utf-8"
    )
    code = WITHOUT_EXTRAS + (
        "import sys; sys.argv = ['regulars', 'check', 'regulars.toml']\nfrom regulars.cli import main; main()"
    )
    done = run(code, tmp_path)
    assert done.returncode == 5, done.stderr
    assert 'pip install "regulars[excel]"' in done.stderr


def test_heavy_libraries_wait_until_they_are_used() -> None:
    heavy = (
        "ibis",
        "numpy",
        "pyarrow",
        "duckdb",
        "altair",
        "scipy",
        "rich.console",
        "vl_convert",
        "sklearn",
        "tea_tasting",
    )
    told = f"print([name for name in {heavy!r} if name in sys.modules])"
    assert run(f"import sys, regulars; {told}").stdout.strip() == "[]"
    assert run(f"import sys, regulars.cli, regulars.pipeline, regulars.core.dataset; {told}").stdout.strip() == "[]"
