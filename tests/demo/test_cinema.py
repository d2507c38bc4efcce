"""The demo world `cinema`: its published figures hold, its truth is what the files say."""

from __future__ import annotations

import json
import tomllib
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pytest

from regulars.demo.cinema import figures
from regulars.demo.cinema.process import RETRY_SHARE
from regulars.demo.world import worlds
from regulars.errors import RegularsError

if TYPE_CHECKING:
    from pathlib import Path

    from regulars.demo.world import Truth

ROWS = 30_000  # two blocks of buyers

COLUMNS = {
    "ticket_history": [
        "ticket_id", "customer_id", "paying_method", "theater_name", "device_number", "original_price",
        "discount_value", "final_price", "time", "status_id", "campaign_id", "movie_name",
    ],
    "customer": ["user_id", "usergender", "dob"],
    "campaign": ["campaign_code", "campaign_type"],
    "device_detail": ["device_id", "model", "platform"],
    "status_detail": ["status_id", "status_name", "description", "error_group"],
    "film": ["film_name", "genre", "released_on", "blockbuster"],
}  # fmt: skip


class Files:
    """A written world, asked in SQL and independently of the code that wrote it."""

    def __init__(self, truth: Truth) -> None:
        self.directory = truth.directory
        self.facts: dict[str, Any] = json.loads((truth.directory / "truth.json").read_text(encoding="utf-8"))
        self._connection = duckdb.connect()
        for name in COLUMNS:
            path = truth.directory / f"{name}.csv"
            self._connection.execute(f"CREATE TABLE {name} AS SELECT * FROM read_csv('{path}')")
        parquet = truth.directory / "truth_customers.parquet"
        self._connection.execute(f"CREATE TABLE truth_customers AS SELECT * FROM '{parquet}'")
        self._connection.execute("""
            CREATE TABLE sales AS
            SELECT *, time::DATE AS day, datediff('month', DATE '2019-01-01', time) AS month
            FROM ticket_history WHERE status_id = 1
        """)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._connection.execute(query).fetchall()
        return found

    def one(self, query: str) -> Any:
        return self.rows(query)[0][0]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(worlds()["cinema"].write(tmp_path_factory.mktemp("cinema"), rows=ROWS, seed=7))


# The tables


@pytest.mark.parametrize("table", list(COLUMNS))
def test_columns_are_the_real_ones(files: Files, table: str) -> None:
    assert [row[0] for row in files.rows(f"DESCRIBE {table}")] == COLUMNS[table]


def test_sizes_follow_the_rows_asked_for(files: Files) -> None:
    scale = ROWS / figures.ATTEMPTS
    assert files.one("SELECT count(*) FROM ticket_history") == pytest.approx(ROWS, rel=0.02)
    assert files.one("SELECT count(DISTINCT customer_id) FROM ticket_history") == round(figures.BUYERS * scale)
    assert files.one("SELECT count(*) FROM customer") == round(figures.REGISTERED_CUSTOMERS * scale)
    assert files.one("SELECT count(DISTINCT device_id) FROM device_detail") == round(figures.DEVICES * scale)
    assert files.one("SELECT count(*) FROM film") == 253
    assert files.one("SELECT count(*) FROM campaign") == 211
    assert files.one("SELECT count(*) FROM status_detail") == 8


def test_keys_are_unique_and_references_hold(files: Files) -> None:
    for table, key in (
        ("ticket_history", "ticket_id"),
        ("customer", "user_id"),
        ("campaign", "campaign_code"),
        ("status_detail", "status_id"),
        ("film", "film_name"),
        ("truth_customers", "customer_id"),
    ):
        assert files.one(f"SELECT count(*) - count(DISTINCT {key}) FROM {table}") == 0
    for column, table, key in (
        ("campaign_id", "campaign", "campaign_code"),
        ("status_id", "status_detail", "status_id"),
        ("movie_name", "film", "film_name"),
        ("device_number", "device_detail", "device_id"),
    ):
        unknown = f"SELECT count(*) FROM ticket_history WHERE {column} NOT IN (SELECT {key} FROM {table})"
        assert files.one(unknown) == 0


