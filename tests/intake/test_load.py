"""What is done to data on their way in depends on what they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars import pipeline

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
[dataset]
name = "Shop"
currency = "EUR"
[tables.orders]
source = "orders.csv"
columns = { order_id = "id", customer_id = "who", ordered_at = "at", amount = "amount" }
"""


def test_one_answer_is_given_without_looking_into_the_quality_of_the_data(tmp_path: Path) -> None:
    rows = [f"{number},{number % 40},2024-{1 + number % 12:02d}-05,{number % 9}.5" for number in range(200)]
    (tmp_path / "orders.csv").write_text("\n".join(["id,who,at,amount", *rows]), encoding="utf-8")
    (tmp_path / "regulars.toml").write_text(SETTINGS, encoding="utf-8")
    settings = pipeline.read_settings(tmp_path / "regulars.toml")
    asked: list[str] = []
    with pipeline.one_result(settings, "rfm", asked.append) as (result, _):
        assert result.analysis == "rfm"
    checked: list[str] = []
    assert pipeline.check(settings, checked.append).checks
    assert ("checking" in checked, "checking" in asked) == (True, False)
