"""The run folder: written under a temporary name beside its place, and renamed when it is whole.

A reader therefore never sees half a run. A run that is stopped removes what it wrote; one that is killed cannot, so the
next start recognises its remains by the process that no longer lives, or by their age, and removes them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from regulars.errors import OutputError, SourceError
from regulars.present.export import file_names, plan_files, write_audience, write_parquet
from regulars.present.records import findings_json, read_findings, results_json, run_json
from regulars.present.tables import TableReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    import ibis.expr.types as ir

    from regulars.core.dataset import Engine
    from regulars.core.result import Result
    from regulars.present.run_view import EarlierRun, RunView

STALE_AFTER_SECONDS = 2 * 24 * 3600
"""Remains of a run whose process cannot be asked after (another machine, a process number used again) go after this."""

_REMAINS = re.compile(r"\.(?P<kind>unfinished|replaced)-(?P<name>.+)-(?P<host>[A-Za-z0-9]+)-(?P<pid>[0-9]+)")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_NO_RIGHT = (errno.EACCES, errno.EPERM, errno.EROFS)


def prepare(runs: Path) -> list[str]:
    """Make the folder of all runs ready before any work is done; the names of the remains that were removed.

    Raises:
        OutputError: There is no room or no right to write there.
    """
    with writing(runs):
        runs.mkdir(parents=True, exist_ok=True)
        removed = remove_stale(runs)
        probe = runs / _temporary("unfinished", "probe")
        probe.touch()
        probe.unlink()
    return removed


@dataclass
class RunFolder:
    """A run folder in the making: a context manager that leaves either the whole folder or nothing.

    The same run made again takes the place of the first.

    Args:
        runs: The folder of all runs; made where it is missing.
        run_id: Name of the run.

    Attributes:
        path: Where to write until `finish` is called.
        removed: Names of the remains of killed runs that were removed.
    """

    runs: Path
    run_id: str
    path: Path = field(init=False)
    removed: list[str] = field(init=False, default_factory=list)

    @property
    def final_path(self) -> Path:
        """Where the folder stands once it is whole."""
        return self.runs / next(file_names([self.run_id]))

    def __enter__(self) -> RunFolder:
        """Clear away what killed runs left and make the temporary folder.

        Raises:
            OutputError: There is no room or no right to write, or something that is no run has the run's name.
        """
        self.removed = prepare(self.runs)
        self._refuse_taken()
        self.path = self.runs / _temporary("unfinished", self.final_path.name)
        with writing(self.path):
            shutil.rmtree(self.path, ignore_errors=True)
            self.path.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the temporary folder, unless it has become the run."""
        shutil.rmtree(self.path, ignore_errors=True)

    def finish(self) -> Path:
        """Give the folder its name and let `latest` point to it.

        Raises:
            OutputError: Something that is no run has the run's name, or there is no right to write.
        """
        self._refuse_taken()
        replaced = self.runs / _temporary("replaced", self.final_path.name)
        with writing(self.final_path):
            if self.final_path.exists():
                self.final_path.rename(replaced)
            self.path.rename(self.final_path)
            shutil.rmtree(replaced, ignore_errors=True)
            _point_latest(self.runs, self.final_path.name)
        return self.final_path

    def _refuse_taken(self) -> None:
        if self.final_path.exists() and not (self.final_path / "run.json").is_file():
            raise OutputError(
                f"{self.final_path} is there already and is no run", mend="move it away, or choose another --out"
            )


def write(
    view: RunView,
    engine: Engine,
    runs: Path,
    set_aside: Mapping[str, ir.Table] | None = None,
    cube: Mapping[str, ir.Table] | None = None,
) -> Path:
    """Everything a run gives, as a folder; returns where it is.

    Args:
        view: The run.
        engine: Gives the rows of what stays in it.
        runs: The folder of all runs.
        set_aside: Table → the rows that were set aside or repaired, with reason and raw values; for `quarantine/`.
        cube: Table → the rows that the dashboard filters; for `cube/`.

    Raises:
        OutputError: There is no room or no right to write; nothing half done is left.
    """
    with RunFolder(runs, view.run_id) as folder:
        also = _write_quarantine(engine, folder.path, set_aside or {})
        also |= _write_cube(engine, folder.path, cube or {})
        fill_folder(view, engine, folder.path, also=also)
        return folder.finish()