def test_prices_add_up_and_films_are_seen_after_their_release(files: Files) -> None:
    assert (
        files.one("""
        SELECT count(*) FROM ticket_history
        WHERE abs(original_price - discount_value - final_price) > 0.001 OR discount_value < 0 OR final_price <= 0
    """)
        == 0
    )
    assert files.one("SELECT count(*) FROM ticket_history WHERE (campaign_id IS NULL) AND discount_value > 0") == 0
    early = "SELECT count(*) FROM ticket_history JOIN film ON movie_name = film_name WHERE time < released_on"
    assert files.one(early) == 0


def test_row_counts_are_those_of_the_files(files: Files) -> None:
    for name, count in files.facts["row_counts"].items():
        assert files.one(f"SELECT count(*) FROM {name.removesuffix('.csv')}") == count


# The published figures


def test_status_mix(files: Files) -> None:
    shares = dict(files.rows("SELECT status_id, count(*) / sum(count(*)) OVER () FROM ticket_history GROUP BY 1"))
    assert shares[1] == pytest.approx(0.864, abs=0.012)
    for status, count in figures.FAILED_STATUS_ATTEMPTS.items():
        assert shares[status] == pytest.approx(count / 154_647, abs=0.006)


def test_campaigns_and_prices(files: Files) -> None:
    assert files.one("SELECT avg((campaign_id IS NOT NULL)::INT) FROM ticket_history") == pytest.approx(
        0.592, abs=0.015
    )
    assert files.one("SELECT avg(final_price) FROM ticket_history") == pytest.approx(7.76, abs=0.15)
    discount = files.one("SELECT sum(discount_value) / sum(original_price) FROM ticket_history")
    assert discount == pytest.approx(0.14, abs=0.006)
    kinds = {row[0] for row in files.rows("SELECT DISTINCT campaign_type FROM campaign")}
    assert kinds == {"direct discount", "voucher", "reward point"}


def test_people_days_and_hours(files: Files) -> None:
    gender = dict(
        files.rows("""
            SELECT usergender, count(*) / sum(count(*)) OVER ()
            FROM ticket_history LEFT JOIN customer ON user_id = customer_id GROUP BY 1
        """)
    )
    assert gender[2] == pytest.approx(0.4616, abs=0.015)
    assert gender[1] == pytest.approx(0.4366, abs=0.015)
    counted = files.rows("SELECT count(*) FROM ticket_history GROUP BY isodow(time) ORDER BY isodow(time)")
    weekdays = np.array(counted).ravel()
    published = np.array(figures.WEEKDAY_ATTEMPTS)
    assert weekdays / weekdays.sum() == pytest.approx(published / published.sum(), abs=0.012)
    hours = dict(files.rows("SELECT hour(time), count(*) FROM ticket_history GROUP BY 1"))
    assert (min(hours), max(hours)) == (9, 23)
    assert max(hours, key=lambda hour: hours[hour]) == 19
    methods = dict(files.rows("SELECT paying_method, count(*) / sum(count(*)) OVER () FROM ticket_history GROUP BY 1"))
    assert methods == pytest.approx(figures.PAYMENT_METHODS, abs=0.015)


def test_most_buy_once(files: Files) -> None:
    once = files.one("SELECT avg((n = 1)::INT) FROM (SELECT count(*) AS n FROM ticket_history GROUP BY customer_id)")
    assert once == pytest.approx(0.81, abs=0.012)


def test_the_website_grows_from_2022(files: Files) -> None:
    shares = dict(
        files.rows("""
            SELECT CASE WHEN year(time) < 2022 THEN 'before' WHEN time >= '2022-11-01' THEN 'end' ELSE 'between' END,
                   avg((platform = 'website')::INT)
            FROM ticket_history JOIN (SELECT DISTINCT device_id, platform FROM device_detail)
            ON device_id = device_number GROUP BY 1
        """)
    )
    assert shares["before"] == 0
    assert 0.10 < shares["between"] < shares["end"]
    assert shares["end"] == pytest.approx(0.20, abs=0.025)


