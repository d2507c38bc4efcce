from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from regulars.analyses.checkout import Checkout
from regulars.errors import DataError, SettingsError

MakeDataset = Callable[..., Any]
STATUSES = [
    {"status_id": "1", "description": "paid", "error_group": None, "is_success": True},
    {"status_id": "-2", "description": "no money", "error_group": "customer", "is_success": False},
    {"status_id": "-3", "description": "bank away", "error_group": "external", "is_success": False},
]


def attempt(customer: int, at: str, status: str, value: float = 10.0, payment: str = "card") -> dict[str, Any]:
    return {
        "customer_id": f"c{customer:03}", "ordered_at": at, "status_id": status, "paid": value,
        "payment_method": payment,
    }  # fmt: skip


def shop() -> list[dict[str, Any]]:
    """40 get through; 40 fail twice and then pay within the hour; 40 fail and never pay, half of them by wallet."""
    rows = [attempt(n, "2024-01-05 10:00:00", "1") for n in range(40)]
    for n in range(100, 140):
        rows += [attempt(n, "2024-01-05 10:00:00", "-2", 30.0), attempt(n, "2024-01-05 10:10:00", "-3", 20.0)]
        rows.append(attempt(n, "2024-01-05 10:30:00", "1", 20.0))
    rows += [attempt(200 + n, "2024-01-05 11:00:00", "-3", 7.0, ("card", "wallet")[n % 2]) for n in range(40)]
    rows.append(attempt(301, "2024-01-05 10:00:00", "1"))  # known as a customer
    return [*rows, attempt(300, "2024-06-30 10:00:00", "1"), attempt(301, "2024-06-25 10:00:00", "-2", 99.0)]


@pytest.fixture
def result(make_dataset: MakeDataset) -> Any:
    return Checkout().run(make_dataset({"orders": shop(), "statuses": STATUSES}))


def rows(result: Any, table: str, **chosen: Any) -> list[dict[str, Any]]:
    found = result.table(table).to_arrow().to_pylist()
    return [row for row in found if all(row[name] == value for name, value in chosen.items())]


def test_how_attempts_end(result: Any) -> None:
    found = {row["status"]: (row["error_group"], row["attempts"]) for row in rows(result, "statuses")}
    assert found == {
        "1: paid": ("success", 82), "-3: bank away": ("external", 80), "-2: no money": ("customer", 41)
    }  # fmt: skip
    assert sum(row["attempt_share"] for row in rows(result, "statuses")) == pytest.approx(1.0)


def test_what_is_lost_counts_an_occasion_once(result: Any) -> None:
    """Failing twice on a day is one occasion, worth its largest attempt; a failure five days before the end is open."""
    row = rows(result, "failures", dimension="everything")[0]
    assert (row["orders"], row["value"], row["lost"]) == (80, 40 * 30.0 + 40 * 7.0, 40 * 7.0)
    assert row["back_1h_share"] == row["back_24h_share"] == 0.5
    assert rows(result, "failures", dimension="error_group", group="customer")[0]["back_24h_share"] == 1.0


def test_success_by_payment_method(result: Any) -> None:
    wallet = rows(result, "by_group", dimension="payment_method", group="wallet")[0]
    assert (wallet["orders"], wallet["customers"], wallet["too_few"]) == (20, 20, True)
    card = rows(result, "by_group", dimension="payment_method", group="card")[0]
    assert card["success_share"] == pytest.approx(82 / 183)


def test_only_those_whose_last_attempt_failed_lately_are_written_to(result: Any) -> None:
    members = result.audiences[0].members.to_pyarrow().to_pylist()
    assert [(row["customer_id"], row["score"], row["days_since"]) for row in members] == [("c301", 99.0, 5)]
    assert members[0]["reason"] == "the last attempt failed 5 days ago (-2: no money)"


def test_alike_customers_are_compared(make_dataset: MakeDataset) -> None:
    """Wallets return more and fail more: within a payment method, failing makes no difference."""
    sold = []
    for n in range(400):
        is_wallet, fails = n % 2 == 0, (n // 2) % 10 < (8 if n % 2 == 0 else 2)
        payment = "wallet" if is_wallet else "card"
        sold.append(attempt(n, "2024-01-05 10:00:00", "-3" if fails else "1", payment=payment))
        if is_wallet and (n // 20) % 2 == 0:
            sold.append(attempt(n, "2024-02-05 10:00:00", "1", payment=payment))
    sold.append(attempt(900, "2024-06-30 10:00:00", "1"))
    result = Checkout().run(make_dataset({"orders": sold, "statuses": STATUSES}))
    row = rows(result, "returns", first_day="failed")[0]
    assert row["naive"] > 0.2
    assert row["difference"] == pytest.approx(0.0, abs=1e-9)
    assert row["difference_low"] < 0 < row["difference_high"]


def test_without_failures_there_is_nothing_to_say(make_dataset: MakeDataset) -> None:
    with pytest.raises(DataError, match="no attempt failed"):
        Checkout().run(make_dataset({"orders": shop()[:40], "statuses": STATUSES}))
    with pytest.raises(SettingsError, match="return_days"):
        Checkout(return_days=0)