def _write_cube(engine: Engine, path: Path, cube: Mapping[str, ir.Table]) -> dict[str, int]:
    """What the dashboard filters, one file per table; how many rows each holds."""
    with writing(path):
        (path / "cube").mkdir()
        files = {f"cube/{name}.parquet": expr for name, expr in zip(file_names(cube), cube.values(), strict=True)}
        return {file: engine.write_parquet(expr, path / file) for file, expr in files.items()}


def _write_quarantine(engine: Engine, path: Path, set_aside: Mapping[str, ir.Table]) -> dict[str, int]:
    """The rows set aside, one file per table that has any; how many each holds."""
    rows: dict[str, int] = {}
    with writing(path):
        (path / "quarantine").mkdir()
        for name, expr in zip(file_names(set_aside), set_aside.values(), strict=True):
            file = path / "quarantine" / f"{name}.parquet"
            count = engine.write_parquet(expr, file)
            if count:
                rows[f"quarantine/{name}.parquet"] = count
            else:
                file.unlink()
    return rows


def find_earlier(runs: Path, view: RunView, given: Path | None = None) -> EarlierRun | None:
    """The run to compare with: the one that was given, else the newest other one of the same data set.

    Raises:
        SourceError: The given one cannot be read. Others that cannot be read are passed over.
    """
    if given is not None:
        return read_findings(given / "findings.json" if given.is_dir() else given)
    as_of = view.as_of.isoformat() if view.as_of else ""
    for folder in _newest_first(runs):
        with contextlib.suppress(SourceError):
            earlier = read_findings(folder / "findings.json")
            if earlier.run_id != view.run_id and earlier.dataset == view.dataset and earlier.as_of <= as_of:
                return earlier
    return None


def _newest_first(runs: Path) -> list[Path]:
    latest = latest_run(runs)
    whole = [path for path in runs.glob("[!.]*/run.json") if not path.parent.is_symlink()]
    whole.sort(key=lambda path: (path.stat().st_mtime, path.parent.name), reverse=True)
    return list(dict.fromkeys([*([latest] if latest else []), *(path.parent.resolve() for path in whole)]))


def fill_folder(view: RunView, engine: Engine, path: Path, also: Mapping[str, int] | None = None) -> None:
    """Write every file of a run into a folder.

    Args:
        view: The run.
        engine: Gives the rows of tables and audiences that stay in it.
        path: The folder.
        also: Files that are in it already, with their rows.

    Raises:
        OutputError: There is no room or no right to write.
    """
    from regulars.present.draw import chart_svg
    from regulars.present.report.page import report_html
    from regulars.present.scene import FILE

    plan = plan_files(view.results)
    reader = TableReader(engine, view.currency)
    rows: dict[str, int | None] = dict(also or {})
    with writing(path):
        for folder in ("tables", "charts", "audiences"):
            (path / folder).mkdir(exist_ok=True)
        for result in view.results:
            for table in result.tables:
                name = plan.tables[result.analysis, table.name]
                rows[name] = write_parquet(table, engine, path / name)
                reader.know_count(table, rows[name] or 0)
            for audience in result.audiences:
                name = plan.audiences[result.analysis, audience.name]
                rows[name] = count = write_audience(audience, engine, path / name)
                reader.know_count(audience, count)
            for chart in result.charts:
                name = plan.charts[result.analysis, chart.name]
                table = result.table(chart.table)
                drawn = reader.rows_to_draw(chart, table)
                svg = chart_svg(chart, table, drawn, total=reader.count(table), currency=view.currency, look=FILE)
                _write_text(path / name, svg)
                rows[name] = None
            rows |= _save_model(result, path)
        _write_text(path / "report.html", report_html(view, engine, reader))
        _write_text(path / "findings.json", findings_json(view))
        _write_text(path / "results.json", results_json(view, reader, plan))
        rows |= dict.fromkeys(("report.html", "findings.json", "results.json"))
        _write_text(path / "run.json", run_json(view, rows))