def test_monthly_volumes_and_success(files: Files) -> None:
    drawn = {
        month: (count, success)
        for month, count, success in files.rows("""
            SELECT strftime(time, '%Y-%m'), count(*), avg((status_id = 1)::INT) FROM ticket_history GROUP BY 1
        """)
    }
    assert set(drawn) <= {month.year_month for month in figures.MONTHS}
    for month in figures.MONTHS:
        expected = month.attempts * ROWS / figures.ATTEMPTS
        count, success = drawn.get(month.year_month, (0, month.success_share))
        # Repeat purchases and retries spread a little more than independent events would.
        assert abs(count - expected) < 4.5 * (1.6 * expected) ** 0.5
        if count > 0:
            assert abs(success - month.success_share) < 4.5 * (0.25 / count) ** 0.5


def test_returns_by_how_the_customer_was_won(files: Files) -> None:
    for kind, published in zip(
        files.facts["returned_within_90_days"]["kinds"], figures.RETURNED_WITHIN_90_DAYS, strict=True
    ):
        assert kind["expected_share"] == pytest.approx(published, abs=2 * kind["standard_error"])
        assert kind["realised_share"] == pytest.approx(published, abs=4 * kind["standard_error"] + 0.003)


def test_retention_in_the_second_month(files: Files) -> None:
    cohorts = {cohort["first_month"]: cohort for cohort in files.facts["retention"]["cohorts"]}
    for month in ("2019-04", "2019-08", "2022-05", "2022-07", "2022-10"):
        expected = cohorts[month]["expected_returned"][0] / cohorts[month]["customers"]
        assert 0.030 < expected < 0.068


# The dirt


def test_missing_months_are_empty(files: Files) -> None:
    assert files.facts["dirt"]["missing_months"] == ["2020-04", "2021-08", "2021-09"]
    gone = "SELECT count(*) FROM ticket_history WHERE strftime(time, '%Y-%m') IN ('2020-04', '2021-08', '2021-09')"
    assert files.one(gone) == 0


@pytest.mark.parametrize(
    ("name", "query", "share"),
    [
        ("birth_dates_1970-01-01", "SELECT count(*) FROM customer WHERE dob = '1970-01-01'", 0.037),
        ("birth_dates_1980-01-01", "SELECT count(*) FROM customer WHERE dob = '1980-01-01'", 0.0142),
        (
            "birth_dates_impossible",
            "SELECT count(*) FROM customer WHERE year(dob) < 1913 OR year(dob) > 2015",
            0.0016,
        ),
        (
            "device_rows_placeholder_model",
            "SELECT count(*) FROM device_detail WHERE model = 'devicemodel'",
            0.0283,
        ),
        ("device_rows_surplus", "SELECT count(*) - count(DISTINCT device_id) FROM device_detail", 0.01),
        ("device_rows_without_model", "SELECT count(*) FROM device_detail WHERE model IS NULL", 0.0022),
        ("attempts_without_device", "SELECT count(*) FROM ticket_history WHERE device_number IS NULL", 0.047),
        ("attempts_without_campaign", "SELECT count(*) FROM ticket_history WHERE campaign_id IS NULL", 0.408),
        (
            "buyers_missing_from_customers",
            "SELECT count(DISTINCT customer_id) FROM ticket_history"
            " WHERE customer_id NOT IN (SELECT user_id FROM customer)",
            0.003,
        ),
    ],
)
def test_dirt_is_there_as_stated(files: Files, name: str, query: str, share: float) -> None:
    counted = files.one(query)
    assert counted == files.facts["dirt"][name]
    table = {"birt": "customer", "devi": "device_detail", "atte": "ticket_history", "buye": "truth_customers"}[name[:4]]
    rows = files.one(f"SELECT count(*) FROM {table}")
    assert counted / rows == pytest.approx(share, rel=0.04, abs=4 * (share / rows) ** 0.5)


