"""The guesser against real exports, a world of its own, and what people do to files."""

from __future__ import annotations

import csv
import gzip
import itertools
import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regulars.intake.guessing.guesser import FileSample, Guesses, guess

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 1000

# -- the real data sets, and what their columns are (written down by hand) ---------------------------

EXPECTED: dict[str, str] = {
    "online_retail": """lines.order_id=InvoiceNo lines.product_id=StockCode lines.quantity=Quantity
        lines.ordered_at=InvoiceDate lines.unit_price=UnitPrice lines.customer_id=CustomerID
        customers.customer_id=CustomerID customers.country=Country
        products.product_id=StockCode products.name=Description""",
    "cdnow": """orders.customer_id=customer_id orders.ordered_at=date orders.quantity=number_of_cds
        orders.amount=dollar_value""",
    "cdnow_summary": "customers.customer_id=ID",
    "completejourney": """lines.order_id=basket_id lines.customer_id=household_id
        lines.ordered_at=transaction_timestamp lines.product_id=product_id lines.quantity=quantity
        lines.paid=sales_value lines.discount=retail_disc lines.store_id=store_id
        customers.customer_id=household_id customers.age_band=age customers.income_band=income
        products.product_id=product_id products.category=product_category products.brand=brand
        campaigns.campaign_id=campaign_id campaigns.kind=campaign_type campaigns.starts_on=start_date
        campaigns.ends_on=end_date contacts.customer_id=household_id contacts.campaign_id=campaign_id""",
    "marketing_campaign": """customers.customer_id=ID customers.birth_year=Year_Birth customers.income=Income
        customers.joined_on=Dt_Customer contacts.customer_id=ID contacts.campaign_id=AcceptedCmp*+Response
        category_spend.customer_id=ID category_spend.category=Mnt*""",
    "marketing_campaign_variant": """customers.customer_id=ID customers.birth_year=Year_Birth customers.income=Income
        customers.joined_on=Dt_Customer contacts.customer_id=ID contacts.campaign_id=AcceptedCmp*+Response
        category_spend.customer_id=ID category_spend.category=Mnt*""",
    "hillstrom": "contacts.arm=segment",
    "retail_10k": """lines.order_id=Transaction_id lines.customer_id=Customer_id lines.ordered_at=Transaction_date
        lines.product_id=Product_id lines.quantity=Quantity lines.unit_price=Unit_price
        customers.customer_id=Customer_id customers.gender=Gender customers.age=Age customers.city=City
        customers.country=Country contacts.customer_id=Customer_id contacts.arm=Group""",
    "groceries": "lines.customer_id=Member_number lines.ordered_at=Date lines.product_id=itemDescription",
    "movie_tickets": """customers.customer_id=user_id customers.gender=usergender customers.birth_date=dob
        campaigns.campaign_id=campaign_code campaigns.kind=campaign_type devices.device_id=device_id
        devices.model=model devices.platform=platform statuses.status_id=status_id
        statuses.description=description statuses.error_group=error_group""",
    "referral_fithub": """referrals.customer_id=referee_id referrals.sponsor_id=referrer_id
        referrals.joined_on=referral_at customers.customer_id=user_id orders.order_id=transaction_id
        orders.ordered_at=transaction_at orders.store_id=transaction_location
        orders.status_id=transaction_status""",
    "monthly_series": "",
    "cinema": """orders.order_id=ticket_id orders.customer_id=customer_id orders.payment_method=paying_method
        orders.store_id=theater_name orders.device_id=device_number orders.amount=original_price
        orders.discount=discount_value orders.paid=final_price orders.ordered_at=time
        orders.status_id=status_id orders.campaign_id=campaign_id orders.product_id=movie_name
        customers.customer_id=customer_id customers.gender=usergender customers.birth_date=dob
        campaigns.campaign_id=campaign_id campaigns.kind=campaign_type devices.device_id=device_number
        devices.model=model devices.platform=platform statuses.status_id=status_id
        statuses.description=description statuses.error_group=error_group products.product_id=film_name
        products.category=genre products.released_on=released_on""",
}


