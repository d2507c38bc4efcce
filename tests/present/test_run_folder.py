from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from regulars.errors import OutputError, SourceError
from regulars.present import run_folder
from regulars.present.records import read_findings
from regulars.present.run_folder import RunFolder, find_earlier, latest_run, prepare, remove_stale, write, writing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regulars.present.run_view import RunView


@pytest.fixture(scope="module")
def whole(view: RunView, engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(view, engine, tmp_path_factory.mktemp("runs"))


@pytest.fixture
def small(view: RunView) -> RunView:
    return replace(view, results=())


def test_a_run_is_written_whole(whole: Path, view: RunView) -> None:
    written = {str(path.relative_to(whole)) for path in whole.rglob("*") if path.is_file()}
    listed = json.loads((whole / "run.json").read_text(encoding="utf-8"))["files"]
    assert written == set(listed) | {"run.json"}
    assert {"report.html", "findings.json", "results.json", "tables/rfm.scores.parquet"} <= written
    assert listed["tables/rfm.scores.parquet"] == pq.read_metadata(whole / "tables/rfm.scores.parquet").num_rows == 4338
    assert listed["audiences/rfm.at_risk.csv"] == 620
    for chart in (whole / "charts").iterdir():
        ET.fromstring(chart.read_text(encoding="utf-8"))
    assert read_findings(whole / "findings.json").run_id == view.run_id
    assert [path.name for path in whole.parent.iterdir() if path.name.startswith(".")] == []


def test_hostile_names_stay_inside_the_folder(hostile_view: RunView, engine: Any, tmp_path: Path) -> None:
    run = write(hostile_view, engine, tmp_path / "in" / "runs")
    assert {path.name for path in tmp_path.iterdir()} == {"in"}
    assert {path.name for path in (tmp_path / "in").iterdir()} == {"runs"}
    (audience,) = (run / "audiences").iterdir()
    assert "\n\"'=cmd()" in audience.read_text(encoding="utf-8")


def test_latest_points_at_the_newest_run_and_moves_with_the_folder(small: RunView, engine: Any, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert latest_run(runs) is None
    for name in ("one", "two"):
        write(replace(small, run_id=name), engine, runs)
        assert latest_run(runs) == (runs / name).resolve()
    moved = runs.rename(tmp_path / "elsewhere")
    assert latest_run(moved) == (moved / "two").resolve()


def test_where_links_cannot_be_made_a_file_names_the_newest_run(
    small: RunView, engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    run = write(small, engine, tmp_path)
    assert (tmp_path / "latest.txt").read_text(encoding="utf-8").strip() == run.name
    assert latest_run(tmp_path) == run.resolve()
    monkeypatch.undo()
    again = write(replace(small, run_id="again"), engine, tmp_path)
    assert latest_run(tmp_path) == again.resolve()
    assert not (tmp_path / "latest.txt").exists()


def test_the_same_run_again_takes_the_place_of_the_first(small: RunView, engine: Any, tmp_path: Path) -> None:
    first = write(small, engine, tmp_path)
    (first / "by hand.txt").write_text("old")
    again = write(replace(small, settings="new"), engine, tmp_path)
    assert again == first
    assert not (first / "by hand.txt").exists()
    assert json.loads((first / "run.json").read_text(encoding="utf-8"))["settings"] == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([first.name, "latest"])


def test_the_folder_is_renamed_not_copied(tmp_path: Path) -> None:
    with RunFolder(tmp_path, "run") as folder:
        before = folder.path.stat().st_ino
        assert not folder.final_path.exists()
        assert folder.finish().stat().st_ino == before


def test_a_folder_that_is_no_run_is_never_replaced(small: RunView, engine: Any, tmp_path: Path) -> None:
    mine = tmp_path / small.run_id
    mine.mkdir()
    (mine / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="is no run"):
        write(small, engine, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [mine.name]
    assert (mine / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), ValueError("an analysis broke")])
def test_a_run_that_is_stopped_leaves_nothing(tmp_path: Path, stop: BaseException) -> None:
    def work() -> None:
        with RunFolder(tmp_path, "run") as folder:
            (folder.path / "half.txt").write_text("half")
            raise stop

    with pytest.raises(type(stop)):
        work()
    assert list(tmp_path.iterdir()) == []


KILLED = """
import sys, time
from pathlib import Path
from regulars.present.run_folder import RunFolder
with RunFolder(Path(sys.argv[1]), "killed") as folder:
    (folder.path / "tables").mkdir()
    (folder.path / "tables" / "half.parquet").write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def test_a_killed_run_leaves_nothing_whole_and_is_cleared_away_at_the_next_start(
    small: RunView, engine: Any, tmp_path: Path
) -> None:
    first = write(small, engine, tmp_path)
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"writing\n"
        assert remove_stale(tmp_path) == []  # it still lives
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    assert latest_run(tmp_path) == first.resolve()
    assert not (tmp_path / "killed").exists()
    remains = [path.name for path in tmp_path.iterdir() if path.name.startswith(".unfinished")]
    assert len(remains) == 1
    with RunFolder(tmp_path, "next") as folder:
        assert folder.removed == remains
        folder.finish()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([first.name, "latest", "next"])


def test_remains_of_another_machine_go_when_they_are_old(tmp_path: Path) -> None:
    young, old = (tmp_path / f".unfinished-run-elsewhere-{pid}" for pid in (1, 2))
    link = tmp_path / ".unfinished-latest-elsewhere-3"
    other = tmp_path / ".unfinished-business"
    for path in (young, old, other):
        path.mkdir()
    link.symlink_to("gone")
    past = time.time() - run_folder.STALE_AFTER_SECONDS - 60
    os.utime(old, (past, past))
    os.utime(other, (past, past))
    os.utime(link, (past, past), follow_symlinks=False)
    assert sorted(remove_stale(tmp_path)) == sorted([old.name, link.name])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([young.name, other.name])


def test_a_full_disk_is_told_with_the_mend_and_leaves_nothing(
    small: RunView, engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write(small, engine, tmp_path)

    def full(path: Path, text: str) -> None:
        path.write_bytes(text.encode()[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(run_folder, "_write_text", full)
    with pytest.raises(OutputError, match="no room left") as told:
        write(replace(small, run_id="full"), engine, tmp_path)
    assert told.value.mend
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([first.name, "latest"])
    assert latest_run(tmp_path) == first.resolve()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("a small file system can only be mounted by root")
    yield place
    subprocess.run(["umount", str(place)], check=False)


def test_a_disk_that_is_really_full(view: RunView, engine: Any, tiny_disk: Path) -> None:
    with pytest.raises(OutputError, match="no room left"):
        write(view, engine, tiny_disk)
    assert list(tiny_disk.iterdir()) == []


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (PermissionError(errno.EACCES, "denied", "x"), "no right to write"),
        (OSError(errno.EROFS, "read-only", "x"), "no right to write"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "x"), "Not a directory"),
        (RuntimeError("IO Error: could not write: No space left on device"), "no room left"),
    ],
)
def test_what_the_system_says_becomes_a_place_and_a_mend(problem: Exception, said: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=said) as told, writing(tmp_path):
        raise problem
    assert told.value.mend
    assert told.value.__cause__ is problem


def test_an_error_that_is_not_about_files_stays_itself(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="broke"), writing(tmp_path):
        raise ValueError("an analysis broke")


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("I am a file")
    with pytest.raises(OutputError, match="runs"), RunFolder(tmp_path / "runs", "run"):
        pytest.fail("no work may be done")


def test_rows_set_aside_are_written_and_listed_where_there_are_any(small: RunView, engine: Any, tmp_path: Path) -> None:
    lines = engine.connection.sql("select 'a.csv' as source, 3 as row, 'no id' as reason")
    run = write(small, engine, tmp_path, {"lines": lines, "customers": lines.limit(0)})
    assert [path.name for path in (run / "quarantine").iterdir()] == ["lines.parquet"]
    listed = json.loads((run / "run.json").read_text(encoding="utf-8"))["files"]
    assert listed["quarantine/lines.parquet"] == 1


def test_a_run_that_was_being_replaced_in_a_kill_comes_back(small: RunView, engine: Any, tmp_path: Path) -> None:
    run = write(small, engine, tmp_path)
    dead = subprocess.Popen(["true"])
    dead.wait()
    hidden = run.rename(tmp_path / f".replaced-{run.name}-{run_folder._host()}-{dead.pid}")
    assert prepare(tmp_path) == [hidden.name]
    assert latest_run(tmp_path) == run.resolve()


def test_a_place_without_the_right_to_write_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, "denied", str(path))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(OutputError, match="no right to write"):
        prepare(tmp_path / "runs")


def test_the_newest_other_run_of_the_same_data_is_compared_with(small: RunView, engine: Any, tmp_path: Path) -> None:
    def made(name: str, **parts: Any) -> RunView:
        run = replace(small, run_id=name, **parts)
        write(run, engine, tmp_path)
        return run

    assert find_earlier(tmp_path / "none", small) is None
    made("november", as_of=date(2011, 11, 9))
    december = made("december", as_of=date(2011, 12, 9))
    made("another", dataset="Another shop", as_of=date(2011, 12, 1))
    made("broken", as_of=date(2011, 12, 1))
    (tmp_path / "broken" / "findings.json").write_text("{")

    def found(view: RunView) -> str:
        earlier = find_earlier(tmp_path, view)
        return earlier.run_id if earlier else ""

    assert found(december) == "november"
    assert found(replace(small, run_id="january", as_of=date(2012, 1, 9))) == "december"
    assert found(replace(small, run_id="october", as_of=date(2011, 10, 9))) == ""
    given = find_earlier(tmp_path, december, tmp_path / "another")
    assert given is not None
    assert given.run_id == "another"
    with pytest.raises(SourceError):
        find_earlier(tmp_path, december, tmp_path / "broken")