def _save_model(result: Result, path: Path) -> dict[str, None]:
    """The fitted model of a Result in `models/`, under the name of its analysis; the files it wrote."""
    if result.model is None:
        return {}
    folder = path / "models" / next(file_names([result.analysis]))
    folder.mkdir(parents=True, exist_ok=True)
    result.model.save(folder)
    return {str(file.relative_to(path)): None for file in sorted(folder.rglob("*")) if file.is_file()}


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="replace", newline="\n")


def latest_run(runs: Path) -> Path | None:
    """The newest whole run, or None where there is none."""
    link, note = runs / "latest", runs / "latest.txt"
    with contextlib.suppress(OSError):
        if link.is_symlink():
            return link.resolve(strict=True)
        target = runs / Path(note.read_text(encoding="utf-8").strip()).name
        return target.resolve(strict=True)
    return None


def remove_stale(runs: Path) -> list[str]:
    """Remove what killed runs left; the names of what was removed.

    A run that was about to be replaced when the process was killed gets its name back.
    """
    stale = [(path, named) for path, named in _remains(runs) if _is_stale(path, named)]
    for path, named in stale:
        if named["kind"] == "replaced" and not (runs / named["name"]).exists():
            path.rename(runs / named["name"])
        elif path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return [path.name for path, _ in stale]


def _remains(runs: Path) -> list[tuple[Path, re.Match[str]]]:
    named = ((path, _REMAINS.fullmatch(path.name)) for path in sorted(runs.glob(".*")))
    return [(path, match) for path, match in named if match]


def _is_stale(path: Path, named: re.Match[str]) -> bool:
    if named["host"] == _host() and not _is_alive(int(named["pid"])):
        return True
    try:
        return time.time() - path.lstat().st_mtime > STALE_AFTER_SECONDS
    except FileNotFoundError:
        return False


def _is_alive(pid: int) -> bool:
    if os.name != "posix":
        return True  # elsewhere signal 0 is not a mere question
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9]", "", socket.gethostname()) or "host"


def _temporary(kind: str, name: str) -> str:
    return f".{kind}-{name}-{_host()}-{os.getpid()}"


def _point_latest(runs: Path, name: str) -> None:
    """Let `latest` point at a run, in one step; `latest.txt` holds its name where links cannot be made."""
    temporary = runs / _temporary("unfinished", "latest")
    temporary.unlink(missing_ok=True)
    try:
        temporary.symlink_to(name, target_is_directory=True)
        temporary.replace(runs / "latest")
    except (OSError, NotImplementedError):
        temporary.unlink(missing_ok=True)
        _write_text(temporary, f"{name}\n")
        temporary.replace(runs / "latest.txt")
    else:
        (runs / "latest.txt").unlink(missing_ok=True)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """What goes wrong while files are written, told with the place and the mend.

    Raises:
        OutputError: There is no room, no right, or something in the way.
    """
    try:
        yield
    except OSError as problem:
        raise _output_error(problem, path) from problem
    except Exception as problem:
        if os.strerror(errno.ENOSPC) not in str(problem):
            raise
        raise _output_error(OSError(errno.ENOSPC, ""), path) from problem


def _output_error(problem: OSError, path: Path) -> OutputError:
    place = problem.filename or path
    if problem.errno in _NO_ROOM or os.strerror(errno.ENOSPC) in str(problem):
        return OutputError(
            f"{path} cannot be written: there is no room left on the device",
            mend="free some space there, or choose another place with --out",
        )
    if problem.errno in _NO_RIGHT:
        return OutputError(
            f"{place} cannot be written: there is no right to write there",
            mend="ask for the right to write, or choose another place with --out",
        )
    why = problem.strerror or str(problem)
    return OutputError(f"{place} cannot be written: {why}", mend="choose another place with --out")