def test_sentinels_stand_out(files: Files) -> None:
    common = files.rows("SELECT dob, count(*) AS n FROM customer GROUP BY 1 ORDER BY n DESC LIMIT 4")
    assert [row[0] for row in common[:3]] == [date(1970, 1, 1), date(1980, 1, 1), date(1990, 1, 1)]
    assert common[3][1] < common[2][1] / 4


def test_repeated_devices_mostly_differ_in_model(files: Files) -> None:
    repeated, differing = files.rows("""
        SELECT count(*), count(*) FILTER (models > 1) FROM (
            SELECT count(DISTINCT coalesce(model, '')) AS models
            FROM device_detail GROUP BY device_id HAVING count(*) > 1
        )
    """)[0]
    assert 0.7 * repeated < differing <= repeated


def test_the_device_break_can_be_found(files: Files) -> None:
    stated = files.facts["dirt"]["device_break"]
    lost = dict(
        files.rows(f"""
            SELECT time::DATE BETWEEN '{stated["starts_on"]}' AND '{stated["ends_on"]}',
                   avg((device_number IS NULL)::INT)
            FROM ticket_history GROUP BY 1
        """)
    )
    assert lost[True] == pytest.approx(stated["share_lost"], abs=0.06)
    assert lost[False] < 0.006


def test_failed_attempts_are_retried_the_same_day(files: Files) -> None:
    failed = files.one("SELECT count(*) FROM ticket_history WHERE status_id <> 1")
    paid_later = files.one("""
        SELECT count(*) FROM ticket_history AS t WHERE status_id <> 1 AND EXISTS (
            SELECT 1 FROM sales AS s WHERE s.customer_id = t.customer_id AND s.day = t.time::DATE
            AND s.time >= t.time AND s.movie_name = t.movie_name AND s.theater_name = t.theater_name
        )
    """)
    assert failed == files.facts["drawn"]["failed_first_attempts"]
    # A regular who fails may by chance buy the like again that day.
    assert paid_later == pytest.approx(files.facts["drawn"]["failed_then_paid_same_day"], abs=3)
    assert paid_later / failed == pytest.approx(RETRY_SHARE, abs=0.03)


# The truth


def test_totals_are_those_of_the_files(files: Files) -> None:
    drawn = files.facts["drawn"]
    assert drawn["successes"] == files.one("SELECT count(*) FROM sales")
    assert drawn["buyers_with_success"] == files.one("SELECT count(DISTINCT customer_id) FROM sales")
    paid = files.one("SELECT sum(final_price) FROM sales")
    with_failed = files.one("SELECT sum(final_price) FROM ticket_history")
    assert drawn["paid_successes"] == pytest.approx(paid, abs=0.01)
    assert drawn["paid_with_failed_attempts"] == pytest.approx(with_failed, abs=0.01)
    assert with_failed > 1.1 * paid


def test_customers_truth_is_that_of_the_tickets(files: Files) -> None:
    segments = dict(files.rows("SELECT segment, count(*) FROM truth_customers GROUP BY 1"))
    assert segments == files.facts["drawn"]["buyers_by_segment"]
    wrong = files.one("""
        SELECT count(*) FROM truth_customers AS c FULL JOIN (
            SELECT customer_id, count(*) AS attempts, count(*) FILTER (status_id = 1) AS orders,
                   min(time)::DATE AS first_on, max(time)::DATE AS last_on
            FROM ticket_history GROUP BY 1
        ) AS t USING (customer_id)
        WHERE attempts IS DISTINCT FROM attempts_count OR orders IS DISTINCT FROM orders_count
           OR first_on IS DISTINCT FROM arrived_on OR last_on > active_until_on
           OR (segment = 'one_timer' AND last_on > arrived_on)
    """)
    assert wrong == 0
    mismatched = files.one("""
        SELECT count(*) FROM truth_customers
        WHERE is_in_customer_table <> (customer_id IN (SELECT user_id FROM customer))
    """)
    assert mismatched == 0


