"""What a forecast by category says about stock."""

from __future__ import annotations

from typing import Any

from regulars.measures import stock


def row(group: str, forecast: float, low: float, high: float, change: float | None) -> dict[str, Any]:
    return {"group": group, "forecast": forecast, "low": low, "high": high, "change": change}


SURE = [row("tea", 100.0, 80.0, 125.0, -0.2), row("bread", 60.0, 50.0, 70.0, 0.1)]
UNSURE = [row(name, 500.0, 10.0, 9000.0, 0.5) for name in ("toys", "wine", "garden", "fish", "kites")]


def told(rows: list[dict[str, Any]]) -> Any:
    return stock.findings(rows, "revenue", "the next 28 days", 400, "EUR")


def test_the_most_is_stocked_of_what_can_be_told() -> None:
    found = told(SURE + UNSURE)[0]
    assert (found.key, found.value, found.interval, found.n) == ("forecast.stock", 100.0, (80.0, 125.0), 400)
    assert found.sentence == (
        "Stock for the next 28 days, by category: most for 'tea', €100.00 (€80.00–€125.00); against as long just "
        "before 'bread' rises most (+10.0 %) and 'tea' falls most (−20.0 %). Who stocks for the upper end runs out in "
        "about one case of forty. 'fish', 'garden', 'kites' and 2 others cannot be told well enough (the upper end is "
        "over 4 times the lower): order late and in small lots."
    )


def test_where_nothing_can_be_told_that_is_said() -> None:
    assert told(UNSURE)[0].sentence.startswith("No category can be told well enough to stock up for the next 28 days")
    assert told(SURE[:1]) == []
    assert "rises" not in told([SURE[0], row("bread", 60.0, 50.0, 70.0, None)])[0].sentence