def read_csv(path: Path, delimiter: str = ",", encoding: str = "utf-8-sig") -> FileSample:
    with gzip.open(path, "rt", encoding=encoding) if path.suffix == ".gz" else path.open(encoding=encoding) as file:
        reader = csv.DictReader(file, delimiter=delimiter)
        rows = list(itertools.islice(reader, ROWS + 1))
    return FileSample(path.name, tuple(reader.fieldnames or ()), rows[:ROWS], len(rows) if len(rows) <= ROWS else None)


def read_blanks(path: Path) -> FileSample:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        header, *rows = (line.split() for line in itertools.islice(file, ROWS + 1))
    return FileSample(path.name, tuple(header), [dict(zip(header, row, strict=True)) for row in rows])


def read_parquet(path: Path) -> FileSample:
    file = pq.ParquetFile(path)
    batch = next(file.iter_batches(ROWS))
    return FileSample(path.name, tuple(file.schema_arrow.names), pa.Table.from_batches([batch]), file.metadata.num_rows)


def samples(name: str, datasets: Path) -> list[FileSample]:
    if name == "cinema":
        return cinema()
    if name == "online_retail":
        return [read_csv(datasets / name / "OnlineRetail.csv.gz", encoding="latin-1")]
    if name == "cdnow":
        return [read_blanks(datasets / name / "CDNOW_master.txt.gz")]
    if name == "cdnow_summary":
        return [read_csv(datasets / "cdnow" / "cdnow_customers_summary_with_transactions.csv")]
    if name == "completejourney":
        return [read_parquet(path) for path in sorted((datasets / name).glob("*.parquet"))]
    if name == "marketing_campaign":
        return [read_csv(datasets / name / "marketing_campaign.csv", ";")]
    if name == "marketing_campaign_variant":
        return [read_csv(datasets / "marketing_campaign" / "variant_comma_ddmmyyyy.csv")]
    if name == "groceries":
        return [read_csv(datasets / name / "Groceries_dataset.csv")]
    if name == "monthly_series":
        published = [datasets / "movie_tickets" / f"published_{one}.csv" for one in ("monthly", "campaign_returns")]
        return [read_csv(datasets / name / "example_retail_sales.csv"), *map(read_csv, published)]
    folder = datasets / "movie_tickets" / "raw" if name == "movie_tickets" else datasets / name
    return [read_csv(path) for path in sorted(folder.glob("*.csv*"))]


def found(guesses: Guesses) -> dict[str, str]:
    """Every mapping as "table.canonical=column", with the word for how sure it is."""
    pairs = {
        f"{table.table}.{one.canonical}={one.column}": one.word for table in guesses.tables for one in table.columns
    }
    for table in guesses.tables:
        if table.unpivot:
            pairs[f"{table.table}.{table.unpivot.name}={'+'.join(table.unpivot.columns)}"] = table.word
    return pairs


@pytest.fixture(scope="module")
def guesses(datasets: Path) -> dict[str, Guesses]:
    return {name: guess(samples(name, datasets)) for name in EXPECTED}


def test_precision_and_recall_over_the_real_data(guesses: dict[str, Guesses]) -> None:
    right = guessed = expected = 0
    wrong_but_sure, report = [], []
    for name, text in EXPECTED.items():
        wanted, got = set(text.split()), found(guesses[name])
        right += len(wanted & set(got))
        guessed += len(got)
        expected += len(wanted)
        wrong_but_sure += [f"{name}: {one}" for one, word in got.items() if one not in wanted and word == "sure"]
        report.append(f"{name}: wrong {sorted(set(got) - wanted)}, missed {sorted(wanted - set(got))}")
    assert not wrong_but_sure
    assert right / guessed >= 0.95, "\n".join(report)
    assert right / expected >= 0.95, "\n".join(report)


def test_online_retail_is_lines_and_says_what_looks_odd(guesses: dict[str, Guesses]) -> None:
    lines = guesses["online_retail"].table("lines")
    assert lines is not None
    assert lines.word == "sure"
    assert {one.word for one in lines.columns} == {"sure"}
    assert [one.rule for one in lines.exclude] == ["order_id starts with C", "quantity <= 0", "unit_price <= 0"]
    # The first thousand rows are all of one day, 12/1/10: no one may decide that.
    assert dict(lines.dates)["InvoiceDate"].order == "undecided"
    assert "decimal comma" in next(one.reason for one in lines.columns if one.canonical == "unit_price")