def test_retention_is_that_of_the_files(files: Files) -> None:
    counted = files.rows("""
        WITH first AS (SELECT customer_id, min(month) AS cohort FROM sales GROUP BY 1)
        SELECT cohort, month - cohort, count(DISTINCT customer_id)
        FROM sales JOIN first USING (customer_id) GROUP BY 1, 2
    """)
    recounted = {(cohort, distance): count for cohort, distance, count in counted}
    sizes = {cohort: count for (cohort, distance), count in recounted.items() if distance == 0}
    stated = files.facts["retention"]
    assert len(stated["cohorts"]) == len(sizes)
    for cohort in stated["cohorts"]:
        year, month = map(int, cohort["first_month"].split("-"))
        number = (year - 2019) * 12 + month - 1
        assert cohort["customers"] == sizes[number]
        assert cohort["returned"] == [recounted.get((number, distance), 0) for distance in range(1, 48 - number)]
    for row in stated["all_cohorts"]:
        observed = [cohort for cohort in sizes if cohort + row["months_after"] < 48]
        assert row["customers"] == sum(sizes[cohort] for cohort in observed)
        assert row["returned"] == sum(recounted.get((cohort, row["months_after"]), 0) for cohort in observed)


def test_returns_within_90_days_are_those_of_the_files(files: Files) -> None:
    counted = files.rows("""
        WITH first AS (
            SELECT customer_id, min(day) AS first_on, coalesce(arg_min(campaign_type, time), 'none') AS won_by
            FROM (SELECT * REPLACE (coalesce(campaign_type, 'none') AS campaign_type)
                  FROM sales LEFT JOIN campaign ON campaign_id = campaign_code) GROUP BY 1
        )
        SELECT won_by, count(DISTINCT customer_id),
               count(DISTINCT customer_id) FILTER (day > first_on AND day <= first_on + 90)
        FROM first JOIN sales USING (customer_id) WHERE first_on + 90 <= DATE '2022-12-31' GROUP BY 1
    """)
    stated = {
        row["won_by"]: (row["customers"], row["returned"]) for row in files.facts["returned_within_90_days"]["kinds"]
    }
    assert {won_by: (customers, returned) for won_by, customers, returned in counted} == stated


def test_realised_differs_from_expected_by_chance_alone(files: Files) -> None:
    rows = [row for row in files.facts["retention"]["all_cohorts"] if row["returned"] >= 10]
    rows += files.facts["returned_within_90_days"]["kinds"]
    scores = np.array([(row["realised_share"] - row["expected_share"]) / row["standard_error"] for row in rows])
    assert len(scores) > 25
    assert np.abs(scores).max() < 4
    assert 0.6 < scores.std() < 1.5


def test_planted_events_can_be_recovered(files: Files) -> None:
    """Poisson regression of the day's attempts on month, weekday, holiday and release."""
    days = files.rows("SELECT time::DATE AS day, count(*) FROM ticket_history GROUP BY 1 ORDER BY 1")
    events = files.facts["process"]["events"]
    holidays = {
        date.fromisoformat(period["starts_on"]) + timedelta(after)
        for period in events["holidays"]["periods"]
        for after in range((date.fromisoformat(period["ends_on"]) - date.fromisoformat(period["starts_on"])).days + 1)
    }
    releases = {
        date.fromisoformat(day) + timedelta(after)
        for day in events["releases"]["blockbusters_released_on"]
        for after in range(events["releases"]["days"])
    }
    dates = [day for day, _ in days]
    counts = np.array([count for _, count in days], dtype=float)
    months = np.array([day.year * 12 + day.month for day in dates])
    design = np.column_stack(
        [
            months[:, None] == np.unique(months),
            np.array([day.weekday() for day in dates])[:, None] == np.arange(1, 7),
            [day in holidays for day in dates],
            [day in releases for day in dates],
        ]
    ).astype(float)
    weights = np.zeros(design.shape[1])
    weights[: len(np.unique(months))] = np.log(counts.mean())
    for _ in range(25):
        mean = np.exp(design @ weights)
        weights += np.linalg.solve(design.T @ (design * mean[:, None]), design.T @ (counts - mean))
    holiday, release = np.exp(weights[-2:])
    assert holiday == pytest.approx(events["holidays"]["demand_factor"], rel=0.12)
    assert release == pytest.approx(events["releases"]["demand_factor"], rel=0.06)


