"""The command line as a user, a scheduler and a clumsy hand meet it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TOOL = [sys.executable, "-c", "from regulars.cli import main; main()"]
ORDERS = "order_id,customer_id,ordered_at,amount,note\n" + "".join(
    f"{n},{n % 40},2024-{1 + n % 12:02d}-{1 + n % 28:02d} 1{n % 10}:00:00,{n % 50}.5,x\n" for n in range(1, 601)
)
SETTINGS = """
[dataset]
name = "Shop <script>alert(1)</script>"
currency = "EUR"
[tables.orders]
source = "orders.csv"
columns = { order_id = "order_id", customer_id = "customer_id", ordered_at = "ordered_at", amount = "amount" }
"""


def regulars(*words: str, cwd: Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*TOOL, *words], cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "orders.csv").write_text(ORDERS, encoding="utf-8")
    (tmp_path / "regulars.toml").write_text(SETTINGS, encoding="utf-8")
    return tmp_path


def test_help_documents_every_command_and_the_exit_codes(tmp_path: Path) -> None:
    told = regulars("--help", cwd=tmp_path)
    assert told.returncode == 0
    for command in ("init", "check", "run", "list", "show", "export", "demo"):
        assert command in told.stdout
        assert regulars(command, "--help", cwd=tmp_path).returncode == 0
    assert "Exit codes" in told.stdout


def test_run_show_export_and_run_again(shop: Path) -> None:
    done = regulars("run", "regulars.toml", "--json", cwd=shop)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    report = shop / told["report"]
    assert report.is_file()
    assert (shop / "runs" / "latest").resolve() == (shop / told["folder"]).resolve()
    assert "<script>alert" not in report.read_text(encoding="utf-8")
    assert json.loads((report.parent / "run.json").read_text(encoding="utf-8"))["row_counts"]["orders"] == 600

    listed = regulars("export", cwd=shop)
    assert "rfm.segments" in listed.stdout
    copied = regulars("export", "rfm.segments", "--out", "segments.csv", cwd=shop)
    assert copied.returncode == 0, copied.stderr
    assert (shop / "segments.csv").read_text(encoding="utf-8").count("\n") > 2

    again = json.loads(regulars("run", "regulars.toml", "--json", cwd=shop).stdout)
    assert again["folder"] == told["folder"]  # the same input is the same run
    assert again["findings"] == told["findings"]

    shown = regulars("show", "rfm", "--json", cwd=shop)
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["analysis"] == "rfm"


def test_piped_output_is_quiet(shop: Path) -> None:
    done = regulars("run", "regulars.toml", "--quiet", cwd=shop)
    assert done.returncode == 0
    assert done.stdout.strip().endswith("report.html")
    assert done.stderr == ""


def test_check_tells_accounts_and_checks(shop: Path) -> None:
    done = regulars("check", "regulars.toml", "--json", cwd=shop)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    (account,) = told["accounts"]
    assert account["read"] == account["accepted"] + account["repaired"] + account["set_aside"] == 600
    assert {"check", "table", "rows", "sentence", "done", "sql"} <= set(told["checks"][0])
    assert not (shop / "runs").exists()


def test_list_says_what_is_missing(shop: Path) -> None:
    rows = json.loads(regulars("list", "regulars.toml", "--json", cwd=shop).stdout)
    assert {row["analysis"] for row in rows} >= {"overview", "rfm", "cohorts"}
    assert next(row for row in rows if row["analysis"] == "rfm")["missing"] == "nothing"
    features = json.loads(regulars("list", "--features", "--json", cwd=shop).stdout)
    assert {"recency_days", "revenue_total"} <= {row["feature"] for row in features}


def test_init_writes_settings_that_run(shop: Path) -> None:
    (shop / "regulars.toml").unlink()
    done = regulars("init", ".", "--name", "Shop", cwd=shop)
    assert done.returncode == 0, done.stderr
    assert regulars("check", "regulars.toml", cwd=shop).returncode == 0
    refused = regulars("init", ".", cwd=shop)
    assert refused.returncode == 2
    assert "--force" in refused.stderr


BROKEN = {
    "no settings file": (None, None, ["run", "nothing.toml"], 2, "regulars init"),
    "not TOML": ("[dataset\n", None, [], 2, "TOML"),
    "unknown section": (SETTINGS + "[rmf]\nlevels = 5\n", None, [], 2, "rfm"),
    "unknown setting": (SETTINGS + "[rfm]\nlevel = 5\n", None, [], 2, "levels"),
    "wrong kind": (SETTINGS + '[rfm]\nlevels = "five"\n', None, [], 2, "whole number"),
    "no such file": (SETTINGS.replace('"orders.csv"', '"order.csv"'), None, [], 3, "orders.csv"),
    "empty file": (SETTINGS, "", [], 3, "orders.csv"),
    "only a header": (SETTINGS, "order_id,customer_id,ordered_at,amount\n", [], 3, "rows"),
    "no such column": (SETTINGS.replace('"amount" }', '"amout" }'), None, [], 2, "amount"),
    "every row set aside": (SETTINGS + 'exclude = ["amount >= 0"]\n', None, [], 4, "amount >= 0"),
    "bad rule": (SETTINGS + 'exclude = ["amount about 3"]\n', None, [], 2, "COLUMN TEST VALUE"),
    "two-way dates": (
        SETTINGS,
        "order_id,customer_id,ordered_at,amount\n1,1,03/04/2024,5\n2,2,05/06/2024,5\n",
        [],
        4,
        "date_order",
    ),
    "bad --set": (SETTINGS, None, ["run", "regulars.toml", "--set", "levels"], 2, "section.key"),
    "no such analysis": (SETTINGS, None, ["run", "regulars.toml", "--only", "rmf"], 2, "rfm"),
    "no such world": (SETTINGS, None, ["demo", "--world", "cinemas"], 2, "cinema"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_input_is_told_with_its_mend(kind: str, shop: Path) -> None:
    settings, orders, words, code, told = BROKEN[kind]
    if settings is not None:
        (shop / "regulars.toml").write_text(settings, encoding="utf-8")
    if orders is not None:
        (shop / "orders.csv").write_text(orders, encoding="utf-8")
    done = regulars(*(words or ["run", "regulars.toml"]), cwd=shop)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert told in done.stderr.replace("\n", " ")
    assert "→" in done.stderr
    assert not list(shop.glob("runs/*/report.html"))


def test_two_problems_are_told_at_once(shop: Path) -> None:
    broken = SETTINGS.replace('"amount" }', '"amout" }').replace('order_id = "order_id"', 'order_id = "oder_id"')
    (shop / "regulars.toml").write_text(broken, encoding="utf-8")
    done = regulars("run", "regulars.toml", cwd=shop)
    assert done.returncode == 2
    assert "amout" in done.stderr
    assert "oder_id" in done.stderr


def test_an_unwritable_place_is_told(shop: Path) -> None:
    (shop / "runs").write_text("a file, not a folder", encoding="utf-8")
    done = regulars("run", "regulars.toml", cwd=shop)
    assert done.returncode == 7, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_leaves_nothing_half_done(sign: signal.Signals, shop: Path) -> None:
    first = json.loads(regulars("run", "regulars.toml", "--json", cwd=shop).stdout)
    (shop / "orders.csv").write_text(ORDERS + "601,1,2024-12-30 10:00:00,3,x\n", encoding="utf-8")
    going = subprocess.Popen([*TOOL, "run", "regulars.toml"], cwd=shop, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not list((shop / "runs").glob(".unfinished-*")) and going.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    going.send_signal(sign)
    going.communicate(timeout=60)
    if going.returncode == 0:
        pytest.skip("the run was over before the signal came")
    assert going.returncode == (130 if sign == signal.SIGINT else -signal.SIGKILL)
    whole = [path.parent.name for path in (shop / "runs").glob("[!.]*/run.json")]
    assert set(whole) == {Path(first["folder"]).name, "latest"}
    assert (shop / "runs" / "latest").resolve().name == Path(first["folder"]).name
    assert regulars("run", "regulars.toml", cwd=shop).returncode == 0
    assert not list((shop / "runs").glob(".unfinished-*"))


def test_formulas_and_markup_are_inert(tmp_path: Path) -> None:
    hostile = ["=cmd()", "+1+1", "@SUM(A1)", "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "مرحبا 🙂"]
    names = [f"{hostile[n % 6]} {n % 60}".replace('"', '""') for n in range(600)]
    rows = "".join(f'{n},"{name}",2024-{1 + n % 12:02d}-{1 + n % 28:02d},{5 + n % 7}\n' for n, name in enumerate(names))
    (tmp_path / "orders.csv").write_text("order_id,customer_id,ordered_at,amount\n" + rows, encoding="utf-8")
    (tmp_path / "regulars.toml").write_text(SETTINGS, encoding="utf-8")
    done = regulars("run", "regulars.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "runs" / "latest" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page.lower()
    assert "<img src=x" not in page
    audiences = list((tmp_path / "runs" / "latest" / "audiences").glob("*.csv"))
    assert audiences
    for path in audiences:
        for line in path.read_text(encoding="utf-8-sig").splitlines():
            assert line.lstrip('"')[:1] not in ("=", "+", "@"), line