def test_orders_of_one_row_each_are_no_lines(guesses: dict[str, Guesses]) -> None:
    assert [table.table for table in guesses["cdnow"].tables] == ["orders"]
    assert guesses["cinema"].table("lines") is None


def test_completejourney_says_what_is_left_out(guesses: dict[str, Guesses]) -> None:
    cj = guesses["completejourney"]
    assert {one.path for one in cj.unused} == {"coupon_redemptions.parquet", "coupons.parquet"}
    lines = cj.table("lines")
    assert lines is not None
    assert {"coupon_disc", "coupon_match_disc", "week"} <= {one.column for one in lines.left_out}
    paid = next(one for one in lines.columns if one.canonical == "paid")
    assert "retail_disc is larger in some rows" in paid.reason
    customers = cj.table("customers")
    assert customers is not None
    assert {"home_ownership", "marital_status", "kids_count"} <= set(customers.further)


@pytest.mark.parametrize("name", ["marketing_campaign", "marketing_campaign_variant"])
def test_wide_profiles_become_three_tables(guesses: dict[str, Guesses], name: str) -> None:
    spend, contacts = guesses[name].table("category_spend"), guesses[name].table("contacts")
    assert spend is not None
    assert spend.unpivot is not None
    assert (spend.unpivot.columns, spend.unpivot.strip, spend.unpivot.value) == (("Mnt*",), "Mnt", "amount")
    assert contacts is not None
    assert contacts.unpivot is not None
    assert contacts.unpivot.columns == ("AcceptedCmp*", "Response")
    assert contacts.unpivot.value == "responded"
    customers = guesses[name].table("customers")
    assert customers is not None
    assert "Education" in customers.further
    assert not {"MntWines", "AcceptedCmp1", "Response", "Z_CostContact"} & set(customers.further)


def test_date_orders_are_proven_by_the_values(guesses: dict[str, Guesses]) -> None:
    def order(name: str, table: str, column: str) -> str:
        chosen = guesses[name].table(table)
        assert chosen is not None
        return dict(chosen.dates)[column].order

    assert order("marketing_campaign_variant", "customers", "Dt_Customer") == "day_first"
    assert order("groceries", "lines", "Date") == "day_first"
    assert order("retail_10k", "lines", "Transaction_date") == "month_first"
    assert order("marketing_campaign", "customers", "Dt_Customer") == ""


def test_an_experiment_keeps_its_outcomes(guesses: dict[str, Guesses]) -> None:
    (contacts,) = guesses["hillstrom"].tables
    assert {"visit", "conversion", "spend", "recency", "history"} <= set(contacts.further)
    assert contacts.is_active  # no customer id: the row number stands for it


def test_retail_10k_keeps_percentages_out_of_money_and_sees_the_dollar(guesses: dict[str, Guesses]) -> None:
    retail = guesses["retail_10k"]
    assert retail.currency == "USD"
    lines = retail.table("lines")
    assert lines is not None
    reasons = {one.column: one.reason for one in lines.left_out}
    assert "percentage" in reasons["Discount_percent"]
    assert reasons["Product_category"] == "differs between rows of the same Product_id"
    assert retail.table("products") is None


def test_success_is_told_by_descriptions(guesses: dict[str, Guesses]) -> None:
    for name in ("movie_tickets", "cinema"):
        statuses = guesses[name].table("statuses")
        assert statuses is not None
        assert statuses.success == ("1",)


def test_referrals_without_a_customer_in_the_orders(guesses: dict[str, Guesses]) -> None:
    orders = guesses["referral_fithub"].table("orders")
    assert orders is not None
    assert orders.missing == ("customer_id",)
    assert not orders.is_active
    customers = guesses["referral_fithub"].table("customers")
    assert customers is not None
    assert "personal" in {one.column: one.reason for one in customers.left_out}["phone_number"]


# -- a generated company -----------------------------------------------------------------------------


def made(path: str, count: int, **columns: Any) -> FileSample:
    """A sample from one function of the row number for each column; blanks in names are written as __."""
    names = tuple(name.replace("__", " ") for name in columns)
    makers = list(columns.values())
    rows = [{name: make(number) for name, make in zip(names, makers, strict=True)} for number in range(count)]
    return FileSample(path, names, rows, count)