def test_blockbusters_are_the_films_stated(files: Files) -> None:
    released = [str(row[0]) for row in files.rows("SELECT released_on FROM film WHERE blockbuster ORDER BY 1")]
    assert released == files.facts["process"]["events"]["releases"]["blockbusters_released_on"]
    gaps = np.diff(np.array(released, dtype="datetime64[D]")).astype(int)
    assert len(released) == 20
    assert gaps.min() >= 35


# Writing


def test_settings_name_files_and_columns_that_exist(files: Files) -> None:
    settings = tomllib.loads((files.directory / "regulars.toml").read_text(encoding="utf-8"))
    assert settings["dataset"]["currency"] == "USD"
    assert len(settings["tables"]) == len(COLUMNS)
    for table in settings["tables"].values():
        assert set(table["columns"].values()) <= set(COLUMNS[table["source"].removesuffix(".csv")])


def test_same_seed_same_bytes_other_seed_other_data(tmp_path: Path) -> None:
    world = worlds()["cinema"]
    for name, seed in (("first", 3), ("again", 3), ("other", 4)):
        world.write(tmp_path / name, rows=2_000, seed=seed)
    names = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert len(names) == 9
    for name in names:
        first, again, other = ((tmp_path / run / name).read_bytes() for run in ("first", "again", "other"))
        assert first == again
        if name not in ("status_detail.csv", "regulars.toml"):
            assert first != other


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RegularsError, match="cannot be drawn with 10 rows"):
        worlds()["cinema"].write(tmp_path / "demo", rows=10)
    assert not (tmp_path / "demo").exists()


def test_the_smallest_world_can_be_drawn(tmp_path: Path) -> None:
    truth = worlds()["cinema"].write(tmp_path, rows=500)
    assert truth.row_counts["ticket_history.csv"] == pytest.approx(500, rel=0.15)


@pytest.mark.truth
def test_the_published_size(tmp_path: Path) -> None:
    files = Files(worlds()["cinema"].write(tmp_path))
    counts = files.rows("""
        SELECT count(DISTINCT customer_id), count(DISTINCT movie_name), count(DISTINCT theater_name),
               count(DISTINCT campaign_id), count(DISTINCT paying_method), count(DISTINCT date_trunc('month', time))
        FROM ticket_history
    """)[0]
    assert counts == (119_477, 253, 179, 211, 5, 45)
    assert files.one("SELECT count(*) FROM customer") == 131_400
    assert files.one("SELECT count(DISTINCT device_id) FROM device_detail") == 126_459
    assert files.one("SELECT count(*) FROM ticket_history") == pytest.approx(154_725, rel=0.006)
    assert files.one("SELECT count(*) FROM sales") == pytest.approx(133_618, rel=0.006)
    assert files.one("SELECT sum(final_price) FROM sales") == pytest.approx(1_032_032, rel=0.01)
    assert files.one("SELECT avg((campaign_id IS NOT NULL)::INT) FROM ticket_history") == pytest.approx(
        0.592, abs=0.006
    )
    for kind, published in zip(
        files.facts["returned_within_90_days"]["kinds"], figures.RETURNED_WITHIN_90_DAYS, strict=True
    ):
        assert kind["expected_share"] == pytest.approx(published, rel=0.05)
