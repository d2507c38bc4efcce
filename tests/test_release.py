"""The wheel: what is in it, and that it works alone, in an empty environment outside of the repository."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
UV = Path(sys.executable).parent / "uv"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as `uv build` makes it, without asking the network for the build's own tools."""
    if not UV.exists():
        pytest.skip("uv is not installed here: `make test` installs it")
    out = tmp_path_factory.mktemp("wheel")
    run([UV, "build", "--wheel", "--no-build-isolation", "--offline", "--python", sys.executable, "-o", out, ROOT], out)
    return next(out.glob("*.whl"))


def run(words: list[str | Path], cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(one) for one in words], cwd=cwd, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_only_the_package_is_in_the_wheel(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"regulars"}
    assert any(name.endswith("py.typed") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    kinds = {Path(name).suffix for name in names if name.startswith("regulars/")}
    assert kinds <= {".py", ".typed", ".html", ".css", ".js", ".j2", ".svg"}, kinds
    assert wheel.stat().st_size < 2_000_000


def test_works_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    python = tmp_path / "alone" / "bin" / "python"
    run([UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "alone"], tmp_path)
    install: list[str | Path] = [UV, "pip", "install", "--quiet", "--python", python]
    run([*install, "--require-hashes", "-r", ROOT / "requirements" / "base.txt"], tmp_path)
    run([*install, "--no-deps", wheel], tmp_path)
    home = run([python, "-c", "import regulars; print(regulars.__file__)"], tmp_path)
    assert str(tmp_path / "alone") in home
    report = run([tmp_path / "alone" / "bin" / "regulars", "demo", "--rows", "2000", "--quiet"], tmp_path).strip()
    assert (tmp_path / report).stat().st_size > 50_000


def test_version_is_the_same_everywhere() -> None:
    import regulars

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert project["version"] == regulars.__version__
    assert f"version: {regulars.__version__}\n" in citation


def test_pythons_are_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    told = {found[1] for one in project["classifiers"] if (found := re.search(r"Python :: (3\.\d+)", one))}
    assert told == {"3.11", "3.12", "3.13", "3.14"}
    assert project["requires-python"] == ">=3.11"
