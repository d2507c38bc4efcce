"""The figures the world `cinema` is drawn to are the published ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pytest

from regulars.demo.cinema import figures

if TYPE_CHECKING:
    from pathlib import Path


def test_the_figures_are_the_published_ones(datasets: Path) -> None:
    table = arrow_csv.read_csv(
        datasets / "movie_tickets" / "published_monthly.csv",
        convert_options=arrow_csv.ConvertOptions(column_types={"year_month": pa.string()}),
    )
    ours = [(m.year_month, m.attempts, m.successes, m.revenue) for m in figures.MONTHS if m.published]
    assert ours == [tuple(row.values()) for row in table.to_pylist()]
    kinds = {
        row["campaign_type"]: row
        for row in arrow_csv.read_csv(datasets / "movie_tickets" / "published_campaign_returns.csv").to_pylist()
    }
    for place, kind in enumerate(figures.WON_BY):
        assert figures.NEW_BUYERS[place] == kinds[kind]["new_customers"]
        assert figures.RETURNED_WITHIN_90_DAYS[place] == pytest.approx(kinds[kind]["returned_90d"], abs=1e-5)


def test_own_months_complete_the_published_totals() -> None:
    assert len(figures.MONTHS) == 45
    assert sum(month.attempts for month in figures.MONTHS) == 154_725
    assert sum(month.successes for month in figures.MONTHS) == 133_618
    assert sum(month.revenue for month in figures.MONTHS) == pytest.approx(1_032_032, abs=15)