def days(form: str, seed: int = 1, span: int = 700) -> Any:
    draw = random.Random(seed)
    return lambda _: (datetime(2021, 1, 1) + timedelta(minutes=draw.randrange(span * 1440))).strftime(form)


def one_of(*values: str, seed: int = 2) -> Any:
    draw = random.Random(seed)
    return lambda _: draw.choice(values)


def hexadecimal(kinds: int, seed: int = 3) -> Any:
    draw = random.Random(seed)
    return lambda _: f"{draw.randrange(kinds) * 7919 + 10**9:032x}"


def cinema() -> list[FileSample]:
    draw = random.Random(4)
    price = [(draw.uniform(5, 12), draw.choice((0.0, 0.0, 0.2))) for _ in range(800)]
    return [
        made(
            "ticket_history.csv",
            800,
            ticket_id=lambda i: f"{i * 7919 + 10**9:032x}",
            customer_id=lambda i: str(100_000 + i * 37 % 5000),
            paying_method=one_of("money in app", "bank account", "credit card"),
            theater_name=one_of("Galaxy", "Roxy", "Empire"),
            device_number=hexadecimal(700),
            original_price=lambda i: f"{price[i][0]:.4f}",
            discount_value=lambda i: f"{price[i][0] * price[i][1]:.4f}",
            final_price=lambda i: f"{price[i][0] * (1 - price[i][1]):.4f}",
            time=days("%Y-%m-%d %H:%M:%S"),
            status_id=one_of("1", "1", "1", "-5", "-3"),
            campaign_id=one_of("", "30060", "26650"),
            movie_name=lambda i: f"Film {i * 7 % 60}",
        ),
        made(
            "customer.csv",
            1000,
            customer_id=lambda i: str(100_000 + i * 5),
            usergender=one_of("0", "1", "2"),
            dob=days("%Y-%m-%d"),
        ),
        made(
            "campaign.csv",
            3,
            campaign_id=lambda i: ("30060", "26650", "33870")[i],
            campaign_type=lambda i: ("voucher", "direct discount", "reward point")[i],
        ),
        made(
            "device_detail.csv",
            700,
            device_number=lambda i: f"{i * 7919 + 10**9:032x}",
            model=one_of("iphone 10,1", "sm-a505f"),
            platform=one_of("mobile", "website"),
        ),
        made(
            "status_detail.csv",
            3,
            status_id=lambda i: ("1", "-5", "-3")[i],
            description=lambda i: ("Order successful", "Payment failed", "An error occurred. Please try again.")[i],
            error_group=lambda i: ("", "external", "customer")[i],
        ),
        made(
            "film.csv",
            60,
            film_name=lambda i: f"Film {i}",
            genre=one_of("drama", "comedy"),
            released_on=days("%Y-%m-%d"),
            blockbuster=one_of("0", "1"),
        ),
    ]


def test_values_found_in_another_file_make_a_name_surer() -> None:
    tickets, *others = cinema()
    film = next(one for one in others if one.path == "film.csv")

    def movie_name(files: list[FileSample]) -> tuple[float, str]:
        orders = guess(files).table("orders")
        assert orders is not None
        one = next(one for one in orders.columns if one.canonical == "product_id")
        return one.confidence, one.reason

    alone, together = movie_name([tickets]), movie_name([tickets, film])
    assert together[0] > alone[0]
    assert "found in film_name of film.csv" in together[1]
    assert "film.csv" not in alone[1]


def test_ids_with_a_name_that_says_nothing_are_found_by_their_values() -> None:
    orders = made(
        "sales.csv",
        300,
        order_id=str,
        ref=lambda i: f"K{i % 40 + 100}",
        date=days("%Y-%m-%d"),
        total=lambda i: f"{i / 7:.2f}",
    )
    customers = made("customers.csv", 40, customer_id=lambda i: f"K{i + 100}", country=one_of("DE", "AT"))
    chosen = guess([orders, customers]).table("orders")
    assert chosen is not None
    assert chosen.mapping["customer_id"] == "ref"
    assert all(one.word != "sure" for one in chosen.columns if one.canonical == "customer_id")
